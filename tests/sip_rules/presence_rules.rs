//! Who may see whom (RFC 4745, RFC 5025), and who is told that somebody asks (RFC 3857, RFC 3858),
//! over the wire.

use crate::peer::{Got, Peer};
use crate::presence::{
    OPEN, number, publish, republish, rule, state, subscribe, subscribed, text, watch, within,
};
use crate::server::{DOMAIN, Server};
use crate::{PASSWORD, campus, campus_with};

/// The watchers that a document of watcher information names: address, status and event.
fn watchers(notify: &Got) -> Vec<(String, String, String)> {
    let text = text(notify);
    let xml = roxmltree::Document::parse(&text).expect("XML");
    let watchers = xml.descendants().filter(|node| node.tag_name().name() == "watcher");
    watchers
        .map(|node| {
            let attribute = |name| node.attribute(name).unwrap_or_default().to_owned();
            let uri = node.text().unwrap_or_default().trim().to_owned();
            (uri, attribute("status"), attribute("event"))
        })
        .collect()
}

fn one(user: &str, status: &str, event: &str) -> Vec<(String, String, String)> {
    vec![(format!("sip:{user}@{DOMAIN}"), status.to_owned(), event.to_owned())]
}

fn version(notify: &Got) -> (u32, String) {
    let text = text(notify);
    let xml = roxmltree::Document::parse(&text).expect("XML");
    let root = xml.root_element();
    let version = root.attribute("version").and_then(|version| version.parse().ok());
    (version.expect("a version"), root.attribute("state").unwrap_or_default().to_owned())
}

/// RFC 5025 s3.2.1: a plain `block` is 200, and then terminated with `rejected`.
#[test]
fn a_blocked_watcher_is_answered_200_and_rejected() {
    let server = campus_with(&["ana", "bob"], OPEN);
    rule(&server, "ana", &["bob"], "block");
    let mut bob = Peer::udp(&server, "bob");
    let notify = watch(&mut bob, "ana");
    assert_eq!(notify.one("Subscription-State"), "terminated;reason=rejected");
    assert!(notify.body().is_empty() && notify.all("Content-Type").is_empty());
    bob.expect_silence();
}

/// RFC 5025 s3.2.1: a rule that changes acts on the subscriptions that there are, at once: allow to
/// confirm is pending, to allow active, to block terminated.
#[test]
fn a_rule_that_changes_acts_on_live_subscriptions() {
    let server = campus(&["ana", "bob"]);
    rule(&server, "ana", &["bob"], "allow");
    let mut ana = Peer::udp(&server, "ana");
    let etag = publish(&mut ana, "open", "busy");
    let mut bob = Peer::udp(&server, "bob");
    let first = watch(&mut bob, "ana");
    assert_eq!(state(&first), "active");
    assert!(text(&first).contains("busy"));
    rule(&server, "ana", &["bob"], "confirm");
    let pending = bob.respond_to_next(200);
    assert_eq!(state(&pending), "pending");
    assert!(!text(&pending).contains("busy"));
    republish(&mut ana, &etag, "open", "away");
    bob.expect_silence();
    rule(&server, "ana", &["bob"], "allow");
    let active = bob.respond_to_next(200);
    assert_eq!(state(&active), "active");
    assert!(text(&active).contains("away"), "{}", text(&active));
    rule(&server, "ana", &["bob"], "polite-block");
    let gone = bob.respond_to_next(200);
    assert_eq!(state(&gone), "active");
    assert!(text(&gone).contains("<basic>closed</basic>"), "{}", text(&gone));
    rule(&server, "ana", &["bob"], "block");
    let last = bob.respond_to_next(200);
    assert_eq!(last.one("Subscription-State"), "terminated;reason=rejected");
    assert_eq!(number(&last), number(&first) + 4);
    bob.expect_silence();
}

/// RFC 5025 s3.2.1, security T40: who is blocked politely receives what he would of somebody who is
/// not there, byte for byte but for names, and hears of no change.
#[test]
fn a_polite_block_cannot_be_told_from_somebody_who_is_away() {
    let server = campus_with(&["ana", "eva", "bob"], OPEN);
    rule(&server, "ana", &["bob"], "polite-block");
    let mut ana = Peer::udp(&server, "ana");
    publish(&mut ana, "open", "busy");
    let mut bob = Peer::udp(&server, "bob");
    let told = |notify: &Got, user: &str| {
        let head = ["Subscription-State", "Event", "Content-Type", "CSeq", "Content-Length"]
            .map(|name| notify.one(name));
        (head, text(notify).replace(&format!("{user}@"), "X@"))
    };
    let blocked = watch(&mut bob, "ana");
    let away = watch(&mut bob, "eva");
    assert_eq!(told(&blocked, "ana"), told(&away, "eva"));
    publish(&mut ana, "open", "away");
    bob.expect_silence();
    let refreshed = |bob: &mut Peer, user: &str| {
        let draft = subscribe(bob, user, "presence", 600);
        let (first, answer, _) = subscribed(bob, &draft);
        let again = within(bob, &first, &answer, "presence", 600);
        subscribed(bob, &again).2
    };
    let blocked = refreshed(&mut bob, "ana");
    let away = refreshed(&mut bob, "eva");
    assert_eq!(told(&blocked, "ana"), told(&away, "eva"));
}

/// Decision 15: the institution's rule, and by group of the watcher, holds where no rule of the
/// person does; the first group that fits wins.
#[test]
fn the_institution_decides_where_the_person_does_not() {
    let more = "[presence]\ndefault_policy = \"block\"\n\
                [[presence.group_policy]]\ngroup = \"staff\"\npolicy = \"allow\"\n\
                [[presence.group_policy]]\ngroup = \"students\"\npolicy = \"confirm\"\n";
    let server = campus_with(&["ana"], more);
    let csv = format!(
        "user,name,mail,password,groups\nbob,Bob,,{PASSWORD},students;staff\n\
         eva,Eva,,{PASSWORD},students\nrui,Rui,,{PASSWORD},\n"
    );
    let printed = server.run(&["user", "import", "-"], Some(&csv));
    assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
    for (user, expected) in [("bob", "active"), ("eva", "pending"), ("rui", "terminated")] {
        let mut peer = Peer::udp(&server, user);
        assert_eq!(state(&watch(&mut peer, "ana")), expected, "{user}");
    }
    // Never combined with the person's own rules.
    rule(&server, "ana", &["rui"], "allow");
    let mut rui = Peer::udp(&server, "rui");
    assert_eq!(state(&watch(&mut rui, "ana")), "active");
}

/// Decision 18d: people are compared as user@domain; case, scheme and parameters do not matter.
#[test]
fn a_rule_finds_a_watcher_however_he_spells_himself() {
    let server = campus(&["ana", "bob"]);
    rule(&server, "ana", &["bob"], "allow");
    let mut bob = Peer::udp(&server, "bob");
    let mut draft = subscribe(&bob, "ana", "presence", 600);
    draft.from = draft.from.replace("<sip:bob@campus.test>", "\"B\" <sip:BOB@example.com;x=y>");
    draft.uri = draft.uri.replace("ana@", "ANA@");
    let (_, _, notify) = subscribed(&mut bob, &draft);
    assert_eq!(state(&notify), "active");
    let mut ana = Peer::udp(&server, "ana");
    publish(&mut ana, "open", "busy");
    assert!(text(&bob.respond_to_next(200)).contains("busy"));
}

/// Interfaces: `presence rules set` checks what it installs, and `show` gives it back.
#[test]
fn rules_are_checked_before_they_are_installed() {
    let server = campus(&["ana"]);
    let set = |rules: &str| server.run(&["presence", "rules", "set", "ana", "-"], Some(rules));
    let bad = set("<ruleset");
    assert_eq!(bad.code, 2, "{}", bad.err);
    assert!(bad.err.contains("line 1"), "{}", bad.err);
    let nobody = server.run(&["presence", "rules", "show", "nobody"], None);
    assert_eq!(nobody.code, 3, "{}", nobody.err);
    let none = server.run(&["presence", "rules", "show", "ana", "--json"], None).json();
    assert_eq!(none["documents"], serde_json::json!([]), "{none}");
    assert_eq!(none["default_policy"], "confirm", "{none}");
    rule(&server, "ana", &["bob"], "allow");
    let shown = server.run(&["presence", "rules", "show", "ana"], None);
    assert!(shown.out.contains("sub-handling>allow<"), "{}", shown.out);
    assert_eq!(set(&shown.out).code, 0);
}

/// RFC 3857 s4.7.1, RFC 3858 s3.3, s4: all who watch at first, then who came, went or was decided
/// about, each document one version more.
#[test]
fn a_person_is_told_who_watches_and_who_would_like_to() {
    let server = campus_with(&["ana", "bob", "eva"], "[presence]\ninterval = \"0s\"\n");
    let mut bob = Peer::udp(&server, "bob");
    let draft = subscribe(&bob, "ana", "presence", 600);
    let (first, answer, _) = subscribed(&mut bob, &draft);
    let mut ana = Peer::tcp(&server, "ana");
    let draft = subscribe(&ana, "ana", "presence.winfo", 600);
    let (_, _, full) = subscribed(&mut ana, &draft);
    assert_eq!(full.one("Content-Type"), "application/watcherinfo+xml");
    assert_eq!(full.one("Event"), "presence.winfo");
    assert_eq!(version(&full), (0, "full".to_owned()));
    assert_eq!(watchers(&full), one("bob", "pending", "subscribe"));
    let mut eva = Peer::udp(&server, "eva");
    watch(&mut eva, "ana");
    let partial = ana.respond_to_next(200);
    assert_eq!(version(&partial), (1, "partial".to_owned()));
    assert_eq!(watchers(&partial), one("eva", "pending", "subscribe"));
    rule(&server, "ana", &["eva"], "allow");
    let partial = ana.respond_to_next(200);
    assert_eq!(watchers(&partial), one("eva", "active", "approved"));
    eva.respond_to_next(200);
    rule(&server, "ana", &["eva"], "block");
    eva.respond_to_next(200);
    let partial = ana.respond_to_next(200);
    assert_eq!(watchers(&partial), one("eva", "terminated", "rejected"));
    let end = within(&bob, &first, &answer, "presence", 0);
    subscribed(&mut bob, &end);
    let partial = ana.respond_to_next(200);
    assert_eq!(watchers(&partial), one("bob", "waiting", "timeout"));
    assert_eq!(version(&partial), (4, "partial".to_owned()));
    let listed = server.run(&["presence", "watchers", "ana", "--json"], None).json();
    assert_eq!(listed["watchers"][0]["status"], "waiting", "{listed}");
    // Whoever asks again waits as a subscriber again.
    watch(&mut bob, "ana");
    let partial = ana.respond_to_next(200);
    let told = watchers(&partial);
    assert!(told.contains(&one("bob", "pending", "subscribe")[0]), "{told:?}");
}

/// RFC 3857 s4.7.1: who asked while the person was away is there when the person comes, also after
/// a power cut, until there is an answer.
#[test]
fn who_asked_while_one_was_away_waits_for_an_answer() {
    let mut server = campus(&["ana", "bob"]);
    let mut bob = Peer::udp(&server, "bob");
    let fetch = subscribe(&bob, "ana", "presence", 0);
    let (_, _, notify) = subscribed(&mut bob, &fetch);
    assert_eq!(state(&notify), "terminated");
    assert!(text(&notify).contains("<basic>closed</basic>"));
    waits(&server);
    server.add_user("eva", PASSWORD);
    server.kill();
    server.start_again();
    let mut ana = Peer::tcp(&server, "ana");
    let draft = subscribe(&ana, "ana", "presence.winfo", 600);
    let (_, _, full) = subscribed(&mut ana, &draft);
    assert_eq!(watchers(&full), one("bob", "waiting", "timeout"));
    rule(&server, "ana", &["bob"], "allow");
    let partial = ana.respond_to_next(200);
    assert_eq!(watchers(&partial), one("bob", "terminated", "approved"));
    let listed = server.run(&["presence", "watchers", "ana", "--json"], None).json();
    assert_eq!(listed["watchers"], serde_json::json!([]), "{listed}");
}

/// The last NOTIFY of a fetch was answered: the question is kept from then on.
fn waits(server: &Server) {
    loop {
        let listed = server.run(&["presence", "watchers", "ana", "--json"], None).json();
        if listed["watchers"][0]["status"] == "waiting" {
            return;
        }
    }
}
