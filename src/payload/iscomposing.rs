//! Somebody is typing (RFC 3994).

use std::time::Duration;

use super::xml::{self, XmlError};

/// The media type of a status message.
pub const MEDIA_TYPE: &str = "application/im-iscomposing+xml";

const XML_NAMESPACE: &str = "urn:ietf:params:xml:ns:im-iscomposing";

/// How long "active" lasts when the sender names no refresh interval (s3.3).
pub const DEFAULT_REFRESH: Duration = Duration::from_secs(120);

/// Whether somebody is typing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Typing.
    Active,
    /// Not typing, or a state that is not known here (s3.5).
    Idle,
}

/// A status message (s3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsComposing {
    /// The state.
    pub state: State,
    /// When somebody last typed, as written.
    pub last_active: Option<String>,
    /// What is being made: a media type, or the first half of one.
    pub content_type: Option<String>,
    /// The interval after which the next status message is due.
    pub refresh: Option<Duration>,
}

impl IsComposing {
    /// Reads a document.
    ///
    /// # Errors
    /// [`XmlError`] if it is none, or has no state.
    pub fn parse(body: &[u8]) -> Result<IsComposing, XmlError> {
        let document = xml::read(body, XML_NAMESPACE, "isComposing")?;
        let root = document.root_element();
        let state = xml::text(root, "state").ok_or(XmlError::Missing("state"))?;
        let refresh = xml::text(root, "refresh").and_then(|text| text.parse::<u32>().ok());
        Ok(IsComposing {
            state: if state == "active" { State::Active } else { State::Idle },
            last_active: xml::text(root, "lastactive"),
            content_type: xml::text(root, "contenttype"),
            refresh: refresh
                .filter(|seconds| *seconds > 0)
                .map(|seconds| Duration::from_secs(u64::from(seconds))),
        })
    }

    /// How long the state lasts unless another message comes; `None`: for ever.
    #[must_use]
    pub fn lasts(&self) -> Option<Duration> {
        match self.state {
            State::Active => Some(self.refresh.unwrap_or(DEFAULT_REFRESH)),
            State::Idle => None,
        }
    }

    /// Appends the document.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<isComposing xmlns=\"",
        );
        out.extend_from_slice(XML_NAMESPACE.as_bytes());
        out.extend_from_slice(b"\">\r\n");
        let state = match self.state {
            State::Active => "active",
            State::Idle => "idle",
        };
        xml::element("  ", "state", state, out);
        if let Some(at) = &self.last_active {
            xml::element("  ", "lastactive", at, out);
        }
        if let Some(content_type) = &self.content_type {
            xml::element("  ", "contenttype", content_type, out);
        }
        if let Some(refresh) = self.refresh {
            xml::element("  ", "refresh", &refresh.as_secs().max(1).to_string(), out);
        }
        out.extend_from_slice(b"</isComposing>\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // RFC 3994 s5, s3.3, s3.5
    #[test]
    fn status_messages_of_composers_are_read() {
        let active = br#"<?xml version="1.0" encoding="UTF-8"?>
       <isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"
       xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
       xsi:schemaLocation="urn:ietf:params:xml:ns:im-composing iscomposing.xsd">
         <state>active</state><contenttype>text/plain</contenttype><refresh>90</refresh>
       </isComposing>"#;
        let read = IsComposing::parse(active).unwrap();
        assert_eq!((read.state, read.lasts()), (State::Active, Some(Duration::from_secs(90))));
        assert_eq!(read.content_type.as_deref(), Some("text/plain"));
        let text = std::str::from_utf8(active).unwrap();
        let parse = |text: &str| IsComposing::parse(text.as_bytes());
        let read = parse(&text.replace("<refresh>90</refresh>", "")).unwrap();
        assert_eq!(read.lasts(), Some(DEFAULT_REFRESH));
        let read = parse(&text.replace(">active<", ">pondering<")).unwrap();
        assert_eq!((read.state, read.lasts()), (State::Idle, None), "unknown states are idle");
        assert_eq!(parse(&text.replace("active", "")), Err(XmlError::Missing("state")));
    }

    /// Nothing outside the document, nothing of another kind, no depth and no entity does harm.
    #[test]
    fn what_is_no_status_message_is_refused() {
        let of =
            |inner: &str| format!("<isComposing xmlns='{XML_NAMESPACE}'>{inner}</isComposing>");
        let deep = of(&format!("{}{}", "<a>".repeat(5_000), "</a>".repeat(5_000)));
        let bomb = format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{}", of("<state>&b;</state>"));
        for wrong in [&deep, &bomb, "<isComposing", ""] {
            let refused = IsComposing::parse(wrong.as_bytes());
            assert!(matches!(refused, Err(XmlError::Malformed(_))), "{wrong:.40}: {refused:?}");
        }
        let other = of("<state>active</state>").replace("im-iscomposing", "other");
        assert_eq!(IsComposing::parse(other.as_bytes()), Err(XmlError::OtherRoot));
        assert_eq!(IsComposing::parse(b"\xff"), Err(XmlError::NotUtf8));
        assert_eq!(IsComposing::parse(&[b' '; 70_000]), Err(XmlError::TooLong));
    }

    proptest! {
        #[test]
        fn a_status_message_reads_back_as_it_was_written(
            active: bool,
            kind in prop::option::of("[a-z]{1,8}/[a-z<&]{1,8}"),
            refresh in prop::option::of(1_u32..100_000),
        ) {
            let status = IsComposing {
                state: if active { State::Active } else { State::Idle },
                last_active: Some("2003-01-27T10:43:00Z".to_owned()),
                content_type: kind,
                refresh: refresh.map(|seconds| Duration::from_secs(u64::from(seconds))),
            };
            let mut out = Vec::new();
            status.write(&mut out);
            prop_assert_eq!(IsComposing::parse(&out).unwrap(), status);
        }
    }
}
