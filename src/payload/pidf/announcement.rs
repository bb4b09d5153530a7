//! What a client of ours publishes.

use super::write::{ROOT, escape};
use crate::clock::WallTime;

/// The activities that RPID names (RFC 4480 s3.2), but `other`, which needs a text.
const ACTIVITIES: &[&str] = &[
    "appointment",
    "away",
    "breakfast",
    "busy",
    "dinner",
    "holiday",
    "in-transit",
    "looking-for-work",
    "lunch",
    "meal",
    "meeting",
    "on-the-phone",
    "performance",
    "permanent-absence",
    "playing",
    "presentation",
    "shopping",
    "sleeping",
    "spectator",
    "steering",
    "travel",
    "tv",
    "unknown",
    "vacation",
    "working",
    "worship",
];

/// An activity that RFC 4480 s3.2 does not name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no activity; there are {names}", names = ACTIVITIES.join(", "))]
pub struct UnknownActivity(String);

/// The state of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement<'a> {
    /// Who publishes, a URI.
    pub entity: &'a str,
    /// The id of the tuple, an XML name; the person's is the same with `p` before it.
    pub id: &'a str,
    /// Whether it can be reached.
    pub open: bool,
    /// Where, a URI.
    pub contact: Option<&'a str>,
    /// What the person does, by the names of RFC 4480 s3.2.
    pub activity: Option<&'a str>,
    /// What the person says.
    pub note: Option<&'a str>,
    /// When this was so.
    pub at: Option<WallTime>,
}

impl Announcement<'_> {
    /// The document.
    ///
    /// # Errors
    /// The activity is none that RFC 4480 names.
    pub fn write(&self) -> Result<String, UnknownActivity> {
        let mut out = String::with_capacity(1_024);
        let mut element = |text: &str, value: &str, end: &str| {
            out.push_str(text);
            escape(value, &mut out);
            out.push_str(end);
        };
        element(ROOT, self.entity, "\">\n");
        element("<tuple id=\"", self.id, "\"><status><basic>");
        element(if self.open { "open" } else { "closed" }, "", "</basic></status>");
        if let Some(contact) = self.contact {
            element("<contact>", contact, "</contact>");
        }
        if let Some(at) = self.at {
            element("<timestamp>", &at.to_string(), "</timestamp>");
        }
        element("</tuple>\n", "", "");
        if self.activity.is_some() || self.note.is_some() {
            element("<dm:person id=\"p", self.id, "\">");
            if let Some(activity) = self.activity {
                if !ACTIVITIES.contains(&activity) {
                    return Err(UnknownActivity(activity.to_owned()));
                }
                element("<rpid:activities><rpid:", activity, "/></rpid:activities>");
            }
            if let Some(note) = self.note {
                element("<dm:note>", note, "</dm:note>");
            }
            if let Some(at) = self.at {
                element("<dm:timestamp>", &at.to_string(), "</dm:timestamp>");
            }
            element("</dm:person>\n", "", "");
        }
        element("</presence>\n", "", "");
        Ok(out)
    }
}
