//! Work that takes longer than an answer may: it runs in the server, and who asked looks at it again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Existing, PeopleQuery, RowFailure, Secret};

/// About long work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobRequest {
    /// All that are remembered, the newest first.
    List,
    /// One of them.
    Show {
        /// Its id.
        job: String,
    },
    /// Ends one before it is done; what it did stays done.
    Cancel {
        /// Its id.
        job: String,
    },
    /// What it made to be read, a part at a time.
    Result {
        /// Its id.
        job: String,
        /// Where the part before ended; none is the first one.
        after: Option<String>,
    },
    /// Makes many local accounts, or tries it.
    Import {
        /// CSV with a header line; it holds passwords.
        csv: Secret,
        /// What the file is called.
        #[serde(default)]
        file: String,
        /// What becomes of names that are taken.
        #[serde(default)]
        existing: Existing,
        /// Tell what would become of each row, and change nothing.
        #[serde(default)]
        dry_run: bool,
    },
    /// Imports what was tried, or tries it in another way.
    ImportTried {
        /// The job that tried it.
        job: String,
        /// What becomes of names that are taken.
        #[serde(default)]
        existing: Existing,
        /// Try it again, and change nothing.
        #[serde(default)]
        dry_run: bool,
    },
    /// The same with many people, one after the other.
    People {
        /// What.
        deed: PeopleDeed,
        /// With whom.
        whom: Whom,
    },
}

/// What is done with many people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeopleDeed {
    /// They are locked out.
    #[default]
    Disable,
    /// They are let in again.
    Enable,
    /// They are removed.
    Delete,
}

/// With whom something is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// With these.
    Named(Vec<String>),
    /// With all whom a query finds.
    Matching {
        /// The query; where its page begins and ends makes no difference.
        query: PeopleQuery,
        /// How many they were when somebody decided about them; if it finds another number of
        /// people now, nothing is done.
        count: u64,
    },
}

/// What a job does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Tries an import.
    #[default]
    ImportTrial,
    /// Imports accounts.
    Import,
    /// Locks people out.
    Disable,
    /// Lets people in.
    Enable,
    /// Removes people.
    Delete,
}

/// How a job stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It works.
    #[default]
    Running,
    /// It came to its end.
    Done,
    /// It broke off.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

/// A job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Names it.
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// Who asked for it.
    pub by: String,
    /// With what: the name of a file; empty where there is none.
    #[serde(default)]
    pub subject: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// When it ended, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// How it stands.
    pub state: JobState,
    /// How much of it is done: rows or people.
    pub done: u64,
    /// How much there is to do.
    pub total: u64,
    /// What it did so far, or would.
    pub report: JobReport,
    /// Why it broke off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What becomes of names that are taken, of an import.
    pub existing: Existing,
    /// Whether what was tried can still be imported.
    pub can_go_on: bool,
    /// Whether there is something to be read ([`JobRequest::Result`]).
    pub has_result: bool,
}

/// What a job did, or would.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobReport {
    /// Accounts made.
    pub added: u64,
    /// Accounts, or people, that changed.
    pub changed: u64,
    /// Rows passed over.
    pub skipped: u64,
    /// People removed.
    pub removed: u64,
    /// How many failed.
    pub failed: u64,
    /// The first of those; all of them are in the result.
    pub failures: Vec<RowFailure>,
}
