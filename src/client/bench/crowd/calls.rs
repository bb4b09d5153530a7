//! What a call asks of its two sides beyond one request and one answer.

use super::{Crowd, Kind, Task, UNUSABLE, call_thread};
use crate::client::bench::outbox::Outbox;
use crate::client::bench::template::{Branch, Request, SESSION_ANSWER, Verb};
use crate::clock::Tick;
use crate::sip::build::{self, Response};
use crate::sip::wire::{Framing, Layout, Message, scan};

impl Crowd<'_> {
    /// Somebody calls: it rings and is answered.
    pub(super) fn called(
        &mut self,
        message: &Message<'_>,
        flow: u32,
        now: Tick,
        outbox: &mut Outbox,
    ) {
        let (Some(call), Some(note)) =
            (self.common.call(message.call_id()), self.common.note(message.body()))
        else {
            self.tally.foreign += 1;
            return;
        };
        let server = self.habits.server;
        let Some(face) = self.faces.get(flow as usize) else { return };
        let contact = &mut self.body;
        let (is_new, answer) = self.answered.answer(call, note, flow, now, |out| {
            contact.clear();
            let to = message.to().ok().and_then(|to| to.parsed_uri().user());
            face.put_contact(to.unwrap_or_default(), contact);
            Response::new(message, 200, None)
                .to_tag("bench")
                .received_from(server)
                .header("Contact", contact)
                .body("application/sdp", SESSION_ANSWER)
                .write(out);
        });
        if is_new {
            outbox.push(flow, |out| {
                Response::new(message, 180, None).to_tag("bench").received_from(server).write(out);
            });
        } else {
            self.tally.delivered_again += 1;
        }
        outbox.push(flow, |out| out.extend_from_slice(answer));
    }

    pub(super) fn acknowledged(&mut self, message: &Message<'_>, now: Tick) {
        let call = self.common.call(message.call_id());
        if let Some(note) = call.and_then(|call| self.answered.acknowledged(call))
            && note.sent >= self.phase_began.as_micros()
        {
            self.arrived(note, 1, now);
        }
    }

    /// The ACK of a refusal belongs to the INVITE's transaction (RFC 3261 s17.1.1.3).
    pub(super) fn refused(&mut self, index: u32, answer: &Message<'_>, outbox: &mut Outbox) {
        let Some(slot) = self.slots.get(index as usize) else { return };
        let flow = self.flow(slot.user);
        let mut layout = Layout::default();
        if scan(&slot.request, Framing::Datagram, &self.limits, &mut layout).is_ok() {
            let invite = Message::new(&slot.request, &layout);
            outbox.push(flow, |out| build::ack_for(&invite, answer, out));
        }
    }

    /// The call is answered: ACK, and later BYE (RFC 3261 s13.2.2.4, s15.1.1).
    pub(super) fn talk(
        &mut self,
        index: u32,
        answer: &Message<'_>,
        now: Tick,
        outbox: &mut Outbox,
    ) {
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        let flow = (slot.user % self.faces.len().max(1)) as u32;
        let whole = slot.user * self.habits.threads + self.thread as usize;
        let peer = self.people.get(slot.peer);
        let (Some(face), Some(person)) = (self.faces.get(flow as usize), self.people.get(whole))
        else {
            return;
        };
        if !slot.dialog.learn(answer) {
            return self.finish(index, UNUSABLE, now);
        }
        if slot.task == Task::Measured {
            self.tally.transaction.record(now.since(slot.begun).as_micros() as u64);
        }
        slot.invited = slot.generation;
        slot.generation = slot.generation.wrapping_add(1);
        let request = Request {
            verb: Verb::Ack,
            user: &person.user,
            peer: peer.map(|peer| peer.user.as_str()),
            dialog: Some(&slot.dialog),
            branch: Branch { thread: self.thread, slot: index, generation: slot.generation },
            call: (call_thread(self.thread, Verb::Ack), slot.call),
            cseq: slot.cseq,
            login: None,
            etag: b"",
            body: b"",
        };
        let bytes = outbox.push(flow, |out| self.common.write(face, request, out));
        slot.ack.clear();
        slot.ack.extend_from_slice(bytes);
        slot.verb = Verb::Bye;
        slot.leg = 0;
        self.hold.push_back((now + self.habits.hold, index, slot.generation));
    }

    /// An answer to an earlier request of an open slot. A 2xx to the INVITE of a call comes again
    /// when the ACK was lost: so does the ACK (RFC 3261 s13.2.2.4).
    pub(super) fn repeated(&mut self, branch: Branch, status: u16, outbox: &mut Outbox) {
        let Some(slot) = self.slots.get(branch.slot as usize) else { return };
        let is_talking = slot.kind == Kind::Invite && slot.verb == Verb::Bye;
        if is_talking && slot.invited == branch.generation && (200..300).contains(&status) {
            let flow = self.flow(slot.user);
            outbox.push(flow, |out| out.extend_from_slice(&slot.ack));
            self.tally.retransmissions += 1;
        }
    }
}
