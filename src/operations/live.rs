//! What is asked and answered about people as they are now: where they are registered, what waits for
//! them, what failed, and whether a message reaches them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{PersonSource, PersonState};
use super::{Device, PresenceView, WatcherView};

/// About people as they are now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveRequest {
    /// Everything of one person, by what is known here: the directory is not asked.
    Person {
        /// The name.
        user: String,
    },
    /// Who is registered, in the order of user names.
    Registrations {
        /// A part of the name, the user name, an address, a contact or a User-Agent; empty is all.
        #[serde(default)]
        text: String,
        /// The last user of the page before.
        #[serde(default)]
        after: Option<String>,
        /// How many at most; all of one person stand on one page.
        limit: u32,
    },
    /// Ends one registration.
    EndRegistration {
        /// Whose.
        user: String,
        /// Which one, as [`RegistrationView::handle`] names it.
        registration: String,
    },
    /// Ends all registrations, subscriptions and publications of a person; his devices stay.
    LogOut {
        /// Whose.
        user: String,
    },
    /// For whom messages wait, those who wait longest first.
    Queues {
        /// A part of the user name; empty is all.
        #[serde(default)]
        text: String,
        /// Where the page before ended, as it said.
        #[serde(default)]
        after: Option<String>,
        /// How many at most.
        limit: u32,
    },
    /// The messages that wait for one person, oldest first; never what they say.
    Queue {
        /// Whose.
        user: String,
        /// The last message of the page before.
        #[serde(default)]
        after: Option<u64>,
        /// How many at most.
        limit: u32,
    },
    /// Offers what waits for a person to his devices that are here.
    Deliver {
        /// Whose.
        user: String,
    },
    /// Throws away one message that waits for a person, or all.
    Drop {
        /// Whose.
        user: String,
        /// Which one; none is all.
        #[serde(default)]
        message: Option<u64>,
    },
    /// When a person was not let in lately.
    Failures {
        /// Whose.
        user: String,
    },
    /// Who is close to a ban.
    Failing,
    /// The bounds that bans and refusals go by, with their keys.
    Bounds,
    /// Sends a message of the server's own to all devices of a person.
    TestMessage {
        /// Whose.
        user: String,
    },
}

/// The answer to a [`LiveRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveReply {
    /// One person.
    Person(Box<PersonDetail>),
    /// Who is registered.
    Registrations(RegistrationPage),
    /// For whom messages wait.
    Queues(QueuePage),
    /// What waits for one person.
    Queue(HeldPage),
    /// How many devices of a person are here.
    Offered(u64),
    /// Failures to sign in, the newest first.
    Failures(Vec<FailureView>),
    /// Who is close to a ban.
    Failing(Vec<FailingView>),
    /// Bounds.
    Bounds(Vec<BoundView>),
    /// How a test message fared.
    Tried(TestView),
}

/// A value, and where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sourced {
    /// The value.
    pub value: String,
    /// The attribute of the directory that it is read from; none: it was entered here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
}

/// Everything of one person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonDetail {
    /// The name.
    pub user: String,
    /// `user@domain`.
    pub address: String,
    /// The name that others see.
    pub name: Sourced,
    /// The mail address.
    pub mail: Sourced,
    /// The telephone number.
    pub number: Sourced,
    /// Where he comes from.
    pub source: PersonSource,
    /// How he stands.
    pub state: PersonState,
    /// Whether the directory says so, and not an administrator here.
    pub by_directory: bool,
    /// Since when he is no longer in the directory, RFC 3339.
    pub absent_since: Option<String>,
    /// Whether he stays in until an administrator decides on a proposal.
    pub is_held: bool,
    /// When there was a row of him here first, RFC 3339.
    pub created: Option<String>,
    /// The directory's permanent identifier.
    pub directory_id: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Whether the directory makes him an administrator of this server.
    pub is_admin_by_group: bool,
    /// Device credentials, those that were revoked included.
    pub devices: Vec<Device>,
    /// Where he is registered.
    pub registrations: Vec<RegistrationView>,
    /// His presence, without its document.
    pub presence: PresenceView,
    /// Who watches him, or waits for his answer.
    pub watchers: Vec<WatcherView>,
    /// Who may see him.
    pub rules: RulesSummary,
    /// What waits for him.
    pub held: QueueView,
}

/// Who may see somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RulesSummary {
    /// What somebody gets whom no rule names: `allow`, `confirm` or `block`.
    pub default_policy: String,
    /// The rules, in the order in which they stand.
    pub rules: Vec<RuleView>,
    /// Whether a document of his cannot be read, which grants nothing.
    pub is_unreadable: bool,
}

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleView {
    /// `allow`, `polite-block`, `confirm` or `block`.
    pub handling: String,
    /// Whom it names: `user@domain`.
    pub people: Vec<String>,
    /// Domains all of whose people it names.
    pub domains: Vec<String>,
    /// Whether it names everybody.
    pub everybody: bool,
    /// Whether it is for those whom no other rule names.
    pub others: bool,
    /// Whether it is for those who did not say who they are.
    pub strangers: bool,
    /// Whether it names people by lists.
    pub lists: bool,
    /// Whether it holds only at certain times or in a certain sphere, or for all but some.
    pub is_limited: bool,
}

/// A registration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistrationView {
    /// Names it among those of its person.
    pub handle: String,
    /// Whose.
    pub user: String,
    /// The name that others see.
    pub name: String,
    /// The contact.
    pub contact: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    /// Where its requests come from, and go to.
    pub address: String,
    /// Whether the contact names another address than that.
    pub is_behind_nat: bool,
    /// Whether it lives and dies with its connection.
    pub is_bound: bool,
    /// Which flow of its instance (RFC 5626).
    pub flow: Option<u32>,
    /// The proxies on the way (RFC 3327).
    pub path: Option<String>,
    /// What the device calls itself.
    pub agent: String,
    /// The device: `credential:ID`, `instance:URN` or `anonymous`.
    pub device: String,
    /// What the person calls it, if it has a credential.
    pub label: String,
    /// When it was first made, RFC 3339.
    pub since: String,
    /// Seconds that are left of it.
    pub expires: u64,
}

/// A page of registrations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationPage {
    /// The registrations.
    pub registrations: Vec<RegistrationView>,
    /// How many there are on all pages.
    pub total: u64,
    /// For the next page; none if this is the last.
    pub next: Option<String>,
}

/// What waits for one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueView {
    /// Whose.
    pub user: String,
    /// The name that others see.
    pub name: String,
    /// How many messages.
    pub count: u64,
    /// Bytes of them, as they are stored.
    pub bytes: u64,
    /// When the oldest came, RFC 3339; empty if there is none.
    pub oldest: String,
    /// When the first of them runs out, RFC 3339; empty if there is none.
    pub first_expiry: String,
    /// Whether the person is registered now.
    pub online: bool,
}

/// A page of people for whom messages wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePage {
    /// The people.
    pub queues: Vec<QueueView>,
    /// How many there are on all pages.
    pub total: u64,
    /// Messages of all of them.
    pub messages: u64,
    /// For the next page; none if this is the last.
    pub next: Option<String>,
}

/// A message that waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldView {
    /// Names it among those of its person.
    pub message: u64,
    /// Who sent it: an address.
    pub sender: String,
    /// When it came, RFC 3339.
    pub received: String,
    /// When it runs out, RFC 3339.
    pub expires: String,
    /// Bytes, as it is stored.
    pub bytes: u64,
    /// How often it was sent to a device since the server started.
    pub tries: u32,
    /// Whether it is on its way now.
    pub is_being_sent: bool,
    /// Whether a device has had it.
    pub delivered: bool,
    /// Whether it tells what became of another message.
    pub notification: bool,
    /// The devices that still wait, by their labels where they have any.
    pub devices: Vec<String>,
    /// Whether the first device that comes gets it.
    pub anybody: bool,
}

/// A page of messages that wait for one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPage {
    /// The queue.
    pub queue: QueueView,
    /// The messages.
    pub messages: Vec<HeldView>,
    /// For the next page; none if this is the last.
    pub next: Option<u64>,
}

/// A failure to sign in, or several in a row that were alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureView {
    /// When the last of them was, RFC 3339.
    pub at: String,
    /// `password`, `unknown`, `locked`, `banned` or `another-name`.
    pub reason: String,
    /// Where it came from.
    pub source: String,
    /// What the device called itself.
    pub agent: String,
    /// How many there were.
    pub times: u32,
}

/// Failures that have led to no ban yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailingView {
    /// Where they came from.
    #[schema(value_type = String)]
    pub source: IpAddr,
    /// The account that they were for.
    pub user: String,
    /// How many there were.
    pub failures: u32,
    /// How many lead to a ban.
    pub most: u32,
}

/// A bound that is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BoundView {
    /// Its key in the configuration.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// How a test message fared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestView {
    /// `delivered`, `held`, `refused`, `full` or `failed`.
    pub ending: String,
    /// The status of a refusal.
    pub status: Option<u16>,
    /// The devices that were tried.
    pub devices: Vec<TriedDevice>,
    /// Devices that get it later: they are away, or have older messages to take first.
    pub later: Vec<String>,
}

/// A device that was sent a test message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TriedDevice {
    /// Its registration.
    pub registration: RegistrationView,
    /// Its answer; none if there was none.
    pub status: Option<u16>,
    /// Whether it was found out of reach.
    pub is_unreachable: bool,
}
