//! Timer values (RFC 3261 table 4, RFC 6026 s8.11) and how much a table may hold.

use std::time::Duration;

/// The smallest step a timer may take; keeps a zero in a configuration from spinning.
const LEAST: Duration = Duration::from_millis(1);
/// The longest step a timer may take; keeps sums far from overflow.
const MOST: Duration = Duration::from_secs(86_400);

/// The base values from which all timers follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// T1, the round-trip estimate: first retransmission (A, E, G); 64 of it end a transaction
    /// (B, F, H, J, L, M).
    pub t1: Duration,
    /// T2, the longest interval between retransmissions of non-INVITE requests and of INVITE
    /// responses.
    pub t2: Duration,
    /// T4, how long a message may stay in the network (I, K).
    pub t4: Duration,
    /// Timer D: how long an INVITE client transaction answers repeated non-2xx finals over an
    /// unreliable transport; at least 32 s by RFC 3261 s17.1.1.2, whatever T1 is.
    pub timer_d: Duration,
    /// Timer C: how long a proxied INVITE may stay provisional, more than three minutes by
    /// RFC 3261 s16.6 step 11.
    pub timer_c: Duration,
    /// How long a user has to answer an INVITE before a 100 is asked for (RFC 3261 s17.2.1).
    pub invite_trying: Duration,
    /// How long an INVITE server transaction waits for a user that says nothing at all. Not of any
    /// RFC: it ends what a lost context would keep for ever. Longer than Timer C and 64*T1.
    pub invite_patience: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            timer_d: Duration::from_secs(32),
            timer_c: Duration::from_secs(181),
            invite_trying: Duration::from_millis(200),
            invite_patience: Duration::from_secs(600),
        }
    }
}

impl Timing {
    /// The same values, each within one millisecond and one day, T2 not below T1.
    #[must_use]
    pub fn bounded(self) -> Timing {
        let t1 = self.t1.clamp(LEAST, MOST / 64);
        Timing {
            t1,
            t2: self.t2.clamp(t1, MOST),
            t4: self.t4.clamp(LEAST, MOST),
            timer_d: self.timer_d.clamp(LEAST, MOST),
            timer_c: self.timer_c.clamp(LEAST, MOST),
            invite_trying: self.invite_trying.clamp(LEAST, MOST),
            invite_patience: self.invite_patience.clamp(LEAST, MOST),
        }
    }

    /// 64*T1: timers B, F, H, J, L and M.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// When a non-INVITE request that has no answer yet is owed a 100: "the amount of time it
    /// takes a client transaction's Timer E to be reset to T2" (RFC 4320 s4.1). Timer E fires
    /// after T1, 2*T1, 4*T1 ...; with the defaults it is reset to T2 at 0.5 + 1 + 2 = 3.5 s.
    #[must_use]
    pub fn non_invite_trying(&self) -> Duration {
        let mut interval = self.t1.max(LEAST);
        let mut elapsed = Duration::ZERO;
        while interval < self.t2 {
            elapsed = elapsed.saturating_add(interval);
            interval = interval.saturating_mul(2);
        }
        elapsed.max(self.t1)
    }
}

/// How much one [`Table`](super::Table) may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Transactions that somebody still waits for: a new one beyond is refused.
    pub active: usize,
    /// Answered non-INVITE server transactions kept to answer retransmissions (Timer J): beyond,
    /// the oldest is dropped and counted, and its late retransmission counts as a new request.
    pub lingering: usize,
    /// Bytes of responses kept for the same purpose; the oldest is dropped beyond.
    pub lingering_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { active: 200_000, lingering: 400_000, lingering_bytes: 256 * 1024 * 1024 }
    }
}

impl Bounds {
    /// An equal share of these bounds for each of `shards` tables.
    #[must_use]
    pub fn divided(self, shards: usize) -> Bounds {
        let shards = shards.max(1);
        Bounds {
            active: self.active.div_ceil(shards),
            lingering: self.lingering.div_ceil(shards),
            lingering_bytes: self.lingering_bytes.div_ceil(shards),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4320 s4.1: with the defaults Timer E is reset to T2 three and a half seconds in.
    #[test]
    fn a_100_for_a_non_invite_is_owed_after_three_and_a_half_seconds() {
        assert_eq!(Timing::default().non_invite_trying(), Duration::from_millis(3_500));
    }

    /// RFC 3261 table 4.
    #[test]
    fn sixty_four_t1_is_thirty_two_seconds() {
        assert_eq!(Timing::default().timeout(), Duration::from_secs(32));
    }

    #[test]
    fn zeros_and_overlong_values_are_brought_into_range() {
        let zero = Timing {
            t1: Duration::ZERO,
            t2: Duration::ZERO,
            t4: Duration::ZERO,
            timer_d: Duration::ZERO,
            timer_c: Duration::ZERO,
            invite_trying: Duration::ZERO,
            invite_patience: Duration::ZERO,
        };
        let least = zero.bounded();
        assert_eq!((least.t1, least.t2, least.t4), (LEAST, LEAST, LEAST));
        assert_eq!(least.non_invite_trying(), LEAST);
        let huge = Timing { t1: Duration::MAX, t2: Duration::MAX, ..zero }.bounded();
        assert!(huge.timeout() <= MOST);
        assert!(huge.non_invite_trying() <= MOST * 2);
    }

    #[test]
    fn bounds_are_shared_out_without_reaching_zero() {
        let one = Bounds { active: 1, lingering: 1, lingering_bytes: 1 };
        assert_eq!(one.divided(8), one);
        assert_eq!(one.divided(0), one);
    }
}
