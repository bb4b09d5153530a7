//! Messages of LDAP as bytes (RFC 4511 s5.1), looked at before the library sees them: it takes for
//! granted that they are what they should be, and follows what is nested however deep.

/// Bytes of one message at most.
pub(in crate::identity) const LONGEST: usize = 4 << 20;

/// The control of lists in pages (RFC 2696).
pub(in crate::identity) const PAGED: &str = "1.2.840.113556.1.4.319";

/// What the first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Head {
    /// Too few to know.
    More,
    /// A message of this length.
    Message(usize),
    /// A message that is too long.
    TooLong,
    /// No message.
    Not,
}

/// How long the message is that begins here.
pub(in crate::identity) fn head(bytes: &[u8]) -> Head {
    match bytes {
        [] => return Head::More,
        [0x30, ..] => {}
        _ => return Head::Not,
    }
    match length(&bytes[1..]) {
        Length::More => Head::More,
        Length::Not => Head::Not,
        Length::Is { octets, content } => match content.checked_add(1 + octets) {
            Some(length) if length <= LONGEST => Head::Message(length),
            _ => Head::TooLong,
        },
    }
}

enum Length {
    More,
    Not,
    Is { octets: usize, content: usize },
}

/// The definite form alone (RFC 4511 s5.1), of four octets at most.
fn length(bytes: &[u8]) -> Length {
    match bytes {
        [] => Length::More,
        [short @ 0..=0x7f, ..] => Length::Is { octets: 1, content: usize::from(*short) },
        [long @ 0x81..=0x84, rest @ ..] => {
            let count = usize::from(long & 0x7f);
            let Some(octets) = rest.get(..count) else { return Length::More };
            let content = octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet));
            Length::Is { octets: 1 + count, content }
        }
        _ => Length::Not,
    }
}

/// What is not read yet of some elements, one after the other.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next element: its first octet and what is in it. No type of LDAP has a number over 30.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (kind, rest) = self.0.split_first()?;
        let Length::Is { octets, content } = length(rest) else { return None };
        let end = octets.checked_add(content)?;
        let inside = rest.get(octets..end)?;
        self.0 = rest.get(end..)?;
        (kind & 0x1f != 0x1f).then_some((*kind, inside))
    }

    fn expect(&mut self, kind: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == kind).map(|(_, inside)| inside)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.expect(0x04)?).ok()
    }

    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// A message that is sound as far as it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Message<'a> {
    /// Its number; 0 is a notice that nobody asked for.
    pub(in crate::identity) id: u32,
    /// What it is: the first octet of the operation.
    pub(in crate::identity) operation: u8,
    inside: &'a [u8],
}

/// Answers and questions by their first octet.
pub(in crate::identity) mod operation {
    pub(in crate::identity) const BIND: u8 = 0x60;
    pub(in crate::identity) const BOUND: u8 = 0x61;
    pub(in crate::identity) const SEARCH: u8 = 0x63;
    pub(in crate::identity) const ENTRY: u8 = 0x64;
    pub(in crate::identity) const DONE: u8 = 0x65;
    pub(in crate::identity) const REFERENCE: u8 = 0x73;
    pub(in crate::identity) const ABANDON: u8 = 0x50;
    pub(in crate::identity) const EXTENDED: u8 = 0x77;
    pub(in crate::identity) const EXTENDED_ANSWER: u8 = 0x78;
    pub(in crate::identity) const INTERMEDIATE: u8 = 0x79;
}

/// Reads one whole message of a server.
pub(in crate::identity) fn answer(bytes: &[u8]) -> Option<Message<'_>> {
    let (message, rest) = envelope(bytes)?;
    let mut rest = rest;
    if message.id == 0 {
        // Active Directory puts the name of its notice outside of it.
        return Some(message);
    }
    if rest.peek() == Some(0xa0) {
        controls(rest.expect(0xa0)?)?;
    }
    rest.end()?;
    match message.operation {
        operation::BOUND | operation::DONE | operation::EXTENDED_ANSWER => {
            result(message.inside)?;
        }
        operation::ENTRY => entry(message.inside)?,
        operation::REFERENCE => texts(message.inside)?,
        operation::INTERMEDIATE => {}
        _ => return None,
    }
    Some(message)
}

/// Reads the first message of a server among bytes, and how long it is.
pub(in crate::identity) fn first_answer(bytes: &[u8]) -> Option<(usize, Message<'_>)> {
    let Head::Message(length) = head(bytes) else { return None };
    Some((length, answer(bytes.get(..length)?)?))
}

/// Reads the number and the kind of a message of our own.
pub(in crate::identity) fn question(bytes: &[u8]) -> Option<Message<'_>> {
    envelope(bytes).map(|(message, _)| message)
}

fn envelope(bytes: &[u8]) -> Option<(Message<'_>, Reader<'_>)> {
    let mut outer = Reader(bytes);
    let mut inner = Reader(outer.expect(0x30)?);
    outer.end()?;
    let id = number(inner.expect(0x02)?)?;
    let (operation, inside) = inner.next()?;
    Some((Message { id, operation, inside }, inner))
}

/// A number of RFC 4511 s4.1.1.1: not negative, four octets at most.
fn number(octets: &[u8]) -> Option<u32> {
    let fits = matches!(octets, [0..=0x7f, ..]) && octets.len() <= 4;
    fits.then(|| octets.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)))
}

/// The result of an operation (RFC 4511 s4.1.9): its code and what is said about it.
fn result(inside: &[u8]) -> Option<(u32, &str)> {
    let mut inner = Reader(inside);
    let code = number(inner.expect(0x0a)?)?;
    inner.text()?;
    let text = inner.text()?;
    while inner.peek().is_some() {
        match inner.next()? {
            (0xa3, referrals) => texts(referrals)?,
            (0x87 | 0x8b, _) => {}
            (0x8a, name) => {
                std::str::from_utf8(name).ok()?;
            }
            _ => return None,
        }
    }
    Some((code, text))
}

fn texts(inside: &[u8]) -> Option<()> {
    let mut inner = Reader(inside);
    while inner.peek().is_some() {
        inner.text()?;
    }
    Some(())
}

fn entry(inside: &[u8]) -> Option<()> {
    let mut inner = Reader(inside);
    inner.text()?;
    let mut attributes = Reader(inner.expect(0x30)?);
    inner.end()?;
    while attributes.peek().is_some() {
        let mut attribute = Reader(attributes.expect(0x30)?);
        attribute.text()?;
        let mut values = Reader(attribute.expect(0x31)?);
        attribute.end()?;
        while values.peek().is_some() {
            values.expect(0x04)?;
        }
    }
    Some(())
}

fn controls(inside: &[u8]) -> Option<()> {
    let mut all = Reader(inside);
    while all.peek().is_some() {
        let mut control = Reader(all.expect(0x30)?);
        let name = control.text()?;
        if control.peek() == Some(0x01) && control.expect(0x01)?.len() != 1 {
            return None;
        }
        let value = match control.peek() {
            Some(_) => Some(control.expect(0x04)?),
            None => None,
        };
        control.end()?;
        if name == PAGED {
            let mut value = Reader(value?);
            let mut page = Reader(value.expect(0x30)?);
            value.end()?;
            number(page.expect(0x02)?)?;
            page.expect(0x04)?;
            page.end()?;
        }
    }
    Some(())
}

/// The question that begins TLS on an open connection (RFC 4511 s4.14.1), as message 1.
pub(in crate::identity) const START_TLS: &[u8] =
    b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// A question that every server answers: whether its root is there (RFC 4512 s5.1), as message 1.
pub(in crate::identity) const IS_THERE: &[u8] =
    b"\x30\x25\x02\x01\x01\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\
      \x87\x0bobjectClass\x30\x00";

impl<'a> Message<'a> {
    /// The result code and the text of a notice, or of the answer to [`START_TLS`].
    pub(in crate::identity) fn result(&self) -> Option<(u32, &'a str)> {
        let is_one = matches!(self.operation, operation::EXTENDED_ANSWER);
        if is_one { result(self.inside) } else { None }
    }

    /// The question that this one ends (RFC 4511 s4.11).
    pub(super) fn abandoned(&self) -> Option<u32> {
        if self.operation == operation::ABANDON { number(self.inside) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message of our own reads as one.
    #[test]
    fn the_questions_that_are_kept_as_bytes_are_well_formed() {
        for (bytes, kind) in [(START_TLS, operation::EXTENDED), (IS_THERE, operation::SEARCH)] {
            assert_eq!(head(bytes), Head::Message(bytes.len()));
            let message = question(bytes).unwrap();
            assert_eq!((message.id, message.operation), (1, kind));
        }
    }

    #[test]
    fn what_is_no_message_is_told_from_one_that_is_not_whole() {
        assert_eq!(head(b""), Head::More);
        assert_eq!(head(b"\x30"), Head::More);
        assert_eq!(head(b"\x30\x82\x01"), Head::More);
        assert_eq!(head(b"\x30\x05"), Head::Message(7));
        // RFC 4511 s5.1: the definite form alone.
        assert_eq!(head(b"\x30\x80"), Head::Not);
        assert_eq!(head(b"\x30\x85\0\0\0\0\x05"), Head::Not);
        assert_eq!(head(b"HTTP/1.1 400"), Head::Not);
        assert_eq!(head(b"\x15\x03\x03"), Head::Not);
        assert_eq!(head(b"\x30\x84\xff\xff\xff\xff"), Head::TooLong);
    }

    /// The answers that a library would fall over.
    #[test]
    fn answers_that_are_not_what_they_should_be_are_refused() {
        let good: &[u8] = b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00";
        assert!(answer(good).is_some());
        let nested = [0x30_u8, 0x02].repeat(1_000);
        for bad in [
            &b"\x30\x00"[..],
            b"\x30\x03\x02\x01\x01",
            // No number, a negative one, one of five octets.
            b"\x30\x0b\x02\x00\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
            b"\x30\x0c\x02\x01\xff\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
            b"\x30\x10\x02\x05\0\0\0\0\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
            // A code of no octets is none; text that is no text; an entry that is none.
            b"\x30\x0b\x02\x01\x01\x65\x06\x0a\x00\x04\x00\x04\x00",
            b"\x30\x0d\x02\x01\x01\x65\x08\x0a\x01\x00\x04\x01\xff\x04\x00",
            b"\x30\x07\x02\x01\x01\x64\x02\x04\x00",
            // A control whose flag is empty; a page without a cookie.
            b"\x30\x13\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00\xa0\x05\x30\x03\x01\x00\x04",
            &nested,
        ] {
            assert!(answer(bad).is_none(), "{}", bad.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (head(&bytes), answer(&bytes), question(&bytes));
        }
    }
}
