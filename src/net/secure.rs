//! SIPS: a Request-URI that asks for TLS on every hop (RFC 3261 s26.2.2).
//!
//! A call to a person of ours by a SIPS URI is taken over TLS alone and goes to devices that are
//! reached over TLS alone. Messages and subscriptions are not served by it: they outlive their
//! sender's request, and what a device will be reached by then is not known. Who is answered with
//! 416 tries again with a SIP URI (s8.1.3.5).

use super::dispatch::{Request, Target};
use crate::proxy::TargetSet;
use crate::sip::Transport;
use crate::sip::method::Method;

/// Whether a Request-URI is a SIPS URI.
pub(super) fn asks_for_tls(request_uri: &[u8]) -> bool {
    request_uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sips:"))
}

/// Whether what goes over a transport is between the two ends of its connection.
pub(super) const fn is_secure(transport: Transport) -> bool {
    matches!(transport, Transport::Tls | Transport::Wss)
}

/// Whether a request by a SIPS URI is served: on what it came, and whom it is for.
pub(super) fn serves_sips(request: &Request<'_, '_>, target: &Target) -> bool {
    let method = request.message.method();
    let outlives = matches!(method, Method::Message | Method::Subscribe | Method::Publish);
    is_secure(request.flow.transport) && !outlives && !matches!(target, Target::Elsewhere)
}

/// Leaves of each device the flows over TLS, and no device that has none.
pub(super) fn keep_secure(targets: &mut TargetSet) {
    targets.retain(|target| {
        while !is_secure(target.flow.transport) {
            if !target.try_next() {
                return false;
            }
        }
        target.reserves.retain(|binding| is_secure(binding.flow.transport));
        true
    });
}
