//! The values that configuration keys take beside numbers and text: durations, listeners, networks.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a value was not understood; a plain sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub(super) String);

/// Reads `500ms`, `2s`, `10m`, `72h`, `14d`; a bare number is refused, because nobody knows of what.
pub fn parse_duration(text: &str) -> Result<Duration, ValueError> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let wrong = || {
        ValueError(format!(
            "{text:?} is not a duration; write a number and a unit: 500ms, 2s, 10m, 72h, 14d"
        ))
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit.trim() {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => return Err(wrong()),
    };
    // A hundred years keep every later addition far from overflow.
    match millis {
        Some(millis) if millis <= 100 * 366 * 86_400_000 => Ok(Duration::from_millis(millis)),
        _ => Err(ValueError(format!("{text:?} is longer than a hundred years"))),
    }
}

/// Writes a duration as [`parse_duration`] reads it, in the largest unit that divides it.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis >= size && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    if millis == 0 { "0s".to_owned() } else { format!("{millis}ms") }
}

/// For `#[serde(with = "duration")]`.
pub(super) mod duration {
    use super::{Duration, format_duration, parse_duration};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in crate::config) fn serialize<S: Serializer>(
        value: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration(*value))
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        parse_duration(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The scheme of a listener's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// SIP datagrams.
    Udp,
    /// SIP or MSRP over plain TCP.
    Tcp,
    /// SIP or MSRP over TLS.
    Tls,
    /// The web over TLS.
    Https,
    /// The web in the clear.
    Http,
}

impl Scheme {
    /// The text before `://`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Scheme::Udp => "udp",
            Scheme::Tcp => "tcp",
            Scheme::Tls => "tls",
            Scheme::Https => "https",
            Scheme::Http => "http",
        }
    }

    /// Whether the listener needs a certificate.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Scheme::Tls | Scheme::Https)
    }
}

/// Where to listen, written as a URL: `udp://[::]:5060`. Port 0 lets the system choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Listener {
    /// What is spoken there.
    pub scheme: Scheme,
    /// The address.
    pub address: SocketAddr,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.address)
    }
}

impl FromStr for Listener {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Listener, ValueError> {
        let wrong = |why: &str| {
            ValueError(format!(
                "{text:?} is not a listener: {why}; write for example udp://[::]:5060"
            ))
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "udp" => Scheme::Udp,
            "tcp" => Scheme::Tcp,
            "tls" => Scheme::Tls,
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(wrong("the scheme is none of udp, tcp, tls, https, http")),
        };
        let address = parse_address(rest.strip_suffix('/').unwrap_or(rest))
            .ok_or_else(|| wrong("after the scheme goes an IP address, a colon and a port"))?;
        Ok(Listener { scheme, address })
    }
}

/// `127.0.0.1:5060`, `[::]:5060`, `localhost:5060`. Other names are not looked up: which address a
/// server binds must not depend on a name server.
fn parse_address(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?));
    }
    text.parse().ok()
}

impl TryFrom<String> for Listener {
    type Error = ValueError;
    fn try_from(text: String) -> Result<Listener, ValueError> {
        text.parse()
    }
}

impl From<Listener> for String {
    fn from(listener: Listener) -> String {
        listener.to_string()
    }
}

/// A range of addresses: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether `address` lies inside. An IPv4-mapped IPv6 address counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                u32::from(network).checked_shr(shift) == u32::from(address).checked_shr(shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                u128::from(network).checked_shr(shift) == u128::from(address).checked_shr(shift)
            }
            _ => false,
        }
    }

    /// Whether this names every address of its family, or so large a part of it that a few of
    /// them do: more than a first octet settles.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.prefix < 8
    }
}

impl FromStr for Network {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Network, ValueError> {
        let wrong =
            || ValueError(format!("{text:?} is not an address or a network such as 192.0.2.0/24"));
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let parsed: IpAddr = address.trim_matches(['[', ']']).parse().map_err(|_| wrong())?;
        let mapped = parsed.is_ipv6() && parsed.to_canonical().is_ipv4();
        let width = if parsed.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(width);
        if prefix > width {
            return Err(wrong());
        }
        // ::ffff:0:0/96 is all of IPv4, so it must read as 0.0.0.0/0.
        match (mapped, prefix.checked_sub(96)) {
            (true, Some(rest)) => Ok(Network { address: parsed.to_canonical(), prefix: rest }),
            (true, None) => Ok(Network { address: parsed, prefix: 0 }),
            (false, _) => Ok(Network { address: parsed, prefix }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = if self.address.is_ipv4() { 32 } else { 128 };
        if self.prefix == width {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

impl TryFrom<String> for Network {
    type Error = ValueError;
    fn try_from(text: String) -> Result<Network, ValueError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> String {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["500ms", "2s", "10m", "72h", "14d", "0s", "1500ms"] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration), "{text}");
        }
        assert_eq!(format_duration(Duration::from_secs(72 * 3600)), "3d");
    }

    #[test]
    fn a_duration_without_unit_or_out_of_all_bounds_is_refused() {
        for text in ["10", "", "s", "-1s", "1.5h", "99999999999999999999s", "40000d", "2 weeks"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn listeners_are_urls_with_an_address() {
        let listener: Listener = "udp://[::]:5060".parse().unwrap();
        assert_eq!(listener.scheme, Scheme::Udp);
        assert_eq!(listener.to_string(), "udp://[::]:5060");
        assert_eq!("tcp://localhost:0".parse::<Listener>().unwrap().address.port(), 0);
        for wrong in ["5060", "sip://[::]:5060", "udp://im.campus.example:5060", "udp://[::]"] {
            assert!(wrong.parse::<Listener>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let network: Network = "192.0.2.0/24".parse().unwrap();
        assert!(network.contains("192.0.2.255".parse().unwrap()));
        assert!(network.contains("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!network.contains("192.0.3.0".parse().unwrap()));
        assert!(!network.contains("2001:db8::1".parse().unwrap()));
        let one: Network = "2001:db8::1".parse().unwrap();
        assert!(one.contains("2001:db8::1".parse().unwrap()));
        assert!(!one.contains("2001:db8::2".parse().unwrap()));
        for wrong in ["", "192.0.2.0/33", "2001:db8::/129", "campus.example"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_spelling_of_the_whole_internet_is_recognised() {
        for all in ["0.0.0.0/0", "::/0", "::ffff:0:0/96", "10.0.0.0/0", "::ffff:0.0.0.0/8"] {
            assert!(all.parse::<Network>().unwrap().is_everything(), "{all}");
        }
    }

    proptest! {
        #[test]
        fn every_duration_is_read_as_it_was_written(millis in 0..=100 * 366 * 86_400_000_u64, unit in prop::sample::select(vec![1, 1_000, 60_000, 3_600_000, 86_400_000_u64])) {
            let duration = Duration::from_millis(millis / unit * unit);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn every_listener_and_network_is_read_as_it_was_written(address: IpAddr, port: u16, prefix in 0..=32_u8, scheme in "(udp|tcp|tls|https|http)") {
            let text = format!("{scheme}://{}", SocketAddr::new(address, port));
            prop_assert_eq!(text.parse::<Listener>().unwrap().to_string(), text);
            // A mapped address with less than its own prefix is said to be everything.
            let address = address.to_canonical();
            let network: Network = format!("{address}/{prefix}").parse().unwrap();
            prop_assert!(network.contains(address));
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }

        #[test]
        fn no_text_makes_a_value_parser_panic(text in "\\PC*") {
            let _ = parse_duration(&text);
            if let Ok(listener) = text.parse::<Listener>() {
                prop_assert_eq!(listener.to_string().parse::<Listener>(), Ok(listener));
            }
            if let Ok(network) = text.parse::<Network>() {
                prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
            }
        }
    }
}
