//! The response context of a forked request (RFC 3261 s16.7).
//!
//! ```text
//!            branch answers 1xx (not 100)          branch answers 2xx to INVITE: forward each one
//!   Waiting ------------------------------> Waiting
//!      |  first 2xx or 6xx: cancel the other branches
//!      |  all branches have ended: the next targets, or else forward the best
//!      v
//!   Answered   (more 2xx to an INVITE still pass; everything else is swallowed)
//! ```

use bytes::Bytes;
use smallvec::SmallVec;

/// A final answer of one branch, or what stands for it.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A response as it should go upstream: our Via is taken off already.
    Response {
        /// The status code, 200 to 699.
        status: u16,
        /// The whole message.
        message: Bytes,
    },
    /// The client transaction timed out: counts as 408 (RFC 3261 s16.8, s16.9).
    TimedOut,
    /// The transport failed: counts as 503, and goes upstream as 500 (RFC 3261 s16.9, s16.7).
    Failed,
}

impl Answer {
    fn status(&self) -> u16 {
        match self {
            Answer::Response { status, .. } => *status,
            Answer::TimedOut => 408,
            Answer::Failed => 503,
        }
    }
}

/// What the caller has to do after a branch spoke.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing goes upstream now.
    Wait,
    /// Forward this message upstream; `cancel` asks to end the branches that still run.
    Forward {
        /// The message as it goes upstream.
        message: Bytes,
        /// Its status.
        status: u16,
        /// Challenges of other branches to add to a 401 or 407 (RFC 3261 s16.7 step 7): whole
        /// messages whose WWW-Authenticate and Proxy-Authenticate values belong into this one.
        challenges: SmallVec<[Bytes; 2]>,
        /// Whether branches are still running that must be cancelled.
        cancel: bool,
    },
    /// No branch gave anything that can be forwarded: answer this status ourselves.
    Reply(u16),
    /// A 6xx came while others still run: cancel them, forward nothing yet (s16.7 step 5).
    CancelOthers,
    /// All have ended, and targets of lower preference are left: [`Fork::extend`] with them.
    TryNext,
}

/// The response context: one per forwarded request.
#[derive(Debug)]
pub struct Fork {
    invite: bool,
    /// Whether each branch has ended.
    branches: SmallVec<[bool; 8]>,
    best: Option<Answer>,
    challenges: SmallVec<[Bytes; 2]>,
    answered: bool,
    /// Whether no more targets are wanted: a 2xx or 6xx came, or the caller gave up.
    cancelled: bool,
    /// Whether the caller gave up.
    given_up: bool,
    /// Whether targets of lower preference are left.
    more: bool,
}

impl Fork {
    /// A context for a request that is forwarded to `branches` targets at once; `more` tells
    /// whether others are left for later.
    #[must_use]
    pub fn new(invite: bool, branches: usize, more: bool) -> Fork {
        Fork {
            invite,
            branches: SmallVec::from_elem(false, branches),
            best: None,
            challenges: SmallVec::new(),
            answered: false,
            cancelled: false,
            given_up: false,
            more,
        }
    }

    /// `branches` more targets are tried; `more` tells whether others are left even so.
    pub fn extend(&mut self, branches: usize, more: bool) {
        self.branches.extend(std::iter::repeat_n(false, branches));
        self.more = more;
    }

    /// The branch named other places in its answer, which are tried instead of it (s16.5): the
    /// answer is none.
    pub fn redirected(&mut self, branch: usize) {
        if let Some(ended) = self.branches.get_mut(branch) {
            *ended = true;
        }
    }

    /// The caller gave up: nothing more is tried (s16.10).
    pub fn give_up(&mut self) {
        self.cancelled = true;
        self.given_up = true;
    }

    /// Whether new targets may be tried.
    #[must_use]
    pub fn is_searching(&self) -> bool {
        !self.answered && !self.cancelled
    }

    /// Whether a final answer has gone upstream.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.answered
    }

    /// Whether every branch has ended, so that the context can go.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.branches.iter().all(|ended| *ended)
    }

    /// Whether an answer of `branch` is still awaited, and wanted.
    #[must_use]
    pub fn is_waiting_for(&self, branch: usize) -> bool {
        self.is_searching() && self.branches.get(branch) == Some(&false)
    }

    /// Whether a provisional answer above 100 of `branch` goes upstream: only an INVITE's means
    /// anything there (RFC 3261 s16.7 step 5, RFC 4320 s4.1).
    #[must_use]
    pub fn provisional(&self, branch: usize) -> bool {
        self.invite && !self.answered && self.branches.get(branch) == Some(&false)
    }

    /// `branch` has ended with `answer`.
    pub fn ended(&mut self, branch: usize, answer: Answer) -> Verdict {
        let Some(ended) = self.branches.get_mut(branch) else { return Verdict::Wait };
        let again = std::mem::replace(ended, true);
        let status = answer.status();

        if let Answer::Response { message, .. } = &answer
            && (200..300).contains(&status)
        {
            // Each 2xx to an INVITE makes a dialog of its own and must reach the caller, whatever
            // went before it; of any other method only the first final counts.
            if self.invite || !self.answered {
                self.answered = true;
                let cancel = !self.is_over();
                self.cancelled |= cancel;
                return Verdict::Forward {
                    message: message.clone(),
                    status,
                    challenges: SmallVec::new(),
                    cancel,
                };
            }
            return Verdict::Wait;
        }
        if again || self.answered {
            return Verdict::Wait;
        }
        if let Answer::Response { message, .. } = &answer
            && matches!(status, 401 | 407)
        {
            self.challenges.push(message.clone());
        }
        if self.best.as_ref().is_none_or(|best| self.rank(status) < self.rank(best.status())) {
            self.best = Some(answer);
        }
        if status >= 600 {
            self.more = false;
        }
        if self.is_over() {
            if self.more && !self.cancelled {
                return Verdict::TryNext;
            }
            return self.finish();
        }
        if status >= 600 && !self.cancelled {
            self.cancelled = true;
            return Verdict::CancelOthers;
        }
        Verdict::Wait
    }

    /// What goes upstream when nothing is left to try.
    pub fn finish(&mut self) -> Verdict {
        self.answered = true;
        match self.best.take() {
            // s16.7 step 6: a 503 says that the *next* hop is overloaded, which is not ours to say.
            Some(Answer::Response { status: 503, .. } | Answer::Failed) => Verdict::Reply(500),
            Some(Answer::Response { status, message }) => {
                let mut challenges = SmallVec::new();
                if matches!(status, 401 | 407) {
                    challenges = std::mem::take(&mut self.challenges);
                    challenges.retain(|other| *other != message);
                }
                Verdict::Forward { message, status, challenges, cancel: false }
            }
            Some(Answer::TimedOut) | None => Verdict::Reply(408),
        }
    }

    /// Orders final answers by s16.7 step 6: 6xx first; then the lowest class; within 4xx those that
    /// tell the caller how to do better.
    fn rank(&self, status: u16) -> u16 {
        match status {
            600.. => 0,
            // What he asked for: somebody who hung up is not told that the line is busy.
            487 if self.given_up => 400,
            401 | 407 => 401,
            415 | 420 | 484 => 402,
            408 => 498,
            // Of a branch that we cancelled ourselves: anything else says more.
            487 => 499,
            400..=499 => 403,
            503 => 599,
            other => other.max(300) / 100 * 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn response(status: u16) -> Answer {
        Answer::Response { status, message: Bytes::from(status.to_string()) }
    }

    fn forwarded(verdict: Verdict) -> (u16, bool) {
        match verdict {
            Verdict::Forward { status, cancel, .. } => (status, cancel),
            other => panic!("expected a forwarded answer, got {other:?}"),
        }
    }

    // RFC 3261 s16.7 step 5
    #[test]
    fn the_first_2xx_goes_upstream_at_once_and_the_rest_is_cancelled() {
        let mut fork = Fork::new(true, 3, false);
        assert!(fork.provisional(1));
        assert_eq!(forwarded(fork.ended(0, response(200))), (200, true));
        assert!(!fork.provisional(1));
    }

    // RFC 3261 s16.7 step 5: every 2xx to an INVITE is forwarded
    #[test]
    fn a_second_2xx_to_an_invite_is_forwarded_too() {
        let mut fork = Fork::new(true, 2, false);
        assert_eq!(forwarded(fork.ended(0, response(200))), (200, true));
        assert_eq!(forwarded(fork.ended(1, response(202))), (202, false));
    }

    // RFC 3428 s6: a fork of MESSAGE returns one final answer
    #[test]
    fn a_second_2xx_to_a_message_is_swallowed() {
        let mut fork = Fork::new(false, 2, false);
        assert_eq!(forwarded(fork.ended(0, response(200))).0, 200);
        assert_eq!(fork.ended(1, response(200)), Verdict::Wait);
    }

    // RFC 3261 s16.7 step 6
    #[test]
    fn the_best_answer_waits_for_the_last_branch() {
        let mut fork = Fork::new(true, 3, false);
        assert_eq!(fork.ended(0, response(503)), Verdict::Wait);
        assert_eq!(fork.ended(2, response(486)), Verdict::Wait);
        assert_eq!(forwarded(fork.ended(1, response(500))), (486, false));
    }

    // RFC 3261 s16.7 step 5: on 6xx cancel the others, forward when all have ended
    #[test]
    fn a_6xx_cancels_and_wins_over_everything_but_2xx() {
        let mut fork = Fork::new(true, 2, false);
        assert_eq!(fork.ended(0, response(603)), Verdict::CancelOthers);
        assert_eq!(forwarded(fork.ended(1, response(487))), (603, false));
    }

    // RFC 3261 s16.7 step 6: 503 is not forwarded as such
    #[test]
    fn only_503_becomes_500() {
        let mut fork = Fork::new(false, 1, false);
        assert_eq!(fork.ended(0, response(503)), Verdict::Reply(500));
        let mut fork = Fork::new(false, 1, false);
        assert_eq!(fork.ended(0, Answer::Failed), Verdict::Reply(500));
    }

    // RFC 3261 s16.7 step 7
    #[test]
    fn challenges_of_several_branches_are_gathered() {
        let mut fork = Fork::new(true, 2, false);
        assert_eq!(fork.ended(0, response(401)), Verdict::Wait);
        match fork.ended(1, response(407)) {
            Verdict::Forward { status, challenges, .. } => {
                assert_eq!(status, 401);
                assert_eq!(challenges.as_slice(), [Bytes::from_static(b"407")]);
            }
            other => panic!("{other:?}"),
        }
    }

    // RFC 4320 s4.1
    #[test]
    fn provisional_answers_to_anything_but_invite_stay_here() {
        assert!(!Fork::new(false, 1, false).provisional(0));
        assert!(Fork::new(true, 1, false).provisional(0));
    }

    // RFC 3261 s16.8, s16.9
    #[test]
    fn silence_everywhere_is_408() {
        let mut fork = Fork::new(true, 2, false);
        assert_eq!(fork.ended(0, Answer::TimedOut), Verdict::Wait);
        assert_eq!(fork.ended(1, Answer::TimedOut), Verdict::Reply(408));
    }

    // RFC 3261 s16.6: serial search
    #[test]
    fn lower_preferences_are_tried_when_all_above_have_refused() {
        let mut fork = Fork::new(true, 2, true);
        assert_eq!(fork.ended(0, response(486)), Verdict::Wait);
        assert_eq!(fork.ended(1, response(480)), Verdict::TryNext);
        fork.extend(1, false);
        assert!(!fork.is_over());
        assert_eq!(forwarded(fork.ended(2, response(500))), (486, false));
    }

    // RFC 3261 s16.7 step 5, s16.10
    #[test]
    fn nothing_more_is_tried_after_a_6xx_or_a_cancel() {
        let mut fork = Fork::new(true, 1, true);
        assert_eq!(forwarded(fork.ended(0, response(603))), (603, false));
        let mut fork = Fork::new(true, 1, true);
        fork.give_up();
        assert!(!fork.is_searching());
        assert_eq!(forwarded(fork.ended(0, response(487))), (487, false));
    }

    // RFC 3261 s16.10, s16.7 step 6: of the refusals the one that answers the CANCEL
    #[test]
    fn whoever_gave_up_is_told_so_and_not_that_a_device_was_busy() {
        let mut fork = Fork::new(true, 3, false);
        assert_eq!(fork.ended(0, response(486)), Verdict::Wait);
        fork.give_up();
        assert_eq!(fork.ended(1, response(487)), Verdict::Wait);
        assert_eq!(forwarded(fork.ended(2, Answer::TimedOut)), (487, false));
    }

    // RFC 3261 s16.7: our own CANCEL is nobody's best answer
    #[test]
    fn a_branch_that_rang_out_is_the_worst_of_the_refusals() {
        let mut fork = Fork::new(true, 2, false);
        assert_eq!(fork.ended(0, response(487)), Verdict::Wait);
        assert_eq!(forwarded(fork.ended(1, response(480))), (480, false));
    }

    proptest! {
        #[test]
        fn one_final_answer_goes_upstream_whatever_the_branches_do(
            invite: bool,
            events in proptest::collection::vec((0_usize..4, 200_u16..700), 0..40),
        ) {
            let mut fork = Fork::new(invite, 4, false);
            let mut finals = 0;
            for (branch, status) in events {
                match fork.ended(branch, response(status)) {
                    Verdict::Forward { status, .. } if !invite || status >= 300 => finals += 1,
                    Verdict::Reply(_) => finals += 1,
                    _ => {}
                }
            }
            for branch in 0..4 {
                if matches!(
                    fork.ended(branch, Answer::TimedOut),
                    Verdict::Forward { .. } | Verdict::Reply(_)
                ) {
                    finals += 1;
                }
            }
            prop_assert!(finals <= 1);
            prop_assert!(fork.is_over() && fork.is_answered());
        }
    }
}
