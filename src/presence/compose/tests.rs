use proptest::prelude::*;
use roxmltree::Node;

use super::*;
use crate::payload::pidf::{self, DATA_MODEL, PIDF, RPID, Summary};
use crate::payload::pres_rules::{Permissions, Shape, transform};

const ANA: &str = "sip:ana@campus.example";

fn tag(text: &str) -> DeviceTag {
    DeviceTag::new(text).unwrap()
}

fn publication(device: &str, changed: u64, body: &str) -> Publication {
    let text = format!(
        "<presence xmlns='{PIDF}' xmlns:dm='{DATA_MODEL}' xmlns:rpid='{RPID}' xmlns:x='urn:{device}' \
         entity='pres:ana@campus.example'>{body}</presence>"
    );
    Publication {
        device: tag(device),
        document: Arc::new(pidf::read(text.as_bytes()).unwrap()),
        changed: WallTime::from_unix_secs(changed),
    }
}

fn tuple(id: &str, basic: &str) -> String {
    format!("<tuple id='{id}'><status><basic>{basic}</basic></status></tuple>")
}

fn person(id: &str, inner: &str) -> String {
    format!("<dm:person id='{id}'>{inner}</dm:person>")
}

fn activity(name: &str) -> String {
    format!("<rpid:activities><rpid:{name}/></rpid:activities>")
}

fn registered(device: &str) -> Registered {
    Registered { device: tag(device), q: 1_000 }
}

fn compose_all(
    publications: &[Publication],
    hard_state: Option<&Publication>,
    registered: &[Registered],
) -> String {
    let parts = Parts { entity: ANA, publications, hard_state, registered };
    write(&compose(&parts))
}

fn write(composed: &Composed) -> String {
    String::from_utf8(transform(composed, &Permissions::everything(), Shape::Rich)).unwrap()
}

fn summary(publications: &[Publication], registered: &[Registered]) -> Summary {
    compose(&Parts { entity: ANA, publications, hard_state: None, registered }).summary()
}

fn ids(text: &str) -> Vec<String> {
    let xml = roxmltree::Document::parse(text).unwrap();
    let children = xml.root_element().children();
    children.filter_map(|node| node.attribute("id").map(str::to_owned)).collect()
}

/// The children of the one person, by name, with their texts.
fn person_of(text: &str) -> Vec<(String, String)> {
    let xml = roxmltree::Document::parse(text).unwrap();
    let mut persons =
        xml.root_element().children().filter(|node| node.has_tag_name((DATA_MODEL, "person")));
    let person = persons.next().unwrap();
    assert!(persons.next().is_none(), "one person: {text}");
    person
        .children()
        .filter(Node::is_element)
        .map(|node| {
            let inner = node.descendants().rfind(Node::is_element).unwrap();
            let said = node.text().map_or_else(|| inner.tag_name().name(), str::trim);
            (node.tag_name().name().to_owned(), said.to_owned())
        })
        .collect()
}

fn pairs(list: &[(String, String)]) -> Vec<(&str, &str)> {
    list.iter().map(|(name, said)| (name.as_str(), said.as_str())).collect()
}

// RFC 3856 s6.9, RFC 3863 s4.1.2: ids are unique in the composed document and stay the same
#[test]
fn tuples_of_several_devices_have_ids_of_their_own() {
    let phone = publication("phone", 1, &(tuple("a", "open") + &tuple("b", "closed")));
    let laptop = publication("laptop", 2, &tuple("a", "closed"));
    let text = compose_all(&[phone.clone(), laptop.clone()], None, &[]);
    assert_eq!(ids(&text), ["tlaptop-a", "tphone-a", "tphone-b"]);
    // Republished, and in another order.
    let phone = Publication { changed: WallTime::from_unix_secs(9), ..phone };
    assert_eq!(compose_all(&[laptop, phone], None, &[]), text);
}

#[test]
fn an_id_that_is_no_name_is_replaced_by_one_that_stays() {
    let strange = format!("{} &lt;:&#233;", "x".repeat(70));
    let text =
        |changed| compose_all(&[publication("p", changed, &tuple(&strange, "open"))], None, &[]);
    let (first, again) = (ids(&text(1)), ids(&text(2)));
    assert_eq!(first, again);
    assert!(
        first[0].len() < 30 && first[0].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    );
}

// Decision 18e, RFC 4479 s3.4
#[test]
fn the_newest_state_set_by_hand_is_the_persons() {
    let of = |device, changed, name: &str, note: &str| {
        let inner = activity(name) + &format!("<dm:note>{note}</dm:note>");
        publication(device, changed, &person("p", &inner))
    };
    let (older, newer) = (of("a", 10, "busy", "exam"), of("b", 20, "away", "lunch"));
    let text = compose_all(&[older.clone(), newer.clone()], None, &[]);
    assert_eq!(pairs(&person_of(&text)), [("activities", "away"), ("note", "lunch")]);
    // One without activities says nothing by hand, however new it is.
    let idle = publication("c", 30, &(tuple("t", "open") + &person("p", "<dm:note>n</dm:note>")));
    let text = compose_all(&[older.clone(), newer, idle.clone()], None, &[]);
    assert_eq!(pairs(&person_of(&text)), [("activities", "away"), ("note", "lunch")]);
    // What is kept while nobody is there counts as well.
    let hard = of("x", 40, "vacation", "back in May");
    let text = compose_all(&[older.clone(), idle.clone()], Some(&hard), &[]);
    assert_eq!(pairs(&person_of(&text)), [("activities", "vacation"), ("note", "back in May")]);
    let hard = publication("x", 5, &person("p", "<dm:note>kept</dm:note>"));
    let text = compose_all(&[older], Some(&hard), &[]);
    assert_eq!(pairs(&person_of(&text))[0], ("activities", "busy"));
    let text = compose_all(&[idle], Some(&hard), &[]);
    assert_eq!(pairs(&person_of(&text)), [("note", "kept")]);
}

// Decision 18e: else the most available
#[test]
fn without_anything_by_hand_the_most_available_device_speaks() {
    let of = |device, changed, basic: &str, note: &str| {
        let person = person("p", &format!("<dm:note>{note}</dm:note>"));
        publication(device, changed, &(tuple("t", basic) + &person))
    };
    let (open, closed) = (of("a", 1, "open", "here"), of("b", 2, "closed", "gone"));
    let text = compose_all(&[open.clone(), closed], None, &[]);
    assert_eq!(pairs(&person_of(&text)), [("note", "here")]);
    let newer = of("c", 3, "open", "also here");
    let text = compose_all(&[open, newer], None, &[]);
    assert_eq!(pairs(&person_of(&text)), [("note", "also here")]);
}

// RFC 4479 s3.4, s5.1.2; RFC 4480 s3.14
#[test]
fn a_person_is_filled_in_from_all_devices_in_the_order_of_the_schema() {
    let phone = publication(
        "phone",
        20,
        &person(
            "p",
            &(activity("busy")
                + "<rpid:user-input>idle</rpid:user-input><dm:note>n</dm:note>\
                   <dm:timestamp>2026-01-01T00:00:00Z</dm:timestamp>"),
        ),
    );
    let laptop = publication(
        "laptop",
        10,
        &person(
            "q",
            "<rpid:mood><rpid:sad/></rpid:mood><rpid:place-type><x:lab/></rpid:place-type>\
             <rpid:user-input>active</rpid:user-input><x:own>1</x:own><dm:note>other</dm:note>\
             <dm:timestamp>2025-01-01T00:00:00Z</dm:timestamp>",
        ),
    );
    let text = compose_all(&[phone, laptop], None, &[]);
    assert_eq!(
        pairs(&person_of(&text)),
        [
            ("activities", "busy"),
            ("place-type", "lab"),
            ("user-input", "active"),
            ("own", "1"),
            ("note", "n"),
            ("timestamp", "2026-01-01T00:00:00Z"),
        ]
    );
    assert!(text.contains("<x:own xmlns:x=\"urn:laptop\">"), "{text}");
}

// RFC 5025 s3.3.1.2: what comes from a person that a watcher may not see stays hidden
#[test]
fn what_was_filled_in_is_seen_by_those_who_see_where_it_comes_from() {
    let phone = publication("phone", 20, &person("p", &activity("busy")));
    let laptop = publication(
        "laptop",
        10,
        &person("q", "<rpid:class>home</rpid:class><rpid:place-type><x:lab/></rpid:place-type>"),
    );
    let parts =
        Parts { entity: ANA, publications: &[phone, laptop], hard_state: None, registered: &[] };
    let composed = compose(&parts);
    let seen = |selector: &str| {
        let rules = format!(
            "<ruleset xmlns='{}' xmlns:p='{}'><rule id='a'><transformations><p:provide-persons>\
             {selector}</p:provide-persons><p:provide-all-attributes/></transformations></rule></ruleset>",
            crate::payload::pres_rules::COMMON_POLICY,
            crate::payload::pres_rules::PRES_RULES,
        );
        let ruleset = Arc::new(crate::payload::pres_rules::read(rules.as_bytes()).unwrap());
        let watcher = super::super::policy::Watcher { user: "bob", domains: &["campus.example"] };
        let circumstances = super::super::policy::Circumstances {
            now: WallTime::default(),
            sphere: None,
            lists: &super::super::policy::NoLists,
        };
        let request = crate::payload::pres_rules::Request::new(Some(&watcher), &circumstances);
        let mut grant = crate::payload::pres_rules::Grant::default();
        ruleset.grant(&request, &mut grant);
        String::from_utf8(transform(&composed, &grant.permissions, Shape::Rich)).unwrap()
    };
    let first = seen("<p:occurrence-id>p</p:occurrence-id>");
    assert!(first.contains("busy") && !first.contains("lab"), "{first}");
    let all = seen("<p:all-persons/>");
    assert!(all.contains("busy") && all.contains("lab"), "{all}");
    assert!(!seen("<p:class>home</p:class>").contains("busy"));
}

// RFC 3856 s7.2
#[test]
fn a_registered_device_that_publishes_nothing_is_open() {
    let published = publication("phone", 1, &tuple("a", "closed"));
    let desk = Registered { device: tag("desk"), q: 500 };
    let text = compose_all(
        &[published],
        None,
        &[registered("phone"), desk, registered("tablet"), registered("tablet")],
    );
    assert_eq!(ids(&text), ["tphone-a", "tdesk", "ttablet"]);
    assert!(text.contains("<contact priority=\"0.500\">sip:ana@campus.example</contact>"));
    assert!(text.contains("<contact>sip:ana@campus.example</contact>"));
    let summary = summary(&[], &[registered("x")]);
    assert!(summary.open);
    assert_eq!(summary.tuples[0].contact.as_deref(), Some(ANA));
}

// RFC 3856 s7.2, RFC 4479 s3.3: a person is no service
#[test]
fn a_registered_device_that_publishes_only_its_person_is_open() {
    let busy = publication("phone", 1, &person("p", &activity("busy")));
    let text = compose_all(std::slice::from_ref(&busy), None, &[registered("phone")]);
    assert_eq!(ids(&text), ["tphone", "p0"]);
    let told = summary(&[busy], &[registered("phone")]);
    assert!(told.open, "{told:?}");
    assert_eq!(told.activities, ["busy"]);
}

// RFC 5025 s3.2.1: nobody there and politely blocked look the same
#[test]
fn nobody_there_is_the_document_of_a_polite_block() {
    let text = compose_all(&[], None, &[]);
    assert_eq!(text.into_bytes(), pidf::closed(ANA));
    let single = transform(
        &compose(&Parts { entity: ANA, publications: &[], hard_state: None, registered: &[] }),
        &Permissions::everything(),
        Shape::Single,
    );
    assert_eq!(single, pidf::closed(ANA));
    // Somebody who is away but left word: a closed service and the word.
    let hard = publication("x", 1, &person("p", &activity("vacation")));
    let text = compose_all(&[], Some(&hard), &[]);
    assert_eq!(ids(&text), ["t0", "p0"]);
    assert!(text.contains("<basic>closed</basic>"));
}

#[test]
fn of_a_device_that_published_twice_the_newest_counts() {
    let text = compose_all(
        &[publication("a", 2, &tuple("new", "open")), publication("a", 1, &tuple("old", "open"))],
        None,
        &[],
    );
    assert_eq!(ids(&text), ["ta-new"]);
}

// RFC 3863 s4.1.1: tuples, notes, extensions, in this order
#[test]
fn notes_and_extensions_of_all_devices_are_told_once() {
    let body = "<note>hello</note><ext xmlns='urn:e'>1</ext><dm:device id='d'>\
                <dm:deviceID>urn:1</dm:deviceID></dm:device>";
    let body = tuple("t", "open") + body;
    let text = compose_all(&[publication("a", 1, &body), publication("b", 2, &body)], None, &[]);
    let xml = roxmltree::Document::parse(&text).unwrap();
    let names: Vec<_> = xml
        .root_element()
        .children()
        .filter(Node::is_element)
        .map(|node| node.tag_name().name())
        .collect();
    assert_eq!(names, ["tuple", "tuple", "note", "device", "device", "ext"]);
    assert_eq!(ids(&text)[2..], ["da-d", "db-d"]);
}

#[test]
fn a_tag_is_short_and_plain() {
    assert_eq!(DeviceTag::new("a1B2").unwrap().as_str(), "a1B2");
    assert!(DeviceTag::new("0123456789abcdef").is_some());
    for text in ["", "0123456789abcdefg", "a-b", "a b", "\u{e9}"] {
        assert_eq!(DeviceTag::new(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_composed_can_be_read_and_has_unique_ids(
        first in pidf::tests::any_document(), second in pidf::tests::any_document(),
        hard in pidf::tests::any_document(), reverse in any::<bool>(), registers in any::<bool>(),
    ) {
        let of = |device: &str, text: &str| Publication {
            device: tag(device),
            document: Arc::new(pidf::read(text.as_bytes()).unwrap()),
            changed: WallTime::from_unix_secs(text.len() as u64),
        };
        let mut publications = vec![of("a", &first), of("b", &second)];
        let devices = if registers { vec![registered("c")] } else { vec![] };
        let hard = of("h", &hard);
        let text = compose_all(&publications, Some(&hard), &devices);
        let again = pidf::read(text.as_bytes()).unwrap();
        prop_assert_eq!(again.entity(), ANA);
        prop_assert!(!again.summary().tuples.is_empty());
        let mut unique = ids(&text);
        let count = unique.len();
        unique.sort();
        unique.dedup();
        prop_assert_eq!(unique.len(), count);
        if reverse {
            publications.reverse();
        }
        prop_assert_eq!(compose_all(&publications, Some(&hard), &devices), text);
    }
}
