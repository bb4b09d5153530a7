//! What the tests of presence share: somebody who publishes, and somebody who watches.

use crate::peer::{Draft, Got, Peer};
use crate::server::{DOMAIN, Server};

/// A presence document of a person.
pub(crate) fn document(user: &str, basic: &str, activity: &str) -> String {
    let activity = match activity {
        "" => String::new(),
        activity => format!(
            "<dm:person id=\"p\"><rpid:activities><rpid:{activity}/></rpid:activities></dm:person>"
        ),
    };
    format!(
        "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
         xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"sip:{user}@{DOMAIN}\">\
         <tuple id=\"desk\"><status><basic>{basic}</basic></status></tuple>{activity}</presence>"
    )
}

/// A PUBLISH of oneself without anything in it.
pub(crate) fn bare_publish(peer: &Peer) -> Draft {
    peer.to("PUBLISH", &peer.user).with("Event: presence")
}

/// A PUBLISH of a document.
pub(crate) fn publication(peer: &Peer, document: &str) -> Draft {
    bare_publish(peer).body("application/pidf+xml", document.as_bytes())
}

/// Publishes a status and gives the entity tag.
pub(crate) fn publish(peer: &mut Peer, basic: &str, activity: &str) -> String {
    let draft = publication(peer, &document(&peer.user, basic, activity));
    let answer = peer.ask_signed(&draft);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.one("SIP-ETag")
}

/// Publishes a status in place of the one with this tag, and gives the new tag.
pub(crate) fn republish(peer: &mut Peer, etag: &str, basic: &str, activity: &str) -> String {
    let draft = publication(peer, &document(&peer.user, basic, activity))
        .with(&format!("SIP-If-Match: {etag}"));
    let answer = peer.ask_signed(&draft);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.one("SIP-ETag")
}

/// A SUBSCRIBE to somebody.
pub(crate) fn subscribe(peer: &Peer, user: &str, event: &str, expires: u32) -> Draft {
    peer.to("SUBSCRIBE", user)
        .with(&format!("Event: {event}"))
        .with(&format!("Contact: {}", peer.contact()))
        .with(&format!("Expires: {expires}"))
}

/// Sends a SUBSCRIBE with credentials; gives it, its answer, and the NOTIFY, which is answered.
pub(crate) fn subscribed(peer: &mut Peer, draft: &Draft) -> (Draft, Got, Got) {
    let signed = peer.challenged(draft);
    peer.send(&signed.bytes());
    // RFC 6665 s4.2.1.2: the NOTIFY may overtake the answer, another thread having sent it.
    let (mut answer, mut notify) = (None, None);
    while answer.is_none() || notify.is_none() {
        let got = peer.next();
        if got.status() == 0 {
            assert_eq!(got.method(), "NOTIFY");
            peer.respond(&got, 200, "");
            notify = Some(got);
        } else if got.one("CSeq") == format!("{} SUBSCRIBE", signed.cseq) {
            assert_eq!(got.status(), 200, "{}", got.text());
            answer = Some(got);
        }
    }
    (signed, answer.expect("an answer"), notify.expect("a NOTIFY"))
}

/// Watches somebody's presence, and gives the first NOTIFY.
pub(crate) fn watch(peer: &mut Peer, user: &str) -> Got {
    let draft = subscribe(peer, user, "presence", 600);
    subscribed(peer, &draft).2
}

/// A SUBSCRIBE within the dialog that an answer began.
pub(crate) fn within(peer: &Peer, first: &Draft, answer: &Got, event: &str, expires: u32) -> Draft {
    let target = answer.one("Contact");
    let target = target.trim_start_matches('<').trim_end_matches('>');
    let mut draft = peer
        .draft("SUBSCRIBE", target)
        .with(&format!("Event: {event}"))
        .with(&format!("Contact: {}", peer.contact()))
        .with(&format!("Expires: {expires}"));
    draft.from.clone_from(&first.from);
    draft.to = answer.one("To");
    draft.call_id.clone_from(&first.call_id);
    draft.cseq = first.cseq + 1;
    draft
}

/// A body as text.
pub(crate) fn text(got: &Got) -> String {
    String::from_utf8(got.body()).expect("text")
}

/// The state of Subscription-State, without parameters.
pub(crate) fn state(notify: &Got) -> String {
    let state = notify.one("Subscription-State");
    state.split(';').next().unwrap_or_default().to_owned()
}

/// The number of a NOTIFY.
pub(crate) fn number(notify: &Got) -> u32 {
    let cseq = notify.one("CSeq");
    cseq.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

/// Installs rules of one rule: what these watchers get, and that they see everything.
pub(crate) fn rule(server: &Server, owner: &str, watchers: &[&str], handling: &str) {
    let ones: String =
        watchers.iter().map(|watcher| format!("<one id=\"sip:{watcher}@{DOMAIN}\"/>")).collect();
    let rules = format!(
        "<?xml version=\"1.0\"?><ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\" \
         xmlns:pr=\"urn:ietf:params:xml:ns:pres-rules\"><rule id=\"r\"><conditions><identity>{ones}\
         </identity></conditions><actions><pr:sub-handling>{handling}</pr:sub-handling></actions>\
         <transformations><pr:provide-devices><pr:all-devices/></pr:provide-devices>\
         <pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-services>\
         <pr:all-services/></pr:provide-services><pr:provide-all-attributes/></transformations>\
         </rule></ruleset>"
    );
    let printed = server.run(&["presence", "rules", "set", owner, "-"], Some(&rules));
    assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
}

/// Configuration: everybody may see everybody, and no change waits for another.
pub(crate) const OPEN: &str = "[presence]\ndefault_policy = \"allow\"\ninterval = \"0s\"\n";
