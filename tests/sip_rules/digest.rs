//! RFC 7616, RFC 8760 and RFC 3261 s22 on the wire.

use tagus::http_digest::{Algorithm, Challenge};

use crate::campus;
use crate::peer::{Got, Peer};
use crate::server::DOMAIN;
use crate::two;

fn challenges(got: &Got) -> Vec<Challenge> {
    let name = if got.status() == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
    got.all(name)
        .iter()
        .map(|value| Challenge::parse(value.as_bytes()).expect("a challenge"))
        .collect()
}

/// RFC 7616 s3.7, RFC 8760 s2.4: one realm, different algorithms, the preferred one first; s2.6:
/// never Basic.
#[test]
fn the_strongest_algorithm_is_offered_first_and_each_once() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    for method in ["REGISTER", "MESSAGE"] {
        let got = ana.ask(&ana.draft(method, &format!("sip:ana@{DOMAIN}")));
        let offered = challenges(&got);
        let algorithms: Vec<Algorithm> = offered.iter().map(|c| c.algorithm).collect();
        assert_eq!(algorithms, [Algorithm::Sha256, Algorithm::Md5]);
        assert!(offered.iter().all(|c| c.realm == DOMAIN && c.qop && !c.stale));
        assert!(!got.text().contains("Basic"));
    }
}

/// RFC 7616 s3.3: "stale" when the nonce alone was at fault.
#[test]
fn stale_is_said_of_a_nonce_and_never_of_a_password() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let first = ana.registration(&[]);
    let challenge = challenges(&ana.ask(&first)).remove(0);
    let sign = |ana: &Peer, draft: &crate::peer::Draft, password: &str, count| {
        let credentials = ana.credentials(draft, &challenge, password, count);
        draft.clone().with(&format!("Authorization: {credentials}"))
    };
    let draft = ana.registration(&[]);
    let wrong = ana.ask(&sign(&ana, &draft, "wrong", 1));
    assert_eq!(wrong.status(), 401);
    assert!(challenges(&wrong).iter().all(|c| !c.stale), "{}", wrong.text());
    let draft = ana.registration(&[]);
    assert_eq!(ana.ask(&sign(&ana, &draft, crate::PASSWORD, 1)).status(), 200);
    // RFC 7616 s5.5: the same count a second time.
    let draft = ana.registration(&[]);
    let replayed = ana.ask(&sign(&ana, &draft, crate::PASSWORD, 1));
    assert_eq!(replayed.status(), 401);
    assert!(challenges(&replayed).iter().all(|c| c.stale), "{}", replayed.text());
    let draft = ana.registration(&[]);
    assert_eq!(ana.ask(&sign(&ana, &draft, crate::PASSWORD, 2)).status(), 200);
}

/// RFC 7616 s3.3: of an old nonce with a wrong password it is not said either.
#[test]
fn an_old_nonce_is_stale_for_its_owner_and_no_hint_for_anybody_else() {
    let mut server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let first = ana.registration(&[]);
    let challenge = challenges(&ana.ask(&first)).remove(0);
    // Nonces of an earlier run are stale.
    server.kill();
    server.start_again();
    let mut ana = Peer::udp(&server, "ana");
    for (password, stale) in [("wrong", false), (crate::PASSWORD, true)] {
        let draft = ana.registration(&[]);
        let credentials = ana.credentials(&draft, &challenge, password, 1);
        let answer = ana.ask(&draft.with(&format!("Authorization: {credentials}")));
        assert_eq!(answer.status(), 401);
        assert!(challenges(&answer).iter().all(|c| c.stale == stale), "{}", answer.text());
    }
    let draft = ana.registration(&[]);
    assert_eq!(ana.ask_signed(&draft).status(), 200);
}

/// RFC 7616 s3.4.6, RFC 8760 s2.6.
#[test]
fn credentials_for_a_uri_that_is_not_ours_are_refused() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let draft = ana.registration(&[]);
    let challenge = challenges(&ana.ask(&draft)).remove(0);
    let draft = draft.again();
    let mut elsewhere = draft.clone();
    elsewhere.uri = "sip:elsewhere.example".to_owned();
    let credentials = ana.credentials(&elsewhere, &challenge, crate::PASSWORD, 1);
    let refused = ana.ask(&draft.with(&format!("Authorization: {credentials}")));
    assert_eq!(refused.status(), 400, "{}", refused.text());
}

/// RFC 8760 s2.6: Basic is not accepted.
#[test]
fn basic_credentials_are_challenged_like_none() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let register = ana.registration(&[]).with("Authorization: Basic YW5hOmEgcGFzc3dvcmQ=");
    let refused = ana.ask(&register);
    assert_eq!(refused.status(), 401);
    assert!(!challenges(&refused).is_empty());
}

/// RFC 7616 s3.6, RFC 3261 s22.3: what is for others passes untouched, ours ends here.
#[test]
fn credentials_and_challenges_of_others_pass_untouched() {
    let (_server, mut ana, mut bob) = two();
    let theirs =
        "Digest username=\"ana\",realm=\"elsewhere\", nonce=\"x\",  uri=\"sip:y\", response=\"z\"";
    let draft = ana
        .to("INFO", "bob")
        .with(&format!("Proxy-Authorization: {theirs}"))
        .with(&format!("Authorization: {theirs}"));
    let signed = ana.challenged(&draft);
    ana.send(&signed.bytes());
    let request = bob.request();
    assert_eq!(request.one("Proxy-Authorization"), theirs);
    assert_eq!(request.one("Authorization"), theirs);
    let challenge = "Digest   realm=\"bob's\",nonce=\"1\" , qop=\"auth,future\"";
    bob.respond(&request, 401, &format!("WWW-Authenticate: {challenge}\r\n"));
    let answer = ana.answer_to(&signed);
    assert_eq!((answer.status(), answer.one("WWW-Authenticate").as_str()), (401, challenge));
}

/// RFC 3261 s22.1: neither can be sent again with credentials.
#[test]
fn ack_and_cancel_are_never_challenged() {
    let (_server, mut ana, mut bob) = two();
    ana.send(&ana.to("ACK", "bob").bytes());
    ana.expect_silence();
    assert_eq!(ana.ask(&ana.to("CANCEL", "bob")).status(), 481);
    bob.expect_silence();
}
