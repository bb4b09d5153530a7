//! Just enough of Rust's grammar to read paths: comments, strings and characters are dropped, so
//! that a module named in prose or in a literal is not an import.

/// A token that matters to paths, with the line that it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: usize,
}

/// What a [`Token`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or keyword; `r#type` is `type`.
    Word(String),
    /// `::`
    Colons,
    /// Any other single character.
    Mark(char),
}

impl Token {
    /// Whether this is the word `text`.
    pub(crate) fn is_word(&self, text: &str) -> bool {
        matches!(&self.kind, Kind::Word(word) if word == text)
    }

    /// Whether this is the character `mark`.
    pub(crate) fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    /// The word, if it is one.
    pub(crate) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Splits a source file into tokens.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut out = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        let rest = &chars[at..];
        let kind = match rest {
            ['/', '/', ..] => {
                at += rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
                None
            }
            ['/', '*', ..] => {
                at += block_comment(rest);
                None
            }
            ['"', ..] => {
                at += quoted(rest, '"');
                None
            }
            ['b' | 'c', '"', ..] => {
                at += 1 + quoted(&rest[1..], '"');
                None
            }
            ['b', '\'', ..] => {
                at += 1 + quoted(&rest[1..], '\'');
                None
            }
            ['\'', ..] => {
                at += character_or_lifetime(rest);
                None
            }
            [':', ':', ..] => {
                at += 2;
                Some(Kind::Colons)
            }
            _ if raw_string(rest).is_some() => {
                at += raw_string(rest).unwrap_or(1);
                None
            }
            ['r', '#', c, ..] if is_word_start(*c) => {
                at += 2 + word_length(&rest[2..]);
                Some(Kind::Word(chars[start + 2..at].iter().collect()))
            }
            [c, ..] if is_word_start(*c) => {
                at += word_length(rest);
                Some(Kind::Word(chars[start..at].iter().collect()))
            }
            [c, ..] => {
                at += 1;
                (!c.is_whitespace()).then_some(Kind::Mark(*c))
            }
            [] => None,
        };
        if let Some(kind) = kind {
            out.push(Token { kind, line });
        }
        line += chars[start..at].iter().filter(|c| **c == '\n').count();
    }
    out
}

fn is_word_start(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn word_length(rest: &[char]) -> usize {
    rest.iter().position(|c| !is_word_start(*c)).unwrap_or(rest.len())
}

/// Block comments nest.
fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => {
                depth += 1;
                at += 2;
            }
            ['*', '/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn quoted(rest: &[char], end: char) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            c if c == end => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `'x'` and `'\n'` are characters, `'a` is a lifetime.
fn character_or_lifetime(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => quoted(rest, '\''),
        _ => 1 + word_length(&rest[1..]),
    }
}

/// The length of `r"…"`, `r#"…"#`, `br"…"`, if one stands here.
fn raw_string(rest: &[char]) -> Option<usize> {
    let prefix = match rest {
        ['b' | 'c', 'r', ..] => 2,
        ['r', ..] => 1,
        _ => return None,
    };
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let open = prefix + hashes;
    (rest.get(open) == Some(&'"')).then_some(())?;
    let mut at = open + 1;
    while at < rest.len() {
        let closing = rest[at] == '"'
            && rest[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        if closing {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(rest.len())
}
