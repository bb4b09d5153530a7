//! User names and how they are compared.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Bytes of a user name at most.
pub const LONGEST_NAME: usize = 255;

/// A user name in its one canonical spelling: lower case (Unicode's simple rule, character by
/// character). Cheap to clone.
///
/// Nothing else is folded: names that differ in composed and decomposed accents or in full-width
/// letters are different names here, even where a directory would match them, and the directory's
/// entry is taken only if its own spelling is canonically the one that was asked for. So there is
/// never a second way to spell an account.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Arc<str>);

impl UserName {
    /// The canonical spelling of `name`.
    #[must_use]
    pub fn canonical(name: &str) -> UserName {
        UserName(Arc::from(fold(name).as_ref()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `name` in lower case; borrowed where it is so already.
pub(super) fn fold(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.chars().flat_map(char::to_lowercase).collect())
    }
}

/// Whether somebody may be called so: no space or control character, nothing that has a meaning
/// in a SIP address, a Digest answer or as a part of a path.
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= LONGEST_NAME
        && !name.chars().any(|c| {
            c.is_control()
                || c.is_whitespace()
                || matches!(c, '@' | ':' | ';' | '?' | '"' | '\\' | '<' | '>' | ',' | '/' | '%' | '#')
                // Directional and invisible marks make two names look alike.
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        })
}

impl Deref for UserName {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for UserName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for UserName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// Whether two domains are the same name (RFC 3261 s19.1.4: in any case), a root dot aside.
pub(super) fn same_domain(one: &str, other: &str) -> bool {
    let bare = |name: &str| name.len() - usize::from(name.ends_with('.'));
    let (a, b) = (bare(one), bare(other));
    one.as_bytes()[..a].eq_ignore_ascii_case(&other.as_bytes()[..b])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another case of the same name is the same person.
    #[test]
    fn every_case_of_a_name_is_one_name() {
        for name in ["alice", "Alice", "ALICE", "aLiCe"] {
            assert_eq!(UserName::canonical(name), UserName::canonical("alice"));
        }
        assert_eq!(&*UserName::canonical("ÉVA"), "éva");
        // No second account by look-alikes: these stay themselves and match nobody.
        assert_ne!(UserName::canonical("ａlice"), UserName::canonical("alice"));
        assert_ne!(UserName::canonical("e\u{301}va"), UserName::canonical("éva"));
    }

    #[test]
    fn names_that_mean_something_elsewhere_are_invalid() {
        for name in
            ["", ".", "..", " ", "a b", "a@b", "a:b", "a\"b", "a\\b", "a\0", "a;b", "a\u{202e}b"]
        {
            assert!(!is_valid_name(name), "{name:?}");
        }
        for name in ["alice", "john.doe", "fc12345", "o'neil", "+351210000000", "éva"] {
            assert!(is_valid_name(name), "{name:?}");
        }
        assert!(!is_valid_name(&"a".repeat(256)));
    }

    #[test]
    fn domains_are_compared_without_case_and_root_dot() {
        assert!(same_domain("Campus.Example.", "campus.example"));
        assert!(!same_domain("campus.example", "campus.example.org"));
        assert!(!same_domain("", "a"));
    }

    /// Every character there is: lower case of lower case is itself, so a name has one spelling.
    #[test]
    fn folding_any_character_twice_changes_nothing_more() {
        for c in char::MIN..=char::MAX {
            let once = fold(c.encode_utf8(&mut [0; 4])).into_owned();
            assert_eq!(fold(&once), once, "{c:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_canonical_name_is_canonical(name: String, other: String) {
            let canonical = UserName::canonical(&name);
            proptest::prop_assert_eq!(&UserName::canonical(&canonical), &canonical);
            // A name is folded character by character: no context changes it.
            let joined = UserName::canonical(&format!("{name}{other}"));
            let parts = format!("{canonical}{}", UserName::canonical(&other));
            proptest::prop_assert_eq!(joined.as_str(), parts);
        }
    }
}
