//! The audit trail, tokens and the console's accounts as their pages show and change them.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};

use tagus::app::control::Client;
use tagus::model::Role;
use tagus::operations::{AuditFilter, AuditLine, AuditRequest, ConsoleRequest, Reply, Request};

use crate::console::{Browser, PASSWORD, add, control, owned};
use crate::http::Site;

/// The newest lines of the trail.
fn trail(site: &Site, limit: u32) -> Vec<AuditLine> {
    let mut client = Client::connect(&site.server.data_dir().join("tagus.sock")).expect("a server");
    let filter = AuditFilter::default();
    let request = Request::Audit(AuditRequest::Before { before: None, limit, filter });
    let Reply::Audit(page) = client.call(&request).expect("done") else { panic!("no page") };
    page.entries
}

/// A file that comes in pieces of lengths that nobody knows before (RFC 9112 s7.1).
fn download(site: &Site, browser: &Browser<'_>, path: &str) -> (String, String) {
    let cookie = &browser.cookie;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: tagus={cookie}\r\n\
         Connection: close\r\n\r\n"
    );
    let mut stream = site.connect();
    stream.write_all(request.as_bytes()).expect("a peer that reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let (head, mut rest) = answer.split_once("\r\n\r\n").expect("a head");
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("a length");
        if length == 0 {
            break;
        }
        body.push_str(&after[..length]);
        rest = &after[length + 2..];
    }
    (head.to_owned(), body)
}

/// The numbers of the lines that a page shows.
fn numbers(page: &str) -> Vec<u64> {
    let rows = page.split("<th scope=\"row\">").skip(1);
    rows.filter_map(|row| row.split('<').next()?.parse().ok()).collect()
}

/// Where the button for the next page leads.
fn next(page: &str) -> Option<String> {
    let (before, _) = page.split_once("\" rel=\"next\"")?;
    let at = before.rfind("href=\"")? + 6;
    Some(before[at..].replace("&amp;", "&").replace("&#38;", "&"))
}

// W17.
#[test]
fn markup_and_steering_characters_in_the_trail_are_inert() {
    let site = owned();
    let mut stranger = Browser::new(&site);
    stranger.get("/admin/sign-in");
    let name = "%3Csvg%20onload%3Dalert(1)%3E%1B%5B31m%E2%80%AE";
    stranger.post("/admin/sign-in", &format!("name={name}&password=x"));
    let mut ana = Browser::signed_in(&site, "ana");
    let token =
        format!("name=%3Cb%3E%1B%5B2J{}&scope-users-read=yes&role=owner&days=0", "x".repeat(99));
    assert_eq!(ana.post("/admin/tokens", &token).status, 200);
    for path in ["/admin/audit", "/admin/audit?actor=%3Csvg%20onload%3D1%3E", "/admin/tokens"] {
        let page = ana.get(path);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains("&#60;") || page.body.contains("&lt;"), "{path}");
        for inert in ["<svg onload", "<b>", "\u{1b}", "\u{202e}"] {
            assert!(!page.body.contains(inert), "{inert:?} in {path}");
        }
        assert!(page.body.len() <= 60_000, "{path}: {}", page.body.len());
    }
    let (head, lines) = download(&site, &ana, "/admin/audit/audit.ndjson");
    assert!(head.contains("application/x-ndjson"), "{head}");
    assert!(!lines.contains('\u{1b}'), "{lines}");
    // A query that cannot be read is said to be so.
    for wrong in ["since=x", "until=2026-02-30", "before=x", "before=-1"] {
        assert_eq!(ana.get(&format!("/admin/audit?{wrong}")).status, 422, "{wrong}");
    }
    assert_eq!(ana.get("/admin/audit/audit.csv?since=x").status, 422);
}

// W07, W37.
#[test]
fn a_page_beyond_a_role_is_refused_and_written_down() {
    let site = owned();
    add(&site, "hugo", Role::Helpdesk);
    let mut hugo = Browser::signed_in(&site, "hugo");
    for path in ["/admin/audit", "/admin/audit/audit.csv", "/admin/audit/audit.ndjson"] {
        assert_eq!(hugo.get(path).status, 403, "{path}");
        let line = trail(&site, 1).remove(0);
        assert_eq!((line.action.as_str(), line.actor.as_str()), ("console.page", "hugo"));
        assert_eq!((line.subject.as_str(), line.done), (path, false));
    }
    let menu = hugo.get("/admin").body;
    for hidden in ["/admin/audit", "/admin/tokens", "/admin/team", "/admin/certificates"] {
        assert!(!menu.contains(&format!("href=\"{hidden}\"")), "{hidden} is shown");
    }
}

#[test]
fn the_trail_is_leafed_through_filtered_and_taken_away_whole() {
    let site = owned();
    for number in 0..60 {
        let name = format!("p{number}");
        add(&site, &name, Role::ReadOnly);
        let name = if number == 7 { "P7".to_owned() } else { name };
        control(&site, ConsoleRequest::Lock { name, locked: true });
    }
    let mut ana = Browser::signed_in(&site, "ana");
    let whole = trail(&site, 1_000).len() as u64;
    let (mut seen, mut at) = (Vec::new(), "/admin/audit".to_owned());
    loop {
        let page = ana.get(&at).body;
        assert!(page.len() <= 60_000, "{}", page.len());
        seen.extend(numbers(&page));
        match next(&page) {
            Some(next) => at = next,
            None => break,
        }
    }
    let expected: Vec<u64> = (1..=whole).rev().collect();
    assert_eq!(seen, expected, "each line once, the newest first");

    let some = ana.get("/admin/audit?action=console.lock&subject=p7").body;
    assert_eq!(numbers(&some).len(), 1, "{some}");
    assert!(some.contains("Lock a console account"), "{some}");
    assert_eq!(numbers(&ana.get("/admin/audit?action=console.&actor=local").body).len(), 50);
    assert!(ana.get("/admin/audit?actor=nobody").body.contains("No line matches"));
    assert_eq!(numbers(&ana.get("/admin/audit?until=2020-01-01").body).len(), 0);
    assert_eq!(numbers(&ana.get("/admin/audit?since=2020-01-01").body).len(), 50);

    let (head, csv) = download(&site, &ana, "/admin/audit/audit.csv");
    assert!(head.contains("attachment; filename=\"audit.csv\""), "{head}");
    assert_eq!(csv.lines().count() as u64, whole + 1);
    assert!(csv.starts_with("line,time,who,from,did,to,detail,done\r\n"), "{csv}");
    let (_, some) = download(&site, &ana, "/admin/audit/audit.ndjson?action=console.lock");
    let read: Vec<AuditLine> =
        some.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(read.len(), 60);
    assert!(read.iter().all(|line| line.action == "console.lock"));

    let checked = ana.post("/admin/audit/verify", "").body;
    assert!(checked.contains(&format!("{whole} lines, each following")), "{checked}");
}

#[test]
fn a_token_is_made_shown_once_and_revoked() {
    let site = owned();
    add(&site, "rui", Role::Admin);
    let mut rui = Browser::signed_in(&site, "rui");
    assert!(rui.get("/admin/tokens").body.contains("There is no token"));
    for (fields, fault) in [
        ("name=&scope-users-read=yes&role=admin&days=90", "name-fault"),
        ("name=x&role=admin&days=90", "needs at least one scope"),
        ("name=x&scope-users-read=yes&role=king&days=90", "role-fault"),
        ("name=x&scope-users-read=yes&role=admin&days=7", "days-fault"),
        ("name=x&scope-users-read=yes&role=admin&days=90&networks=nowhere", "networks-fault"),
        ("name=x&scope-users-read=yes&role=owner&days=90", "above your own"),
    ] {
        let answer = rui.post("/admin/tokens", fields);
        assert_eq!(answer.status, 422, "{fields}");
        assert!(answer.body.contains(fault), "{fields}: {}", answer.body);
    }
    let fields = "name=mail+filter&scope-users-read=yes&scope-notify-send=yes&role=helpdesk&days=30\
                  &networks=192.0.2.0/24%0D%0A2001:db8::/32";
    let made = rui.post("/admin/tokens", fields).body;
    let (_, rest) = made.split_once("id=\"secret\">").expect("a secret");
    let secret = rest.split('<').next().expect("an end").to_owned();
    assert!(secret.starts_with("tagus_") && secret.len() > 40, "{secret}");
    assert!(made.contains("Authorization: Bearer"), "{made}");
    let list = rui.get("/admin/tokens").body;
    for shown in ["mail filter", "users:read", "notify:send", "192.0.2.0/24", "2001:db8::/32"] {
        assert!(list.contains(shown), "{shown}: {list}");
    }
    // W39.
    for path in ["/admin/tokens", "/admin/audit", "/admin/audit/audit.csv"] {
        let (_, body) = download(&site, &rui, path);
        assert!(!rui.get(path).body.contains(&secret) && !body.contains(&secret), "{path}");
    }
    let (before, _) = list.split_once("/revoke\"").expect("a form");
    let token = before.rsplit('/').next().expect("a token").to_owned();
    let revoke = format!("/admin/tokens/{token}/revoke");
    assert_eq!(rui.post(&revoke, "").status, 303);
    assert_eq!(rui.post(&revoke, "").status, 404);
    assert!(rui.get("/admin/tokens").body.contains("There is no token"));
    let did: Vec<String> = trail(&site, 2).into_iter().map(|line| line.action).collect();
    assert_eq!(did, ["token.revoke", "token.make"]);
    add(&site, "eva", Role::ReadOnly);
    let page = Browser::signed_in(&site, "eva").get("/admin/tokens").body;
    assert!(!page.contains("<form method=\"post\" action=\"/admin/tokens\""), "{page}");
}

// W33, W35.
#[test]
fn nobody_takes_his_own_rights_or_the_last_owners() {
    let site = owned();
    add(&site, "rui", Role::Admin);
    let mut ana = Browser::signed_in(&site, "ana");
    for (deed, fields) in [
        ("role", "role=admin"),
        ("role", "role=owner"),
        ("password", ""),
        ("drop-code", ""),
        ("lock", ""),
        ("delete", "confirm=ana"),
    ] {
        let answer = ana.post(&format!("/admin/team/people/ana/{deed}"), fields);
        assert_eq!(answer.status, 409, "{deed}: {}", answer.body);
        assert!(answer.body.contains("You cannot change your own rights"), "{deed}");
    }
    let mut rui = Browser::signed_in(&site, "rui");
    for (deed, fields) in
        [("role", "role=admin"), ("password", ""), ("lock", ""), ("delete", "confirm=ana")]
    {
        let answer = rui.post(&format!("/admin/team/people/ana/{deed}"), fields);
        assert_eq!(answer.status, 403, "{deed}");
        assert!(answer.body.contains("above yours"), "{deed}: {}", answer.body);
    }
    let owner = "name=eve&role=owner&password=&again=";
    assert_eq!(rui.post("/admin/team/add", owner).status, 403);
    assert_eq!(rui.post("/admin/team/people/rui/role", "role=owner").status, 403);
    assert!(!rui.get("/admin/team").body.contains("<option value=\"owner\""));
    // Two owners: one may put the other out, and not himself.
    add(&site, "eva", Role::Owner);
    let mut eva = Browser::signed_in(&site, "eva");
    assert_eq!(eva.post("/admin/team/people/ana/lock", "").status, 303);
    assert_eq!(ana.get("/admin").status, 303, "her session has ended");
    assert_eq!(eva.post("/admin/team/people/eva/delete", "confirm=eva").status, 409);
    assert_eq!(eva.post("/admin/team/people/ana/unlock", "").status, 303);
    for path in ["nobody", "x%2Fy", "%3Cb%3E"] {
        assert_eq!(eva.get(&format!("/admin/team/people/{path}")).status, 404, "{path}");
        let delete = format!("/admin/team/people/{path}/lock");
        assert_eq!(eva.post(&delete, "").status, 404, "{path}");
    }
}

#[test]
fn an_account_lives_from_add_to_delete_on_its_pages() {
    let site = owned();
    let mut ana = Browser::signed_in(&site, "ana");
    ana.get("/admin/team");
    for (fields, status) in [
        ("name=&role=admin", 422),
        ("name=eve&role=king", 422),
        ("name=eve&role=admin&password=short&again=short", 422),
        ("name=eve&role=admin&password=long+enough+for+it&again=another", 422),
        ("name=a%40b%40c&role=admin", 422),
        ("name=Ana&role=admin", 409),
    ] {
        assert_eq!(ana.post("/admin/team/add", fields).status, status, "{fields}");
    }
    let made = ana.post("/admin/team/add", "name=Eve&role=helpdesk").body;
    let (_, rest) = made.split_once("id=\"password\">").expect("a password");
    let password = rest.split('<').next().expect("an end").to_owned();
    assert_eq!(password.len(), 23, "{password}");
    let mut eve = Browser::new(&site);
    assert_eq!(eve.sign_in("eve", &password).status, 303);
    assert_eq!(eve.get("/admin").status, 200);
    let typed = PASSWORD.replace(' ', "+");
    let fields = format!("password={typed}&again={typed}");
    assert_eq!(ana.post("/admin/team/people/eve/password", &fields).status, 303);
    assert_eq!(eve.get("/admin").status, 303, "it stood on the old password");
    let mut eve = Browser::signed_in(&site, "eve");
    assert_eq!(ana.post("/admin/team/people/eve/role", "role=read-only").status, 303);
    assert_eq!(eve.get("/admin").status, 303);
    let mut eve = Browser::signed_in(&site, "eve");
    let page = ana.get("/admin/team").body;
    let (before, _) = page.split_once("/end\"").expect("a session");
    let handle = before.rsplit('/').next().expect("a handle").to_owned();
    assert_eq!(ana.post(&format!("/admin/team/sessions/{handle}/end"), "").status, 303);
    assert_eq!(eve.get("/admin").status, 303, "somebody ended it");
    assert_eq!(ana.post(&format!("/admin/team/sessions/{handle}/end"), "").status, 404);
    let line = trail(&site, 1).remove(0);
    assert_eq!((line.action.as_str(), line.subject.as_str()), ("console.end_session", "eve"));
    assert_eq!(ana.post("/admin/team/people/eve/delete", "confirm=ana").status, 422);
    assert_eq!(ana.post("/admin/team/people/eve/delete", "confirm=eve").status, 303);
    assert_eq!(ana.get("/admin/team/people/eve").status, 404);
}

#[test]
fn the_table_of_rights_shows_what_is_decided() {
    let site = owned();
    let mut ana = Browser::signed_in(&site, "ana");
    let page = ana.get("/admin/team/roles").body;
    let rows: BTreeSet<&str> = page.split("<tr><th scope=\"row\"").skip(1).collect();
    assert!(rows.len() > 40, "{}", rows.len());
    let may = |deed: &str| -> Vec<bool> {
        let code = format!("<code>{deed}</code>");
        let row = page.split("<tr><th").find(|row| row.contains(&code)).expect("a row");
        row.split("<td>").skip(1).map(|cell| cell.contains('✓')).collect()
    };
    assert_eq!(may("user.show"), [true; 4]);
    assert_eq!(may("audit.verify"), [true, false, true, true]);
    assert_eq!(may("user.disable"), [false, true, true, true]);
    assert_eq!(may("certificate.install"), [false, false, true, true]);
    assert_eq!(may("export"), [false, false, false, true]);
    assert_eq!(may("import"), [false; 4]);
    assert!(page.len() <= 60_000, "{}", page.len());
}
