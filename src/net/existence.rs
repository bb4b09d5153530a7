//! Whether somebody is a person of ours, where that decides between "not here now" and "unknown".

use bytes::Bytes;

use super::Outbox;
use super::auth::Identified;
use super::beyond::Beyond;
use super::dispatch::{Facts, Request};
use super::engine::{Engine, EngineCounts};
use crate::identity::Existence;

impl Engine {
    /// Whether `user` is a person of ours. If not, or if the directory must be asked first, the
    /// request is answered or waits, and nothing is left to do.
    pub(super) fn is_person(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        identified: &Identified,
        user: &str,
        out: &mut Vec<u8>,
    ) -> bool {
        let known = request.facts.existence;
        match known.unwrap_or_else(|| self.identity.exists_now(user)) {
            Existence::Local | Existence::Directory => return true,
            Existence::Unknown => self.beyond(outbox, request, identified, Beyond::Unknown, out),
            Existence::Unavailable { retry_after } => {
                let seconds = retry_after.as_secs().max(1).to_string();
                self.refuse(outbox, request, 503, None, &[("Retry-After", &seconds)], out);
            }
            Existence::MustWait => self.ask_existence(outbox, request, identified, user, out),
        }
        false
    }

    fn ask_existence(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        identified: &Identified,
        user: &str,
        out: &mut Vec<u8>,
    ) {
        self.trying(outbox, request, out);
        let (flow, server) = (request.flow, request.server);
        let bytes = Bytes::copy_from_slice(request.message.bytes());
        let (user, identified) = (user.to_owned(), identified.clone());
        let parked = self.park(move |engine| async move {
            let existence = engine.identity.exists(&user).await;
            let facts = Facts {
                existence: Some(existence),
                identified: Some(identified),
                ..Facts::default()
            };
            engine.resume(&bytes, flow, server, facts);
        });
        if !parked {
            EngineCounts::add(&self.counts.shed);
            self.refuse(outbox, request, 503, None, &[("Retry-After", "10")], out);
        }
    }
}
