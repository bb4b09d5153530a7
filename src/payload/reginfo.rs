//! `application/reginfo+xml` (RFC 3680 s5): who is registered where, with GRUUs (RFC 5628).

use std::fmt::Write;

/// The media type.
pub const MEDIA_TYPE: &str = "application/reginfo+xml";

/// Why a contact is in its state (RFC 3680 s4.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was registered.
    Registered,
    /// It was registered again.
    Refreshed,
    /// Its time ran out.
    Expired,
    /// Its flow ended; its device is welcome to register again.
    Deactivated,
    /// A REGISTER took it away.
    Unregistered,
}

impl Event {
    /// The value of the `event` attribute.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Event::Registered => "registered",
            Event::Refreshed => "refreshed",
            Event::Expired => "expired",
            Event::Deactivated => "deactivated",
            Event::Unregistered => "unregistered",
        }
    }

    /// Whether the contact is bound after it.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Event::Registered | Event::Refreshed)
    }
}

/// One contact of an address-of-record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Tells it from the other contacts, the same in every document.
    pub id: String,
    /// What happened to it last.
    pub event: Event,
    /// Its URI.
    pub uri: String,
    /// Seconds until it ends, while it is bound.
    pub expires: Option<u64>,
    /// Seconds that it has been bound.
    pub registered_for: u64,
    /// Preference in thousandths.
    pub q: u16,
    /// Call-ID of its last REGISTER.
    pub call_id: String,
    /// CSeq of that REGISTER.
    pub cseq: u32,
    /// Other parameters of the Contact, as they were written: name, and value if there is one.
    pub params: Vec<(String, Option<String>)>,
    /// The public GRUU of its instance (RFC 5628 s5).
    pub public_gruu: Option<String>,
}

/// What a document tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Orders the documents of one subscription; each is one more than the one before.
    pub version: u32,
    /// Whether it tells everything, or what has changed.
    pub full: bool,
    /// The address-of-record, a URI.
    pub aor: String,
    /// Whether any contact is bound, told here or not.
    pub active: bool,
    /// The contacts.
    pub contacts: Vec<Contact>,
}

impl Document {
    /// The document as XML.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = String::with_capacity(256 + self.contacts.len() * 512);
        // Writing to a String does not fail.
        let _ = write!(
            out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" \
             xmlns:gr=\"urn:ietf:params:xml:ns:gruuinfo\" version=\"{}\" state=\"{}\">\n",
            self.version,
            if self.full { "full" } else { "partial" },
        );
        // A document that tells of everything and finds nothing is of a registration that has not
        // begun; `terminated` is for the news that the last contact went (RFC 3680 s4.7.1).
        let state = match (self.active, self.full && self.contacts.is_empty()) {
            (true, _) => "active",
            (false, true) => "init",
            (false, false) => "terminated",
        };
        out.push_str("<registration aor=\"");
        escape(&self.aor, &mut out);
        let _ = writeln!(out, "\" id=\"r\" state=\"{state}\">");
        for contact in &self.contacts {
            contact.write(&mut out);
        }
        out.push_str("</registration>\n</reginfo>\n");
        out
    }
}

impl Contact {
    fn write(&self, out: &mut String) {
        let state = if self.event.is_active() { "active" } else { "terminated" };
        out.push_str("<contact id=\"");
        escape(&self.id, out);
        let _ = write!(out, "\" state=\"{state}\" event=\"{}\"", self.event.name());
        if let Some(expires) = self.expires.filter(|_| self.event.is_active()) {
            let _ = write!(out, " expires=\"{expires}\"");
        }
        let _ = write!(out, " duration-registered=\"{}\"", self.registered_for);
        if self.q != 1_000 {
            let _ = write!(out, " q=\"{}.{:03}\"", self.q / 1_000, self.q % 1_000);
        }
        out.push_str(" callid=\"");
        escape(&self.call_id, out);
        let _ = write!(out, "\" cseq=\"{}\"><uri>", self.cseq);
        escape(&self.uri, out);
        out.push_str("</uri>");
        for (name, value) in &self.params {
            out.push_str("<unknown-param name=\"");
            escape(name, out);
            out.push_str("\">");
            escape(value.as_deref().unwrap_or_default(), out);
            out.push_str("</unknown-param>");
        }
        if let Some(gruu) = &self.public_gruu {
            out.push_str("<gr:pub-gruu uri=\"");
            escape(gruu, out);
            out.push_str("\"/>");
        }
        out.push_str("</contact>\n");
    }
}

/// Text for an element or attribute. What XML 1.0 has no place for becomes U+FFFD.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
#[cfg(feature = "server")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NS: &str = "urn:ietf:params:xml:ns:reginfo";

    fn contact(event: Event) -> Contact {
        Contact {
            id: "76".to_owned(),
            event,
            uri: "sip:user@pc887.example.com".to_owned(),
            expires: Some(600),
            registered_for: 7_322,
            q: 800,
            call_id: "c1@pc".to_owned(),
            cseq: 3,
            params: vec![("+sip.instance".to_owned(), Some("\"<urn:uuid:1>\"".to_owned()))],
            public_gruu: Some("sip:user@example.com;gr=urn:uuid:1".to_owned()),
        }
    }

    fn document(full: bool, active: bool, contacts: Vec<Contact>) -> Document {
        Document { version: 7, full, aor: "sip:user@example.com".to_owned(), active, contacts }
    }

    // RFC 3680 s5.1
    #[test]
    fn a_document_says_what_must_be_said_of_registration_and_contact() {
        let text = document(true, true, vec![contact(Event::Registered)]).write();
        let xml = roxmltree::Document::parse(&text).unwrap();
        let root = xml.root_element();
        assert!(root.has_tag_name((NS, "reginfo")));
        assert_eq!((root.attribute("version"), root.attribute("state")), (Some("7"), Some("full")));
        let registration = root.first_element_child().unwrap();
        assert!(registration.has_tag_name((NS, "registration")));
        assert_eq!(registration.attribute("aor"), Some("sip:user@example.com"));
        assert_eq!(registration.attribute("state"), Some("active"));
        assert!(registration.attribute("id").is_some());
        let contact = registration.first_element_child().unwrap();
        for (name, value) in [
            ("id", "76"),
            ("state", "active"),
            ("event", "registered"),
            ("expires", "600"),
            ("duration-registered", "7322"),
            ("q", "0.800"),
            ("callid", "c1@pc"),
            ("cseq", "3"),
        ] {
            assert_eq!(contact.attribute(name), Some(value), "{name}");
        }
        let children: Vec<_> = contact.children().filter(roxmltree::Node::is_element).collect();
        assert_eq!(children[0].text(), Some("sip:user@pc887.example.com"));
        assert_eq!(children[1].attribute("name"), Some("+sip.instance"));
        assert_eq!(children[1].text(), Some("\"<urn:uuid:1>\""));
        // RFC 5628 s5
        assert!(children[2].has_tag_name(("urn:ietf:params:xml:ns:gruuinfo", "pub-gruu")));
        assert_eq!(children[2].attribute("uri"), Some("sip:user@example.com;gr=urn:uuid:1"));
    }

    // RFC 3680 s4.7.1
    #[test]
    fn the_state_of_a_registration_is_that_of_its_contacts() {
        let state = |document: Document| {
            let text = document.write();
            let xml = roxmltree::Document::parse(&text).unwrap();
            let registration = xml.root_element().first_element_child().unwrap();
            registration.attribute("state").map(str::to_owned).unwrap()
        };
        assert_eq!(state(document(true, false, vec![])), "init");
        assert_eq!(state(document(false, false, vec![contact(Event::Expired)])), "terminated");
        assert_eq!(state(document(false, true, vec![contact(Event::Unregistered)])), "active");
    }

    // RFC 3680 s5.1: a contact that is gone has no time left
    #[test]
    fn a_terminated_contact_has_no_expiry() {
        for event in [Event::Expired, Event::Deactivated, Event::Unregistered] {
            let text = document(false, false, vec![contact(event)]).write();
            assert!(!text.contains(" expires="), "{text}");
            assert!(text.contains("state=\"terminated\" event="), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_device_says_the_document_is_well_formed_and_says_it(
            uri in "[ -~\u{a0}-\u{ff}]{0,40}",
            value in any::<Option<String>>(),
            name in any::<String>(),
        ) {
            let contact = Contact {
                uri: uri.clone(),
                id: name.clone(),
                params: vec![(name, value)],
                ..contact(Event::Refreshed)
            };
            let text = document(true, true, vec![contact]).write();
            let xml = roxmltree::Document::parse(&text).unwrap();
            let told = xml.descendants().find(|node| node.has_tag_name((NS, "uri"))).unwrap();
            prop_assert_eq!(told.text().unwrap_or_default(), uri);
        }
    }
}
