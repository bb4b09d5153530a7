//! What the server says of itself to people.

use super::Server;
use crate::app::administration::Live as _;
use crate::app::alerts::Circumstances;
use crate::clock::{Tick, WallTime};
use crate::identity::Existence;
use crate::operations::Status;
use crate::store::{Mode, Store as _};

impl Server {
    /// How things stand that owners are told of.
    pub(in crate::app) fn circumstances(&self) -> Circumstances {
        let mut status = Status::default();
        self.describe(&mut status);
        let store = self.site.store.health();
        let writable = store.mode == Mode::Writable;
        Circumstances {
            certificate: self
                .certificates
                .not_after()
                .map(|ends| (self.certificates.source(), ends)),
            certificate_error: status.tls.and_then(|tls| tls.error),
            directory_down: (status.ldap.state == "down")
                .then(|| status.ldap.detail.unwrap_or_default()),
            people_held: status.ldap.held_people,
            space_is_low: store.space_is_low,
            read_only: (!writable).then(|| status.store.detail.unwrap_or_default()),
            memory_is_short: self.engine.memory().pressure.name() != "normal",
        }
    }

    pub(in crate::app) fn time(&self) -> (Tick, WallTime) {
        (self.site.clock.now(), self.site.clock.wall())
    }

    pub(in crate::app) fn domain(&self) -> &str {
        self.site.identity.domain()
    }

    /// Writes to a person; says how many of his contacts are here.
    pub(in crate::app) fn tell_person(&self, person: &str, text: &str) -> usize {
        let person = self.site.identity.canonical(person);
        if self.site.identity.exists_now(&person) == Existence::Unknown {
            tracing::warn!(event = "nobody_told", person = %person, "there is no such person");
            return 0;
        }
        self.engine.tell(&self.aor(&person), text)
    }
}
