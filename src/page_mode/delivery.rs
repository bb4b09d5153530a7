//! One MESSAGE on its way to the devices of one person (RFC 3428 s6, s7; RFC 3261 s16.7).
//!
//! ```text
//!              2xx, every device has it                      answer 200
//!   Forking ------------------------------------------------------------> Answered
//!      |  2xx, another device is absent      (durable)        answer 200      ^
//!      |--------------------------------> Holding -----------------------------|
//!      |  silence for 2 s, or every device failed   (durable) answer 202       |
//!      |--------------------------------> Holding -----------------------------|
//!      |  every device refused                              answer the refusal |
//!      '-----------------------------------------------------------------------'
//!   A device that answers later settles its own share of what is held; a device that fails
//!   later gets a share.
//! ```
//!
//! Whatever a device has not acknowledged, and has not refused, ends up held for it before the
//! sender hears anything that sounds like success.

use bytes::Bytes;
use smallvec::SmallVec;

use crate::model::DeviceKey;

/// What a branch came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A final response; our Via is taken off.
    Final {
        /// Status code, 200 to 699.
        status: u16,
        /// The response as it may go upstream.
        message: Bytes,
    },
    /// Timeout, or the transport failed.
    Silent,
    /// Larger than a datagram may be, and no stream to the device could be opened.
    TooLarge,
}

/// Whether a final status leaves the message waiting for the device: it was not there, or not
/// able; everything else ends the message for it.
#[must_use]
pub fn keeps(status: u16) -> bool {
    matches!(status, 408 | 430 | 480 | 500..=599)
}

/// What the sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A status of our own making.
    Status(u16),
    /// A device's refusal, as it came.
    Forward(Bytes),
}

/// What the caller has to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Answer the sender. Comes once in the life of a delivery.
    Answer(Reply),
    /// Hold the message for these devices, too, and tell [`Delivery::held`] or
    /// [`Delivery::not_held`] when that is durable or cannot be.
    Hold(SmallVec<[DeviceKey; 2]>),
    /// Device `DeviceKey` has had the held message.
    Settle(DeviceKey),
    /// Device `DeviceKey` has refused the held message.
    Refuse(DeviceKey),
}

/// What becomes of a message that no device took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreached {
    /// It is held, and the sender told 202.
    Hold,
    /// It is of use now or never: the sender is told that nobody is there.
    Fail,
    /// It is of no use later, and its sender need not mind (RFC 3994): 202.
    Drop,
}

/// Steps; seldom more than two.
pub type Steps = SmallVec<[Step; 2]>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    /// A branch still runs.
    Running,
    /// The device has the message.
    Delivered,
    /// The device refused it for good.
    Refused,
    /// The device could not be reached.
    Missed,
}

#[derive(Debug)]
struct Target {
    device: DeviceKey,
    running: u8,
    share: Share,
    /// Whether the store was asked to hold the message for it.
    asked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Forking,
    /// Waiting for the store; the answer that follows.
    Holding(u16),
    Answered,
}

/// The state of one MESSAGE that was forked to at least one device.
#[derive(Debug)]
pub struct Delivery {
    targets: SmallVec<[Target; 2]>,
    /// The target of each branch.
    branches: SmallVec<[u8; 4]>,
    /// Devices that are not here, or that have older messages waiting.
    absent: SmallVec<[DeviceKey; 2]>,
    stage: Stage,
    /// What becomes of the message if no device takes it.
    unreached: Unreached,
    /// Whether a copy is durable.
    held: bool,
    /// Writes that the store has not answered yet.
    writing: u8,
    refusal: Option<(u16, Reply)>,
    full: bool,
}

impl Delivery {
    /// Whether a device has the message.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.targets.iter().any(|target| target.share == Share::Delivered)
    }

    /// A delivery to `devices`, one entry per branch in order; `absent` devices get it later if
    /// an `unreached` one is held.
    #[must_use]
    pub fn new(
        devices: impl IntoIterator<Item = DeviceKey>,
        absent: SmallVec<[DeviceKey; 2]>,
        unreached: Unreached,
    ) -> Delivery {
        let holdable = unreached == Unreached::Hold;
        let mut targets: SmallVec<[Target; 2]> = SmallVec::new();
        let mut branches = SmallVec::new();
        for device in devices {
            let index = match targets.iter().position(|target| target.device == device) {
                Some(index) => index,
                None => {
                    targets.push(Target {
                        device,
                        running: 0,
                        share: Share::Running,
                        asked: false,
                    });
                    targets.len() - 1
                }
            };
            targets[index].running = targets[index].running.saturating_add(1);
            branches.push(u8::try_from(index).unwrap_or(u8::MAX));
        }
        Delivery {
            targets,
            branches,
            absent: if holdable { absent } else { SmallVec::new() },
            stage: Stage::Forking,
            unreached,
            held: false,
            writing: 0,
            refusal: None,
            full: false,
        }
    }

    /// Whether nothing more can happen: answered, no branch running, no write under way.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Answered
            && self.writing == 0
            && self.targets.iter().all(|target| target.running == 0)
    }

    /// Whether the sender still waits for what `branch` comes to.
    #[must_use]
    pub fn is_waiting_for(&self, branch: usize) -> bool {
        let target = self.branches.get(branch).and_then(|at| self.targets.get(usize::from(*at)));
        self.stage == Stage::Forking && target.is_some_and(|target| target.running > 0)
    }

    /// The device of a branch, if it could not be reached.
    #[must_use]
    pub fn missed(&self, branch: usize) -> Option<&DeviceKey> {
        let index = usize::from(*self.branches.get(branch)?);
        let target = self.targets.get(index).filter(|target| target.share == Share::Missed);
        target.map(|target| &target.device)
    }

    /// Branch `branch` came to its end.
    pub fn ended(&mut self, branch: usize, outcome: Outcome) -> Steps {
        let mut steps = Steps::new();
        let Some(target) =
            self.branches.get(branch).and_then(|index| self.targets.get_mut(usize::from(*index)))
        else {
            return steps;
        };
        target.running = target.running.saturating_sub(1);
        let before = target.share;
        let refusal = match outcome {
            Outcome::Final { status: 200..=299, .. } => {
                target.share = Share::Delivered;
                None
            }
            Outcome::Final { status, message } if !keeps(status) => {
                if target.share == Share::Running && target.running == 0 {
                    target.share = Share::Refused;
                }
                Some((status, Reply::Forward(message)))
            }
            Outcome::TooLarge => {
                if target.share == Share::Running && target.running == 0 {
                    target.share = Share::Refused;
                }
                Some((413, Reply::Status(413)))
            }
            Outcome::Final { .. } | Outcome::Silent => {
                if target.share == Share::Running && target.running == 0 {
                    target.share = Share::Missed;
                }
                None
            }
        };
        let (share, asked, device) = (target.share, target.asked, target.device.clone());
        if let Some((status, reply)) = refusal {
            self.note_refusal(status, reply);
        }
        match share {
            // Another contact of the same device still runs, or nothing is new.
            _ if share == before => {}
            Share::Delivered if asked && self.held => steps.push(Step::Settle(device)),
            Share::Refused if asked && self.held => steps.push(Step::Refuse(device)),
            // Another device was told "delivered" already; this one gets it when it comes back.
            Share::Missed if !asked && self.stage == Stage::Answered && self.is_holdable() => {
                self.ask(SmallVec::from_iter([device]), &mut steps);
            }
            _ => {}
        }
        if self.stage == Stage::Forking {
            self.decide(&mut steps);
        }
        steps
    }

    fn note_refusal(&mut self, status: u16, reply: Reply) {
        let better = self.refusal.as_ref().is_none_or(|(best, _)| status >= 600 && *best < 600);
        if better {
            self.refusal = Some((status, reply));
        }
    }

    fn decide(&mut self, steps: &mut Steps) {
        if self.targets.iter().any(|target| target.share == Share::Delivered) {
            if self.absent.is_empty() {
                self.answer(Reply::Status(200), steps);
                // Devices that failed before another one answered.
                let missed = self.waiting(false);
                if !missed.is_empty() && self.is_holdable() {
                    self.ask(missed, steps);
                }
            } else if self.full {
                self.answer(Reply::Status(200), steps);
            } else {
                self.stage = Stage::Holding(200);
                let waiting = self.waiting(true);
                self.ask(waiting, steps);
            }
            return;
        }
        if self.targets.iter().any(|target| target.running > 0) {
            return;
        }
        // RFC 3428 s7: 6xx is "delivered but refused", for the person and not for one device.
        let refused_for_good = matches!(self.refusal, Some((600.., _)));
        let waiting = self.waiting(true);
        if waiting.is_empty() || refused_for_good || !self.is_holdable() {
            let reply = match self.refusal.take() {
                Some((_, reply)) => reply,
                None if self.unreached == Unreached::Drop => Reply::Status(202),
                None => Reply::Status(480),
            };
            self.answer(reply, steps);
        } else {
            self.hold(202, waiting, steps);
        }
    }

    /// Devices that do not have the message yet; with `all` also those whose branch still runs
    /// and those that were absent from the start.
    fn waiting(&self, all: bool) -> SmallVec<[DeviceKey; 2]> {
        self.targets
            .iter()
            .filter(|target| {
                target.share == Share::Missed || (all && target.share == Share::Running)
            })
            .map(|target| target.device.clone())
            .chain(if all { self.absent.iter().cloned() } else { [].iter().cloned() })
            .collect()
    }

    fn hold(&mut self, status: u16, devices: SmallVec<[DeviceKey; 2]>, steps: &mut Steps) {
        if self.full {
            self.answer(Reply::Status(480), steps);
        } else {
            self.stage = Stage::Holding(status);
            self.ask(devices, steps);
        }
    }

    fn ask(&mut self, devices: SmallVec<[DeviceKey; 2]>, steps: &mut Steps) {
        for target in &mut self.targets {
            target.asked |= devices.contains(&target.device);
        }
        self.writing = self.writing.saturating_add(1);
        steps.push(Step::Hold(devices));
    }

    fn answer(&mut self, reply: Reply, steps: &mut Steps) {
        self.stage = Stage::Answered;
        steps.push(Step::Answer(reply));
    }

    /// No device has answered for two seconds: what is not acknowledged is held, so that the
    /// sender, who may not send to this person again before (RFC 3428 s8), is not kept waiting.
    pub fn silent(&mut self) -> Steps {
        let mut steps = Steps::new();
        if self.stage != Stage::Forking {
            return steps;
        }
        match self.unreached {
            Unreached::Hold if !self.full => {
                let waiting = self.waiting(true);
                self.hold(202, waiting, &mut steps);
            }
            // Or what he types could not be sent before this has timed out.
            Unreached::Drop => self.answer(Reply::Status(202), &mut steps),
            Unreached::Hold | Unreached::Fail => {}
        }
        steps
    }

    fn is_holdable(&self) -> bool {
        self.unreached == Unreached::Hold
    }

    /// The message is durable for `devices`, as asked for.
    pub fn held(&mut self, devices: &[DeviceKey]) -> Steps {
        let mut steps = Steps::new();
        self.held = true;
        self.writing = self.writing.saturating_sub(1);
        if let Stage::Holding(status) = self.stage {
            self.answer(Reply::Status(status), &mut steps);
        }
        for target in &self.targets {
            match target.share {
                _ if !devices.contains(&target.device) => {}
                Share::Delivered => steps.push(Step::Settle(target.device.clone())),
                Share::Refused => steps.push(Step::Refuse(target.device.clone())),
                Share::Running | Share::Missed => {}
            }
        }
        steps
    }

    /// The message cannot be held: `full` if the person has no room, else the store failed.
    pub fn not_held(&mut self, full: bool) -> Steps {
        let mut steps = Steps::new();
        self.writing = self.writing.saturating_sub(1);
        let Stage::Holding(status) = self.stage else { return steps };
        self.full = true;
        if status == 200 || self.targets.iter().any(|target| target.share == Share::Delivered) {
            // One device has it: that much is true.
            self.answer(Reply::Status(200), &mut steps);
        } else if self.targets.iter().any(|target| target.running > 0) {
            self.stage = Stage::Forking;
        } else {
            self.answer(Reply::Status(if full { 480 } else { 503 }), &mut steps);
        }
        steps
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
