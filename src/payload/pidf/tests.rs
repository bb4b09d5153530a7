use std::sync::Arc;

use proptest::prelude::*;
use roxmltree::Node;

use super::*;
use crate::xml::Cause;

/// The example of RFC 4480 s4.
pub(crate) const RPID_EXAMPLE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
  <presence xmlns="urn:ietf:params:xml:ns:pidf"
    xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
    xmlns:lt="urn:ietf:params:xml:ns:location-type"
    xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"
    entity="pres:someone@example.com">
 <tuple id="bs35r9">
   <status>
     <basic>open</basic>
   </status>
   <dm:deviceID>urn:device:0003ba4811e3</dm:deviceID>
   <rpid:relationship><rpid:self/></rpid:relationship>
   <rpid:service-class><rpid:electronic/></rpid:service-class>
   <contact priority="0.8">im:someone@mobile.example.net</contact>
   <note xml:lang="en">Don't Disturb Please!</note>
   <note xml:lang="fr">Ne derangez pas, s'il vous plait</note>
   <timestamp>2005-10-27T16:49:29Z</timestamp>
 </tuple>
 <tuple id="eg92n8">
   <status>
     <basic>open</basic>
   </status>
   <dm:deviceID>urn:x-mac:0003ba4811e3</dm:deviceID>
   <rpid:class>email</rpid:class>
   <rpid:service-class><rpid:electronic/></rpid:service-class>
   <rpid:status-icon>http://example.com/mail.png</rpid:status-icon>
   <contact priority="1.0">mailto:someone@example.com</contact>
 </tuple>
 <note>I'll be in Tokyo next week</note>
 <dm:device id="pc147">
   <rpid:user-input idle-threshold="600"
     last-input="2004-10-21T13:20:00-05:00">idle</rpid:user-input>
   <dm:deviceID>urn:device:0003ba4811e3</dm:deviceID>
   <dm:note>PC</dm:note>
 </dm:device>
 <dm:person id="p1">
   <rpid:activities from="2005-05-30T12:00:00+05:00"
      until="2005-05-30T17:00:00+05:00">
      <rpid:note>Far away</rpid:note>
      <rpid:away/>
   </rpid:activities>
   <rpid:class>calendar</rpid:class>
   <rpid:mood>
     <rpid:angry/>
     <rpid:other>brooding</rpid:other>
   </rpid:mood>
   <rpid:place-is>
      <rpid:audio>
         <rpid:noisy/>
      </rpid:audio>
   </rpid:place-is>
   <rpid:place-type><lt:residence/></rpid:place-type>
   <rpid:privacy><rpid:unknown/></rpid:privacy>
   <rpid:sphere>bowling league</rpid:sphere>
   <rpid:status-icon>http://example.com/play.gif</rpid:status-icon>
   <rpid:time-offset>-240</rpid:time-offset>
   <dm:note>Scoring 120</dm:note>
   <dm:timestamp>2005-05-30T16:09:44+05:00</dm:timestamp>
 </dm:person>
</presence>
"#;

/// All that a document has, under its own ids.
pub(crate) fn verbatim(document: Document) -> Composed {
    let mut composed = Composed::new(document.entity());
    let ids: Vec<Box<str>> = document.components().iter().map(|c| c.id.clone()).collect();
    let source = composed.source(Arc::new(document));
    for (number, id) in (0..).zip(ids) {
        composed.add(source, number, id);
    }
    composed
}

fn write_all(composed: &Composed) -> String {
    let elements = composed.elements().iter().map(|element| (element, &*element.id));
    String::from_utf8(write(composed, elements, true, |part| Some(part.text))).unwrap()
}

/// What an element says: its name, attributes and content, without white space between elements.
fn meaning(node: Node<'_, '_>) -> String {
    let tag = node.tag_name();
    let mut attributes: Vec<String> = node
        .attributes()
        .map(|a| format!("{{{}}}{}={:?}", a.namespace().unwrap_or_default(), a.name(), a.value()))
        .collect();
    attributes.sort();
    let children: String = node
        .children()
        .map(|child| match child.text() {
            Some(text) if child.is_text() && !text.trim().is_empty() => format!("{text:?}"),
            _ if child.is_element() => meaning(child),
            _ => String::new(),
        })
        .collect();
    let namespace = tag.namespace().unwrap_or_default();
    let attributes = attributes.iter().map(|attribute| format!(" {attribute}"));
    format!("<{{{namespace}}}{}{}>{children}</>", tag.name(), attributes.collect::<String>())
}

fn meaning_of(text: &str) -> Vec<String> {
    let xml = roxmltree::Document::parse(text).unwrap();
    xml.root_element().children().filter(Node::is_element).map(meaning).collect()
}

fn fails(body: &str) -> ReadError {
    let text = format!(
        "<presence xmlns='{PIDF}' xmlns:dm='{DATA_MODEL}' entity='sip:a@b'>{body}</presence>"
    );
    read(text.as_bytes()).unwrap_err()
}

// RFC 3863 s4.1, RFC 4479 s5, RFC 4480 s3: nothing of it is lost
#[test]
fn a_rich_document_means_the_same_after_it_was_cut_and_written() {
    let document = read(RPID_EXAMPLE.as_bytes()).unwrap();
    assert_eq!(document.entity(), "pres:someone@example.com");
    assert_eq!(document.spheres(), [Box::from("bowling league")]);
    let summary = document.summary();
    assert!(summary.open);
    assert_eq!(summary.activities, ["away"]);
    assert_eq!(summary.tuples[1].contact.as_deref(), Some("mailto:someone@example.com"));
    assert_eq!(document.components()[0].priority, 800);
    assert_eq!(meaning_of(&write_all(&verbatim(document))), meaning_of(RPID_EXAMPLE));
}

// RFC 3863 s4.2.2, s4.3.2, s4.3.3: prefixes are the publisher's choice; extensions stay
#[test]
fn namespaces_that_a_part_takes_from_around_it_go_with_it() {
    let text = r#"<impp:presence xmlns:impp="urn:ietf:params:xml:ns:pidf"
         xmlns:myex="http://id.mycompany.com/presence/?a=1&amp;b" xmlns:dm="urn:other"
         xmlns:un="urn:unused" entity="pres:someone@example.com" xml:lang="pt">
      <impp:tuple id="tj25ds" myex:own="1">
        <impp:status myex:s="2"><impp:basic>open</impp:basic>
          <myex:im impp:mustUnderstand="1">busy</myex:im></impp:status>
        <myex:complexExtension>
          <myex:ex1 impp:mustUnderstand="1">val1</myex:ex1>
          <plain xmlns:q="urn:q" q:type="dm:name"/>
          <myex:ex2 xmlns:myex="urn:inner">val2</myex:ex2>
        </myex:complexExtension>
        <dm:thing xmlns:dm="urn:third"><dm:a/></dm:thing>
        <dm:thing/>
        <impp:contact priority="0.725">tel:+09012345678</impp:contact>
        <impp:note>ol&#225;</impp:note>
      </impp:tuple>
      <p:person xmlns:p="urn:ietf:params:xml:ns:pidf:data-model" id="p"
         xmlns="urn:ietf:params:xml:ns:cipid"><card>c</card><e xmlns=""><f/></e></p:person>
      <myex:mytag>My extended presentity information</myex:mytag>
    </impp:presence>"#;
    let written = write_all(&verbatim(read(text.as_bytes()).unwrap()));
    assert!(!written.contains("urn:unused"), "{written}");
    let language = "{http://www.w3.org/XML/1998/namespace}lang=\"pt\"";
    let (before, mut after) = (meaning_of(text), meaning_of(&written));
    for element in &mut after {
        // The language of the root stands with each part now.
        *element = element.replace(&format!(" {language}"), "");
    }
    assert_eq!(after, before);
    let note = written.split('<').find(|tag| tag.starts_with("impp:note")).unwrap();
    assert!(note.contains("xml:lang=\"pt\""), "{note}");
    assert!(written.contains("mustUnderstand=\"1\""));
}

// RFC 3863 s4.1.1, s4.1.2, s4.1.3
#[test]
fn what_a_document_must_have_is_asked_for() {
    let tuple = "<tuple id='a'><status><basic>open</basic></status></tuple>";
    assert!(matches!(fails("<tuple><status/></tuple>"), ReadError::NoId { element: "tuple", .. }));
    assert!(matches!(fails("<dm:person/>"), ReadError::NoId { element: "person", .. }));
    assert!(matches!(fails("<tuple id='a'/>"), ReadError::NoStatus(_)));
    assert!(matches!(
        fails(&format!("{tuple}\n{tuple}")),
        ReadError::SameId { element: "tuple", position, .. } if position.line == 2
    ));
    assert!(matches!(
        fails("<dm:device id='x'/><dm:device id='x'/>"),
        ReadError::SameId { element: "device", .. }
    ));
    let text = format!("<presence xmlns='{PIDF}'>{tuple}</presence>");
    assert_eq!(read(text.as_bytes()), Err(ReadError::NoEntity));
    for other in ["<presence entity='a:b'/>", "<a/>"] {
        assert!(read(other.as_bytes()).unwrap_err().is_other_type());
    }
    assert!(!read(b"").unwrap_err().is_other_type());
    // The same id for a tuple and a person is nobody's trouble: theirs are told apart.
    let text = format!(
        "<presence xmlns='{PIDF}' xmlns:dm='{DATA_MODEL}' entity='a:b'>{tuple}<dm:person id='a'/></presence>"
    );
    assert!(read(text.as_bytes()).is_ok());
}

// security: XML and the counts of a document
#[test]
fn a_document_has_its_limits() {
    let text = format!("<!DOCTYPE presence><presence xmlns='{PIDF}' entity='sip:a@b'/>");
    assert!(
        matches!(read(text.as_bytes()), Err(ReadError::Xml(error)) if error.cause == Cause::Doctype)
    );
    assert_eq!(fails(&"<note>x</note>".repeat(257)), ReadError::TooMany);
    let long = "u".repeat(1_025);
    assert!(matches!(
        fails(&format!("<tuple id='{long}'><status/></tuple>")),
        ReadError::LongValue { element: "tuple", .. }
    ));
    assert!(matches!(
        fails(&format!("<tuple id='a'><status/><contact>{long}</contact></tuple>")),
        ReadError::LongValue { element: "contact", .. }
    ));
    // A long namespace that many small elements use.
    let long = "u".repeat(20_000);
    let many = "<x:a/>".repeat(1_000);
    assert_eq!(
        fails(&format!("<dm:person id='a' xmlns:x='urn:{long}'>{many}</dm:person>")),
        ReadError::LongNamespaces
    );
    let many: String = (0..200).map(|n| format!("<dm:person id='{n}' x:a=''/>")).collect();
    let text = format!(
        "<presence xmlns='{PIDF}' xmlns:dm='{DATA_MODEL}' xmlns:x='urn:{long}' entity='a:b'>{many}</presence>"
    );
    assert_eq!(read(text.as_bytes()), Err(ReadError::LongNamespaces));
}

// RFC 3863 s4.1.1; decision 18d: user@domain is who it is
#[test]
fn a_document_is_of_the_person_whom_its_entity_names() {
    let of = |entity: &str| {
        let text = format!("<presence xmlns='{PIDF}' entity='{entity}'/>");
        read(text.as_bytes()).unwrap().is_of("ana", &["campus.example", "alias.example"])
    };
    for entity in [
        "pres:ana@campus.example",
        "sip:ana@campus.example",
        "SIPS:Ana@Campus.Example:5061",
        "sip:ana@alias.example;transport=tcp",
        "im:ana@campus.example",
        " pres:%61na@campus.example ",
    ] {
        assert!(of(entity), "{entity}");
    }
    for entity in [
        "pres:bob@campus.example",
        "pres:ana@other.example",
        "ana@campus.example",
        "tel:ana",
        "mailto:ana@campus.example",
        "sip:campus.example",
        "x",
        "sip:",
        "pres:@campus.example",
    ] {
        assert!(!of(entity), "{entity}");
    }
}

// RFC 3863 s4.1.5
#[test]
fn a_priority_out_of_range_is_none() {
    for (text, thousandths) in [
        ("0", 0),
        ("0.021", 21),
        ("0.5", 500),
        ("1.00", 1_000),
        ("1", 1_000),
        (".5", 500),
        ("1.001", 0),
        ("2", 0),
        ("-1", 0),
        ("0.1234", 0),
        ("x", 0),
        ("", 0),
        ("0.+1", 0),
    ] {
        let text = format!(
            "<presence xmlns='{PIDF}' entity='a:b'><tuple id='a'><status/>\
             <contact priority='{text}'>sip:a@b</contact></tuple></presence>"
        );
        let document = read(text.as_bytes()).unwrap();
        assert_eq!(document.components()[0].priority, thousandths, "{text}");
    }
}

// RFC 5025 s3.2.1
#[test]
fn the_document_of_nobody_there_is_one_closed_service() {
    let text = String::from_utf8(closed("sip:a&b@campus.example")).unwrap();
    let document = read(text.as_bytes()).unwrap();
    assert_eq!(document.entity(), "sip:a&b@campus.example");
    assert_eq!(document.components().len(), 1);
    assert_eq!(document.components()[0].open, Some(false));
    assert_eq!(document.components()[0].uri, None);
}

#[test]
fn what_our_client_publishes_is_read_as_it_was_meant() {
    let announcement = Announcement {
        entity: "sip:ana@campus.example",
        id: "a1",
        open: true,
        contact: Some("sip:ana@192.0.2.1;transport=tcp"),
        activity: Some("on-the-phone"),
        note: Some("<back> at 5 & \"later\""),
        at: Some(crate::clock::WallTime::from_unix_secs(1_000_000_000)),
    };
    let summary = read(announcement.write().unwrap().as_bytes()).unwrap().summary();
    assert!(summary.open);
    assert_eq!(summary.activities, ["on-the-phone"]);
    assert_eq!(summary.notes, ["<back> at 5 & \"later\""]);
    assert_eq!(summary.tuples[0].contact.as_deref(), Some("sip:ana@192.0.2.1;transport=tcp"));
    let unknown = Announcement { activity: Some("gone/><evil"), ..announcement };
    assert!(unknown.write().is_err());
}

/// Documents as strangers write them: elements of several namespaces within each other.
pub(crate) fn any_document() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("basic"),
        Just("dm:note"),
        Just("rpid:mood"),
        Just("rpid:activities"),
        Just("x:a"),
        Just("rpid:user-input"),
        Just("y:b"),
        Just("note"),
        Just("rpid:class"),
        Just("dm:deviceID"),
        Just("timestamp"),
        Just("contact"),
        Just("rpid:sphere"),
    ];
    let attributes = prop_oneof![
        Just(""),
        Just(" xmlns:y='urn:y2'"),
        Just(" x:c='1'"),
        Just(" xmlns='urn:z'"),
        Just(" idle-threshold='5' last-input='x'"),
        Just(" xml:lang='de'"),
        Just(" xmlns=''"),
    ];
    let leaf = (name.clone(), attributes.clone(), "[a-zé ]{0,6}")
        .prop_map(|(name, attributes, text)| format!("<{name}{attributes}>{text}</{name}>"));
    let inner = leaf.prop_recursive(3, 24, 4, move |inner| {
        (name.clone(), attributes.clone(), prop::collection::vec(inner, 0..4)).prop_map(
            |(name, attributes, children)| {
                format!("<{name}{attributes}>{}</{name}>", children.concat())
            },
        )
    });
    let component = (0..5_u8, prop::collection::vec(inner.clone(), 0..5), inner);
    prop::collection::vec(component, 0..6).prop_map(|components| {
        let mut body = String::new();
        for (number, (kind, children, status)) in components.into_iter().enumerate() {
            let children = children.concat();
            body.push_str(&match kind {
                0 | 1 => {
                    format!("<tuple id='i{number}'><status>{status}</status>{children}</tuple>")
                }
                2 => format!("<dm:person id='i{number}'>{children}</dm:person>"),
                3 => format!("<dm:device id='i{number}'>{children}</dm:device>"),
                _ => format!("<x:ext>{children}</x:ext>"),
            });
        }
        format!(
            "<presence xmlns='{PIDF}' xmlns:dm='{DATA_MODEL}' xmlns:rpid='{RPID}' xmlns:x='urn:x' \
             xmlns:y='urn:y' entity='sip:ana@campus.example'>{body}</presence>"
        )
    })
}

proptest! {
    #[test]
    fn whatever_was_read_is_written_so_that_it_means_the_same(text in any_document()) {
        let written = write_all(&verbatim(read(text.as_bytes()).unwrap()));
        prop_assert_eq!(meaning_of(&written), meaning_of(&text));
        prop_assert!(read(written.as_bytes()).is_ok());
    }

    #[test]
    fn no_bytes_are_too_strange_for_a_document(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    #[test]
    fn a_damaged_document_is_read_or_refused(
        at in 0..RPID_EXAMPLE.len(), bytes in "[<>/='\" a-z:]{0,4}", cut in 0..20usize,
    ) {
        let mut text = RPID_EXAMPLE.as_bytes().to_vec();
        let end = (at + cut).min(text.len());
        text.splice(at..end, bytes.bytes());
        if let Ok(document) = read(&text) {
            let again = write_all(&verbatim(document));
            prop_assert!(roxmltree::Document::parse(&again).is_ok(), "{}", again);
        }
    }
}
