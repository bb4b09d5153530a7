//! Who may change whom, and what a change ends.

use super::*;

#[tokio::test]
async fn nobody_makes_changes_or_removes_somebody_above_himself() {
    let site = site();
    let mut actors = Vec::new();
    for role in Role::ALL {
        actors.push(site.console(role.name(), role).await.actor(SOURCE));
    }
    for actor in &actors {
        for target in Role::ALL {
            let may = actor.role >= Role::Admin && actor.role >= target;
            let name = format!("new-{actor}-{target}", actor = actor.role);
            let new = NewConsoleAccount { name: &name, role: target, password: PASSWORD };
            let made = site.accounts.add_console(actor, new).await;
            assert_eq!(made.is_ok(), may, "{} makes {target}", actor.role);

            let name = format!("old-{actor}-{target}", actor = actor.role);
            site.console(&name, target).await;
            let deeds = [
                site.accounts.set_console_password(actor, &name, "another long one").await,
                site.accounts.lock_console(actor, &name, true).await,
                site.accounts.lock_console(actor, &name, false).await,
                site.accounts.drop_code(actor, &name).await,
                // Not by way of a lower role either.
                site.accounts.set_console_role(actor, &name, Role::ReadOnly).await,
            ];
            for deed in deeds {
                assert_eq!(deed.is_ok(), may, "{} changes {target}", actor.role);
            }
            let raised = site.accounts.set_console_role(actor, &name, Role::Owner).await;
            assert_eq!(raised.is_ok(), actor.role == Role::Owner, "{} raises", actor.role);
            if actor.role == Role::Owner {
                site.accounts.set_console_role(actor, &name, target).await.unwrap();
            }
            let removed = site.accounts.remove_console(actor, &name).await;
            assert_eq!(removed.is_ok(), may, "{} removes {target}", actor.role);
        }
    }
    let refused = site.accounts.remove_console(&actors[2], "owner").await.unwrap_err();
    assert_eq!(console_error(refused), ConsoleError::Rights(Role::Owner));
}

/// W35: the last administrator, one's own role, oneself.
#[tokio::test]
async fn an_owner_who_can_sign_in_always_remains() {
    let site = site();
    let machine = Actor::socket();
    let ana = site.console("ana", Role::Owner).await.actor(SOURCE);
    let refusals = [
        site.accounts.remove_console(&machine, "ana").await,
        site.accounts.lock_console(&machine, "ana", true).await,
        site.accounts.set_console_role(&machine, "ana", Role::Admin).await,
    ];
    for refusal in refusals {
        let error = console_error(refusal.unwrap_err());
        assert_eq!(error, ConsoleError::LastOwner("ana".to_owned()));
    }
    let refusals = [
        site.accounts.remove_console(&ana, "ana").await,
        site.accounts.lock_console(&ana, "Ana", true).await,
        site.accounts.set_console_role(&ana, "ana", Role::Owner).await,
        site.accounts.set_console_password(&ana, "ana", "another long one").await,
        site.accounts.drop_code(&ana, "ana").await,
    ];
    for refusal in refusals {
        assert_eq!(console_error(refusal.unwrap_err()), ConsoleError::Oneself);
    }
    // A locked owner is none.
    let rui = site.console("rui", Role::Owner).await.actor(SOURCE);
    site.accounts.lock_console(&ana, "rui", true).await.unwrap();
    assert!(site.accounts.remove_console(&machine, "ana").await.is_err());
    site.accounts.lock_console(&ana, "rui", false).await.unwrap();
    // Two who remove each other at once: one of them remains.
    let both = tokio::join!(
        site.accounts.remove_console(&ana, "rui"),
        site.accounts.remove_console(&rui, "ana")
    );
    assert_eq!([both.0, both.1].iter().filter(|one| one.is_ok()).count(), 1);
    assert!(site.accounts.has_owner().unwrap());
}

/// W21, T63: sessions of before a change are over.
#[tokio::test]
async fn a_change_of_password_role_lock_or_factor_ends_the_sessions_of_before() {
    let site = site();
    let machine = Actor::socket();
    site.console("owner", Role::Owner).await;
    let mut rui = site.console("rui", Role::Helpdesk).await;
    assert_eq!(site.accounts.still(&rui).unwrap(), Some(rui.clone()));
    for change in 0..5 {
        let accounts = &site.accounts;
        match change {
            0 => accounts.set_console_password(&machine, "rui", "another long one").await,
            1 => accounts.set_console_role(&machine, "rui", Role::Admin).await,
            2 => accounts.drop_code(&machine, "rui").await,
            3 => {
                let actor = rui.actor(SOURCE);
                accounts.set_own_password(&actor, "another long one", "one more, long").await
            }
            _ => accounts.lock_console(&machine, "rui", true).await,
        }
        .unwrap();
        assert_eq!(site.accounts.still(&rui).unwrap(), None, "{change}");
        if let Some(now) = site.accounts.principal_of("rui").unwrap() {
            rui = now;
        }
    }
    site.accounts.lock_console(&machine, "rui", false).await.unwrap();
    assert_eq!(site.accounts.still(&rui).unwrap(), None, "a lock that was lifted ended it too");
    assert!(matches!(site.sign_in("rui", "one more, long", "").await, SignIn::Welcome(_)));
    // Signing in changes nothing for the other sessions.
    let rui = site.accounts.principal_of("rui").unwrap().unwrap();
    assert!(matches!(site.sign_in("rui", "one more, long", "").await, SignIn::Welcome(_)));
    assert!(site.accounts.still(&rui).unwrap().is_some());
    // Whoever gets the name next is somebody else.
    site.accounts.remove_console(&machine, "rui").await.unwrap();
    assert_eq!(site.accounts.still(&rui).unwrap(), None);
    site.clock.advance(Duration::from_millis(50));
    site.console("rui", Role::Helpdesk).await;
    assert_eq!(site.accounts.still(&rui).unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_a_name_or_a_password_is_refused() {
    let site = site();
    let machine = Actor::socket();
    for name in ["", "a b", "a@b", "a/b", "a\0", "a\u{202e}b", &"x".repeat(300)] {
        let new = NewConsoleAccount { name, role: Role::Admin, password: PASSWORD };
        let error = site.accounts.add_console(&machine, new).await.unwrap_err();
        assert_eq!(console_error(error), ConsoleError::Name(name.to_owned()));
    }
    for password in ["", "eleven char", "aaaaaaaaaaaaaaaa", "with\na new line", &"ab".repeat(513)] {
        let new = NewConsoleAccount { name: "ana", role: Role::Admin, password };
        let error = site.accounts.add_console(&machine, new).await.unwrap_err();
        assert!(matches!(console_error(error), ConsoleError::Password(_)), "{password:?}");
    }
    let ana = site.console("ana", Role::Admin).await.actor(SOURCE);
    let new = NewConsoleAccount { name: "ANA", role: Role::Admin, password: PASSWORD };
    let error = site.accounts.add_console(&machine, new).await.unwrap_err();
    assert_eq!(console_error(error), ConsoleError::Exists("ana".to_owned()));
    let wrong = site.accounts.set_own_password(&ana, "wrong horse battery", PASSWORD).await;
    assert_eq!(console_error(wrong.unwrap_err()), ConsoleError::Present);
    // Who has no account of the console has no password there.
    for actor in [machine, Actor { kind: ActorKind::Directory, ..ana }] {
        let error = site.accounts.set_own_password(&actor, PASSWORD, "another long one").await;
        assert!(matches!(console_error(error.unwrap_err()), ConsoleError::NoAccount(_)));
    }
}
