//! Which contacts of a person a request goes to (RFC 3261 s16.5), GRUUs among them.

use super::dispatch::Request;
use super::engine::Engine;
use crate::clock::Tick;
use crate::proxy::{TargetSet, instance_targets, targets};
use crate::registrar::{Binding, Row};
use crate::sip::uri::Uri;
use crate::sip::wire::Message;

/// A request to a GRUU (RFC 5627 s6.1) whose instance cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoInstance {
    /// It was never here: 404.
    Unknown,
    /// It is away: 480.
    Away,
}

impl NoInstance {
    pub(super) const fn status(self) -> u16 {
        match self {
            NoInstance::Unknown => 404,
            NoInstance::Away => 480,
        }
    }
}

/// The `gr` parameter of a Request-URI, if it has one: `Some(None)` without a value, as temporary
/// GRUUs have it, of which we give out none (RFC 5627 s3.1.2).
fn gr(request_uri: &[u8]) -> Option<Option<&[u8]>> {
    // Nearly every Request-URI can be told from a GRUU without reading it once more.
    memchr::memchr(b';', request_uri)?;
    Uri::parse(request_uri).ok()?.param("gr")
}

impl Engine {
    /// One target for each instance of a person, or for the one instance that a GRUU names.
    pub(super) fn targets(
        &self,
        request: &Request<'_, '_>,
        row: Option<&Row>,
    ) -> Result<TargetSet, NoInstance> {
        match gr(request.message.request_uri()) {
            None => Ok(row.map(|row| targets(row, request.now)).unwrap_or_default()),
            Some(gr) => of_instance(gr, row, request.now),
        }
    }

    /// The newest flow of the instance that a GRUU in the Request-URI names; `None` if it is none.
    pub(super) fn instance_target(
        &self,
        request: &Request<'_, '_>,
        row: Option<&Row>,
    ) -> Result<Option<Binding>, NoInstance> {
        let Some(gr) = gr(request.message.request_uri()) else { return Ok(None) };
        let known = gr.zip(row).and_then(|(gr, row)| row.instance_targets(gr, request.now));
        let flows = known.ok_or(NoInstance::Unknown)?;
        flows.first().map(|binding| Some((*binding).clone())).ok_or(NoInstance::Away)
    }

    /// Where a request within a dialog goes whose far end named itself by a GRUU of ours (RFC 5627
    /// s6.1): to that instance, also when it has come back over another flow. `None`: it did not, or
    /// the GRUU is somebody else's: the place in a dialog opens the way to its other end alone.
    pub(super) fn gruu_targets(
        &self,
        message: &Message<'_>,
        now: Tick,
    ) -> Option<Result<TargetSet, NoInstance>> {
        let request_uri = message.request_uri();
        let gr = gr(request_uri)?;
        let uri = Uri::parse(request_uri).ok().filter(|uri| self.is_our_host(uri))?;
        let user = self.identity.canonical(&uri.user_decoded()?);
        let to = message.to().ok()?.parsed_uri();
        if self.identity.canonical(&to.user_decoded()?) != user {
            return None;
        }
        let row = self.registrar.lookup(&format!("{user}@{}", self.settings.domain));
        Some(of_instance(gr, row.as_deref(), now))
    }
}

fn of_instance(gr: Option<&[u8]>, row: Option<&Row>, now: Tick) -> Result<TargetSet, NoInstance> {
    let known = gr.zip(row).and_then(|(gr, row)| instance_targets(row, gr, now));
    let set = known.ok_or(NoInstance::Unknown)?;
    if set.is_empty() { Err(NoInstance::Away) } else { Ok(set) }
}
