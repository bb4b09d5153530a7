mod counts;
mod spelling;

use std::time::Duration;

use proptest::prelude::*;

use super::nonce::{NonceTable, NonceVerdict};
use super::*;
use crate::clock::Tick;

const FRESH_FIRST: NonceVerdict = NonceVerdict::Fresh { first_use: true };
const FRESH: NonceVerdict = NonceVerdict::Fresh { first_use: false };

fn table(capacity: usize) -> NonceTable {
    NonceTable::new(&[7; 32], Duration::from_secs(300), capacity)
}

/// RFC 7616 s3.9.1, both algorithms.
#[test]
fn the_examples_of_rfc_7616_come_out() {
    let exchange = Exchange {
        nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        nc: b"00000001",
        cnonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        qop: b"auth",
    };
    for (algorithm, expected) in [
        (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let first = ha1(algorithm, b"Mufasa", b"http-auth@example.org", b"Circle of Life");
        let second = ha2(algorithm, b"GET", b"/dir/index.html");
        assert_eq!(response(&first, &exchange, &second).hex().as_str(), expected);
    }
}

fn answer(challenge: &Challenge, password: &str, count: u32) -> Vec<u8> {
    let first = challenge.ha1("alice", password);
    let answer = Answer {
        user: "alice",
        ha1: &first,
        method: "REGISTER",
        uri: "sip:campus.example",
        count,
        cnonce: "0a4f113b",
    };
    let mut out = Vec::new();
    answer.write(challenge, &mut out);
    out
}

#[test]
fn a_challenge_that_is_read_and_answered_proves_the_password_and_no_other() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let mut field = Vec::new();
        Challenge::write("campus \"x\"", b"abc", algorithm, true, &mut field);
        let challenge = Challenge::parse(&field).unwrap();
        assert_eq!(challenge.realm, "campus \"x\"");
        assert!(challenge.stale && challenge.qop && challenge.algorithm == algorithm);
        let field = answer(&challenge, "secret", 10);
        let credentials = Credentials::parse(&field).unwrap();
        assert_eq!(credentials.username(), "alice");
        assert_eq!(credentials.realm(), b"campus \"x\"");
        assert_eq!(credentials.count(), 10);
        let claim = credentials.claim(b"REGISTER").unwrap();
        assert!(claim.proves(&challenge.ha1("alice", "secret")));
        assert!(!claim.proves(&challenge.ha1("alice", "Secret")));
        // The method is part of what is proved.
        assert!(!credentials.claim(b"MESSAGE").unwrap().proves(&challenge.ha1("alice", "secret")));
        let other = match algorithm {
            Algorithm::Md5 => Algorithm::Sha256,
            Algorithm::Sha256 => Algorithm::Md5,
        };
        assert!(!claim.proves(&ha1(other, b"alice", b"campus \"x\"", b"secret")));
    }
}

const GOOD: &str = "Digest username=\"alice\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", \
    response=\"8ca523f5e9506fed4657c9700eebdbec\", cnonce=\"c\", qop=auth, nc=00000001";

/// RFC 7616 s3.4: an absent `algorithm` is MD5; RFC 7616 s3.3: names and tokens in any case.
#[test]
fn credentials_of_real_clients_are_read() {
    let credentials = Credentials::parse(GOOD.as_bytes()).unwrap();
    assert_eq!(credentials.algorithm(), Some(Algorithm::Md5));
    assert!(credentials.claim(b"REGISTER").is_ok());
    let odd = GOOD
        .replace("Digest ", "dIGEST\t ")
        .replace("username=", "UserName = ")
        .replace("qop=auth", "qop=\"Auth\"")
        .replace(", uri", ",,\r\n uri")
        + ", algorithm=\"md5\", opaque=\"\", future=1,";
    let credentials = Credentials::parse(odd.as_bytes()).unwrap();
    assert_eq!(credentials.algorithm(), Some(Algorithm::Md5));
    assert!(credentials.claim(b"REGISTER").is_ok());
    let escaped = GOOD.replace("alice", "al\\\"ice");
    assert_eq!(Credentials::parse(escaped.as_bytes()).unwrap().username(), "al\"ice");
}

/// Not offered, so a new challenge rather than 400.
#[test]
fn credentials_that_were_not_offered_are_refused_with_a_reason() {
    let refused =
        |text: String| Credentials::parse(text.as_bytes()).unwrap().claim(b"REGISTER").unwrap_err();
    for algorithm in ["MD5-sess", "SHA-512-256", "none", "SHA-256-sess", "\"\""] {
        assert_eq!(refused(format!("{GOOD}, algorithm={algorithm}")), Refusal::Algorithm);
    }
    // RFC 2069 has no count and could be played again.
    assert_eq!(refused(GOOD.replace(", qop=auth, nc=00000001", "")), Refusal::Qop);
    assert_eq!(refused(GOOD.replace("qop=auth,", "qop=auth-int,")), Refusal::Qop);
    for count in ["00000000", "1", "0000000g", "000000001", "+0000001"] {
        assert_eq!(refused(GOOD.replace("00000001", count)), Refusal::Count, "{count}");
    }
    assert_eq!(refused(GOOD.replace("cnonce=\"c\", ", "")), Refusal::ClientNonce);
    assert_eq!(refused(GOOD.replace("8ca5", "8ca")), Refusal::Response);
    assert_eq!(refused(format!("{GOOD}, algorithm=SHA-256")), Refusal::Response);
}

/// Malformed credentials are an error, never a crash.
#[test]
fn malformed_credentials_are_errors() {
    let error = |text: &[u8]| Credentials::parse(text).unwrap_err();
    assert_eq!(error(b"Basic YTpi"), CredentialsError::NotDigest);
    assert_eq!(error(b""), CredentialsError::NotDigest);
    assert_eq!(error(b"Digest"), CredentialsError::Absent("username"));
    assert_eq!(error(b"Digest ,,,,"), CredentialsError::Absent("username"));
    assert_eq!(error(b"Digest username=\""), ParameterError::Unterminated.into());
    assert_eq!(error(b"Digest username=\"\\"), ParameterError::Unterminated.into());
    assert_eq!(error(b"Digest username"), ParameterError::Malformed.into());
    assert_eq!(error(b"Digest =\"a\""), ParameterError::Malformed.into());
    assert_eq!(error(b"Digest username=\"a\" realm=\"r\""), ParameterError::Malformed.into());
    assert_eq!(error(b"Digest username=\"a\0b\""), ParameterError::Control.into());
    assert_eq!(error(GOOD.replace("alice", "").as_bytes()), CredentialsError::UserName);
    let twice = format!("{GOOD}, nonce=\"m\"");
    assert_eq!(error(twice.as_bytes()), CredentialsError::Twice);
    let many = format!("{GOOD}{}", ", x=1".repeat(500));
    assert_eq!(error(many.as_bytes()), ParameterError::TooMany.into());
    for missing in ["realm=\"r\", ", "nonce=\"n\", ", "uri=\"sip:r\", "] {
        assert!(Credentials::parse(GOOD.replace(missing, "").as_bytes()).is_err(), "{missing}");
    }
}

#[test]
fn challenges_that_cannot_be_answered_are_errors() {
    let parse = |text: &str| Challenge::parse(text.as_bytes()).unwrap_err();
    assert_eq!(parse("Bearer x"), ChallengeError::NotDigest);
    assert_eq!(parse("Digest nonce=\"a\""), ChallengeError::Absent("realm"));
    let base = "Digest realm=\"r\", nonce=\"n\"";
    assert_eq!(parse(&format!("{base}, algorithm=SHA-512-256")), ChallengeError::Algorithm);
    assert_eq!(parse(&format!("{base}, qop=\"auth-int\"")), ChallengeError::Qop);
    let both = Challenge::parse(format!("{base}, qop=\"auth-int, auth\"").as_bytes()).unwrap();
    assert!(both.qop);
}

/// Each count serves once, in any order within the window of 64.
#[test]
fn counts_serve_once_each_in_any_order_within_the_window() {
    let table = table(100);
    let now = Tick::from_secs(5);
    let nonce = table.issue(now);
    assert_eq!(table.check(nonce.as_bytes(), 3, now), FRESH_FIRST);
    assert_eq!(table.check(nonce.as_bytes(), 1, now), FRESH);
    assert_eq!(table.check(nonce.as_bytes(), 2, now), FRESH);
    for count in 1..=3 {
        assert_eq!(table.check(nonce.as_bytes(), count, now), NonceVerdict::Stale);
    }
    assert_eq!(table.check(nonce.as_bytes(), 0, now), NonceVerdict::Stale);
    assert_eq!(table.check(nonce.as_bytes(), 67, now), FRESH);
    assert_eq!(table.check(nonce.as_bytes(), 3, now), NonceVerdict::Stale);
    assert_eq!(table.check(nonce.as_bytes(), 4, now), FRESH);
    assert_eq!(table.check(nonce.as_bytes(), u32::MAX, now), FRESH);
    assert_eq!(table.check(nonce.as_bytes(), u32::MAX, now), NonceVerdict::Stale);
    assert_eq!(table.check(nonce.as_bytes(), 68, now), NonceVerdict::Stale);
}

#[test]
fn an_old_nonce_is_stale_by_the_monotonic_clock() {
    let table = table(100);
    let nonce = table.issue(Tick::from_secs(10));
    assert!(table.examine(nonce.as_bytes(), Tick::from_secs(309)).is_ok());
    assert_eq!(table.examine(nonce.as_bytes(), Tick::from_secs(310)), Err(NonceVerdict::Stale));
    assert_eq!(table.check(nonce.as_bytes(), 1, Tick::from_secs(310)), NonceVerdict::Stale);
}

/// After a restart the key is the same and the run is not.
#[test]
fn a_nonce_of_an_earlier_run_is_stale_and_of_another_key_forged() {
    let now = Tick::from_secs(1);
    let nonce = table(100).issue(now);
    assert_eq!(table(100).check(nonce.as_bytes(), 1, now), NonceVerdict::Stale);
    let other = NonceTable::new(&[8; 32], Duration::from_secs(300), 100);
    assert_eq!(other.check(nonce.as_bytes(), 1, now), NonceVerdict::Forged);
}

#[test]
fn a_nonce_with_any_bit_changed_is_forged() {
    let table = table(100);
    let now = Tick::from_secs(1);
    let nonce = table.issue(now);
    for at in 0..nonce::NONCE_LENGTH {
        let mut changed = *nonce.as_bytes().first_chunk::<{ nonce::NONCE_LENGTH }>().unwrap();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(table.check(&changed, 1, now), NonceVerdict::Forged);
    }
    assert_eq!(table.check(b"", 1, now), NonceVerdict::Forged);
    assert_eq!(table.check(&[b'='; 40], 1, now), NonceVerdict::Forged);
}

/// The table is bounded, and what it forgot cannot be played again.
#[test]
fn a_forgotten_nonce_is_stale_and_the_table_stays_small() {
    let table = table(64);
    let first = table.issue(Tick::from_secs(1));
    assert_eq!(table.check(first.as_bytes(), 1, Tick::from_secs(1)), FRESH_FIRST);
    for step in 0..2_000u64 {
        let now = Tick::from_millis(2_000 + step);
        let nonce = table.issue(now);
        assert_eq!(table.check(nonce.as_bytes(), 1, now), FRESH_FIRST);
    }
    assert!(table.len() <= 64);
    assert_eq!(table.check(first.as_bytes(), 1, Tick::from_secs(5)), NonceVerdict::Stale);
    assert_eq!(table.check(first.as_bytes(), 2, Tick::from_secs(5)), NonceVerdict::Stale);
    assert_eq!(table.prune(Tick::from_secs(400)), 0);
    assert!(table.is_empty());
}

/// One table, shared; of many threads that play one count, one gets in.
#[test]
fn of_many_threads_with_one_count_one_gets_in() {
    let table = table(1_000);
    let now = Tick::from_secs(1);
    let nonce = table.issue(now);
    let fresh: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (1..=64)
                        .filter(|&nc| table.check(nonce.as_bytes(), nc, now) != NonceVerdict::Stale)
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(fresh, 64);
}

#[test]
fn a_hash_is_never_printed() {
    let text = format!("{:?}", ha1(Algorithm::Md5, b"a", b"b", b"c"));
    assert_eq!(text, "Hash(MD5)");
}

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(field in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Credentials::parse(&field).map(|c| c.claim(b"REGISTER").is_ok());
        let _ = Challenge::parse(&field);
        let mut digest = b"Digest username=\"a\",".to_vec();
        digest.extend_from_slice(&field);
        let _ = Credentials::parse(&digest).map(|c| c.claim(b"REGISTER").is_ok());
        let _ = Challenge::parse(&digest);
    }

    #[test]
    fn no_list_of_parameters_makes_the_parsers_panic(
        field in "Digest ((username|nonce|nc|qop|uri|realm|response) ?= ?(\"[ -~]{0,8}\"?|[a-z0-9]{0,9}) ?,?){0,12}"
    ) {
        let _ = Credentials::parse(field.as_bytes()).map(|c| c.claim(b"REGISTER").is_ok());
        let _ = Challenge::parse(field.as_bytes());
    }

    #[test]
    fn what_a_client_writes_is_what_the_server_reads(
        realm in "[ -~]{0,20}", nonce in "[a-zA-Z0-9/+=]{1,30}", password in "\\PC{0,20}", sha in any::<bool>(), count in 1u32..
    ) {
        let algorithm = if sha { Algorithm::Sha256 } else { Algorithm::Md5 };
        let mut field = Vec::new();
        Challenge::write(&realm, nonce.as_bytes(), algorithm, false, &mut field);
        let challenge = Challenge::parse(&field).unwrap();
        prop_assert_eq!(&challenge.realm, &realm);
        let field = answer(&challenge, &password, count);
        let credentials = Credentials::parse(&field).unwrap();
        prop_assert_eq!(credentials.count(), count);
        let first = ha1(algorithm, b"alice", realm.as_bytes(), password.as_bytes());
        prop_assert!(credentials.claim(b"REGISTER").unwrap().proves(&first));
    }

    #[test]
    fn hashes_of_joined_parts_do_not_depend_on_their_length(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..5)) {
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let joined = parts.join(&b':');
        prop_assert_eq!(Algorithm::Sha256.hash(&slices), Algorithm::Sha256.hash(&[&joined]));
        prop_assert_eq!(Algorithm::Md5.hash(&slices), Algorithm::Md5.hash(&[&joined]));
    }
}
