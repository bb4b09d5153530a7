//! What an administrator may ask of this server, and the answers: the one set of deeds behind the
//! command line, the console and the API.
//!
//! Here are the words alone. `app` performs them ([`Operations`]): in the server over what it holds,
//! or in a command over a store that nobody else has open.

use std::future::Future;
use std::pin::Pin;

use crate::accounts::Actor;

mod alert;
mod certificates;
mod console;
mod dns;
mod examples;
mod failure;
mod history;
mod jobs;
mod live;
mod message;
mod notice;
mod people;
mod presence;
mod rights;
mod secret;
mod setting;
mod status;
#[cfg(test)]
mod tests;
mod trial;

pub use alert::{AlertRequest, AlertView};
pub use certificates::CertificateRequest;
pub use console::{
    AuditFilter, AuditLine, AuditPage, AuditReport, AuditRequest, ConsoleRequest, ConsoleUser,
    SetupUrl, Token, TokenRequest, TokenSecret,
};
pub use dns::{DnsPurpose, DnsRecord, DnsRequest, DnsState, DnsView};
pub use examples::examples;
pub use failure::{Cause, Exit, Failure};
pub use history::{HistoryRequest, HistoryView, Measure, Series, SeriesView, Window};
pub use jobs::{JobKind, JobReport, JobRequest, JobState, JobView, PeopleDeed, Whom};
pub use live::{
    BoundView, FailingView, FailureView, HeldPage, HeldView, LiveReply, LiveRequest, PersonDetail,
    QueuePage, QueueView, RegistrationPage, RegistrationView, RuleView, RulesSummary, Sourced,
    TestView, TriedDevice,
};
pub use message::{
    BanView, Device, DeviceSecret, Existing, ImportReport, Reply, Request, RowFailure, User,
};
pub use notice::{
    ApplicationTerms, ApplicationView, MuteView, NewNotice, NoticeCounts, NoticeOutcome,
    NoticeReply, NoticeReport, NoticeRequest,
};
pub use people::{
    DifferenceView, DirectoryView, GroupView, KindView, MentionView, PeoplePage, PeopleQuery,
    PersonSource, PersonState, PersonView, ProposalView, SyncCountsView, SyncRunView,
};
pub use presence::{PresenceView, Publication, RulesDocument, RulesView, WatcherView};
pub use rights::{Right, Rule, permit};
pub use secret::Secret;
pub use setting::{
    ChangedSetting, SettingChange, SettingDifference, SettingEffect, SettingProblem,
    SettingRequest, SettingView, StoredView,
};
pub use status::{Health, LdapStatus, ListenerStatus, MemoryStatus, Status};
pub use trial::{
    DirectorySettings, TrialAnswer, TrialCertificate, TrialDetail, TrialFinding, TrialRequest,
    TrialSample, TrialServer, TrialSettings, TrialStep, TrialView,
};

/// A boxed future, so that [`Operations`] can be a trait object.
pub type Performing<'a> = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + 'a>>;

/// Performs requests: in the server over what it holds, else over an opened store.
pub trait Operations: Send + Sync {
    /// Performs one request for whoever asks, who stands in the audit trail for what it changes.
    /// Whether he may is decided here ([`permit`]) and, for what concerns other administrators, where the
    /// change is made; a token's scopes are looked at before ([`Rule::is_within`]).
    fn perform<'a>(&'a self, actor: &'a Actor, request: Request) -> Performing<'a>;
}
