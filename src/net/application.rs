//! Notices of applications to people, and what people answer them.
//!
//! A notice is a message like any other: it waits in its receiver's queue, and is sent to each of his
//! devices that is here. Its sender is an address that nobody can have, at this server. Who writes
//! `stop` to it hears no more from that application; what else he writes is refused, so that no
//! machine answers a machine for ever.

use bytes::Bytes;
use smallvec::SmallVec;

use super::Outbox;
use super::auth::Identified;
use super::dispatch::Request;
use super::engine::{Engine, EngineCounts};
use crate::clock::WallTime;
use crate::entropy;
use crate::identity::UserName;
use crate::model::{Application, DeviceKey};
use crate::page_mode::{HoldError, cpim, is_composing, is_notification};
use crate::sip::wire::Message;

/// A short text of an application to a person.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Who it is for.
    pub user: UserName,
    /// The name of the application.
    pub application: String,
    /// What people read as the sender.
    pub title: String,
    /// What it says.
    pub text: String,
    /// When it is of no use any more.
    pub expires_at: WallTime,
}

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is kept, and on its way to a device that is here.
    Offered,
    /// It waits until a device comes.
    Held,
    /// Too much waits for this person already.
    Full,
    /// It could not be kept.
    Failed,
}

/// What people say to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    muted: bool,
    /// What is answered, in the language that was spoken.
    answer: &'static str,
}

/// Reads what people say: one word, in either language.
fn wish(text: &str) -> Option<Wish> {
    let word = text.trim().trim_end_matches(['.', '!']).to_lowercase();
    let (muted, answer) = match word.as_str() {
        "stop" => (true, "You get no more of these. Write “start” to get them again."),
        "start" => (false, "You get these again. Write “stop” to get no more."),
        "parar" => (true, "Não recebe mais destas mensagens. Escreva “começar” para as receber."),
        "começar" | "comecar" => {
            (false, "Volta a receber estas mensagens. Escreva “parar” para deixar de as receber.")
        }
        _ => return None,
    };
    Some(Wish { muted, answer })
}

/// The plain text of a message, if that is what it carries.
fn plain<'a>(message: &Message<'a>) -> Option<&'a str> {
    let text = match cpim(message) {
        Some(inner) => {
            let is_plain = |kind: &str| kind.eq_ignore_ascii_case("text/plain");
            inner.media_type().is_none_or(is_plain).then_some(inner.content)?
        }
        None => {
            let kind = message.content_type().unwrap_or(b"text/plain");
            let is_plain = kind.get(..10).is_some_and(|k| k.eq_ignore_ascii_case(b"text/plain"));
            is_plain.then(|| message.body())?
        }
    };
    std::str::from_utf8(text).ok()
}

/// A user part as it stands in a URI (RFC 3261 s25.1).
fn user_part(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

impl Engine {
    /// Keeps a notice and offers it to the devices that are here. It is safe once this says so.
    pub async fn send_notice(&self, notice: &Notice) -> Taken {
        let aor = format!("{}@{}", notice.user, self.settings.domain);
        let request = Bytes::from(self.written(notice));
        let (waiting, is_here, queued) = self.queue_notice(&aor, notice, &request);
        let (sequence, durable) = match queued {
            Ok(queued) => queued,
            Err(HoldError::Full | HoldError::SenderFull) => return Taken::Full,
            Err(HoldError::Store(error)) => {
                tracing::error!(event = "notice_not_held", %error);
                return Taken::Failed;
            }
        };
        // A person of the directory whom somebody writes to has a row from now on.
        if let Err(error) = self.accounts.appear(&notice.user).await {
            tracing::warn!(event = "person_not_written", %error);
        }
        if let Err(error) = durable.await {
            tracing::error!(event = "notice_not_held", %error);
            self.page_mode.held().failed(&aor, sequence);
            return Taken::Failed;
        }
        self.page_mode.held().confirm(&aor, sequence);
        let mut outbox = self.egress.outbox();
        for device in &waiting {
            self.replay(&mut outbox, &aor, device);
        }
        outbox.flush();
        if is_here { Taken::Offered } else { Taken::Held }
    }

    #[expect(clippy::type_complexity, reason = "what one caller takes apart at once")]
    fn queue_notice(
        &self,
        aor: &str,
        notice: &Notice,
        request: &Bytes,
    ) -> (SmallVec<[DeviceKey; 2]>, bool, Result<(u64, crate::store::Commitment), HoldError>) {
        let (now, arrived) = (self.clock.now(), self.clock.wall());
        let row = self.registrar.lookup(aor);
        let is_here = row.as_ref().is_some_and(|row| row.live(now).next().is_some());
        let plan = self.page_mode.plan(aor, row.as_deref(), false, now);
        let mut devices: SmallVec<[DeviceKey; 2]> = plan.absent;
        for binding in &plan.targets {
            if !devices.contains(&binding.device) {
                devices.push(binding.device.clone());
            }
        }
        let latest = self.clock.latest_wall() + self.page_mode.settings().retention;
        let from = Application::user_part(&notice.application);
        let shares = (devices.clone(), true);
        let until = notice.expires_at.min(latest);
        let queued = self.put_in_queue(aor, &from, request, shares, arrived, until);
        (devices, is_here, queued)
    }

    /// A notice as it is sent.
    fn written(&self, notice: &Notice) -> Vec<u8> {
        let now = self.clock.wall();
        let domain = &self.settings.domain;
        let to = format!("sip:{}@{domain}", user_part(&notice.user));
        let mut request = format!(
            "MESSAGE {to} SIP/2.0\r\n\
             Via: SIP/2.0/TCP {domain};branch=z9hG4bK{branch}\r\n\
             Max-Forwards: 70\r\n\
             From: \"{title}\" <sip:{from}@{domain}>;tag={tag}\r\n\
             To: <{to}>\r\n\
             Call-ID: {call}\r\n\
             CSeq: 1 MESSAGE\r\n\
             Date: {date}\r\n\
             Expires: {expires}\r\n\
             Content-Type: text/plain;charset=UTF-8\r\n\
             Content-Length: {length}\r\n\r\n",
            branch = entropy::token(12),
            title = notice.title.replace(['"', '\\', '\r', '\n'], " "),
            from = Application::user_part(&notice.application),
            tag = entropy::token(6),
            call = entropy::token(12),
            date = now.sip_date(),
            expires = notice.expires_at.since(now).as_secs().max(1),
            length = notice.text.len(),
        )
        .into_bytes();
        request.extend_from_slice(notice.text.as_bytes());
        request
    }

    /// MESSAGE to the address of an application.
    pub(super) fn answer_application(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        identified: &Identified,
        name: &str,
        out: &mut Vec<u8>,
    ) {
        let message = request.message;
        let application = match self.accounts.application(name) {
            Ok(Some(application)) => application,
            Ok(None) => return self.refuse(outbox, request, 404, None, &[], out),
            Err(error) => {
                tracing::error!(event = "application_unread", %error);
                return self.refuse(outbox, request, 503, None, &[("Retry-After", "30")], out);
            }
        };
        if is_composing(message) || is_notification(message) {
            return self.refuse(outbox, request, 202, None, &[], out);
        }
        let wish = plain(message).and_then(wish).filter(|_| !identified.peer);
        let Some(wish) = wish else {
            let reason = Some("Write Stop Or Start");
            return self.refuse(outbox, request, 403, reason, &[], out);
        };
        let (flow, server) = (request.flow, request.server);
        let bytes = Bytes::copy_from_slice(message.bytes());
        let user = identified.user.clone();
        let parked = self.park(move |engine| async move {
            let muted = engine.accounts.mute(&user, &application.name, wish.muted).await;
            if let Err(error) = &muted {
                tracing::warn!(event = "wish_not_kept", %error);
            }
            {
                let mut outbox = engine.egress.outbox();
                engine.finish_hold(&mut outbox, &bytes, flow, server, muted.is_ok());
                outbox.flush();
            }
            if muted.is_ok() {
                let expires_at = engine.clock.wall() + engine.page_mode.settings().retention;
                let notice = Notice {
                    user,
                    application: application.name,
                    title: application.title,
                    text: wish.answer.to_owned(),
                    expires_at,
                };
                engine.send_notice(&notice).await;
            }
        });
        if !parked {
            EngineCounts::add(&self.counts.shed);
            self.refuse(outbox, request, 503, None, &[("Retry-After", "10")], out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_understood_in_either_language_and_nothing_else() {
        for (text, muted) in [
            ("stop", Some(true)),
            (" STOP!\r\n", Some(true)),
            ("Parar", Some(true)),
            ("start", Some(false)),
            ("COMEÇAR", Some(false)),
            ("comecar.", Some(false)),
            ("please stop", None),
            ("", None),
            ("thank you", None),
        ] {
            assert_eq!(wish(text).map(|wish| wish.muted), muted, "{text:?}");
        }
    }

    #[test]
    fn a_name_is_written_as_a_uri_takes_it() {
        assert_eq!(user_part("joão.m"), "jo%C3%A3o.m");
        assert_eq!(user_part("app/mail"), "app/mail");
    }
}
