//! Which neighbour a request goes to that is for nobody of ours.

use std::time::Duration;

use regex::bytes::Regex;

use crate::sip::locate::Destination;
use crate::sip::method::Method;

/// How long all neighbours of a route together may stay silent, in round trips (RFC 3261 T1): at
/// the default of T1, three seconds.
const PATIENCE: u32 = 6;
/// The longest and the shortest that one of them may, in round trips.
const LONGEST: u32 = 4;
const SHORTEST: u32 = 2;

/// One way out: what it takes, and where it leads.
#[derive(Clone, Debug)]
pub struct Route {
    /// What a Request-URI must match.
    pub pattern: Regex,
    /// The methods it takes; empty is all of them.
    pub methods: Vec<String>,
    /// The neighbour.
    pub next_hop: Destination,
}

/// All ways out, in their order.
#[derive(Clone, Debug, Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// The ways out; the first that matches is taken.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Routes {
        Routes(routes)
    }

    /// The neighbour for a request, if it has one.
    #[must_use]
    pub fn find(&self, request_uri: &[u8], method: Method<'_>) -> Option<&Destination> {
        let method = method.as_bytes();
        let route = self.0.iter().find(|route| {
            let methods = &route.methods;
            (methods.is_empty() || methods.iter().any(|known| known.as_bytes() == method))
                && route.pattern.is_match(request_uri)
        })?;
        Some(&route.next_hop)
    }
}

/// How long one of `candidates` neighbours may stay silent before the next is tried: Timers B and
/// F would take 64 round trips for each. After the last one the sender is answered.
#[must_use]
pub fn patience(t1: Duration, candidates: usize) -> Duration {
    let count = u32::try_from(candidates).unwrap_or(u32::MAX).max(1);
    (t1 * PATIENCE / count).clamp(t1 * SHORTEST, t1 * LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(pattern: &str, methods: &[&str], next_hop: &str) -> Route {
        Route {
            pattern: Regex::new(pattern).unwrap(),
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            next_hop: Destination::parse(next_hop.as_bytes()).unwrap(),
        }
    }

    #[test]
    fn the_first_route_that_takes_uri_and_method_wins() {
        let routes = Routes::new(vec![
            route("^sip:[0-9]+@", &["INVITE", "BYE"], "sip:one.test"),
            route("^(sip|tel):", &[], "sip:two.test"),
            route("", &[], "sip:three.test"),
        ]);
        let found = |uri: &str, method: &str| {
            let method = Method::parse(method.as_bytes());
            routes.find(uri.as_bytes(), method).map(|found| found.name().to_owned())
        };
        assert_eq!(found("sip:2101@a.test", "INVITE").as_deref(), Some("one.test"));
        assert_eq!(found("sip:2101@a.test", "MESSAGE").as_deref(), Some("two.test"));
        assert_eq!(found("tel:2101", "INVITE").as_deref(), Some("two.test"));
        assert_eq!(found("urn:service:sos", "INVITE").as_deref(), Some("three.test"));
        assert!(Routes::default().find(b"sip:2101@a.test", Method::Invite).is_none());
    }

    #[test]
    fn several_silent_neighbours_take_three_seconds_together_but_a_second_each() {
        let t1 = Duration::from_millis(500);
        let waits = [0, 1, 2, 3, 16].map(|count| patience(t1, count).as_millis());
        assert_eq!(waits, [2_000, 2_000, 1_500, 1_000, 1_000]);
        assert_eq!(patience(t1, usize::MAX), Duration::from_secs(1));
    }
}
