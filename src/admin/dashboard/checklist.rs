//! What is left to set up.

use super::{Place, link};
use crate::accounts::Origin;
use crate::model::Role;
use crate::operations::{
    ConsoleRequest, ConsoleUser, DnsRequest, DnsState, Reply, Request, Right, SettingRequest,
    Status,
};
use crate::tls::Source;
use crate::web::{Key, Shell, Visit};

/// One thing to set up.
pub(super) struct Step {
    pub(super) done: bool,
    pub(super) title: String,
    pub(super) text: String,
    /// Where it is done, and what the link says.
    pub(super) link: Option<(&'static str, String)>,
}

/// What is known beside the status.
pub(super) struct Beside {
    /// Owners who can sign in; `None` where the visitor may not know.
    owners: Option<usize>,
    /// Whether the visitor has a second factor; `None` for somebody of the directory.
    pub(super) has_code: Option<bool>,
    /// Whether the set-up's questions are answered; `None` where the visitor may not answer them.
    answered: Option<bool>,
    /// Whether the records of DNS were as they should be when they were looked up last; `None` where
    /// the visitor may not know.
    found: Option<bool>,
    /// Whether it is for the visitor to set things up.
    may_set_up: bool,
}

pub(super) async fn beside(visit: &Visit) -> Beside {
    let principal = visit.principal();
    let mut owners = None;
    // The helpdesk does not see who works here.
    if principal.is_some_and(|principal| principal.role != Role::Helpdesk) {
        let request = Request::Console(ConsoleRequest::List);
        if let Ok(Reply::Console(all)) = visit.desk().perform(&visit.actor(), request).await {
            let owner = |user: &&ConsoleUser| user.role == Role::Owner && !user.locked;
            owners = Some(all.iter().filter(owner).count());
        }
    }
    let own = principal.filter(|principal| principal.origin == Origin::Console);
    let account = own.and_then(|own| visit.desk().accounts.console_account(&own.name).ok());
    let has_code = account.map(|account| account.sealed_totp.is_some());
    let has = |right: Right| principal.is_some_and(|one| right.is_of_role(one.role));
    let answered = if has(Right::Administer) { answered(visit).await } else { None };
    let found = if has(Right::Inspect) { found(visit).await } else { None };
    Beside { owners, has_code, answered, found, may_set_up: has(Right::Administer) }
}

/// Whether somebody said which domain it is, and who sees whether people are online.
async fn answered(visit: &Visit) -> Option<bool> {
    let request = Request::Setting(SettingRequest::Show { prefix: String::new() });
    let Ok(Reply::Settings(all)) = visit.desk().perform(&visit.actor(), request).await else {
        return None;
    };
    let is_set = |key: &str| all.iter().any(|one| one.key == key && one.origin != "default");
    Some(is_set("domain") && is_set("presence.default_policy"))
}

/// Whether clients find this server by DNS, as far as was looked.
async fn found(visit: &Visit) -> Option<bool> {
    let request = Request::Dns(DnsRequest::Show);
    let Ok(Reply::Dns(view)) = visit.desk().perform(&visit.actor(), request).await else {
        return None;
    };
    let is_right = |state| matches!(state, DnsState::Ok | DnsState::NotNeeded);
    Some(view.checked.is_some() && view.records.iter().all(|record| is_right(record.state)))
}

pub(super) fn checklist(shell: &Shell, status: &Status, beside: &Beside) -> Vec<Step> {
    let t = shell.t;
    let step = |done: bool, title: Key, texts: (Key, Key), to: Option<(Place, Key)>| Step {
        done,
        title: t.key(title),
        text: t.key(if done { texts.0 } else { texts.1 }),
        link: to
            .filter(|_| !done)
            .and_then(|(place, label)| Some((link(shell, place)?, t.key(label)))),
    };
    let trusted =
        status.tls.as_ref().is_some_and(|tls| matches!(tls.source, Source::Files | Source::Acme));
    let mut steps = Vec::new();
    if let Some(answered) = beside.answered {
        let texts = (Key("check-campus-done"), Key("check-campus-open"));
        let own = step(answered, Key("check-campus"), texts, None);
        let link = (!answered).then(|| ("/admin/setup/campus", t.get("check-answer")));
        steps.push(Step { link, ..own });
    }
    if let Some(found) = beside.found {
        let texts = (Key("check-dns-done"), Key("check-dns-open"));
        steps.push(step(found, Key("check-dns"), texts, Some((Place::Dns, Key("to-dns")))));
    }
    steps.extend([
        step(
            trusted,
            Key("check-certificate"),
            (Key("check-certificate-done"), Key("check-certificate-open")),
            Some((Place::Certificates, Key("to-certificates"))),
        ),
        step(
            status.accounts > 0 || status.ldap.state != "off",
            Key("check-people"),
            (Key("check-people-done"), Key("check-people-open")),
            Some((Place::People, Key("to-people"))),
        ),
        step(
            status.ldap.state != "off",
            Key("check-directory"),
            (Key("check-directory-done"), Key("check-directory-open")),
            Some((Place::Directory, Key("to-directory"))),
        ),
    ]);
    if let Some(owners) = beside.owners {
        let texts = (Key("check-owner-done"), Key("check-owner-open"));
        let to = Some((Place::Team, Key("to-team")));
        steps.push(step(owners > 1, Key("check-owner"), texts, to));
    }
    // Whoever cannot set anything up is not asked to.
    if !beside.may_set_up {
        steps.clear();
    }
    if let Some(has_code) = beside.has_code {
        let texts = (Key("check-code-done"), Key("check-code-open"));
        let own = step(has_code, Key("check-code"), texts, None);
        let link = (!has_code).then(|| ("/admin/account/code", t.get("check-code-link")));
        steps.push(Step { link, ..own });
    }
    steps
}
