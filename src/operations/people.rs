//! People who are looked for, and the directory that they come from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where somebody comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PersonSource {
    /// An account of this server.
    #[default]
    Local,
    /// The directory.
    Directory,
}

/// How somebody stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PersonState {
    /// May sign in.
    #[default]
    Active,
    /// Locked, here or in the directory.
    Disabled,
    /// No longer in the directory.
    Absent,
    /// The directory has lost or locked him, and he stays in until an administrator decides.
    Held,
}

/// Who is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeopleQuery {
    /// Beginnings of words of the name, of the user name, of the mail address, or a telephone
    /// number, in any case and without accents; empty is everybody.
    pub text: String,
    /// Only these.
    pub source: Option<PersonSource>,
    /// Only these.
    pub state: Option<PersonState>,
    /// Only those with, or without, a device credential.
    pub has_devices: Option<bool>,
    /// Only those who are, or are not, registered now.
    pub online: Option<bool>,
    /// Only those in this group, in any case.
    pub group: Option<String>,
    /// Where the page before ended, as it said.
    pub after: Option<String>,
    /// How many at most.
    pub limit: u32,
}

/// A page of people, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeoplePage {
    /// The people.
    pub people: Vec<PersonView>,
    /// How many there are on all pages.
    pub total: u64,
    /// There are more than `total`.
    #[serde(default)]
    pub more_than_total: bool,
    /// For the next page; none if this is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Somebody who was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// The name.
    pub user: String,
    /// `user@domain`.
    pub address: String,
    /// The name that others see.
    pub name: String,
    /// The mail address.
    pub mail: String,
    /// The telephone number.
    pub number: String,
    /// Where he comes from.
    pub source: PersonSource,
    /// How he stands.
    pub state: PersonState,
    /// Whether the directory says so, and not an administrator here.
    #[serde(default)]
    pub by_directory: bool,
    /// Since when he is no longer in the directory, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_since: Option<String>,
    /// Device credentials.
    pub devices: u32,
    /// Whether any device is registered now.
    pub online: bool,
    /// When one of the device credentials was last used, to within a day, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupView {
    /// The name.
    pub name: String,
    /// Accounts here that are in it.
    pub here: u64,
    /// People whom the directory has in it.
    pub of_directory: u64,
}

/// How the directory stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryView {
    /// `off`, `up`, `degraded` or `down`.
    pub state: String,
    /// Why it is not `up`: `not_yet`, `unreachable`, `silent`, `account`, `answer`, `settings`,
    /// `held`, `list` or `groups`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What that means for people, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Since when it is reachable, or not, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When it last answered, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_answer: Option<String>,
    /// Milliseconds that this answer took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Hours for which people who were here sign in while it is down.
    #[serde(default)]
    pub grace_hours: u64,
    /// Milliseconds that are waited for it at most.
    #[serde(default)]
    pub timeout_ms: u64,
    /// The server in use.
    pub url: String,
    /// People on the list that was read last.
    pub people: u64,
    /// When it was read last, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<String>,
    /// People whose departure waits for somebody to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ProposalView>,
    /// The last readings, newest first.
    #[serde(default)]
    pub runs: Vec<SyncRunView>,
}

/// A reading that would put out more people than one may by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProposalView {
    /// Names it.
    pub id: u64,
    /// When it was first read, RFC 3339.
    pub at: String,
    /// Who decided that these people stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_by: Option<String>,
    /// What it would do.
    pub difference: DifferenceView,
}

/// What a reading of the directory changes, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DifferenceView {
    /// People on the list.
    pub people: u64,
    /// People of the directory who were in before.
    pub known: u64,
    /// Of those who are to go, how many stay in until somebody decides.
    pub held: u64,
    /// Whether the directory is set up in another way than when it was read last.
    pub anew: bool,
    /// On the list for the first time, or again.
    pub added: KindView,
    /// Described in another way.
    pub changed: KindView,
    /// No longer locked there.
    pub returned: KindView,
    /// Locked there now.
    pub disabled: KindView,
    /// No longer on the list.
    pub absent: KindView,
    /// The name is another person's now.
    pub replaced: KindView,
}

/// People of one kind: how many, and the first ones by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KindView {
    /// How many.
    pub count: u64,
    /// Up to 200 of them.
    pub people: Vec<MentionView>,
}

/// Somebody whom a reading concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MentionView {
    /// The name.
    pub user: String,
    /// The name that others see.
    pub name: String,
    /// What is another than before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
}

/// A reading of the directory, or several in a row that said the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncRunView {
    /// `applied`, `partly` (something stays as it was) or `failed`.
    pub outcome: String,
    /// When the first of them began, RFC 3339.
    pub first: String,
    /// When the last of them began, RFC 3339.
    pub last: String,
    /// How many there were.
    pub times: u64,
    /// Milliseconds that the last of them took.
    pub took_ms: u64,
    /// Who asked for it.
    pub by: String,
    /// People on the list.
    pub people: u64,
    /// What it changed.
    pub counts: SyncCountsView,
    /// What was wrong, and what to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trouble: String,
}

/// How many people a reading concerned, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are those of DifferenceView")]
pub struct SyncCountsView {
    pub added: u64,
    pub changed: u64,
    pub returned: u64,
    pub disabled: u64,
    pub absent: u64,
    pub replaced: u64,
    pub held: u64,
}
