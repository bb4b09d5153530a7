//! People on the console, over raw sockets: the list and its bounds, adding and changing, files that
//! come in and go out, and how long all of that takes at fifty thousand people.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use tagus::app::control::Client;
use tagus::clock::{Clock, Tick};
use tagus::model::Role;
use tagus::operations::{Existing, Reply, Request, Secret};

use crate::console::{Browser, add, owned};
use crate::http::{Answer, Site};

/// People of a large campus.
const CAMPUS: usize = 50_000;
/// How much slower a build for tests may be.
const FACTOR: u32 = if cfg!(debug_assertions) { 6 } else { 1 };

fn now() -> Tick {
    Clock::system().now()
}

fn control(site: &Site, request: &Request) -> Reply {
    let socket = site.server.data_dir().join("tagus.sock");
    Client::connect(&socket).expect("a server").call(request).expect("done")
}

/// So many people, made as an import makes them.
fn people(site: &Site, count: usize) {
    let names = ["Ana Gonçalves", "Rui Sá", "Inês Conceição", "João Araújo", "Zoë Müller"];
    let mut csv = String::from("user,name,mail,groups\n");
    for n in 0..count {
        let name = names[n % names.len()];
        csv += &format!("p{n:05},{name} {n:05},p{n:05}@campus.test,class-{}\n", n % 100);
    }
    let csv = Secret::new(csv);
    let request = Request::UserImport { csv, existing: Existing::Fail, dry_run: false };
    let Reply::Imported(report) = control(site, &request) else { panic!("no report") };
    assert_eq!((report.added, report.failed.len()), (count as u64, 0));
}

/// A form with a file, as a browser sends it.
fn upload(browser: &mut Browser<'_>, path: &str, mode: &str, file: &str) -> Answer {
    let part = |head: &str, content: &str| {
        format!("--xx\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    };
    let body = [
        part("name=\"token\"", &browser.token),
        part("name=\"file\"; filename=\"people.csv\"\r\nContent-Type: text/csv", file),
        part("name=\"pasted\"", ""),
        part("name=\"mode\"", mode),
        "--xx--\r\n".to_owned(),
    ]
    .concat();
    let more = format!("Content-Type: multipart/form-data; boundary=xx\r\n{}", browser.says);
    browser.send("POST", path, &more, &body)
}

/// The page of a job at its end.
fn ended(browser: &mut Browser<'_>, path: &str) -> Answer {
    loop {
        let page = browser.get(path);
        assert_eq!(page.status, 200, "{page:?}");
        // Without scripts the browser looks again by itself.
        let is_followed = page.body.contains("data-follow");
        assert_eq!(page.body.contains("<noscript><meta http-equiv=\"refresh\""), is_followed);
        if !is_followed {
            return page;
        }
    }
}

/// What is sent in pieces, as a whole, and how many pieces that were.
fn download(site: &Site, browser: &Browser<'_>, path: &str) -> (String, String, usize) {
    let mut socket = site.connect();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: tagus={}\r\nConnection: close\r\n\r\n",
        browser.cookie
    );
    socket.write_all(request.as_bytes()).expect("a peer that reads");
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).expect("an end");
    let text = String::from_utf8(bytes).expect("text");
    let (head, mut rest) = text.split_once("\r\n\r\n").expect("a head");
    let (mut whole, mut pieces) = (String::new(), 0);
    loop {
        let (length, after) = rest.split_once("\r\n").expect("a length");
        let length = usize::from_str_radix(length, 16).expect("a number");
        if length == 0 {
            return (head.to_owned(), whole, pieces);
        }
        whole += &after[..length];
        rest = &after[length + 2..];
        pieces += 1;
    }
}

// W43.
#[test]
fn a_list_that_is_asked_for_what_there_is_not_says_so() {
    let site = owned();
    people(&site, 120);
    let mut browser = Browser::signed_in(&site, "ana");
    for query in [
        "limit=1000000000",
        "limit=0",
        "limit=-1",
        "limit=51",
        "limit=x",
        "sort=password",
        "state=nobody",
        "source=x",
        "registered=perhaps",
        "after=nowhere!",
        "limit=50&limit=100",
    ] {
        assert_eq!(browser.get(&format!("/admin/people?{query}")).status, 422, "{query}");
    }
    let page = browser.get("/admin/people?limit=100");
    assert_eq!((page.status, page.body.matches("<tr>").count()), (200, 101));
    let (_, rest) = page.body.split_once("after=").expect("another page");
    let after = rest.split('"').next().expect("an end");
    let next = browser.get(&format!("/admin/people?limit=100&after={after}"));
    assert_eq!((next.status, next.body.matches("<tr>").count()), (200, 21));
    // What looks like a pattern is looked for as it stands.
    for query in ["q=.*", "q=%28a%2B%29%2B%24", "q=%2A%29%28uid%3D%2A", "q=%25", "q=%5C"] {
        let page = browser.get(&format!("/admin/people?{query}"));
        assert!(page.body.contains("0 people"), "{query}");
    }
    let page = browser.get("/admin/people?q=GONCALVES+000&state=active&source=local&group=CLASS-5");
    assert!(page.body.contains(">1 person "), "{}", page.body);
    let page = browser.get("/admin/groups?q=class-5");
    assert!(page.body.contains("11 groups"), "{}", page.body);
}

// W31.
#[test]
fn names_that_nobody_can_have_are_refused_at_their_field() {
    let site = owned();
    let mut browser = Browser::signed_in(&site, "ana");
    let mut post = |user: &str| {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("user", user).append_pair("kind", "none");
        browser.get("/admin/people/add");
        browser.post("/admin/people/add", &form.finish())
    };
    let long = "x".repeat(300);
    let bad =
        ["", " ", "..", ".", "a/b", "a\0b", "a@b@c", "a b", "a\u{202e}b", "e\u{301}va", &long];
    for user in bad {
        let answer = post(user);
        assert_eq!(answer.status, 422, "{user:?}");
        assert!(answer.body.contains("id=\"user-fault\""), "{user:?}: {}", answer.body);
    }
    for (user, path) in [
        ("éva", "/admin/people/%C3%A9va?done=added"),
        ("  rui  ", "/admin/people/rui?done=added"),
        ("Maria", "/admin/people/maria?done=added"),
        ("\u{1f600}", "/admin/people/%F0%9F%98%80?done=added"),
        ("add", "/admin/people/%61dd?done=added"),
    ] {
        let answer = post(user);
        assert_eq!((answer.status, answer.header("location")), (303, Some(path)), "{user:?}");
    }
    for twin in ["ÉVA", "rui", "RUI@localhost"] {
        assert_eq!(post(twin).status, 422, "{twin}");
    }
}

#[test]
fn somebody_is_added_changed_locked_out_let_in_and_deleted() {
    let site = owned();
    let mut browser = Browser::signed_in(&site, "ana");
    browser.get("/admin/people/add");
    let fields = "user=eva&name=Eva&mail=&number=123&groups=staff%2C+night&kind=made";
    let made = browser.post("/admin/people/add", fields);
    assert_eq!(made.status, 200, "{}", made.body);
    let (_, rest) = made.body.split_once("<code class=\"fingerprint\">").expect("a password");
    let password = rest.split('<').next().expect("an end").to_owned();
    assert_eq!(password.len(), 23, "{password}");
    assert!(!site.server.run(&["audit", "--json"], None).json().to_string().contains(&password));
    let again = browser.post("/admin/people/add", "user=rui&number=123&kind=none");
    assert!(again.body.contains("id=\"number-fault\""), "{}", again.body);

    let page = browser.get("/admin/people/eva/edit");
    assert!(page.body.contains("value=\"staff, night\""), "{}", page.body);
    let edit = "name=Eva+M.&mail=eva%40campus.test&number=124&groups=staff&to=edit";
    let answer = browser.post("/admin/people/eva/edit", edit);
    assert_eq!(answer.header("location"), Some("/admin/people/eva/edit?done=edited"));
    let user = site.server.run(&["user", "show", "eva", "--json"], None).json();
    assert_eq!((&user["name"], &user["number"]), (&"Eva M.".into(), &"124".into()));
    assert_eq!(user["groups"], serde_json::json!(["staff"]));
    let bad = browser.post("/admin/people/eva/edit", "name=Eva&number=none&to=edit");
    assert_eq!(bad.status, 422);
    assert!(bad.body.contains("value=\"none\""), "what was typed stays: {}", bad.body);

    assert_eq!(browser.post("/admin/people/eva/password", "password=").status, 422);
    let set = browser.post("/admin/people/eva/password", "password=another+one");
    assert_eq!(set.header("location"), Some("/admin/people/eva?done=password"));
    assert_eq!(browser.post("/admin/people/eva/disable", "").status, 303);
    assert!(browser.get("/admin/people?state=disabled").body.contains(">eva<"));
    assert_eq!(browser.post("/admin/people/eva/enable", "").status, 303);
    assert!(!browser.get("/admin/people?state=disabled").body.contains(">eva<"));
    assert_eq!(browser.post("/admin/people/eva/delete", "typed=ewa").status, 422);
    let gone = browser.post("/admin/people/eva/delete", "typed=eva");
    assert_eq!(gone.header("location"), Some("/admin/people?done=deleted"));
    assert_eq!(browser.get("/admin/people/eva/edit").status, 404);
    assert_eq!(browser.post("/admin/people/eva/disable", "").status, 404);
}

#[test]
fn many_are_changed_after_a_question_and_never_by_a_question_alone() {
    let site = owned();
    people(&site, 60);
    add(&site, "hugo", Role::Helpdesk);
    let mut browser = Browser::signed_in(&site, "ana");
    browser.get("/admin/people");
    let ask = "deed=disable&scope=ticked&query=&u.p00001=on&u.p00002=on";
    let question = browser.post("/admin/people/bulk", ask);
    assert!(question.body.contains("Disable 2 people?"), "{}", question.body);
    let disabled = |browser: &mut Browser<'_>| {
        let page = browser.get("/admin/people?state=disabled").body;
        page.matches("<tr>").count().saturating_sub(1)
    };
    assert_eq!(disabled(&mut browser), 0);
    let run = "deed=disable&scope=ticked&query=&users=p00001+p00002&count=2";
    let answer = browser.post("/admin/people/bulk/run", run);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let path = answer.header("location").expect("a job").to_owned();
    ended(&mut browser, &path);
    assert_eq!(disabled(&mut browser), 2);

    // All who were found: the number is typed, and holds for what was looked at.
    let all = "deed=delete&scope=all&query=state%3Ddisabled";
    browser.get("/admin/people?state=disabled");
    let question = browser.post("/admin/people/bulk", all);
    assert!(question.body.contains("Delete 2 people?"), "{}", question.body);
    for wrong in ["&count=2", "&count=2&typed=3", "&count=3&typed=3"] {
        let answer = browser.post("/admin/people/bulk/run", &format!("{all}{wrong}"));
        assert_eq!(answer.status, 422, "{wrong}");
    }
    let answer = browser.post("/admin/people/bulk/run", &format!("{all}&count=2&typed=2"));
    let path = answer.header("location").expect("a job").to_owned();
    ended(&mut browser, &path);
    assert!(browser.get("/admin/people").body.contains("58 people"));
    assert_eq!(browser.post("/admin/people/bulk", "deed=disable&scope=ticked").status, 422);

    let mut hugo = Browser::signed_in(&site, "hugo");
    let page = hugo.get("/admin/people").body;
    assert!(page.contains("value=\"disable\"") && !page.contains("value=\"delete\""));
    let delete = "deed=delete&scope=ticked&query=&u.p00003=on";
    assert_eq!(hugo.post("/admin/people/bulk", delete).status, 403);
    let run = "deed=delete&scope=ticked&users=p00003&count=1&typed=1";
    assert_eq!(hugo.post("/admin/people/bulk/run", run).status, 403);
}

#[test]
fn ten_thousand_people_are_tried_and_imported_from_a_file_within_ten_seconds() {
    let site = owned();
    let mut browser = Browser::signed_in(&site, "ana");
    let mut file = String::from("\u{feff}user;name;password\r\n");
    for n in 0..10_000 {
        file += &format!("p{n:05};Pessoa {n};palavra passe {n}\r\n");
    }
    file += "a b;Ninguém;x\r\n";
    browser.get("/admin/people/import");
    let began = now();
    let answer = upload(&mut browser, "/admin/people/import", "skip", &file);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let path = answer.header("location").expect("a job").to_owned();
    let tried = ended(&mut browser, &path);
    assert!(tried.body.contains(">10000<") && tried.body.contains("people.csv"), "{}", tried.body);
    assert!(browser.get("/admin/people").body.contains("0 people"));
    browser.get(&path);
    let answer = browser.post(&format!("{path}/run"), "mode=skip&deed=run");
    let path = answer.header("location").expect("a job").to_owned();
    let done = ended(&mut browser, &path);
    let took = now().since(began);
    println!("10 000 rows with passwords, tried and imported: {took:?}");
    assert!(took < Duration::from_secs(10) * FACTOR, "{took:?}");
    assert!(browser.get("/admin/people").body.contains("10000 people"), "{}", done.body);
    let (head, csv, _) = download(&site, &browser, &format!("{path}/result"));
    assert!(head.contains("attachment; filename=\"not-done.csv\""), "{head}");
    assert!(csv.starts_with("\u{feff}line,reason,user,name\r\n10002,"), "{csv}");

    // A form without the session's token brings nothing, and a file has a bound.
    let token = std::mem::replace(&mut browser.token, "0".repeat(64));
    assert_eq!(upload(&mut browser, "/admin/people/import", "skip", "user\nx\n").status, 403);
    browser.token = token;
    assert_eq!(upload(&mut browser, "/admin/people/import", "skip", "").status, 422);
    assert_eq!(upload(&mut browser, "/admin/people/import", "x", "user\nx\n").status, 422);
}

/// Kilobytes that a process holds.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

/// The best of some tries: what else runs here is not what is measured.
fn quickest(browser: &mut Browser<'_>, path: &str) -> (Duration, usize) {
    let mut best = Duration::MAX;
    let mut bytes = 0;
    for _ in 0..5 {
        let began = now();
        let page = browser.get(path);
        best = best.min(now().since(began));
        assert_eq!(page.status, 200, "{path}");
        bytes = page.body.len();
    }
    (best, bytes)
}

#[test]
fn fifty_thousand_people_are_listed_found_and_exported_within_their_bounds() {
    let site = owned();
    people(&site, CAMPUS);
    let mut browser = Browser::signed_in(&site, "ana");
    let page = Duration::from_millis(100) * FACTOR;
    let search = Duration::from_millis(50) * FACTOR;
    for (path, bound) in [
        ("/admin/people", page),
        ("/admin/people?limit=200", page),
        ("/admin/people?q=conceicao", search),
        ("/admin/people?q=p49999", search),
        ("/admin/people?q=nobody", search),
        ("/admin/people?group=class-7&limit=200", page),
        ("/admin/people?registered=no&state=active", page),
        ("/admin/groups", page),
    ] {
        let (took, bytes) = quickest(&mut browser, path);
        println!("{path}: {took:?}, {bytes} bytes");
        assert!(took < bound, "{path}: {took:?}");
        assert!(bytes < 60_000, "{path}: {bytes} bytes");
    }
    let began = now();
    let (_, csv, _) = download(&site, &browser, "/admin/people/table?q=conceicao&group=class-2");
    println!("table of those who were found: {:?}", now().since(began));
    assert_eq!(csv.lines().count(), CAMPUS / 100 + 1);
    assert!(csv.starts_with(
        "\u{feff}user,name,mail,number,source,state,devices,registered,last_used\r\np00002,"
    ));
    assert_eq!(browser.get("/admin/people/table?state=nobody").status, 422);
    // The first one warms up what stays.
    download(&site, &browser, "/admin/people/export");
    let before = resident(site.server.pid());
    let began = now();
    let (head, csv, pieces) = download(&site, &browser, "/admin/people/export");
    let after = resident(site.server.pid());
    println!(
        "export: {} bytes in {pieces} pieces, {:?}, {before} kB before and {after} kB after",
        csv.len(),
        now().since(began)
    );
    assert!(head.contains("text/csv"), "{head}");
    assert_eq!(csv.lines().count(), CAMPUS + 1);
    assert!(pieces >= CAMPUS / 1000, "{pieces}");
    assert!(after < before + 8 * 1024, "{before} kB before, {after} kB after");
}
