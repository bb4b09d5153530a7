//! People as they are now: registrations, waiting messages, failures, bans and test messages, on the
//! pages and over raw SIP.

use std::thread;

use tagus::app::control::Client;
use tagus::model::Role;
use tagus::operations::{AuditFilter, AuditRequest, LiveReply, LiveRequest, Reply, Request};

use crate::console::{Browser, add, owned};
use crate::http::Site;
use crate::support::handset::Handset;

const WORD: &str = "a password";
/// What a device may call itself (W15, T62).
const HOSTILE: &str = "<svg onload=alert(1)>\"'\u{202e}gnp.exe";

fn campus(people: &[&str]) -> Site {
    let site = owned();
    for person in people {
        site.server.add_user(person, WORD);
    }
    site
}

fn handset(site: &Site, user: &str, agent: &str) -> Handset {
    Handset::new(site.server.udp, user, WORD, agent)
}

fn ask(site: &Site, request: Request) -> Reply {
    let socket = site.server.data_dir().join("tagus.sock");
    Client::connect(&socket).expect("a server").call(&request).expect("done")
}

fn live(site: &Site, request: LiveRequest) -> LiveReply {
    let Reply::Live(reply) = ask(site, Request::Live(request)) else { panic!("another answer") };
    *reply
}

/// The deeds of ana of this name in the audit trail: whom they concerned, and the details.
fn deeds(site: &Site, action: &str) -> Vec<(String, String)> {
    let filter = AuditFilter { action: Some(action.to_owned()), ..AuditFilter::default() };
    let request = AuditRequest::Before { before: None, limit: 100, filter };
    let Reply::Audit(page) = ask(site, Request::Audit(request)) else { panic!("another answer") };
    page.entries
        .into_iter()
        .filter(|line| line.actor == "ana" && line.done)
        .map(|line| (line.subject, line.detail))
        .collect()
}

/// The first path of a form on a page that begins so and ends so.
fn form(page: &str, begins: &str, ends: &str) -> String {
    let mut paths = page.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next());
    paths
        .find(|path| path.starts_with(begins) && path.ends_with(ends))
        .unwrap_or_else(|| panic!("no form {begins}...{ends} in {page}"))
        .to_owned()
}

// W15, T62.
#[test]
fn what_a_device_says_of_itself_is_shown_and_does_nothing() {
    let site = campus(&["rui"]);
    let device = handset(&site, "rui", HOSTILE);
    assert_eq!(device.sign_in_at("<sip:rui@192.0.2.9:5060;x=%3Csvg%3E>;expires=600"), 200);
    let mut ana = Browser::signed_in(&site, "ana");
    for path in ["/admin/registrations", "/admin/people/rui", "/admin/registrations?q=%3Csvg"] {
        let page = ana.get(path).body;
        assert!(page.contains("&#60;svg onload=alert(1)&#62;"), "{path}: {page}");
        assert!(!page.contains("<svg onload") && !page.contains('\u{202e}'), "{path}");
        assert!(page.contains("\\u{202e}gnp.exe") && page.contains("NAT"), "{path}: {page}");
    }
    let page = ana.get("/admin/registrations?q=nobody").body;
    assert!(!page.contains("gnp.exe"));
}

#[test]
fn a_registration_that_is_ended_is_gone_at_once_and_stands_in_the_trail() {
    let site = campus(&["rui", "eva"]);
    let (first, second) = (handset(&site, "rui", "one"), handset(&site, "rui", "two"));
    assert_eq!((first.sign_in(), second.sign_in()), (200, 200));
    assert_eq!(handset(&site, "eva", "three").sign_in(), 200);
    let mut ana = Browser::signed_in(&site, "ana");
    let page = ana.get("/admin/registrations").body;
    assert!(page.contains("3 registrations"), "{page}");
    let end = form(&page, "/admin/people/rui/registrations/", "/end");
    let answer = ana.post(&end, "back=list");
    assert_eq!(answer.header("location"), Some("/admin/registrations?done=ended"));
    // Once.
    assert_eq!(ana.post(&end, "back=list").status, 404);
    let request = LiveRequest::Registrations { text: "RUI".to_owned(), after: None, limit: 10 };
    let LiveReply::Registrations(left) = live(&site, request) else { panic!("another answer") };
    assert_eq!(left.total, 1);
    let answer = ana.post("/admin/people/rui/log-out", "");
    assert_eq!(answer.header("location"), Some("/admin/people/rui?done=out"));
    let page = ana.get("/admin/registrations").body;
    assert!(page.contains("1 registration<"), "{page}");
    assert_eq!(deeds(&site, "registration.end").len(), 1);
    assert_eq!(deeds(&site, "user.log_out"), [("rui".to_owned(), "1 registrations".to_owned())]);
    // The device has its password still.
    assert_eq!(first.sign_in(), 200);
}

#[test]
fn a_page_of_registrations_goes_on_where_the_one_before_ended() {
    let site = campus(&["a1", "a2", "a3"]);
    for user in ["a3", "a1", "a2"] {
        assert_eq!(handset(&site, user, "x").sign_in(), 200);
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let request = LiveRequest::Registrations { text: String::new(), after, limit: 1 };
        let LiveReply::Registrations(page) = live(&site, request) else { panic!("another") };
        assert_eq!(page.total, 3);
        seen.extend(page.registrations.into_iter().map(|one| one.user));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a1", "a2", "a3"]);
}

#[test]
fn waiting_messages_are_told_of_and_dropped_and_never_shown() {
    let site = campus(&["rui", "eva"]);
    let eva = handset(&site, "eva", "desk");
    for text in ["a secret of hers", "another secret", "the last secret"] {
        assert_eq!(eva.write("rui", text), 202);
    }
    let mut ana = Browser::signed_in(&site, "ana");
    let page = ana.get("/admin/queue").body;
    assert!(page.contains("3 messages for 1 person"), "{page}");
    let page = ana.get("/admin/queue/rui").body;
    assert!(page.contains("eva@campus.test") && !page.contains("secret"), "{page}");
    assert!(ana.get("/admin/people/rui").body.contains("3 messages wait"));
    let drop = form(&page, "/admin/queue/rui/messages/", "/drop");
    assert_eq!(ana.post(&drop, "").header("location"), Some("/admin/queue/rui?done=dropped"));
    assert_eq!(ana.post(&drop, "").status, 404);
    assert_eq!(ana.post("/admin/queue/rui/drop", "confirm=eva").status, 422);
    assert!(ana.get("/admin/queue").body.contains("2 messages for 1 person"));
    assert_eq!(ana.post("/admin/queue/rui/drop", "confirm=rui").status, 303);
    assert!(ana.get("/admin/queue").body.contains("No messages are waiting"));
    let details: Vec<String> = deeds(&site, "queue.drop").into_iter().map(|deed| deed.1).collect();
    assert_eq!(details.first().map(String::as_str), Some("2 messages"));
    assert_eq!(details.len(), 2);
}

#[test]
fn what_waits_is_delivered_when_somebody_asks_for_it() {
    let site = campus(&["rui", "eva"]);
    let rui = handset(&site, "rui", "phone");
    assert_eq!(rui.sign_in(), 200);
    let eva = handset(&site, "eva", "desk");
    let mut ana = Browser::signed_in(&site, "ana");
    ana.get("/admin");
    thread::scope(|scope| {
        // It is there, and cannot take anything now: the message waits for it.
        let busy = scope.spawn(|| rui.expect("MESSAGE", "500 Not Now"));
        assert_eq!(eva.write("rui", "are you there?"), 202);
        busy.join().expect("a message came");
    });
    let page = ana.get("/admin/queue/rui").body;
    assert!(page.contains("1 message") && page.contains("/deliver"), "{page}");
    thread::scope(|scope| {
        let taken = scope.spawn(|| rui.expect("MESSAGE", "200 OK"));
        let answer = ana.post("/admin/queue/rui/deliver", "");
        assert_eq!(answer.header("location"), Some("/admin/queue/rui?done=offered"));
        assert!(taken.join().expect("a message came").ends_with("are you there?"));
    });
    // What is taken is taken out; nobody is told when, so it is asked for.
    let empty = (0..100).any(|_| ana.get("/admin/queue/rui").body.contains("No message waits"));
    assert!(empty);
}

#[test]
fn a_test_message_says_what_each_device_answered_and_waits_for_whoever_is_away() {
    let site = campus(&["rui", "eva"]);
    let mut ana = Browser::signed_in(&site, "ana");
    let page = ana.post("/admin/people/eva/test-message", "").body;
    assert!(page.contains("has no device to send it to now"), "{page}");
    assert!(ana.get("/admin/queue").body.contains("1 message for 1 person"));
    // It comes as soon as she does, from the server itself.
    let eva = handset(&site, "eva", "desk");
    assert_eq!(eva.sign_in(), 200);
    let came = eva.expect("MESSAGE", "200 OK");
    assert!(came.contains("From: \"Tagus\" <sip:campus.test>"), "{came}");
    assert!(came.contains("mensagem de teste") && came.contains("Expires: 86400"), "{came}");

    let (takes, cannot) = (handset(&site, "rui", "new phone"), handset(&site, "rui", "old phone"));
    assert_eq!((takes.sign_in(), cannot.sign_in()), (200, 200));
    let page = thread::scope(|scope| {
        scope.spawn(|| takes.expect("MESSAGE", "200 OK"));
        scope.spawn(|| cannot.expect("MESSAGE", "415 Unsupported Media Type"));
        ana.post("/admin/people/rui/test-message", "").body
    });
    assert!(page.contains("The message has arrived."), "{page}");
    assert!(page.contains("Took it (200)"), "{page}");
    assert!(page.contains("Cannot take text messages (415)"), "{page}");
    assert!(!ana.get("/admin/queue").body.contains("/admin/queue/rui"));

    // One that says nothing gets it later.
    assert_eq!(takes.sign_in(), 200);
    let LiveReply::Tried(trial) = live(&site, LiveRequest::TestMessage { user: "eva".to_owned() })
    else {
        panic!("another answer")
    };
    assert_eq!((trial.ending.as_str(), trial.devices.len()), ("held", 1));
    assert_eq!((trial.devices[0].status, trial.devices[0].is_unreachable), (None, false));
    assert_eq!(deeds(&site, "message.test").len(), 2);
}

#[test]
fn who_was_not_let_in_is_told_with_the_reason_and_a_ban_is_lifted() {
    let site = campus(&["rui"]);
    let wrong = Handset::new(site.server.udp, "rui", "mistyped", HOSTILE);
    let mut ana = Browser::signed_in(&site, "ana");
    for _ in 0..3 {
        assert_eq!(wrong.sign_in(), 401);
    }
    let page = ana.get("/admin/people/rui").body;
    assert!(page.contains("Wrong password") && page.contains("<td>3</td>"), "{page}");
    assert!(!page.contains("<svg onload"), "{page}");
    assert!(ana.get("/admin/bans").body.contains("3 of 10"));
    for _ in 3..10 {
        assert_eq!(wrong.sign_in(), 401);
    }
    assert_eq!(wrong.sign_in(), 403);
    let page = ana.get("/admin/bans").body;
    assert!(page.contains("1 ban<") && page.contains("limits.ban_time"), "{page}");
    assert!(ana.get("/admin/people/rui").body.contains("Too many failures before"));
    // A form without a source lifts nothing.
    assert_eq!(ana.post("/admin/bans/lift", "user=rui").status, 422);
    assert_eq!(ana.post("/admin/bans/lift-all", "").status, 422);
    assert!(ana.get("/admin/bans").body.contains("1 ban<"));
    assert_eq!(ana.post("/admin/bans/lift", "source=127.0.0.1&user=rui").status, 303);
    assert!(ana.get("/admin/bans").body.contains("Nobody is banned"));
    assert_eq!(handset(&site, "rui", "phone").sign_in(), 200);
}

#[test]
fn a_device_is_made_signs_in_with_its_secret_and_is_out_once_it_is_revoked() {
    let site = campus(&["rui"]);
    let mut ana = Browser::signed_in(&site, "ana");
    ana.get("/admin/people/rui");
    assert_eq!(ana.post("/admin/people/rui/devices", "label=+").status, 422);
    let long = "x".repeat(200);
    assert_eq!(ana.post("/admin/people/rui/devices", &format!("label={long}")).status, 422);
    let page = ana.post("/admin/people/rui/devices", "label=Tele%3Cb%3E").body;
    assert!(page.contains("Tele&#60;b&#62;") && page.contains(";transport=tls"), "{page}");
    let (_, rest) = page.split_once("id=\"secret\">").expect("a secret");
    let secret = rest.split('<').next().expect("an end").to_owned();
    assert!(!ana.get("/admin/people/rui").body.contains(&secret), "it is shown once");
    let device = Handset::new(site.server.udp, "rui", &secret, "telephone");
    assert_eq!(device.sign_in(), 200);
    let page = ana.get("/admin/people/rui").body;
    assert!(page.contains("Registered</span>"), "{page}");
    let revoke = form(&page, "/admin/people/rui/devices/", "/revoke");
    assert_eq!(ana.post(&revoke, "").header("location"), Some("/admin/people/rui?done=revoked"));
    assert!(ana.get("/admin/registrations").body.contains("Nobody is registered"));
    assert_eq!(device.sign_in(), 401);
}

#[test]
fn whoever_watches_is_shown_and_ends_watching_when_logged_out_everywhere() {
    let site = campus(&["rui", "eva"]);
    let eva = handset(&site, "eva", "desk");
    assert_eq!(eva.sign_in(), 200);
    assert_eq!(eva.watch("rui") / 100, 2);
    let mut ana = Browser::signed_in(&site, "ana");
    let page = ana.get("/admin/people/rui").body;
    assert!(page.contains("eva@campus.test"), "{page}");
    let before = deeds(&site, "user.log_out").len();
    // Rui is logged out: eva watches on. Eva is logged out: nobody watches.
    assert_eq!(ana.post("/admin/people/rui/log-out", "").status, 303);
    assert!(ana.get("/admin/people/rui").body.contains("eva@campus.test"));
    assert_eq!(ana.post("/admin/people/eva/log-out", "").status, 303);
    let ended = thread::scope(|scope| {
        let told = scope.spawn(|| {
            loop {
                let notify = eva.expect("NOTIFY", "200 OK");
                if notify.contains("Subscription-State: terminated") {
                    return notify;
                }
            }
        });
        told.join().expect("an end")
    });
    assert!(ended.contains("deactivated"), "{ended}");
    assert!(ana.get("/admin/people/rui").body.contains("Nobody watches"), "after eva is told");
    assert_eq!(deeds(&site, "user.log_out").len(), before + 2);
}

#[test]
fn whoever_may_only_look_sees_no_deed_and_the_pages_stay_small() {
    let site = campus(&["rui"]);
    add(&site, "leo", Role::ReadOnly);
    assert_eq!(handset(&site, "rui", &"x".repeat(3_000)).sign_in(), 200);
    let mut leo = Browser::signed_in(&site, "leo");
    for path in [
        "/admin/people/rui",
        "/admin/registrations",
        "/admin/queue",
        "/admin/queue/rui",
        "/admin/bans",
    ] {
        let page = leo.get(path);
        assert_eq!(page.status, 200, "{path}");
        let (_, main) = page.body.split_once("<main").expect("a page");
        assert!(!main.contains("method=\"post\""), "{path}: {main}");
        assert!(page.body.len() <= 60 * 1024, "{path}: {} bytes", page.body.len());
    }
    for path in ["/admin/people/nobody", "/admin/queue/nobody"] {
        assert_eq!(leo.get(path).status, 404, "{path}");
    }
}

// `ux.md` 7d: a page is 60 kB at most, also one that is full of what others would like to be read.
#[test]
fn a_full_page_of_registrations_and_the_page_of_one_person_stay_below_60_kb() {
    let people = ["p1", "p2", "p3", "p4", "p5"];
    let site = campus(&people);
    let agent = "<\"&>'".repeat(100);
    for user in people {
        for _ in 0..10 {
            assert_eq!(handset(&site, user, &agent).sign_in(), 200);
        }
    }
    let mut ana = Browser::signed_in(&site, "ana");
    let mut next = "/admin/registrations".to_owned();
    let mut pages = 0;
    loop {
        let page = ana.get(&next).body;
        pages += 1;
        assert!(page.len() <= 60_000, "{next}: {} bytes", page.len());
        let Some((before, _)) = page.split_once("\" rel=\"next\"") else { break };
        let (_, link) = before.rsplit_once("href=\"").expect("a link");
        next = link.replace("&#38;", "&");
    }
    assert_eq!(pages, 2);
    let page = ana.get("/admin/people/p1").body;
    assert!(page.len() <= 60_000, "{} bytes", page.len());
}
