use proptest::prelude::*;

use super::*;

/// The example of RFC 3858 s5.
const EXAMPLE: &str = r#"<?xml version="1.0"?>
<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo"
             version="0" state="full">
  <watcher-list resource="sip:professor@example.net" package="presence">
    <watcher status="active"
             id="8ajksjda7s"
             duration-subscribed="509"
             event="approved" >sip:userA@example.net</watcher>
    <watcher status="pending"
             id="hh8juja87s997-ass7"
             display-name="Mr. Subscriber"
             event="subscribe">sip:userB@example.org</watcher>
  </watcher-list>
</watcherinfo>"#;

// RFC 3858 s3, s5
#[test]
fn the_example_is_read_and_written_again() {
    let document = Document::read(EXAMPLE.as_bytes()).unwrap();
    assert_eq!((document.version, document.full), (0, true));
    let [list] = &document.lists[..] else { panic!("one list") };
    assert_eq!((&*list.resource, &*list.package), ("sip:professor@example.net", "presence"));
    assert_eq!(list.watchers[0].status, Status::Active);
    assert_eq!(list.watchers[0].event, Event::Approved);
    assert_eq!(list.watchers[0].duration_subscribed, Some(509));
    assert_eq!(list.watchers[1].display_name.as_deref(), Some("Mr. Subscriber"));
    assert_eq!(list.watchers[1].uri, "sip:userB@example.org");
    assert_eq!(Document::read(document.write().as_bytes()), Ok(document));
}

// RFC 3858 s3: both MUST be present, and those of a watcher
#[test]
fn a_document_without_a_mandatory_attribute_is_refused() {
    for (attribute, whole) in [
        ("version", "version=\"0\""),
        ("state", "state=\"full\""),
        ("resource", "resource=\"sip:professor@example.net\""),
        ("package", "package=\"presence\""),
        ("status", "status=\"active\""),
        ("id", "id=\"8ajksjda7s\""),
        ("event", "event=\"approved\""),
    ] {
        let text = EXAMPLE.replacen(whole, "", 1);
        let error = Document::read(text.as_bytes()).unwrap_err();
        assert!(
            matches!(error, WatcherinfoError::Attribute { attribute: of, .. } if of == attribute),
            "{attribute}: {error}"
        );
    }
    let text = EXAMPLE.replace("version=\"0\"", "version=\"4294967296\"");
    assert!(Document::read(text.as_bytes()).is_err());
}

// RFC 3858 s3: elements or attributes from unknown namespaces MUST be ignored
#[test]
fn what_is_of_other_namespaces_is_passed_over() {
    let text = EXAMPLE.replace(
        "<watcher status=\"active\"",
        "<x:watcher xmlns:x=\"urn:x\"><a/></x:watcher><watcher xmlns:x=\"urn:x\" x:id=\"no\" status=\"active\"",
    );
    assert_eq!(Document::read(text.as_bytes()), Document::read(EXAMPLE.as_bytes()));
}

// RFC 3858 s3: the id is a token
#[test]
fn an_id_that_is_no_token_is_written_as_one() {
    let mut document = Document::read(EXAMPLE.as_bytes()).unwrap();
    document.lists[0].watchers[0].id = "a b\"é".to_owned();
    let again = Document::read(document.write().as_bytes()).unwrap();
    assert_eq!(again.lists[0].watchers[0].id, "a.b...");
}

fn watcher() -> impl Strategy<Value = Watcher> {
    let status = prop::sample::select(STATUSES.map(|(status, _)| status).to_vec());
    let event = prop::sample::select(EVENTS.map(|(event, _)| event).to_vec());
    let (name, seconds) = (any::<Option<String>>(), any::<(Option<u64>, Option<u64>)>());
    ("[a-zA-Z0-9.~-]{1,12}", "[!-~]{1,30}", status, event, name, seconds).prop_map(
        |(id, uri, status, event, display_name, (expiration, duration_subscribed))| Watcher {
            id,
            uri,
            status,
            event,
            display_name,
            expiration,
            duration_subscribed,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        version in any::<u32>(), full in any::<bool>(),
        watchers in prop::collection::vec(watcher(), 0..5),
    ) {
        let resource = "sip:a&b@campus.example".to_owned();
        let list = List { resource, package: "presence".to_owned(), watchers };
        let mut document = Document { version, full, lists: vec![list] };
        let again = Document::read(document.write().as_bytes()).unwrap();
        for watcher in &mut document.lists[0].watchers {
            // XML has no place for control characters.
            if let Some(name) = &mut watcher.display_name {
                *name = name.replace(
                    |c: char| (c.is_ascii_control() && !"\t\n\r\x7f".contains(c)) || "\u{fffe}\u{ffff}".contains(c),
                    "\u{fffd}",
                );
            }
        }
        prop_assert_eq!(again, document);
    }

    #[test]
    fn no_bytes_are_too_strange_for_watchers(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::read(&bytes);
    }
}
