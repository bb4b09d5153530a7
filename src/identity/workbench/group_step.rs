//! The seventh step: whether the server shows the groups, and who is in them.

use std::collections::HashMap;

use ldap3::SearchEntry;
use tokio::time::timeout;

use super::census::Census;
use super::code::Code;
use super::finding::{Finding, bounded};
use super::people::is_filter;
use super::report::{Detail, Group, GroupList, StepName};
use super::run::{Outcome, Run};
use crate::identity::ldap::guard::Session;
use crate::identity::ldap::{
    DirectoryError, Gathered, Listing, Membership, Places, Roll, Settings, gather, values,
};
use crate::identity::name::fold;

/// Groups that are shown, and those that the sentence names.
const SHOWN: usize = 50;
const NAMED: usize = 3;

impl Run<'_> {
    /// Reads the groups of everybody; who is in which, unless that cannot be told.
    pub(super) async fn groups(
        &mut self,
        session: &Session,
        census: &Census,
    ) -> Option<Membership> {
        let ldap = &self.trial.ldap;
        if ldap.group_base_dn.is_empty() {
            self.end(StepName::Groups, Outcome::of(Code::NoGroups.alone()));
            return None;
        }
        let mut gathered = Gathered::new(&census.roll, &census.places);
        if let Err(finding) = self.gather(session, &mut gathered).await {
            self.end(StepName::Groups, Outcome::of(finding));
            return None;
        }
        let sizes: Vec<(String, usize)> =
            gathered.sizes().map(|(name, listed)| (name.to_owned(), listed)).collect();
        if sizes.is_empty() {
            let base = ("base", ldap.group_base_dn.clone());
            let finding = Code::NoGroup.with([("filter", ldap.group_filter.clone()), base]);
            let list = Detail::Groups(GroupList::default());
            self.end(StepName::Groups, Outcome::of(finding).with(list));
            return None;
        }
        let membership = match gathered.finish() {
            Ok(membership) => membership,
            Err(error) => {
                let finding = refusal(&error, ldap);
                self.end(StepName::Groups, Outcome::of(finding));
                return None;
            }
        };
        let list = counted(&sizes, &membership);
        let mut outcome = Outcome::of(headline(&list));
        if sizes.iter().all(|(_, listed)| *listed == 0) {
            outcome.add(Code::NobodyInGroups.alone());
        }
        if membership.cut {
            outcome.add(Code::TooDeep.alone());
        }
        let admins = fold(&ldap.admin_group);
        if !admins.is_empty() && !membership.names.iter().any(|name| fold(name) == admins) {
            outcome.add(Code::NoAdminGroup.with([("group", ldap.admin_group.clone())]));
        }
        self.end(StepName::Groups, outcome.with(Detail::Groups(list)));
        Some(membership)
    }

    /// The groups of one person alone, for one whom the reading of everybody did not come to.
    pub(super) async fn groups_of(
        &self,
        session: &Session,
        entry: &SearchEntry,
    ) -> Option<Membership> {
        let names = values(entry, &self.trial.ldap.attribute_user);
        let (mut roll, mut places) = (Roll::default(), Places::default());
        for name in &names {
            let listing = Listing::default();
            roll.people.insert(fold(name).into(), listing);
        }
        places.add(&entry.dn, &names);
        let mut gathered = Gathered::new(&roll, &places);
        self.gather(session, &mut gathered).await.ok()?;
        gathered.finish().ok()
    }

    async fn gather(&self, session: &Session, gathered: &mut Gathered<'_>) -> Result<(), Finding> {
        let ldap = &self.trial.ldap;
        if !is_filter(&ldap.group_filter) {
            let key = ("key", "group_filter".to_owned());
            return Err(Code::BadFilter.with([key, ("filter", ldap.group_filter.clone())]));
        }
        let settings = Settings::try_from(ldap)
            .map_err(|error| Code::GroupsRefused.with([("meaning", error.to_string())]))?;
        let limit = self.list_limit();
        let mut handle = session.ldap.clone();
        match timeout(limit, gather(&mut handle, &settings, gathered)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(DirectoryError::Timeout)) | Err(_) => Err(self.silence(limit)),
            Ok(Err(DirectoryError::Connection(_))) => Err(session.fault().finding(self.port)),
            Ok(Err(error)) => Err(refusal(&error, ldap)),
        }
    }
}

/// The groups, the largest first.
fn counted(sizes: &[(String, usize)], membership: &Membership) -> GroupList {
    let mut people: HashMap<&str, usize> = HashMap::new();
    for name in membership.people.values().flat_map(|set| set.iter()) {
        *people.entry(name).or_default() += 1;
    }
    let mut groups: Vec<Group> = sizes
        .iter()
        .map(|(name, listed)| Group {
            name: bounded(name),
            listed: *listed,
            people: people.get(name.as_str()).copied().unwrap_or(0),
        })
        .collect();
    groups.sort_by(|a, b| b.people.cmp(&a.people).then_with(|| a.name.cmp(&b.name)));
    groups.truncate(SHOWN);
    GroupList { total: sizes.len(), groups }
}

fn headline(list: &GroupList) -> Finding {
    let named = |group: &Group| {
        let name = if group.name.is_empty() { "one without a cn" } else { &group.name };
        format!("{name} ({} members, {} people)", group.listed, group.people)
    };
    let mut groups: Vec<String> = list.groups.iter().take(NAMED).map(named).collect();
    if list.total > NAMED {
        groups.push("...".to_owned());
    }
    let groups = groups.join(", ");
    Code::Groups.with([("count", list.total.to_string()), ("groups", groups)])
}

fn refusal(error: &DirectoryError, ldap: &crate::config::Ldap) -> Finding {
    let base = ("base", ldap.group_base_dn.clone());
    match error {
        DirectoryError::Answer(text) if text.starts_with("result code 32 ") => {
            Code::NoGroupBase.with([base])
        }
        DirectoryError::Answer(text) if text.starts_with("result code 34 ") => {
            Code::BadGroupBase.with([base])
        }
        DirectoryError::Answer(text) => Code::GroupsRefused.with([("meaning", text.clone())]),
        other => Code::GroupsRefused.with([("meaning", other.to_string())]),
    }
}
