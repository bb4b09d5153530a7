//! What is asked and answered about figures of the past.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Makes the closed list of series.
macro_rules! series {
    ($($(#[$doc:meta])* $variant:ident = $measure:ident,)*) => {
        /// What is measured. The order of the words is stored: new ones go to the end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Series {
            $($(#[$doc])* $variant,)*
        }

        impl Series {
            /// All of them, in the order of their places in a slot.
            pub const ALL: &[Series] = &[$(Series::$variant,)*];

            /// How it is measured.
            #[must_use]
            pub const fn measure(self) -> Measure {
                match self { $(Series::$variant => Measure::$measure,)* }
            }
        }
    };
}

/// How something is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// By how much there is, on average.
    Level,
    /// By how often it happens, a second.
    Rate,
}

series! {
    /// Contacts bound.
    Devices = Level,
    /// People of whom a device is registered.
    Online = Level,
    /// Messages that came from senders.
    Accepted = Rate,
    /// Messages that a device took while their senders waited.
    Delivered = Rate,
    /// Messages that were put aside for somebody.
    Held = Rate,
    /// Held messages that a device took.
    DeliveredLater = Rate,
    /// Messages that did not arrive and are not held.
    Failed = Rate,
    /// Messages that wait.
    Waiting = Level,
    /// In how many seconds 95 % of the messages arrive, of those that go straight.
    DeliveryTime = Level,
    /// Credentials that did not verify.
    AuthFailures = Rate,
    /// Bans in force.
    Bans = Level,
    /// In how many seconds the directory answers 95 % of the questions about a person.
    DirectoryTime = Level,
    /// Requests to the directory that failed.
    DirectoryErrors = Rate,
    /// The share of questions about a person that memory answers.
    CacheHits = Level,
    /// SIP requests that came.
    SipRequests = Rate,
    /// Answers of ours that say that something failed here.
    SipFailures = Rate,
    /// Subscriptions.
    Subscriptions = Level,
    /// NOTIFY requests that were sent.
    Notifies = Rate,
    /// Bytes of memory.
    Memory = Level,
    /// Bytes of the store's files.
    StoreSize = Level,
    /// In how many seconds 95 % of the commits reach the disk.
    CommitTime = Level,
    /// Open file descriptors.
    Descriptors = Level,
    /// Requests that were answered on the web.
    WebRequests = Rate,
}

impl Series {
    /// How many there are.
    pub const COUNT: usize = Series::ALL.len();

    /// Its place in a slot.
    #[must_use]
    pub const fn place(self) -> usize {
        self as usize
    }
}

/// How far back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Window {
    /// Two hours.
    #[serde(rename = "2h")]
    Hours,
    /// A day.
    #[default]
    #[serde(rename = "24h")]
    Day,
    /// A week.
    #[serde(rename = "7d")]
    Week,
    /// Ninety days.
    #[serde(rename = "90d")]
    Quarter,
    /// Two years.
    #[serde(rename = "2y")]
    Years,
}

impl Window {
    /// All of them.
    pub const ALL: [Window; 5] =
        [Window::Hours, Window::Day, Window::Week, Window::Quarter, Window::Years];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Window::Hours => "2h",
            Window::Day => "24h",
            Window::Week => "7d",
            Window::Quarter => "90d",
            Window::Years => "2y",
        }
    }

    /// Reads a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Window> {
        Window::ALL.into_iter().find(|window| window.name() == word)
    }

    /// Seconds from one point to the next, and how many points there are.
    #[must_use]
    pub const fn grid(self) -> (u64, usize) {
        const DAY: u64 = 86_400;
        match self {
            Window::Hours => (90, 80),
            Window::Day => (900, 96),
            Window::Week => (7_200, 84),
            Window::Quarter => (DAY, 90),
            Window::Years => (7 * DAY, 104),
        }
    }
}

/// Figures of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRequest {
    /// How far back.
    #[serde(default)]
    pub window: Window,
    /// Which series.
    pub series: Vec<Series>,
}

/// The answer to a [`HistoryRequest`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryView {
    /// When the first point begins, seconds since 1970.
    pub from: u64,
    /// Seconds that a point stands for.
    pub step: u64,
    /// The series, in the order in which they were asked for.
    pub series: Vec<SeriesView>,
}

/// One series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesView {
    /// Which.
    pub series: Series,
    /// The average of each point's time, or how often a second; none where it is not known.
    pub points: Vec<Option<f64>>,
    /// The same of the last minute.
    pub now: Option<f64>,
}
