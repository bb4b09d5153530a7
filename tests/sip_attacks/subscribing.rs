//! S45, S49, S51: events, and subscriptions that are none or too many.

use crate::raw::Draft;
use crate::site::{by_every_transport, person};
use crate::support::server::DOMAIN;

/// S45, S49: events that are not served.
#[test]
fn events_without_their_headers_are_refused() {
    by_every_transport("", |site, phone| {
        let own = person("alice");
        let draft = |method: &str| Draft::new(method, &own, "alice", &own);
        let publish = draft("PUBLISH").with("Event: presence").body("<presence/>");
        assert_eq!(site.ask(phone, &publish, "alice").status, 400, "no Content-Type");
        for method in ["PUBLISH", "SUBSCRIBE"] {
            assert_eq!(site.ask(phone, &draft(method), "alice").status, 489, "{method} no Event");
            let unknown = draft(method).with("Event: nobody-knows-this");
            assert_eq!(site.ask(phone, &unknown, "alice").status, 489, "{method} unknown Event");
        }
        let server = format!("sip:{DOMAIN}");
        let notify = Draft::new("NOTIFY", &server, "alice", &server).with("Event: presence");
        assert_eq!(phone.ask(&notify.bytes()).status, 481);
        site.assert_calm(0);
    });
}

/// S49; RFC 6665 s4.2.1, RFC 3261 s12.2.2.
#[test]
fn a_subscribe_with_a_wrong_tag_is_481_and_an_old_one_500() {
    by_every_transport("", |site, phone| {
        let own = person("alice");
        let contact = format!("Contact: <{}>", phone.contact("alice"));
        let first = Draft::new("SUBSCRIBE", &own, "alice", &own).with("Event: reg").with(contact);
        let first = first.replacing("CSeq: 10 SUBSCRIBE");
        let answer = site.ask(phone, &first, "alice");
        assert_eq!(answer.status, 200, "{}", answer.text);
        let to = answer.header("To").expect("a tag").to_owned();
        let again = |to: &str, cseq: u32| {
            let draft = first.anew().replacing(format!("To: {to}"));
            let draft = draft.replacing(format!("CSeq: {cseq} SUBSCRIBE"));
            site.ask(phone, &draft, "alice").status
        };
        assert_eq!(again(&format!("<{own}>;tag=of-nobody"), 20), 481);
        assert_eq!(again(&to, 9), 500);
        assert_eq!(again(&to, 21), 200);
        site.assert_calm(0);
    });
}

/// S51: what a person may have at once.
#[test]
fn a_subscription_more_than_a_person_may_have_is_403() {
    by_every_transport("[limits]\nsubscriptions_per_user = 3\n", |site, phone| {
        let own = person("alice");
        let contact = format!("Contact: <{}>", phone.contact("alice"));
        let subscribe = || {
            let draft = Draft::new("SUBSCRIBE", &own, "alice", &own).with("Event: reg");
            site.ask(phone, &draft.with(contact.clone()), "alice").status
        };
        assert_eq!([subscribe(), subscribe(), subscribe(), subscribe()], [200, 200, 200, 403]);
        assert_eq!(site.count("subscriptions"), 3);
        site.assert_calm(0);
    });
}
