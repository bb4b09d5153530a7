//! Who gets at the console, and with what: sessions, forms, roles, the set-up, over raw sockets.

use std::collections::BTreeSet;

use tagus::app::control::Client;
use tagus::clock::Clock;
use tagus::model::Role;
use tagus::operations::{ConsoleRequest, Reply, Request, Secret};
use tagus::web::{Access, Route};

use crate::http::{Answer, Site, ask};

pub(crate) const PASSWORD: &str = "four words that nobody else has";

/// Every route of the server.
fn routes() -> Vec<Route> {
    let pages = tagus::admin::pages(&Clock::system()).routes;
    tagus::web::routes().into_iter().chain(pages).chain(tagus::api::routes()).collect()
}

/// A path of a route, with something where any value may stand.
fn path_of(route: &Route) -> String {
    let part = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

pub(crate) fn control(site: &Site, request: ConsoleRequest) -> Reply {
    let mut client = Client::connect(&site.server.data_dir().join("tagus.sock")).expect("a server");
    client.call(&Request::Console(request)).expect("done")
}

pub(crate) fn add(site: &Site, name: &str, role: Role) {
    let password = Secret::new(PASSWORD.to_owned());
    control(site, ConsoleRequest::Add { name: name.to_owned(), role, password });
}

/// A site whose console has the owner ana.
pub(crate) fn owned() -> Site {
    owned_with("")
}

/// The same, with more configuration.
pub(crate) fn owned_with(more: &str) -> Site {
    let site = Site::new(more);
    add(&site, "ana", Role::Owner);
    site
}

/// A browser: it keeps its cookie and says which page sends it.
pub(crate) struct Browser<'a> {
    site: &'a Site,
    pub(crate) cookie: String,
    pub(crate) token: String,
    pub(crate) says: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(site: &'a Site) -> Browser<'a> {
        let says = "Sec-Fetch-Site: same-origin\r\n".to_owned();
        Browser { site, cookie: String::new(), token: String::new(), says }
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, more: &str, body: &str) -> Answer {
        let cookie = match self.cookie.as_str() {
            "" => String::new(),
            cookie => format!("Cookie: tagus={cookie}\r\n"),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n{cookie}{more}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = ask(&mut self.site.connect(), &request);
        if let Some(cookie) = answer.header("set-cookie").filter(|c| c.starts_with("tagus=")) {
            let value = cookie.trim_start_matches("tagus=").split(';').next();
            self.cookie = value.unwrap_or_default().to_owned();
        }
        answer
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        let answer = self.send("GET", path, "", "");
        if let Some((_, rest)) = answer.body.split_once("name=\"token\" value=\"") {
            self.token = rest.split('"').next().expect("an end").to_owned();
        }
        answer
    }

    pub(crate) fn post(&mut self, path: &str, fields: &str) -> Answer {
        let body = format!("token={}&{fields}", self.token);
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let more = format!("{form}{}", self.says);
        self.send("POST", path, &more, &body)
    }

    pub(crate) fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.get("/admin/sign-in");
        self.post("/admin/sign-in", &format!("name={name}&password={}", password.replace(' ', "+")))
    }

    pub(crate) fn signed_in(site: &'a Site, name: &str) -> Browser<'a> {
        let mut browser = Browser::new(site);
        let answer = browser.sign_in(name, PASSWORD);
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(browser.get("/admin").status, 200);
        browser
    }
}

// T60, W01: the table is walked; nobody but those whom it names gets anything.
#[test]
fn a_stranger_gets_nothing_but_the_public_list() {
    let site = owned();
    let mut public = BTreeSet::new();
    for route in routes() {
        let (path, method) = (path_of(&route), route.method.as_str());
        let answer = ask(
            &mut site.connect(),
            &format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"),
        );
        match route.access {
            Access::Public => {
                public.insert(route.path);
                assert_ne!(answer.status, 401, "{route:?}");
            }
            // There is an owner, so there is no set-up, for nobody.
            Access::SetUp => assert_eq!(answer.status, 404, "{route:?}"),
            Access::Entrance => assert!([200, 403].contains(&answer.status), "{route:?}"),
            Access::Right(_) | Access::Token(_) | Access::Reader => {
                assert_eq!(answer.status, 401, "{route:?}: {answer:?}");
                assert!(!answer.body.contains("campus"), "{answer:?}");
            }
        }
    }
    let expected = [
        "/",
        "/preferences",
        "/assets/{name}",
        "/sip",
        "/ca.pem",
        "/ca.crt",
        "/ca.mobileconfig",
        "/.well-known/acme-challenge/{token}",
        "/healthz",
        "/readyz",
    ];
    assert_eq!(public, BTreeSet::from(expected));
    // Whoever sits before a browser is led to the sign-in, and back.
    let answer = Browser::new(&site).get("/admin/account?x=1");
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some("/admin/sign-in?next=%2Fadmin%2Faccount%3Fx%3D1"));
}

// T60, W07: each role against each route.
#[test]
fn each_role_gets_what_the_table_gives_it_and_403_beyond() {
    let site = owned();
    for role in Role::ALL {
        let name = format!("a-{role}");
        add(&site, &name, role);
        let mut browser = Browser::signed_in(&site, &name);
        for route in routes() {
            let Access::Right(right) = route.access else { continue };
            // Some of them end the session.
            if browser.get("/admin").status != 200 {
                browser = Browser::signed_in(&site, &name);
            }
            let path = path_of(&route);
            let answer = match route.method.as_str() {
                "GET" => browser.get(&path),
                _ => browser.post(&path, ""),
            };
            let allowed = ![401, 403].contains(&answer.status);
            assert_eq!(allowed, right.is_of_role(role), "{role} {route:?}: {}", answer.status);
        }
    }
}

// Odd spellings of paths reach no page (T60).
#[test]
fn no_spelling_of_a_path_gets_around_the_layer() {
    let site = owned();
    for path in [
        "/setup/../admin",
        "/setup/%2e%2e/admin",
        "/admin/",
        "//admin",
        "/admin%2faccount",
        "/%61dmin",
        "/assets/..%2f..%2fadmin",
        "/admin;x=1",
        "/ADMIN",
        "/admin/account/",
        "/healthz/../admin",
        "/assets/../admin",
    ] {
        let answer = site.get(path);
        assert!([400, 401, 404].contains(&answer.status), "{path}: {answer:?}");
        assert!(!answer.body.contains("<main"), "{path}");
    }
}

// W09, W11, T61.
#[test]
fn a_change_needs_a_page_of_ours_and_the_token_of_its_session() {
    let site = owned();
    add(&site, "rui", Role::Owner);
    let path = "/admin/account/sessions/end";
    let mut ana = Browser::signed_in(&site, "ana");
    let rui = Browser::signed_in(&site, "rui");
    let own = ana.token.clone();
    for wrong in ["", "x", &own[1..], &rui.token] {
        ana.token = wrong.to_owned();
        assert_eq!(ana.post(path, "").status, 403, "{wrong}");
    }
    ana.token = own;
    for says in [
        "",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: none\r\n",
        "Origin: http://evil.test\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\nOrigin: http://localhost\r\n",
    ] {
        ana.says = says.to_owned();
        assert_eq!(ana.post(path, "").status, 403, "{says}");
    }
    // A browser of before: it names the page's origin alone.
    ana.says = "Origin: http://localhost\r\n".to_owned();
    assert_eq!(ana.post(path, "").status, 303);
    // The token of a session that is over.
    ana.says = "Sec-Fetch-Site: same-origin\r\n".to_owned();
    let old = ana.token.clone();
    assert_eq!(ana.post("/admin/sign-out", "").status, 303);
    ana.sign_in("ana", PASSWORD);
    ana.token = old;
    assert_eq!(ana.post(path, "").status, 403);
}

// W13: nobody is signed in by a page of somebody else's.
#[test]
fn a_sign_in_from_elsewhere_is_refused() {
    let site = owned();
    let mut browser = Browser::new(&site);
    browser.get("/admin/sign-in");
    browser.says = "Sec-Fetch-Site: cross-site\r\n".to_owned();
    let fields = format!("name=ana&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(browser.post("/admin/sign-in", &fields).status, 403);
    browser.says = "Sec-Fetch-Site: same-origin\r\n".to_owned();
    browser.token = "0".repeat(64);
    assert_eq!(browser.post("/admin/sign-in", &fields).status, 403);
    // A query signs nobody in.
    assert_eq!(browser.get(&format!("/admin/sign-in?{fields}")).status, 200);
    assert_eq!(browser.get("/admin").status, 303);
}

// W19, T63: the id that was there before is worth nothing afterwards.
#[test]
fn a_session_gets_a_new_id_when_somebody_signs_in() {
    let site = owned();
    let mut browser = Browser::new(&site);
    browser.get("/admin/sign-in");
    let before = browser.cookie.clone();
    assert_eq!(browser.sign_in("ana", PASSWORD).status, 303);
    assert_ne!(browser.cookie, before);
    for id in [before.as_str(), "x", &"0".repeat(64)] {
        let mut other = Browser::new(&site);
        other.cookie = id.to_owned();
        assert_eq!(other.get("/admin").status, 303, "{id}");
    }
    let answer = browser.send("GET", "/admin/sign-in", "", "");
    assert_eq!(answer.header("location"), Some("/admin"));
    let mut fresh = Browser::new(&site);
    let given = fresh.get("/admin/sign-in");
    let cookie = given.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    // Over TLS the cookie has the prefix, and goes over TLS alone.
    let mut secure = site.connect_secure("localhost", site.authority());
    let request = "GET /admin/sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let cookie = ask(&mut secure, request).header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.starts_with("__Host-tagus=") && cookie.ends_with("; Secure"), "{cookie}");
}

// W21: sign-out, another password, another role and a lock end sessions at once.
#[test]
fn a_session_ends_with_what_it_stood_on() {
    let site = owned();
    add(&site, "rui", Role::Admin);
    let name = || "rui".to_owned();
    let mut browser = Browser::signed_in(&site, "rui");
    let id = browser.cookie.clone();
    assert_eq!(browser.post("/admin/sign-out", "").status, 303);
    browser.cookie = id;
    assert_eq!(browser.get("/admin").status, 303);

    for change in [
        ConsoleRequest::SetRole { name: name(), role: Role::Helpdesk },
        ConsoleRequest::SetPassword { name: name(), password: Secret::new(PASSWORD.to_owned()) },
        ConsoleRequest::Lock { name: name(), locked: true },
    ] {
        let mut browser = Browser::signed_in(&site, "rui");
        control(&site, change.clone());
        assert_eq!(browser.get("/admin").status, 303, "{change:?}");
    }
    control(&site, ConsoleRequest::Lock { name: name(), locked: false });

    let mut other = Browser::signed_in(&site, "rui");
    let mut browser = Browser::signed_in(&site, "rui");
    browser.get("/admin/account");
    let id = browser.cookie.clone();
    let old = PASSWORD.replace(' ', "+");
    let fields = format!("present={old}&password=another+of+those&again=another+of+those");
    let answer = browser.post("/admin/account/password", &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_ne!(browser.cookie, id);
    assert_eq!(browser.get("/admin").status, 200);
    assert_eq!(other.get("/admin").status, 303);
    browser.cookie = id;
    assert_eq!(browser.get("/admin").status, 303);
}

#[test]
fn somebody_ends_his_other_sessions_and_nobody_elses() {
    let site = owned();
    add(&site, "rui", Role::Owner);
    let mut rui = Browser::signed_in(&site, "rui");
    let mut first = Browser::signed_in(&site, "ana");
    let mut second = Browser::signed_in(&site, "ana");
    let page = second.get("/admin/account").body;
    let (_, rest) = page.split_once("/admin/account/sessions/").expect("a session");
    let handle = rest.split('/').next().expect("a handle").to_owned();
    rui.get("/admin/account");
    assert_eq!(rui.post(&format!("/admin/account/sessions/{handle}/end"), "").status, 303);
    assert_eq!(first.get("/admin").status, 200, "it was not his");
    assert_eq!(second.post(&format!("/admin/account/sessions/{handle}/end"), "").status, 303);
    assert_eq!(first.get("/admin").status, 303);
    assert_eq!(second.get("/admin").status, 200);
    assert_eq!(rui.get("/admin").status, 200);
}

// W23: ten wrong sign-ins of one source; the eleventh waits, even with the right password.
#[test]
fn whoever_guesses_waits() {
    let site = owned();
    add(&site, "rui", Role::Owner);
    let mut browser = Browser::new(&site);
    let mut statuses = Vec::new();
    for n in 0..10 {
        statuses.push(browser.sign_in(&format!("nobody{n}"), "wrong").status);
    }
    assert_eq!(statuses, [401; 10]);
    let answer = browser.sign_in("ana", PASSWORD);
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
    assert!((1..=300).contains(&wait), "{wait}");
    assert!(answer.body.contains("id=\"faults\""), "{}", answer.body);
}

#[test]
fn a_wrong_name_and_a_wrong_password_get_the_same_answer() {
    let site = owned();
    let strip = |answer: Answer, name: &str| answer.body.replace(name, "NAME");
    let mut browser = Browser::new(&site);
    let known = strip(browser.sign_in("ana", "wrong"), "ana");
    let unknown = strip(browser.sign_in("eva", "wrong"), "eva");
    assert_eq!(known, unknown);
}

// W25, W28, T64.
#[test]
fn pages_are_not_framed_not_kept_and_run_nothing_of_others() {
    let site = owned();
    let mut browser = Browser::signed_in(&site, "ana");
    for path in ["/admin", "/admin/account", "/", "/nothing"] {
        let answer = browser.get(path);
        let policy = answer.header("content-security-policy").expect("a policy");
        for part in
            ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
    }
}

// W27.
#[test]
fn a_sign_in_leads_to_our_own_pages_alone() {
    let site = owned();
    for (next, to) in [
        ("/admin/account?x=1", "/admin/account?x=1"),
        ("//evil.test", "/admin"),
        ("https:evil.test", "/admin"),
        ("https://evil.test/", "/admin"),
        ("\\evil", "/admin"),
        ("/\\evil.test", "/admin"),
        ("", "/admin"),
    ] {
        let mut browser = Browser::new(&site);
        browser.get("/admin/sign-in");
        let next = next.replace('?', "%3F").replace('=', "%3D").replace('\\', "%5C");
        let password = PASSWORD.replace(' ', "+");
        let answer =
            browser.post("/admin/sign-in", &format!("name=ana&password={password}&next={next}"));
        assert_eq!(answer.header("location"), Some(to), "{next}");
    }
}

// W03, `ux.md` 1 rule 2: before there is an owner only the set-up answers, and after it never again.
#[test]
fn without_an_owner_only_the_link_answers_and_with_one_it_is_gone() {
    let site = Site::new("");
    let made = site.server.run(&["setup-link", "--json"], None).json();
    let url = made["urls"][0].as_str().expect("a URL");
    let link = format!("/{}", url.splitn(4, '/').nth(3).expect("a path"));
    for route in routes() {
        let closed = !matches!(route.access, Access::Public | Access::SetUp);
        if closed {
            let request = format!(
                "{} {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
                route.method,
                path_of(&route)
            );
            assert_eq!(ask(&mut site.connect(), &request).status, 404, "{route:?}");
        }
    }
    assert_eq!(site.get("/setup/x").status, 404);
    assert!(site.get("/").body.contains("tagus setup-link"));
    // Looking at it uses nothing up.
    assert_eq!(site.get(&link).status, 200);
    assert_eq!(site.get(&link).status, 200);
    assert_eq!(site.get("/healthz").status, 200);
    add(&site, "ana", Role::Owner);
    let recovers = site.get(&link).status;
    // A link that was asked for serves whoever lost access, until it is used.
    assert_eq!(recovers, 200);
    assert_eq!(site.get("/setup/x").status, 404);
    assert_eq!(Browser::new(&site).get("/admin").status, 303);
    let fresh = owned();
    assert_eq!(fresh.get(&link).status, 404);
}

// W05.
#[test]
fn nothing_but_the_assets_themselves_is_served() {
    let site = Site::new("");
    let page = site.get("/").body;
    let (_, rest) = page.split_once("href=\"/assets/style.").expect("a style");
    let style = format!("/assets/style.{}", rest.split('"').next().expect("an end"));
    let answer = site.get(&style);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/css; charset=utf-8"));
    let kept = answer.header("cache-control").expect("how long");
    assert!(kept.contains("immutable"), "{kept}");
    let tag = answer.header("etag").expect("a tag");
    let more = format!("If-None-Match: {tag}\r\nAccept-Encoding: gzip\r\n");
    let request = format!("GET {style} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
    let again = ask(&mut site.connect(), &request);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    for path in [
        "/assets/",
        "/assets",
        "/assets/style.css",
        "/assets/.git",
        "/assets/style.css.map",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e%2fCargo.toml",
        "/style.css",
        "/.git/config",
    ] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
}

// RFC 9110 s12.5.4; a choice goes before what the browser says.
#[test]
fn pages_are_in_the_language_of_the_browser_or_the_one_that_was_chosen() {
    let site = Site::new("");
    let mut browser = Browser::new(&site);
    let page = |browser: &mut Browser<'_>, more: &str| {
        let body = browser.send("GET", "/", more, "").body;
        let (_, rest) = body.split_once("<html lang=\"").expect("a language");
        rest.split('"').next().expect("an end").to_owned()
    };
    assert_eq!(page(&mut browser, ""), "en");
    assert_eq!(page(&mut browser, "Accept-Language: pt-BR,en;q=0.5\r\n"), "pt-PT");
    let chosen = "Accept-Language: en\r\nCookie: tagus-language=pt\r\n";
    browser.cookie = String::new();
    assert_eq!(page(&mut Browser::new(&site), chosen), "pt-PT");
    browser.get("/");
    let answer = browser.post("/preferences", "language=pt&theme=dark&back=//evil.test");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    for cookie in ["tagus-language=pt; Path=/", "tagus-theme=dark; Path=/"] {
        assert!(answer.head.contains(cookie), "{}", answer.head);
    }
}
