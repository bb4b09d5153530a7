//! What is asked and answered about notices: short texts of applications to people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::console::TokenSecret;
use crate::clock::WallTime;

/// About notices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeRequest {
    /// Lists applications.
    Applications,
    /// Makes one.
    AddApplication(ApplicationTerms),
    /// Gives one another title and other rates.
    SetApplication(ApplicationTerms),
    /// Removes one, with its tokens.
    RemoveApplication {
        /// The name.
        name: String,
    },
    /// Makes a token that speaks for one.
    MakeToken {
        /// The application.
        name: String,
        /// When it ends by itself.
        expires_at: Option<WallTime>,
        /// Addresses and networks that it is taken from; none: from everywhere.
        networks: Vec<String>,
    },
    /// Sends a notice to people, or to a group.
    Send(NewNotice),
    /// Sends a notice of the administrators to everybody who is registered now.
    SendToAll {
        /// What it says.
        text: String,
        /// For how many seconds it waits for somebody who is away.
        ttl: Option<u64>,
    },
    /// How many people a notice would go to.
    Reach {
        /// The group; none is everybody who is registered now.
        group: Option<String>,
    },
    /// How far a notice is.
    Job {
        /// Its number.
        id: u64,
    },
    /// What somebody does not want to hear from.
    Mutes {
        /// Who.
        user: String,
    },
    /// Says whether somebody wants to hear from an application.
    Mute {
        /// Who.
        user: String,
        /// The application.
        application: String,
        /// Whether he does not.
        muted: bool,
    },
}

/// An application as it shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationTerms {
    /// What it is called in its address.
    pub name: String,
    /// What people read as the sender.
    pub title: String,
    /// How often it may send within a minute.
    pub per_minute: u32,
    /// How many notices one person gets of it within a minute.
    pub per_person: u32,
}

/// A notice to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewNotice {
    /// The application that it is of; none is the one of the token, or else the administrators.
    pub application: Option<String>,
    /// Whom it is for, by user name.
    pub to: Vec<String>,
    /// The group that it is for.
    pub group: Option<String>,
    /// What it says.
    pub text: String,
    /// For how many seconds it waits for somebody who is away.
    pub ttl: Option<u64>,
}

/// The answer to a [`NoticeRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeReply {
    /// Applications.
    Applications(Vec<ApplicationView>),
    /// A new token.
    Token(TokenSecret),
    /// What became of a notice, as far as it is.
    Report(NoticeReport),
    /// How many people it would go to.
    Reach(u64),
    /// What somebody does not want to hear from.
    Mutes(Vec<MuteView>),
}

/// An application that sends notices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApplicationView {
    /// What it is called in its address.
    pub name: String,
    /// What people read as the sender.
    pub title: String,
    /// Its SIP address.
    pub address: String,
    /// How often it may send within a minute.
    pub per_minute: u32,
    /// How many notices one person gets of it within a minute.
    pub per_person: u32,
    /// The identifiers of its tokens.
    pub tokens: Vec<String>,
    /// When it was made, RFC 3339.
    pub created: String,
}

/// What became of a notice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeReport {
    /// Its number, by which it is asked for.
    pub id: u64,
    /// The application that it is of.
    pub application: String,
    /// Whether it went to everybody.
    pub done: bool,
    /// People it is for.
    pub people: u64,
    /// What became of it, by kind.
    pub counts: NoticeCounts,
    /// What became of it for each, where they are few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<NoticeOutcome>,
}

/// For how many people what became of a notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeCounts {
    /// Sent to a device that is here.
    pub accepted: u64,
    /// Waits until a device comes.
    pub held: u64,
    /// They do not want to hear from the application.
    pub muted: u64,
    /// There is nobody of that name, or he may not sign in.
    pub unknown: u64,
    /// They had as many notices of it within this minute as one may have.
    pub limited: u64,
    /// Too much waits for them already.
    pub full: u64,
    /// It could not be kept, or the directory does not answer.
    pub failed: u64,
}

impl NoticeCounts {
    /// Counts one of these words; another one counts as failed.
    pub fn count(&mut self, outcome: &str) {
        let counter = match outcome {
            "accepted" => &mut self.accepted,
            "held" => &mut self.held,
            "muted" => &mut self.muted,
            "unknown" => &mut self.unknown,
            "limited" => &mut self.limited,
            "full" => &mut self.full,
            _ => &mut self.failed,
        };
        *counter = counter.saturating_add(1);
    }
}

/// What became of a notice for one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeOutcome {
    /// The name.
    pub user: String,
    /// `accepted`, `held`, `muted`, `unknown`, `limited`, `full` or `failed`, as the counts are called.
    pub outcome: String,
}

/// Something that somebody does not want to hear from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MuteView {
    /// The application.
    pub application: String,
    /// Since when, RFC 3339.
    pub since: String,
}
