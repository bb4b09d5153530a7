//! Distinguished names, so that two spellings of one are the same.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Bytes of a name at most.
const LONGEST: usize = 2_048;

/// Attribute types under the shortest of their names: the table of RFC 4514 s3, whose types everybody
/// must know, with the long names of RFC 4519 s2.
const TYPES: [(&str, &[&str]); 9] = [
    ("cn", &["2.5.4.3", "commonname"]),
    ("l", &["2.5.4.7", "localityname"]),
    ("st", &["2.5.4.8", "stateorprovincename"]),
    ("o", &["2.5.4.10", "organizationname"]),
    ("ou", &["2.5.4.11", "organizationalunitname"]),
    ("c", &["2.5.4.6", "countryname"]),
    ("street", &["2.5.4.9", "streetaddress"]),
    ("dc", &["0.9.2342.19200300.100.1.25", "domaincomponent"]),
    ("uid", &["0.9.2342.19200300.100.1.1", "userid"]),
];

/// A distinguished name in its one spelling (RFC 4514 s3).
///
/// Compared as `distinguishedNameMatch` does where every value is matched by `caseIgnoreMatch`
/// (RFC 4517 s4.2.15, s4.2.11): escapes are undone, case, the order within a part, and spaces at the
/// ends or repeated do not matter. Composed and decomposed accents differ, as in names of people.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dn(Box<str>);

impl Dn {
    /// Reads a name. Spaces around separators are permitted, as RFC 2253 s4 did; `None` if it is
    /// none, is that of the root, or is longer than 2,048 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Dn> {
        if text.len() > LONGEST {
            return None;
        }
        let mut input = Input(text.as_bytes());
        let mut canonical = String::with_capacity(text.len());
        loop {
            let mut parts = vec![part(&mut input)?];
            while input.take(b'+') {
                parts.push(part(&mut input)?);
            }
            parts.sort_unstable();
            for (index, part) in parts.iter().enumerate() {
                canonical.push_str(if index > 0 { "+" } else { "" });
                canonical.push_str(part);
            }
            if input.0.is_empty() {
                return Some(Dn(canonical.into()));
            }
            if !input.take(b',') {
                return None;
            }
            canonical.push(',');
        }
    }

    /// Reads a value of `uniqueMember`: a name that an identifier in bits may follow
    /// (RFC 4517 s3.3.21), which is left out.
    #[must_use]
    pub fn parse_unique(text: &str) -> Option<Dn> {
        let bare = text.strip_suffix("'B").and_then(|text| {
            let (name, bits) = text.rsplit_once("#'")?;
            bits.bytes().all(|bit| matches!(bit, b'0' | b'1')).then_some(name)
        });
        Dn::parse(bare.unwrap_or(text))
    }

    /// The name as text; it reads as itself again.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is not read yet.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, byte: u8) -> bool {
        let is = self.0.first() == Some(&byte);
        self.0 = &self.0[usize::from(is)..];
        is
    }

    fn skip_spaces(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    /// Everything up to `end`, which is taken, too.
    fn until(&mut self, end: u8) -> Option<&'a [u8]> {
        let place = self.0.iter().position(|byte| *byte == end)?;
        let (found, rest) = self.0.split_at(place);
        self.0 = &rest[1..];
        Some(found)
    }

    fn hex_pair(&mut self) -> Option<u8> {
        let [high, low, rest @ ..] = self.0 else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = digit(*high)? * 16 + digit(*low)?;
        self.0 = rest;
        u8::try_from(value).ok()
    }
}

/// `attributeTypeAndValue`, in its one spelling.
fn part(input: &mut Input<'_>) -> Option<String> {
    let name = std::str::from_utf8(input.until(b'=')?.trim_ascii()).ok()?;
    let name = attribute_type(name)?;
    input.skip_spaces();
    let mut part = format!("{name}=");
    if input.take(b'#') {
        let octets = hexstring(input)?;
        match text_of_ber(&octets) {
            Some(text) => write_value(text, &mut part),
            None => {
                part.push('#');
                for octet in octets {
                    let _ = write!(part, "{octet:02x}");
                }
            }
        }
    } else {
        write_value(&string(input)?, &mut part);
    }
    Some(part)
}

/// A `descr` or a `numericoid` (RFC 4512 s1.4), the shortest name there is for it.
fn attribute_type(name: &str) -> Option<Cow<'_, str>> {
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_oid = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_descr = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !begins_well || !(is_oid || is_descr) {
        return None;
    }
    let known = TYPES.iter().find(|(short, others)| {
        name.eq_ignore_ascii_case(short)
            || others.iter().any(|other| name.eq_ignore_ascii_case(other))
    });
    Some(match known {
        Some((short, _)) => Cow::Borrowed(*short),
        None => Cow::Owned(name.to_ascii_lowercase()),
    })
}

/// `hexstring` without its sharp.
fn hexstring(input: &mut Input<'_>) -> Option<Vec<u8>> {
    let mut octets = vec![input.hex_pair()?];
    while let Some(octet) = input.hex_pair() {
        octets.push(octet);
    }
    input.skip_spaces();
    matches!(input.0.first(), None | Some(b',' | b'+')).then_some(octets)
}

/// What a BER value of one of the kinds of text says.
fn text_of_ber(octets: &[u8]) -> Option<&str> {
    // OCTET STRING, UTF8String, PrintableString, TeletexString, IA5String.
    let [0x04 | 0x0c | 0x13 | 0x14 | 0x16, rest @ ..] = octets else { return None };
    let (length, content) = match rest {
        [0x81, length, content @ ..] => (*length, content),
        [length @ 0..=0x7f, content @ ..] => (*length, content),
        _ => return None,
    };
    let content = (content.len() == usize::from(length)).then_some(content)?;
    std::str::from_utf8(content).ok()
}

/// `string`, its pairs replaced.
fn string(input: &mut Input<'_>) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some(byte) = input.0.first().filter(|byte| !matches!(byte, b',' | b'+')) {
        match byte {
            b'"' | b';' | b'<' | b'>' | 0 => return None,
            b'\\' => {
                input.take(b'\\');
                let is_special = input.0.first().is_some_and(|byte| b" \"#+,;<=>\\".contains(byte));
                bytes.push(if is_special { input.next()? } else { input.hex_pair()? });
            }
            _ => bytes.push(input.next()?),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Writes a value prepared as RFC 4518 s2.2 and s2.6.1 have it, normal forms aside, with what needs it
/// escaped again.
fn write_value(value: &str, out: &mut String) {
    let start = out.len();
    let mut space = false;
    for c in value.chars().flat_map(char::to_lowercase) {
        if c.is_whitespace() {
            space = out.len() > start;
            continue;
        }
        // Mapped to nothing.
        if c.is_control()
            || matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
        {
            continue;
        }
        if std::mem::take(&mut space) {
            out.push(' ');
        }
        let is_first = out.len() == start;
        if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') || c == '#' && is_first {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) {
        let (a, b) = (Dn::parse(one), Dn::parse(other));
        assert!(a.is_some(), "{one}");
        assert_eq!(a, b, "{one} and {other}");
    }

    // RFC 4514 s2.4, s3, s4
    #[test]
    fn two_spellings_of_a_name_are_the_same_name() {
        same("UID=jsmith,DC=example,DC=net", "uid=JSmith, dc=Example ,dc=NET");
        same("OU=Sales+CN=J.  Smith,DC=example", "cn=j. smith + ou=sales,dc=example");
        same(r#"CN=James \"Jim\" Smith\, III,DC=net"#, r"cn=james \22jim\22 smith\2C iii,dc=net");
        same(r"CN=Before\0dAfter,DC=net", r"cn=before\0Dafter,dc=net");
        same("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=Hi");
        same(r"CN=Lu\C4\8Di\C4\87", "cn=LUČIĆ");
        same(
            "0.9.2342.19200300.100.1.1=ana,2.5.4.11=people",
            "userId=ana,organizationalUnitName=people",
        );
        same(r"cn=\ \ ana\ ,dc=x", "cn=ana,dc=x");
        same(r"cn=\#ana", r"cn=\23ana");
        same("cn=a=b", r"cn=a\=b");
        same("x=#0500", "X=#0500");
    }

    #[test]
    fn names_that_differ_stay_apart() {
        for (one, other) in [
            ("uid=ana,dc=x", "uid=ana,dc=y"),
            ("uid=ana,dc=x", "uid=ana"),
            ("uid=ana,dc=x,dc=y", "uid=ana,dc=y,dc=x"),
            (r"uid=ana\,dc=x", "uid=ana,dc=x"),
            (r"cn=a\+ou=b", "cn=a+ou=b"),
            ("uid=ana", "cn=ana"),
            (r"cn=\#0500", "cn=#0500"),
            ("cn=a b", "cn=ab"),
        ] {
            assert_ne!(Dn::parse(one).unwrap(), Dn::parse(other).unwrap(), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        for wrong in [
            "",
            " ",
            "ana",
            "=ana",
            "cn=a,",
            "cn=a+",
            ",cn=a",
            "cn=a,,dc=x",
            "cn=a;dc=x",
            "cn=\"a\"",
            r"cn=\",
            r"cn=\4",
            r"cn=\zz",
            "cn=#",
            "cn=#0",
            "cn=#04zz",
            "1a=b",
            "é=b",
            r"cn=\ff",
            "cn;lang-pt=a",
            "cn=a<b",
            "cn=a\0",
        ] {
            assert_eq!(Dn::parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(Dn::parse(&format!("cn={}", "a".repeat(LONGEST))), None);
    }

    // RFC 4517 s3.3.21
    #[test]
    fn a_unique_member_may_have_bits_behind_its_name() {
        let bare = Dn::parse("uid=ana,dc=x");
        assert_eq!(Dn::parse_unique("uid=ana,dc=x#'0101'B"), bare);
        assert_eq!(Dn::parse_unique("UID=ana,dc=x"), bare);
        assert_ne!(Dn::parse_unique("uid=ana,dc=x#'01x1'B"), bare);
    }

    /// Writes a value so that it is read as itself: every byte escaped, or only what must be.
    fn escaped(value: &str, all: bool) -> String {
        if all {
            return value.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        }
        let mut text = String::new();
        for (index, c) in value.char_indices() {
            let at_end = index == 0 || index + c.len_utf8() == value.len();
            if c == '\0' {
                text.push_str("\\00");
                continue;
            }
            if "\"+,;<>\\".contains(c) || at_end && " #".contains(c) {
                text.push('\\');
            }
            text.push(c);
        }
        text
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_name_or_none_and_a_name_reads_as_itself(
            text in "([a-z.0-9]{0,3}=?[ ,+=#\\\\\"a-fA-F0-9é]{0,6}){0,4}|\\PC{0,40}"
        ) {
            if let Some(name) = Dn::parse(&text) {
                let again = Dn::parse(name.as_str());
                proptest::prop_assert_eq!(again.as_ref(), Some(&name));
            }
        }

        /// Whatever a value is, how it is escaped and spelt does not matter.
        #[test]
        fn escapes_case_and_spaces_do_not_matter(value in "[ -~éÇß€]{1,20}", other in "[ -~]{1,8}") {
            let write = |all| {
                let (one, two) = (escaped(&value, all), escaped(&other, !all));
                format!("uid={one},ou={two}")
            };
            let name = Dn::parse(&write(true)).unwrap();
            proptest::prop_assert_eq!(Dn::parse(&write(false)).unwrap(), name.clone());
            let (one, two) = (escaped(&value.to_uppercase(), true), escaped(&other, true));
            let loud = format!(" UID = {one} , OU = {two} ");
            // A letter such as sharp s has no upper case that comes back.
            if value.to_uppercase().to_lowercase() == value.to_lowercase() {
                proptest::prop_assert_eq!(Dn::parse(&loud).unwrap(), name);
            }
        }

        /// Two names are the same only if their values are, spaces and case aside.
        #[test]
        fn other_values_make_other_names(one in "[ -~]{1,6}", other in "[ -~]{1,6}") {
            let name = |value: &str| Dn::parse(&format!("cn={},dc=x", escaped(value, true)));
            let plain = |value: &str| {
                value.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
            };
            proptest::prop_assert_eq!(name(&one) == name(&other), plain(&one) == plain(&other));
        }
    }
}
