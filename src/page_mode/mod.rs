//! Page-mode messaging (RFC 3428): what becomes of a MESSAGE.
//!
//! [`Delivery`] decides for one message while it is with the devices; [`Held`] keeps what they
//! could not take; [`PageMode`] joins the two with the house rules. Sending is the shell's.

mod delivery;
mod held;
mod message;
mod stored;

use std::sync::Arc;
use std::time::Duration;

pub use delivery::{Delivery, Outcome, Reply, Step, Steps, Unreached, keeps};
pub use held::{
    Held, HeldEntry, HoldError, HoldRequest, Holding, Known, Room, Undelivered, Waiting,
};
pub use message::{cpim, expires_at, fingerprint, is_composing, is_notification};
pub use stored::{erasure, erasure_of_device, held_for};

use arc_swap::ArcSwap;
use smallvec::SmallVec;

use crate::clock::{Tick, WallTime};
use crate::model::DeviceKey;
use crate::registrar::{Binding, Row};
use crate::store::{Store, StoreError};

/// House rules of page mode.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a message is held at most.
    pub retention: Duration,
    /// How long a notification of what became of a message is held at most.
    pub notification_retention: Duration,
    /// How many messages are held for one person.
    pub max_held_per_user: usize,
    /// How many of one sender are held for one person.
    pub max_held_per_sender: usize,
    /// How long a live device may stay silent before the sender gets a 202.
    pub patience: Duration,
    /// The largest body, bytes.
    pub max_body: usize,
}

impl Settings {
    fn room(&self) -> Room {
        Room { per_person: self.max_held_per_user, per_sender: self.max_held_per_sender }
    }
}

/// Page mode's decisions and its queue.
pub struct PageMode {
    settings: ArcSwap<Settings>,
    held: Held,
}

/// Where a message for a person goes now, and for whom it must wait.
#[derive(Debug, Default)]
pub struct Plan {
    /// The contacts to send to, best first.
    pub targets: SmallVec<[Binding; 2]>,
    /// Devices that are not here, or have older messages to take first.
    pub absent: SmallVec<[DeviceKey; 2]>,
}

impl Plan {
    /// All of the devices, whether they are here or not.
    #[must_use]
    pub fn devices(self) -> SmallVec<[DeviceKey; 2]> {
        let mut devices = self.absent;
        for binding in self.targets {
            if !devices.contains(&binding.device) {
                devices.push(binding.device);
            }
        }
        devices
    }
}

impl PageMode {
    /// Page mode on what `store` holds.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn open(
        settings: Settings,
        store: Arc<dyn Store>,
        now: WallTime,
    ) -> Result<PageMode, StoreError> {
        // Of messages that came while the clock was far ahead none lasts longer than others.
        let latest = now + settings.retention;
        let held = Held::open(store, settings.room(), latest)?;
        Ok(PageMode { settings: ArcSwap::from_pointee(settings), held })
    }

    /// The house rules.
    #[must_use]
    pub fn settings(&self) -> arc_swap::Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Goes by other rules from now on; what is held already stays as it is.
    pub fn set(&self, settings: Settings) {
        self.held.set_room(settings.room());
        self.settings.store(Arc::new(settings));
    }

    /// The queue.
    #[must_use]
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Plans a new message: a device with messages waiting gets it behind them, never before; a
    /// `notification` goes behind everything, and nothing but others of its kind behind it.
    #[must_use]
    pub fn plan(&self, aor: &str, row: Option<&Row>, notification: bool, now: Tick) -> Plan {
        let mut plan = Plan::default();
        let Some(row) = row else { return plan };
        let nothing_held = self.held.is_empty();
        for binding in row.targets(now) {
            if nothing_held || !self.held.waits(aor, &binding.device, notification) {
                plan.targets.push(binding.clone());
            } else if !plan.absent.contains(&binding.device) {
                plan.absent.push(binding.device.clone());
            }
        }
        plan.targets.sort_by_key(|binding| std::cmp::Reverse(binding.q));
        for seen in &row.seen {
            if !plan.targets.iter().any(|binding| binding.device == seen.device)
                && !plan.absent.contains(&seen.device)
            {
                plan.absent.push(seen.device.clone());
            }
        }
        plan
    }

    /// When a message that arrived at `arrived` runs out; `None` if it may not be held at all.
    #[must_use]
    pub fn keep_until(
        &self,
        message: &crate::sip::wire::Message<'_>,
        arrived: WallTime,
    ) -> Option<WallTime> {
        if is_composing(message) {
            return None;
        }
        expires_at(message, arrived, self.settings.load().retention)
    }
}
