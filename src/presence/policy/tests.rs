use proptest::prelude::*;

use super::*;
use crate::payload::pidf;
use crate::payload::pres_rules::{self, COMMON_POLICY, OMA_COMMON_POLICY, PRES_RULES};

const OURS: &[&str] = &["campus.example"];
const ANA: Watcher<'_> = Watcher { user: "ana", domains: OURS };

fn ruleset(rules: &str) -> Arc<Ruleset> {
    let text = format!(
        "<cr:ruleset xmlns='{PRES_RULES}' xmlns:cr='{COMMON_POLICY}' xmlns:ocp='{OMA_COMMON_POLICY}'>\
         {rules}</cr:ruleset>"
    );
    Arc::new(pres_rules::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn rule(id: &str, conditions: &str, handling: &str, transformations: &str) -> String {
    format!(
        "<cr:rule id='{id}'><cr:conditions>{conditions}</cr:conditions><cr:actions>\
         <sub-handling>{handling}</sub-handling></cr:actions><cr:transformations>\
         {transformations}</cr:transformations></cr:rule>"
    )
}

fn one(user: &str) -> String {
    format!("<cr:identity><cr:one id='sip:{user}@campus.example'/></cr:identity>")
}

fn decide(user: &str, documents: &[Arc<Ruleset>], default: Handling) -> Decision {
    let circumstances = Circumstances { now: WallTime::default(), sphere: None, lists: &NoLists };
    let watcher = Watcher { user, domains: OURS };
    evaluate(&ANA, Some(&watcher), documents, &circumstances, default)
}

// Decision 15: the default is for those whom no rule is about, and is never combined with rules
#[test]
fn the_default_is_for_watchers_whom_no_rule_is_about() {
    let documents = [ruleset(&rule("a", &one("bob"), "confirm", ""))];
    for default in [Handling::Block, Handling::Confirm, Handling::PoliteBlock, Handling::Allow] {
        let decision = decide("bob", &documents, default);
        assert_eq!((decision.handling, decision.source), (Handling::Confirm, Source::Rules));
        let decision = decide("eve", &documents, default);
        assert_eq!((decision.handling, decision.source), (default, Source::Default));
    }
    let everything = decide("eve", &[], Handling::Allow).permissions;
    assert_eq!(*everything, Permissions::everything());
    assert_eq!(*decide("eve", &[], Handling::Confirm).permissions, Permissions::nothing());
}

// Decision 18d
#[test]
fn people_see_themselves_whatever_the_rules_say() {
    let documents = [ruleset(&rule("a", "", "block", ""))];
    let decision = decide("ana", &documents, Handling::Block);
    assert_eq!((decision.handling, decision.source), (Handling::Allow, Source::Own));
    assert_eq!(*decision.permissions, Permissions::everything());
    let stranger = Watcher { user: "ana", domains: &["other.example"] };
    let circumstances = Circumstances { now: WallTime::default(), sphere: None, lists: &NoLists };
    let decision = evaluate(&ANA, Some(&stranger), &documents, &circumstances, Handling::Allow);
    assert_eq!(decision.source, Source::Rules);
}

// RFC 5025 s9.7: all documents of the user; RFC 4745 s10: the highest handling, all permissions
#[test]
fn all_documents_count_together() {
    let mood = "<provide-mood>true</provide-mood>";
    let note = "<provide-note>true</provide-note>";
    let documents = [
        ruleset(&rule("a", &one("bob"), "allow", mood)),
        ruleset(&rule("a", "", "polite-block", note)),
    ];
    let bob = decide("bob", &documents, Handling::Block);
    let both = [ruleset(&(rule("a", &one("bob"), "allow", mood) + &rule("b", "", "block", note)))];
    assert_eq!(bob.handling, Handling::Allow);
    assert_eq!(bob, decide("bob", &both, Handling::Confirm));
    let eve = decide("eve", &documents, Handling::Allow);
    assert_eq!(eve.handling, Handling::PoliteBlock);
    // Who is not allowed has no permissions: all of them get the same document.
    assert_eq!(*eve.permissions, Permissions::nothing());
}

// OMA common policy
#[test]
fn a_rule_for_all_others_minds_the_rules_of_every_document() {
    let documents = [
        ruleset(&rule("a", "<ocp:other-identity/>", "allow", "")),
        ruleset(&rule("a", &one("bob"), "block", "")),
    ];
    assert_eq!(decide("bob", &documents, Handling::Allow).handling, Handling::Block);
    assert_eq!(decide("eve", &documents, Handling::Block).handling, Handling::Allow);
}

// RFC 5025 s3.1.1.2: who did not prove who he is matches only rules without people
#[test]
fn one_who_is_not_known_matches_only_rules_about_nobody() {
    let circumstances = Circumstances { now: WallTime::default(), sphere: None, lists: &NoLists };
    let decide = |conditions: &str| {
        let documents = [ruleset(&rule("a", conditions, "allow", ""))];
        evaluate(&ANA, None, &documents, &circumstances, Handling::Block).handling
    };
    assert_eq!(decide("<cr:identity><cr:many/></cr:identity>"), Handling::Block);
    assert_eq!(decide("<ocp:anonymous-request/>"), Handling::Allow);
    assert_eq!(decide(""), Handling::Allow);
}

// RFC 5025 s3.1.2
#[test]
fn the_sphere_is_what_all_documents_that_have_one_agree_on() {
    let document = |spheres: &[&str]| {
        let persons: String = spheres
            .iter()
            .enumerate()
            .map(|(n, sphere)| {
                format!("<d:person id='{n}'><r:sphere>{sphere}</r:sphere></d:person>")
            })
            .collect();
        let text = format!(
            "<presence xmlns='{}' xmlns:d='{}' xmlns:r='{}' entity='sip:a@b'>{persons}</presence>",
            pidf::PIDF,
            pidf::DATA_MODEL,
            pidf::RPID,
        );
        pidf::read(text.as_bytes()).unwrap()
    };
    assert_eq!(sphere([&document(&[]), &document(&[])]), None);
    assert_eq!(sphere([&document(&["work"]), &document(&[])]), Some("work"));
    assert_eq!(sphere([&document(&["work"]), &document(&["WORK"])]), Some("work"));
    assert_eq!(sphere([&document(&["work"]), &document(&["home"])]), None);
    assert_eq!(sphere([&document(&["work", "home"])]), None);
    assert_eq!(sphere([&document(&["<r:home/>"])]), Some("home"));
}

// RFC 4745 s7.4, s7.3
#[test]
fn a_decision_says_when_it_may_change_by_itself() {
    let period = "<cr:validity><cr:from>1970-01-01T00:00:10Z</cr:from>\
                  <cr:until>1970-01-01T00:00:20Z</cr:until></cr:validity>";
    let documents = [ruleset(&rule("a", period, "allow", "")), ruleset("")];
    let at = WallTime::from_unix_secs;
    assert_eq!(next_change(&documents, at(0)), Some(at(10)));
    assert_eq!(next_change(&documents, at(10)), Some(at(20)));
    assert_eq!(next_change(&documents, at(20)), None);
    assert!(!minds_sphere(&documents));
    assert!(minds_sphere(&[ruleset(&rule("a", "<cr:sphere value='x'/>", "allow", ""))]));
}

fn any_rules() -> impl Strategy<Value = Arc<Ruleset>> {
    let conditions = prop::sample::select(vec![
        String::new(),
        one("bob"),
        one("eve"),
        "<cr:identity><cr:many/></cr:identity>".to_owned(),
        "<cr:identity><cr:many><cr:except id='sip:bob@campus.example'/></cr:many></cr:identity>"
            .to_owned(),
        "<cr:sphere value='x'/>".to_owned(),
    ]);
    let handling = prop::sample::select(vec!["block", "confirm", "polite-block", "allow"]);
    let transformations = prop::sample::select(vec![
        "",
        "<provide-mood>true</provide-mood>",
        "<provide-all-attributes/>",
        "<provide-services><all-services/></provide-services>",
        "<provide-services><class>a</class></provide-services>",
        "<provide-user-input>bare</provide-user-input>",
    ]);
    prop::collection::vec((conditions, handling, transformations), 0..4).prop_map(|rules| {
        let text: String = rules
            .iter()
            .enumerate()
            .map(|(n, (conditions, handling, given))| {
                rule(&n.to_string(), conditions, handling, given)
            })
            .collect();
        ruleset(&text)
    })
}

proptest! {
    // RFC 4745 s10.2; a rule of OMA for all others is left out, it is the one that can take away
    #[test]
    fn another_document_never_takes_anything_away(
        documents in prop::collection::vec(any_rules(), 0..3), more in any_rules(),
    ) {
        let before = decide("bob", &documents, Handling::Block);
        let mut all = documents;
        all.push(more);
        let after = decide("bob", &all, Handling::Block);
        prop_assert!(after.handling >= before.handling);
        let mut both = (*after.permissions).clone();
        both.add(&before.permissions);
        prop_assert_eq!(&both, &*after.permissions);
        all.reverse();
        prop_assert_eq!(decide("bob", &all, Handling::Block), after);
    }
}
