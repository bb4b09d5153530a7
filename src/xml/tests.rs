use proptest::prelude::*;

use super::*;

fn cause(text: &str) -> Option<Cause> {
    read(text.as_bytes(), &Limits::default()).err().map(|error| error.cause)
}

#[test]
fn a_document_type_is_refused_wherever_it_stands() {
    for text in [
        "<!DOCTYPE a><a/>",
        "<?xml version='1.0'?>\n<!-- x --><!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        "<a><!ENTITY b SYSTEM \"file:///etc/passwd\"></a>",
    ] {
        assert_eq!(cause(text), Some(Cause::Doctype), "{text}");
    }
    assert_eq!(cause("<a b='<!DOCTYPE'/>").map(|cause| cause == Cause::Doctype), Some(false));
    assert_eq!(cause("<a><![CDATA[<!DOCTYPE a>]]><!-- <!DOCTYPE a> --></a>"), None);
}

#[test]
fn each_limit_holds_to_the_last_one_that_is_allowed() {
    let nested = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert_eq!(cause(&nested(32)), None);
    assert_eq!(cause(&nested(33)), Some(Cause::TooDeep(32)));
    let wide = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
    assert_eq!(cause(&wide(10_000)), None);
    assert_eq!(cause(&wide(10_001)), Some(Cause::TooManyElements(10_000)));
    let list = |count: usize, of: fn(usize) -> String| {
        format!("<a {}/>", (0..count).map(of).collect::<Vec<_>>().join(" "))
    };
    let attribute = |n| format!("a{n} = 'x > y'");
    assert_eq!(cause(&list(64, attribute)), None);
    assert_eq!(cause(&list(65, attribute)), Some(Cause::TooManyAttributes(64)));
    let namespace = |n| format!("xmlns:a{n}=\"urn:a\"");
    assert_eq!(cause(&list(16, namespace)), None);
    assert_eq!(cause(&list(17, namespace)), Some(Cause::TooManyNamespaces(16)));
    let long = format!("<a>{}</a>", "x".repeat(64 * 1024 - 7));
    assert_eq!(cause(&long), None);
    assert_eq!(cause(&format!("{long} ")), Some(Cause::TooLong(64 * 1024)));
}

#[test]
fn an_error_says_where_it_is() {
    let error = read("<a>\n  <b>é</c>\n</a>".as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!(error.position.line, 2);
    let error = read(b"<a>\n\xff</a>", &Limits::default()).unwrap_err();
    assert_eq!((error.position.line, error.cause), (2, Cause::NotUtf8));
    let error = read(b"<a>\n\n <!DOCTYPE a></a>", &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "line 3, column 2: a document type declaration is not accepted");
}

#[test]
fn a_start_tag_shows_its_attributes_as_they_are_written() {
    let mut seen = Vec::new();
    let text = "<p:a xmlns = 'u'\n xmlns:q=\"v>\" q:b='1&amp;\"'/><next>";
    let tag = StartTag::read(text, |attribute| seen.push(attribute)).unwrap();
    assert_eq!((tag.name, tag.empty), ("p:a", true));
    assert_eq!(&text[tag.end..], "<next>");
    let seen: Vec<_> = seen.iter().map(|a| (a.name, a.value, a.declares())).collect();
    assert_eq!(
        seen,
        [("xmlns", "u", Some("")), ("xmlns:q", "v>", Some("q")), ("q:b", "1&amp;\"", None)]
    );
}

proptest! {
    #[test]
    fn whatever_comes_in_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes, &Limits::default());
    }

    #[test]
    fn whatever_looks_like_xml_is_read_or_refused(
        text in "(<[/!?]?[a-z:]{0,3}( [a-z:]{1,6}=?[\"']?[a-z<>&;é]{0,4}[\"']?){0,3}/?>?[a-z é&;]{0,3}){0,12}"
    ) {
        let _ = read(text.as_bytes(), &Limits::default());
    }
}
