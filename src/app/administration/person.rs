//! Everything of one person, from what is known here: it is shown as quickly while the directory does
//! not answer.

use super::live::Inside;
use super::presence::watching_views;
use super::{Administration, device, refused};
use crate::accounts::people::{Origin, State};
use crate::app::watching;
use crate::documents::Documents;
use crate::operations::{
    Failure, PersonDetail, PersonSource, PersonState, RuleView, RulesSummary, Sourced,
};
use crate::payload::pres_rules;
use crate::presence::{OMA_RULES, RULES};

impl Administration {
    pub(super) fn person_detail(
        &self,
        inside: &Inside,
        user: &str,
    ) -> Result<PersonDetail, Failure> {
        let name = self.known(inside, user)?;
        let (accounts, identity) = (&self.site.accounts, &self.site.identity);
        let aor = self.aor(user);
        let row = accounts.show(&name).ok();
        let person = accounts.person(&name).map_err(refused)?;
        let listing = identity.listing(&name);
        let loaded = self.site.loaded();
        let ldap = &loaded.config.identity.ldap;
        let of_directory = person.as_ref().is_some_and(|person| person.origin == Origin::Directory);
        let sourced = |value: &str, attribute: &str| Sourced {
            value: value.to_owned(),
            attribute: (of_directory && !value.is_empty() && !attribute.is_empty())
                .then(|| attribute.to_owned()),
        };
        let now = self.site.clock.now();
        let bindings = inside.watching.registrar.lookup(&aor);
        let registrations = match &bindings {
            Some(row) => self.registrations_of(&name, row.live(now))?,
            None => Vec::new(),
        };
        let mut detail = PersonDetail {
            address: aor.clone(),
            is_held: identity.is_held(&name),
            created: row.as_ref().map(|row| row.created.to_string()),
            directory_id: listing
                .and_then(|listing| listing.id.map(String::from))
                .or_else(|| row.and_then(|row| row.directory_id)),
            groups: identity
                .groups(&name)
                .map(|groups| groups.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            is_admin_by_group: identity.administers(&name),
            devices: accounts.devices(&name).map_err(refused)?.into_iter().map(device).collect(),
            registrations,
            presence: self.presence_of(&inside.watching, &name, &aor, false),
            watchers: watching_views(&inside.watching, &aor),
            rules: self.rules_summary(&inside.watching.documents, &aor)?,
            held: self.queue_view(inside, &name, self.site.clock.wall())?,
            ..PersonDetail::default()
        };
        if let Some(person) = &person {
            detail.name = sourced(&person.name, &ldap.attribute_name);
            detail.mail = sourced(&person.mail, &ldap.attribute_mail);
            detail.number = sourced(&person.number, &ldap.attribute_number);
            detail.absent_since = person.absent_since.map(|at| at.to_string());
            (detail.state, detail.by_directory) = match person.state {
                State::Active => (PersonState::Active, false),
                State::Disabled => (PersonState::Disabled, false),
                State::DirectoryDisabled => (PersonState::Disabled, true),
                State::Absent => (PersonState::Absent, true),
            };
        }
        if of_directory {
            detail.source = PersonSource::Directory;
        }
        detail.user = name.to_string();
        Ok(detail)
    }

    fn rules_summary(&self, documents: &Documents, aor: &str) -> Result<RulesSummary, Failure> {
        let limits = watching::rules(&self.site.config.limits);
        let mut summary = RulesSummary {
            default_policy: self.default_policy().to_owned(),
            ..RulesSummary::default()
        };
        for auid in [RULES, OMA_RULES] {
            for row in documents.list(aor, Some(auid)).map_err(Failure::failed)? {
                match pres_rules::read_within(&row.body, &limits) {
                    Ok(rules) => summary.rules.extend(rules.summaries().into_iter().map(rule)),
                    Err(_) => summary.is_unreadable = true,
                }
            }
        }
        Ok(summary)
    }
}

fn rule(told: pres_rules::RuleSummary) -> RuleView {
    RuleView {
        handling: told.handling.name().to_owned(),
        people: told.people,
        domains: told.domains,
        everybody: told.everybody,
        others: told.others,
        strangers: told.strangers,
        lists: told.lists,
        is_limited: told.is_limited,
    }
}
