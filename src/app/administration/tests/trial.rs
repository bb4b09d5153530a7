//! Directory settings that are tried: how many at a time, for whom, and what stands in the trail.

use std::net::TcpListener;

use super::*;
use crate::config::Ldap;
use crate::operations::{AuditRequest, TrialRequest, TrialSettings, TrialView};

const CANARY: &str = "canary-of-the-trial";

/// Settings that lead to a server that says nothing.
fn settings(listener: &TcpListener) -> TrialSettings {
    let urls = vec![format!("ldap://{}", listener.local_addr().unwrap())];
    TrialSettings {
        ldap: Ldap { urls, bind_dn: "cn=tagus".to_owned(), ..Ldap::default() },
        password: Some(Secret::new(CANARY.to_owned())),
        person: Some("ana".to_owned()),
        person_password: Some(Secret::new(CANARY.to_owned())),
    }
}

fn of(name: &str) -> Actor {
    Actor { name: name.to_owned(), ..Actor::socket() }
}

async fn begin(
    administration: &Administration,
    actor: &Actor,
    listener: &TcpListener,
) -> Result<TrialView, Failure> {
    let request = TrialRequest::Begin(Box::new(settings(listener)));
    match administration.perform(actor, Request::Trial(request)).await? {
        Reply::Trial(view) => Ok(*view),
        other => panic!("{other:?}"),
    }
}

async fn wait(
    administration: &Administration,
    actor: &Actor,
    view: &TrialView,
) -> Result<TrialView, Failure> {
    let request = TrialRequest::Wait { trial: view.trial.clone(), seen: view.ended() };
    match administration.perform(actor, Request::Trial(request)).await? {
        Reply::Trial(view) => Ok(*view),
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_are_tried_at_a_time_and_each_is_told_to_whoever_began_it_as_it_goes() {
    let house = House::new(None);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let administration = Administration::new(Arc::clone(&house.site), None);
    let (ana, rui) = (of("ana"), of("rui"));
    house.runtime.block_on(async {
        let mut first = begin(&administration, &ana, &listener).await.unwrap();
        assert!(first.running && first.servers.is_empty());
        let second = begin(&administration, &rui, &listener).await.unwrap();
        let third = begin(&administration, &ana, &listener).await.unwrap_err();
        assert_eq!(third.exit, Exit::Refused, "{third}");
        let others = wait(&administration, &rui, &first).await.unwrap_err();
        assert_eq!(others.exit, Exit::NotFound, "{others}");
        let mut news = 0;
        while first.running {
            let next = wait(&administration, &ana, &first).await.unwrap();
            assert!(next.ended() > first.ended() || !next.running);
            first = next;
            news += 1;
        }
        assert!(news > 1, "steps are told as they end");
        let steps = &first.servers[0].steps;
        assert_eq!(steps.len(), 8);
        assert_eq!(steps[2].findings[0].code, "ldap.server.silent", "{steps:#?}");
        // It is told again to whoever asks again.
        assert_eq!(wait(&administration, &ana, &first).await, Ok(first.clone()));
        let mut second = second;
        while second.running {
            second = wait(&administration, &rui, &second).await.unwrap();
        }
        // There is place for another one.
        assert!(begin(&administration, &ana, &listener).await.is_ok());
    });
    let request = AuditRequest::From { from: 0, limit: 100 };
    let Ok(Reply::Audit(page)) = house.ask(Request::Audit(request)) else { panic!("no trail") };
    let tried: Vec<_> = page.entries.iter().filter(|line| line.action == "directory.try").collect();
    assert!(tried.len() >= 3 && tried[0].detail == "signs in ana", "{tried:#?}");
    assert!(tried[0].subject.starts_with("ldap://127.0.0.1:"), "{tried:#?}");
    assert!(!format!("{page:?}").contains(CANARY));
}
