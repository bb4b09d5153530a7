//! What a refusal of the accounts means to whoever asked: an exit code, and what to do next.

use crate::accounts::{AccountsError, ApplicationError, ConsoleError};
use crate::operations::{Cause, Exit, Failure};
use crate::store::CommitError;

/// The failure of a command whose change was not made.
#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(in crate::app) fn refused(error: AccountsError) -> Failure {
    let exit = match &error {
        AccountsError::NoAccount(_) | AccountsError::NoDevice { .. } => Exit::NotFound,
        AccountsError::Exists(_)
        | AccountsError::OtherDomain { .. }
        | AccountsError::OfDirectory(_)
        | AccountsError::NumberTaken { .. }
        | AccountsError::TooManyDevices(_) => Exit::Refused,
        AccountsError::Name(_)
        | AccountsError::Password(_)
        | AccountsError::TooLong(_)
        | AccountsError::Number(_)
        | AccountsError::ForeignDomain(_)
        | AccountsError::OtherRealm { .. }
        | AccountsError::Cursor
        | AccountsError::Header(_) => Exit::Usage,
        AccountsError::Console(error) => of_console(error),
        AccountsError::Application(error) => match error {
            ApplicationError::None(_) => Exit::NotFound,
            ApplicationError::Exists(_) | ApplicationError::TooMany(_) => Exit::Refused,
            ApplicationError::Name(_) | ApplicationError::Title | ApplicationError::Rate => {
                Exit::Usage
            }
        },
        AccountsError::Unavailable(_) => Exit::Unreachable,
        AccountsError::Store(_) | AccountsError::Commit(_) | AccountsError::Damaged(_) => {
            Exit::Failed
        }
    };
    Failure::new(exit, format!("{error}{}", advice(&error))).because(cause(&error))
}

/// What a form says at its field.
fn cause(error: &AccountsError) -> Option<Cause> {
    Some(match error {
        AccountsError::Name(_) | AccountsError::ForeignDomain(_) => Cause::Name,
        AccountsError::Exists(_) => Cause::NameTaken,
        AccountsError::TooLong(what) => Cause::TooLong((*what).to_owned()),
        AccountsError::Number(text) => Cause::Number(text.clone()),
        AccountsError::NumberTaken { user, .. } => Cause::NumberTaken(user.clone()),
        AccountsError::Password(_) => Cause::Password,
        AccountsError::OfDirectory(_) => Cause::OfDirectory,
        AccountsError::Header(what) => Cause::Header(what.clone()),
        _ => return None,
    })
}

const fn of_console(error: &ConsoleError) -> Exit {
    match error {
        ConsoleError::NoAccount(_) | ConsoleError::NoToken(_) => Exit::NotFound,
        ConsoleError::Name(_)
        | ConsoleError::Password(_)
        | ConsoleError::CodeSecret
        | ConsoleError::NoScope
        | ConsoleError::Ended
        | ConsoleError::Network(_) => Exit::Usage,
        ConsoleError::Exists(_)
        | ConsoleError::TooMany(_)
        | ConsoleError::Rights(_)
        | ConsoleError::LastOwner(_)
        | ConsoleError::Oneself
        | ConsoleError::Present
        | ConsoleError::Code
        | ConsoleError::Link
        | ConsoleError::NoAlerts
        | ConsoleError::TokenOfToken => Exit::Refused,
        ConsoleError::Busy(_) => Exit::Failed,
    }
}

/// What can be done about it, to be put behind the error.
fn advice(error: &AccountsError) -> String {
    match error {
        AccountsError::NoAccount(user) => format!(
            "; tagus user list shows who there is, and with a directory tagus ldap test {user} \
             asks it"
        ),
        AccountsError::NoDevice { user, .. } => {
            format!(" that could be revoked; tagus device list {user} shows them")
        }
        AccountsError::Exists(user) => {
            format!("; choose another name, or see what it is: tagus user show {user}")
        }
        AccountsError::Name(_) => "; a name has no spaces and none of @ : ; ? \" \\ < > , / % #, \
             and a domain behind it must be this server's"
            .to_owned(),
        AccountsError::OfDirectory(user) => format!(
            "; change it there, or make one for a device: tagus device add {user} --name phone"
        ),
        AccountsError::NumberTaken { user, .. } => {
            format!("; take it away from there first: tagus user number {user}")
        }
        AccountsError::TooManyDevices(user) => {
            format!(": tagus device revoke {user} DEVICE")
        }
        AccountsError::OtherDomain { frozen, configured } => format!(
            "; set domain = \"{frozen}\", with {configured} among the aliases if it is to be \
             answered too, or begin with another --data-dir"
        ),
        AccountsError::Header(_) => "; as in user,name,mail,password,groups".to_owned(),
        AccountsError::Commit(CommitError::ReadOnly) => {
            "; the log, or tagus status, says why".to_owned()
        }
        AccountsError::Commit(CommitError::Conflict | CommitError::Busy) => {
            "; try again".to_owned()
        }
        _ => String::new(),
    }
}
