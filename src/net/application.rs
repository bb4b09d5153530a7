//! Notices of applications to people, and what people answer them.
//!
//! A notice is a message like any other: it waits in its receiver's queue, and is sent to each of his
//! devices that is here. Its sender is an address that nobody can have, at this server. Who writes
//! `stop` to it hears no more from that application; what else he writes is refused, so that no
//! machine answers a machine for ever.

use bytes::Bytes;

use super::Outbox;
use super::auth::Identified;
use super::dispatch::Request;
use super::engine::{Engine, EngineCounts};
use super::own::{self, Own, Unkept};
use crate::clock::WallTime;
use crate::identity::UserName;
use crate::model::Application;
use crate::page_mode::{cpim, is_composing, is_notification};
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

impl Engine {
    /// Keeps a notice and offers it to the devices that are here. It is safe once this says so.
    pub async fn send_notice(&self, notice: &Notice) -> Taken {
        let aor = format!("{}@{}", notice.user, self.settings.domain);
        let request = self.written(&aor, notice);
        let now = self.clock.now();
        let row = self.registrar.lookup(&aor);
        let is_here = row.as_ref().is_some_and(|row| row.live(now).next().is_some());
        let devices = self.page_mode.plan(&aor, row.as_deref(), false, now).devices();
        let from = Application::user_part(&notice.application);
        match self.keep_and_offer((&aor, &from), &request, devices, notice.expires_at).await {
            Ok(()) if is_here => Taken::Offered,
            Ok(()) => Taken::Held,
            Err(Unkept::Full) => Taken::Full,
            Err(Unkept::Store) => Taken::Failed,
        }
    }

    /// A notice as it is sent.
    fn written(&self, aor: &str, notice: &Notice) -> Bytes {
        let title = notice.title.replace(['"', '\\', '\r', '\n'], " ");
        let from = Application::user_part(&notice.application);
        self.own_message(&Own {
            from: format!("\"{title}\" <sip:{from}@{}>", self.settings.domain).into(),
            to: &own::uri(aor),
            expires: Some(notice.expires_at.since(self.clock.wall()).as_secs().max(1)),
            kind: own::TEXT,
            body: notice.text.as_bytes(),
        })
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
}
