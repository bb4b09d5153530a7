//! A message of the server's own to all devices of one person, to see which of them take it. It goes the
//! way of every other message: what no device takes is held, and goes on to whoever comes.

use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::engine::{Engine, EngineCounts};
use super::own::Unkept;
use super::shard::{Context, PageBranch, PageContext, Upstream};
use crate::model::DeviceKey;
use crate::page_mode::{Delivery, Outcome, Plan, Steps, Unreached};
use crate::registrar::Binding;
use crate::sip::Flow;
use crate::sip::transaction::{Owner, ServerId};
use crate::sip::wire::{Framing, Layout, Message, scan};

/// How long devices that say nothing are waited for beyond the patience of every sender.
const GRACE: Duration = Duration::from_secs(1);
/// The longest wait for whoever asked.
const LONGEST: Duration = Duration::from_secs(10);
/// Seconds for which the message is of any use.
const EXPIRES: u64 = 86_400;

/// What a device made of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It has said nothing yet.
    Nothing,
    /// It answered with this status.
    Status(u16),
    /// It could not be reached, or let the message time out.
    Unreachable,
}

/// What became of the message in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A device has it.
    Delivered,
    /// It waits for a device.
    Held,
    /// Every device refused it, with this status of the last word.
    Refused(u16),
    /// There is no room for it in the queue of this person.
    NoRoom,
    /// The store takes nothing, or the server has no room for another request.
    Failed,
}

/// How a trial went.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The devices that were tried, and what each said.
    pub devices: Vec<(Binding, Heard)>,
    /// Devices that get it later: they are away, or have older messages to take first.
    pub later: Vec<DeviceKey>,
    /// What became of it in all.
    pub ending: Ending,
}

/// Who is told what becomes of a message that has no sender elsewhere.
#[derive(Debug)]
pub(super) struct Witness(UnboundedSender<Testimony>);

#[derive(Clone, Copy, Debug)]
enum Testimony {
    Branch(usize, Heard),
    Answer(u16),
}

impl Witness {
    /// What its sender would be answered.
    pub(super) fn answered(&self, status: u16) {
        // Whoever asked may have gone.
        let _ = self.0.send(Testimony::Answer(status));
    }
}

impl PageContext {
    /// The flow that the request came over, if it came from somebody.
    pub(super) fn sender_flow(&self) -> Option<Flow> {
        self.witness.is_none().then_some(self.upstream.flow)
    }

    /// A branch came to its end.
    pub(super) fn ended(&mut self, branch: usize, outcome: Outcome) -> Steps {
        if let Some(Witness(told)) = &self.witness {
            let heard = match &outcome {
                Outcome::Final { status, .. } => Heard::Status(*status),
                Outcome::Silent => Heard::Unreachable,
                Outcome::TooLarge => Heard::Status(413),
            };
            let _ = told.send(Testimony::Branch(branch, heard));
        }
        self.delivery.ended(branch, outcome)
    }
}

impl Engine {
    /// Sends `text` to every device of `aor` in the server's name, and waits for what they say, no longer
    /// than a sender has patience.
    pub async fn try_devices(&self, aor: &str, text: &str) -> Trial {
        let request = self.own_text(aor, text, Some(EXPIRES));
        let row = self.registrar.lookup(aor);
        let plan = self.page_mode.plan(aor, row.as_deref(), false, self.clock.now());
        let later = plan.absent.to_vec();
        if plan.targets.is_empty() {
            let ending = self.keep_for_later(aor, &request, plan.absent).await;
            return Trial { devices: Vec::new(), later, ending };
        }
        let Some((bindings, told)) = self.send_trial(aor, &request, plan) else {
            return Trial { devices: Vec::new(), later, ending: Ending::Failed };
        };
        let mut devices: Vec<(Binding, Heard)> =
            bindings.into_iter().map(|binding| (binding, Heard::Nothing)).collect();
        let answer = self.listen(told, &mut devices).await;
        let ending = match answer {
            Some(200..=299) if devices.iter().any(|(_, heard)| is_taken(*heard)) => {
                Ending::Delivered
            }
            Some(200..=299) | None => Ending::Held,
            Some(480) => Ending::NoRoom,
            Some(503) => Ending::Failed,
            Some(status) => Ending::Refused(status),
        };
        Trial { devices, later, ending }
    }

    /// Takes down what is told, until all is told or there was time enough.
    async fn listen(
        &self,
        mut told: UnboundedReceiver<Testimony>,
        devices: &mut [(Binding, Heard)],
    ) -> Option<u16> {
        let wait = (self.page_mode.settings().patience + GRACE).min(LONGEST);
        let mut answer = None;
        let listening = async {
            while let Some(testimony) = told.recv().await {
                match testimony {
                    Testimony::Answer(status) => answer = Some(status),
                    Testimony::Branch(number, heard) => {
                        if let Some((_, known)) = devices.get_mut(number) {
                            *known = heard;
                        }
                    }
                }
                let all = devices.iter().all(|(_, heard)| *heard != Heard::Nothing);
                if all && answer.is_some() {
                    break;
                }
            }
        };
        // What comes later is settled as for every other message; nobody reads of it here.
        let _ = tokio::time::timeout(wait, listening).await;
        answer
    }

    fn send_trial(
        &self,
        aor: &str,
        request: &Bytes,
        plan: Plan,
    ) -> Option<(Vec<Binding>, UnboundedReceiver<Testimony>)> {
        let mut layout = Layout::default();
        scan(request, Framing::Datagram, &self.settings.wire, &mut layout).ok()?;
        let message = Message::new(request, &layout);
        let first = plan.targets.first()?.flow;
        let breadth = self.settings.max_breadth / (plan.targets.len().max(1) as u32);
        let now = self.clock.now();
        let mut sends = Vec::with_capacity(plan.targets.len());
        let mut branches: SmallVec<[PageBranch; 1]> = SmallVec::new();
        let mut state = self.shard(self.shard_of(message.call_id())).lock();
        let id = state.new_context();
        for binding in plan.targets {
            let token = id.token(branches.len());
            let name = self.branch_name(&message, token, 0);
            let (packet, flow) = self.to_binding(&message, &binding, None, &name, None);
            let owner = Owner(id.number, branches.len() as u64);
            let sent = packet.clone();
            match state.transactions.start_client(now, owner, b"MESSAGE", &name, flow, sent) {
                Ok(client) => {
                    let oversize = flow.transport != binding.flow.transport;
                    branches.push(PageBranch { client, binding, oversize, tried: Vec::new() });
                    sends.push((flow, packet, token));
                }
                Err(_) => EngineCounts::add(&self.counts.shed),
            }
        }
        if branches.is_empty() {
            return None;
        }
        let bindings = branches.iter().map(|branch| branch.binding.clone()).collect();
        let devices = branches.iter().map(|branch| branch.binding.device.clone());
        let delivery = Delivery::new(devices, plan.absent, Unreached::Hold);
        let (witness, told) = unbounded_channel();
        let context = PageContext {
            upstream: Upstream { server: ServerId::NONE, request: request.clone(), flow: first },
            witness: Some(Witness(witness)),
            delivery,
            branches,
            breadth,
            aor: aor.into(),
            from: Box::default(),
            keep_until: self.page_mode.keep_until(&message, self.clock.latest_wall()),
            no_room: None,
            received_at: self.clock.wall(),
            began: self.clock.now(),
            sequence: None,
        };
        state.contexts.insert(id.number, Context::Page(Box::new(context)));
        state.have_patience(now + self.page_mode.settings().patience, id.number);
        drop(state);
        let mut outbox = self.egress.outbox();
        for (flow, packet, token) in sends {
            outbox.send(flow, packet, Some(token));
        }
        outbox.flush();
        Some((bindings, told))
    }

    /// Nobody is here to try: it waits for whoever comes.
    async fn keep_for_later(
        &self,
        aor: &str,
        request: &Bytes,
        devices: SmallVec<[DeviceKey; 2]>,
    ) -> Ending {
        let until = self.clock.latest_wall() + Duration::from_secs(EXPIRES);
        match self.keep_and_offer((aor, ""), request, devices, until).await {
            Ok(()) => Ending::Held,
            Err(Unkept::Full) => Ending::NoRoom,
            Err(Unkept::Store) => Ending::Failed,
        }
    }
}

fn is_taken(heard: Heard) -> bool {
    matches!(heard, Heard::Status(200..=299))
}
