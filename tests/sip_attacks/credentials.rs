//! S20 to S27, T20, T24, T28: credentials that are missing, repeated, or no credentials at all.

use crate::phone::Phone;
use crate::raw::Draft;
use crate::site::{Nonce, PASSWORD, Site, by_every_transport, message, person, register};
use crate::support::server::DOMAIN;

/// S20, T20, RFC 3261 s22: whatever is not ACK or CANCEL is challenged, for people who exist and for
/// others.
#[test]
fn every_method_of_a_stranger_is_challenged() {
    by_every_transport("", |site, phone| {
        for (method, status) in [
            ("REGISTER", 401),
            ("SUBSCRIBE", 401),
            ("PUBLISH", 401),
            ("MESSAGE", 407),
            ("INVITE", 407),
            ("REFER", 407),
            ("NOTIFY", 407),
            ("INFO", 407),
            ("BYE", 407),
            ("UPDATE", 407),
            ("PRACK", 407),
            ("OPTIONS", 407),
            ("register", 407),
            ("UNHEARD-OF", 407),
        ] {
            for to in ["bob", "unheard-of"] {
                let answers =
                    phone.answers(&Draft::new(method, &person(to), "alice", &person(to)).bytes());
                let got: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
                assert_eq!(got, [status], "{method} to {to}");
            }
        }
        assert_eq!(
            phone
                .answers(&Draft::new("ACK", &person("bob"), "alice", &person("bob")).bytes())
                .len(),
            0
        );
        let cancel = Draft::new("CANCEL", &person("bob"), "alice", &person("bob"));
        assert_eq!(phone.ask(&cancel.bytes()).status, 481);
        site.assert_calm(0);
    });
}

/// S21, T24; RFC 7616 s3.4.5, decision: each count of a nonce serves once, whatever it is used for.
#[test]
fn the_same_nonce_and_count_again_is_401_stale() {
    by_every_transport("", |site, phone| {
        let first = register("alice").with("Contact: <sip:alice@127.0.0.1:9>");
        let first = site.signed(first, "alice");
        assert_eq!(phone.ask(&first.bytes()).status, 200);
        // The very same request by another way is a merged one while the first is remembered (RFC 3261
        // s8.2.2.2), and a replay for ever.
        let status = if phone.is_datagrams() { 482 } else { 401 };
        assert_eq!(phone.ask(&first.anew().bytes()).status, status);
        let again = phone.ask(&first.anew().replacing("CSeq: 8 REGISTER").bytes());
        assert_eq!(again.status, 401);
        assert!(Nonce::from(&again).is_stale(), "{}", again.text);
        let mut other = first.anew().replacing("Contact: <sip:eve@127.0.0.9:9>");
        other = other.replacing("CSeq: 9 REGISTER").replacing("Call-ID: another");
        let again = phone.ask(&other.bytes());
        assert_eq!(again.status, 401);
        assert!(Nonce::from(&again).is_stale(), "{}", again.text);
        // The same transaction again is no replay (RFC 3261 s17.2.2); over a stream, where nothing is
        // repeated, it is over.
        let status = if phone.is_datagrams() { 200 } else { 401 };
        assert_eq!(phone.ask(&first.bytes()).status, status);
        site.assert_calm(1);
    });
}

/// T24: credentials are good for their method and their nonce's realm only.
#[test]
fn credentials_of_one_method_do_not_serve_another() {
    by_every_transport("", |site, phone| {
        let nonce = site.challenge("REGISTER", &format!("sip:{DOMAIN}"), "alice");
        let line = nonce.answer("REGISTER", &person("bob"), "alice", PASSWORD, 1);
        let line = line.replacen("Authorization", "Proxy-Authorization", 1);
        assert_eq!(phone.ask(&message("alice", "bob", "hello").with(line).bytes()).status, 407);
        site.assert_calm(0);
    });
}

/// S23; RFC 7616 s3.4.
#[test]
fn a_count_of_0_one_that_is_no_number_and_one_far_behind_are_refused() {
    by_every_transport("", |site, phone| {
        let uri = format!("sip:{DOMAIN}");
        let good = |count| {
            let nonce = site.challenge("REGISTER", &uri, "alice");
            nonce.answer("REGISTER", &uri, "alice", PASSWORD, count)
        };
        assert_eq!(phone.ask(&register("alice").with(good(0)).bytes()).status, 401, "0");
        for count in
            ["zzzzzzzz", "0000000g", "1", "", "000000001", "-0000001", "00000001, nc=00000002"]
        {
            let line = good(1).replace("nc=00000001", &format!("nc={count}"));
            let status = phone.ask(&register("alice").with(line).bytes()).status;
            assert!(matches!(status, 400 | 401), "{count}: {status}");
        }
        let nonce = site.challenge("REGISTER", &uri, "alice");
        let ask = |count| {
            let line = nonce.answer("REGISTER", &uri, "alice", PASSWORD, count);
            phone.ask(&register("alice").with(line).bytes()).status
        };
        let got = [1_000, 999, 1_001, 999, 1, u32::MAX, 1_002].map(ask);
        assert_eq!(got, [200, 200, 200, 401, 401, 200, 401]);
        site.assert_calm(0);
    });
}

/// S25; RFC 7616 s3.3, RFC 8760 s2.3.
#[test]
fn an_algorithm_that_is_not_offered_is_401_with_our_offers() {
    by_every_transport("", |site, phone| {
        for algorithm in
            ["MD5-sess", "SHA-256-sess", "SHA-512-256", "none", "\"\"", "SHA256", "%00"]
        {
            let draft = site.signed(register("alice"), "alice");
            let line = draft.lines.last().expect("credentials").clone();
            let ours = line.split("algorithm=").nth(1).expect("an algorithm");
            let ours = ours.split(',').next().expect("a value").trim().to_owned();
            let line =
                line.replace(&format!("algorithm={ours}"), &format!("algorithm={algorithm}"));
            let answer = phone.ask(&register("alice").with(line).bytes());
            assert!(matches!(answer.status, 400 | 401), "{algorithm}: {}", answer.text);
            if answer.status == 401 {
                assert!(answer.text.contains("algorithm=SHA-256"), "{}", answer.text);
                assert!(answer.text.contains("algorithm=MD5"), "{}", answer.text);
            }
        }
        site.assert_calm(0);
    });
}

/// S27, T28: any text in Authorization is 400 or 401, never silence and never 2xx.
#[test]
fn credentials_that_are_no_credentials_are_400_or_401() {
    by_every_transport("[limits]\nsource_burst = 5000\n", |site, phone| {
        let good =
            site.signed(register("alice"), "alice").lines.last().expect("credentials").clone();
        let value = good.strip_prefix("Authorization: ").expect("a value").to_owned();
        let many: String = (0..500).map(|n| format!(", p{n}=\"x\"")).collect();
        let mut values: Vec<String> = [
            "",
            "Digest",
            "Digest ",
            "Digest ,,,,",
            "Digest =",
            "Digest =,=",
            "Digest username",
            "Digest username=",
            "Digest username=\"",
            "Digest username=\"alice",
            "Digest \"",
            "Digest username=\"alice\\",
            "Digest username=\"alice\\\"",
            "Basic YWxpY2U6eA==",
            "Bearer x",
            "digest",
            "Digestusername=\"alice\"",
            "Digest username*=UTF-8''alice",
            "Digest username*=UTF-8''%",
            "Digest username*=UTF-8''%ff%fe",
            "Digest username*=''",
            "Digest username=\"\u{0}\"",
            "Digest username=\"\u{feff}\"",
            "\u{0}",
            "\u{1}Digest",
        ]
        .map(str::to_owned)
        .to_vec();
        values.push(format!("{value}{many}"));
        values.push(value.replace("username=\"alice\"", "username=\"ali\\\"ce\""));
        values.push(value.replace("username=\"alice\"", "username=\"alice\u{0}\""));
        values.push(value.replace("username=\"alice\"", "username=\"alice\", username=\"bob\""));
        values.push(value.replace("nonce=\"", "nonce=\"\u{0}"));
        values.push(value.replace("nonce=\"", "nonce=\"A"));
        values.push(value.replace("response=\"", "response=\"0"));
        values.push(value.replace("response=\"", "responsf=\""));
        values.push(value.replace("realm=\"", "realm=\"x"));
        values.push(value.replace("cnonce=\"", "cnonce=\"\\\""));
        values.push(value.replace("qop=auth", "qop=auth-int"));
        values.push(value.replace("qop=auth", "qop=\"auth"));
        values.push(value.replace("qop=auth", ""));
        values.push(value.replace("uri=\"", "uri=\"http://"));
        values.push(value.replace("uri=\"sip:", "uri=\"sip:x@other.example;a="));
        values.push(format!("Digest {}", "a=\"".repeat(2_000)));
        values.push(format!("Digest {}", "\\".repeat(7_000)));
        values.push(format!("Digest username=\"{}\"", "a".repeat(7_000)));
        for cut in (0..value.len()).step_by(7) {
            values.push(value.chars().take(cut).collect());
        }
        for value in values {
            let draft = register("alice").with(format!("Authorization: {value}"));
            let answers = phone.answers(&draft.bytes());
            let got: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            assert!(matches!(got[..], [400 | 401]), "{value}: {got:?}");
        }
        let mut twenty = register("alice");
        for n in 0..20 {
            twenty = twenty.with(format!("Authorization: Digest username=\"u{n}\", realm=\"x\""));
        }
        assert!(matches!(phone.ask(&twenty.bytes()).status, 400 | 401));
        // After all that the good ones are still good: nothing of it has spent their count.
        assert_eq!(phone.ask(&register("alice").with(good).bytes()).status, 200);
        site.assert_calm(0);
    });
}

/// T24, T32: nonces of another server, and of this one before it was started anew, are worth
/// nothing.
#[test]
fn a_nonce_of_another_run_or_another_server_is_refused() {
    let mut site = Site::new("");
    let uri = format!("sip:{DOMAIN}");
    let before = site.challenge("REGISTER", &uri, "alice");
    let other = Site::new("").challenge("REGISTER", &uri, "alice");
    site.server.kill();
    site.server.start_again();
    let phone = Phone::new(site.server.udp);
    for (nonce, stale) in [(before, true), (other, false)] {
        let line = nonce.answer("REGISTER", &uri, "alice", PASSWORD, 1);
        let answer = phone.ask(&register("alice").with(line).bytes());
        assert_eq!(answer.status, 401);
        assert_eq!(Nonce::from(&answer).is_stale(), stale, "{}", answer.text);
    }
    site.assert_calm(0);
}
