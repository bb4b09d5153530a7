//! Who shows a token, and how often.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};

use crate::clock::Tick;

/// Requests of one token that come at once at most.
const BURST: u32 = 500;
/// Requests of one token in a second, in the long run.
const RATE: u32 = 100;
/// Tokens whose requests are counted; there are never so many in force.
const CAPACITY: usize = 1_024;

/// The token that a request shows (RFC 6750 s2.1).
pub(super) fn shown(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Milliseconds of requests that are owed.
    owed: u64,
    since: Tick,
}

/// How often tokens are used: one program that runs wild leaves the others their turn.
#[derive(Default)]
pub(super) struct Rates(Mutex<HashMap<String, Bucket>>);

impl Rates {
    /// Counts a request of a token, or says how long it has to wait.
    pub(super) fn admit(&self, now: Tick, token: &str) -> Result<(), Duration> {
        const EACH: u64 = 1_000 / RATE as u64;
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CAPACITY && !buckets.contains_key(token) {
            buckets.retain(|_, bucket| left(bucket, now) > 0);
            if buckets.len() >= CAPACITY {
                return Err(Duration::from_secs(1));
            }
        }
        let bucket = buckets.entry(token.to_owned()).or_insert(Bucket { owed: 0, since: now });
        let owed = left(bucket, now);
        let most = EACH.saturating_mul(u64::from(BURST));
        if owed + EACH > most {
            return Err(Duration::from_millis(owed + EACH - most));
        }
        *bucket = Bucket { owed: owed + EACH, since: now };
        Ok(())
    }
}

fn left(bucket: &Bucket, now: Tick) -> u64 {
    let passed = u64::try_from(now.since(bucket.since).as_millis()).unwrap_or(u64::MAX);
    bucket.owed.saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_token_is_shown_once_and_by_its_scheme() {
        let mut headers = HeaderMap::new();
        assert_eq!(shown(&headers), None);
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer tagus_x"));
        assert_eq!(shown(&headers), Some("tagus_x"));
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer tagus_y"));
        assert_eq!(shown(&headers), None);
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic dDp4"));
        assert_eq!(shown(&headers), None);
    }

    #[test]
    fn a_token_that_runs_wild_waits_and_others_do_not() {
        let (rates, now) = (Rates::default(), Tick::from_secs(100));
        for _ in 0..BURST {
            assert_eq!(rates.admit(now, "one"), Ok(()));
        }
        let wait = rates.admit(now, "one").unwrap_err();
        assert_eq!(wait, Duration::from_millis(10));
        assert_eq!(rates.admit(now, "two"), Ok(()));
        assert_eq!(rates.admit(now + wait, "one"), Ok(()));
    }
}
