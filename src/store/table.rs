//! The tables. Each has exactly one service that writes it.

use std::fmt;

/// A table. The number is the first byte of each key in the engine and in exports: it never
/// changes and is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Table {
    /// One row per address-of-record; written by `registrar`.
    Bindings = 1,
    /// Written by `accounts`.
    Accounts = 2,
    /// Device credentials; written by `accounts`.
    Credentials = 3,
    /// Messages for people who are away; written by `page_mode`.
    HeldMessages = 4,
    /// How far each device has read; written by `page_mode`.
    HeldCursors = 5,
    /// Written by `accounts`.
    Bans = 6,
    /// Configuration that the console set; written by `accounts`.
    Settings = 7,
    /// Written by `accounts`.
    Audit = 8,
    /// Facts that are settled once, as the realm; written by `accounts`, but for how often the server
    /// has started, which `subscriptions` counts.
    Site = 9,
    /// Subscriptions that outlive a restart; written by `subscriptions`.
    Subscriptions = 10,
    /// What people published of themselves; written by `presence`.
    Publications = 11,
    /// People's own documents, as rules of who may see them; written by `documents`.
    Documents = 12,
    /// Who asked to watch somebody and has had no answer; written by `subscriptions`.
    WaitingWatchers = 13,
    /// Who works on the console; written by `accounts`.
    Console = 14,
    /// Tokens of the API; written by `accounts`.
    Tokens = 15,
    /// What the directory's list says of everybody; written by `accounts`.
    DirectoryPeople = 16,
    /// Figures of the past, in rings; written by `app::history`.
    History = 17,
    /// Who is told of what goes wrong, and what was told; written by `accounts`.
    Alerts = 18,
    /// Programs that send notices; written by `accounts`.
    Applications = 19,
    /// Who does not want to hear from which of them; written by `accounts`.
    Mutes = 20,
}

impl Table {
    /// All tables, by number.
    pub const ALL: [Table; 20] = [
        Table::Bindings,
        Table::Accounts,
        Table::Credentials,
        Table::HeldMessages,
        Table::HeldCursors,
        Table::Bans,
        Table::Settings,
        Table::Audit,
        Table::Site,
        Table::Subscriptions,
        Table::Publications,
        Table::Documents,
        Table::WaitingWatchers,
        Table::Console,
        Table::Tokens,
        Table::DirectoryPeople,
        Table::History,
        Table::Alerts,
        Table::Applications,
        Table::Mutes,
    ];

    /// The permanent number.
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The table with the number `id`.
    #[must_use]
    pub fn from_id(id: u8) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.id() == id)
    }

    /// The name in exports and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Table::Bindings => "bindings",
            Table::Accounts => "accounts",
            Table::Credentials => "credentials",
            Table::HeldMessages => "held_messages",
            Table::HeldCursors => "held_cursors",
            Table::Bans => "bans",
            Table::Settings => "settings",
            Table::Audit => "audit",
            Table::Site => "site",
            Table::Subscriptions => "subscriptions",
            Table::Publications => "publications",
            Table::Documents => "documents",
            Table::WaitingWatchers => "waiting_watchers",
            Table::Console => "console",
            Table::Tokens => "tokens",
            Table::DirectoryPeople => "directory_people",
            Table::History => "history",
            Table::Alerts => "alerts",
            Table::Applications => "applications",
            Table::Mutes => "mutes",
        }
    }

    /// The place in an array with one element per table.
    pub(super) const fn index(self) -> usize {
        self.id() as usize - 1
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
