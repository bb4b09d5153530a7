//! What is served first when there is not room for all: one table for every bounded resource.
//!
//! A resource refuses class by class as it fills, the least important first. What was begun is carried
//! to its end; a device that is bound stays bound; then messages and calls; then what would begin to
//! take memory; strangers last. What a class gets instead is 503 with a Retry-After, which
//! spreads those who come again. RFC 7339, by which neighbours would be told how much to
//! send, is not implemented.

use std::sync::atomic::Ordering;

use super::Outbox;
use super::auth::Identified;
use super::dispatch::Request;
use super::engine::{Engine, EngineCounts, MAX_PARKED};
use super::shard::State;
use crate::sip::header::HeaderName;
use crate::sip::method::Method;

/// What a request is to us, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Of a dialog that is set up, or a response, an ACK, a CANCEL.
    Underway,
    /// Renews or ends a binding or a publication that stands.
    Refresh,
    /// A message, a call, or what else a person sends to somebody.
    Personal,
    /// Begins a binding, a subscription or a publication.
    Opening,
    /// Of somebody who has not signed in where it comes from, and shows no credentials.
    Stranger,
}

impl Class {
    /// Up to how many hundredths of a resource the class may fill it.
    const fn share(self) -> u8 {
        match self {
            // The bound itself refuses those.
            Class::Underway => u8::MAX,
            Class::Refresh => 97,
            Class::Personal => 90,
            Class::Opening => 80,
            Class::Stranger => 70,
        }
    }

    /// Whether there is room for it.
    pub(super) const fn is_admitted(self, load: Load) -> bool {
        matches!(self, Class::Underway) || load.0 < self.share()
    }
}

/// How full the fullest resource is, in hundredths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Load(pub(super) u8);

impl Load {
    /// So many of so many.
    pub(super) fn of(taken: usize, all: usize) -> Load {
        let hundredths = taken.saturating_mul(100) / all.max(1);
        Load(u8::try_from(hundredths).unwrap_or(u8::MAX))
    }

    /// Whether it makes a difference to anybody.
    const fn is_felt(self) -> bool {
        !Class::Stranger.is_admitted(self)
    }
}

impl Engine {
    /// The load that a request meets: of the transactions of its shard, its own not counted; of what
    /// waits; and of memory.
    pub(super) fn load(&self, state: &State) -> Load {
        let (active, most) = state.transactions.room();
        let parked = self.parked.load(Ordering::Relaxed);
        Load::of(active.saturating_sub(1), most)
            .max(Load::of(parked, MAX_PARKED))
            .max(self.memory.load())
    }

    /// Whether a request of nobody that is known is put off; then it was answered.
    pub(super) fn puts_off_stranger(
        &self,
        outbox: &mut Outbox,
        request: &mut Request<'_, '_>,
        out: &mut Vec<u8>,
    ) -> bool {
        let stranger = request.load.is_felt() && self.is_stranger(request);
        stranger && self.puts_off(outbox, request, Class::Stranger, out)
    }

    /// Whether a request of somebody is put off; then it was answered.
    pub(super) fn puts_off_of(
        &self,
        outbox: &mut Outbox,
        request: &mut Request<'_, '_>,
        identified: &Identified,
        out: &mut Vec<u8>,
    ) -> bool {
        request.load.is_felt() && {
            let class = self.class_of(request, identified);
            self.puts_off(outbox, request, class, out)
        }
    }

    /// Whether credentials that somebody shows are not asked after: he is not known where he is, and
    /// there is no room for strangers. Then it was answered.
    pub(super) fn puts_off_unproved(
        &self,
        outbox: &mut Outbox,
        request: &mut Request<'_, '_>,
        out: &mut Vec<u8>,
    ) -> bool {
        request.load.is_felt()
            && !self.guard.is_home(request.now, request.flow.remote)
            && self.puts_off(outbox, request, Class::Stranger, out)
    }

    fn puts_off(
        &self,
        outbox: &mut Outbox,
        request: &mut Request<'_, '_>,
        class: Class,
        out: &mut Vec<u8>,
    ) -> bool {
        if class.is_admitted(request.load) {
            return false;
        }
        EngineCounts::add(&self.counts.shed);
        EngineCounts::add(match class {
            Class::Underway | Class::Refresh => &self.counts.shed_refreshes,
            Class::Personal => &self.counts.shed_personal,
            Class::Opening => &self.counts.shed_openings,
            Class::Stranger => &self.counts.shed_strangers,
        });
        // It takes no room that others need.
        request.remembered = false;
        let seconds = self.retry_after(request.message).to_string();
        self.refuse(outbox, request, 503, None, &[("Retry-After", &seconds)], out);
        true
    }

    fn is_stranger(&self, request: &Request<'_, '_>) -> bool {
        let message = request.message;
        message.header(HeaderName::Authorization).is_none()
            && message.header(HeaderName::ProxyAuthorization).is_none()
            && !self.guard.is_home(request.now, request.flow.remote)
            && !self.is_trusted(request.flow.remote.ip())
    }

    fn class_of(&self, request: &Request<'_, '_>, identified: &Identified) -> Class {
        let message = request.message;
        let stands = match message.method() {
            Method::Register => {
                let aor = format!("{}@{}", identified.user, self.settings.domain);
                self.registrar.lookup(&aor).is_some()
            }
            Method::Subscribe if message.to().is_ok_and(|to| to.tag().is_some()) => {
                return Class::Underway;
            }
            Method::Subscribe => false,
            Method::Publish => message.header(HeaderName::SipIfMatch).is_some(),
            _ => return Class::Personal,
        };
        if stands { Class::Refresh } else { Class::Opening }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Class; 5] =
        [Class::Underway, Class::Refresh, Class::Personal, Class::Opening, Class::Stranger];

    /// Section 3, item 1: who is served at which load.
    #[test]
    fn classes_are_refused_from_the_least_important_up() {
        for (load, served) in [
            (0, 5),
            (69, 5),
            (70, 4),
            (79, 4),
            (80, 3),
            (89, 3),
            (90, 2),
            (96, 2),
            (97, 1),
            (255, 1),
        ] {
            let load = Load(load);
            let admitted: Vec<Class> =
                ALL.into_iter().filter(|class| class.is_admitted(load)).collect();
            assert_eq!(admitted, ALL[..served], "{load:?}");
        }
    }

    #[test]
    fn load_is_in_hundredths_of_what_there_is() {
        assert_eq!(Load::of(0, 0), Load(0));
        assert_eq!(Load::of(199, 1_000), Load(19));
        assert_eq!(Load::of(1_000, 1_000), Load(100));
        assert_eq!(Load::of(usize::MAX, 2), Load(u8::MAX));
        assert!(!Load::of(69, 100).is_felt() && Load::of(70, 100).is_felt());
    }
}
