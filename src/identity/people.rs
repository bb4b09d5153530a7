//! Everybody who is known now: rows of the store and answers of the directory. Readers take no
//! lock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use papaya::HashMap;

use super::name::UserName;
use super::person::Person;

/// Names that are known to be nobody's, at most; they come from whoever asks.
const MOST_ABSENT: usize = 16_384;
/// How many entries are looked at for one to give up.
const SAMPLE: usize = 16;
const STRIPES: usize = 32;

fn bound(capacity: u64) -> usize {
    usize::try_from(capacity).unwrap_or(usize::MAX).max(1)
}

#[derive(Debug)]
pub(super) struct People {
    map: HashMap<UserName, Arc<Person>>,
    /// One writer at a time for each name.
    writers: [Mutex<()>; STRIPES],
    capacity: AtomicUsize,
    /// Entries that hold only what the directory said.
    cached: AtomicUsize,
    /// Those of them that are nobody.
    absent: AtomicUsize,
}

impl People {
    pub(super) fn new(capacity: u64) -> People {
        People {
            map: HashMap::new(),
            writers: std::array::from_fn(|_| Mutex::default()),
            capacity: AtomicUsize::new(bound(capacity)),
            cached: AtomicUsize::new(0),
            absent: AtomicUsize::new(0),
        }
    }

    /// Keeps so many from now on; what is there stays until room is needed.
    pub(super) fn set_capacity(&self, capacity: u64) {
        self.capacity.store(bound(capacity), Ordering::Relaxed);
    }

    /// Reads one person. Quick: runs inside an epoch.
    pub(super) fn with<T>(&self, name: &str, read: impl FnOnce(Option<&Arc<Person>>) -> T) -> T {
        let map = self.map.pin();
        read(map.get(name))
    }

    /// Changes one person: `change` is given what there is and returns what there is to be.
    pub(super) fn change(
        &self,
        name: &UserName,
        change: impl FnOnce(Option<&Arc<Person>>) -> Option<Person>,
    ) {
        let stripe = name.bytes().fold(0usize, |sum, b| sum.wrapping_mul(31) + usize::from(b));
        let writer = &self.writers[stripe % STRIPES];
        let _only = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let map = self.map.pin();
        let before = map.get(name);
        let after = change(before);
        let was = before.map(weight);
        let will = after.as_ref().map(weight);
        if let Some((_, absent)) = will.filter(|(cached, _)| *cached && was.is_none()) {
            if absent && self.absent.load(Ordering::Relaxed) >= MOST_ABSENT {
                return;
            }
            if self.cached.load(Ordering::Relaxed) >= self.capacity.load(Ordering::Relaxed) {
                self.give_up_one(name);
            }
        }
        self.count(was, will);
        match after {
            Some(person) => {
                map.insert(name.clone(), Arc::new(person));
            }
            None => {
                map.remove(name);
            }
        }
    }

    /// Everybody's name who fits.
    pub(super) fn names(&self, fits: impl Fn(&Person) -> bool) -> Vec<UserName> {
        let map = self.map.pin();
        map.iter().filter(|(_, person)| fits(person)).map(|(name, _)| name.clone()).collect()
    }

    /// Calls `see` with everybody.
    pub(super) fn each(&self, mut see: impl FnMut(&UserName, &Arc<Person>)) {
        for (name, person) in &self.map.pin() {
            see(name, person);
        }
    }

    /// Entries that hold only what the directory said.
    pub(super) fn cached(&self) -> usize {
        self.cached.load(Ordering::Relaxed)
    }

    /// Gives up the entry that was asked about longest ago among a few. Without the lock of that
    /// name: at worst an answer is asked for again.
    fn give_up_one(&self, but: &UserName) {
        let map = self.map.pin();
        let candidates =
            map.iter().filter(|(name, person)| *name != but && person.is_cached_only());
        // An iteration begins at the same place each time; a random start spreads the loss.
        let skip = usize::try_from(crate::entropy::below(SAMPLE as u64)).unwrap_or(0);
        let oldest = candidates.skip(skip).take(SAMPLE).min_by_key(|(_, person)| {
            person.fact.as_ref().map(|fact| (fact.is_present(), fact.at))
        });
        if let Some((name, person)) = oldest
            && map.remove(name).is_some()
        {
            self.count(Some(weight(person)), None);
        }
    }

    fn count(&self, was: Option<(bool, bool)>, will: Option<(bool, bool)>) {
        let step = |counter: &AtomicUsize, was: bool, will: bool| match (was, will) {
            (false, true) => {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            (true, false) => {
                // Saturating: a race over an entry that is given up may count it twice.
                let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                    Some(n.saturating_sub(1))
                });
            }
            _ => {}
        };
        let (was, will) = (was.unwrap_or_default(), will.unwrap_or_default());
        step(&self.cached, was.0, will.0);
        step(&self.absent, was.1, will.1);
    }
}

/// Whether an entry counts as cached, and as nobody.
fn weight(person: impl AsRef<Person>) -> (bool, bool) {
    let person = person.as_ref();
    let absent = person.fact.as_ref().is_some_and(|fact| !fact.is_present());
    (person.is_cached_only(), person.is_cached_only() && absent)
}

impl AsRef<Person> for Person {
    fn as_ref(&self) -> &Person {
        self
    }
}
