//! Contact (RFC 3261 s20.10, RFC 5626 for `reg-id` and `+sip.instance`).

use std::ops::Deref;

use super::{Address, HeaderError};
use crate::text;

/// One value of a Contact header.
#[derive(Clone, Copy, Debug)]
pub enum Contact<'a> {
    /// `*`: all of them.
    Star,
    /// An address with its parameters.
    Address(ContactAddress<'a>),
}

/// An address in a Contact header.
#[derive(Clone, Copy, Debug)]
pub struct ContactAddress<'a>(Address<'a>);

impl<'a> Deref for ContactAddress<'a> {
    type Target = Address<'a>;

    fn deref(&self) -> &Address<'a> {
        &self.0
    }
}

impl<'a> Contact<'a> {
    /// Parses one value.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] as for [`Address::parse`].
    pub fn parse(value: &'a [u8]) -> Result<Self, HeaderError> {
        if text::trim(value) == b"*" {
            return Ok(Contact::Star);
        }
        Address::parse(value).map(|address| Contact::Address(ContactAddress(address)))
    }
}

/// What an expiry that is no number stands for (RFC 3261 s20.10, s20.19).
pub(crate) const DEFAULT_EXPIRES: u32 = 3_600;

impl<'a> ContactAddress<'a> {
    /// The priority in thousandths (RFC 3261 s20.10); `None` if it is absent or malformed.
    #[must_use]
    pub fn q(&self) -> Option<u16> {
        let value = self.param("q")??;
        let (whole, fraction) = match memchr::memchr(b'.', value) {
            Some(dot) => (&value[..dot], &value[dot + 1..]),
            None => (value, &b""[..]),
        };
        if fraction.len() > 3 || whole.len() > 1 {
            return None;
        }
        let mut thousandths = 0;
        for place in 0..3 {
            let digit = fraction.get(place).unwrap_or(&b'0');
            if !digit.is_ascii_digit() {
                return None;
            }
            thousandths = thousandths * 10 + u16::from(digit - b'0');
        }
        match whole {
            b"1" if thousandths == 0 => Some(1_000),
            b"0" => Some(thousandths),
            // ".5" is not in the grammar; clients write it.
            b"" if !fraction.is_empty() => Some(thousandths),
            _ => None,
        }
    }

    /// The `expires` parameter in seconds. Too large a number saturates; one that is malformed
    /// counts as an hour (RFC 3261 s20.10).
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        let value = self.param("expires")?;
        Some(value.and_then(text::saturating_number).unwrap_or(DEFAULT_EXPIRES))
    }

    /// The device's instance, `<urn:uuid:…>`, without the quotes (RFC 5626 s4.1).
    #[must_use]
    pub fn sip_instance(&self) -> Option<&'a [u8]> {
        self.param("+sip.instance").flatten().filter(|instance| !instance.is_empty())
    }

    /// Which of a device's flows this is (RFC 5626 s4.2): 1 to 2^31 - 1.
    #[must_use]
    pub fn reg_id(&self) -> Option<u32> {
        let value = self.param("reg-id").flatten().and_then(text::number)?;
        (1..=i32::MAX as u32).contains(&value).then_some(value)
    }

    /// The address alone.
    #[must_use]
    pub fn address(&self) -> Address<'a> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(value: &str) -> ContactAddress<'_> {
        match Contact::parse(value.as_bytes()).unwrap() {
            Contact::Address(address) => address,
            Contact::Star => unreachable!(),
        }
    }

    /// RFC 3261 s10.2.2.
    #[test]
    fn star_is_not_an_address() {
        assert!(matches!(Contact::parse(b" * "), Ok(Contact::Star)));
        assert!(Contact::parse(b"*;expires=0").is_err());
        assert!(Contact::parse(b"<*>").is_err());
    }

    /// RFC 3261 s20.10, s25.1: `qvalue`.
    #[test]
    fn q_values_are_thousandths() {
        for (text, q) in [
            ("0.7", Some(700)),
            ("1", Some(1_000)),
            ("1.0", Some(1_000)),
            ("1.000", Some(1_000)),
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.333", Some(333)),
            (".5", Some(500)),
            ("1.1", None),
            ("0.3333", None),
            ("2", None),
            ("-1", None),
            ("0.x", None),
            (".", None),
            ("01", None),
        ] {
            assert_eq!(contact(&format!("<sip:a@b>;q={text}")).q(), q, "{text}");
        }
        assert_eq!(contact("<sip:a@b>;q").q(), None);
    }

    /// RFC 3261 s20.10; RFC 4475 s3.1.2.4: too large an expiry does no harm.
    #[test]
    fn malformed_expiries_count_as_an_hour() {
        assert_eq!(contact("<sip:a@b>;expires=60").expires(), Some(60));
        assert_eq!(contact("<sip:a@b>\r\n  ;expires=280297596632815").expires(), Some(u32::MAX));
        assert_eq!(contact("<sip:a@b>;expires=soon").expires(), Some(3_600));
        assert_eq!(contact("<sip:a@b>;Expires").expires(), Some(3_600));
        assert_eq!(contact("<sip:a@b;expires=9>").expires(), None);
    }

    /// RFC 5626 s4.1, s4.2.
    #[test]
    fn instances_and_flow_numbers_are_read() {
        let contact = contact(concat!(
            "<sip:line1@192.0.2.2;transport=tcp>; reg-id=1;",
            "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\""
        ));
        assert_eq!(contact.reg_id(), Some(1));
        assert_eq!(
            contact.sip_instance(),
            Some(&b"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"[..])
        );
        assert_eq!(contact.uri(), b"sip:line1@192.0.2.2;transport=tcp");
    }

    proptest::proptest! {
        #[test]
        fn parameters_of_a_contact_are_read_back(q in 0..=1_000_u16, expires: u32, reg_id in 1..=i32::MAX as u32, instance in "<urn:uuid:[0-9a-f-]{1,36}>") {
            let text = format!(
                "\"A, B\" <sip:a@h;x=1> ; q={}.{:03};expires={expires} ;reg-id={reg_id};+sip.instance=\"{instance}\"",
                q / 1_000,
                q % 1_000,
            );
            let contact = contact(&text);
            proptest::prop_assert_eq!(contact.q(), Some(q));
            proptest::prop_assert_eq!(contact.expires(), Some(expires));
            proptest::prop_assert_eq!(contact.reg_id(), Some(reg_id));
            proptest::prop_assert_eq!(contact.sip_instance(), Some(instance.as_bytes()));
        }

        #[test]
        fn no_value_makes_the_parser_panic(value: Vec<u8>, params in "(;(q|expires|reg-id|\\+sip.instance)(=[\"<>.0-9a-]{0,6})?){0,4}") {
            let near = format!("<sip:a@h>{params}");
            for value in [&value[..], near.as_bytes()] {
                if let Ok(Contact::Address(contact)) = Contact::parse(value) {
                    let _ = (contact.q(), contact.expires(), contact.reg_id(), contact.sip_instance());
                }
            }
        }
    }
}
