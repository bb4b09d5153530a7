//! What is asked and answered. The answers are also what `--json` prints.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alert::{AlertRequest, AlertView};
use super::certificates::CertificateRequest;
use super::console::{
    AuditPage, AuditReport, AuditRequest, ConsoleRequest, ConsoleUser, SetupUrl, Token,
    TokenRequest, TokenSecret,
};
use super::dns::{DnsRequest, DnsView};
use super::history::{HistoryRequest, HistoryView};
use super::jobs::{JobRequest, JobView};
use super::live::{LiveReply, LiveRequest};
use super::notice::{NoticeReply, NoticeRequest};
use super::people::{
    DifferenceView, DirectoryView, GroupView, PeoplePage, PeopleQuery, SyncRunView,
};
use super::presence::{PresenceView, RulesView, WatcherView};
use super::secret::Secret;
use super::setting::{SettingDifference, SettingRequest, SettingView};
use super::status::Status;
use super::trial::{DirectorySettings, TrialRequest, TrialView};

/// Something to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// What the server is doing.
    Status,
    /// Makes a local account.
    UserAdd {
        /// The name.
        user: String,
        /// The name that others see.
        name: Option<String>,
        /// The mail address.
        mail: Option<String>,
        /// The telephone number.
        #[serde(default)]
        number: Option<String>,
        /// Groups.
        #[serde(default)]
        groups: Vec<String>,
        /// The password; none makes an account that only devices sign in to.
        password: Option<Secret>,
    },
    /// Changes what is known of a local account; what is not named stays.
    UserEdit {
        /// The name.
        user: String,
        /// The name that others see; empty is the user name.
        #[serde(default)]
        name: Option<String>,
        /// The mail address.
        #[serde(default)]
        mail: Option<String>,
        /// The telephone number.
        #[serde(default)]
        number: Option<String>,
        /// Groups.
        #[serde(default)]
        groups: Option<Vec<String>>,
    },
    /// Lists accounts in the order of their names, a page at a time.
    UserList {
        /// The last name of the page before.
        after: Option<String>,
        /// How many at most.
        limit: u32,
    },
    /// Shows one account.
    UserShow {
        /// The name.
        user: String,
    },
    /// Gives a local account another password.
    UserPassword {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// Changes the telephone number of a local account.
    UserNumber {
        /// The name.
        user: String,
        /// The number; empty takes it away.
        number: String,
    },
    /// Locks an account out and ends its registrations.
    UserDisable {
        /// The name.
        user: String,
    },
    /// Lets an account in again.
    UserEnable {
        /// The name.
        user: String,
    },
    /// Removes an account and everything of it.
    UserDelete {
        /// The name.
        user: String,
    },
    /// Makes many local accounts.
    UserImport {
        /// CSV with a header line; it holds passwords.
        csv: Secret,
        /// What becomes of names that are taken.
        #[serde(default)]
        existing: Existing,
        /// Tell what would become of each row, and change nothing.
        #[serde(default)]
        dry_run: bool,
    },
    /// Writes local accounts as CSV, a part at a time.
    UserExport {
        /// Where the part before ended; none is the first one, with the header line.
        after: Option<String>,
    },
    /// Looks for people: accounts, and those of the directory.
    PeopleFind(PeopleQuery),
    /// Lists groups: those of accounts, and those of the directory.
    GroupList,
    /// How the directory stands, and what its last readings did.
    DirectoryShow,
    /// Reads the directory and tells what that would change.
    DirectoryPreview,
    /// Reads the directory now.
    DirectorySync,
    /// Puts out the people of a proposal, those who are still gone from the directory.
    DirectoryApply {
        /// The proposal's id.
        proposal: u64,
    },
    /// Keeps the people of a proposal in.
    DirectoryDismiss {
        /// The proposal's id.
        proposal: u64,
    },
    /// Makes a device credential.
    DeviceAdd {
        /// Whose.
        user: String,
        /// What the person calls the device.
        label: String,
        /// Offer this device MD5 alone.
        md5_only: bool,
    },
    /// Lists a person's devices.
    DeviceList {
        /// Whose.
        user: String,
    },
    /// Revokes a device credential.
    DeviceRevoke {
        /// Whose.
        user: String,
        /// The device's id.
        device: String,
    },
    /// What others may see of a person, and what the person's devices published.
    PresenceShow {
        /// Whose.
        user: String,
    },
    /// Who watches a person, or waits for the person's answer.
    PresenceWatchers {
        /// Whose.
        user: String,
    },
    /// The rules of who may see a person.
    RulesShow {
        /// Whose.
        user: String,
    },
    /// Installs rules of who may see a person, in place of those that are there.
    RulesSet {
        /// Whose.
        user: String,
        /// The document (RFC 5025).
        document: String,
    },
    /// Lists bans.
    BanList,
    /// Lifts bans: of a source, of an account, of both together, or all.
    BanLift {
        /// The source.
        source: Option<IpAddr>,
        /// The account.
        user: Option<String>,
    },
    /// Writes everything stored into a file that does not exist yet.
    Export {
        /// The file, absolute.
        path: PathBuf,
    },
    /// Reads everything from a file into an empty store.
    Import {
        /// The file, absolute.
        path: PathBuf,
    },
    /// Makes a link that makes an owner, for the first start or for whoever lost access.
    SetupLink,
    /// About people as they are now.
    Live(LiveRequest),
    /// About long work.
    Jobs(JobRequest),
    /// About notices of applications.
    Notice(NoticeRequest),
    /// About directory settings that are tried.
    Trial(TrialRequest),
    /// About certificates.
    Certificates(CertificateRequest),
    /// About the records that clients find this server by.
    Dns(DnsRequest),
    /// About the configuration.
    Setting(SettingRequest),
    /// About the console's accounts.
    Console(ConsoleRequest),
    /// About tokens of the API.
    Token(TokenRequest),
    /// About the audit trail.
    Audit(AuditRequest),
    /// About figures of the past.
    History(HistoryRequest),
    /// About alerts.
    Alert(AlertRequest),
}

impl Request {
    /// Whether there is something to do where there was nothing before; else a data directory
    /// that does not exist is a name mistyped.
    #[must_use]
    pub fn begins_anew(&self) -> bool {
        matches!(
            self,
            Request::UserAdd { .. }
                | Request::UserImport { .. }
                | Request::DeviceAdd { .. }
                | Request::Import { .. }
                | Request::SetupLink
        )
    }
}

/// What becomes of rows of an import whose names are taken by local accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Existing {
    /// They fail, and the others go on.
    #[default]
    Fail,
    /// They are passed over.
    Skip,
    /// The accounts get what the rows have.
    Update,
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done, nothing to tell.
    Done,
    /// How many things it concerned.
    Count(u64),
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// One account.
    User(Box<User>),
    /// A page of accounts.
    Users(Vec<User>),
    /// A new device with its secret, which is shown this once.
    DeviceSecret(DeviceSecret),
    /// A person's devices.
    Devices(Vec<Device>),
    /// What an import did.
    Imported(ImportReport),
    /// A part of an export.
    Exported {
        /// CSV.
        csv: String,
        /// For the next part; none if this is the last.
        next: Option<String>,
    },
    /// A page of people.
    People(PeoplePage),
    /// Groups.
    Groups(Vec<GroupView>),
    /// How the directory stands.
    Directory(Box<DirectoryView>),
    /// What a reading of the directory would change.
    Difference(Box<DifferenceView>),
    /// What a reading of the directory did.
    Synced(Box<SyncRunView>),
    /// Text, as it is to be printed.
    Text(String),
    /// Bans.
    Bans(Vec<BanView>),
    /// A person's presence.
    Presence(Box<PresenceView>),
    /// Who watches a person.
    Watchers(Vec<WatcherView>),
    /// Rules of who may see a person.
    Rules(RulesView),
    /// A link that makes an owner.
    SetupLink(SetupUrl),
    /// The console's accounts.
    Console(Vec<ConsoleUser>),
    /// Codes that serve once, shown this once.
    RecoveryCodes(Vec<Secret>),
    /// Tokens of the API.
    Tokens(Vec<Token>),
    /// A new token.
    TokenSecret(Box<TokenSecret>),
    /// A job.
    Job(Box<JobView>),
    /// Jobs.
    Jobs(Vec<JobView>),
    /// Lines of the audit trail.
    Audit(AuditPage),
    /// What a walk along the audit trail found.
    AuditReport(AuditReport),
    /// The certificates.
    Certificates(Box<crate::tls::Overview>),
    /// What keeps a certificate from being installed; nothing does if it is none.
    Examined(Option<crate::tls::InstallError>),
    /// The records that clients find this server by.
    Dns(Box<DnsView>),
    /// About people as they are now.
    Live(Box<LiveReply>),
    /// Keys of the configuration.
    Settings(Vec<SettingView>),
    /// What changes of the configuration would do, or did.
    SettingDifference(Box<SettingDifference>),
    /// The settings of the directory that are in force.
    DirectorySettings(Box<DirectorySettings>),
    /// How a trial of directory settings goes.
    Trial(Box<TrialView>),
    /// Figures of the past.
    History(Box<HistoryView>),
    /// What alerts somebody gets.
    Alert(AlertView),
    /// About notices of applications.
    Notice(Box<NoticeReply>),
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// The name.
    pub user: String,
    /// `user@domain`.
    pub address: String,
    /// The name that others see.
    pub name: String,
    /// The mail address.
    pub mail: String,
    /// The telephone number.
    #[serde(default)]
    pub number: String,
    /// Groups.
    pub groups: Vec<String>,
    /// `local` or `directory`.
    pub kind: String,
    /// Whether it is locked out.
    pub disabled: bool,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Its devices; only where one account is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    /// Contacts bound now; only where one account is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<String>,
    /// Messages that wait; only where one account is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_messages: Option<u64>,
}

/// A new device credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeviceSecret {
    /// Whose.
    pub user: String,
    /// Its id.
    pub device: String,
    /// The Digest password, for `user` and `user@domain`.
    pub secret: Secret,
}

/// A device credential.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// Its id.
    pub device: String,
    /// What the person calls it.
    pub name: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it last signed in, RFC 3339.
    pub last_used: Option<String>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// Whether it is offered MD5 alone.
    pub md5_only: bool,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Accounts made.
    pub added: u64,
    /// Accounts that were there and changed.
    #[serde(default)]
    pub updated: u64,
    /// Rows passed over.
    #[serde(default)]
    pub skipped: u64,
    /// Nothing was changed: this is what would be.
    #[serde(default)]
    pub dry_run: bool,
    /// Rows that failed.
    pub failed: Vec<RowFailure>,
}

/// A row that failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowFailure {
    /// Its line in the file.
    pub line: u64,
    /// Its name.
    pub user: String,
    /// Why.
    pub reason: String,
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BanView {
    /// Where the failures came from.
    #[schema(value_type = String)]
    pub source: IpAddr,
    /// The account that they were for; none is the source as a whole.
    pub user: Option<String>,
    /// When it ends, RFC 3339.
    pub until: String,
}
