//! Who may ask for what: one table for the command line, the console and the API.

use super::{
    AlertRequest, AuditRequest, CertificateRequest, ConsoleRequest, DnsRequest, Failure,
    JobRequest, LiveRequest, NoticeRequest, PeopleDeed, Request, SettingRequest, TokenRequest,
    TrialRequest,
};
use crate::accounts::{Actor, ActorKind};
use crate::model::{Role, Scope};

/// Who may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Everybody who may sign in: what everybody sees.
    See,
    /// Everybody but the helpdesk: how the server is set up, and who did what.
    Inspect,
    /// Helpdesk and above.
    Help,
    /// Administrators and owners.
    Administer,
    /// Owners: what holds everybody's secrets.
    Own,
    /// Everybody with an account of the console, to himself.
    Oneself,
    /// Whoever may open the data directory.
    Machine,
}

impl Right {
    /// All of them, from what most may to what fewest may.
    pub const ALL: [Right; 7] = [
        Right::See,
        Right::Oneself,
        Right::Inspect,
        Right::Help,
        Right::Administer,
        Right::Own,
        Right::Machine,
    ];

    /// Whether an actor has it.
    #[must_use]
    pub fn is_of(self, actor: &Actor) -> bool {
        match self {
            Right::Oneself => actor.kind == ActorKind::Console,
            Right::Machine => actor.kind == ActorKind::Machine,
            right => right.is_of_role(actor.role),
        }
    }

    /// Whether somebody of the console has it by his role.
    #[must_use]
    pub fn is_of_role(self, role: Role) -> bool {
        match self {
            Right::See | Right::Oneself => true,
            Right::Inspect => role != Role::Helpdesk,
            Right::Help => role >= Role::Helpdesk,
            Right::Administer => role >= Role::Admin,
            Right::Own => role == Role::Owner,
            Right::Machine => false,
        }
    }
}

/// What holds for one kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in the audit trail where it is refused.
    pub deed: &'static str,
    /// Who may.
    pub right: Right,
    /// The scope that a token needs; none: no token may.
    pub scope: Option<Scope>,
}

impl Rule {
    /// Whether a token with these scopes may ask for it, as far as they go.
    #[must_use]
    pub fn is_within(&self, scopes: &[Scope]) -> bool {
        self.scope.is_some_and(|scope| scopes.contains(&scope))
    }
}

const fn rule(deed: &'static str, right: Right, scope: Scope) -> Rule {
    Rule { deed, right, scope: Some(scope) }
}

const fn tokenless(deed: &'static str, right: Right) -> Rule {
    Rule { deed, right, scope: None }
}

impl Request {
    /// Who may ask for this.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        match self {
            Request::Status => rule("status", Right::See, Scope::StatusRead),
            Request::UserAdd { .. } => rule("user.add", Right::Help, Scope::UsersWrite),
            Request::UserEdit { .. } => rule("user.edit", Right::Help, Scope::UsersWrite),
            Request::UserList { .. } => rule("user.list", Right::See, Scope::UsersRead),
            Request::UserShow { .. } => rule("user.show", Right::See, Scope::UsersRead),
            Request::UserPassword { .. } => rule("user.passwd", Right::Help, Scope::UsersWrite),
            Request::UserNumber { .. } => rule("user.number", Right::Help, Scope::UsersWrite),
            Request::UserDisable { .. } => rule("user.disable", Right::Help, Scope::UsersWrite),
            Request::UserEnable { .. } => rule("user.enable", Right::Help, Scope::UsersWrite),
            Request::UserDelete { .. } => rule("user.delete", Right::Administer, Scope::UsersWrite),
            Request::UserImport { .. } => rule("user.import", Right::Administer, Scope::UsersWrite),
            Request::UserExport { .. } => rule("user.export", Right::Inspect, Scope::UsersRead),
            Request::PeopleFind(_) => rule("people.find", Right::See, Scope::UsersRead),
            Request::GroupList => rule("group.list", Right::See, Scope::UsersRead),
            Request::DirectoryShow => rule("directory.show", Right::See, Scope::DirectoryRead),
            Request::DirectoryPreview => {
                rule("directory.preview", Right::Administer, Scope::DirectoryWrite)
            }
            Request::DirectorySync => {
                rule("directory.sync", Right::Administer, Scope::DirectoryWrite)
            }
            Request::DirectoryApply { .. } => {
                rule("directory.apply", Right::Administer, Scope::DirectoryWrite)
            }
            Request::DirectoryDismiss { .. } => {
                rule("directory.dismiss", Right::Administer, Scope::DirectoryWrite)
            }
            Request::DeviceAdd { .. } => rule("device.add", Right::Help, Scope::DevicesWrite),
            Request::DeviceList { .. } => rule("device.list", Right::See, Scope::DevicesRead),
            Request::DeviceRevoke { .. } => rule("device.revoke", Right::Help, Scope::DevicesWrite),
            Request::PresenceShow { .. } => rule("presence.show", Right::See, Scope::PresenceRead),
            Request::PresenceWatchers { .. } => {
                rule("presence.watchers", Right::See, Scope::PresenceRead)
            }
            Request::RulesShow { .. } => rule("rules.show", Right::See, Scope::PresenceRead),
            Request::RulesSet { .. } => rule("rules.set", Right::Administer, Scope::PresenceWrite),
            Request::BanList => rule("ban.list", Right::See, Scope::BansRead),
            Request::BanLift { .. } => rule("ban.lift", Right::Help, Scope::BansWrite),
            Request::Export { .. } => rule("export", Right::Own, Scope::ArchiveWrite),
            Request::Import { .. } => tokenless("import", Right::Machine),
            Request::SetupLink => tokenless("setup_link.make", Right::Machine),
            Request::Console(request) => request.rule(),
            Request::Live(request) => request.rule(),
            Request::Token(request) => match request {
                TokenRequest::List => tokenless("token.list", Right::Inspect),
                TokenRequest::Make { .. } => tokenless("token.make", Right::Administer),
                TokenRequest::Revoke { .. } => tokenless("token.revoke", Right::Administer),
            },
            Request::Audit(request) => match request {
                AuditRequest::From { .. } | AuditRequest::Before { .. } => {
                    rule("audit.read", Right::Inspect, Scope::AuditRead)
                }
                AuditRequest::Verify => rule("audit.verify", Right::Inspect, Scope::AuditRead),
            },
            Request::Jobs(request) => request.rule(),
            Request::Certificates(request) => request.rule(),
            Request::Dns(request) => match request {
                DnsRequest::Show => rule("dns.show", Right::Inspect, Scope::StatusRead),
                DnsRequest::Check => rule("dns.check", Right::Administer, Scope::StatusRead),
            },

            Request::Setting(request) => match request {
                SettingRequest::Show { .. } => {
                    rule("setting.show", Right::Inspect, Scope::SettingsRead)
                }
                SettingRequest::Preview { .. } => {
                    rule("setting.preview", Right::Administer, Scope::SettingsWrite)
                }
                SettingRequest::Apply { .. } => {
                    rule("setting.set", Right::Administer, Scope::SettingsWrite)
                }
                SettingRequest::Reset { .. } => {
                    rule("setting.reset", Right::Administer, Scope::SettingsWrite)
                }
                SettingRequest::Restart => {
                    rule("server.restart", Right::Administer, Scope::SettingsWrite)
                }
            },
            // No token may: passwords go where it is told.
            Request::Trial(request) => match request {
                TrialRequest::Settings => tokenless("directory.settings", Right::Inspect),
                TrialRequest::Begin(_) | TrialRequest::Wait { .. } => {
                    tokenless("directory.try", Right::Administer)
                }
            },
            Request::History(_) => rule("history.show", Right::See, Scope::MetricsRead),
            Request::Alert(request) => match request {
                AlertRequest::Show => tokenless("alert.show", Right::Own),
                AlertRequest::Set { .. } => tokenless("alert.set", Right::Own),
                AlertRequest::Test => tokenless("alert.test", Right::Own),
            },
            Request::Notice(request) => request.rule(),
        }
    }
}

impl JobRequest {
    /// What a job does to people needs the right to do it to one of them.
    const fn rule(&self) -> Rule {
        match self {
            JobRequest::List => rule("job.list", Right::See, Scope::UsersRead),
            JobRequest::Show { .. } => rule("job.show", Right::See, Scope::UsersRead),
            JobRequest::Result { .. } => rule("job.result", Right::See, Scope::UsersRead),
            // Whose it is, is looked at where it is ended.
            JobRequest::Cancel { .. } => rule("job.cancel", Right::Help, Scope::UsersWrite),
            JobRequest::Import { .. } | JobRequest::ImportTried { .. } => {
                rule("user.import", Right::Administer, Scope::UsersWrite)
            }
            JobRequest::People { deed, .. } => match deed {
                PeopleDeed::Disable => rule("user.disable", Right::Help, Scope::UsersWrite),
                PeopleDeed::Enable => rule("user.enable", Right::Help, Scope::UsersWrite),
                PeopleDeed::Delete => rule("user.delete", Right::Administer, Scope::UsersWrite),
            },
        }
    }
}

impl CertificateRequest {
    const fn rule(&self) -> Rule {
        let (deed, right, scope) = match self {
            CertificateRequest::Show => ("certificate.show", Right::Inspect, Scope::SettingsRead),
            CertificateRequest::Examine { .. } => {
                ("certificate.examine", Right::Administer, Scope::SettingsWrite)
            }
            CertificateRequest::Install { .. } => {
                ("certificate.install", Right::Administer, Scope::SettingsWrite)
            }
            CertificateRequest::Remove => {
                ("certificate.remove", Right::Administer, Scope::SettingsWrite)
            }
            CertificateRequest::Renew => {
                ("certificate.renew", Right::Administer, Scope::SettingsWrite)
            }
            CertificateRequest::Reload => {
                ("certificate.reload", Right::Administer, Scope::SettingsWrite)
            }
        };
        rule(deed, right, scope)
    }
}

impl ConsoleRequest {
    /// No token may: what it could change of the console would outlive it.
    const fn rule(&self) -> Rule {
        match self {
            ConsoleRequest::List => tokenless("console.list", Right::Inspect),
            ConsoleRequest::Add { .. } => tokenless("console.add", Right::Administer),
            ConsoleRequest::SetRole { .. } => tokenless("console.role", Right::Administer),
            ConsoleRequest::SetPassword { .. } => tokenless("console.passwd", Right::Administer),
            ConsoleRequest::DropCode { .. } => tokenless("console.drop_code", Right::Administer),
            ConsoleRequest::Lock { .. } => tokenless("console.lock", Right::Administer),
            ConsoleRequest::Delete { .. } => tokenless("console.remove", Right::Administer),
            ConsoleRequest::OwnPassword { .. } => tokenless("console.passwd", Right::Oneself),
            ConsoleRequest::OwnCode { .. } => tokenless("console.set_code", Right::Oneself),
            ConsoleRequest::OwnDropCode { .. } => tokenless("console.drop_code", Right::Oneself),
        }
    }
}

impl LiveRequest {
    /// Nothing here gives what messages say.
    const fn rule(&self) -> Rule {
        match self {
            LiveRequest::Person { .. } => rule("person.show", Right::See, Scope::UsersRead),
            LiveRequest::Registrations { .. } => {
                rule("registration.list", Right::See, Scope::DevicesRead)
            }
            LiveRequest::EndRegistration { .. } => {
                rule("registration.end", Right::Help, Scope::DevicesWrite)
            }
            LiveRequest::LogOut { .. } => rule("user.log_out", Right::Help, Scope::DevicesWrite),
            LiveRequest::Queues { .. } | LiveRequest::Queue { .. } => {
                rule("queue.show", Right::See, Scope::MessagesRead)
            }
            LiveRequest::Deliver { .. } => rule("queue.deliver", Right::Help, Scope::MessagesWrite),
            LiveRequest::Drop { .. } => rule("queue.drop", Right::Help, Scope::MessagesWrite),
            LiveRequest::Failures { .. } => rule("failure.list", Right::See, Scope::UsersRead),
            LiveRequest::Failing | LiveRequest::Bounds => {
                rule("ban.list", Right::See, Scope::BansRead)
            }
            LiveRequest::TestMessage { .. } => {
                rule("message.test", Right::Help, Scope::MessagesWrite)
            }
        }
    }
}

impl NoticeRequest {
    /// Whoever may help people may write to them, one by one or a group; to everybody administrators
    /// do. What applications there are is no program's to change.
    const fn rule(&self) -> Rule {
        match self {
            NoticeRequest::Applications => tokenless("application.list", Right::See),
            NoticeRequest::AddApplication(_) => tokenless("application.add", Right::Administer),
            NoticeRequest::SetApplication(_) => tokenless("application.set", Right::Administer),
            NoticeRequest::RemoveApplication { .. } => {
                tokenless("application.remove", Right::Administer)
            }
            NoticeRequest::MakeToken { .. } => tokenless("application.token", Right::Administer),
            NoticeRequest::Send(_) => rule("notice.send", Right::Help, Scope::NotifySend),
            NoticeRequest::SendToAll { .. } => tokenless("notice.send_all", Right::Administer),
            NoticeRequest::Reach { .. } => tokenless("notice.reach", Right::Help),
            NoticeRequest::Job { .. } => rule("notice.job", Right::Help, Scope::NotifySend),
            NoticeRequest::Mutes { .. } => rule("notice.mutes", Right::See, Scope::UsersRead),
            NoticeRequest::Mute { muted: true, .. } => {
                rule("notice.mute", Right::Help, Scope::UsersWrite)
            }
            NoticeRequest::Mute { muted: false, .. } => {
                rule("notice.unmute", Right::Help, Scope::UsersWrite)
            }
        }
    }
}

/// Whether an actor may ask for this. What depends on whom it concerns, as an owner, is decided
/// where the change is made.
///
/// # Errors
/// A [`Failure`] for him to read.
pub fn permit(actor: &Actor, request: &Request) -> Result<(), Failure> {
    let rule = request.rule();
    let is_token_without_scope = actor.kind == ActorKind::Token && rule.scope.is_none();
    if rule.right.is_of(actor) && !is_token_without_scope {
        Ok(())
    } else {
        Err(Failure::refused(format!("the role {} may not do this ({})", actor.role, rule.deed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{NewNotice, Whom};

    fn actor(role: Role, kind: ActorKind) -> Actor {
        Actor { name: "ana".to_owned(), source: "192.0.2.1".to_owned(), role, kind }
    }

    fn requests() -> Vec<(Request, [bool; 4])> {
        let user = || "rui".to_owned();
        let name = || "rui".to_owned();
        let none: Vec<String> = Vec::new();
        let people = |deed| Request::Jobs(JobRequest::People { deed, whom: Whom::Named(vec![]) });
        let (all, not_helpdesk) = ([true; 4], [true, false, true, true]);
        let (help, admins, owners) =
            ([false, true, true, true], [false, false, true, true], [false, false, false, true]);
        let token = TokenRequest::Make {
            name: name(),
            scopes: vec![Scope::UsersRead],
            role: Role::ReadOnly,
            expires_at: None,
            networks: none,
        };
        vec![
            (Request::Status, all),
            (Request::UserShow { user: user() }, all),
            (Request::UserDisable { user: user() }, help),
            (Request::DeviceRevoke { user: user(), device: "d".to_owned() }, help),
            (Request::UserDelete { user: user() }, admins),
            (Request::GroupList, all),
            (Request::Jobs(JobRequest::List), all),
            (Request::Jobs(JobRequest::Cancel { job: name() }), help),
            (people(PeopleDeed::Disable), help),
            (people(PeopleDeed::Delete), admins),
            (Request::RulesSet { user: user(), document: String::new() }, admins),
            (Request::Audit(AuditRequest::Verify), not_helpdesk),
            (Request::Console(ConsoleRequest::List), not_helpdesk),
            (Request::Console(ConsoleRequest::SetRole { name: name(), role: Role::Admin }), admins),
            (Request::Token(token), admins),
            (Request::Setting(SettingRequest::Show { prefix: String::new() }), not_helpdesk),
            (Request::Setting(SettingRequest::Preview { changes: Vec::new() }), admins),
            (Request::Setting(SettingRequest::Apply { changes: Vec::new() }), admins),
            (Request::Setting(SettingRequest::Reset { keys: Vec::new() }), admins),
            (Request::Trial(TrialRequest::Settings), not_helpdesk),
            (Request::Trial(TrialRequest::Wait { trial: name(), seen: 0 }), admins),
            (Request::Setting(SettingRequest::Restart), admins),
            (Request::History(crate::operations::HistoryRequest::default()), all),
            (Request::Alert(AlertRequest::Test), owners),
            (Request::Notice(NoticeRequest::Send(NewNotice::default())), help),
            (Request::Notice(NoticeRequest::RemoveApplication { name: name() }), admins),
            (Request::Notice(NoticeRequest::SendToAll { text: name(), ttl: None }), admins),
            (Request::Notice(NoticeRequest::Mutes { user: user() }), all),
            (Request::Export { path: "/x".into() }, owners),
            (Request::Certificates(CertificateRequest::Show), not_helpdesk),
            (Request::Certificates(CertificateRequest::Renew), admins),
            (Request::Dns(DnsRequest::Show), not_helpdesk),
            (Request::Dns(DnsRequest::Check), admins),
            (Request::Live(LiveRequest::Person { user: user() }), all),
            (Request::Live(LiveRequest::Queue { user: user(), after: None, limit: 1 }), all),
            (Request::Live(LiveRequest::LogOut { user: user() }), help),
            (Request::Live(LiveRequest::Drop { user: user(), message: None }), help),
            (Request::Live(LiveRequest::TestMessage { user: user() }), help),
            (Request::SetupLink, [false; 4]),
            (Request::Import { path: "/x".into() }, [false; 4]),
        ]
    }

    #[test]
    fn each_role_may_ask_for_what_is_its_own_and_nothing_beyond() {
        for (request, expected) in requests() {
            for (role, may) in Role::ALL.into_iter().zip(expected) {
                let permitted = permit(&actor(role, ActorKind::Console), &request).is_ok();
                assert_eq!(permitted, may, "{role} {request:?}");
            }
            assert!(permit(&Actor::socket(), &request).is_ok(), "{request:?}");
        }
    }

    #[test]
    fn a_token_asks_for_nothing_that_has_no_scope_and_nothing_beyond_its_own() {
        for (request, _) in requests() {
            let permitted = permit(&actor(Role::Owner, ActorKind::Token), &request).is_ok();
            assert_eq!(permitted, request.rule().scope.is_some(), "{request:?}");
        }
        let rule = Request::UserDelete { user: "rui".to_owned() }.rule();
        assert!(rule.is_within(&[Scope::UsersRead, Scope::UsersWrite]));
        assert!(!rule.is_within(&[Scope::UsersRead, Scope::DevicesWrite]));
        assert!(!Request::SetupLink.rule().is_within(Scope::ALL));
    }
}
