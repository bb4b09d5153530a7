//! Reading the groups, page by page, and who is in which.
//!
//! `groupOfNames`, `groupOfUniqueNames` (RFC 4519 s3.5, s3.6) and the groups of Active Directory name
//! their members by where these stand, `posixGroup` (RFC 2307 s4) by user name. A member that is a group
//! brings its own members along.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ldap3::{Ldap, Scope, SearchEntry};
use smallvec::SmallVec;
use tokio::time::timeout;

use super::connection::{Connector, broken};
use super::dn::Dn;
use super::entry::{LONGEST, visible};
use super::list::{self, Roll};
use super::{DirectoryError, Settings, check};
use crate::identity::name::fold;

/// Groups at most.
const MOST_GROUPS: usize = 20_000;
/// Members of all groups together at most.
const MOST_MEMBERS: usize = 2_000_000;
/// Steps from group to group at most, over all different sets of groups.
const MOST_STEPS: usize = 5_000_000;
/// Names of one group at most; the others are left out.
const MOST_NAMES: usize = 4;
/// Groups within groups, how deep.
const DEEPEST: usize = 16;

/// What is read of a group.
const ATTRIBUTES: [&str; 4] = ["cn", "member", "uniqueMember", "memberUid"];

/// The names of the groups that somebody is in, sorted; people of the same groups share one.
pub type GroupSet = Arc<[Arc<str>]>;

/// Where people's entries stand: whom a distinguished name in a group means. A name that two entries
/// share means nobody.
#[derive(Debug, Default)]
pub struct Places(HashMap<Dn, SmallVec<[Box<str>; 1]>>);

impl Places {
    /// Notes where the entry of these names is.
    pub fn add(&mut self, dn: &str, uids: &[&str]) {
        let Some(dn) = Dn::parse(dn) else { return };
        let uids: SmallVec<[Box<str>; 1]> = uids.iter().map(|uid| fold(uid).into()).collect();
        self.0
            .entry(dn)
            .and_modify(|known| {
                if *known != uids {
                    known.clear();
                }
            })
            .or_insert(uids);
    }
}

/// Who is in which group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The names of all groups, sorted.
    pub names: Vec<Arc<str>>,
    /// The people who are in any, by the directory's names in lower case.
    pub people: HashMap<Box<str>, GroupSet>,
    /// Whether groups are nested deeper than they are followed.
    pub cut: bool,
}

/// Reads all groups from one server on a connection of its own.
pub(super) async fn read(
    connector: &Connector,
    settings: &Settings,
    url: usize,
    roll: &Roll,
    places: &Places,
) -> Result<Membership, DirectoryError> {
    let mut ldap = list::connect(connector, settings, url).await?;
    let mut gathered = Gathered::new(roll, places);
    let outcome = gather(&mut ldap, settings, &mut gathered).await;
    list::leave(ldap, settings).await;
    outcome?;
    gathered.finish()
}

/// Reads all groups.
pub(in crate::identity) async fn gather(
    ldap: &mut Ldap,
    settings: &Settings,
    gathered: &mut Gathered<'_>,
) -> Result<(), DirectoryError> {
    let groups = (settings.group_base_dn.as_str(), settings.group_filter.as_str());
    list::each(ldap, settings, groups, ATTRIBUTES.to_vec(), |entry| gathered.take(entry)).await?;
    let most = list::patience(settings);
    while let Some(rest) = gathered.rest.pop() {
        let attribute = format!("{};range={}-*", rest.attribute, rest.from);
        let search = ldap.with_timeout(most).search(
            &rest.dn,
            Scope::Base,
            "(objectClass=*)",
            [attribute.as_str()],
        );
        let answer = timeout(most, search).await.map_err(|_| DirectoryError::Timeout)?;
        let ldap3::SearchResult(rows, result) = answer.map_err(broken)?;
        check(&result)?;
        let rows = rows.into_iter().filter(|row| !row.is_ref() && !row.is_intermediate());
        for entry in rows.map(SearchEntry::construct) {
            gathered.take_members(rest.group, &entry, rest.from)?;
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Group {
    names: SmallVec<[Arc<str>; 1]>,
    dn: Option<Dn>,
    members: usize,
}

/// Members of a group that a server keeps for another question, as Active Directory does from 1,500
/// on.
#[derive(Debug)]
struct Rest {
    group: u32,
    dn: String,
    attribute: &'static str,
    from: usize,
}

/// Groups as they are read, one entry after the other.
#[derive(Debug)]
pub struct Gathered<'a> {
    roll: &'a Roll,
    places: &'a Places,
    groups: Vec<Group>,
    /// Each person's groups, as they name him.
    people: HashMap<&'a str, Vec<u32>>,
    /// Members that are no people: groups, or nobody of ours.
    others: Vec<(Dn, u32)>,
    members: usize,
    rest: Vec<Rest>,
}

impl<'a> Gathered<'a> {
    /// Groups of these people; of those who are locked nothing is noted.
    #[must_use]
    pub fn new(roll: &'a Roll, places: &'a Places) -> Gathered<'a> {
        Gathered {
            roll,
            places,
            groups: Vec::new(),
            people: HashMap::new(),
            others: Vec::new(),
            members: 0,
            rest: Vec::new(),
        }
    }

    /// How many groups there are so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is none so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The groups so far, each with one of its names and how many members it lists.
    pub fn sizes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.groups
            .iter()
            .map(|group| (group.names.first().map_or("", |name| &**name), group.members))
    }

    /// Takes the entry of a group.
    ///
    /// # Errors
    /// [`DirectoryError::Answer`] if there are too many groups, or too many members.
    pub fn take(&mut self, entry: &SearchEntry) -> Result<(), DirectoryError> {
        if self.groups.len() >= MOST_GROUPS {
            return Err(DirectoryError::Answer(format!("more than {MOST_GROUPS} groups")));
        }
        let group = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        let names = super::entry::values(entry, "cn").into_iter().take(MOST_NAMES);
        let names = names.map(|name| Arc::from(visible(name).trim()));
        self.groups.push(Group {
            names: names.filter(|name: &Arc<str>| !name.is_empty()).collect(),
            dn: Dn::parse(&entry.dn),
            members: 0,
        });
        self.take_members(group, entry, 0)
    }

    /// Takes members out of an entry; what it holds of a range begins at `from` or later.
    fn take_members(
        &mut self,
        group: u32,
        entry: &SearchEntry,
        from: usize,
    ) -> Result<(), DirectoryError> {
        for (key, values) in &entry.attrs {
            let (name, options) = key.split_once(';').unwrap_or((key, ""));
            let attribute = ATTRIBUTES.iter().find(|known| known.eq_ignore_ascii_case(name));
            let Some(attribute) = attribute.copied().filter(|known| *known != "cn") else {
                continue;
            };
            self.members += values.len();
            if self.members > MOST_MEMBERS {
                let text = format!("more than {MOST_MEMBERS} members of groups");
                return Err(DirectoryError::Answer(text));
            }
            if let Some(known) = self.groups.get_mut(group as usize) {
                known.members += values.len();
            }
            for value in values.iter().filter(|value| value.len() <= LONGEST) {
                match attribute {
                    "memberUid" => self.person(group, &fold(value)),
                    "uniqueMember" => self.member(group, Dn::parse_unique(value)),
                    _ => self.member(group, Dn::parse(value)),
                }
            }
            if let Some(next) = next_range(options).filter(|next| *next > from) {
                self.rest.push(Rest { group, dn: entry.dn.clone(), attribute, from: next });
            }
        }
        Ok(())
    }

    fn member(&mut self, group: u32, dn: Option<Dn>) {
        let Some(dn) = dn else { return };
        let places = self.places;
        match places.0.get(&dn) {
            Some(uids) => uids.iter().for_each(|uid| self.person(group, uid)),
            None => self.others.push((dn, group)),
        }
    }

    fn person(&mut self, group: u32, uid: &str) {
        let listed = self.roll.people.get_key_value(uid);
        if let Some((uid, _)) = listed.filter(|(_, listing)| !listing.disabled) {
            self.people.entry(uid).or_default().push(group);
        }
    }

    /// Who is in which group, groups within groups followed.
    ///
    /// # Errors
    /// [`DirectoryError::Answer`] if the groups are nested so widely that nobody could say.
    pub fn finish(self) -> Result<Membership, DirectoryError> {
        let Gathered { groups, people, others, .. } = self;
        let mut walk = Walk::new(&groups, &others);
        let mut sets: HashMap<Vec<u32>, GroupSet> = HashMap::new();
        let mut shared: HashSet<GroupSet> = HashSet::new();
        let mut found = HashMap::with_capacity(people.len());
        for (uid, mut direct) in people {
            direct.sort_unstable();
            direct.dedup();
            let set = match sets.get(&direct) {
                Some(set) => Arc::clone(set),
                None => {
                    let all = walk.upwards(&direct)?;
                    let set = share(&mut shared, names_of(&groups, all));
                    sets.insert(direct, Arc::clone(&set));
                    set
                }
            };
            if !set.is_empty() {
                found.insert(uid.into(), set);
            }
        }
        let names = names_of(&groups, 0..u32::try_from(groups.len()).unwrap_or(u32::MAX));
        Ok(Membership { names, people: found, cut: walk.cut })
    }
}

/// Where the next range of an attribute begins, if the options say that there is one.
fn next_range(options: &str) -> Option<usize> {
    let range = options.split(';').find_map(|option| {
        let (name, range) = option.split_once('=')?;
        name.eq_ignore_ascii_case("range").then_some(range)
    })?;
    let (_, last) = range.split_once('-')?;
    last.parse::<usize>().ok()?.checked_add(1)
}

fn names_of(groups: &[Group], which: impl IntoIterator<Item = u32>) -> Vec<Arc<str>> {
    let named = which.into_iter().filter_map(|group| groups.get(group as usize));
    let mut names: Vec<Arc<str>> = named.flat_map(|group| group.names.iter().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn share(shared: &mut HashSet<GroupSet>, names: Vec<Arc<str>>) -> GroupSet {
    if let Some(known) = shared.get(names.as_slice()) {
        return Arc::clone(known);
    }
    let set = GroupSet::from(names);
    shared.insert(Arc::clone(&set));
    set
}

/// The ways from a group to those that it is a member of.
struct Walk {
    parents: Vec<Vec<u32>>,
    /// The walk that was here last.
    seen: Vec<u32>,
    walks: u32,
    steps: usize,
    cut: bool,
}

impl Walk {
    fn new(groups: &[Group], others: &[(Dn, u32)]) -> Walk {
        let mut by_dn: HashMap<&Dn, usize> = HashMap::with_capacity(groups.len());
        for (index, group) in groups.iter().enumerate() {
            by_dn.extend(group.dn.as_ref().map(|dn| (dn, index)));
        }
        let mut parents = vec![Vec::new(); groups.len()];
        for (dn, parent) in others {
            if let Some(above) = by_dn.get(dn).and_then(|child| parents.get_mut(*child)) {
                above.push(*parent);
            }
        }
        Walk { parents, seen: vec![0; groups.len()], walks: 0, steps: 0, cut: false }
    }

    /// These groups and all that they are in, each once, so that circles end.
    fn upwards(&mut self, direct: &[u32]) -> Result<Vec<u32>, DirectoryError> {
        self.walks += 1;
        let mut found = Vec::new();
        let mut level = direct.to_vec();
        for depth in 0.. {
            let mut above = Vec::new();
            for group in level {
                let Some(seen) = self.seen.get_mut(group as usize) else { continue };
                if *seen == self.walks {
                    continue;
                }
                if depth > DEEPEST {
                    self.cut = true;
                    continue;
                }
                *seen = self.walks;
                found.push(group);
                let parents = self.parents.get(group as usize).map_or(&[][..], Vec::as_slice);
                self.steps += 1 + parents.len();
                above.extend_from_slice(parents);
            }
            if self.steps > MOST_STEPS {
                let text = format!("groups within groups, in more than {MOST_STEPS} ways");
                return Err(DirectoryError::Answer(text));
            }
            if above.is_empty() || depth > DEEPEST {
                break;
            }
            level = above;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
