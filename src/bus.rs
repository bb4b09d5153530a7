//! Hints between services. A [`Change`] carries a key, never a value: whoever hears it reads the
//! truth from its owner, and whoever lags reads everything again. Nothing that protects anything
//! depends on it.

use crate::store::{Announcer, Table};
pub use crate::store::{Change, Notice, Watch};

/// The bus; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Bus(Announcer);

impl Bus {
    /// A bus that nobody listens to yet.
    #[must_use]
    pub fn new() -> Bus {
        Bus::default()
    }

    /// Tells everybody that `key` in `table` changed. Never waits; costs next to nothing while
    /// nobody listens.
    pub fn publish(&self, table: Table, key: &[u8]) {
        if self.0.is_heard() {
            self.0.announce(Change::new(table, key));
        }
    }

    /// Receives everything published from now on.
    #[must_use]
    pub fn receive(&self) -> Watch {
        self.0.watch()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_hears_what_is_published_after_it_came() {
        let bus = Bus::new();
        bus.publish(Table::Bindings, b"before");
        let mut watch = bus.receive();
        bus.publish(Table::Bindings, b"after");
        let heard = Notice::Changed(Change::new(Table::Bindings, b"after"));
        assert_eq!(watch.try_next(), Some(heard));
        assert_eq!(watch.try_next(), None);
    }

    #[test]
    fn a_receiver_that_lags_is_told_to_read_again() {
        let bus = Bus::new();
        let mut watch = bus.receive();
        for number in 0..10_000_u32 {
            bus.publish(Table::Bindings, &number.to_be_bytes());
        }
        assert_eq!(watch.try_next(), Some(Notice::Lagged));
        drop(bus);
        let mut last = watch.try_next();
        while let Some(Notice::Changed(_)) = last {
            last = watch.try_next();
        }
        assert_eq!(last, Some(Notice::Closed));
    }
}
