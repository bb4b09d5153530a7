//! Public GRUUs (RFC 5627): a URI that reaches one instance of a person's devices.
//!
//! The `gr` parameter holds the instance itself, so a GRUU is the same for ever and needs no table:
//! the row only remembers which instances it has met. Temporary GRUUs are not made.

use std::fmt::Write;
use std::sync::Arc;

use smallvec::SmallVec;

use super::row::{Binding, Row};
use crate::clock::Tick;
use crate::text;

/// Instances that a row remembers; the one not seen for longest goes first. Browsers make up a new
/// instance more often than people buy telephones.
pub(super) const MOST_INSTANCES: usize = 32;

/// Instance ids are compared without case, as UUIDs are (RFC 5626 s4.1), and as the `gr` parameter
/// is that carries them (RFC 3261 s19.1.4).
pub(super) fn same_instance(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Whether a `+sip.instance` is a URN in angle brackets (RFC 5626 s11.1), which flows and GRUUs
/// ask for.
pub(super) fn is_urn(instance: &str) -> bool {
    urn(instance).is_some()
}

fn urn(instance: &str) -> Option<&str> {
    let urn = instance.strip_prefix('<')?.strip_suffix('>')?;
    let is_uric =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'();/?:@&=+$,%".contains(&byte);
    (!urn.is_empty() && urn.bytes().all(is_uric)).then_some(urn)
}

/// The public GRUU of an instance: the address-of-record with a `gr` parameter (RFC 5627 s5.1).
/// `None` if the instance is no URN in brackets.
#[must_use]
pub fn public_gruu(aor: &str, instance: &str) -> Option<String> {
    let urn = urn(instance)?;
    let (user, domain) = aor.rsplit_once('@')?;
    let mut gruu = String::with_capacity(aor.len() + urn.len() + 16);
    gruu.push_str("sip:");
    escape(user, b"-_.!~*'()&=+$,;?/", &mut gruu);
    gruu.push('@');
    gruu.push_str(domain);
    gruu.push_str(";gr=");
    // RFC 3261 s25.1, paramchar.
    escape(urn, b"-_.!~*'()[]/:&+$", &mut gruu);
    Some(gruu)
}

fn escape(text: &str, plain: &[u8], out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

impl Row {
    /// The flows of the instance that a `gr` parameter names, the newest first; empty while it is
    /// away, `None` if it was never here (RFC 5627 s6.1: 480 and 404).
    #[must_use]
    pub fn instance_targets(&self, gr: &[u8], now: Tick) -> Option<SmallVec<[&Binding; 2]>> {
        let gr = text::percent_decode(gr);
        let gr = std::str::from_utf8(&gr).ok()?;
        let is_meant = |instance: &str| urn(instance).is_some_and(|urn| same_instance(urn, gr));
        let known = self.instances.iter().any(|instance| is_meant(instance));
        known.then(|| {
            let mut flows: SmallVec<[&Binding; 2]> = self
                .live(now)
                .filter(|binding| binding.instance.as_deref().is_some_and(is_meant))
                .collect();
            flows.reverse();
            flows
        })
    }

    /// Notes that an instance has been here.
    pub(super) fn note_instance(&mut self, instance: &Arc<str>) {
        match self.instances.iter().position(|known| same_instance(known, instance)) {
            Some(place) => {
                let known = self.instances.remove(place);
                self.instances.push(known);
            }
            None => {
                if self.instances.len() >= MOST_INSTANCES {
                    self.instances.remove(0);
                }
                self.instances.push(Arc::clone(instance));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::uri::Uri;

    // RFC 5627 s5.1, s5.4
    #[test]
    fn a_public_gruu_is_the_address_of_record_with_the_instance() {
        let gruu = public_gruu("alice@campus.example", "<urn:uuid:f81d4fae-7dec>").unwrap();
        assert_eq!(gruu, "sip:alice@campus.example;gr=urn:uuid:f81d4fae-7dec");
        let gruu = Uri::parse(gruu.as_bytes()).unwrap();
        assert!(gruu.equivalent(&Uri::parse(b"sip:alice@campus.example").unwrap()));
    }

    // RFC 5626 s11.1
    #[test]
    fn an_instance_that_is_no_urn_in_brackets_has_no_gruu() {
        for instance in ["urn:uuid:1", "<>", "<urn:uuid:1", "<a b>", "<a\"b>", ""] {
            assert_eq!(public_gruu("alice@campus.example", instance), None, "{instance}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_gr_parameter_leads_back_to_the_instance(urn in "[a-zA-Z0-9:;/?@&=+$,._%~-]{1,40}") {
            let instance: Arc<str> = format!("<{urn}>").into();
            let mut row = Row::default();
            row.note_instance(&instance);
            let gruu = public_gruu("alice@campus.example", &instance).unwrap();
            let uri = Uri::parse(gruu.as_bytes()).unwrap();
            let gr = uri.param("gr").flatten().unwrap();
            proptest::prop_assert!(row.instance_targets(gr, Tick::ZERO).is_some());
            proptest::prop_assert!(row.instance_targets(b"urn:uuid:another", Tick::ZERO).is_none());
        }
    }
}
