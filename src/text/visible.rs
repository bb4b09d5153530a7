//! Text from strangers on its way to a terminal or a log: one line, no control characters, bounded.

use std::fmt::Write as _;

/// The longest value that a log line carries, in characters.
pub const LONGEST: usize = 256;

/// Whether a character may do something to a terminal or to the order of what is read: the controls
/// C0 and C1, the line separators, and the marks that turn the direction of writing.
#[must_use]
pub const fn is_treacherous(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{feff}')
}

/// Appends `text` with every treacherous character escaped, at most `longest` characters of it.
pub fn push(out: &mut String, text: &str, longest: usize) {
    for (count, c) in text.chars().enumerate() {
        if count == longest {
            out.push('…');
            return;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_treacherous(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

/// The whole of `text` on one line without treacherous characters, for a terminal.
#[must_use]
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push(&mut out, text, usize::MAX);
    out
}

/// The same of a text of several lines, which stay lines.
#[must_use]
pub fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_become_visible() {
        assert_eq!(
            line("a\r\nb\x1b[31m\u{9b}\u{202e}\u{7f}\t"),
            "a\\r\\nb\\u{1b}[31m\\u{9b}\\u{202e}\\u{7f}\\t"
        );
        assert_eq!(line("Ana Gonçalves 田中"), "Ana Gonçalves 田中");
    }

    #[test]
    fn long_values_are_cut() {
        let mut out = String::new();
        push(&mut out, &"ã".repeat(1000), LONGEST);
        assert_eq!(out.chars().count(), LONGEST + 1);
    }

    proptest! {
        #[test]
        fn nothing_treacherous_comes_out(text in any::<String>()) {
            prop_assert!(!line(&text).chars().any(is_treacherous));
        }
    }
}
