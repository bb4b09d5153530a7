//! What watchers see of a document.

use proptest::prelude::*;

use super::*;
use crate::payload::pidf::tests::{RPID_EXAMPLE, any_document, verbatim};
use crate::payload::pidf::{self, Composed};

fn permissions(transformations: &str) -> Permissions {
    let text = document(&format!(
        "<cr:rule id='a'><cr:transformations>{transformations}</cr:transformations></cr:rule>"
    ));
    ask(&rules(&text), None, None).unwrap().permissions
}

fn composed(text: &str) -> Composed {
    verbatim(pidf::read(text.as_bytes()).unwrap())
}

fn shape_of(text: &str, transformations: &str, shape: Shape) -> String {
    let out = transform(&composed(text), &permissions(transformations), shape);
    String::from_utf8(out).unwrap()
}

fn example(transformations: &str) -> String {
    shape_of(RPID_EXAMPLE, transformations, Shape::Rich)
}

const ALL: &str = "<provide-services><all-services/></provide-services>\
    <provide-persons><all-persons/></provide-persons>\
    <provide-devices><all-devices/></provide-devices>";

/// The names of elements in a document, those that are always there left out.
fn names(text: &str) -> Vec<String> {
    let xml = roxmltree::Document::parse(text).unwrap();
    let mut names: Vec<String> = xml
        .root_element()
        .children()
        .filter(roxmltree::Node::is_element)
        .flat_map(|component| component.descendants())
        .filter(roxmltree::Node::is_element)
        .map(|node| node.tag_name().name().to_owned())
        .filter(|name| {
            ![
                "tuple",
                "person",
                "device",
                "status",
                "basic",
                "contact",
                "timestamp",
                "service-class",
                "electronic",
            ]
            .contains(&name.as_str())
        })
        .collect();
    names.dedup();
    names
}

// RFC 5025 s3.3.2: what is always reported
#[test]
fn without_permissions_for_attributes_only_the_bare_components_are_seen() {
    let text = example(ALL);
    assert_eq!(names(&text), ["deviceID"], "the device's own: {text}");
    for always in [
        "<basic>open</basic>",
        "im:someone@mobile",
        "service-class",
        "2005-10-27",
        "2005-05-30T16:09",
    ] {
        assert!(text.contains(always), "{always}");
    }
    let nothing = example("");
    assert!(!nothing.contains("tuple") && nothing.contains("entity="), "{nothing}");
}

// RFC 5025 s3.3.2.1 to s3.3.2.13, each permission by itself
#[test]
fn each_attribute_has_its_permission() {
    for (permission, seen) in [
        ("activities", &["activities", "note", "away"][..]),
        ("class", &["class"]),
        ("deviceID", &["deviceID"]),
        ("mood", &["mood", "angry", "other"]),
        ("place-is", &["place-is", "audio", "noisy"]),
        ("place-type", &["place-type", "residence"]),
        ("privacy", &["privacy", "unknown"]),
        ("relationship", &["relationship", "self"]),
        ("sphere", &["sphere"]),
        ("status-icon", &["status-icon"]),
        ("time-offset", &["time-offset"]),
        ("note", &["note"]),
    ] {
        let given = |value: &str| {
            let text =
                example(&format!("{ALL}<provide-{permission}>{value}</provide-{permission}>"));
            let mut names = names(&text);
            // The device's own is always there.
            if permission != "deviceID" {
                names.retain(|name| name != "deviceID");
            }
            names.dedup();
            names
        };
        assert_eq!(given("true"), seen, "{permission}");
        let without: &[&str] = if permission == "deviceID" { &["deviceID"] } else { &[] };
        assert_eq!(given("false"), without, "{permission}");
    }
    let count = |text: String| text.matches("<dm:deviceID>").count();
    assert_eq!(count(example(ALL)), 1);
    assert_eq!(count(example(&format!("{ALL}<provide-deviceID>true</provide-deviceID>"))), 3);
}

// RFC 5025 s3.3.2.12; its `since` is `last-input` in RFC 4480 s3.14
#[test]
fn user_input_is_seen_as_far_as_it_is_granted() {
    let input = |value: &str| {
        let text = example(&format!("{ALL}<provide-user-input>{value}</provide-user-input>"));
        let start = text.find("<rpid:user-input")?;
        let end = text.find("</rpid:user-input")?;
        Some(text[start..end].split_ascii_whitespace().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(input("false"), None);
    assert_eq!(input("bare").as_deref(), Some("<rpid:user-input>idle"));
    assert_eq!(
        input("thresholds").as_deref(),
        Some("<rpid:user-input idle-threshold=\"600\">idle")
    );
    assert_eq!(
        input("full").as_deref(),
        Some(
            "<rpid:user-input idle-threshold=\"600\" last-input=\"2004-10-21T13:20:00-05:00\">idle"
        )
    );
}

// RFC 5025 s3.3.1.1, s3.3.1.2, s3.3.1.3
#[test]
fn components_are_seen_by_class_id_uri_or_scheme() {
    let seen = |permission: &str| {
        let text = example(permission);
        let xml = roxmltree::Document::parse(&text).unwrap();
        let children = xml.root_element().children();
        children.filter_map(|node| node.attribute("id").map(str::to_owned)).collect::<Vec<_>>()
    };
    let services = |text: &str| seen(&format!("<provide-services>{text}</provide-services>"));
    assert_eq!(services("<class>email</class>"), ["eg92n8"]);
    assert_eq!(services("<class>EMAIL</class>"), [""; 0]);
    assert_eq!(services("<occurrence-id>bs35r9</occurrence-id>"), ["bs35r9"]);
    assert_eq!(services("<service-uri>mailto:someone@example.com</service-uri>"), ["eg92n8"]);
    assert_eq!(services("<service-uri-scheme>im</service-uri-scheme>"), ["bs35r9"]);
    assert_eq!(
        services("<service-uri-scheme>im</service-uri-scheme><class>email</class>"),
        ["bs35r9", "eg92n8"]
    );
    assert_eq!(services("<all-services/>"), ["bs35r9", "eg92n8"]);
    let persons = |text: &str| seen(&format!("<provide-persons>{text}</provide-persons>"));
    assert_eq!(persons("<class>calendar</class>"), ["p1"]);
    assert_eq!(persons("<occurrence-id>p1</occurrence-id>"), ["p1"]);
    assert_eq!(persons("<class>other</class>"), [""; 0]);
    assert_eq!(persons("<all-persons/>"), ["p1"]);
    let devices = |text: &str| seen(&format!("<provide-devices>{text}</provide-devices>"));
    assert_eq!(devices("<deviceID>urn:device:0003ba4811e3</deviceID>"), ["pc147"]);
    assert_eq!(devices("<occurrence-id>pc147</occurrence-id>"), ["pc147"]);
    assert_eq!(devices("<class>x</class>"), [""; 0]);
    assert_eq!(devices("<all-devices/>"), ["pc147"]);
}

// RFC 5025 s3.3.1.3: URIs of SIP by their equivalence
#[test]
fn a_service_uri_is_compared_as_a_uri() {
    let text = RPID_EXAMPLE.replace("im:someone@mobile.example.net", "sip:a@B.example;x=1");
    let seen = shape_of(
        &text,
        "<provide-services><service-uri>sip:a@b.EXAMPLE;x=1</service-uri></provide-services>",
        Shape::Rich,
    );
    assert!(seen.contains("sip:a@B.example"), "{seen}");
}

// RFC 5025 s3.3.2.14, s3.3.2.15; extensions of a status are seen by the same names (RFC 4479 s3.7)
#[test]
fn unknown_attributes_are_seen_by_name_or_all() {
    let text = format!(
        "<presence xmlns='{}' xmlns:x='urn:x' xmlns:r='{}' entity='sip:a@b'><tuple id='a' x:own='1'>\
         <status><basic>open</basic><x:loc>here</x:loc></status><x:foo>1</x:foo><x:bar>2</x:bar>\
         <r:class>c</r:class></tuple><x:root>3</x:root></presence>",
        pidf::PIDF,
        pidf::RPID,
    );
    let seen = |permission: &str| shape_of(&text, &format!("{ALL}{permission}"), Shape::Rich);
    let unknown = |ns: &str, name: &str| {
        format!(
            "<provide-unknown-attribute ns='{ns}' name='{name}'>true</provide-unknown-attribute>"
        )
    };
    let none = seen("");
    assert!(!none.contains("x:"), "{none}");
    let foo = seen(&unknown("urn:x", "foo"));
    assert!(foo.contains("<x:foo xmlns:x=\"urn:x\">1</x:foo>"), "{foo}");
    for hidden in ["x:bar", "x:loc", "x:root", "x:own"] {
        assert!(!foo.contains(hidden), "{foo}");
    }
    assert!(seen(&unknown("urn:x", "loc")).contains("here"));
    assert!(!seen(&unknown("urn:y", "foo")).contains("x:foo"));
    assert!(!seen(&unknown("urn:x", "foo").replace(">true<", ">false<")).contains("x:foo"));
    // It does not stand in for a permission that there is.
    assert!(!seen(&unknown(pidf::RPID, "class")).contains("class"));
    let all = seen("<provide-all-attributes/>");
    for shown in ["x:foo", "x:bar", "x:loc", "x:root", "x:own", "r:class"] {
        assert!(all.contains(shown), "{shown}: {all}");
    }
    assert_eq!(permissions(&format!("{ALL}<provide-all-attributes/>")), Permissions::everything());
}

// OMA's presence rules
#[test]
fn what_oma_adds_has_its_own_permissions() {
    let text = format!(
        "<presence xmlns='{}' xmlns:op='{}' xmlns:gp='{}' entity='sip:a@b'><tuple id='a'><status>\
         <basic>open</basic><gp:geopriv/></status><op:willingness/><op:session-participation/>\
         <op:registration-state/><op:barring-state/><op:network-availability/>\
         <op:service-description><op:service-id>im</op:service-id></op:service-description>\
         </tuple></presence>",
        pidf::PIDF,
        pidf::OMA,
        pidf::GEOPRIV,
    );
    for (permission, value, seen) in [
        ("willingness", "true", "op:willingness"),
        ("session-participation", "true", "op:session-participation"),
        ("registration-state", "true", "op:registration-state"),
        ("barring-state", "1", "op:barring-state"),
        ("network-availability", "true", "op:network-availability"),
        ("geopriv", "full", "gp:geopriv"),
    ] {
        let given = format!("<op:provide-{permission}>{value}</op:provide-{permission}>");
        let out = shape_of(&text, &format!("{ALL}{given}"), Shape::Rich);
        assert!(out.contains(&format!("<{seen}")), "{permission}: {out}");
        assert_eq!(out.matches("<op:").count() + out.matches("<gp:").count(), 1, "{out}");
    }
    let by_service = |id: &str| {
        let given =
            format!("<provide-services><op:service-id>{id}</op:service-id></provide-services>");
        shape_of(&text, &given, Shape::Rich).contains("<tuple")
    };
    assert!(by_service("im"));
    assert!(!by_service("poc"));
}

// RFC 5025 s6: the example document
#[test]
fn the_example_of_the_rfc_shows_what_it_says() {
    let text = "<cr:ruleset xmlns=\"urn:ietf:params:xml:ns:pres-rules\" \
        xmlns:pr=\"urn:ietf:params:xml:ns:pres-rules\" xmlns:cr=\"urn:ietf:params:xml:ns:common-policy\">\
        <cr:rule id=\"a\"><cr:conditions><cr:identity><cr:one id=\"sip:user@example.com\"/></cr:identity>\
        </cr:conditions><cr:actions><pr:sub-handling>allow</pr:sub-handling></cr:actions>\
        <cr:transformations><pr:provide-services><pr:service-uri-scheme>sip</pr:service-uri-scheme>\
        <pr:service-uri-scheme>mailto</pr:service-uri-scheme></pr:provide-services>\
        <pr:provide-persons><pr:all-persons/></pr:provide-persons>\
        <pr:provide-activities>true</pr:provide-activities>\
        <pr:provide-user-input>bare</pr:provide-user-input>\
        <pr:provide-unknown-attribute ns=\"urn:vendor-specific:foo-namespace\" name=\"foo\">true\
        </pr:provide-unknown-attribute></cr:transformations></cr:rule></cr:ruleset>";
    let watcher = Watcher { user: "user", domains: &["example.com"] };
    let grant = ask(&rules(text), Some(&watcher), None).unwrap();
    assert_eq!(grant.handling, Handling::Allow);
    let out = transform(&composed(RPID_EXAMPLE), &grant.permissions, Shape::Rich);
    let out = String::from_utf8(out).unwrap();
    assert_eq!(names(&out), ["activities", "note", "away"]);
    assert_eq!(out.matches("<tuple").count(), 1);
    assert!(!out.contains("<dm:device"));
}

#[test]
fn a_single_shape_has_the_best_service_and_the_person() {
    let text = |first: &str, second: &str| {
        format!(
            "<presence xmlns='{}' xmlns:dm='{}' entity='sip:a@b'>\
             <tuple id='a'><status>{first}</status><contact priority='0.9'>sip:1</contact></tuple>\
             <tuple id='b'><status>{second}</status><contact>tel:2</contact></tuple>\
             <tuple id='c'><status>{second}</status><contact priority='0.2'>tel:3</contact></tuple>\
             <dm:person id='p'><dm:note>n</dm:note></dm:person><dm:device id='d'/></presence>",
            pidf::PIDF,
            pidf::DATA_MODEL,
        )
    };
    let (open, closed) = ("<basic>open</basic>", "<basic>closed</basic>");
    let everything = format!("{ALL}<provide-all-attributes/>");
    let single = |text: &str, given: &str| shape_of(text, given, Shape::Single);
    let one = single(&text(open, open), &everything);
    assert!(
        one.contains("id=\"t0\"") && one.contains("sip:1") && one.contains("<dm:note>n"),
        "{one}"
    );
    assert!(!one.contains("tel:") && !one.contains("<dm:device"), "{one}");
    assert!(single(&text(closed, open), &everything).contains("tel:3"), "open before priority");
    // Of those that he may see.
    let tel = "<provide-services><service-uri-scheme>tel</service-uri-scheme></provide-services>";
    let one = single(&text(open, closed), tel);
    assert!(one.contains("tel:3") && !one.contains("sip:1"), "{one}");
}

fn any_permissions() -> impl Strategy<Value = Permissions> {
    let some = prop::sample::select(vec![
        "<provide-services><all-services/></provide-services>",
        "<provide-services><occurrence-id>i0</occurrence-id></provide-services>",
        "<provide-persons><all-persons/></provide-persons>",
        "<provide-devices><all-devices/></provide-devices>",
        "<provide-devices><occurrence-id>i2</occurrence-id></provide-devices>",
        "<provide-activities>true</provide-activities>",
        "<provide-mood>true</provide-mood>",
        "<provide-note>true</provide-note>",
        "<provide-user-input>bare</provide-user-input>",
        "<provide-user-input>thresholds</provide-user-input>",
        "<provide-user-input>full</provide-user-input>",
        "<provide-unknown-attribute ns='urn:x' name='a'>true</provide-unknown-attribute>",
        "<provide-all-attributes/>",
    ]);
    prop::collection::vec(some, 0..8).prop_map(|given| permissions(&given.concat()))
}

/// Every element and attribute of a document with the way to it, as often as it is there.
fn facts(bytes: &[u8]) -> std::collections::BTreeMap<String, usize> {
    let text = std::str::from_utf8(bytes).unwrap();
    let xml = roxmltree::Document::parse(text).unwrap();
    let mut facts = std::collections::BTreeMap::new();
    for node in xml.descendants() {
        let way: Vec<String> = node
            .ancestors()
            .map(|node| format!("{:?}{:?}", node.tag_name(), node.attribute("id")))
            .collect();
        let way = way.join("/");
        if let Some(text) = node.text().filter(|text| node.is_text() && !text.trim().is_empty()) {
            *facts.entry(format!("{way} {text:?}")).or_insert(0) += 1;
        }
        *facts.entry(way.clone()).or_insert(0) += 1;
        for attribute in node.attributes() {
            *facts.entry(format!("{way} {attribute:?}")).or_insert(0) += 1;
        }
    }
    facts
}

fn is_within(less: &[u8], more: &[u8]) -> bool {
    let more = facts(more);
    facts(less).iter().all(|(fact, count)| more.get(fact).is_some_and(|there| there >= count))
}

proptest! {
    // RFC 5025 s3.3, s4: filtering only takes away, and greater permissions show no less
    #[test]
    fn a_transformation_never_adds(
        text in any_document(), one in any_permissions(), other in any_permissions(),
    ) {
        let composed = composed(&text);
        let seen = transform(&composed, &one, Shape::Rich);
        let whole = transform(&composed, &Permissions::everything(), Shape::Rich);
        prop_assert!(is_within(&seen, &whole));
        let mut both = one.clone();
        both.add(&other);
        let more = transform(&composed, &both, Shape::Rich);
        prop_assert!(is_within(&seen, &more));
    }

    // RFC 5025 s4: F(F(D)) = F(D); rules by class are left out, they can hide what they go by
    #[test]
    fn a_transformation_of_its_own_result_changes_nothing(
        text in any_document(), given in any_permissions(),
    ) {
        let once = transform(&composed(&text), &given, Shape::Rich);
        let again = composed(std::str::from_utf8(&once).unwrap());
        let twice = transform(&again, &given, Shape::Rich);
        prop_assert_eq!(String::from_utf8(twice).unwrap(), String::from_utf8(once).unwrap());
    }

    #[test]
    fn no_bytes_are_too_strange_for_rules(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        rules in "(<(cr:)?(rule|identity|one|many|conditions|validity|sphere|provide-[a-z-]{4,8})( (id|domain|value)='[a-z:@.%]{0,8}')?/?>|</cr:rule>|true){0,8}",
    ) {
        let _ = read(&bytes);
        let _ = read(document(&rules).as_bytes());
    }

    // RFC 4745 s6: the order of rules is irrelevant
    #[test]
    fn equal_grants_are_equal_whatever_the_order(one in any_permissions(), other in any_permissions()) {
        let (mut first, mut second) = (one.clone(), other.clone());
        first.add(&other);
        second.add(&one);
        prop_assert_eq!(&first, &second);
        first.add(&one);
        prop_assert_eq!(first, second);
    }
}
