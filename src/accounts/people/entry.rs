//! One person in the index: what is shown of him, and what he is found by.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Order};

use super::fold::fold;
use crate::clock::WallTime;
use crate::identity::{UserName, numbers_in};
use crate::model::{Account, AccountKind};

/// Bytes of a folded name that people are sorted by; a cursor holds them.
const SORTED_BY: usize = 96;
/// Bytes that somebody is found by at most.
const LONGEST: usize = 4096;

/// Where somebody comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An account of this server.
    Local,
    /// The directory.
    Directory,
}

/// How somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// May sign in.
    Active,
    /// Locked by an administrator.
    Disabled,
    /// Locked in the directory.
    DirectoryDisabled,
    /// No longer in the directory.
    Absent,
}

/// What the directory says of somebody.
#[derive(Clone, Debug)]
pub(super) struct OfDirectory<'a> {
    pub(super) name: &'a str,
    pub(super) mail: &'a str,
    pub(super) number: &'a str,
    pub(super) disabled: bool,
    pub(super) absent_since: Option<WallTime>,
}

/// A person of the index.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) user: UserName,
    /// Name, mail address and number as they are shown, one after the other.
    shown: Box<str>,
    name_ends: u32,
    mail_ends: u32,
    /// The folded name, then whatever else he is found by, a line each.
    found_by: Box<str>,
    sorted_by: u32,
    pub(super) absent_since: Option<WallTime>,
    pub(super) devices: u32,
    /// Unix milliseconds of the last use of a device; 0 is never.
    last_used: AtomicU64,
    pub(super) origin: Origin,
    pub(super) state: State,
}

impl Entry {
    /// An entry of what is known: the row here, and what the directory says.
    pub(super) fn new(
        user: UserName,
        account: Option<&Account>,
        directory: Option<&OfDirectory<'_>>,
        devices: u32,
    ) -> Option<Entry> {
        let of_directory = account.is_none_or(|account| account.kind == AccountKind::Directory);
        let directory = directory.filter(|_| of_directory);
        if account.is_none() && directory.is_none() {
            return None;
        }
        let row = account.map_or(("", "", ""), |account| {
            (account.display_name.as_str(), account.mail.as_str(), account.number.as_str())
        });
        let (name, mail, number) = directory.map_or(row, |directory| {
            // The row says what the directory said when it was made.
            let name = if directory.name.is_empty() { row.0 } else { directory.name };
            (name, directory.mail, directory.number)
        });
        let name = if name.is_empty() { user.as_str() } else { name };
        let absent_since = directory.and_then(|directory| directory.absent_since);
        let locked_there = match directory {
            Some(directory) => directory.disabled,
            None => account.is_some_and(|account| account.directory_locked),
        };
        let state = if absent_since.is_some() {
            State::Absent
        } else if account.is_some_and(|account| account.disabled) {
            State::Disabled
        } else if of_directory && locked_there {
            State::DirectoryDisabled
        } else {
            State::Active
        };
        let origin = if of_directory { Origin::Directory } else { Origin::Local };
        let (found_by, sorted_by) = found_by(&user, name, mail, number);
        Some(Entry {
            name_ends: length(name),
            mail_ends: length(name) + length(mail),
            shown: [name, mail, number].concat().into(),
            found_by,
            sorted_by,
            absent_since,
            devices,
            last_used: AtomicU64::new(0),
            origin,
            state,
            user,
        })
    }

    /// Stands in the order of people where a cursor points.
    pub(super) fn probe(sorted_by: &str, user: &str) -> Entry {
        Entry {
            user: UserName::canonical(user),
            shown: Box::from(""),
            name_ends: 0,
            mail_ends: 0,
            sorted_by: length(sorted_by),
            found_by: sorted_by.into(),
            absent_since: None,
            devices: 0,
            last_used: AtomicU64::new(0),
            origin: Origin::Local,
            state: State::Active,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.shown.get(..self.name_ends as usize).unwrap_or_default()
    }

    pub(super) fn mail(&self) -> &str {
        self.shown.get(self.name_ends as usize..self.mail_ends as usize).unwrap_or_default()
    }

    pub(super) fn number(&self) -> &str {
        self.shown.get(self.mail_ends as usize..).unwrap_or_default()
    }

    /// One of the devices was used.
    pub(super) fn note_use(&self, at: WallTime) {
        self.last_used.fetch_max(at.unix_millis(), Order::Relaxed);
    }

    /// When a device was last used, to within a day.
    pub(super) fn last_used(&self) -> Option<WallTime> {
        let millis = self.last_used.load(Order::Relaxed);
        (millis > 0).then(|| WallTime::from_unix_millis(millis))
    }

    /// What people are sorted by, before their user names.
    pub(super) fn sorted_by(&self) -> &str {
        self.found_by.get(..self.sorted_by as usize).unwrap_or_default()
    }

    /// Which of two comes first: by folded name, then by user name.
    pub(super) fn order(&self, other: &Entry) -> Ordering {
        let by_name = self.sorted_by().cmp(other.sorted_by());
        by_name.then_with(|| self.user.as_str().cmp(other.user.as_str()))
    }

    /// What he is found by: lines, the folded name first.
    pub(super) fn found_by(&self) -> &str {
        &self.found_by
    }
}

/// The lines that somebody is found by, and how many bytes he is sorted by.
fn found_by(user: &str, name: &str, mail: &str, number: &str) -> (Box<str>, u32) {
    let words: Vec<&str> = name.split_whitespace().collect();
    let mut lines = fold(&words.join(" "));
    cut(&mut lines, LONGEST);
    let sorted_by = lines.floor_char_boundary(SORTED_BY);
    for line in [user, mail] {
        if !line.is_empty() {
            lines.push('\n');
            lines.push_str(&fold(line));
        }
    }
    for number in numbers_in(number) {
        lines.push('\n');
        lines.push_str(&number);
    }
    cut(&mut lines, LONGEST * 2);
    (lines.into(), u32::try_from(sorted_by).unwrap_or(0))
}

fn cut(text: &mut String, most: usize) {
    text.truncate(text.floor_char_boundary(most));
}

fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// An entry in the order of people.
#[derive(Clone, Debug)]
pub(super) struct ByName(pub(super) Arc<Entry>);

impl Ord for ByName {
    fn cmp(&self, other: &ByName) -> Ordering {
        self.0.order(&other.0)
    }
}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &ByName) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &ByName) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ByName {}
