//! How a command ends.

use std::fmt;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// The exit codes, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It was tried and failed.
    Failed = 1,
    /// Wrong usage, or an invalid configuration.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// Not permitted; also: another server owns the data directory.
    Refused = 4,
    /// The server cannot be reached.
    Unreachable = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command did not do what was asked: a code for scripts, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened, and what to do about it.
    pub message: String,
    /// What was wrong with what was asked, where a form can say so at its field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Seconds after which it may be asked for again; only where it was asked for too often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// What is wrong with what somebody asked for about a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Nobody can be called so.
    Name,
    /// Somebody is called so.
    NameTaken,
    /// This text is longer than it may be: `name`, `mail address`, `number` or `list of groups`.
    TooLong(String),
    /// It is no telephone number.
    Number(String),
    /// He has the number already.
    NumberTaken(String),
    /// It can be no password.
    Password,
    /// That is the directory's.
    OfDirectory,
    /// The first line of the CSV cannot be used.
    Header(String),
    /// Now they are another number of people.
    Count(u64),
    /// Too much is under way.
    Busy,
}

impl Failure {
    /// A failure with any code.
    #[must_use]
    pub fn new(exit: Exit, message: impl fmt::Display) -> Failure {
        Failure { exit, message: message.to_string(), cause: None, retry_after: None }
    }

    /// The same with what is wrong.
    #[must_use]
    pub fn because(self, cause: Option<Cause>) -> Failure {
        Failure { cause, ..self }
    }

    /// It was tried and failed.
    #[must_use]
    pub fn failed(message: impl fmt::Display) -> Failure {
        Failure::new(Exit::Failed, message)
    }

    /// Wrong usage, or an invalid configuration.
    #[must_use]
    pub fn usage(message: impl fmt::Display) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// What was named does not exist.
    #[must_use]
    pub fn not_found(message: impl fmt::Display) -> Failure {
        Failure::new(Exit::NotFound, message)
    }

    /// Not permitted.
    #[must_use]
    pub fn refused(message: impl fmt::Display) -> Failure {
        Failure::new(Exit::Refused, message)
    }

    /// Asked for too often: again after so many seconds.
    #[must_use]
    pub fn wait(message: impl fmt::Display, seconds: u64) -> Failure {
        Failure { retry_after: Some(seconds), ..Failure::refused(message) }
    }

    /// The server cannot be reached.
    #[must_use]
    pub fn unreachable(message: impl fmt::Display) -> Failure {
        Failure::new(Exit::Unreachable, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
