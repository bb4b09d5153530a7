//! The step that looks at the groups: all are read, as the server would, and some are shown.

use ldap3::{Ldap, SearchEntry};

use super::super::entry::values;
use super::super::{DirectoryError, Gathered, Listing, Places, Roll, Settings as Checked, groups};
use super::trouble::Trouble;
use crate::config::Ldap as Settings;
use crate::identity::name::fold;
use crate::identity::number::Numbers;

/// Groups that are shown.
const SHOWN: usize = 3;

/// What there is to see.
pub(super) enum Sight {
    /// Groups.
    Found(String),
    /// Something that may be meant, and what to do if it is not.
    Odd(String, String),
}

/// Reads the groups, and which of them the person of `entry` is in.
pub(super) async fn look(
    ldap: &mut Ldap,
    settings: &Settings,
    entry: &SearchEntry,
    user: Option<&str>,
) -> Result<Sight, Trouble> {
    let base = &settings.group_base_dn;
    let checked = Checked::try_from(settings)
        .map_err(|error| Trouble(error.to_string(), "mend that key first".to_owned()))?;
    let (mut roll, mut places) = (Roll::default(), Places::default());
    let names = values(entry, &settings.attribute_user);
    for name in &names {
        let listing = Listing { id: None, disabled: false, numbers: Numbers::new() };
        roll.people.insert(fold(name).into(), listing);
    }
    places.add(&entry.dn, &names);
    let mut gathered = Gathered::new(&roll, &places);
    let read = groups::gather(ldap, &checked, &mut gathered).await;
    read.map_err(|error| trouble(error, settings))?;
    if gathered.is_empty() {
        return Ok(Sight::Odd(
            format!("no group matches {} below {base}", settings.group_filter),
            "check group_base_dn and group_filter, and that bind_dn may read the groups".to_owned(),
        ));
    }
    let count = gathered.len();
    let named = |(name, members): (&str, usize)| {
        let name = if name.is_empty() { "one without a cn" } else { name };
        format!("{name} ({members} members)")
    };
    let shown: Vec<String> = gathered.sizes().take(SHOWN).map(named).collect();
    let lists_nobody = gathered.sizes().all(|(_, members)| members == 0);
    let more = if count > SHOWN { ", ..." } else { "" };
    let mut found = format!("{count} groups, as {}{more}", shown.join(", "));
    if lists_nobody {
        let fix = "permit bind_dn to read member, uniqueMember or memberUid of the groups";
        return Ok(Sight::Odd(format!("{found}: nobody is in any"), fix.to_owned()));
    }
    let membership = gathered.finish().map_err(|error| trouble(error, settings))?;
    if let Some(user) = user {
        let sets = names.iter().filter_map(|name| membership.people.get(fold(name).as_ref()));
        let mut of: Vec<&str> = sets.flat_map(|set| set.iter().map(|name| &**name)).collect();
        of.dedup();
        found.push_str(&match of.len() {
            0 => format!("; {user} is in none"),
            _ => format!("; {user} is in {}", of.join(", ")),
        });
    }
    Ok(Sight::Found(found))
}

fn trouble(error: DirectoryError, settings: &Settings) -> Trouble {
    let base = &settings.group_base_dn;
    let fix = match &error {
        DirectoryError::Answer(text) if text.starts_with("result code 32") => {
            format!("there is no {base}: check group_base_dn")
        }
        DirectoryError::Answer(text) if text.starts_with("result code 34") => {
            format!("{base:?} is not a distinguished name: check group_base_dn")
        }
        DirectoryError::Answer(text) if text.starts_with("result code 4") => {
            "let bind_dn read more entries in one paged search".to_owned()
        }
        DirectoryError::Answer(_) => "permit bind_dn to read the groups".to_owned(),
        DirectoryError::Connection(text) if text.contains("filter") => {
            "check the parentheses of group_filter".to_owned()
        }
        _ => "the directory does not answer as it should: look into its log".to_owned(),
    };
    Trouble(error.to_string(), fix)
}
