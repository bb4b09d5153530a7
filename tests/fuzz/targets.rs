//! The parsers, each with what must hold whatever it is given.

use std::net::SocketAddr;

use tagus::channel::{Arrival, Opening, WebSocket};
use tagus::config::{Config, Listener, Network, Sources, format_duration, parse_duration};
use tagus::http_digest::{Challenge, Credentials};
use tagus::identity::{UserName, canonical_number, is_valid_name};
use tagus::model::{
    Account, AuditEntry, Ban, BindingRow, DeviceCredential, DocumentRow, GroupsRow, Ha1Set,
    HeldMessage, HeldState, PublicationRow, Record, SubscriptionRow, WaitingRow, parse_held_key,
};
use tagus::proxy::{Party, RouteTokens};
use tagus::registrar::public_gruu;
use tagus::sip::Transport;
use tagus::sip::build::{Response, ack_for, cancel_for};
use tagus::sip::forward;
use tagus::sip::framer::{Frame, FrameError, Framer, judge};
use tagus::sip::header::{Address, CSeq, Contact, HeaderName, Via, write_with_source};
use tagus::sip::locate::Destination;
use tagus::sip::stun;
use tagus::sip::uri::{Host, Uri};
use tagus::sip::wire::{DefectKind, Framing, Layout, Limits, Message, scan};
use tagus::subscriptions::EventHeader;
use tagus::text;
use tagus::web::{HostPort, Origin, OwnNames};

use super::directory::directory_entry;
use super::msrp;
use super::mutate::Dice;

/// One parser.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8], &mut Dice),
    /// It is tried with one of so many inputs; the slow ones less often.
    pub(crate) one_of: usize,
}

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "a datagram", run: datagram, one_of: 1 },
    Target { name: "a message of a stream", run: message_of_a_stream, one_of: 1 },
    Target { name: "a stream", run: stream, one_of: 1 },
    Target { name: "a WebSocket", run: websocket, one_of: 2 },
    Target { name: "a stream of MSRP", run: msrp::stream, one_of: 1 },
    Target { name: "an MSRP connection", run: msrp::connection, one_of: 1 },
    Target { name: "MSRP URIs and states", run: msrp::names, one_of: 1 },
    Target { name: "STUN", run: keep_alive, one_of: 1 },
    Target { name: "header values", run: values, one_of: 1 },
    Target { name: "Digest", run: digest, one_of: 1 },
    Target { name: "text", run: grammar, one_of: 1 },
    Target { name: "tokens in Route", run: tokens, one_of: 2 },
    Target { name: "records", run: records, one_of: 1 },
    Target { name: "CPIM", run: envelope, one_of: 1 },
    Target { name: "names and configured values", run: names, one_of: 2 },
    Target { name: "an export", run: export, one_of: 2 },
    Target { name: "control messages", run: control, one_of: 2 },
    Target { name: "somebody types", run: composing, one_of: 1 },
    Target { name: "a presence document", run: presence, one_of: 1 },
    Target { name: "presence rules", run: rules, one_of: 1 },
    Target { name: "who watches", run: watchers, one_of: 1 },
    Target { name: "people as CSV", run: people, one_of: 2 },
    Target { name: "an entry of the directory", run: directory_entry, one_of: 2 },
    Target { name: "configuration", run: configuration, one_of: 64 },
];

fn keep_alive(bytes: &[u8], dice: &mut Dice) {
    let source = SocketAddr::from(([192, 0, 2, 1], 5060));
    // As it is, and behind the head of a request that says how long it is.
    let mut framed = vec![0, 1];
    framed.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
    framed.extend_from_slice(&0x2112_A442_u32.to_be_bytes());
    framed.extend_from_slice(&[dice.below(256) as u8; 12]);
    framed.extend_from_slice(bytes);
    for datagram in [bytes, &framed] {
        let mut out = Vec::new();
        let answered = stun::answer(datagram, source, &mut out);
        assert_eq!(answered, !out.is_empty());
        assert!(out.len() <= datagram.len() + stun::LONGEST_GROWTH);
        assert!(!answered || stun::is_stun(datagram));
    }
}

fn websocket(bytes: &[u8], dice: &mut Dice) {
    // What is one message by its transport is whole exactly when scanning finds all of it.
    let whole = judge(bytes, &Limits::default()).is_ok();
    let scanned = scan(bytes, Framing::Datagram, &roomy(), &mut Layout::default());
    assert!(whole || scanned.is_err() || bytes.first().is_some_and(|b| b"\r\n".contains(b)));
    // As it is, and as a well-behaved client frames it.
    let mut wire = Vec::new();
    WebSocket::client(1 << 20).write(bytes, &mut wire);
    let (mut arrivals, mut said) = (Vec::new(), Vec::new());
    let mut server = WebSocket::server(1 << 20);
    let (head, tail) = wire.split_at(dice.below(wire.len() + 1));
    assert!(!server.read(head, &mut arrivals, &mut said));
    assert!(!server.read(tail, &mut arrivals, &mut said));
    assert_eq!(arrivals, [Arrival::Message(bytes.to_vec().into())]);
    assert_eq!(said, b"");
    let _ = WebSocket::server(4_096).read(bytes, &mut Vec::new(), &mut Vec::new());
    let _ = Opening::new("a.example", "/", "sip", &mut Vec::new()).take(bytes);
}

fn tokens(bytes: &[u8], dice: &mut Dice) {
    let tokens = RouteTokens::new(&[1; 32]);
    let party = |tag| Party { tag, user: b"ana", host: Host::Name(b"campus.test") };
    let (from, to) = (party(&bytes[..bytes.len().min(8)]), party(b"1"));
    assert_eq!(tokens.open(bytes, bytes, &from, &to), None);
    let mut text = Vec::new();
    text::encode_base64url(bytes, &mut text);
    assert_eq!(tokens.open(&text, bytes, &from, &to), None);
    let end = text.len().min(50 + dice.below(100));
    assert_eq!(tokens.open(&text[..end], b"call@host", &from, &to), None);
    let mut raw = Vec::new();
    assert!(text::decode_base64url(&text, &mut raw).is_some() && raw == bytes);
    let _ = text::decode_base64url(bytes, &mut raw);
}

/// What we write may be a little longer than what we read.
fn roomy() -> Limits {
    Limits {
        message_bytes: 1 << 20,
        header_bytes: 1 << 20,
        header_line_bytes: 1 << 20,
        header_lines: 1_000,
        uri_bytes: 1 << 20,
        via: 1_000,
        route: 1_000,
    }
}

fn source() -> SocketAddr {
    ([192, 0, 2, 7], 6_060).into()
}

/// Whether `part` is a slice of `whole`.
fn is_inside(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty() || {
        let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
        whole.start <= part.start && part.end <= whole.end
    }
}

fn datagram(bytes: &[u8], _: &mut Dice) {
    message(bytes, Framing::Datagram);
}

fn message_of_a_stream(bytes: &[u8], _: &mut Dice) {
    message(bytes, Framing::Stream);
}

fn message(bytes: &[u8], framing: Framing) {
    let mut layout = Layout::default();
    let result = scan(bytes, framing, &Limits::default(), &mut layout);
    let message = Message::new(bytes, &layout);
    look_at(bytes, &message);
    match result {
        Ok(()) => {
            let checked = message.check().is_ok();
            pass_on(&message, checked);
            answer(&message, checked);
        }
        Err(defect) if defect.answerable() => {
            assert!(message.is_request(), "only requests are answered");
            let mut out = Vec::new();
            Response::new(&message, defect.status(), Some(defect.reason()))
                .to_tag("ours")
                .received_from(source())
                .write(&mut out);
            let layout_of_answer =
                scan(&out, Framing::Stream, &roomy(), &mut Layout::default()).map_err(|d| d.kind());
            // What the request lacks the answer lacks too, but it is laid out as it should be.
            let broken = matches!(
                layout_of_answer,
                Err(DefectKind::Empty
                    | DefectKind::NotSip
                    | DefectKind::HeaderLine
                    | DefectKind::LineEnd
                    | DefectKind::Unfinished
                    | DefectKind::NoContentLength
                    | DefectKind::ContentLengths
                    | DefectKind::BodyTooShort
                    | DefectKind::StatusCode)
            );
            assert!(!broken, "the answer is broken: {layout_of_answer:?}: {}", out.escape_ascii());
        }
        Err(_) => {}
    }
}

/// Reads everything there is, whether the message scanned or not.
fn look_at(bytes: &[u8], message: &Message<'_>) {
    assert!(is_inside(message.bytes(), bytes) && is_inside(message.body(), bytes));
    assert!(is_inside(message.request_uri(), bytes) && is_inside(message.reason(), bytes));
    for name in HeaderName::ALL {
        for value in message.headers(name) {
            assert!(is_inside(value, message.bytes()) || value.is_empty(), "{name:?}");
        }
        assert!(message.values(name).all(|value| is_inside(value, bytes)));
    }
    let _ = (message.method(), message.status(), message.cseq(), message.max_forwards());
    let _ = (message.expires(), message.content_type(), message.user_agent(), message.check());
    let _ = (message.vias().count(), message.contacts().count(), message.routes().count());
    let _ = (message.named("x-none"), message.top_via().map(|via| (via.received(), via.rport())));
}

/// RFC 3261 s16.6: what scanned is passed on as something that scans.
fn pass_on(message: &Message<'_>, checked: bool) {
    let plan = forward::Request {
        request_uri: Some(b"sip:bob@192.0.2.9"),
        via: b"SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKus",
        max_forwards: 69,
        max_breadth: None,
        received: Some(source()),
        drop_top_routes: 1,
        drop_credentials_for: Some("campus.example"),
        drop_identity: false,
        record_route: Some(b"<sip:192.0.2.1;lr>"),
        add_headers: &[("X-Added", b"a\r\nb")],
    };
    let mut out = Vec::new();
    let mut after = Layout::default();
    if message.is_request() {
        for own in [false, true] {
            out.clear();
            let write = if own { forward::originate } else { forward::request };
            write(message, &plan, &mut out);
            let result = scan(&out, Framing::Stream, &roomy(), &mut after);
            assert_eq!(result, Ok(()), "forwarded: {}", out.escape_ascii());
            let forwarded = Message::new(&out, &after);
            assert_eq!(forwarded.bytes().len(), out.len());
            assert_eq!(forwarded.body(), message.body());
            assert_eq!(forwarded.method(), message.method());
            assert_eq!(forwarded.call_id(), message.call_id());
            assert_eq!(forwarded.max_forwards(), Ok(Some(69)));
            let vias = if own { 0 } else { message.values(HeaderName::Via).count() };
            assert_eq!(forwarded.values(HeaderName::Via).count(), vias + 1);
        }
        // Those end a request that we sent, so a well-formed one.
        let ends = if checked { vec![ack_of(message), cancel_of(message)] } else { Vec::new() };
        for method in ends {
            let result = scan(&method, Framing::Stream, &roomy(), &mut after);
            assert_eq!(result, Ok(()), "of the same transaction: {}", method.escape_ascii());
        }
    } else if forward::response(message, &mut out) {
        let result = scan(&out, Framing::Stream, &roomy(), &mut after);
        assert!(
            result.is_ok()
                || matches!(result, Err(d) if d.kind() == DefectKind::Missing(HeaderName::Via)),
            "forwarded: {}",
            out.escape_ascii()
        );
    }
}

fn ack_of(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    ack_for(message, message, &mut out);
    out
}

fn cancel_of(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    cancel_for(message, b"SIP;cause=200", &mut out);
    out
}

/// RFC 3261 s8.2.6: what scanned is answered with something that scans.
fn answer(message: &Message<'_>, checked: bool) {
    if !message.is_request() {
        return;
    }
    let mut out = Vec::new();
    Response::new(message, 200, None)
        .to_tag("ours")
        .received_from(source())
        .header("X-Added", "a\nb")
        .body("text/plain", "body")
        .write(&mut out);
    let mut after = Layout::default();
    let result = scan(&out, Framing::Stream, &roomy(), &mut after);
    assert_eq!(result, Ok(()), "answered: {}", out.escape_ascii());
    let answer = Message::new(&out, &after);
    assert_eq!((answer.status(), answer.body()), (200, &b"body"[..]));
    assert_eq!(answer.call_id(), message.call_id());
    let vias = message.values(HeaderName::Via).count();
    assert_eq!(answer.values(HeaderName::Via).count(), vias);
    if checked {
        assert_eq!(answer.check(), Ok(()), "answered: {}", out.escape_ascii());
        let tag = message.to().unwrap().tag().map_or(b"ours".to_vec(), <[u8]>::to_vec);
        assert_eq!(answer.to().unwrap().tag(), Some(&tag[..]));
    }
}

type Frames = (Vec<Vec<u8>>, Option<FrameError>);

fn frames(pieces: &[&[u8]]) -> Frames {
    let mut framer = Framer::new(&Limits::default());
    let mut seen = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => seen.push(bytes.to_vec()),
                Ok(Some(Frame::Ping)) => seen.push(b"ping".to_vec()),
                Ok(Some(Frame::Pong)) => seen.push(b"pong".to_vec()),
                Ok(None) => break,
                Err(error) => return (seen, Some(error)),
            }
        }
    }
    (seen, None)
}

/// RFC 3261 s18.3: any split frames alike, and framer and scanner agree on where messages end.
fn stream(bytes: &[u8], dice: &mut Dice) {
    let whole = frames(&[bytes]);
    let mut cuts = [0; 4].map(|_| dice.below(bytes.len() + 1));
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[start..cut]);
        start = cut;
    }
    assert_eq!(frames(&pieces), whole, "split at {cuts:?}");
    let mut layout = Layout::default();
    for frame in whole.0 {
        if scan(&frame, Framing::Stream, &Limits::default(), &mut layout).is_ok() {
            assert_eq!(Message::new(&frame, &layout).bytes(), frame);
        }
    }
}

fn values(bytes: &[u8], dice: &mut Dice) {
    for part in [bytes, dice.part(bytes), dice.part(bytes)] {
        uri(part);
        let _ = (CSeq::parse(part), HeaderName::recognise(part));
        if let Ok(via) = Via::parse(part) {
            let _ = (via.received(), via.rport(), via.ttl(), via.maddr(), via.branch());
            let mut out = Vec::new();
            write_with_source(part, source(), &mut out);
            let written = Via::parse(&out).unwrap();
            assert_eq!((written.branch(), written.sent_by()), (via.branch(), via.sent_by()));
        }
        if let Ok(address) = Address::parse(part) {
            let _ = (address.display(), address.tag(), address.params().count());
            assert!(Uri::parse(address.uri()).is_ok());
        }
        if let Ok(Contact::Address(contact)) = Contact::parse(part) {
            let _ = (contact.q(), contact.expires(), contact.reg_id(), contact.sip_instance());
            let instance = contact.sip_instance().and_then(|urn| std::str::from_utf8(urn).ok());
            if let Some(gruu) = instance.and_then(|urn| public_gruu("a@campus.test", urn)) {
                assert!(Uri::parse(gruu.as_bytes()).unwrap().param("gr").is_some());
            }
        }
        let _ = EventHeader::parse(part);
    }
}

fn uri(bytes: &[u8]) {
    let Ok(uri) = Uri::parse(bytes) else { return };
    assert_eq!(uri.raw(), bytes);
    assert!(uri.equivalent(&uri), "a URI is equivalent to itself");
    let _ = (uri.user_decoded(), uri.canonical_aor(), uri.param("lr"), uri.params().count());
    assert!(is_inside(uri.host_text(), bytes));
}

fn digest(bytes: &[u8], dice: &mut Dice) {
    let mut led = b"Digest ".to_vec();
    led.extend_from_slice(dice.part(bytes));
    let values: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let line = dice.pick(&values);
    let value = line.splitn(2, |byte| *byte == b':').last().unwrap_or_default();
    for field in [bytes, &led, value] {
        if let Ok(credentials) = Credentials::parse(field) {
            assert!(!credentials.username().is_empty());
            let _ = (credentials.claim(b"MESSAGE"), credentials.count());
        }
        if let Ok(challenge) = Challenge::parse(field) {
            let mut out = Vec::new();
            Challenge::write(
                &challenge.realm,
                challenge.nonce.as_bytes(),
                challenge.algorithm,
                challenge.stale,
                &mut out,
            );
            assert_eq!(Challenge::parse(&out).map(|c| c.algorithm), Ok(challenge.algorithm));
        }
    }
}

fn grammar(bytes: &[u8], dice: &mut Dice) {
    for part in [bytes, dice.part(bytes)] {
        let _ = (text::trim(part), text::number(part), text::saturating_number(part));
        let _ = (text::unquote(part), text::percent_decode(part), text::quoted_end(part));
        let joined: usize = text::commas(part).map(|element| element.len() + 1).sum();
        assert!(joined <= part.len() + 1);
        let end = text::element_end(part, b',');
        assert!(end <= part.len());
        for param in text::Params::after_semicolon(part).flatten() {
            assert!(param.start <= param.end && param.end <= part.len());
        }
        let _ = text::auth_param(part, "realm");
    }
}

fn records(bytes: &[u8], _: &mut Dice) {
    fn row<R: Record + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
        if let Ok(record) = R::decode(bytes) {
            assert_eq!(R::decode(&record.encode()).as_ref(), Ok(&record));
        }
    }
    row::<Account>(bytes);
    row::<BindingRow>(bytes);
    row::<DeviceCredential>(bytes);
    row::<Ha1Set>(bytes);
    row::<HeldMessage>(bytes);
    row::<HeldState>(bytes);
    row::<Ban>(bytes);
    row::<AuditEntry>(bytes);
    row::<SubscriptionRow>(bytes);
    row::<PublicationRow>(bytes);
    row::<DocumentRow>(bytes);
    row::<GroupsRow>(bytes);
    row::<WaitingRow>(bytes);
    let _ = parse_held_key(bytes);
}

fn names(bytes: &[u8], dice: &mut Dice) {
    let text = String::from_utf8_lossy(dice.part(bytes)).into_owned();
    for text in [text.as_str(), &String::from_utf8_lossy(bytes)] {
        let name = UserName::canonical(text);
        assert_eq!(UserName::canonical(&name), name, "canonical once and for all");
        let _ = is_valid_name(text);
        if let Ok(duration) = parse_duration(text) {
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        if let Ok(listener) = text.parse::<Listener>() {
            assert_eq!(listener.to_string().parse(), Ok(listener));
        }
        if let Some(host) = HostPort::parse(text) {
            assert!(host.host.is_ascii());
            let names = OwnNames::new(["campus.example"], []);
            if let Some(origin) = Origin::parse(text) {
                let _ = names.allows(&origin, &host, true);
            }
            assert_eq!(names.contains(&host.host, None), host.host == "campus.example");
        }
        let _ = Origin::parse(text);
        if let Ok(network) = text.parse::<Network>() {
            assert_eq!(network.to_string().parse(), Ok(network));
        }
        let _ = tagus::identity::ldap::Template::new(text);
        if let Some(number) = canonical_number(text) {
            assert_eq!(canonical_number(&number), Some(number));
        }
        if let Ok(destination) = Destination::parse(text.as_bytes()) {
            assert!(!destination.is_secure() || destination.transport() != Some(Transport::Udp));
        }
    }
}

fn export(bytes: &[u8], _: &mut Dice) {
    let _ = tagus::store::verify_export(&mut &bytes[..]);
}

fn control(bytes: &[u8], _: &mut Dice) {
    use tagus::operations::{Reply, Request};
    if let Ok(request) = serde_json::from_slice::<Request>(bytes) {
        let again = serde_json::to_vec(&request).unwrap();
        assert_eq!(serde_json::from_slice::<Request>(&again).unwrap(), request);
    }
    let _ = serde_json::from_slice::<Reply>(bytes);
}

fn envelope(bytes: &[u8], _: &mut Dice) {
    use tagus::payload::cpim::Cpim;
    use tagus::payload::imdn::{Asked, Fate, Notification, is_notification};
    let Ok(cpim) = Cpim::parse(bytes) else { return };
    assert!(is_inside(cpim.content, bytes));
    let Some(asked) = Asked::by(&cpim) else { return };
    let (recipient, sender) = ("sip:b@campus.test", "sip:a@campus.test");
    let notification = Notification {
        asked: &asked,
        message_id: "1",
        recipient,
        sender,
        sent: "2026-01-01T00:00:00Z",
        fate: Fate::Stored,
    };
    let written = notification.write();
    let read = Cpim::parse(&written).unwrap();
    assert!(is_notification(&read) && Asked::by(&read).is_none());
}

fn composing(bytes: &[u8], dice: &mut Dice) {
    use tagus::payload::iscomposing::IsComposing;
    let bare = String::from_utf8_lossy(dice.part(bytes)).into_owned();
    let namespace = "urn:ietf:params:xml:ns:im-iscomposing";
    let wrapped =
        format!("<isComposing xmlns='{namespace}'><state>active</state>{bare}</isComposing>");
    for document in [bytes, wrapped.as_bytes()] {
        let Ok(status) = IsComposing::parse(document) else { continue };
        let mut written = Vec::new();
        status.write(&mut written);
        assert_eq!(IsComposing::parse(&written), Ok(status), "{}", written.escape_ascii());
    }
}

fn presence(bytes: &[u8], _: &mut Dice) {
    use tagus::clock::WallTime;
    use tagus::payload::pidf;
    use tagus::payload::pres_rules::{Permissions, Shape, transform};
    use tagus::presence::compose::{DeviceTag, Parts, Publication, compose};
    let Ok(document) = pidf::read(bytes) else { return };
    let publication = Publication {
        device: DeviceTag::new("a").unwrap(),
        document: document.into(),
        changed: WallTime::default(),
    };
    let publications = [publication];
    let parts = Parts {
        entity: "sip:ana@campus.example",
        publications: &publications,
        hard_state: None,
        registered: &[],
    };
    let composed = compose(&parts);
    let whole = transform(&composed, &Permissions::everything(), Shape::Rich);
    let again = pidf::read(&whole).unwrap_or_else(|e| panic!("{e}: {}", whole.escape_ascii()));
    assert_eq!(again.summary(), composed.summary(), "{}", whole.escape_ascii());
    let least = transform(&composed, &Permissions::nothing(), Shape::Single);
    assert!(pidf::read(&least).unwrap().components().is_empty());
}

fn rules(bytes: &[u8], _: &mut Dice) {
    use tagus::clock::WallTime;
    use tagus::payload::pres_rules;
    use tagus::presence::policy::{Circumstances, Handling, NoLists, Watcher, evaluate};
    let Ok(ruleset) = pres_rules::read(bytes) else { return };
    let (ana, bob) = (
        Watcher { user: "ana", domains: &["campus.example"] },
        Watcher { user: "bob", domains: &["campus.example"] },
    );
    let now = WallTime::from_unix_secs(1_900_000_000);
    let circumstances = Circumstances { now, sphere: Some("work"), lists: &NoLists };
    let once = [ruleset.into()];
    let decision = evaluate(&ana, Some(&bob), &once, &circumstances, Handling::Confirm);
    let twice = [once[0].clone(), once[0].clone()];
    assert_eq!(
        evaluate(&ana, Some(&bob), &twice, &circumstances, Handling::Confirm),
        decision,
        "the same rules twice"
    );
}

fn watchers(bytes: &[u8], _: &mut Dice) {
    use tagus::payload::watcherinfo::Document;
    let Ok(document) = Document::read(bytes) else { return };
    let written = document.write();
    assert_eq!(Document::read(written.as_bytes()), Ok(document), "{written}");
}

fn people(bytes: &[u8], _: &mut Dice) {
    use tagus::accounts::csv::{Records, write};
    let text = String::from_utf8_lossy(bytes);
    let mut last = 0;
    for record in Records::new(&text) {
        let line = match &record {
            Ok((line, _)) | Err((line, _)) => *line,
        };
        assert!(line > last, "line {line} comes after line {last}");
        last = line;
        let Ok((_, fields)) = record else { continue };
        let fields: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
        let mut written = String::from("a,b\n");
        write(&fields, &mut written);
        let again = Records::new(&written).nth(1).unwrap().unwrap().1;
        assert_eq!(again, fields, "a record reads back as it was written");
    }
}

fn configuration(bytes: &[u8], dice: &mut Dice) {
    let text = String::from_utf8_lossy(bytes);
    let _ = toml::from_str::<Config>(&text);
    let part = String::from_utf8_lossy(dice.part(bytes)).into_owned();
    let key = dice.pick(&["sip.listen", "limits.header_lines", "domain", "aliases", "x"]);
    let sources = Sources { set: vec![format!("{key}={part}"), part], ..Sources::default() };
    let _ = sources.load();
}
