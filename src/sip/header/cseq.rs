//! CSeq (RFC 3261 s8.1.1.5, s20.16).

use super::HeaderError;
use crate::sip::method::Method;
use crate::text;

/// A sequence number and a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The number.
    pub number: u32,
    /// The method of the request.
    pub method: Method<'a>,
}

impl<'a> CSeq<'a> {
    /// Parses the value.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Number`] for a number that does not fit 32 bits (RFC 4475 s3.1.2.4),
    /// [`HeaderError::Malformed`] for a method that is no token.
    pub fn parse(value: &'a [u8]) -> Result<Self, HeaderError> {
        let value = text::trim(value);
        let space = value.iter().position(|b| text::is_lws(*b)).ok_or(HeaderError::Malformed)?;
        let number = text::number(&value[..space]).ok_or(HeaderError::Number)?;
        let method = text::trim(&value[space..]);
        if !text::is_token(method) {
            return Err(HeaderError::Malformed);
        }
        Ok(CSeq { number, method: Method::parse(method) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 s20.16, RFC 4475 s3.1.1.1 and s3.1.2.4.
    #[test]
    fn number_and_method_are_read_across_folds() {
        let cseq = CSeq::parse(b" 0009\r\n  INVITE").unwrap();
        assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
        assert_eq!(CSeq::parse(b"4294967295 X").unwrap().number, u32::MAX);
        let too_large = CSeq::parse(b"36893488147419103232 REGISTER");
        assert_eq!(too_large, Err(HeaderError::Number));
        for bad in
            [&b""[..], b"1", b"MESSAGE", b"-1 MESSAGE", b"1 MESS AGE", b"1, MESSAGE", b"1\tM\x01"]
        {
            assert!(CSeq::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_sequence_number_and_its_method_are_read_back(number: u32, space in "[ \t]{1,3}|\r\n ", method in "[A-Za-z!%*_+`'~.-]{1,9}") {
            let text = format!("{number}{space}{method}");
            let cseq = CSeq::parse(text.as_bytes()).unwrap();
            proptest::prop_assert_eq!(cseq, CSeq { number, method: Method::parse(method.as_bytes()) });
        }

        #[test]
        fn no_value_makes_the_parser_panic(value: Vec<u8>, near in "[0-9A-Z \t\r\n-]{0,20}") {
            let _ = (CSeq::parse(&value), CSeq::parse(near.as_bytes()));
        }
    }
}
