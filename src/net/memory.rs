//! How much of the memory that it may use the server uses, and what follows from that.
//!
//! ```text
//!           85 %           95 %
//!  normal ───────> tight ───────> critical
//!     ^──────────────┘ ^─────────────┘
//!           80 %           90 %
//! ```
//!
//! Tight: no new connection is taken, no binding, subscription or publication begun. Critical: the
//! oldest connections that nobody signed in on end as well, and messages are put off.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use super::engine::Engine;
use super::priority::Load;

/// Connections of strangers that end at each look while memory is critical, at least.
const CLEARED: usize = 16;

/// How the memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// There is enough.
    #[default]
    Normal,
    /// From 85 hundredths of the ceiling on.
    Tight,
    /// From 95 hundredths on.
    Critical,
}

impl Pressure {
    const ALL: [Pressure; 3] = [Pressure::Normal, Pressure::Tight, Pressure::Critical];

    /// As `status` names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Pressure::Normal => "normal",
            Pressure::Tight => "tight",
            Pressure::Critical => "critical",
        }
    }

    /// The hundredths of the ceiling at which it begins.
    const fn begins(self) -> u64 {
        match self {
            Pressure::Normal => 0,
            Pressure::Tight => 85,
            Pressure::Critical => 95,
        }
    }

    /// What follows for requests.
    const fn load(self) -> Load {
        Load(self.begins() as u8)
    }
}

/// How much below its beginning a pressure ends, in hundredths.
const SLACK: u64 = 5;

/// The memory of the process as it was seen last.
#[derive(Debug)]
pub(super) struct Memory {
    ceiling: Option<u64>,
    used: AtomicU64,
    pressure: AtomicU8,
}

impl Memory {
    /// May use so many bytes; without a ceiling there is never any pressure.
    pub(super) fn new(ceiling: Option<u64>) -> Memory {
        Memory {
            ceiling: ceiling.filter(|bytes| *bytes > 0),
            used: AtomicU64::new(0),
            pressure: AtomicU8::new(0),
        }
    }

    /// The pressure as it was seen last.
    pub(super) fn pressure(&self) -> Pressure {
        let index = usize::from(self.pressure.load(Ordering::Relaxed));
        Pressure::ALL.get(index).copied().unwrap_or_default()
    }

    /// The load that it means for requests.
    pub(super) fn load(&self) -> Load {
        self.pressure().load()
    }

    /// Takes note of how many bytes are used; gives the pressure if that has changed it.
    fn observe(&self, used: u64) -> Option<Pressure> {
        self.used.store(used, Ordering::Relaxed);
        let before = self.pressure();
        let ceiling = self.ceiling?;
        let hundredths = u64::try_from(u128::from(used) * 100 / u128::from(ceiling)).ok()?;
        let stands = |pressure: &Pressure| {
            let slack = if *pressure <= before { SLACK } else { 0 };
            hundredths >= pressure.begins().saturating_sub(slack)
        };
        let now = Pressure::ALL.into_iter().rfind(stands).unwrap_or_default();
        self.pressure.store(now as u8, Ordering::Relaxed);
        (now != before).then_some(now)
    }
}

/// Figures of memory for status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryFigures {
    /// How it is.
    pub pressure: Pressure,
    /// Resident bytes.
    pub used: u64,
    /// What the process may use; `None` for no ceiling.
    pub ceiling: Option<u64>,
}

impl Engine {
    /// How often [`Engine::weigh`] wants to be called.
    pub const WEIGH_INTERVAL: Duration = Duration::from_secs(1);

    /// Takes note of the resident memory of the process in bytes, and does what follows. Not for the
    /// hot path, which reads one number.
    pub fn weigh(&self, used: u64) {
        let changed = self.memory.observe(used);
        let pressure = self.memory.pressure();
        let places = self.egress.places();
        if let Some(pressure) = changed {
            places.close(pressure >= Pressure::Tight);
            let ceiling = self.memory.ceiling.unwrap_or_default();
            let pressure = pressure.name();
            tracing::warn!(event = "memory", pressure, used, ceiling, "memory pressure changed");
        }
        if pressure == Pressure::Critical {
            places.clear((places.len() / 4).max(CLEARED));
        }
    }

    /// How the memory was when it was weighed last.
    #[must_use]
    pub fn memory(&self) -> MemoryFigures {
        MemoryFigures {
            pressure: self.memory.pressure(),
            used: self.memory.used.load(Ordering::Relaxed),
            ceiling: self.memory.ceiling,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 3, item 8.
    #[test]
    fn pressure_begins_at_85_and_95_hundredths_and_ends_5_below() {
        let memory = Memory::new(Some(1_000));
        for (used, pressure) in [
            (849, Pressure::Normal),
            (850, Pressure::Tight),
            (800, Pressure::Tight),
            (949, Pressure::Tight),
            (950, Pressure::Critical),
            (900, Pressure::Critical),
            (899, Pressure::Tight),
            (799, Pressure::Normal),
            (849, Pressure::Normal),
            (5_000, Pressure::Critical),
            (10, Pressure::Normal),
            (u64::MAX, Pressure::Critical),
        ] {
            let before = memory.pressure();
            let told = memory.observe(used);
            assert_eq!(memory.pressure(), pressure, "{used}");
            assert_eq!(told, (before != pressure).then_some(pressure), "{used}");
        }
    }

    #[test]
    fn without_a_ceiling_there_is_no_pressure() {
        for ceiling in [None, Some(0)] {
            let memory = Memory::new(ceiling);
            assert_eq!(memory.observe(u64::MAX), None);
            assert_eq!(memory.load(), Load(0));
        }
    }
}
