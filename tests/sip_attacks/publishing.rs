//! S47, T42, T43, T47: documents of presence that attack, and people who publish or watch as others.

use crate::raw::Draft;
use crate::site::{by_every_transport, person};
use crate::support::server::DOMAIN;

/// A document of alice with this in it.
fn document(inner: &str) -> String {
    format!(
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:alice@{DOMAIN}\">{inner}\
         <tuple id=\"t\"><status><basic>open</basic></status></tuple></presence>"
    )
}

fn publish(body: impl Into<Vec<u8>>) -> Draft {
    let own = person("alice");
    Draft::new("PUBLISH", &own, "alice", &own)
        .with("Event: presence")
        .with("Content-Type: application/pidf+xml")
        .body(body)
}

/// S47, T42, T43: entities, nesting, attributes and namespaces without end, bytes that are no text.
#[test]
fn documents_that_attack_are_refused_and_nothing_is_published() {
    let plain = document("");
    let doctype = |declared: &str| format!("<!DOCTYPE presence [{declared}]>{plain}");
    let list = |count: usize, of: &dyn Fn(usize) -> String| (0..count).map(of).collect::<String>();
    let bomb = list(9, &|n| {
        let below = format!("&e{};", n.saturating_sub(1)).repeat(10);
        format!("<!ENTITY e{n} \"{}\">", if n == 0 { "x" } else { &below })
    });
    let nested = format!("{}{}", "<a>".repeat(6_000), "</a>".repeat(6_000));
    let attributes = format!("<a {}/>", list(2_000, &|n| format!("a{n}=\"\" ")));
    let namespaces = format!("<a {}/>", list(1_000, &|n| format!("xmlns:a{n}=\"urn:{n}\" ")));
    // What each part needs of it makes much out of little.
    let spread = plain.replacen(
        "<presence",
        &format!("<presence xmlns:x=\"urn:{}\"", "n".repeat(20_000)),
        1,
    );
    let spread = spread.replacen("<tuple", &format!("{}<tuple", "<x:a/>".repeat(20)), 1);
    let mut not_text = document("<note>?</note>").into_bytes();
    let at = not_text.iter().position(|byte| *byte == b'?').expect("a question");
    not_text[at] = 0xff;
    let attacks: Vec<(&str, Vec<u8>, u16)> = vec![
        ("entities in entities", doctype(&bomb).replace("open", "&e8;").into_bytes(), 400),
        ("a file", doctype("<!ENTITY f SYSTEM \"file:///etc/hostname\">").into_bytes(), 400),
        ("a parameter entity", doctype("<!ENTITY % p \"x\"> %p;").into_bytes(), 400),
        ("nesting", document(&nested).into_bytes(), 400),
        ("attributes", document(&attributes).into_bytes(), 400),
        ("namespaces", document(&namespaces).into_bytes(), 400),
        ("a long namespace in many parts", spread.into_bytes(), 400),
        ("bytes that are no text", not_text, 400),
        ("a control character", document("<note>&#1;</note>").into_bytes(), 400),
        ("somebody else", plain.replace("sip:alice@", "sip:bob@").into_bytes(), 403),
        ("nobody", plain.replace(DOMAIN, "elsewhere.test").into_bytes(), 403),
        ("a body of 48 KiB and one byte", document(&" ".repeat(48 * 1024)).into_bytes(), 413),
    ];
    by_every_transport("", |site, phone| {
        for (what, body, status) in &attacks {
            let answer = site.ask(phone, &publish(body.clone()), "alice");
            assert_eq!(answer.status, *status, "{what}: {}", answer.text);
        }
        let packed = publish(plain.clone()).with("Content-Encoding: gzip");
        assert_eq!(site.ask(phone, &packed, "alice").status, 415);
        // T41: a tag as long as there is room for.
        let tag = format!("SIP-If-Match: {}", "e".repeat(4_000));
        assert_eq!(site.ask(phone, &publish(plain.clone()).with(tag), "alice").status, 412);
        assert_eq!(site.count("publications"), 0);
        assert_eq!(site.ask(phone, &publish(plain.clone()), "alice").status, 200);
        site.assert_calm(0);
    });
}

/// T42: what would be fetched or applied by others is kept as it is, and nothing of it is done.
#[test]
fn instructions_and_inclusions_are_kept_as_they_came() {
    by_every_transport("", |site, phone| {
        let include = "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" \
                       href=\"file:///etc/hostname\"/>";
        let style = "<?xml-stylesheet href=\"http://127.0.0.1/x.xsl\"?>";
        let body = format!("{style}{}", document(include));
        assert_eq!(site.ask(phone, &publish(body), "alice").status, 200);
        let shown = site.server.run(&["presence", "show", "alice", "--json"], None).json();
        let document = shown["document"].as_str().expect("a document");
        assert!(document.contains(include), "{document}");
        assert!(!document.contains("stylesheet"), "{document}");
        site.assert_calm(0);
    });
}

/// T45 for presence, S31: nobody publishes for somebody else, and nobody looks into a subscription
/// or a list of watchers that is not his.
#[test]
fn nobody_publishes_or_watches_as_somebody_else() {
    by_every_transport("[presence]\ndefault_policy = \"allow\"\n", |site, phone| {
        let own = person("alice");
        let contact = format!("Contact: <{}>", phone.contact("alice"));
        let first = Draft::new("SUBSCRIBE", &own, "alice", &own).with("Event: presence.winfo");
        let first = first.with(contact).replacing("CSeq: 10 SUBSCRIBE");
        let answer = site.ask(phone, &first, "alice");
        assert_eq!(answer.status, 200, "{}", answer.text);
        // Mallory knows everything that names the dialog, and has a password of her own.
        let to = answer.header("To").expect("a tag").to_owned();
        let stolen = first.anew().replacing(format!("To: {to}"));
        let stolen = stolen.replacing("CSeq: 20 SUBSCRIBE").with("Expires: 0");
        assert_eq!(site.ask(phone, &stolen, "bob").status, 403, "as alice by bob's password");
        let from = first.lines.iter().find(|line| line.starts_with("From:")).expect("a From");
        let as_bob = stolen.anew().replacing(from.replace("alice", "bob"));
        assert_eq!(site.ask(phone, &as_bob, "bob").status, 481);
        let winfo = Draft::new("SUBSCRIBE", &own, "bob", &own).with("Event: presence.winfo");
        let winfo = winfo.with(format!("Contact: <{}>", phone.contact("bob")));
        assert_eq!(site.ask(phone, &winfo, "bob").status, 403);
        let mut publish = publish(document(""));
        publish = publish.replacing(from.replace("alice", "bob"));
        assert_eq!(site.ask(phone, &publish, "bob").status, 403);
        assert_eq!((site.count("subscriptions"), site.count("publications")), (1, 0));
        site.assert_calm(0);
    });
}

/// T47: NOTIFYs go to where the SUBSCRIBE came from and nowhere else.
#[test]
fn a_subscription_sends_nothing_to_a_third_party() {
    let victim = std::net::UdpSocket::bind("127.0.0.2:0").expect("a socket");
    victim.set_nonblocking(true).expect("no waiting");
    let at = victim.local_addr().expect("an address");
    by_every_transport("[presence]\ndefault_policy = \"allow\"\n", |site, phone| {
        let own = person("alice");
        let subscribe = Draft::new("SUBSCRIBE", &own, "alice", &own).with("Event: presence");
        let subscribe = subscribe.with(format!("Contact: <sip:alice@{at}>"));
        let answer = site.ask(phone, &subscribe, "alice");
        // Over a stream it is told there; a datagram is answered to its source alone.
        assert!([200, 400].contains(&answer.status), "{}", answer.text);
        site.ask(phone, &publish(document("")), "alice");
        site.assert_calm(0);
    });
    let mut buffer = [0; 16];
    assert!(victim.recv(&mut buffer).is_err(), "a NOTIFY went to somebody who asked for nothing");
}
