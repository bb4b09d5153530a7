//! What the agent publishes of itself, and what it watches.

use super::*;

const DOCUMENT: &str = "<presence/>";

/// RFC 3903 s4.3, s4.4: a refresh names the tag and has no body, a change has both; after a 412 all
/// of it is published anew.
#[test]
fn a_publication_is_refreshed_without_its_document_and_published_anew_after_412() {
    let mut agent = ana();
    agent.publish(at(0), DOCUMENT, 600);
    let first = sent_one(&mut agent);
    assert_eq!(first.message().method(), Method::Publish);
    assert_eq!(first.header(HeaderName::Event), "presence");
    assert_eq!(first.header(HeaderName::ContentType), "application/pidf+xml");
    assert_eq!(first.message().body(), DOCUMENT.as_bytes());
    assert!(!first.has(HeaderName::SipIfMatch));
    answer(&mut agent, at(0), &first, 200, &[("SIP-ETag", "e1"), ("Expires", "100")]);
    assert!(matches!(event(&mut agent), Event::Published { expires: 100, .. }));
    agent.advance(at(49));
    assert!(sent(&mut agent).is_empty(), "before half of its time");
    agent.advance(at(68));
    let refresh = sent_one(&mut agent);
    assert_eq!(refresh.header(HeaderName::SipIfMatch), "e1");
    assert!(refresh.message().body().is_empty());
    answer(&mut agent, at(68), &refresh, 412, &[]);
    let anew = sent_one(&mut agent);
    assert!(!anew.has(HeaderName::SipIfMatch));
    assert_eq!(anew.message().body(), DOCUMENT.as_bytes());
    answer(&mut agent, at(68), &anew, 200, &[("SIP-ETag", "e2"), ("Expires", "100")]);
    events(&mut agent);
    agent.publish(at(70), "<presence a=\"b\"/>", 600);
    let change = sent_one(&mut agent);
    assert_eq!(change.header(HeaderName::SipIfMatch), "e2");
    assert!(!change.message().body().is_empty());
    answer(&mut agent, at(70), &change, 200, &[("SIP-ETag", "e3")]);
    events(&mut agent);
    agent.unpublish(at(80));
    let removal = sent_one(&mut agent);
    assert_eq!(removal.header(HeaderName::SipIfMatch), "e3");
    assert_eq!(removal.header(HeaderName::Expires), "0");
    answer(&mut agent, at(80), &removal, 200, &[("SIP-ETag", "e4"), ("Expires", "0")]);
    assert!(matches!(event(&mut agent), Event::Unpublished { outcome: Some(_) }));
}

/// RFC 3903 s4.1: no PUBLISH before the one under way has its outcome; the last words win.
#[test]
fn what_changes_while_a_publication_is_under_way_is_told_after_it() {
    let mut agent = ana();
    agent.publish(at(0), DOCUMENT, 600);
    let first = sent_one(&mut agent);
    agent.publish(at(1), "<presence a=\"1\"/>", 600);
    agent.publish(at(1), "<presence a=\"2\"/>", 600);
    assert!(sent(&mut agent).is_empty());
    answer(&mut agent, at(2), &first, 200, &[("SIP-ETag", "e1"), ("Expires", "600")]);
    let second = sent_one(&mut agent);
    assert_eq!(second.header(HeaderName::SipIfMatch), "e1");
    assert_eq!(second.message().body(), b"<presence a=\"2\"/>");
}

/// Answers a SUBSCRIBE with 200.
fn accept(agent: &mut Agent, now: Tick, request: &Read, expires: &str) {
    let headers = [("Expires", expires), ("Contact", "<sip:192.0.2.1:5060>")];
    answer(agent, now, request, 200, &headers);
}

/// A NOTIFY within the dialog that a SUBSCRIBE began; the status of its answer.
fn notify(agent: &mut Agent, now: Tick, subscribe: &Read, cseq: u32, state: &str) -> u16 {
    let from = format!("{};tag=server", subscribe.header(HeaderName::To));
    let (to, call_id) = (subscribe.header(HeaderName::From), subscribe.header(HeaderName::CallId));
    let via = format!("SIP/2.0/UDP {SERVER};branch=z9hG4bKn{cseq}{}", state.len());
    let mut out = Vec::new();
    RequestWriter {
        method: Method::Notify,
        uri: b"sip:ana@192.0.2.9:40000",
        via: via.as_bytes(),
        from: from.as_bytes(),
        to: to.as_bytes(),
        call_id: call_id.as_bytes(),
        cseq,
        max_forwards: 70,
        headers: &[
            ("Event", b"presence"),
            ("Contact", b"<sip:192.0.2.1:5060>"),
            ("Subscription-State", state.as_bytes()),
        ],
        body: Some(("application/pidf+xml", DOCUMENT.as_bytes())),
    }
    .write(&mut out);
    agent.receive(now, &out);
    sent(agent).first().map_or(0, |response| response.message().status())
}

fn watching() -> (Agent, WatchId, Read) {
    let mut agent = ana();
    let id = agent.watch(at(0), &to("rui"), "presence", "application/pidf+xml", 600);
    let subscribe = sent_one(&mut agent);
    assert_eq!(subscribe.message().method(), Method::Subscribe);
    assert_eq!(subscribe.header(HeaderName::Accept), "application/pidf+xml");
    accept(&mut agent, at(0), &subscribe, "600");
    assert!(matches!(event(&mut agent), Event::Watching { expires: 600, .. }));
    (agent, id, subscribe)
}

/// RFC 6665 s4.1.2.2, s4.1.3: refreshed in its dialog, told what the NOTIFYs say, ended with 0.
#[test]
fn a_subscription_is_refreshed_in_its_dialog_and_ended() {
    let (mut agent, id, first) = watching();
    assert_eq!(notify(&mut agent, at(1), &first, 5, "active;expires=599"), 200);
    let Event::Notified(told) = event(&mut agent) else { panic!() };
    assert_eq!((told.id, &*told.state, told.expires), (id, "active", Some(599)));
    assert_eq!((told.cseq, &*told.body), (5, DOCUMENT.as_bytes()));
    agent.advance(at(540));
    let refresh = sent_one(&mut agent);
    assert_eq!(refresh.message().request_uri(), b"sip:192.0.2.1:5060");
    assert!(refresh.header(HeaderName::To).ends_with(";tag=server"));
    assert_eq!(refresh.header(HeaderName::CallId), first.header(HeaderName::CallId));
    assert_eq!(refresh.cseq(), first.cseq() + 1);
    accept(&mut agent, at(540), &refresh, "600");
    events(&mut agent);
    agent.unwatch(at(600), id);
    let end = sent_one(&mut agent);
    assert_eq!(end.header(HeaderName::Expires), "0");
    accept(&mut agent, at(600), &end, "0");
    assert_eq!(notify(&mut agent, at(601), &first, 6, "terminated;reason=timeout"), 200);
    agent.advance(at(10_000));
    assert!(sent(&mut agent).is_empty());
}

/// RFC 6665 s4.1.3, RFC 3261 s12.2.2
#[test]
fn a_notify_that_fits_no_subscription_is_481_and_an_older_one_500() {
    let (mut agent, _, first) = watching();
    assert_eq!(notify(&mut agent, at(1), &first, 5, "active"), 200);
    assert_eq!(notify(&mut agent, at(1), &first, 4, "active;expires=1"), 500);
    let mut other = ana();
    other.watch(at(0), &to("rui"), "presence", "*/*", 600);
    let others = sent_one(&mut other);
    assert_eq!(notify(&mut agent, at(1), &others, 7, "active;expires=22"), 481);
}

/// RFC 6665 s4.1.2.2, s4.4.2: a notifier that knows nothing of it, or has cut it off, is asked anew.
#[test]
fn a_subscription_that_is_not_known_any_more_is_asked_for_anew() {
    let (mut agent, _, first) = watching();
    agent.advance(at(540));
    let refresh = sent_one(&mut agent);
    answer(&mut agent, at(540), &refresh, 481, &[]);
    let anew = sent_one(&mut agent);
    assert_ne!(anew.header(HeaderName::CallId), first.header(HeaderName::CallId));
    assert_eq!(anew.header(HeaderName::To), "<sip:rui@campus.test>");
    accept(&mut agent, at(540), &anew, "600");
    events(&mut agent);
    notify(&mut agent, at(541), &anew, 1, "terminated;reason=deactivated");
    // Its answer came first; the next SUBSCRIBE left with it.
    let Event::Notified(told) = event(&mut agent) else { panic!() };
    assert_eq!(told.reason.as_deref(), Some("deactivated"));
    assert!(agent.next_deadline() < Tick::NEVER);
    let (mut agent, _, first) = watching();
    notify(&mut agent, at(1), &first, 1, "terminated;reason=rejected");
    events(&mut agent);
    agent.advance(at(10_000));
    assert!(sent(&mut agent).is_empty(), "who was refused does not ask again");
}
