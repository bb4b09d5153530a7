//! What the header fields must look like, and what may stand in them.

use super::*;

/// RFC 7616 s3.3: realm, nonce and qop are quoted, stale and algorithm are not; `qop` is always
/// there (RFC 8760 s2.6).
#[test]
fn a_challenge_quotes_realm_nonce_and_qop_but_not_stale_and_algorithm() {
    let write = |algorithm, stale| {
        let mut field = Vec::new();
        Challenge::write("campus.example", b"abc", algorithm, stale, &mut field);
        String::from_utf8(field).unwrap()
    };
    assert_eq!(
        write(Algorithm::Sha256, false),
        r#"Digest realm="campus.example", nonce="abc", algorithm=SHA-256, qop="auth""#
    );
    assert_eq!(
        write(Algorithm::Md5, true),
        r#"Digest realm="campus.example", nonce="abc", algorithm=MD5, qop="auth", stale=true"#
    );
}

/// RFC 7616 s3.3: "unrecognized options MUST be ignored", and so are unknown parameters.
#[test]
fn unknown_qop_options_and_parameters_are_ignored() {
    for qop in ["auth,future", "future, auth-int,AUTH", " auth "] {
        let field = format!(
            r#"Digest realm="r", qop="{qop}", future="a, b=\"c\"", charset=UTF-8, nonce="n", userhash=false"#
        );
        let challenge = Challenge::parse(field.as_bytes()).unwrap();
        assert!(challenge.qop, "{qop}");
        assert_eq!((challenge.realm.as_str(), challenge.nonce.as_str()), ("r", "n"));
    }
    let field = format!(r#"{GOOD}, userhash=false, future="a, response=\"x\"", opaque="o""#);
    assert!(Credentials::parse(field.as_bytes()).unwrap().claim(b"REGISTER").is_ok());
}

/// RFC 7616 s3.4: "Sending both username and username* [...] MUST be treated as an error".
#[test]
fn credentials_with_both_forms_of_the_user_name_are_refused() {
    for name in ["username*", "UserName*"] {
        let behind = format!("{GOOD}, {name}=UTF-8''bob");
        let before = GOOD.replace("Digest ", &format!("Digest {name}=UTF-8''bob, "));
        for field in [behind, before] {
            let error = Credentials::parse(field.as_bytes()).unwrap_err();
            assert_eq!(error, CredentialsError::Twice, "{field}");
        }
    }
    // The extended form alone names nobody here: our challenges never ask for it.
    let alone = GOOD.replace("username=\"alice\"", "username*=UTF-8''alice");
    let error = Credentials::parse(alone.as_bytes()).unwrap_err();
    assert_eq!(error, CredentialsError::Absent("username"));
}

/// RFC 7616 s3.4: what must be there, and that `qop` is one that was offered.
#[test]
fn credentials_without_response_count_client_nonce_or_an_offered_qop_are_refused() {
    let response = ", \n    response=\"8ca523f5e9506fed4657c9700eebdbec\"".replace("\n    ", "");
    let field = GOOD.replace(&response, "");
    assert_ne!(field, GOOD);
    let error = Credentials::parse(field.as_bytes()).unwrap_err();
    assert_eq!(error, CredentialsError::Absent("response"));
    for (part, by, refusal) in [
        (", nc=00000001", "", Refusal::Count),
        (", cnonce=\"c\"", "", Refusal::ClientNonce),
        ("cnonce=\"c\"", "cnonce=\"\"", Refusal::ClientNonce),
        (", qop=auth", "", Refusal::Qop),
        ("qop=auth", "qop=auth-int", Refusal::Qop),
        ("qop=auth", "qop=future", Refusal::Qop),
    ] {
        let field = GOOD.replace(part, by);
        assert_ne!(field, GOOD);
        let credentials = Credentials::parse(field.as_bytes()).unwrap();
        assert_eq!(credentials.claim(b"REGISTER").unwrap_err(), refusal, "{field}");
    }
}

/// RFC 7616 s3.4: what a client quotes and what it does not; `opaque` comes back as it was.
#[test]
fn an_answer_quotes_all_but_algorithm_qop_and_count() {
    let field =
        br#"Digest realm="a \"b\"", nonce="n=", opaque="o/\"p", algorithm=SHA-256, qop="auth""#;
    let challenge = Challenge::parse(field).unwrap();
    let first = challenge.ha1("al\"ice", "secret");
    let answer = Answer {
        user: "al\"ice",
        ha1: &first,
        method: "REGISTER",
        uri: "sip:campus.example",
        count: 171,
        cnonce: "cn",
    };
    let mut out = Vec::new();
    answer.write(&challenge, &mut out);
    let text = String::from_utf8(out).unwrap();
    let exchange = Exchange { nonce: b"n=", nc: b"000000ab", cnonce: b"cn", qop: b"auth" };
    let second = ha2(Algorithm::Sha256, b"REGISTER", b"sip:campus.example");
    let value = response(&first, &exchange, &second).hex();
    assert_eq!(
        text,
        format!(
            r#"Digest username="al\"ice", realm="a \"b\"", nonce="n=", uri="sip:campus.example", response="{}", algorithm=SHA-256, cnonce="cn", qop=auth, nc=000000ab, opaque="o/\"p""#,
            value.as_str()
        )
    );
}

/// RFC 7616 s3.4.1, each of its values by itself: a change in any is noticed (s3.6).
#[test]
fn every_value_of_an_answer_is_proved_by_its_response() {
    let challenge = Challenge::parse(br#"Digest realm="r", nonce="n", qop="auth""#).unwrap();
    let field = String::from_utf8(answer(&challenge, "secret", 1)).unwrap();
    let first = challenge.ha1("alice", "secret");
    let proves = |field: &str| {
        Credentials::parse(field.as_bytes()).unwrap().claim(b"REGISTER").unwrap().proves(&first)
    };
    assert!(proves(&field));
    for (value, other) in [
        ("nonce=\"n\"", "nonce=\"m\""),
        ("uri=\"sip:campus.example\"", "uri=\"sip:campus.example.\""),
        ("cnonce=\"0a4f113b\"", "cnonce=\"0a4f113c\""),
        ("nc=00000001", "nc=00000002"),
    ] {
        let changed = field.replacen(value, other, 1);
        assert_ne!(changed, field, "{value}");
        assert!(!proves(&changed), "{value}");
    }
}

proptest! {
    /// RFC 7616 s4: a user name holds any character but the colon, a password any at all.
    #[test]
    fn any_name_without_a_colon_and_any_password_can_prove_itself(
        user in "[\\PC&&[^:]]{1,20}", password in any::<String>(), sha in any::<bool>()
    ) {
        let algorithm = if sha { Algorithm::Sha256 } else { Algorithm::Md5 };
        let mut field = Vec::new();
        Challenge::write("campus.example", b"nonce", algorithm, false, &mut field);
        let challenge = Challenge::parse(&field).unwrap();
        let first = challenge.ha1(&user, &password);
        let answer = Answer {
            user: &user,
            ha1: &first,
            method: "MESSAGE",
            uri: "sip:bob@campus.example",
            count: 1,
            cnonce: "c",
        };
        let mut out = Vec::new();
        answer.write(&challenge, &mut out);
        let credentials = Credentials::parse(&out).unwrap();
        prop_assert_eq!(credentials.username(), &user);
        let kept = ha1(algorithm, user.as_bytes(), b"campus.example", password.as_bytes());
        prop_assert!(credentials.claim(b"MESSAGE").unwrap().proves(&kept));
    }
}
