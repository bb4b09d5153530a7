//! What becomes of held messages, told to senders who asked for it (RFC 5438 s8).
//!
//! A notification is a message like any other: it waits in its receiver's queue, behind what waits
//! there, and is sent to each of his devices that is here. Nothing is ever told of a notification,
//! so none begets another.

use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use super::Outbox;
use super::engine::{Engine, EngineCounts};
use crate::entropy;
use crate::model::DeviceKey;
use crate::page_mode::{Undelivered, cpim};
use crate::payload::imdn::{Asked, Fate, Notification};
use crate::sip::wire::{Framing, Layout, Message, scan};

/// How long a notification waits for its receiver: what became of a message is of no use for long.
const LASTS: Duration = Duration::from_secs(3 * 24 * 3_600);

impl Engine {
    /// Tells the senders of messages that nobody will have any more.
    pub(super) fn tell_of_undelivered(&self, outbox: &mut Outbox, undelivered: &[Undelivered]) {
        for message in undelivered {
            self.tell_sender(outbox, &message.request, Fate::Failed);
        }
    }

    /// Tells the sender of a message what became of it, if he asked for that and is one of ours.
    pub(super) fn tell_sender(&self, outbox: &mut Outbox, request: &[u8], fate: Fate) {
        let mut layout = Layout::default();
        if scan(request, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            return;
        }
        let message = Message::new(request, &layout);
        let asked = cpim(&message).as_ref().and_then(Asked::by).filter(|asked| match fate {
            Fate::Stored => asked.processing,
            Fate::Failed | Fate::Forbidden => asked.negative_delivery,
        });
        let (Some(asked), Ok(from), Ok(to)) = (asked, message.from(), message.to()) else { return };
        // Behind a neighbour stands a gateway or another server, which has its own stores.
        if !self.is_our_host(&from.parsed_uri()) || !self.is_our_host(&to.parsed_uri()) {
            return;
        }
        let (Some(sender), Some(recipient)) =
            (from.parsed_uri().user_decoded(), to.parsed_uri().user_decoded())
        else {
            return;
        };
        let aor = format!("{}@{}", self.identity.canonical(&sender), self.settings.domain);
        let recipient = self.identity.canonical(&recipient);
        let addresses = (std::str::from_utf8(from.uri()), std::str::from_utf8(to.uri()));
        let (Ok(sender_uri), Ok(recipient_uri)) = addresses else { return };
        let now = self.clock.wall();
        let body = Notification {
            asked: &asked,
            message_id: &entropy::token(12),
            recipient: recipient_uri,
            sender: sender_uri,
            sent: &now.to_string(),
            fate,
        }
        .write();
        let mut request = format!(
            "MESSAGE {sender_uri} SIP/2.0\r\n\
             Via: SIP/2.0/TCP {domain};branch=z9hG4bK{branch}\r\n\
             Max-Forwards: 70\r\n\
             From: <{recipient_uri}>;tag={tag}\r\n\
             To: <{sender_uri}>\r\n\
             Call-ID: {call}\r\n\
             CSeq: 1 MESSAGE\r\n\
             Date: {date}\r\n\
             Content-Type: message/cpim\r\n\
             Content-Length: {length}\r\n\r\n",
            domain = self.settings.domain,
            branch = entropy::token(12),
            tag = entropy::token(6),
            call = entropy::token(12),
            date = now.sip_date(),
            length = body.len(),
        )
        .into_bytes();
        request.extend_from_slice(&body);
        self.send_kept(outbox, &aor, &recipient, &request.into());
    }

    /// Queues a message of the server's own making, and offers it to the devices that are here.
    fn send_kept(&self, outbox: &mut Outbox, aor: &str, from: &str, request: &Bytes) {
        let row = self.registrar.lookup(aor);
        let plan = self.page_mode.plan(aor, row.as_deref(), self.clock.now());
        let mut devices: SmallVec<[DeviceKey; 2]> = plan.absent;
        for binding in &plan.targets {
            if !devices.contains(&binding.device) {
                devices.push(binding.device.clone());
            }
        }
        let lasts = LASTS.min(self.page_mode.settings().retention);
        let expires_at = self.clock.latest_wall() + lasts;
        let waiting = devices.clone();
        let queued =
            self.put_in_queue(aor, from, request, (devices, true), self.clock.wall(), expires_at);
        let (sequence, durable) = match queued {
            Ok(queued) => queued,
            Err(error) => {
                EngineCounts::add(&self.counts.shed);
                tracing::warn!(event = "notification_not_held", %error);
                return;
            }
        };
        let aor: Box<str> = aor.into();
        let parked = self.park(move |engine| async move {
            if durable.await.is_err() {
                engine.page_mode.held().forget(&aor, sequence);
                return;
            }
            let mut outbox = engine.egress.outbox();
            for device in &waiting {
                engine.replay(&mut outbox, &aor, device);
            }
            outbox.flush();
        });
        if !parked {
            // It is in the queue, and goes with the next registration.
            EngineCounts::add(&self.counts.shed);
        }
        outbox.flush();
    }
}
