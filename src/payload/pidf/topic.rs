//! What a part of a document is about, as far as permissions tell parts apart (RFC 5025 s3.3.2).

use super::{DATA_MODEL, GEOPRIV, OMA, PIDF, RPID};

/// What a part is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Topic {
    /// Who sees the component sees it: contact, basic status, service class, timestamp, and a
    /// device's own ID.
    Always,
    /// `<activities>` (RFC 5025 s3.3.2.1).
    Activities,
    /// `<class>` (s3.3.2.2).
    Class,
    /// A `<deviceID>` in a tuple (s3.3.2.3).
    DeviceId,
    /// `<mood>` (s3.3.2.4).
    Mood,
    /// `<place-is>` (s3.3.2.5).
    PlaceIs,
    /// `<place-type>` (s3.3.2.6).
    PlaceType,
    /// `<privacy>` (s3.3.2.7).
    Privacy,
    /// `<relationship>` (s3.3.2.8).
    Relationship,
    /// `<sphere>` (s3.3.2.9).
    Sphere,
    /// `<status-icon>` (s3.3.2.10).
    StatusIcon,
    /// `<time-offset>` (s3.3.2.11).
    TimeOffset,
    /// `<user-input>` (s3.3.2.12), which can be shown in part.
    UserInput,
    /// `<note>` (s3.3.2.13).
    Note,
    /// OMA's willingness, a person's overriding willingness among it.
    Willingness,
    /// OMA's session participation.
    SessionParticipation,
    /// OMA's registration state.
    RegistrationState,
    /// OMA's barring state.
    BarringState,
    /// OMA's network availability.
    NetworkAvailability,
    /// A location (RFC 4119).
    Location,
    /// What no permission of its own speaks of (s3.3.2.14).
    Unknown,
}

impl Topic {
    /// The topic of a child of a tuple, person, device or of a tuple's status.
    pub(super) fn of(namespace: &str, name: &str, in_tuple: bool) -> Topic {
        match (namespace, name) {
            (PIDF, "contact" | "timestamp" | "basic")
            | (DATA_MODEL, "timestamp")
            | (RPID, "service-class") => Topic::Always,
            (DATA_MODEL, "deviceID") if in_tuple => Topic::DeviceId,
            (DATA_MODEL, "deviceID") => Topic::Always,
            // Some write a note of RPID beside its elements.
            (PIDF | DATA_MODEL | RPID, "note") => Topic::Note,
            (RPID, "activities") => Topic::Activities,
            (RPID, "class") => Topic::Class,
            (RPID, "deviceID") => Topic::DeviceId,
            (RPID, "mood") => Topic::Mood,
            (RPID, "place-is") => Topic::PlaceIs,
            (RPID, "place-type") => Topic::PlaceType,
            (RPID, "privacy") => Topic::Privacy,
            (RPID, "relationship") => Topic::Relationship,
            (RPID, "sphere") => Topic::Sphere,
            (RPID, "status-icon") => Topic::StatusIcon,
            (RPID, "time-offset") => Topic::TimeOffset,
            (RPID, "user-input") => Topic::UserInput,
            (OMA, "willingness" | "overriding-willingness") => Topic::Willingness,
            (OMA, "session-participation") => Topic::SessionParticipation,
            (OMA, "registration-state") => Topic::RegistrationState,
            (OMA, "barring-state") => Topic::BarringState,
            (OMA, "network-availability") => Topic::NetworkAvailability,
            (GEOPRIV, "geopriv") => Topic::Location,
            _ => Topic::Unknown,
        }
    }

    /// Whether it is what somebody says of himself by hand, which is taken from one device as a
    /// whole: a note goes with the activity that it explains.
    #[must_use]
    pub const fn is_said(self) -> bool {
        matches!(
            self,
            Topic::Activities
                | Topic::Mood
                | Topic::Note
                | Topic::StatusIcon
                | Topic::Class
                | Topic::Always
                | Topic::Willingness
        )
    }
}

/// A set of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicSet(u32);

impl TopicSet {
    /// No topic.
    pub const NONE: TopicSet = TopicSet(0);
    /// All that have a permission of their own with two values.
    pub const ALL: TopicSet = TopicSet(
        ((1 << (Topic::Unknown as u32)) - 1)
            & !(1 << (Topic::Always as u32))
            & !(1 << (Topic::UserInput as u32)),
    );

    /// The set with `topic` as well.
    #[must_use]
    pub const fn with(self, topic: Topic) -> TopicSet {
        TopicSet(self.0 | 1 << (topic as u32))
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: TopicSet) -> TopicSet {
        TopicSet(self.0 | other.0)
    }

    /// Whether `topic` is in it.
    #[must_use]
    pub const fn has(self, topic: Topic) -> bool {
        self.0 & (1 << (topic as u32)) != 0
    }
}
