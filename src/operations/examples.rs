//! One request of each kind, so that the table of who may what can be shown as a whole.

use super::{
    AlertRequest, ApplicationTerms, AuditFilter, AuditRequest, CertificateRequest, ConsoleRequest,
    DnsRequest, HistoryRequest, JobRequest, LiveRequest, NewNotice, NoticeRequest, PeopleDeed,
    PeopleQuery, Request, Secret, SettingRequest, TokenRequest, TrialRequest,
};
use crate::model::Role;

/// One request of each kind; what they ask for does not matter. A test holds that none is left out.
#[must_use]
pub fn examples() -> Vec<Request> {
    let none = String::new;
    let secret = || Secret::new(String::new());
    let (name, number, password, groups) = (None, None, None, Vec::new());
    let mut all = vec![
        Request::Status,
        Request::UserAdd { user: none(), name, mail: None, number, groups, password },
        Request::UserEdit { user: none(), name: None, mail: None, number: None, groups: None },
        Request::UserList { after: None, limit: 1 },
        Request::UserShow { user: none() },
        Request::UserPassword { user: none(), password: secret() },
        Request::UserNumber { user: none(), number: none() },
        Request::UserDisable { user: none() },
        Request::UserEnable { user: none() },
        Request::UserDelete { user: none() },
        Request::UserImport { csv: secret(), existing: super::Existing::Fail, dry_run: true },
        Request::UserExport { after: None },
        Request::PeopleFind(PeopleQuery::default()),
        Request::GroupList,
        Request::DirectoryShow,
        Request::DirectoryPreview,
        Request::DirectorySync,
        Request::DirectoryApply { proposal: 0 },
        Request::DirectoryDismiss { proposal: 0 },
        Request::DeviceAdd { user: none(), label: none(), md5_only: false },
        Request::DeviceList { user: none() },
        Request::DeviceRevoke { user: none(), device: none() },
        Request::PresenceShow { user: none() },
        Request::PresenceWatchers { user: none() },
        Request::RulesShow { user: none() },
        Request::RulesSet { user: none(), document: none() },
        Request::BanList,
        Request::BanLift { source: None, user: None },
        Request::Export { path: none().into() },
        Request::Import { path: none().into() },
        Request::SetupLink,
        Request::Audit(AuditRequest::Before {
            before: None,
            limit: 1,
            filter: AuditFilter::default(),
        }),
        Request::Audit(AuditRequest::Verify),
        Request::History(HistoryRequest::default()),
        Request::Alert(AlertRequest::Show),
        Request::Alert(AlertRequest::Set { person: none(), kinds: Vec::new(), language: none() }),
        Request::Alert(AlertRequest::Test),
        Request::Dns(DnsRequest::Show),
        Request::Dns(DnsRequest::Check),
    ];
    all.extend(console().map(Request::Console));
    all.extend(tokens().map(Request::Token));
    all.extend(certificates().map(Request::Certificates));
    all.extend(jobs().map(Request::Jobs));
    all.extend(live().map(Request::Live));
    all.extend(settings().map(Request::Setting));
    all.extend(trials().map(Request::Trial));
    all.extend(notices().map(Request::Notice));
    all
}

fn console() -> impl Iterator<Item = ConsoleRequest> {
    let name = String::new;
    let secret = || Secret::new(String::new());
    let role = Role::ReadOnly;
    [
        ConsoleRequest::List,
        ConsoleRequest::Add { name: name(), role, password: secret() },
        ConsoleRequest::SetRole { name: name(), role },
        ConsoleRequest::SetPassword { name: name(), password: secret() },
        ConsoleRequest::DropCode { name: name() },
        ConsoleRequest::Lock { name: name(), locked: true },
        ConsoleRequest::Delete { name: name() },
        ConsoleRequest::OwnPassword { present: secret(), password: secret() },
        ConsoleRequest::OwnCode { present: secret(), secret: secret(), code: name() },
        ConsoleRequest::OwnDropCode { present: secret() },
    ]
    .into_iter()
}

fn tokens() -> impl Iterator<Item = TokenRequest> {
    let (name, scopes, networks) = (String::new(), Vec::new(), Vec::new());
    let make =
        TokenRequest::Make { name, scopes, role: Role::ReadOnly, expires_at: None, networks };
    [TokenRequest::List, make, TokenRequest::Revoke { token: String::new() }].into_iter()
}

fn jobs() -> impl Iterator<Item = JobRequest> {
    let (job, csv) = (String::new, Secret::new(String::new()));
    let (existing, dry_run) = (super::Existing::Fail, true);
    let people = |deed| JobRequest::People { deed, whom: super::Whom::Named(Vec::new()) };
    [
        JobRequest::List,
        JobRequest::Show { job: job() },
        JobRequest::Cancel { job: job() },
        JobRequest::Result { job: job(), after: None },
        JobRequest::Import { csv, file: job(), existing, dry_run },
        JobRequest::ImportTried { job: job(), existing, dry_run },
        people(PeopleDeed::Disable),
        people(PeopleDeed::Enable),
        people(PeopleDeed::Delete),
    ]
    .into_iter()
}

fn live() -> impl Iterator<Item = LiveRequest> {
    let (user, limit) = (String::new, 1);
    [
        LiveRequest::Person { user: user() },
        LiveRequest::Registrations { text: user(), after: None, limit },
        LiveRequest::EndRegistration { user: user(), registration: user() },
        LiveRequest::LogOut { user: user() },
        LiveRequest::Queues { text: user(), after: None, limit },
        LiveRequest::Queue { user: user(), after: None, limit },
        LiveRequest::Deliver { user: user() },
        LiveRequest::Drop { user: user(), message: None },
        LiveRequest::Failures { user: user() },
        LiveRequest::Failing,
        LiveRequest::Bounds,
        LiveRequest::TestMessage { user: user() },
    ]
    .into_iter()
}

fn settings() -> impl Iterator<Item = SettingRequest> {
    let (changes, keys) = (Vec::new, Vec::new());
    [
        SettingRequest::Show { prefix: String::new() },
        SettingRequest::Preview { changes: changes() },
        SettingRequest::Apply { changes: changes() },
        SettingRequest::Reset { keys },
        SettingRequest::Restart,
    ]
    .into_iter()
}

fn trials() -> impl Iterator<Item = TrialRequest> {
    [TrialRequest::Settings, TrialRequest::Wait { trial: String::new(), seen: 0 }].into_iter()
}

fn notices() -> impl Iterator<Item = NoticeRequest> {
    let name = String::new;
    let terms = || ApplicationTerms { name: name(), title: name(), per_minute: 1, per_person: 1 };
    let mute = |muted| NoticeRequest::Mute { user: name(), application: name(), muted };
    [
        NoticeRequest::Applications,
        NoticeRequest::AddApplication(terms()),
        NoticeRequest::SetApplication(terms()),
        NoticeRequest::RemoveApplication { name: name() },
        NoticeRequest::MakeToken { name: name(), expires_at: None, networks: Vec::new() },
        NoticeRequest::Send(NewNotice::default()),
        NoticeRequest::SendToAll { text: name(), ttl: None },
        NoticeRequest::Reach { group: None },
        NoticeRequest::Job { id: 0 },
        NoticeRequest::Mutes { user: name() },
        mute(true),
        mute(false),
    ]
    .into_iter()
}

fn certificates() -> impl Iterator<Item = CertificateRequest> {
    let key = || Secret::new(String::new());
    [
        CertificateRequest::Show,
        CertificateRequest::Examine { chain: String::new(), key: key() },
        CertificateRequest::Install { chain: String::new(), key: key() },
        CertificateRequest::Remove,
        CertificateRequest::Renew,
        CertificateRequest::Reload,
    ]
    .into_iter()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The table is read as text: a new deed without an example is found by its name.
    #[test]
    fn every_deed_of_the_table_has_an_example() {
        let table = include_str!("rights.rs");
        let table = table.split("#[cfg(test)]").next().unwrap();
        let mut named = BTreeSet::new();
        for (at, _) in table.match_indices('"') {
            let text = table[at + 1..].split('"').next().unwrap();
            let is_deed = |c: char| c.is_ascii_lowercase() || c == '.' || c == '_';
            if !text.is_empty() && text.chars().all(is_deed) {
                named.insert(text);
            }
        }
        let all = examples();
        let shown: BTreeSet<&str> = all.iter().map(|request| request.rule().deed).collect();
        assert!(shown.len() > 40, "{shown:?}");
        assert_eq!(named, shown);
    }
}
