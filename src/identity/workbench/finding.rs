//! One thing that was found: its code, and what stands in the texts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::SerializeStruct as _;

use super::code::Code;

/// Characters of an argument at most.
const LONGEST: usize = 300;

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

    /// Puts each argument in its place once: one that looks like another's place stays as it is.
    fn fill(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let place = after.split_once('}');
            match place.and_then(|(name, after)| Some((self.arguments.get(name)?, after))) {
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

/// Text of a stranger, cut.
pub(super) fn bounded(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
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
        assert_eq!(finding.arguments["host"].chars().count(), LONGEST + 1);
    }
}
