//! Finds what a source file of the library names from other top-level modules, however it spells
//! the way there: `crate::a::b`, `super::super::a`, `use crate::{a::b, c}`.

use crate::lexer::{Kind, Token};

/// One mention of a top-level module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) module: String,
    pub(crate) line: usize,
}

/// The module path of a source file below `src/`: `sip/header/via.rs` is `sip::header::via`.
pub(crate) fn module_of(file: &str) -> Vec<String> {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let mut path: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        path.pop();
    }
    path
}

/// Every top-level module that the tokens of `file` name by a path from the crate's root.
pub(crate) fn mentions(file: &str, tokens: &[Token]) -> Vec<Mention> {
    let mut scan = Scan { file: module_of(file), inline: Vec::new(), depth: 0, out: Vec::new() };
    let mut at = 0;
    while at < tokens.len() {
        at = scan.step(tokens, at);
    }
    scan.out
}

struct Scan {
    file: Vec<String>,
    /// Inline modules that are open, each with the brace depth outside it.
    inline: Vec<(String, usize)>,
    depth: usize,
    out: Vec<Mention>,
}

impl Scan {
    fn step(&mut self, tokens: &[Token], at: usize) -> usize {
        let token = &tokens[at];
        if token.is_mark('{') {
            self.depth += 1;
        } else if token.is_mark('}') {
            self.depth = self.depth.saturating_sub(1);
            if self.inline.last().is_some_and(|(_, outside)| *outside == self.depth) {
                self.inline.pop();
            }
        } else if token.is_word("mod")
            && let Some(name) = tokens.get(at + 1).and_then(Token::word)
            && tokens.get(at + 2).is_some_and(|t| t.is_mark('{'))
        {
            self.inline.push((name.to_owned(), self.depth));
            self.depth += 1;
            return at + 3;
        } else if starts_path(tokens, at) {
            let mut base: Vec<String> = Vec::new();
            match token.word() {
                Some("crate" | "tagus") => {}
                _ => {
                    base.clone_from(&self.file);
                    base.extend(self.inline.iter().map(|(name, _)| name.clone()));
                    if token.is_word("super") {
                        base.pop();
                    }
                }
            }
            return self.tree(tokens, at + 2, &base);
        }
        at + 1
    }

    /// Reads what follows a `::`; `base` is where the path stands.
    fn tree(&mut self, tokens: &[Token], at: usize, base: &[String]) -> usize {
        let Some(token) = tokens.get(at) else { return at };
        if token.is_mark('{') {
            let mut next = at + 1;
            while next < tokens.len() && !tokens[next].is_mark('}') {
                next = if tokens[next].is_mark(',') {
                    next + 1
                } else {
                    self.tree(tokens, next, base).max(next + 1)
                };
            }
            return next + 1;
        }
        let Some(word) = token.word() else { return at };
        if word == "super" {
            let mut up = base.to_vec();
            up.pop();
            let follows = tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Colons);
            return if follows { self.tree(tokens, at + 2, &up) } else { at + 1 };
        }
        if word == "self" {
            let follows = tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Colons);
            return if follows { self.tree(tokens, at + 2, base) } else { at + 1 };
        }
        // A macro lives at the crate's root whichever module wrote it.
        let is_macro = tokens.get(at + 1).is_some_and(|t| t.is_mark('!'));
        if !is_macro {
            let module = base.first().map_or(word, String::as_str).to_owned();
            self.out.push(Mention { module, line: token.line });
        }
        // The rest of the path names things inside that module; a group inside it may go on with
        // `super`, which `rest` follows.
        self.rest(tokens, at + 1, base, word)
    }

    fn rest(&mut self, tokens: &[Token], at: usize, base: &[String], word: &str) -> usize {
        if tokens.get(at).is_some_and(|t| t.is_word("as")) {
            return at + 2;
        }
        if tokens.get(at).is_none_or(|t| t.kind != Kind::Colons) {
            return at;
        }
        let mut deeper = base.to_vec();
        deeper.push(word.to_owned());
        let next = &tokens.get(at + 1);
        match next {
            Some(token) if token.is_mark('{') || token.word().is_some() => {
                self.tree(tokens, at + 1, &deeper)
            }
            // `::<T>` or `::*`
            _ => at + 1,
        }
    }
}

/// Whether `crate::`, `super::`, `self::` (or, in the binary, `tagus::`) begins here.
fn starts_path(tokens: &[Token], at: usize) -> bool {
    let roots = ["crate", "super", "self", "tagus"];
    let inside = at > 0 && tokens[at - 1].kind == Kind::Colons;
    !inside
        && tokens[at].word().is_some_and(|word| roots.contains(&word))
        && tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Colons)
}
