//! The API: who gets in with which token, what is refused, and that it does what it says.

use serde_json::{Value, json};
use tagus::app::control::Client;
use tagus::model::{Role, Scope};
use tagus::operations::{
    AuditFilter, AuditRequest, ConsoleRequest, Reply, Request, Secret, TokenRequest,
};
use tagus::web::Access;

use crate::http::{Answer, Site, ask};

pub(crate) fn control(site: &Site, request: &Request) -> Reply {
    let mut client = Client::connect(&site.server.data_dir().join("tagus.sock")).expect("a server");
    client.call(request).expect("done")
}

/// A site with an owner: before, there is no API.
pub(crate) fn owned() -> Site {
    let site = Site::new("");
    let password = Secret::new("four words that nobody else has".to_owned());
    let owner = ConsoleRequest::Add { name: "ana".to_owned(), role: Role::Owner, password };
    control(&site, &Request::Console(owner));
    site
}

/// A token's identifier and its text.
fn make(site: &Site, role: Role, scopes: &[Scope], networks: &[&str]) -> (String, String) {
    let make = TokenRequest::Make {
        name: "a test".to_owned(),
        scopes: scopes.to_vec(),
        role,
        expires_at: None,
        networks: networks.iter().map(|network| (*network).to_owned()).collect(),
    };
    let Reply::TokenSecret(made) = control(site, &Request::Token(make)) else { panic!("a token") };
    (made.token.token, made.secret.expose().to_owned())
}

/// A program with a token.
pub(crate) struct Program<'a> {
    pub(crate) site: &'a Site,
    pub(crate) token: String,
}

impl<'a> Program<'a> {
    pub(crate) fn new(site: &'a Site, role: Role, scopes: &[Scope]) -> Program<'a> {
        Program { site, token: make(site, role, scopes, &[]).1 }
    }

    pub(crate) fn owner(site: &'a Site) -> Program<'a> {
        Program::new(site, Role::Owner, Scope::ALL)
    }

    pub(crate) fn send(&self, method: &str, path: &str, more: &str, body: &str) -> Answer {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n{more}\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        ask(&mut self.site.connect(), &request)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "")
    }

    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.text(method, path, &body.to_string())
    }

    pub(crate) fn text(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, path, "Content-Type: application/json\r\n", body)
    }
}

pub(crate) fn read(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

/// A problem document of this status, and nothing of a page.
pub(crate) fn refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let problem = read(answer);
    assert_eq!(problem["status"], status);
    assert_eq!(problem["type"], "about:blank");
    assert!(problem["detail"].is_string());
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

/// A path of a route, with something where any value may stand.
fn path_of(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

// W01, W07: each line of the table against no token, another scope, and each role.
#[test]
fn a_token_gets_what_its_scopes_and_its_role_permit_and_no_more() {
    let site = owned();
    let mut of_roles = Vec::new();
    for role in Role::ALL {
        of_roles.push((role, Program::new(&site, role, Scope::ALL)));
    }
    for route in tagus::api::routes() {
        let (method, path) = (route.method.as_str(), path_of(route.path));
        let stranger = Program { site: &site, token: "tagus_x".to_owned() };
        let answer = stranger.send(method, &path, "Accept: text/html\r\n", "");
        refused(&answer, 401);
        assert!(answer.header("www-authenticate").is_some_and(|says| says.starts_with("Bearer")));
        let Access::Token(rule) = route.access else { continue };
        for (role, program) in &of_roles {
            // Whoever may ends this server.
            if rule.deed == "server.restart" && rule.right.is_of_role(*role) {
                continue;
            }
            let answer = program.text(method, &path, "{}");
            let is_permitted = rule.right.is_of_role(*role);
            assert_eq!(answer.status != 403, is_permitted, "{role} {route:?} {answer:?}");
            assert!(answer.status < 500 || path.contains("directory"), "{route:?} {answer:?}");
        }
        let others: Vec<Scope> =
            Scope::ALL.iter().copied().filter(|scope| Some(*scope) != rule.scope).collect();
        let (id, token) = make(&site, Role::Owner, &others, &[]);
        refused(&Program { site: &site, token }.text(method, &path, "{}"), 403);
        let Reply::Done = control(&site, &Request::Token(TokenRequest::Revoke { token: id }))
        else {
            panic!("revoked");
        };
    }
    // What was refused stands in the trail.
    let filter = AuditFilter { action: Some("user.disable".to_owned()), ..AuditFilter::default() };
    let lines = AuditRequest::Before { before: None, limit: 10, filter };
    let Reply::Audit(page) = control(&site, &Request::Audit(lines)) else { panic!("lines") };
    assert!(page.entries.iter().any(|line| !line.done && line.actor.starts_with("token:")));
}

#[test]
fn a_token_that_was_revoked_or_is_shown_from_elsewhere_is_none() {
    let site = owned();
    let (id, token) = make(&site, Role::ReadOnly, &[Scope::StatusRead], &["127.0.0.0/8"]);
    let program = Program { site: &site, token };
    assert_eq!(program.get("/api/v1/status").status, 200);
    control(&site, &Request::Token(TokenRequest::Revoke { token: id }));
    refused(&program.get("/api/v1/status"), 401);
    let (_, token) = make(&site, Role::ReadOnly, &[Scope::StatusRead], &["192.0.2.0/24"]);
    refused(&Program { site: &site, token }.get("/api/v1/status"), 401);
    // Before there is an owner there is no API.
    let site = Site::new("");
    refused(&Program { site: &site, token: "tagus_x".to_owned() }.get("/api/v1/status"), 404);
}

// No cookie opens the API, so no page of somebody else's can use it; and it invites none.
#[test]
fn whoever_is_signed_in_reads_the_description_and_nothing_else_of_the_api() {
    let site = owned();
    let mut browser = crate::console::Browser::signed_in(&site, "ana");
    let answer = browser.send("GET", "/api/v1/openapi.json", "", "");
    assert_eq!(answer.status, 200);
    assert_eq!(read(&answer)["openapi"], "3.1.0");
    refused(&browser.send("GET", "/api/v1/status", "", ""), 401);
    refused(&browser.send("POST", "/api/v1/people", "Sec-Fetch-Site: same-origin\r\n", "{}"), 401);
    let reader = Program::new(&site, Role::ReadOnly, &[Scope::BansRead]);
    assert_eq!(reader.get("/api/v1/openapi.json").status, 200);
    refused(&reader.send("OPTIONS", "/api/v1/bans", "Origin: https://evil.test\r\n", ""), 405);
    refused(&reader.get("/api/v1/nothing"), 404);
    refused(&reader.get("/api/v2"), 404);
}

#[test]
fn a_person_is_made_changed_given_a_device_locked_and_removed() {
    let site = owned();
    let api = Program::owner(&site);
    let person = json!({"user": "Rui", "name": "Rui Ramos", "password": "a long enough one"});
    let made = api.json("POST", "/api/v1/people", &person);
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("location"), Some("/api/v1/people/rui"));
    assert!(!made.body.contains("long enough"));
    refused(&api.json("POST", "/api/v1/people", &person), 409);
    assert_eq!(read(&api.get("/api/v1/people/rui"))["name"], "Rui Ramos");
    let number = json!({"number": "+351 21 000 0000"});
    assert_eq!(api.json("PUT", "/api/v1/people/rui/number", &number).status, 204);
    let password = json!({"password": "another long one"});
    assert_eq!(api.json("PUT", "/api/v1/people/rui/password", &password).status, 204);
    let device = api.json("POST", "/api/v1/people/rui/devices", &json!({"label": "phone"}));
    assert_eq!(device.status, 201, "{device:?}");
    let place = device.header("location").expect("a place").to_owned();
    assert!(read(&device)["secret"].is_string());
    let devices = read(&api.get("/api/v1/people/rui/devices"));
    assert_eq!(devices["items"][0]["name"], "phone");
    assert_eq!(api.send("DELETE", &place, "", "").status, 204);
    refused(&api.send("DELETE", &place, "", ""), 404);
    assert_eq!(api.send("POST", "/api/v1/people/rui/disable", "", "").status, 204);
    assert_eq!(read(&api.get("/api/v1/people/rui"))["disabled"], true);
    assert_eq!(api.send("POST", "/api/v1/people/rui/enable", "", "").status, 204);
    assert_eq!(read(&api.get("/api/v1/people/rui/presence"))["open"], false);
    assert_eq!(read(&api.get("/api/v1/people/rui/watchers"))["items"], json!([]));
    assert_eq!(read(&api.get("/api/v1/people/rui/presence-rules"))["documents"], json!([]));
    refused(
        &api.json("PUT", "/api/v1/people/rui/presence-rules", &json!({"document": "<x/>"})),
        422,
    );
    assert_eq!(api.send("DELETE", "/api/v1/people/rui", "", "").status, 204);
    refused(&api.get("/api/v1/people/rui"), 404);
    let deeds = read(&api.get("/api/v1/audit?subject=rui&limit=1000"));
    let deeds = deeds["items"].as_array().expect("lines");
    assert!(deeds.iter().any(|line| line["action"] == "user.disable"), "{deeds:?}");
    assert!(
        deeds.iter().all(|line| {
            line["actor"].as_str().is_some_and(|actor| actor.starts_with("token:"))
        })
    );
    assert_eq!(read(&api.get("/api/v1/audit/verification"))["broken_at"], Value::Null);
}

// W43.
#[test]
fn lists_are_read_page_by_page_to_their_end() {
    let site = owned();
    let api = Program::owner(&site);
    for n in 0..7 {
        let made = api.json("POST", "/api/v1/people", &json!({"user": format!("p{n} ").trim()}));
        assert_eq!(made.status, 201, "{made:?}");
    }
    for (path, expected) in
        [("/api/v1/people?limit=3&source=local", 7), ("/api/v1/audit?limit=3", 9)]
    {
        let (mut next, mut seen, mut pages) = (Some(path.to_owned()), 0, 0);
        while let Some(path) = next {
            let page = api.get(&path);
            assert_eq!(page.status, 200, "{page:?}");
            let page = read(&page);
            seen += page["items"].as_array().expect("items").len();
            pages += 1;
            next = page["next"].as_str().map(str::to_owned);
        }
        assert_eq!((seen >= expected, pages >= 3), (true, true), "{path}: {seen} on {pages}");
    }
    for wrong in [
        "/api/v1/people?limit=1000000000",
        "/api/v1/people?limit=0",
        "/api/v1/people?sort=name",
        "/api/v1/people?source=x",
        "/api/v1/people?online=yes",
        "/api/v1/people?after=nothing+of+ours",
        "/api/v1/people?limit=1&limit=2",
        "/api/v1/audit?since=yesterday",
        "/api/v1/audit?after=-1",
        "/api/v1/status?x=1",
    ] {
        refused(&api.get(wrong), 422);
    }
    refused(&api.send("DELETE", "/api/v1/bans", "", ""), 422);
    assert_eq!(read(&api.send("DELETE", "/api/v1/bans?all=true", "", ""))["lifted"], 0);
    // A search is for what it says, whatever that is.
    assert_eq!(api.get("/api/v1/people?text=%28%2A%29%28uid%3D%2A%29%28a%2B%29%2B%24").status, 200);
}

// W29, W31, W33.
#[test]
fn what_is_sent_is_what_is_asked_for_or_it_is_refused() {
    let site = owned();
    let api = Program::owner(&site);
    let deep = format!("{{\"user\":{}", "[".repeat(10_000));
    let large = format!("{{\"user\":\"{}\"}}", "a".repeat(10 * 1024 * 1024));
    for (body, statuses) in [
        ("", &[400][..]),
        ("{", &[400]),
        ("[]", &[422]),
        ("null", &[422]),
        (&deep, &[400, 422]),
        (r#"{"user":"a","user":"b"}"#, &[422]),
        (r#"{"user":NaN}"#, &[400]),
        (r#"{"user":1e999}"#, &[400, 422]),
        (r#"{"user":"\ud800"}"#, &[400]),
        (r#"{"user":"a","role":"admin"}"#, &[422]),
        (r#"{"user":""}"#, &[422]),
        (r#"{"user":".."}"#, &[422]),
        (r#"{"user":"a/b"}"#, &[422]),
        (r#"{"user":"a\u0000"}"#, &[422]),
        (r#"{"user":"a@b@c"}"#, &[422]),
    ] {
        let answer = api.text("POST", "/api/v1/people", body);
        assert!(statuses.contains(&answer.status), "{body:.60} {answer:?}");
        refused(&answer, answer.status);
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    refused(&api.send("POST", "/api/v1/people", form, "user=a"), 415);
    refused(&api.send("POST", "/api/v1/people", "", "{}"), 415);
    // It is refused by what it says of itself, before anybody reads it.
    let mut stream = site.connect();
    let head = format!(
        "POST /api/v1/people HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        api.token,
        large.len()
    );
    refused(&ask(&mut stream, &head), 413);
}

#[test]
fn a_token_that_runs_wild_is_told_to_wait_and_others_are_not() {
    let site = owned();
    let (wild, other) = (Program::owner(&site), Program::owner(&site));
    let mut stream = site.connect();
    let request = format!(
        "GET /api/v1/bans HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        wild.token
    );
    let over = (0..5_000).find_map(|_| {
        let answer = ask(&mut stream, &request);
        (answer.status != 200).then_some(answer)
    });
    let over = over.expect("an end");
    refused(&over, 429);
    assert_eq!(over.header("retry-after"), Some("1"));
    assert_eq!(other.get("/api/v1/bans").status, 200);
}
