//! Instant message disposition notifications (RFC 5438): what a sender asks to be told of, and the
//! notification that tells it.
//!
//! A store on the way may say `processing` (s8.1) and `negative-delivery` (s8.2), each once;
//! `positive-delivery` and `display` are the recipient's own.

use super::cpim::{self, CPIM, Cpim};

/// The namespace of IMDN's CPIM headers (s6).
pub const IMDN: &str = "urn:ietf:params:imdn";

/// The media type of a notification (s15.1).
pub const MEDIA_TYPE: &str = "message/imdn+xml";

/// Characters of a Message-ID, address or time that are echoed.
const LONGEST: usize = 512;

/// What the sender of a message asks to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The message's own identifier.
    pub message_id: String,
    /// Its CPIM `DateTime`; without one there is nothing to tell messages apart by their time.
    pub date_time: Option<String>,
    /// Whether it is to be told that the message was processed or stored.
    pub processing: bool,
    /// Whether it is to be told that the message cannot be delivered.
    pub negative_delivery: bool,
    /// Who wants to be passed on the way back, nearest first (s6.5).
    pub record_route: Vec<String>,
    /// Its CPIM `To`: whom the message was for, as its sender wrote it.
    pub to: Option<String>,
    /// Whom the message was for before a list server changed it (s6.4).
    pub original_to: Option<String>,
}

impl Asked {
    /// What a message asks for; `None` if it is a notification itself, which none may ever be about
    /// (s7.1.1.1), asks for nothing that a store could tell, or has no identifier.
    #[must_use]
    pub fn by(message: &Cpim<'_>) -> Option<Asked> {
        if is_notification(message) {
            return None;
        }
        let short = |value: &str| value.len() <= LONGEST;
        let text = |name: &str| message.value(IMDN, name).filter(|value| short(value));
        let mut asked = Asked {
            message_id: text("Message-ID").filter(|id| !id.is_empty())?.to_owned(),
            date_time: message.value(CPIM, "DateTime").filter(|v| short(v)).map(str::to_owned),
            to: message.value(CPIM, "To").filter(|v| short(v)).map(str::to_owned),
            original_to: text("Original-To").map(str::to_owned),
            ..Asked::default()
        };
        for value in message.values(IMDN, "Disposition-Notification") {
            for wish in value.split(',') {
                // What follows a semicolon are parameters that nobody has defined.
                match wish.split(';').next().unwrap_or_default().trim() {
                    "processing" => asked.processing = true,
                    "negative-delivery" => asked.negative_delivery = true,
                    _ => {}
                }
            }
        }
        let routes = message.values(IMDN, "IMDN-Record-Route").filter(|value| short(value));
        asked.record_route = routes.take(16).map(str::to_owned).collect();
        (asked.processing || asked.negative_delivery).then_some(asked)
    }
}

/// Whether a message is a notification.
#[must_use]
pub fn is_notification(message: &Cpim<'_>) -> bool {
    let disposition = message.content_header("Content-Disposition").unwrap_or_default();
    let disposition = disposition.split(';').next().unwrap_or_default().trim();
    message.media_type().is_some_and(|media| media.eq_ignore_ascii_case(MEDIA_TYPE))
        || disposition.eq_ignore_ascii_case("notification")
}

/// What became of a message, as a store may tell it (s11.1.5, s11.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is kept until its recipient comes.
    Stored,
    /// It could not be delivered.
    Failed,
}

impl Fate {
    fn element(self) -> (&'static str, &'static str) {
        match self {
            Fate::Stored => ("processing-notification", "stored"),
            Fate::Failed => ("delivery-notification", "failed"),
        }
    }
}

/// A notification about one message.
#[derive(Clone, Debug)]
pub struct Notification<'a> {
    /// What the message's sender asked for.
    pub asked: &'a Asked,
    /// The identifier of the notification itself.
    pub message_id: &'a str,
    /// Whom the message was for; the notification comes from there.
    pub recipient: &'a str,
    /// Who sent it.
    pub sender: &'a str,
    /// When it was sent, for messages without a `DateTime` of their own (RFC 3339).
    pub sent: &'a str,
    /// What became of it.
    pub fate: Fate,
}

impl Notification<'_> {
    /// The whole CPIM message (s7.2.1.1).
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let document = self.document();
        let mut out = Vec::with_capacity(document.len() + 512);
        cpim::write_header("From", &format!("<{}>", self.recipient), &mut out);
        cpim::write_header("To", &format!("<{}>", self.sender), &mut out);
        cpim::write_header("NS", &format!("imdn <{IMDN}>"), &mut out);
        cpim::write_header("imdn.Message-ID", self.message_id, &mut out);
        for route in &self.asked.record_route {
            cpim::write_header("imdn.IMDN-Route", route, &mut out);
        }
        out.extend_from_slice(b"\r\nContent-type: ");
        out.extend_from_slice(MEDIA_TYPE.as_bytes());
        out.extend_from_slice(b"\r\nContent-Disposition: notification\r\nContent-length: ");
        out.extend_from_slice(document.len().to_string().as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(document.as_bytes());
        out
    }

    /// The document (s11).
    fn document(&self) -> String {
        let mut xml = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
             <imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">\r\n",
        );
        let mut element = |name: &str, text: &str| {
            for part in [" <", name, ">"] {
                xml.push_str(part);
            }
            escape(text, &mut xml);
            for part in ["</", name, ">\r\n"] {
                xml.push_str(part);
            }
        };
        element("message-id", &self.asked.message_id);
        element("datetime", self.asked.date_time.as_deref().unwrap_or(self.sent));
        // s11.1.3: as the sender wrote it. The schema has both or none (s11.1.9).
        let recipient = self.asked.to.as_deref().map_or(self.recipient, bare);
        element("recipient-uri", recipient);
        let original = self.asked.original_to.as_deref().map_or(recipient, bare);
        element("original-recipient-uri", original);
        let (kind, status) = self.fate.element();
        xml.push_str(&format!(" <{kind}>\r\n  <status>\r\n   <{status}/>\r\n  </status>\r\n"));
        xml.push_str(&format!(" </{kind}>\r\n</imdn>\r\n"));
        xml
    }
}

/// The URI of `Name <uri>`.
fn bare(address: &str) -> &str {
    let inside = address.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(address, |(uri, _)| uri).trim()
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // XML 1.0 has no way to write these.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(wishes: &str) -> String {
        format!(
            "From: Alice <im:alice@example.com>\r\nTo: Bob <im:bob@example.com>\r\n\
             NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: 34jk324j\r\n\
             DateTime: 2006-04-04T12:16:49-05:00\r\n\
             imdn.Disposition-Notification: {wishes}\r\n\r\n\
             Content-type: text/plain\r\nContent-length: 12\r\n\r\nHello World"
        )
    }

    /// RFC 5438 s7.1.1.1, s8.1, s8.2.
    #[test]
    fn only_what_was_asked_for_and_a_store_may_tell_is_found() {
        let asked = |wishes: &str| {
            let text = message(wishes);
            Asked::by(&Cpim::parse(text.as_bytes()).unwrap())
                .map(|asked| (asked.processing, asked.negative_delivery))
        };
        assert_eq!(asked("positive-delivery, negative-delivery"), Some((false, true)));
        assert_eq!(asked("processing;x=y,negative-delivery"), Some((true, true)));
        assert_eq!(asked("positive-delivery, display"), None);
        assert_eq!(asked(""), None);
        let anonymous = message("processing").replace("imdn.Message-ID", "imdn.Other");
        assert_eq!(Asked::by(&Cpim::parse(anonymous.as_bytes()).unwrap()), None);
        // The prefix is not the namespace.
        let other = message("processing").replace("urn:ietf:params:imdn", "urn:other");
        assert_eq!(Asked::by(&Cpim::parse(other.as_bytes()).unwrap()), None);
    }

    /// RFC 5438 s7.1.1.1: there is no notification about a notification.
    #[test]
    fn a_notification_asks_for_nothing() {
        let text = message("processing").replace("text/plain", "message/imdn+xml");
        let cpim = Cpim::parse(text.as_bytes()).unwrap();
        assert!(is_notification(&cpim));
        assert_eq!(Asked::by(&cpim), None);
        let text = message("processing")
            .replace("Content-length", "Content-Disposition: Notification\r\nContent-length");
        assert_eq!(Asked::by(&Cpim::parse(text.as_bytes()).unwrap()), None);
    }

    /// RFC 5438 s7.2.1.1, s8.1, s11.
    #[test]
    fn a_notification_reads_back_as_it_was_meant() {
        let text = message("processing");
        let mut asked = Asked::by(&Cpim::parse(text.as_bytes()).unwrap()).unwrap();
        asked.record_route = vec!["<sip:relay.example.com>".to_owned()];
        asked.original_to = Some("List <im:list@example.com>".to_owned());
        let notification = Notification {
            asked: &asked,
            message_id: "d834jied93rf",
            recipient: "sip:bob@example.com",
            sender: "sip:alice@example.com",
            sent: "2010-01-01T00:00:00Z",
            fate: Fate::Stored,
        };
        let bytes = notification.write();
        let cpim = Cpim::parse(&bytes).unwrap();
        assert!(is_notification(&cpim));
        assert_eq!(cpim.value(IMDN, "Message-ID"), Some("d834jied93rf"));
        assert_eq!(cpim.value(IMDN, "IMDN-Route"), Some("<sip:relay.example.com>"));
        let length: usize = cpim.content_header("Content-Length").unwrap().parse().unwrap();
        assert_eq!(length, cpim.content.len());
        let document = std::str::from_utf8(cpim.content).unwrap();
        for part in [
            "<message-id>34jk324j</message-id>",
            "<datetime>2006-04-04T12:16:49-05:00</datetime>",
            "<recipient-uri>im:bob@example.com</recipient-uri>",
            "<original-recipient-uri>im:list@example.com</original-recipient-uri>",
            "<processing-notification>",
            "<stored/>",
        ] {
            assert!(document.contains(part), "{part} in {document}");
        }
    }

    proptest! {
        /// Whatever a sender calls his message, the document stays one.
        #[test]
        fn no_text_of_the_sender_is_markup(id in "\\PC{1,60}", time in "\\PC{0,60}") {
            let asked = Asked { message_id: id, date_time: Some(time), ..Asked::default() };
            let (recipient, sender) = ("sip:b@x", "sip:a@x");
            let notification = Notification {
                asked: &asked, message_id: "1", recipient, sender, sent: "", fate: Fate::Failed,
            };
            let document = notification.document();
            prop_assert_eq!(document.matches('<').count(), 16, "{}", document);
        }
    }
}
