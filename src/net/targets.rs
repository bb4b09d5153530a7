//! Which contacts of a person a request goes to (RFC 3261 s16.5), GRUUs among them.

use std::net::{IpAddr, SocketAddr};

use super::dispatch::Request;
use super::engine::Engine;
use crate::clock::Tick;
use crate::proxy::{TargetSet, instance_targets, targets};
use crate::registrar::{Binding, Row};
use crate::sip::Flow;
use crate::sip::uri::{Host, Uri};
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

    /// Where the far end of a dialog is now, if it has moved: a target refresh made the Request-URI
    /// name its new Contact (RFC 3261 s12.2.1.1, s12.2.1.2), and the person in To has that contact
    /// registered. `standing` is the flow of the dialog's token if there still is one; it is given
    /// up only for an address that the contact names and came from, since behind translators two
    /// devices may name the same one. Nobody's contacts but those of the other end are looked at.
    pub(super) fn moved_to(
        &self,
        message: &Message<'_>,
        standing: Option<Flow>,
        now: Tick,
    ) -> Option<Flow> {
        let uri = Uri::parse(message.request_uri()).ok()?;
        let named = address_in(&uri);
        if let Some(flow) = standing
            && (flow.connection.is_some() || named.is_none_or(|named| named == flow.remote))
        {
            return None;
        }
        let to = message.to().ok()?.parsed_uri();
        let user = to.user_decoded().filter(|_| self.is_our_host(&to))?;
        let user = self.identity.canonical(&user);
        let row = self.registrar.lookup(&format!("{user}@{}", self.settings.domain))?;
        let is_meant = |binding: &&Binding| {
            binding.route.is_none()
                && Uri::parse(&binding.contact).is_ok_and(|contact| contact.equivalent(&uri))
        };
        let flow = row.live(now).find(is_meant)?.flow;
        (standing.is_none() || named == Some(flow.remote)).then_some(flow)
    }
}

/// The address that a URI names in figures.
fn address_in(uri: &Uri<'_>) -> Option<SocketAddr> {
    let address = match uri.host() {
        Host::V4(address) => address.into(),
        Host::V6(address) => IpAddr::from(address).to_canonical(),
        Host::Name(_) => return None,
    };
    Some(SocketAddr::new(address, uri.port().unwrap_or(5060)))
}

fn of_instance(gr: Option<&[u8]>, row: Option<&Row>, now: Tick) -> Result<TargetSet, NoInstance> {
    let known = gr.zip(row).and_then(|(gr, row)| instance_targets(row, gr, now));
    let set = known.ok_or(NoInstance::Unknown)?;
    if set.is_empty() { Err(NoInstance::Away) } else { Ok(set) }
}
