//! A dialog that a request to us began (RFC 3261 s12): what names it, where its requests go, and
//! their order.

use std::sync::Arc;

use super::header::{Contact, HeaderName};
use super::method::Method;
use super::wire::Message;

/// Bytes that the route set may take, and its values.
const MOST_ROUTE_BYTES: usize = 2_048;
const MOST_ROUTES: usize = 8;

/// Why a request begins no dialog, or does not belong into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// From, To, CSeq or a tag is missing or malformed.
    #[error("Bad From, To Or CSeq")]
    Malformed,
    /// There is not exactly one Contact with an address (RFC 3261 s8.1.1.8).
    #[error("One Contact Is Needed")]
    NoContact,
    /// More Record-Route than is kept.
    #[error("Route Set Too Long")]
    RouteTooLong,
    /// Its CSeq is not above the last one: 500 (RFC 3261 s12.2.2).
    #[error("CSeq Out Of Order")]
    OutOfOrder,
}

/// What names a dialog and where it goes, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    /// Call-ID.
    pub call_id: &'a [u8],
    /// Our tag.
    pub local_tag: &'a str,
    /// Their tag.
    pub remote_tag: &'a [u8],
    /// Our side as it goes into From, with our tag.
    pub local: &'a [u8],
    /// Their side as it goes into To, with their tag.
    pub remote: &'a [u8],
    /// The remote target: where our requests go (s12.1.1).
    pub target: &'a [u8],
    /// The route set as the value of a Route; empty for none (s12.1.1).
    pub route: &'a [u8],
}

/// A dialog, from our side. There may be very many, so its names lie behind each other in one piece
/// of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// Call-ID, their tag, both sides, target and route.
    text: Box<[u8]>,
    /// Where each of them ends, but for the last.
    ends: [u32; 5],
    local_tag: Arc<str>,
    /// The number of our last request.
    pub local_cseq: u32,
    /// The number of their last request.
    pub remote_cseq: u32,
}

impl Dialog {
    /// A dialog of these names, with the numbers of our last request and of theirs.
    #[must_use]
    pub fn of(names: &Names<'_>, local_cseq: u32, remote_cseq: u32) -> Dialog {
        let Names { call_id, remote_tag, local, remote, target, route, .. } = *names;
        let parts = [call_id, remote_tag, local, remote, target, route];
        let mut text = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        let mut ends = [0; 5];
        for (index, part) in parts.into_iter().enumerate() {
            text.extend_from_slice(part);
            if let Some(end) = ends.get_mut(index) {
                // All of it stood in one message, which is far shorter than 4 GiB.
                *end = u32::try_from(text.len()).unwrap_or(u32::MAX);
            }
        }
        let local_tag = Arc::from(names.local_tag);
        Dialog { text: text.into(), ends, local_tag, local_cseq, remote_cseq }
    }

    /// Its names.
    #[must_use]
    pub fn names(&self) -> Names<'_> {
        let end = |index: usize| self.ends.get(index).map_or(self.text.len(), |end| *end as usize);
        let part = |index: usize| {
            let start = if index == 0 { 0 } else { end(index - 1) };
            self.text.get(start..end(index)).unwrap_or_default()
        };
        Names {
            call_id: part(0),
            local_tag: &self.local_tag,
            remote_tag: part(1),
            local: part(2),
            remote: part(3),
            target: part(4),
            route: part(5),
        }
    }

    /// Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &[u8] {
        self.names().call_id
    }

    /// Our tag.
    #[must_use]
    pub fn local_tag(&self) -> &Arc<str> {
        &self.local_tag
    }

    /// The remote target.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.names().target
    }

    /// The route set as the value of a Route; empty for none.
    #[must_use]
    pub fn route(&self) -> &[u8] {
        self.names().route
    }

    /// The dialog that a request begins whose answer has `tag` in To (s12.1.1).
    ///
    /// # Errors
    ///
    /// [`DialogError`], if the request lacks what names a dialog.
    pub fn accept(request: &Message<'_>, tag: &str) -> Result<Dialog, DialogError> {
        let from = request.from().map_err(|_| DialogError::Malformed)?;
        let remote_tag = from.tag().ok_or(DialogError::Malformed)?;
        let cseq = request.cseq().ok_or(DialogError::Malformed)?;
        let header = |name| request.header(name).ok_or(DialogError::Malformed);
        let mut local = unfolded(header(HeaderName::To)?);
        local.extend_from_slice(b";tag=");
        local.extend_from_slice(tag.as_bytes());
        let routes: Vec<&[u8]> =
            request.values(HeaderName::RecordRoute).take(MOST_ROUTES + 1).collect();
        let route = unfolded(&routes.join(&b", "[..]));
        if routes.len() > MOST_ROUTES || route.len() > MOST_ROUTE_BYTES {
            return Err(DialogError::RouteTooLong);
        }
        let names = Names {
            call_id: request.call_id(),
            local_tag: tag,
            remote_tag,
            local: &local,
            remote: &unfolded(header(HeaderName::From)?),
            target: target(request)?.ok_or(DialogError::NoContact)?,
            route: &route,
        };
        Ok(Dialog::of(&names, 0, cseq.number))
    }

    /// Whether a request was sent within this dialog (s12.2.2).
    #[must_use]
    pub fn has(&self, request: &Message<'_>) -> bool {
        let tag_of = |address: Result<super::header::Address<'_>, _>| {
            address.ok().and_then(|address| address.tag().map(<[u8]>::to_vec))
        };
        let names = self.names();
        request.call_id() == names.call_id
            && tag_of(request.to()).as_deref() == Some(names.local_tag.as_bytes())
            && tag_of(request.from()).as_deref() == Some(names.remote_tag)
    }

    /// Takes a request within this dialog: its number must be above the last one, and its Contact
    /// is the new target (s12.2.2).
    ///
    /// # Errors
    ///
    /// [`DialogError`]; the dialog is as it was.
    pub fn receive(&mut self, request: &Message<'_>) -> Result<(), DialogError> {
        let cseq = request.cseq().ok_or(DialogError::Malformed)?.number;
        if cseq <= self.remote_cseq {
            return Err(DialogError::OutOfOrder);
        }
        if let Some(target) = target(request)?
            && target != self.target()
        {
            let names = Names { target, ..self.names() };
            let moved = Dialog::of(&names, self.local_cseq, cseq);
            *self = Dialog { local_tag: Arc::clone(&self.local_tag), ..moved };
        }
        self.remote_cseq = cseq;
        Ok(())
    }

    /// The number of our next request (s12.2.1.1).
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.local_cseq
    }

    /// Our next request: number and target are the dialog's, the rest is the caller's.
    #[must_use]
    pub fn request<'a>(
        &'a self,
        method: Method<'a>,
        via: &'a [u8],
        headers: &'a [(&'a str, &'a [u8])],
        body: Option<(&'a str, &'a [u8])>,
    ) -> super::build::RequestWriter<'a> {
        let Names { call_id, local, remote, target, .. } = self.names();
        super::build::RequestWriter {
            method,
            uri: target,
            via,
            from: local,
            to: remote,
            call_id,
            cseq: self.local_cseq,
            max_forwards: 70,
            headers,
            body,
        }
    }
}

/// The URI of the only Contact; none if there is no Contact.
fn target<'a>(request: &Message<'a>) -> Result<Option<&'a [u8]>, DialogError> {
    let mut contacts = request.contacts();
    match (contacts.next(), contacts.next()) {
        (None, _) => Ok(None),
        (Some(Ok(Contact::Address(contact))), None) if contact.parsed_uri().is_sip() => {
            Ok(Some(contact.uri()))
        }
        _ => Err(DialogError::NoContact),
    }
}

/// A value on one line: it will stand in headers of ours.
fn unfolded(value: &[u8]) -> Vec<u8> {
    value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::{Framing, Layout, Limits, scan};

    fn read<T>(text: &str, look: impl FnOnce(&Message<'_>) -> T) -> T {
        let text = text.replace('\n', "\r\n");
        let mut layout = Layout::default();
        scan(text.as_bytes(), Framing::Datagram, &Limits::default(), &mut layout).unwrap();
        look(&Message::new(text.as_bytes(), &layout))
    }

    fn subscribe(cseq: u32, to_tag: &str, more: &str) -> String {
        format!(
            "SUBSCRIBE sip:alice@campus.example SIP/2.0\n\
             Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\nFrom: A <sip:alice@campus.example>;tag=f1\n\
             To: <sip:alice@campus.example>{to_tag}\nCall-ID: c1\nCSeq: {cseq} SUBSCRIBE\n{more}\n"
        )
    }

    const CONTACT: &str = "Contact: <sip:alice@192.0.2.7:5070>\n";

    fn dialog() -> Dialog {
        let routes = "Record-Route: <sip:p2;lr>, <sip:p1;lr>\n";
        read(&subscribe(7, "", &format!("{CONTACT}{routes}")), |message| {
            Dialog::accept(message, "t1")
        })
        .unwrap()
    }

    // RFC 3261 s12.1.1, s12.2.1.1
    #[test]
    fn our_requests_carry_what_the_dialog_began_with() {
        let mut dialog = dialog();
        let mut out = Vec::new();
        for cseq in 1..=2 {
            assert_eq!(dialog.next_cseq(), cseq);
        }
        let route = dialog.route().to_vec();
        let headers: [(&str, &[u8]); 1] = [("Route", &route)];
        let via = b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2";
        dialog.request(Method::Notify, via, &headers, None).write(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("NOTIFY sip:alice@192.0.2.7:5070 SIP/2.0\r\n"), "{text}");
        for line in [
            "From: <sip:alice@campus.example>;tag=t1",
            "To: A <sip:alice@campus.example>;tag=f1",
            "Call-ID: c1",
            "CSeq: 2 NOTIFY",
            "Route: <sip:p2;lr>, <sip:p1;lr>",
        ] {
            assert!(text.contains(&format!("\r\n{line}\r\n")), "{line} in\n{text}");
        }
    }

    // RFC 3261 s12.2.2
    #[test]
    fn a_request_of_the_dialog_moves_its_target_and_an_older_one_does_not() {
        let mut dialog = dialog();
        let moved = subscribe(9, ";tag=t1", "Contact: <sip:alice@192.0.2.8>\n");
        read(&moved, |message| {
            assert!(dialog.has(message));
            assert_eq!(dialog.receive(message), Ok(()));
            assert_eq!(dialog.receive(message), Err(DialogError::OutOfOrder));
        });
        assert_eq!(dialog.target(), b"sip:alice@192.0.2.8");
        read(&subscribe(10, ";tag=t1", ""), |message| {
            assert_eq!(dialog.receive(message), Ok(()));
        });
        assert_eq!(dialog.target(), b"sip:alice@192.0.2.8");
    }

    // RFC 3261 s12.2.2
    #[test]
    fn a_request_with_another_tag_is_of_another_dialog() {
        let dialog = dialog();
        for tag in ["", ";tag=t2"] {
            read(&subscribe(9, tag, CONTACT), |message| assert!(!dialog.has(message)));
        }
    }

    // RFC 3261 s8.1.1.8
    #[test]
    fn a_dialog_begins_with_exactly_one_contact() {
        let two = format!("{CONTACT}{CONTACT}");
        for contacts in ["", "Contact: *\n", "Contact: <tel:+1>\n", &two] {
            let accepted =
                read(&subscribe(1, "", contacts), |message| Dialog::accept(message, "t"));
            assert_eq!(accepted.unwrap_err(), DialogError::NoContact, "{contacts}");
        }
    }
}
