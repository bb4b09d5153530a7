use proptest::prelude::*;

use super::*;

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn match_each_other(a: &str, b: &str) -> bool {
    let (a, b) = (uri(a), uri(b));
    assert_eq!(a.matches(&b), b.matches(&a));
    a.matches(&b)
}

// RFC 4975 s6, s9
#[test]
fn the_example_uris_of_rfc_4975_are_read() {
    let example = uri("msrp://host.example.com:8493/asfd34;tcp");
    assert!(!example.is_secure());
    assert_eq!(example.host(), &Host::Name("host.example.com".into()));
    assert_eq!((example.port(), example.session_id()), (Some(8_493), Some("asfd34")));
    assert_eq!(example.transport(), "tcp");
    let relay = uri("msrps://alice@intra.example.com;tcp");
    assert_eq!((relay.user(), relay.port(), relay.session_id()), (Some("alice"), None, None));
    let full = uri("MSRPS://bob@[2001:db8::1]:2855/a/b+c=~;ws;x;y=1");
    assert_eq!(full.session_id(), Some("a/b+c=~"));
    assert_eq!(full.transport(), "ws");
    assert_eq!(full.to_string(), "MSRPS://bob@[2001:db8::1]:2855/a/b+c=~;ws;x;y=1");
}

// RFC 4975 s6, s9
#[test]
fn what_breaks_the_grammar_is_no_msrp_uri() {
    for (text, error) in [
        ("", UriError::Scheme),
        ("sip:a@b", UriError::Scheme),
        ("http://a:1/b;tcp", UriError::Scheme),
        ("msrp://a:1/b", UriError::Transport),
        ("msrp://a:1", UriError::Transport),
        ("msrp://a:1/b;", UriError::Transport),
        ("msrp://a:1/b;t_p", UriError::Transport),
        ("msrp://:1/b;tcp", UriError::Host),
        ("msrp://a b:1/b;tcp", UriError::Host),
        ("msrp://[::1/b;tcp", UriError::Host),
        ("msrp://[::1]x/b;tcp", UriError::Host),
        ("msrp://a%00:1/b;tcp", UriError::Host),
        ("msrp://a:0/b;tcp", UriError::Port),
        ("msrp://a:65536/b;tcp", UriError::Port),
        ("msrp://a:x/b;tcp", UriError::Port),
        ("msrp://a:/b;tcp", UriError::Port),
        ("msrp://192.0.2.1/b;tcp", UriError::Port),
        ("msrp://[::1]/b;tcp", UriError::Port),
        ("msrp://u:secret@a:1/b;tcp", UriError::User),
        ("msrp://@a:1/b;tcp", UriError::User),
        ("msrp://a:1/;tcp", UriError::Session),
        ("msrp://a:1/a\u{1}b;tcp", UriError::Session),
        ("msrp://a:1/b;tcp;", UriError::Parameter),
        ("msrp://a:1/b;tcp;a=", UriError::Parameter),
    ] {
        assert_eq!(Uri::parse(text), Err(error), "{text}");
    }
    let long = format!("msrp://a:1/{};tcp", "x".repeat(MOST_BYTES));
    assert_eq!(Uri::parse(&long), Err(UriError::TooLong));
}

// RFC 4975 s6.1
#[test]
fn uris_are_compared_by_scheme_authority_port_session_and_transport() {
    let base = "msrp://host.example.com:8493/asfd34;tcp";
    for same in [
        "MSRP://HOST.Example.com:8493/asfd34;TCP",
        "msrp://alice@host.example.com:8493/asfd34;tcp",
        "msrp://%68ost.example.com:8493/asfd34;tcp",
        "msrp://host.example.com:8493/asfd34;tcp;more=1",
    ] {
        assert!(match_each_other(base, same), "{same}");
    }
    for other in [
        "msrps://host.example.com:8493/asfd34;tcp",
        "msrp://host.example.org:8493/asfd34;tcp",
        "msrp://host.example.com:8494/asfd34;tcp",
        "msrp://host.example.com/asfd34;tcp",
        "msrp://host.example.com:8493/ASFD34;tcp",
        "msrp://host.example.com:8493;tcp",
        "msrp://host.example.com:8493/asfd34;ws",
    ] {
        assert!(!match_each_other(base, other), "{other}");
    }
    assert!(match_each_other("msrp://[2001:db8:0::1]:1/a;tcp", "msrp://[2001:DB8::1]:1/a;tcp"));
}

// Trap "ALG rewrites path but not To-Path"
#[test]
fn the_session_alone_can_be_compared() {
    let a = uri("msrp://host.example.com:8493/asfd34;tcp");
    assert!(a.same_session(&uri("msrps://10.0.0.1:9/asfd34;tcp")));
    assert!(!a.same_session(&uri("msrp://host.example.com:8493/Asfd34;tcp")));
    assert!(!uri("msrp://a:1;tcp").same_session(&uri("msrp://a:1;tcp")));
}

// RFC 4975 s14.1
#[test]
fn a_fresh_uri_has_80_random_bits_and_is_read_back() {
    for host in ["msrp://a.example:1/x;tcp", "msrp://[::1]:1/x;tcp", "msrp://192.0.2.1:1/x;tcp"] {
        let host = uri(host).host().clone();
        let fresh = Uri::fresh(Ids::default(), true, &host, 2_855, "tcp");
        assert_eq!(uri(fresh.as_str()), fresh);
        assert!(fresh.session_id().is_some_and(|id| id.len() * 5 >= 80));
        assert!(!fresh.matches(&Uri::fresh(Ids::default(), true, &host, 2_855, "tcp")));
    }
}

// RFC 4976 s5.1, its example of A to F
#[test]
fn paths_through_relays_are_put_together_as_rfc_4976_shows() {
    let one = |name: &str| format!("msrps://{name}.example:2855/{name};tcp");
    let path = |names: &str| {
        let list: Vec<String> = names.split(' ').map(one).collect();
        Path::parse(&list.join(" ")).unwrap()
    };
    let use_path = path("b c");
    assert_eq!(Path::offered(&use_path, &uri(&one("a"))), Ok(path("c b a")));
    let to = Path::through(&use_path, &path("d e f")).unwrap();
    assert_eq!(to, path("b c d e f"));
    assert_eq!((to.first(), to.last()), (&uri(&one("b")), &uri(&one("f"))));
}

#[test]
fn a_path_has_1_to_16_uris() {
    let one = "msrp://a:1/b;tcp";
    assert_eq!(Path::parse(" "), Err(UriError::Empty));
    assert_eq!(Path::parse(&[one; 16].join(" ")).map(|path| path.uris().len()), Ok(16));
    assert_eq!(Path::parse(&[one; 17].join(" ")), Err(UriError::TooLong));
    assert_eq!(Path::new((0..17).map(|_| uri(one))), Err(UriError::TooLong));
}

proptest! {
    #[test]
    fn reading_msrp_uris_never_panics_and_reads_back_what_it_read(
        text in "(msrps?|x)://([a-z@:%\\[\\]0-9.]{0,12})(/[a-zA-Z0-9+=/.~-]{0,8})?(;[a-z0-9=]{0,4}){0,3}",
        junk in ".{0,40}",
    ) {
        for text in [text, junk] {
            if let Ok(read) = Uri::parse(&text) {
                prop_assert_eq!(read.as_str(), &text);
                prop_assert!(read.matches(&read));
                prop_assert_eq!(Uri::parse(read.as_str()), Ok(read));
            }
        }
    }
}
