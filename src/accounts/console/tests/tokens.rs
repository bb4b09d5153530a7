//! Tokens of the API.

use proptest::prelude::*;

use super::*;
use crate::model::Scope;

fn new<'a>(scopes: &'a [Scope], role: Role, networks: &'a [String]) -> NewToken<'a> {
    NewToken { name: "mail filter", scopes, role, expires_at: None, networks }
}

#[tokio::test]
async fn a_token_serves_until_it_ends_is_revoked_or_comes_from_elsewhere() {
    let site = site();
    let accounts = &site.accounts;
    let ana = site.console("ana", Role::Admin).await.actor(SOURCE);
    let networks = ["192.0.2.0/24".to_owned(), "2001:db8::1".to_owned()];
    let expires_at = Some(accounts.now() + Duration::from_secs(3600));
    let scopes = [Scope::UsersWrite, Scope::UsersRead, Scope::UsersRead];
    let token = NewToken { expires_at, ..new(&scopes, Role::Helpdesk, &networks) };
    let (row, text) = accounts.make_token(&ana, token).await.unwrap();
    assert!(text.len() == 46 && text.starts_with("tagus_"));
    let bearer = accounts.bearer(&text, SOURCE).unwrap().unwrap();
    assert_eq!(bearer.role, Role::Helpdesk);
    assert_eq!(bearer.scopes, [Scope::UsersRead, Scope::UsersWrite]);
    let actor = bearer.actor(SOURCE);
    assert_eq!((actor.name, actor.kind), (format!("token:{}", row.id), ActorKind::Token));

    assert_eq!(accounts.bearer(&text, "198.51.100.1".parse().unwrap()).unwrap(), None);
    assert!(accounts.bearer(&text, "::ffff:192.0.2.9".parse().unwrap()).unwrap().is_some());
    let mut wrong = text.to_string();
    wrong.replace_range(45.., if wrong.ends_with('a') { "b" } else { "a" });
    for wrong in ["", "tagus_", &wrong, &text[1..], &text.to_uppercase()] {
        assert_eq!(accounts.bearer(wrong, SOURCE).unwrap(), None, "{wrong:?}");
    }
    site.clock.advance(Duration::from_secs(3599));
    assert!(accounts.bearer(&text, SOURCE).unwrap().is_some());
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(accounts.bearer(&text, SOURCE).unwrap(), None);

    let (row, text) = accounts.make_token(&ana, new(&scopes, Role::Admin, &[])).await.unwrap();
    accounts.revoke_token(&ana, &row.id).await.unwrap();
    assert_eq!(accounts.bearer(&text, SOURCE).unwrap(), None);
    let again = accounts.revoke_token(&ana, &row.id).await.unwrap_err();
    assert_eq!(console_error(again), ConsoleError::NoToken(row.id));
    // Nothing of the text is anywhere in the store.
    for table in Table::ALL {
        for row in site.store.scan(table, b"", None, 1000).unwrap() {
            assert!(!row.1.windows(40).any(|part| part == &text.as_bytes()[6..]));
        }
    }
}

#[tokio::test]
async fn a_token_is_worth_no_more_than_its_maker_is_now() {
    let site = site();
    let (accounts, machine) = (&site.accounts, Actor::socket());
    let ana = site.console("ana", Role::Owner).await.actor(SOURCE);
    site.console("rui", Role::Owner).await;
    let scopes = [Scope::UsersRead];
    let (_, text) = accounts.make_token(&ana, new(&scopes, Role::Owner, &[])).await.unwrap();
    let role = || accounts.bearer(&text, SOURCE).unwrap().map(|bearer| bearer.role);
    assert_eq!(role(), Some(Role::Owner));
    accounts.set_console_role(&machine, "ana", Role::Helpdesk).await.unwrap();
    assert_eq!(role(), Some(Role::Helpdesk));
    accounts.lock_console(&machine, "ana", true).await.unwrap();
    assert_eq!(role(), None);
    accounts.lock_console(&machine, "ana", false).await.unwrap();
    assert_eq!(role(), Some(Role::Helpdesk));
    accounts.remove_console(&machine, "ana").await.unwrap();
    assert_eq!((role(), accounts.tokens().unwrap().len()), (None, 0));
    // Whoever gets the name next has nothing of it.
    site.console("ana", Role::Owner).await;
    assert_eq!(role(), None);
}

#[tokio::test]
async fn whoever_may_not_make_a_token_is_refused() {
    let site = site();
    let accounts = &site.accounts;
    let scopes = [Scope::UsersRead];
    for role in Role::ALL {
        let actor = site.console(role.name(), role).await.actor(SOURCE);
        for wanted in Role::ALL {
            let made = accounts.make_token(&actor, new(&scopes, wanted, &[])).await;
            assert_eq!(made.is_ok(), role.may_manage(wanted), "{role} makes {wanted}");
        }
    }
    let admin = accounts.principal_of("admin").unwrap().unwrap().actor(SOURCE);
    let of_owner = accounts.tokens().unwrap().into_iter().find(|t| t.role == Role::Owner).unwrap();
    assert!(accounts.revoke_token(&admin, &of_owner.id).await.is_err());
    let token = Actor { kind: ActorKind::Token, ..Actor::socket() };
    let refusals = [
        accounts.make_token(&token, new(&scopes, Role::ReadOnly, &[])).await,
        accounts.make_token(&admin, new(&[], Role::ReadOnly, &[])).await,
        accounts.make_token(&admin, new(&scopes, Role::ReadOnly, &["net".to_owned()])).await,
        accounts
            .make_token(
                &admin,
                NewToken { expires_at: Some(accounts.now()), ..new(&scopes, Role::Admin, &[]) },
            )
            .await,
    ];
    let errors = refusals.map(|refusal| console_error(refusal.err().unwrap()));
    let network = ConsoleError::Network("net".to_owned());
    let expected =
        [ConsoleError::TokenOfToken, ConsoleError::NoScope, network, ConsoleError::Ended];
    assert_eq!(errors, expected);
}

/// Not one commit a request.
#[tokio::test]
async fn the_use_of_a_token_is_written_down_once_a_minute() {
    let site = site();
    let accounts = &site.accounts;
    let scopes = [Scope::UsersRead];
    let (row, text) =
        accounts.make_token(&Actor::socket(), new(&scopes, Role::Admin, &[])).await.unwrap();
    assert_eq!(row.last_used, None);
    let first = accounts.now();
    let mut watch = site.store.watch();
    for _ in 0..50 {
        assert!(accounts.bearer(&text, SOURCE).unwrap().is_some());
    }
    site.store.flush().await.unwrap();
    assert_eq!(accounts.tokens().unwrap()[0].last_used, Some(first));
    site.clock.advance(Duration::from_secs(60));
    accounts.bearer(&text, SOURCE).unwrap();
    site.store.flush().await.unwrap();
    assert_eq!(accounts.tokens().unwrap()[0].last_used, Some(first + Duration::from_secs(60)));
    // A commit without changes marks the end.
    let end = Commit::new().put(Table::Site, b"end", b"");
    site.store.commit(end).await.unwrap();
    let mut written = 0;
    while let crate::store::Notice::Changed(change) = watch.next().await {
        match change.table {
            Table::Tokens => written += 1,
            Table::Site => break,
            _ => {}
        }
    }
    assert_eq!(written, 2);
}

proptest! {
    #[test]
    fn any_text_is_no_token(text in any::<String>(), tail in "[a-z2-9]{40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let site = runtime.block_on(async { site() });
        prop_assert_eq!(site.accounts.bearer(&text, SOURCE).unwrap(), None);
        prop_assert_eq!(site.accounts.bearer(&format!("tagus_{tail}"), SOURCE).unwrap(), None);
    }
}

#[test]
fn words_of_scopes_are_read_one_by_one_or_by_kind() {
    for scope in Scope::ALL {
        assert_eq!(Scope::named(scope.name()), Ok(vec![*scope]));
    }
    assert_eq!(Scope::named("users:*"), Ok(vec![Scope::UsersRead, Scope::UsersWrite]));
    for wrong in ["", "*", ":*", "user:read", "users:", "users:**", "USERS:READ"] {
        assert!(Scope::named(wrong).is_err(), "{wrong}");
    }
}
