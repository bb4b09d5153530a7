//! What goes over the wire, shown to whoever wants to see it.

use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

/// Is shown every byte of a connection, behind TLS and WebSocket: for finding out what a peer does.
/// It sees what people write; it is off unless it is set.
#[derive(Clone)]
pub struct WireDump(Arc<Show>);

type Show = dyn Fn(Direction, &[u8]) + Send + Sync;

impl WireDump {
    /// Calls `show` with the bytes of each read and each part of a write.
    #[must_use]
    pub fn new(show: impl Fn(Direction, &[u8]) + Send + Sync + 'static) -> WireDump {
        WireDump(Arc::new(show))
    }

    pub(super) fn show(&self, direction: Direction, bytes: &[u8]) {
        (self.0)(direction, bytes);
    }

    /// Shows the first `count` bytes of these parts.
    pub(super) fn show_parts(&self, parts: &[IoSlice<'_>], mut count: usize) {
        for part in parts {
            let shown = part.get(..count.min(part.len())).unwrap_or_default();
            if shown.is_empty() {
                return;
            }
            self.show(Direction::Out, shown);
            count -= shown.len();
        }
    }
}

impl fmt::Debug for WireDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WireDump")
    }
}
