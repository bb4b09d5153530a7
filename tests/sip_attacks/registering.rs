//! S31 to S35, S53, T29: registering what one must not.

use crate::raw::Draft;
use crate::site::{PASSWORD, Site, by_every_transport, register};
use crate::support::server::DOMAIN;

fn to(user: &str, address: &str) -> Draft {
    Draft::new("REGISTER", &format!("sip:{DOMAIN}"), user, address)
        .with("Contact: <sip:thief@127.0.0.1:9>")
}

/// S31, T22, T29; RFC 3261 s10.3 steps 4 and 5.
#[test]
fn nobody_registers_for_somebody_else() {
    by_every_transport("", |site, phone| {
        for address in [
            "sip:bob@campus.test",
            "sip:BOB@campus.test",
            "sip:b%6fb@campus.test",
            "sip:alice@other.example",
            "sip:alice%40campus.test@other.example",
            "sip:alice@campus.test@other.example",
            "sip:alice%00@campus.test",
            "sip:alice%20@campus.test",
            "sip:@campus.test",
            "sip:campus.test",
            "tel:+15550100",
            "mailto:alice@campus.test",
        ] {
            let status = site.ask(phone, &to("alice", address), "alice").status;
            assert!(matches!(status, 400 | 403 | 404), "To {address}: {status}");
            let line = format!("From: <{address}>;tag=1");
            let own = to("alice", "sip:alice@campus.test").replacing(line);
            let status = site.ask(phone, &own, "alice").status;
            assert!(matches!(status, 400 | 403 | 404), "From {address}: {status}");
        }
        site.assert_calm(0);
        // Another case, or an escape that need not be, is the same person (RFC 3261 s19.1.4).
        for address in
            ["sip:ALICE@CAMPUS.TEST", "sip:%61lice@campus.test", "sips:alice@campus.test"]
        {
            let status = site.ask(phone, &to("alice", address), "alice").status;
            assert_eq!(status, 200, "{address}");
        }
        site.assert_calm(1);
    });
}

/// S33; RFC 3261 s10.3 step 6, N-bind.
#[test]
fn eleven_contacts_are_403_at_once_and_one_by_one() {
    by_every_transport("", |site, phone| {
        let contacts: Vec<String> =
            (1..=11).map(|n| format!("<sip:alice@127.0.0.1:{n}>")).collect();
        let all = register("alice").with(format!("Contact: {}", contacts.join(", ")));
        assert_eq!(site.ask(phone, &all, "alice").status, 403);
        site.assert_calm(0);
        for (n, contact) in contacts.iter().enumerate() {
            let one = register("alice").with(format!("Contact: {contact}"));
            let wanted = if n < 10 { 200 } else { 403 };
            assert_eq!(site.ask(phone, &one, "alice").status, wanted, "{n}");
        }
        site.assert_calm(10);
    });
}

/// S33, T07; RFC 3261 s10.2.1: what no request could be sent to.
#[test]
fn a_contact_that_is_ourselves_or_no_place_is_refused() {
    by_every_transport("", |site, phone| {
        let (udp, tcp) = (site.server.udp, site.server.tcp);
        for (contact, status) in [
            (format!("sip:bob@{udp}"), 403),
            (format!("sip:{udp}"), 403),
            (format!("sip:bob@{udp};transport=udp"), 403),
            (format!("sip:bob@[::ffff:127.0.0.1]:{}", udp.port()), 403),
            (format!("sip:bob@{tcp};transport=tcp"), 403),
            ("http://127.0.0.1/".to_owned(), 403),
            ("mailto:alice@127.0.0.1".to_owned(), 403),
            ("tel:+15550100".to_owned(), 403),
            ("sip:0.0.0.0".to_owned(), 400),
            ("sip:[::]".to_owned(), 400),
            ("sip:[::ffff:0.0.0.0]".to_owned(), 400),
            ("sip:224.0.0.1".to_owned(), 400),
            ("sip:239.255.255.250:1900".to_owned(), 400),
            ("sip:255.255.255.255".to_owned(), 400),
            ("sip:[ff02::1]".to_owned(), 400),
            ("sip:alice@127.0.0.1:0".to_owned(), 400),
            ("sip:alice@127.0.0.1:65536".to_owned(), 400),
            ("sip:alice@127.0.0.1:99999999999999999999".to_owned(), 400),
            ("sip:".to_owned(), 400),
            ("sip:alice@".to_owned(), 400),
            ("sip:alice@[:::1]".to_owned(), 400),
            ("sip:alice@[::1".to_owned(), 400),
            ("sip:alice@127.0.0.1\u{0}".to_owned(), 400),
            (format!("sip:{}@127.0.0.1", "a".repeat(2_100)), 400),
        ] {
            let draft = register("alice").with(format!("Contact: <{contact}>"));
            let answer = site.ask(phone, &draft, "alice");
            assert_eq!(answer.status, status, "{contact}: {}", answer.text);
        }
        site.assert_calm(0);
    });
}

/// S34, T29; RFC 3261 s10.3 step 6.
#[test]
fn a_star_with_company_or_with_time_left_is_400_and_changes_nothing() {
    let site = Site::new("");
    let phone = site.phone("alice");
    for (contacts, expires) in [
        (&["*"][..], "5"),
        (&["*"], ""),
        (&["*"], "0x0"),
        (&["*", "<sip:alice@127.0.0.1:9>"], "0"),
        (&["<sip:alice@127.0.0.1:9>", "*"], "0"),
        (&["*", "*"], "5"),
        (&["<*>"], "0"),
        (&["*;expires=0"], "5"),
    ] {
        let mut draft = register("alice");
        for contact in contacts {
            draft = draft.with(format!("Contact: {contact}"));
        }
        if !expires.is_empty() {
            draft = draft.with(format!("Expires: {expires}"));
        }
        assert_eq!(site.ask(&phone, &draft, "alice").status, 400, "{contacts:?} {expires}");
        let joined = register("alice").with(format!("Contact: {}", contacts.join(", ")));
        let joined = joined.with(format!("Expires: {}", if expires == "0" { "0" } else { "7" }));
        assert_eq!(site.ask(&phone, &joined, "alice").status, 400, "{contacts:?} joined");
    }
    site.assert_calm(1);
}

/// S35; RFC 3261 s10.3 step 7.
#[test]
fn an_older_cseq_of_the_same_call_changes_nothing() {
    by_every_transport("", |site, phone| {
        let nonce = site.challenge("REGISTER", &format!("sip:{DOMAIN}"), "alice");
        let ask = |cseq: u32, count: u32, expires: u32| {
            let line = nonce.answer("REGISTER", &format!("sip:{DOMAIN}"), "alice", PASSWORD, count);
            let draft = register("alice")
                .replacing("Call-ID: one")
                .replacing(format!("CSeq: {cseq} REGISTER"));
            let draft =
                draft.with("Contact: <sip:alice@127.0.0.1:9>").with(format!("Expires: {expires}"));
            phone.ask(&draft.with(line).bytes()).status
        };
        assert_eq!(ask(10, 1, 600), 200);
        assert!(matches!(ask(9, 2, 0), 400 | 500));
        assert!(matches!(ask(10, 3, 0), 400 | 500));
        site.assert_calm(1);
        assert_eq!(ask(11, 4, 0), 200);
        site.assert_calm(0);
    });
}

/// E-reg: expiries that are no times.
#[test]
fn an_absurd_expiry_is_capped_or_refused() {
    by_every_transport("", |site, phone| {
        for (value, status) in [
            ("1", 423),
            ("59", 423),
            ("4294967295", 200),
            ("99999999999999999999", 200),
            ("-1", 200),
        ] {
            let draft = register("alice").with("Contact: <sip:alice@127.0.0.1:9>");
            let answer = site.ask(phone, &draft.with(format!("Expires: {value}")), "alice");
            assert_eq!(answer.status, status, "{value}: {}", answer.text);
            if status == 200 {
                let contact = answer.header("Contact").expect("the contact");
                let left: u32 = contact
                    .split("expires=")
                    .nth(1)
                    .and_then(|left| left.split([';', ',']).next())
                    .and_then(|left| left.parse().ok())
                    .expect("a time");
                assert!(left <= 3_600, "{contact}");
            }
        }
        site.assert_calm(1);
    });
}

/// S53; RFC 5118 s4.5, s4.10 and others.
#[test]
fn forms_of_ipv6_addresses_are_served_if_they_are_addresses() {
    by_every_transport("", |site, phone| {
        for (host, valid) in [
            ("[2001:db8::9:1]", true),
            ("[2001:db8::9:1]:5060", true),
            ("[::ffff:192.0.2.10]", true),
            ("[::ffff:192.0.2.10]:19823", true),
            ("[2001:db8:::192.0.2.1]", false),
            ("[:::1]", false),
            ("[::1]:", false),
            ("[::1", false),
            ("[::1]x", false),
            ("[fe80::1%25lo]", false),
        ] {
            let via = format!("Via: SIP/2.0/UDP {host};rport;branch=z9hG4bK-{}", host.len());
            let status = phone.ask(&Draft::ping().replacing(via).bytes()).status;
            assert_eq!(status, if valid { 200 } else { 400 }, "Via {host}");
            let draft = register("alice").with(format!("Contact: <sip:alice@{host}>"));
            let status = site.ask(phone, &draft, "alice").status;
            assert_eq!(status, if valid { 200 } else { 400 }, "Contact {host}");
        }
        // RFC 5118 s4.2: without brackets the port would be part of the address.
        let draft = Draft { uri: "sip:2001:db8::10".to_owned(), ..register("alice") };
        assert_eq!(phone.ask(&draft.bytes()).status, 400);
        site.assert_calm(4);
    });
}
