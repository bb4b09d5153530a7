use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Uri<'_> {
    Uri::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn dots_in_user_parts_are_part_of_the_user() {
    let uri = Uri::parse(b"sip:john.doe@campus.example").unwrap();
    assert_eq!(uri.user(), Some(&b"john.doe"[..]));
    assert_eq!(uri.host(), Host::Name(b"campus.example"));
}

/// RFC 3261 s19.1.3: every example of the section.
#[test]
fn the_example_uris_of_rfc_3261_are_read() {
    let uri = parse("sip:alice@atlanta.com");
    assert_eq!((uri.user(), uri.port()), (Some(&b"alice"[..]), None));
    let uri = parse("sip:alice:secretword@atlanta.com;transport=tcp");
    assert_eq!(uri.password(), Some(&b"secretword"[..]));
    assert_eq!(uri.param("TRANSPORT"), Some(Some(&b"tcp"[..])));
    let uri = parse("sips:alice@atlanta.com?subject=project%20x&priority=urgent");
    assert!(uri.is_sips());
    assert_eq!(uri.headers(), Some(&b"subject=project%20x&priority=urgent"[..]));
    let uri = parse("sip:+1-212-555-1212:1234@gateway.com;user=phone");
    assert_eq!(uri.user(), Some(&b"+1-212-555-1212"[..]));
    assert_eq!(uri.password(), Some(&b"1234"[..]));
    assert_eq!(uri.param("user"), Some(Some(&b"phone"[..])));
    let uri = parse("sips:1212@gateway.com");
    assert_eq!(uri.user(), Some(&b"1212"[..]));
    let uri = parse("sip:alice@192.0.2.4");
    assert_eq!(uri.host(), Host::V4("192.0.2.4".parse().unwrap()));
    let uri = parse("sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com");
    assert_eq!((uri.user(), uri.param("method")), (None, Some(Some(&b"REGISTER"[..]))));
    let uri = parse("sip:alice;day=tuesday@atlanta.com");
    assert_eq!(uri.user(), Some(&b"alice;day=tuesday"[..]));
    assert_eq!(uri.params().count(), 0);
}

/// RFC 3261 s19.1.4: every pair that the section calls equivalent.
#[test]
fn the_equivalent_uris_of_rfc_3261_are_equivalent() {
    for (a, b) in [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:0DB8:0:0::0001]"),
        ("SIP:a@h", "sip:a@h"),
    ] {
        assert!(parse(a).equivalent(&parse(b)), "{a} {b}");
        assert!(parse(b).equivalent(&parse(a)), "{b} {a}");
    }
}

/// RFC 3261 s19.1.4: every pair that the section calls different, and the rules before it.
#[test]
fn the_different_uris_of_rfc_3261_are_different() {
    for (a, b) in [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        // A SIP and SIPS URI are never equivalent.
        ("sip:a@h", "sips:a@h"),
        // user, ttl, method and maddr stand in both or in neither, even with their default.
        ("sip:a@h", "sip:a@h;user=ip"),
        ("sip:a@h", "sip:a@h;ttl=1"),
        ("sip:a@h", "sip:a@h;method=INVITE"),
        ("sip:a@h", "sip:a@h;maddr=h"),
        // A parameter in both must agree.
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@h;lr", "sip:a@h;lr=on"),
        // Of reserved characters the escaped form is another one.
        ("sip:a%2Cb@h", "sip:a,b@h"),
        ("sip:a%3bb@h", "sip:a;b@h"),
        // Passwords mind case, and a user is not nobody.
        ("sip:a:x@h", "sip:a:X@h"),
        ("sip:a:x@h", "sip:a@h"),
        ("sip:a@h", "sip:h"),
        ("sip:h?a=1&a=1", "sip:h?a=1"),
        ("sip:h?a=1&a=1&b=2", "sip:h?a=1&b=2&b=2"),
        ("sip:a@h", "tel:1"),
        ("tel:+1-2", "tel:+12"),
    ] {
        assert!(!parse(a).equivalent(&parse(b)), "{a} {b}");
        assert!(!parse(b).equivalent(&parse(a)), "{b} {a}");
    }
}

/// RFC 3261 s19.1.4: the equivalence is not transitive, and the section says so.
#[test]
fn equivalence_is_not_transitive() {
    let (on, none, off) = ("sip:c@h;security=on", "sip:c@h", "sip:c@h;security=off");
    assert!(parse(on).equivalent(&parse(none)) && parse(none).equivalent(&parse(off)));
    assert!(!parse(on).equivalent(&parse(off)));
}

/// RFC 3261 s19.1.1: a parameter may stand once only. A URI that has it twice is not equal to
/// anything but itself, and to itself it is: a registration must find its own contact again.
#[test]
fn a_uri_with_a_parameter_twice_is_equivalent_to_itself() {
    let twice = parse("sip:a@h;x=1;x=2");
    assert!(twice.equivalent(&twice));
    assert!(!twice.equivalent(&parse("sip:a@h;x=1")));
}

/// The comparison takes time by the square of the number of pieces, so that is bounded.
#[test]
fn uris_of_very_many_parts_are_compared_by_their_bytes() {
    let many = |first: &str, lead: char| {
        let params: String = (0..200).map(|n| format!(";p{n}=1")).collect();
        format!("{lead}ip:a@h{first}{params}")
    };
    let (one, same, other) = (many("", 's'), many("", 's'), many(";q", 's'));
    assert!(parse(&one).equivalent(&parse(&same)));
    assert!(!parse(&one).equivalent(&parse(&other)));
    assert!(
        !parse("sip:a@h").equivalent(&parse(&one)) && !parse(&one).equivalent(&parse("sip:a@h"))
    );
}

/// RFC 3261 s25.1, RFC 5118 s4.1.
#[test]
fn ipv6_references_stand_in_brackets() {
    let uri = parse("sip:a@[2001:db8::9:1]:5070;transport=tcp");
    assert_eq!(uri.host(), Host::V6("2001:db8::9:1".parse().unwrap()));
    assert_eq!((uri.host_text(), uri.port()), (&b"[2001:db8::9:1]"[..], Some(5_070)));
    parse("sip:[::ffff:192.0.2.1]");
    for bad in [
        "sip:a@2001:db8::9:1",
        "sip:a@[2001:db8::9:1",
        "sip:a@[::1]x",
        "sip:a@[]",
        "sip:a@[fe80::1%25eth0]",
        "sip:a@[:::1]",
        "sip:a@[192.0.2.1]",
    ] {
        assert!(Uri::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

/// RFC 3966 s3.
#[test]
fn telephone_numbers_are_uris() {
    let uri = parse("tel:+351-21(0)00.0;ext=5;phone-context=example.com");
    assert!(uri.is_tel());
    assert_eq!(uri.user(), Some(&b"+351-21(0)00.0"[..]));
    assert_eq!(uri.param("ext"), Some(Some(&b"5"[..])));
    parse("tel:7042;phone-context=example.com");
    parse("tel:*31#");
    for bad in ["tel:", "tel:+", "tel:alice", "tel:+1;=x", "tel:+1 2", "tel:(-)"] {
        assert!(Uri::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

/// RFC 3261 s25.1: `userinfo`, `host`, `port`, `uri-parameters`, `headers`.
#[test]
fn what_breaks_the_grammar_is_no_uri() {
    for bad in [
        "",
        ":",
        "sip",
        "sip:",
        "1sip:a@h",
        "s ip:a@h",
        "sip:@h",
        "sip::x@h",
        "sip:a@",
        "sip:a@b@c",
        "sip:a@h:",
        "sip:a@h:65536",
        "sip:a@h:-1",
        "sip:a@h:0x1",
        "sip:a@h:5060:1",
        "sip:a@h;;lr",
        "sip:a@h;=1",
        "sip:a@h;x=",
        "sip:a@h?x",
        "sip:a@h?=x",
        "sip:a@h?x=1&",
        "sip:a%@h",
        "sip:a%4@h",
        "sip:a%zz@h",
        "sip:a@h%41",
        "sip:a@h;x=%4",
        "sip:a b@h",
        "sip:a@h h",
        "sip:a@h;x=a b",
        "sip:\"a\"@h",
        "sip:<a@h>",
        "sip:a@h\r\n",
        "sip:a@h\0",
        "sip:a@.h",
        "sip:a@h..h",
        "sip:a@256.1.1.1",
        "sip:a@1.2.3",
        "sip:a@h.1",
        "sip:a@h/x",
        "sip:a\\b@h",
        "http:",
        "x:a b",
    ] {
        assert!(Uri::parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

/// Not in the grammar, and harmless: a separator that nothing follows.
#[test]
fn an_empty_list_of_parameters_or_headers_is_taken() {
    for text in ["sip:a@h;", "sip:a@h?", "tel:+1;"] {
        assert_eq!(parse(text).params().count(), 0, "{text}");
    }
}

/// RFC 3261 s10.3 step 5, s19.1.4.
#[test]
fn spellings_of_one_address_of_record_are_one() {
    for text in [
        "sip:ana@campus.example",
        "SIP:ANA@Campus.Example;x=1",
        "sips:%61na:pw@campus.example:5061?a=b",
    ] {
        assert_eq!(parse(text).canonical_aor().unwrap(), "ana@campus.example", "{text}");
    }
    // Reserved characters stay escaped: this is not ana;x.
    assert_eq!(parse("sip:ana%3Bx@h").canonical_aor().unwrap(), "ana%3bx@h");
    assert_eq!(parse("sip:campus.example").canonical_aor(), None);
    assert_eq!(parse("tel:1").canonical_aor(), None);
}

/// RFC 3986 s2.4: once, and never to something that two user parts share.
#[test]
fn user_parts_are_decoded_once() {
    assert_eq!(parse("sip:%C3%A9va%2540@h").user_decoded().unwrap(), "éva%40");
    assert_eq!(parse("sip:éva@h").user_decoded().unwrap(), "éva");
    assert_eq!(parse("sip:%FF@h").user_decoded().unwrap(), "%FF");
    let raw = |user: &[u8]| {
        let bytes = [b"sip:", user, b"@h"].concat();
        Uri::parse(&bytes).unwrap().user_decoded().unwrap().into_owned()
    };
    assert_ne!(raw(b"\xff"), raw(b"\xfe"));
}

/// A URI of a few parts, equivalent to others that are made of them as often as not.
fn uri() -> impl Strategy<Value = String> {
    let user = prop::option::of("(a|A|%61|b|%2c|,|a;b)(:(x|X))?");
    let host = "(h|H|h\\.h|192\\.0\\.2\\.1|\\[::1\\]|\\[0::1\\])(:50(60|61))?";
    let params = "(;(lr|LR|x=1|x=2|%78=1|transport=(tcp|TCP)|user=phone|maddr=h)){0,3}";
    let headers = "(\\?(a=1|a=2|b=)(&(a=1|a=2|b=)){0,2})?";
    ("(sip|SIP|sips)", user, host, params, headers).prop_map(
        |(scheme, user, host, params, headers)| {
            let user = user.map(|user| user + "@").unwrap_or_default();
            format!("{scheme}:{user}{host}{params}{headers}")
        },
    )
}

proptest! {
    /// RFC 3261 s19.1.4.
    #[test]
    fn comparing_uris_is_reflexive_and_symmetric(a in uri(), b in uri()) {
        let (one, other) = (parse(&a), parse(&b));
        prop_assert!(one.equivalent(&one));
        prop_assert_eq!(one.equivalent(&other), other.equivalent(&one));
        // Whoever looks an address up by its canonical form finds what is equivalent.
        if one.equivalent(&other) && one.host_text().eq_ignore_ascii_case(other.host_text()) {
            prop_assert_eq!(one.canonical_aor(), other.canonical_aor());
        }
    }

    #[test]
    fn parts_of_a_uri_are_read_as_they_were_written(
        user in "[a-zA-Z0-9._!~*'()&=+$,;?/-]{1,12}",
        password in prop::option::of("[a-z0-9&=+$,]{0,6}"),
        host in "([a-z][a-z0-9]{0,5}\\.){0,2}[a-z][a-z0-9]{0,5}",
        port in prop::option::of(any::<u16>()),
        params in prop::collection::vec(("[a-z]{1,4}", prop::option::of("[a-z0-9:/\\[\\]]{1,5}")), 0..4),
    ) {
        let mut text = format!("sip:{user}");
        if let Some(password) = &password {
            text += &format!(":{password}");
        }
        text += &format!("@{host}");
        if let Some(port) = port {
            text += &format!(":{port}");
        }
        for (name, value) in &params {
            text += &format!(";{name}");
            if let Some(value) = value {
                text += &format!("={value}");
            }
        }
        let uri = parse(&text);
        prop_assert_eq!(uri.user(), Some(user.as_bytes()));
        prop_assert_eq!(uri.password(), password.as_ref().map(String::as_bytes));
        prop_assert_eq!(uri.host(), Host::Name(host.as_bytes()));
        prop_assert_eq!(uri.port(), port);
        let read: Vec<_> = uri.params().collect();
        let written: Vec<_> = params
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_ref().map(String::as_bytes)))
            .collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
        for scheme in [&b""[..], b"sip:", b"sips:", b"tel:", b"x:", b"sip:a@", b"sip:h;", b"sip:h?"] {
            let text = [scheme, &bytes].concat();
            if let Ok(uri) = Uri::parse(&text) {
                let _ = (uri.user_decoded(), uri.canonical_aor(), uri.params().count());
                prop_assert!(uri.equivalent(&uri));
            }
        }
    }
}
