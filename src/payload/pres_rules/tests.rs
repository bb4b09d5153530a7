use super::*;
use crate::payload::pidf::TopicSet;

mod transforming;

const NOW: WallTime = WallTime::from_unix_secs(1_072_282_500); // 2003-12-24T16:15:00Z

/// A document with these rules in it.
fn document(rules: &str) -> String {
    format!(
        "<cr:ruleset xmlns='{PRES_RULES}' xmlns:cr='{COMMON_POLICY}'\n \
         xmlns:ocp='{OMA_COMMON_POLICY}' xmlns:op='{OMA_PRES_RULES}'>{rules}</cr:ruleset>"
    )
}

/// A rule with these conditions that allows.
fn allowing(conditions: &str) -> String {
    document(&format!(
        "<cr:rule id='a'><cr:conditions>{conditions}</cr:conditions>\
         <cr:actions><sub-handling>allow</sub-handling></cr:actions></cr:rule>"
    ))
}

fn rules(text: &str) -> Ruleset {
    read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

struct OneList;
impl Lists for OneList {
    fn contains(&self, list: &str, watcher: &Watcher<'_>) -> bool {
        list == "http://x/friends" && watcher.user == "bob"
    }
}

fn ask(ruleset: &Ruleset, watcher: Option<&Watcher<'_>>, sphere: Option<&str>) -> Option<Grant> {
    let circumstances = Circumstances { now: NOW, sphere, lists: &OneList };
    let request = Request::new(watcher, &circumstances);
    let named = ruleset.names(&request);
    let mut grant = Grant::default();
    ruleset.grant(&request.named(named), &mut grant).then_some(grant)
}

/// Whether a rule with these conditions holds for `user` of campus.example and alias.example.
fn holds(conditions: &str, user: &str) -> bool {
    let watcher = Watcher { user, domains: &["campus.example", "alias.example"] };
    ask(&rules(&allowing(conditions)), Some(&watcher), Some("Work")).is_some()
}

fn holds_for_nobody_known(conditions: &str) -> bool {
    ask(&rules(&allowing(conditions)), None, None).is_some()
}

// RFC 4745 s7.1.2, s7.2; RFC 5025 s3.1.1.2; decision 18d
#[test]
fn one_means_the_person_by_user_and_domain() {
    let identity = |id: &str| format!("<cr:identity><cr:one id='{id}'/></cr:identity>");
    for id in [
        "sip:bob@campus.example",
        "sips:Bob@CAMPUS.example:5061;transport=tcp",
        "sip:b%6fb@campus.example",
        "sip:bob@alias.example",
    ] {
        assert!(holds(&identity(id), "bob"), "{id}");
        assert!(!holds(&identity(id), "ana"), "{id}");
    }
    // URIs of different schemes are never equivalent.
    for id in ["pres:bob@campus.example", "tel:+1234", "mailto:bob@campus.example"] {
        assert!(!holds(&identity(id), "bob"), "{id}");
    }
    assert!(!holds(&identity("sip:bob@other.example"), "bob"));
    assert!(!holds_for_nobody_known(&identity("sip:bob@campus.example")));
}

// RFC 4745 s7.1.3: any authenticated identity, those of a domain, all but some
#[test]
fn many_means_those_of_a_domain_but_the_excepted() {
    let many = |text: &str| format!("<cr:identity>{text}</cr:identity>");
    assert!(holds(&many("<cr:many/>"), "bob"));
    assert!(!holds_for_nobody_known(&many("<cr:many/>")));
    assert!(holds(&many("<cr:many domain='campus.example'/>"), "bob"));
    assert!(holds(&many("<cr:many domain='ALIAS.ex%61mple'/>"), "bob"));
    assert!(!holds(&many("<cr:many domain='other.example'/>"), "bob"));
    let except =
        "<cr:many domain='campus.example'><cr:except id='sip:bob@campus.example'/></cr:many>";
    assert!(!holds(&many(except), "bob"));
    assert!(holds(&many(except), "ana"));
    let domain =
        "<cr:many><cr:except domain='x.example'/><cr:except domain='alias.example'/></cr:many>";
    assert!(!holds(&many(domain), "bob"));
    // What may narrow it and is not known narrows it to nothing.
    assert!(!holds(&many("<cr:many><x xmlns='urn:x'/></cr:many>"), "bob"));
    assert!(!holds(
        &many("<cr:one id='sip:bob@campus.example'><x xmlns='urn:x'/></cr:one>"),
        "bob"
    ));
}

// RFC 4745 s7.1.3: domains are compared as DNS has them
#[test]
fn a_domain_of_other_scripts_is_compared_in_its_ascii_form() {
    let watcher = Watcher { user: "bob", domains: &["xn--bcher-kva.example"] };
    let ruleset =
        rules(&allowing("<cr:identity><cr:many domain='B\u{fc}cher.example'/></cr:identity>"));
    assert!(ask(&ruleset, Some(&watcher), None).is_some());
}

// RFC 4745 s7.1.1: children of identity are alternatives, unknown ones are false
#[test]
fn the_children_of_identity_are_alternatives() {
    let identity = "<cr:identity><cr:one id='sip:ana@campus.example'/><x xmlns='urn:x'/>\
                    <cr:one id='sip:bob@campus.example'/></cr:identity>";
    assert!(holds(identity, "bob"));
    assert!(!holds(identity, "eve"));
    assert!(!holds("<cr:identity><x xmlns='urn:x'/></cr:identity>", "bob"));
}

// RFC 4745 s7.1.1, RFC 5025 s3.1.1.2
#[test]
fn without_identity_a_rule_is_for_everybody() {
    assert!(holds("", "bob"));
    assert!(holds_for_nobody_known(""));
    assert!(holds_for_nobody_known("<cr:identity/>"));
    assert!(!holds("<cr:identity/>", "bob"));
}

// RFC 4745 s7.3: tokens are alternatives, case does not matter; an undefined sphere matches none
#[test]
fn a_sphere_is_one_of_the_tokens() {
    assert!(holds("<cr:sphere value='home work'/>", "bob"));
    assert!(!holds("<cr:sphere value='home'/>", "bob"));
    assert!(!holds_for_nobody_known("<cr:sphere value='work'/>"));
    assert!(rules(&allowing("<cr:sphere value='work'/>")).minds_sphere());
    assert!(!rules(&allowing("")).minds_sphere());
}

// RFC 4745 s7.4: from is in, until is out, pairs are alternatives
#[test]
fn a_rule_holds_within_its_periods() {
    let validity = |periods: &[(&str, &str)]| {
        let periods: String = periods
            .iter()
            .map(|(from, until)| format!("<cr:from>{from}</cr:from><cr:until>{until}</cr:until>"))
            .collect();
        format!("<cr:validity>{periods}</cr:validity>")
    };
    let (before, now, after) =
        ("2003-12-24T16:00:00Z", "2003-12-24T17:15:00+01:00", "2003-12-24T17:00:00Z");
    assert!(holds(&validity(&[(before, after)]), "bob"));
    assert!(holds(&validity(&[(now, after)]), "bob"));
    assert!(!holds(&validity(&[(before, now)]), "bob"));
    assert!(!holds(&validity(&[(after, after)]), "bob"));
    assert!(holds(&validity(&[(before, before), (before, after)]), "bob"));
    let ruleset = rules(&allowing(&validity(&[(before, now), (after, after)])));
    assert_eq!(ruleset.next_change(NOW), Some(WallTime::from_unix_secs(1_072_285_200)));
    assert_eq!(rules(&allowing("")).next_change(NOW), None);
}

// RFC 4745 s7: an element of a namespace that is not known evaluates to FALSE
#[test]
fn an_unknown_condition_never_holds() {
    let identity = "<cr:identity><cr:many/></cr:identity>";
    assert!(!holds(&format!("{identity}<x:weather xmlns:x='urn:x'/>"), "bob"));
    assert!(!holds(&format!("{identity}<cr:phase-of-moon/>"), "bob"));
    assert!(holds(identity, "bob"));
}

// RFC 4745 s10.1: all conditions of a rule must hold
#[test]
fn the_conditions_of_a_rule_hold_together() {
    let both = "<cr:identity><cr:one id='sip:bob@campus.example'/></cr:identity>\
                <cr:sphere value='home'/>";
    assert!(!holds(both, "bob"));
    assert!(holds(&both.replace("home", "work"), "bob"));
}

// OMA common policy: external-list, anonymous-request, other-identity
#[test]
fn the_conditions_of_oma_are_known() {
    let list = "<ocp:external-list><ocp:entry anc='http://x/foes'/>\
                <ocp:entry anc='http://x/friends'/></ocp:external-list>";
    assert!(holds(list, "bob"));
    assert!(!holds(list, "ana"));
    assert_eq!(
        rules(&allowing(list)).lists().collect::<Vec<_>>(),
        ["http://x/foes", "http://x/friends"]
    );
    assert!(holds_for_nobody_known("<ocp:anonymous-request/>"));
    assert!(!holds("<ocp:anonymous-request/>", "bob"));
    assert!(holds("<ocp:other-identity/>", "bob"));
    assert!(!holds_for_nobody_known("<ocp:other-identity/>"));
    let text = document(
        "<cr:rule id='a'><cr:conditions><cr:identity><cr:one id='sip:bob@campus.example'/>\
         </cr:identity></cr:conditions><cr:actions><sub-handling>block</sub-handling></cr:actions>\
         </cr:rule><cr:rule id='b'><cr:conditions><ocp:other-identity/></cr:conditions>\
         <cr:actions><sub-handling>allow</sub-handling></cr:actions></cr:rule>",
    );
    let handling = |user| {
        let watcher = Watcher { user, domains: &["campus.example"] };
        ask(&rules(&text), Some(&watcher), None).map(|grant| grant.handling)
    };
    assert_eq!(handling("bob"), Some(Handling::Block));
    assert_eq!(handling("eve"), Some(Handling::Allow));
}

// RFC 4745 s10.2, s10.3: each permission by itself, sets united, the greatest value
#[test]
fn rules_that_match_are_combined_permission_by_permission() {
    let rule = |id: &str, handling: &str, transformations: &str| {
        format!(
            "<cr:rule id='{id}'><cr:actions><sub-handling>{handling}</sub-handling></cr:actions>\
             <cr:transformations>{transformations}</cr:transformations></cr:rule>"
        )
    };
    let text = document(
        &[
            rule(
                "a",
                "confirm",
                "<provide-devices><deviceID>urn:1</deviceID><class>biz</class></provide-devices>\
             <provide-mood>true</provide-mood><provide-user-input>thresholds</provide-user-input>",
            ),
            rule(
                "b",
                "polite-block",
                "<provide-devices><class>home</class><class>biz</class></provide-devices>\
             <provide-mood>false</provide-mood><provide-user-input>bare</provide-user-input>\
             <provide-note>1</provide-note>",
            ),
            rule("c", "block", ""),
        ]
        .concat(),
    );
    let grant = ask(&rules(&text), None, None).unwrap();
    assert_eq!(grant.handling, Handling::PoliteBlock);
    let expected = Permissions {
        devices: Selection::Of(
            [
                Selector::Class("home".into()),
                Selector::Class("biz".into()),
                Selector::Uri("urn:1".into()),
            ]
            .into(),
        ),
        topics: TopicSet::NONE
            .with(crate::payload::pidf::Topic::Mood)
            .with(crate::payload::pidf::Topic::Note),
        input: InputDetail::Thresholds,
        ..Permissions::nothing()
    };
    assert_eq!(grant.permissions, expected);
}

// RFC 5025 s3.2.1: block is the default, and the lowest
#[test]
fn a_rule_without_handling_blocks() {
    let grant = ask(&rules(&document("<cr:rule id='a'/>")), None, None);
    assert_eq!(grant.map(|grant| grant.handling), Some(Handling::Block));
    assert!(Handling::Block < Handling::Confirm);
    assert!(Handling::Confirm < Handling::PoliteBlock);
    assert!(Handling::PoliteBlock < Handling::Allow);
    assert_eq!(ask(&rules(&document("")), None, None), None);
}

// RFC 4745 s13, RFC 5025 s7
#[test]
fn what_is_wrong_in_a_document_is_said_with_its_line() {
    for (text, line, part) in [
        ("<a/>".to_owned(), 1, "not <ruleset>"),
        ("<a>\n</b>".to_owned(), 2, "not well-formed"),
        ("<!DOCTYPE a><a/>".to_owned(), 1, "document type"),
        (document("\n<cr:rule/>"), 3, "<rule> has no id"),
        (document("<cr:rule id='a'/>\n\n<cr:rule id='a'/>"), 4, "another rule has the id \"a\""),
        (document("<rule id='a'/>"), 2, "does not belong here"),
        (document("<cr:rule id='a'><cr:else/></cr:rule>"), 2, "does not belong here"),
        (
            document("<cr:rule id='a'><cr:actions/>\n<cr:actions/></cr:rule>"),
            3,
            "a second <actions>",
        ),
        (allowing("<cr:identity>\n<cr:one/></cr:identity>"), 3, "<one> has no id"),
        (
            allowing("<cr:identity><cr:one xmlns:x='urn:x' x:id='sip:a@b'/></cr:identity>"),
            2,
            "no id",
        ),
        (allowing("<cr:identity><cr:one id='bob'/></cr:identity>"), 2, "\"bob\" is no URI"),
        (allowing("<cr:identity><cr:one id='sip:'/></cr:identity>"), 2, "no URI"),
        (
            allowing("<cr:identity><cr:one domain='x' id='sip:a@x'/></cr:identity>"),
            2,
            "stands in <many>",
        ),
        (
            allowing("<cr:identity><cr:many><cr:except/></cr:many></cr:identity>"),
            2,
            "<except> has no id",
        ),
        (allowing("<cr:identity><cr:many domain='a b'/></cr:identity>"), 2, "no domain"),
        (allowing("<cr:sphere/>"), 2, "<sphere> has no value"),
        (
            allowing("<cr:validity><cr:from>2003-08-15T10:20:00Z</cr:from></cr:validity>"),
            2,
            "pairs",
        ),
        (allowing("<cr:validity/>"), 2, "pairs"),
        (allowing("<cr:validity><cr:from>noon</cr:from></cr:validity>"), 2, "\"noon\" is no time"),
        (allowing("<ocp:external-list><ocp:entry/></ocp:external-list>"), 2, "<entry> has no anc"),
        (allowing("").replace(">allow<", ">perhaps<"), 2, "<sub-handling> is \"perhaps\""),
    ] {
        let error = read(text.as_bytes()).unwrap_err();
        assert_eq!(error.line(), line, "{error}: {text}");
        assert!(error.to_string().contains(part), "{error}: {text}");
    }
    for transformation in [
        "<provide-mood>yes</provide-mood>",
        "<provide-user-input>true</provide-user-input>",
        "<provide-unknown-attribute name='a'>true</provide-unknown-attribute>",
        "<provide-unknown-attribute ns='a' name='a'/>",
        "<op:provide-willingness/>",
    ] {
        let text = document(&format!(
            "<cr:rule id='a'><cr:transformations>{transformation}</cr:transformations></cr:rule>"
        ));
        assert!(read(text.as_bytes()).is_err(), "{transformation}");
    }
}

// security: work is bounded by documents, not by their product
#[test]
fn ways_to_name_components_have_a_limit() {
    let text = |count: usize| {
        let rules: String = (0..count)
            .map(|n| {
                format!(
                    "<cr:rule id='a{n}'><cr:transformations><provide-services>\
                     <class>same</class><class>{n}</class></provide-services>\
                     </cr:transformations></cr:rule>"
                )
            })
            .collect();
        document(&rules)
    };
    assert!(read(text(63).as_bytes()).is_ok());
    let error = read(text(64).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("more than 64 ways"), "{error}");
    let long = format!("<cr:identity><cr:many domain='{}'/></cr:identity>", "\u{fc}".repeat(600));
    assert!(read(allowing(&long).as_bytes()).is_err());
}

// RFC 4745 s8, s9: extensions are not errors, and grant nothing
#[test]
fn unknown_actions_and_transformations_grant_nothing() {
    let text = document(
        "<cr:rule id='a'><cr:actions><x xmlns='urn:x'>allow</x></cr:actions><cr:transformations>\
         <x xmlns='urn:x'/><provide-everything>true</provide-everything>\
         <provide-services><x xmlns='urn:x'/><all-persons/></provide-services>\
         </cr:transformations></cr:rule>",
    );
    assert_eq!(ask(&rules(&text), None, None), Some(Grant::default()));
}

// What the rules that match grant is united for each watcher, so it has a bound
#[test]
fn names_of_unknown_attributes_have_a_bound() {
    let rules = |count: usize| {
        let rules: String = (0..count)
            .map(|n| {
                format!(
                    "<rule id='r{n}'><transformations><p:provide-unknown-attribute \
                     ns='urn:x{n}' name='n'>true</p:provide-unknown-attribute>\
                     </transformations></rule>"
                )
            })
            .collect();
        read(
            format!("<ruleset xmlns='{COMMON_POLICY}' xmlns:p='{PRES_RULES}'>{rules}</ruleset>")
                .as_bytes(),
        )
    };
    assert_eq!(rules(1_024).map(|rules| rules.len()), Ok(1_024));
    let refused = rules(1_025).unwrap_err();
    assert!(
        refused.to_string().ends_with("more than 1024 names of unknown attributes"),
        "{refused}"
    );
}
