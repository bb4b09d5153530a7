//! What becomes of held messages, told to senders who asked for it (RFC 5438 s8).
//!
//! A notification is a message like any other: it waits in its receiver's queue, behind what waits
//! there, and is sent to each of his devices that is here. Nothing is ever told of a notification,
//! so none begets another.

use bytes::Bytes;

use super::Outbox;
use super::engine::{Engine, EngineCounts};
use super::own::{self, Own};
use crate::entropy;
use crate::identity::Existence;
use crate::page_mode::{Undelivered, cpim};
use crate::payload::imdn::{Asked, Fate, Notification};
use crate::sip::wire::{Framing, Layout, Message, scan};

impl Engine {
    /// Tells the senders of messages that nobody will have any more.
    pub fn report_undelivered(&self, undelivered: &[Undelivered]) {
        if !undelivered.is_empty() {
            self.tell_of_undelivered(&mut self.egress.outbox(), undelivered);
        }
    }

    fn tell_of_undelivered(&self, outbox: &mut Outbox, undelivered: &[Undelivered]) {
        for message in undelivered {
            self.tell_sender(outbox, &message.aor, &message.request, Fate::Failed);
        }
    }

    /// Tells the sender of a message for `aor` what became of it, if he asked for that and is one
    /// of ours. It goes to him (RFC 5438 s12.1.3.1) and to nobody whom he names on the way: he could
    /// make anybody the target of it.
    pub(super) fn tell_sender(
        &self,
        outbox: &mut Outbox,
        recipient: &str,
        request: &[u8],
        fate: Fate,
    ) {
        let mut layout = Layout::default();
        if scan(request, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            return;
        }
        let message = Message::new(request, &layout);
        let asked = cpim(&message).as_ref().and_then(Asked::by).filter(|asked| match fate {
            Fate::Stored => asked.processing,
            Fate::Failed => asked.negative_delivery,
        });
        let (Some(asked), Ok(from)) = (asked, message.from()) else { return };
        let uri = from.parsed_uri();
        // Behind a neighbour stands a gateway or another server, which has its own stores.
        let Some(sender) = uri.user_decoded().filter(|_| self.is_our_host(&uri)) else { return };
        let sender = self.identity.canonical(&sender);
        // Who has left in the meantime is told nothing, and neither is whoever has the name next.
        if self.identity.exists_now(&sender) == Existence::Unknown {
            return;
        }
        let aor = format!("{sender}@{}", self.settings.domain);
        let Ok(sender_uri) = std::str::from_utf8(from.uri()) else { return };
        let recipient_uri = &*own::uri(recipient);
        let recipient = recipient.rsplit_once('@').map_or(recipient, |(user, _)| user);
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
        let request = self.own_message(&Own {
            from: format!("<{recipient_uri}>").into(),
            to: sender_uri,
            expires: None,
            kind: "message/cpim",
            body: &body,
        });
        self.send_kept(outbox, &aor, recipient, &request, true);
    }

    /// Queues a message of the server's own making, and offers it to the devices that are here.
    pub(super) fn send_kept(
        &self,
        outbox: &mut Outbox,
        aor: &str,
        from: &str,
        request: &Bytes,
        notification: bool,
    ) {
        let row = self.registrar.lookup(aor);
        let plan = self.page_mode.plan(aor, row.as_deref(), notification, self.clock.now());
        let devices = plan.devices();
        let expires_at = self.clock.latest_wall() + self.page_mode.settings().retention;
        let waiting = devices.clone();
        let queued =
            self.put_in_queue(aor, from, request, (devices, true), self.clock.wall(), expires_at);
        let (sequence, durable) = match queued {
            Ok(queued) => queued,
            Err(error) => {
                EngineCounts::add(&self.counts.shed);
                tracing::warn!(event = "notification_not_held", %error);
                if !notification {
                    self.send_unkept(outbox, aor, request);
                }
                return;
            }
        };
        let aor: Box<str> = aor.into();
        let request = request.clone();
        let parked = self.park(move |engine| async move {
            if durable.await.is_err() {
                engine.page_mode.held().failed(&aor, sequence);
                if !notification {
                    let mut outbox = engine.egress.outbox();
                    engine.send_unkept(&mut outbox, &aor, &request);
                    outbox.flush();
                }
                return;
            }
            engine.offer(&aor, sequence, &waiting);
        });
        if !parked {
            // It is in the queue, and goes with the next registration.
            EngineCounts::add(&self.counts.shed);
        }
        outbox.flush();
    }
}
