use super::*;

/// RFC 3261 s25.1: `quoted-string`, with `quoted-pair`.
#[test]
fn quoted_strings_end_at_the_first_quote_that_is_not_escaped() {
    assert_eq!(quoted_end(br#""a\"b" c"#), Some(6));
    assert_eq!(quoted_end(br#""\\" c"#), Some(4));
    assert_eq!(quoted_end(br#""a\""#), None);
    assert_eq!(quoted_end(b"\""), None);
    assert_eq!(&*unquote(br#""J Rosenberg \\\"""#), br#"J Rosenberg \""#);
    assert_eq!(&*unquote(b"plain"), b"plain");
}

/// RFC 3261 s7.3.1: commas part values, but not inside quotes or brackets.
#[test]
fn commas_in_quotes_and_brackets_part_nothing() {
    let parts: Vec<_> = commas(br#" "a, \"b" <sip:x,y@z> ;q=1 ,<sip:c>, d "#).collect();
    assert_eq!(parts, [&br#""a, \"b" <sip:x,y@z> ;q=1"#[..], b"<sip:c>", b"d"]);
    assert_eq!(commas(b"  ").count(), 0);
    assert_eq!(commas(b"a,,b").collect::<Vec<_>>(), [&b"a"[..], b"", b"b"]);
    assert_eq!(commas(b"\"open, <sip:a>").count(), 1);
}

#[test]
fn parameters_take_folds_flags_and_quotes() {
    let params: Result<Vec<_>, _> =
        Params::after_semicolon(b" ; a = 1;\r\n flag ;q=\"x;y\" ;received=2001:db8::1").collect();
    let params = params.unwrap();
    let pairs: Vec<_> = params.iter().map(|param| (param.name, param.value())).collect();
    assert_eq!(
        pairs,
        [
            (&b"a"[..], Some(&b"1"[..])),
            (b"flag", None),
            (b"q", Some(b"x;y")),
            (b"received", Some(b"2001:db8::1")),
        ]
    );
}

/// RFC 4475 s3.1.2.1.
#[test]
fn empty_parameters_are_refused() {
    for text in [&b";;"[..], b";", b"; =x", b";a=", b";a=\"open", b"a", b";a b", b";a=1,"] {
        assert!(Params::after_semicolon(text).any(|param| param.is_err()), "{text:?}");
    }
}

#[test]
fn numbers_saturate_or_fail_but_never_wrap() {
    assert_eq!(number(b"0068"), Some(68));
    assert_eq!(number(b"4294967295"), Some(u32::MAX));
    assert_eq!(number(b"4294967296"), None);
    assert_eq!(saturating_number(b"99999999999999999999"), Some(u32::MAX));
    for bad in [&b""[..], b"-1", b"+1", b"1 ", b"0x1", b"\xd9\xa1"] {
        assert_eq!(number(bad), None);
        assert_eq!(saturating_number(bad), None);
    }
}

/// RFC 3986 s2.4.
#[test]
fn percent_escapes_are_resolved_once() {
    assert_eq!(&*percent_decode(b"v%61lue%2541"), b"value%41");
    assert_eq!(&*percent_decode(b"%Z%4"), b"%Z%4");
    assert_eq!(&*percent_decode(b"%00"), b"\0");
}

#[test]
fn auth_params_are_found_beside_quoted_commas() {
    let credentials = br#"Digest username="a, realm=b", realm = "campus.example" ,nc=00000001"#;
    assert_eq!(auth_param(credentials, "REALM"), Some(&b"campus.example"[..]));
    assert_eq!(auth_param(credentials, "nc"), Some(&b"00000001"[..]));
    assert_eq!(auth_param(b"Digest", "realm"), None);
    assert_eq!(auth_param(b"Digest ,,,,", "realm"), None);
}

/// The quoted string that stands for a text (RFC 3261 s25.1).
fn quote(text: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    quoted
}

#[test]
fn numbers_are_written_in_decimal() {
    for number in [0, 7, 10, 65_535, u64::from(u32::MAX), u64::MAX] {
        let mut out = Vec::new();
        write_number(number, &mut out);
        assert_eq!(out, number.to_string().as_bytes());
    }
}

proptest::proptest! {
    /// RFC 3261 s25.1.
    #[test]
    fn quoted_texts_are_read_back(text: Vec<u8>, behind: Vec<u8>) {
        let quoted = quote(&text);
        proptest::prop_assert_eq!(&*unquote(&quoted), &text[..]);
        let longer = [&quoted[..], &behind].concat();
        proptest::prop_assert_eq!(quoted_end(&longer), Some(quoted.len()));
    }

    /// RFC 3261 s7.3.1.
    #[test]
    fn lists_are_parted_where_they_were_joined(
        elements in proptest::collection::vec("[a-z]{0,3}(\"([a-z,<>;]|\\\\[\"\\\\]){0,4}\")?(<[a-z,;\"]{0,4}>)?[a-z;=]{1,3}", 1..5),
    ) {
        let joined = elements.join(" ,\r\n ");
        let parts: Vec<_> = commas(joined.as_bytes()).collect();
        proptest::prop_assert_eq!(parts, elements.iter().map(String::as_bytes).collect::<Vec<_>>());
    }

    #[test]
    fn parameters_are_read_back(pairs in proptest::collection::vec(("[a-z.!%*_+`'~-]{1,4}", proptest::option::of((proptest::bool::ANY, "[a-z0-9:.\\[\\]]{1,4}"))), 0..5)) {
        let mut text = String::new();
        for (name, value) in &pairs {
            text += &format!("; {name}");
            match value {
                Some((true, value)) => text += &format!(" = \"{value},;\""),
                Some((false, value)) => text += &format!("={value}"),
                None => {}
            }
        }
        let read: Vec<_> = Params::after_semicolon(text.as_bytes())
            .map(|param| {
                let param = param.unwrap();
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                (text(param.name), param.value().map(text))
            })
            .collect();
        let written: Vec<_> = pairs
            .into_iter()
            .map(|(name, value)| (name, value.map(|(quoted, v)| if quoted { v + ",;" } else { v })))
            .collect();
        proptest::prop_assert_eq!(read, written);
    }

    #[test]
    fn percent_escaped_texts_are_read_back(text: Vec<u8>) {
        let escaped: String = text.iter().map(|byte| format!("%{byte:02x}")).collect();
        proptest::prop_assert_eq!(&*percent_decode(escaped.as_bytes()), &text[..]);
    }

    #[test]
    fn numbers_are_read_back(value: u32) {
        let text = value.to_string();
        proptest::prop_assert_eq!(number(text.as_bytes()), Some(value));
        proptest::prop_assert_eq!(saturating_number(text.as_bytes()), Some(value));
    }

    #[test]
    fn no_text_makes_a_helper_panic(text: Vec<u8>) {
        let _ = (trim(&text), number(&text), unquote(&text), percent_decode(&text));
        let _ = (commas(&text).count(), Params::after_semicolon(&text).count());
        let _ = auth_param(&text, "realm");
        let mut quoted = vec![b'"'];
        quoted.extend(&text);
        let _ = quoted_end(&quoted);
    }
}
