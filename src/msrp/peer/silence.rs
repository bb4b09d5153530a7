//! Why connections end, and far ends that begin something and do not go on with it.

use std::io;
use std::time::Duration;

use crate::clock::Tick;
use crate::msrp::connection::ConnectionError;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("the far end closed it")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Protocol(#[from] ConnectionError),
    #[error("nobody uses it")]
    Idle,
    #[error("the far end began something and did not go on")]
    Unfinished,
}

/// How long a far end may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a head, from its beginning on.
    pub(super) head: Duration,
    /// For the next bytes of a body.
    pub(super) body: Duration,
}

/// Since when something has been missing.
#[derive(Debug)]
pub(super) struct Silence {
    patience: Patience,
    head: Option<Tick>,
    body: Option<Tick>,
}

impl Silence {
    pub(super) fn new(patience: Patience) -> Silence {
        Silence { patience, head: None, body: None }
    }

    /// We do not read: what is missing may have come.
    pub(super) fn is_ours(&mut self) {
        (self.head, self.body) = (None, None);
    }

    /// Bytes came, and were used or only added to what has no end yet.
    pub(super) fn broken(&mut self, used: bool) {
        self.body = None;
        if used {
            self.head = None;
        }
    }

    /// Nothing is there to be read, behind so many bytes that are unfinished. Between requests a peer
    /// may be silent for as long as it likes.
    pub(super) fn goes_on(&mut self, now: Tick, between: bool, unfinished: usize) {
        self.head = (between && unfinished > 0).then(|| self.head.unwrap_or(now));
        self.body = (!between).then(|| self.body.unwrap_or(now));
    }

    /// When it is too much.
    pub(super) fn ends(&self) -> Tick {
        let after = |since: Option<Tick>, patience| since.map_or(Tick::NEVER, |at| at + patience);
        after(self.head, self.patience.head).min(after(self.body, self.patience.body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence() -> Silence {
        let patience = Patience { head: Duration::from_secs(10), body: Duration::from_secs(60) };
        Silence::new(patience)
    }

    // security M03
    #[test]
    fn a_head_that_trickles_has_no_more_time_than_one_that_stands() {
        let mut silence = silence();
        for second in 1..9 {
            silence.goes_on(Tick::from_secs(second), true, 7);
            assert_eq!(silence.ends(), Tick::from_secs(11));
            silence.broken(false);
        }
        silence.broken(true);
        silence.goes_on(Tick::from_secs(9), true, 7);
        assert_eq!(silence.ends(), Tick::from_secs(19), "the next head has its own time");
    }

    // security M03
    #[test]
    fn a_body_may_come_slowly_but_not_stop() {
        let mut silence = silence();
        for minute in 1..9 {
            silence.goes_on(Tick::from_secs(50 * minute), false, 0);
            assert_eq!(silence.ends(), Tick::from_secs(50 * minute + 60));
            silence.broken(true);
            assert_eq!(silence.ends(), Tick::NEVER);
        }
        silence.goes_on(Tick::from_secs(700), true, 0);
        assert_eq!(silence.ends(), Tick::NEVER);
    }

    // What we do not read is not missing.
    #[test]
    fn a_peer_that_is_not_read_has_all_of_its_time() {
        let mut silence = silence();
        silence.goes_on(Tick::from_secs(1), true, 7);
        silence.is_ours();
        assert_eq!(silence.ends(), Tick::NEVER);
        silence.goes_on(Tick::from_secs(20), true, 7);
        assert_eq!(silence.ends(), Tick::from_secs(30));
    }
}
