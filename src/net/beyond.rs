//! Requests of known senders for whom nobody of ours is meant: the one place where they end, or
//! where a route would lead them on.

use super::Outbox;
use super::auth::Identified;
use super::dispatch::Request;
use super::engine::Engine;

/// Why a request is for nobody of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Its Request-URI names no place of ours.
    Elsewhere,
    /// It names our domain, and nobody known there.
    Unknown,
}

impl Engine {
    /// Passes such a request on by a route of the configuration, or answers it: nobody else gets
    /// it (security: open relays).
    pub(super) fn beyond(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        sender: &Identified,
        beyond: Beyond,
        out: &mut Vec<u8>,
    ) {
        if self.route(outbox, request, sender, beyond, out) {
            return;
        }
        match beyond {
            Beyond::Elsewhere => {
                self.refuse(outbox, request, 403, Some("Not Served Here"), &[], out);
            }
            Beyond::Unknown => self.refuse(outbox, request, 404, None, &[], out),
        }
    }
}
