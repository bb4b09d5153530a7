//! Who somebody is, where each value comes from, and how he stands.

use super::live;
use crate::model::Role;
use crate::operations::{PersonDetail, PersonSource, PersonState, Sourced};
use crate::web::{Key, Shell, Texts};

/// Groups that are named; of more it is said how many there are.
const MOST_GROUPS: usize = 30;

/// A state in one word.
pub(super) struct Badge {
    pub(super) level: &'static str,
    pub(super) text: String,
}

/// A value with where it comes from.
pub(super) struct Fact {
    pub(super) label: Key,
    pub(super) value: String,
    /// Pages that the value consists of, before the rest of it.
    pub(super) links: Vec<(String, String)>,
    pub(super) note: String,
}

/// Whether the person is kept out.
pub(super) fn is_locked(detail: &PersonDetail) -> bool {
    detail.state != PersonState::Active && !detail.is_held
}

pub(super) fn badges(t: Texts, detail: &PersonDetail) -> Vec<Badge> {
    let badge = |level, text| Badge { level, text };
    let state = match (detail.state, detail.by_directory) {
        (PersonState::Active | PersonState::Held, _) => badge("ok", t.get("profile-active")),
        (PersonState::Disabled, false) => badge("error", t.get("profile-disabled")),
        (PersonState::Disabled, true) => badge("error", t.get("profile-locked-there")),
        (PersonState::Absent, _) => badge("error", t.get("profile-absent")),
    };
    let online = match detail.registrations.len() {
        0 => badge("", t.get("person-offline")),
        count => badge("ok", t.of("person-online", "count", count)),
    };
    let source = match detail.source {
        PersonSource::Local => badge("", t.get("profile-local")),
        PersonSource::Directory => badge("", t.get("profile-of-directory")),
    };
    let mut all = vec![state, online, source];
    if detail.is_held {
        all.push(badge("warn", t.get("profile-held-in")));
    }
    all
}

/// What whoever helps this person must know first.
pub(super) fn warnings(t: Texts, shell: &Shell, detail: &PersonDetail) -> Vec<String> {
    let mut all = Vec::new();
    match (detail.state, detail.by_directory) {
        (PersonState::Disabled, false) => all.push(t.get("profile-disabled-detail")),
        (PersonState::Disabled, true) => all.push(t.get("profile-locked-there-detail")),
        (PersonState::Absent, _) => {
            let since = shell.when(detail.absent_since.as_deref().unwrap_or_default());
            all.push(t.of("profile-absent-detail", "since", since));
        }
        (PersonState::Active | PersonState::Held, _) => {}
    }
    if detail.is_held {
        all.push(t.get("profile-held-in-detail"));
    }
    all
}

pub(super) fn facts(
    t: Texts,
    shell: &Shell,
    detail: &PersonDetail,
    role: Option<Role>,
) -> Vec<Fact> {
    let mut all = Vec::new();
    let mut add = |label, value: String, note: String| {
        if !value.is_empty() {
            all.push(Fact { label, value, links: Vec::new(), note });
        }
    };
    let origin = |sourced: &Sourced| match &sourced.attribute {
        Some(attribute) => t.of("person-from-attribute", "attribute", shell.show(attribute)),
        None => t.get("person-from-here"),
    };
    add(Key("profile-user"), live::cut_at(&detail.user, 300), String::new());
    add(
        Key("profile-address"),
        format!("sip:{}", live::cut_at(&detail.address, 400)),
        String::new(),
    );
    for (label, sourced) in [
        (Key("profile-name"), &detail.name),
        (Key("profile-mail"), &detail.mail),
        (Key("profile-number"), &detail.number),
    ] {
        add(label, live::cut_at(&sourced.value, 400), origin(sourced));
    }
    if !detail.groups.is_empty() {
        all.push(groups(t, detail));
    }
    let mut add = |label, value: String, note: String| {
        if !value.is_empty() {
            all.push(Fact { label, value, links: Vec::new(), note });
        }
    };
    if let Some(role) = role {
        add(Key("person-role"), shell.role(role), String::new());
    } else if detail.is_admin_by_group {
        add(Key("person-role"), shell.role(Role::Admin), t.get("person-role-by-group"));
    }
    let id = detail.directory_id.as_deref().unwrap_or_default();
    add(Key("person-directory-id"), live::cut(id), String::new());
    let created = detail.created.as_deref().map(|at| shell.when(at));
    add(Key("person-created"), created.unwrap_or_default(), String::new());
    all
}

/// The groups, each with the page of whoever is in it.
fn groups(t: Texts, detail: &PersonDetail) -> Fact {
    let link = |group: &String| {
        let link = format!("/admin/people?group={}", live::encoded(group));
        (live::cut_at(group, 80), link)
    };
    let more = detail.groups.len().saturating_sub(MOST_GROUPS);
    Fact {
        label: Key("profile-groups"),
        value: if more > 0 { t.of("and-more", "count", more) } else { String::new() },
        links: detail.groups.iter().take(MOST_GROUPS).map(link).collect(),
        note: match detail.source {
            PersonSource::Local => String::new(),
            PersonSource::Directory => t.get("profile-groups-note"),
        },
    }
}
