//! The ways through the console: whatever a page leads to is there for whoever sees it, and every page
//! is led to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tagus::app::control::Client;
use tagus::clock::Clock;
use tagus::model::Role;
use tagus::operations::{JobRequest, NewNotice, NoticeRequest, PeopleDeed, Request, Whom};
use tagus::web::{Access, Route};

use crate::console::{Browser, add, owned};
use crate::http::{Answer, Site};

/// Pages of one kind that are looked at, with a query and without: more than there are sections of settings.
const SAME: usize = 20;

fn routes() -> Vec<Route> {
    let pages = tagus::admin::pages(&Clock::system()).routes;
    tagus::web::routes().into_iter().chain(pages).collect()
}

/// The route that answers for a path, by the one with the fewest parts of any value.
fn route_of<'a>(routes: &'a [Route], method: &str, path: &str) -> Option<&'a Route> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let any = |route: &&Route| route.path.matches('{').count();
    let fits = |route: &&Route| {
        let own: Vec<&str> = route.path.split('/').collect();
        let same = |(own, part): (&&str, &&str)| own.starts_with('{') || own == part;
        route.method == method && own.len() == parts.len() && own.iter().zip(&parts).all(same)
    };
    routes.iter().filter(fits).min_by_key(any)
}

/// The values of an attribute in a page.
fn values(page: &str, attribute: &str) -> Vec<String> {
    let start = format!(" {attribute}=\"");
    page.split(&start)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|value| value.replace("&#38;", "&").replace("&amp;", "&"))
        .filter(|value| value.starts_with('/') || value.starts_with('?'))
        .collect()
}

/// The forms of a page that change something: where they go to.
fn deeds(page: &str) -> Vec<String> {
    let posts = page.split("<form ").skip(1).filter_map(|form| form.split('>').next());
    let posts = posts.filter(|form| form.contains("method=\"post\""));
    let mut all: Vec<String> =
        posts.flat_map(|form| values(&format!(" {form}"), "action")).collect();
    all.extend(values(page, "formaction"));
    all
}

fn control(site: &Site, request: &Request) {
    let socket = site.server.data_dir().join("tagus.sock");
    Client::connect(&socket).expect("a server").call(request).expect("done");
}

/// A console with something on each of its pages.
fn furnished() -> Site {
    let site = owned();
    for role in [Role::Admin, Role::Helpdesk, Role::ReadOnly] {
        add(&site, &format!("a-{role}"), role);
    }
    for user in ["rui", "eva"] {
        site.server.add_user(user, "a password");
        let user = user.to_owned();
        let groups = Some(vec!["staff".to_owned()]);
        let (name, mail, number) = (None, None, None);
        control(&site, &Request::UserEdit { user, name, mail, number, groups });
    }
    site.server.add_device("rui", "a telephone");
    control(&site, &Request::UserDisable { user: "eva".to_owned() });
    let notice =
        NewNotice { to: vec!["rui".to_owned()], text: "held".to_owned(), ..NewNotice::default() };
    control(&site, &Request::Notice(NoticeRequest::Send(notice)));
    let whom = Whom::Named(vec!["rui".to_owned(), "nobody".to_owned()]);
    control(&site, &Request::Jobs(JobRequest::People { deed: PeopleDeed::Enable, whom }));
    site
}

/// What somebody finds who follows every link, and what is wrong with the ways: links that lead
/// nowhere, and deeds that are offered to whom they are not permitted.
fn walk(
    site: &Site,
    routes: &[Route],
    name: &str,
    role: Role,
) -> (BTreeSet<&'static str>, Vec<String>) {
    let mut browser = Browser::signed_in(site, name);
    let (mut found, mut wrong) = (BTreeSet::new(), Vec::new());
    let mut seen = BTreeSet::from(["/admin".to_owned()]);
    let mut open = VecDeque::from([("/admin".to_owned(), "the beginning".to_owned())]);
    let mut kinds = BTreeMap::<(&str, bool), usize>::new();
    while let Some((path, from)) = open.pop_front() {
        let Some(route) = route_of(routes, "GET", &path) else {
            wrong.push(format!("{name}: {from} leads to {path}, which is no page"));
            continue;
        };
        // What many rows lead to is looked at for some of them.
        let looks = kinds.entry((route.path, path.contains('?'))).or_default();
        *looks += 1;
        if *looks > SAME {
            continue;
        }
        let Answer { status, body, .. } = browser.get(&path);
        if status != 200 {
            wrong.push(format!("{name}: {from} leads to {path}, which answers {status}"));
        }
        found.insert(route.path);
        for deed in deeds(&body) {
            let may = match route_of(routes, "POST", &deed).map(|route| route.access) {
                Some(Access::Right(right)) => right.is_of_role(role),
                other => other.is_some(),
            };
            if !may {
                wrong.push(format!("{name} is offered {deed} on {path}"));
            }
        }
        for link in values(&body, "href") {
            let link = link.split('#').next().unwrap_or_default().to_owned();
            let link = if link.starts_with('?') { format!("{path}{link}") } else { link };
            if link.starts_with("/admin") && seen.insert(link.clone()) {
                open.push_back((link, path.clone()));
            }
        }
    }
    (found, wrong)
}

#[test]
fn whatever_a_page_leads_to_is_there_and_every_page_is_led_to() {
    let site = furnished();
    let routes = routes();
    let (mut found, mut wrong) = (BTreeSet::new(), Vec::new());
    for role in Role::ALL {
        let name = if role == Role::Owner { "ana".to_owned() } else { format!("a-{role}") };
        let walked = walk(&site, &routes, &name, role);
        found = walked.0;
        wrong.extend(walked.1);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What the owner found, who came last, is everything but what needs a directory, the pages that
    // only a form or a script leads to, and the way in.
    let unfound: BTreeSet<&str> = routes
        .iter()
        .filter(|route| route.method == "GET" && matches!(route.access, Access::Right(_)))
        .map(|route| route.path)
        .filter(|path| path.starts_with("/admin") && !found.contains(path))
        .collect();
    let expected = [
        "/admin/directory/sync",
        "/admin/directory/sync/preview",
        "/admin/live",
        "/admin/notice/sent/{id}",
    ];
    assert_eq!(unfound, BTreeSet::from(expected));
}
