//! One thing that was found: its code, and what stands in the texts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::SerializeStruct as _;

use super::code::Code;
use crate::identity::ldap::guard::Fault;

pub(super) use crate::identity::ldap::guard::bounded;

/// A code, and what stands in its texts. What a server said is in it as it came, cut; whoever shows it
/// escapes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub code: Code,
    /// What stands in the texts.
    pub arguments: BTreeMap<&'static str, String>,
}

impl Code {
    /// With what stands in its texts.
    pub(super) fn with<const N: usize>(self, arguments: [(&'static str, String); N]) -> Finding {
        let bounded = arguments.into_iter().map(|(name, value)| (name, bounded(&value)));
        Finding { code: self, arguments: bounded.collect() }
    }

    /// With nothing.
    pub(super) fn alone(self) -> Finding {
        Finding { code: self, arguments: BTreeMap::new() }
    }
}

impl Finding {
    /// The sentence in English.
    #[must_use]
    pub fn says(&self) -> String {
        self.fill(self.code.says())
    }

    /// What to do about it, if anything.
    #[must_use]
    pub fn fix(&self) -> Option<String> {
        let fix = self.code.fix();
        (!fix.is_empty()).then(|| self.fill(fix))
    }

    fn fill(&self, text: &str) -> String {
        fill(text, |name| self.arguments.get(name).map(String::as_str))
    }
}

/// Puts each argument of a text in its place once: one that looks like another's place stays as it is.
#[must_use]
pub fn fill<'a>(text: &str, value_of: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let place = after.split_once('}');
        match place.and_then(|(name, after)| Some((value_of(name)?, after))) {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

impl Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut out = to.serialize_struct("Finding", 5)?;
        out.serialize_field("code", self.code.key())?;
        out.serialize_field("state", &self.code.state())?;
        out.serialize_field("arguments", &self.arguments)?;
        out.serialize_field("says", &self.says())?;
        match self.fix() {
            Some(fix) => out.serialize_field("fix", &fix)?,
            None => out.skip_field("fix")?,
        }
        out.end()
    }
}

impl Fault {
    /// What it is called where settings are tried.
    pub(super) fn finding(self, port: u16) -> Finding {
        match self {
            Fault::Closed => Code::Closed.alone(),
            Fault::Broken(reason) => Code::Broken.with([("reason", reason)]),
            Fault::ClientCertificate => Code::ClientCertificate.alone(),
            Fault::Garbage(looks) => {
                Code::Garbage.with([("port", port.to_string()), ("looks", looks.to_owned())])
            }
            Fault::TooMuch => Code::TooMuch.alone(),
            Fault::Notice(meaning) => Code::Notice.with([("meaning", meaning)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_that_looks_like_a_place_stays_as_it_is() {
        let tricky = [("host", "{names}".to_owned()), ("names", "{host} {".to_owned())];
        let finding = Code::WrongName.with(tricky);
        assert_eq!(finding.says(), "The certificate is for {host} {; the address says {names}.");
    }

    #[test]
    fn a_long_argument_is_cut() {
        let finding = Code::IsAddress.with([("host", "ã".repeat(10_000))]);
        assert_eq!(finding.arguments["host"].chars().count(), 301);
    }
}
