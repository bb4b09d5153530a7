//! How long the directory takes, and how often it fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::latency::{Histogram, Latency};

/// What is asked of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// One person.
    Search,
    /// A password.
    Bind,
    /// Whether it is there.
    Probe,
    /// Everybody, and their groups.
    List,
}

impl Operation {
    const ALL: [Operation; 4] =
        [Operation::Search, Operation::Bind, Operation::Probe, Operation::List];

    const fn name(self) -> &'static str {
        match self {
            Operation::Search => "search",
            Operation::Bind => "bind",
            Operation::Probe => "probe",
            Operation::List => "list",
        }
    }
}

/// What a directory's answers cost so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// How long operations took, failed ones included, by what was asked.
    pub operations: Vec<(&'static str, Latency)>,
    /// Operations that failed.
    pub errors: u64,
}

impl Times {
    /// Those that somebody waits for: a search for one person, or a password that is tried.
    #[must_use]
    pub fn of_people(&self) -> Latency {
        let people = self.operations.iter().filter(|(name, _)| ["search", "bind"].contains(name));
        people.fold(Latency::default(), |all, (_, one)| all.and(one))
    }
}

#[derive(Debug, Default)]
pub(super) struct Watch {
    operations: [Histogram; Operation::ALL.len()],
    errors: AtomicU64,
}

impl Watch {
    pub(super) fn note(&self, operation: Operation, took: Duration, failed: bool) {
        let place = Operation::ALL.iter().position(|known| *known == operation);
        if let Some(histogram) = place.and_then(|place| self.operations.get(place)) {
            histogram.observe(took);
        }
        if failed {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self) -> Times {
        let read =
            |(operation, histogram): (Operation, &Histogram)| (operation.name(), histogram.read());
        Times {
            operations: Operation::ALL.into_iter().zip(&self.operations).map(read).collect(),
            errors: self.errors.load(Ordering::Relaxed),
        }
    }
}
