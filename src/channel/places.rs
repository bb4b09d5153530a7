//! Which connections there may be of those that nobody authenticated on: one count for every
//! listener, so that nobody takes what is meant for one of them at each.
//!
//! Behind one address there may be a whole campus, and all of it comes back at once after a restart.
//! So an address has room for those who are at home there ([`Residents`]) beside what it has for
//! strangers. When its room is used up, a newcomer takes the place of whoever has had one for a
//! while and said nothing: half a handshake holds nobody else out.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::clock::Tick;

/// Connections that a person has at once while he comes back: two devices, or one that tries again.
const PER_PERSON: usize = 2;

/// Who has asked nothing for so long gives way to a newcomer. Whoever does what a client does is
/// through with his handshake by then, also when many come together.
const SILENT: Duration = Duration::from_secs(1);

/// Who has asked something and not signed in for so long does so too.
const UNDECIDED: Duration = Duration::from_secs(5);

/// What one subscriber has: an IPv4 address or an IPv6 /64.
#[must_use]
pub fn subscriber(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Knows who lives where.
pub trait Residents: Send + Sync {
    /// How many people signed in from there lately. The source is a [`subscriber`].
    fn people(&self, source: IpAddr) -> usize;
}

/// How many places there are.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// For strangers of one source.
    pub per_source: usize,
    /// For strangers of all sources.
    pub strangers: usize,
    /// For all of them and those who are at home where they come from.
    pub total: usize,
}

/// Places for connections, bounded by source and in all.
pub struct Places {
    room: Room,
    residents: OnceLock<Arc<dyn Residents>>,
    closed: AtomicBool,
    displaced: AtomicU64,
    open: Mutex<Open>,
}

/// Ends the connection of a place.
type Leave = Box<dyn FnOnce() + Send>;

struct Seat {
    source: IpAddr,
    since: Tick,
    asked: bool,
    /// Whether it is one of those for strangers.
    stranger: bool,
    leave: Option<Leave>,
}

/// Places in the order in which they were taken.
#[derive(Default)]
struct Queue {
    silent: BTreeSet<u64>,
    asked: BTreeSet<u64>,
}

impl Queue {
    fn of(&mut self, asked: bool) -> &mut BTreeSet<u64> {
        if asked { &mut self.asked } else { &mut self.silent }
    }

    fn len(&self) -> usize {
        self.silent.len() + self.asked.len()
    }
}

#[derive(Default)]
struct Open {
    next: u64,
    seats: HashMap<u64, Seat>,
    by_source: HashMap<IpAddr, Queue>,
    strangers: Queue,
}

impl Open {
    fn seat(&mut self, seat: Seat) -> u64 {
        let number = self.next;
        self.next += 1;
        self.by_source.entry(seat.source).or_default().silent.insert(number);
        if seat.stranger {
            self.strangers.silent.insert(number);
        }
        self.seats.insert(number, seat);
        number
    }

    fn remove(&mut self, number: u64) -> Option<Seat> {
        let seat = self.seats.remove(&number)?;
        if let Some(here) = self.by_source.get_mut(&seat.source) {
            here.of(seat.asked).remove(&number);
            if here.len() == 0 {
                self.by_source.remove(&seat.source);
            }
        }
        if seat.stranger {
            self.strangers.of(seat.asked).remove(&number);
        }
        Some(seat)
    }

    fn asked(&mut self, number: u64) {
        let Some(seat) = self.seats.get_mut(&number).filter(|seat| !seat.asked) else { return };
        seat.asked = true;
        if let Some(here) = self.by_source.get_mut(&seat.source) {
            here.silent.remove(&number);
            here.asked.insert(number);
        }
        if seat.stranger {
            self.strangers.silent.remove(&number);
            self.strangers.asked.insert(number);
        }
    }

    /// Who gives way: of one source, or of all strangers.
    fn who_gives_way(&self, source: Option<IpAddr>, now: Tick) -> Option<u64> {
        let queue = match source {
            Some(source) => self.by_source.get(&source)?,
            None => &self.strangers,
        };
        [(&queue.silent, SILENT), (&queue.asked, UNDECIDED)].into_iter().find_map(
            |(order, after)| {
                let oldest = *order.first()?;
                (now.since(self.seats.get(&oldest)?.since) >= after).then_some(oldest)
            },
        )
    }
}

impl Places {
    /// So many.
    #[must_use]
    pub fn new(room: Room) -> Arc<Places> {
        Arc::new(Places {
            room,
            residents: OnceLock::new(),
            closed: AtomicBool::new(false),
            displaced: AtomicU64::new(0),
            open: Mutex::default(),
        })
    }

    /// Sets who knows how many are at home where; the first one stays. Without it nobody is.
    pub fn know(&self, residents: Arc<dyn Residents>) {
        let _ = self.residents.set(residents);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection of `source`, or none. It is given back when it is dropped.
    #[must_use]
    pub fn take(self: &Arc<Self>, source: IpAddr, now: Tick) -> Option<Place> {
        if self.closed.load(Ordering::Relaxed) {
            return None;
        }
        let source = subscriber(source);
        let people = self.residents.get().map_or(0, |residents| residents.people(source));
        let own = people.saturating_mul(PER_PERSON);
        let mut open = self.lock();
        let here = open.by_source.get(&source).map_or(0, Queue::len);
        let stranger = here >= own;
        let displaced = if here >= self.room.per_source.saturating_add(own) {
            Some(open.who_gives_way(Some(source), now)?)
        } else if (stranger && open.strangers.len() >= self.room.strangers)
            || open.seats.len() >= self.room.total
        {
            Some(open.who_gives_way(None, now)?)
        } else {
            None
        };
        let leave = displaced.and_then(|number| open.remove(number)).and_then(|seat| seat.leave);
        let number = open.seat(Seat { source, since: now, asked: false, stranger, leave: None });
        drop(open);
        self.displaced.fetch_add(u64::from(displaced.is_some()), Ordering::Relaxed);
        if let Some(leave) = leave {
            leave();
        }
        Some(Place { places: Arc::clone(self), number, asked: AtomicBool::new(false) })
    }

    /// Whether newcomers are refused for now, whoever they are.
    pub fn close(&self, closed: bool) {
        self.closed.store(closed, Ordering::Relaxed);
    }

    /// Ends the oldest connections, at most so many; those that asked nothing first. Gives how many.
    pub fn clear(&self, most: usize) -> usize {
        let mut open = self.lock();
        let mut order: Vec<(bool, u64)> =
            open.seats.iter().map(|(number, seat)| (seat.asked, *number)).collect();
        order.sort_unstable();
        order.truncate(most);
        let gone: Vec<Seat> = order.iter().filter_map(|(_, number)| open.remove(*number)).collect();
        drop(open);
        self.displaced.fetch_add(gone.len() as u64, Ordering::Relaxed);
        let count = gone.len();
        gone.into_iter().filter_map(|seat| seat.leave).for_each(|leave| leave());
        count
    }

    /// Connections that have a place.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().seats.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Connections that had to end for others or for want of memory.
    #[must_use]
    pub fn displaced(&self) -> u64 {
        self.displaced.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("room", &self.room).finish_non_exhaustive()
    }
}

/// A connection's place.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    number: u64,
    asked: AtomicBool,
}

impl Place {
    /// What ends the connection when its place goes to another one; in the place of what was set
    /// before. It is done at once if that has happened. It must not wait, nor take a place.
    pub fn on_leave(&self, leave: impl FnOnce() + Send + 'static) {
        let mut leave: Option<Leave> = Some(Box::new(leave));
        let mut open = self.places.lock();
        if let Some(seat) = open.seats.get_mut(&self.number) {
            // What was set before is dropped without the lock.
            std::mem::swap(&mut seat.leave, &mut leave);
            drop(open);
            return;
        }
        drop(open);
        if let Some(leave) = leave {
            leave();
        }
    }

    /// Notes that a whole request came. Costs one atomic operation when repeated.
    pub fn asked(&self) {
        if !self.asked.load(Ordering::Relaxed) && !self.asked.swap(true, Ordering::Relaxed) {
            self.places.lock().asked(self.number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let seat = self.places.lock().remove(self.number);
        drop(seat);
    }
}

#[cfg(test)]
mod tests;
