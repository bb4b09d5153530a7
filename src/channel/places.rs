//! How many connections there may be of those that nobody authenticated on: one count for every
//! listener, so that nobody takes what is meant for one of them at each.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Places for connections, bounded by source and in all.
#[derive(Debug)]
pub struct Places {
    per_source: usize,
    total: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

impl Places {
    /// At most `per_source` of one source and `total` in all.
    #[must_use]
    pub fn new(per_source: usize, total: usize) -> Arc<Places> {
        Arc::new(Places { per_source, total, open: Mutex::default() })
    }

    /// A place for a connection of `source`, or none. It is given back when it is dropped.
    #[must_use]
    pub fn take(self: &Arc<Self>, source: IpAddr) -> Option<Place> {
        let source = source.to_canonical();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let here = open.by_source.get(&source).copied().unwrap_or(0);
        if open.total >= self.total || here >= self.per_source {
            return None;
        }
        open.total += 1;
        open.by_source.insert(source, here + 1);
        Some(Place { places: Arc::clone(self), source })
    }
}

/// A connection's place.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    source: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        match open.by_source.get_mut(&self.source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let places = Places::new(2, 3);
        let (one, two) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = places.take(one).unwrap();
        let _second = places.take("::ffff:192.0.2.1".parse().unwrap()).unwrap();
        assert!(places.take(one).is_none(), "over the bound of a source");
        let third = places.take(two).unwrap();
        assert!(places.take(two).is_none(), "over the bound of all");
        drop(first);
        let _fourth = places.take(one).unwrap();
        drop(third);
        assert!(places.take(two).is_some());
        assert_eq!(places.open.lock().unwrap().by_source.len(), 1);
    }
}
