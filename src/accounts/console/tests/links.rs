//! Links that make an owner.

use super::*;

#[tokio::test]
async fn a_link_makes_the_first_owner_once_and_within_half_an_hour() {
    let site = site();
    let accounts = &site.accounts;
    let nothing = SetupState { has_owner: false, until: None };
    assert_eq!(accounts.setup_state().unwrap(), nothing);
    let (old, _) = accounts.make_setup_link(&Actor::server()).await.unwrap();
    let (token, until) = accounts.make_setup_link(&Actor::server()).await.unwrap();
    assert_eq!(token.len(), 43);
    assert!(accounts.setup_state().unwrap().until == Some(until));
    assert_eq!(site.store.count(Table::Audit), 0, "nothing was changed by it");
    assert!(!accounts.is_setup_token(&old).unwrap(), "the newer one replaces it");
    for wrong in ["", "x", &token[1..], &format!("{}x", token.as_str())] {
        let used = accounts.set_up(SOURCE, wrong, "ana", PASSWORD, None).await;
        assert_eq!(console_error(used.unwrap_err()), ConsoleError::Link);
        assert!(!site.last_line().done);
    }
    // What cannot be leaves the link in force.
    let short = accounts.set_up(SOURCE, &token, "ana", "short", None).await;
    assert!(matches!(console_error(short.unwrap_err()), ConsoleError::Password(_)));
    let offer = accounts.offer_code("ana");
    let new = NewCode { secret: &offer.secret, code: "no code" };
    let wrong = accounts.set_up(SOURCE, &token, "ana", PASSWORD, Some(new)).await;
    assert_eq!(console_error(wrong.unwrap_err()), ConsoleError::Code);

    let code = site.shown(&offer);
    let new = Some(NewCode { secret: &offer.secret, code: &code });
    let (ana, codes) = accounts.set_up(SOURCE, &token, "Ana", PASSWORD, new).await.unwrap();
    assert_eq!((ana.name.as_str(), ana.role, codes.len()), ("ana", Role::Owner, 10));
    assert_eq!(accounts.still(&ana).unwrap(), Some(ana));
    let done = SetupState { has_owner: true, until: None };
    assert_eq!(accounts.setup_state().unwrap(), done);
    let again = accounts.set_up(SOURCE, &token, "eve", PASSWORD, None).await;
    assert_eq!(console_error(again.unwrap_err()), ConsoleError::Link);
    assert_eq!(site.sign_in("ana", PASSWORD, "").await, REFUSED, "the code is asked for");

    // The server's own link does not serve where there is an owner.
    let (token, _) = accounts.make_setup_link(&Actor::server()).await.unwrap();
    assert!(!accounts.is_setup_token(&token).unwrap());
}

#[tokio::test]
async fn a_link_ends_by_itself() {
    let site = site();
    let (token, until) = site.accounts.make_setup_link(&Actor::server()).await.unwrap();
    site.clock.advance(Duration::from_secs(30 * 60 - 1));
    assert!(site.accounts.now() < until && site.accounts.is_setup_token(&token).unwrap());
    site.clock.advance(Duration::from_secs(1));
    assert!(!site.accounts.is_setup_token(&token).unwrap());
    let used = site.accounts.set_up(SOURCE, &token, "ana", PASSWORD, None).await;
    assert_eq!(console_error(used.unwrap_err()), ConsoleError::Link);
}

/// Of two who open it at once, one becomes an owner.
#[tokio::test]
async fn a_link_that_two_use_at_once_makes_one_owner() {
    let site = site();
    let (token, _) = site.accounts.make_setup_link(&Actor::server()).await.unwrap();
    let both = tokio::join!(
        site.accounts.set_up(SOURCE, &token, "ana", PASSWORD, None),
        site.accounts.set_up(SOURCE, &token, "eve", PASSWORD, None)
    );
    assert_eq!([both.0, both.1].iter().filter(|one| one.is_ok()).count(), 1);
    assert_eq!(site.accounts.console_accounts().unwrap().len(), 1);
}

/// Whoever may open the data directory lets somebody in again who lost everything.
#[tokio::test]
async fn a_link_that_was_asked_for_serves_beside_an_owner_and_gives_an_account_back() {
    let site = site();
    let accounts = &site.accounts;
    let ana = site.console("ana", Role::Owner).await;
    let offer = accounts.offer_code("ana");
    let new = NewCode { secret: &offer.secret, code: &site.shown(&offer) };
    accounts.set_own_code(&ana.actor(SOURCE), PASSWORD, new).await.unwrap();
    let ana = accounts.principal_of("ana").unwrap().unwrap();
    let (token, until) = accounts.make_setup_link(&Actor::socket()).await.unwrap();
    assert_eq!(site.last_line().action, "setup_link.make");
    let state = SetupState { has_owner: true, until: Some(until) };
    assert_eq!(accounts.setup_state().unwrap(), state);
    let (again, _) =
        accounts.set_up(SOURCE, &token, "ana", "another long one", None).await.unwrap();
    assert_eq!(again.role, Role::Owner);
    assert_eq!(accounts.still(&ana).unwrap(), None, "sessions of before are over");
    assert!(matches!(site.sign_in("ana", "another long one", "").await, SignIn::Welcome(_)));
    assert_eq!(accounts.setup_state().unwrap().until, None);
    // The trail says what it was before.
    let page = accounts.trail_before(None, 10, &Default::default()).unwrap();
    let line = page.entries.iter().find(|line| line.action == "console.set_up").unwrap();
    assert_eq!((line.actor.as_str(), line.detail.as_str()), ("ana", "by a link, owner before"));
}
