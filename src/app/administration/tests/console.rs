//! The console's requests, by role, and the life of a link's file.

use super::*;
use crate::accounts::ActorKind;
use crate::app::setup_link;
use crate::model::Role;
use crate::operations::{AuditFilter, AuditRequest, ConsoleRequest, TokenRequest};

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

impl House {
    fn ask_as(&self, role: Role, request: Request) -> Result<Reply, Failure> {
        let (name, source) = (role.name().to_owned(), "192.0.2.7".to_owned());
        let actor = Actor { name, source, role, kind: ActorKind::Console };
        let administration = Administration::new(Arc::clone(&self.site), None);
        self.runtime.block_on(administration.perform(&actor, request))
    }
}

/// W07, W33: refused, changed nothing, and written down.
#[test]
fn who_asks_for_more_than_his_role_permits_is_refused_and_written_down() {
    let house = House::new(None);
    house.add("ana");
    let add = |role| {
        let (name, password) = ("eve".to_owned(), secret("of the console, long"));
        Request::Console(ConsoleRequest::Add { name, role, password })
    };
    let refused = [
        (Role::ReadOnly, Request::UserDisable { user: user("ana") }, "user.disable"),
        (Role::Helpdesk, add(Role::Helpdesk), "console.add"),
        (Role::Helpdesk, Request::Audit(AuditRequest::Verify), "audit.verify"),
        (Role::Admin, Request::Export { path: "/nowhere".into() }, "export"),
        (Role::Owner, Request::SetupLink, "setup_link.make"),
    ];
    for (role, request, deed) in refused {
        assert_eq!(house.ask_as(role, request).unwrap_err().exit, Exit::Refused, "{deed}");
        let page = AuditRequest::Before { before: None, limit: 1, filter: AuditFilter::default() };
        let Ok(Reply::Audit(page)) = house.ask(Request::Audit(page)) else { panic!("no page") };
        let line = &page.entries[0];
        assert_eq!((line.action.as_str(), line.done), (deed, false));
        assert_eq!((line.actor.as_str(), line.source.as_str()), (role.name(), "192.0.2.7"));
    }
    // Within his rights, and beyond them by what he asks for.
    assert!(house.ask_as(Role::Helpdesk, Request::UserDisable { user: user("ana") }).is_ok());
    assert_eq!(house.ask_as(Role::Admin, add(Role::Owner)).unwrap_err().exit, Exit::Refused);
    let Ok(Reply::Console(made)) = house.ask_as(Role::Admin, add(Role::Admin)) else {
        panic!("not made")
    };
    assert_eq!((made[0].name.as_str(), made[0].role, made[0].code), ("eve", Role::Admin, false));
    let delete = ConsoleRequest::Delete { name: "nobody".to_owned() };
    assert_eq!(house.exit(Request::Console(delete)), Exit::NotFound);
    let short = ConsoleRequest::SetPassword { name: "eve".to_owned(), password: secret("short") };
    assert_eq!(house.exit(Request::Console(short)), Exit::Usage);
}

#[test]
fn a_token_is_made_listed_and_revoked_by_request() {
    let house = House::new(None);
    let make = TokenRequest::Make {
        name: "mail filter".to_owned(),
        scopes: vec![crate::model::Scope::UsersRead],
        role: Role::ReadOnly,
        expires_at: None,
        networks: Vec::new(),
    };
    let Ok(Reply::TokenSecret(made)) = house.ask(Request::Token(make)) else { panic!("not made") };
    let source = "192.0.2.7".parse().unwrap();
    let bearer = || house.site.accounts.bearer(made.secret.expose(), source).unwrap();
    assert_eq!(bearer().unwrap().role, Role::ReadOnly);
    let Ok(Reply::Tokens(all)) = house.ask(Request::Token(TokenRequest::List)) else {
        panic!("no list")
    };
    assert_eq!((all[0].token.as_str(), all.len()), (made.token.token.as_str(), 1));
    assert!(!serde_json::to_string(&all).unwrap().contains(made.secret.expose()));
    let revoke = || Request::Token(TokenRequest::Revoke { token: made.token.token.clone() });
    assert_eq!(house.ask(revoke()), Ok(Reply::Done));
    assert_eq!((bearer(), house.exit(revoke())), (None, Exit::NotFound));
}

/// The file is there while its link serves, and goes when it is used.
#[test]
fn the_file_of_a_link_goes_away_with_the_link() {
    let house = House::new(Some(Arc::new(Noting::default())));
    let web = ["http://127.0.0.1:8080".parse().unwrap()];
    let file = house.site.config.data_dir.join("setup-link");
    // One that an earlier server left.
    std::fs::write(&file, "old").unwrap();
    let offered = house.runtime.block_on(setup_link::offer(&house.site, &web)).unwrap().unwrap();
    let token = |url: &Secret| url.expose().rsplit('/').next().unwrap().to_owned();
    let offered = token(&offered.urls[0]);
    assert!(house.site.accounts.is_setup_token(&offered).unwrap());
    let Ok(Reply::SetupLink(link)) = house.ask(Request::SetupLink) else { panic!("no link") };
    assert!(link.is_served && link.file == file);
    assert!(!house.site.accounts.is_setup_token(&offered).unwrap());
    assert!(std::fs::read_to_string(&file).unwrap().contains(link.urls[0].expose()));

    let token = token(&link.urls[0]);
    house.runtime.block_on(async {
        let keeping = tokio::spawn(setup_link::keep(Arc::clone(&house.site)));
        let source = "127.0.0.1".parse().unwrap();
        let used = house.site.accounts.set_up(source, &token, "ana", "of the console, long", None);
        used.await.unwrap();
        let gone = async {
            while file.exists() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.unwrap();
        keeping.abort();
    });
    let none = house.runtime.block_on(setup_link::offer(&house.site, &web)).unwrap();
    assert_eq!(none, None, "there is an owner");
}
