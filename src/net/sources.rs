//! The addresses that packets leave with.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Tick;

/// How long the kernel's choice is remembered: routes seldom change, and asking takes four system
/// calls.
const LASTS: Duration = Duration::from_secs(10);

/// Addresses that are remembered at most; neighbours are few.
const MOST: usize = 256;

/// Which of our addresses the kernel chooses towards others, remembered for a moment.
#[derive(Debug, Default)]
pub(super) struct Sources {
    known: Mutex<HashMap<IpAddr, (IpAddr, Tick)>>,
}

impl Sources {
    /// The address that packets to `remote` leave with. Nothing is sent.
    pub(super) fn towards(&self, now: Tick, remote: SocketAddr) -> Option<IpAddr> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((source, asked)) = known.get(&remote.ip())
            && now.since(*asked) < LASTS
        {
            return Some(*source);
        }
        let source = chosen(remote);
        // Without a descriptor to ask with, what was known last is the better guess.
        let Some(source) = source else { return known.get(&remote.ip()).map(|(last, _)| *last) };
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(remote.ip(), (source, now));
        Some(source)
    }
}

/// The kernel's choice of route.
fn chosen(remote: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if remote.is_ipv6() {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(remote).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_towards_loopback_is_loopback_and_remembered_for_a_while() {
        let sources = Sources::default();
        let remote: SocketAddr = "127.0.0.1:5060".parse().unwrap();
        let now = Tick::ZERO + Duration::from_secs(1);
        assert_eq!(sources.towards(now, remote), Some(remote.ip()));
        let other = IpAddr::from([192, 0, 2, 1]);
        sources.known.lock().unwrap().insert(remote.ip(), (other, now));
        assert_eq!(sources.towards(now, remote), Some(other));
        assert_eq!(sources.towards(now + LASTS, remote), Some(remote.ip()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let sources = Sources::default();
        for host in 0..2 * MOST as u32 {
            let remote = SocketAddr::from((Ipv4Addr::from_bits(0x7f00_0001 + host), 5060));
            let _ = sources.towards(Tick::ZERO, remote);
        }
        assert!(sources.known.lock().unwrap().len() <= MOST);
    }
}
