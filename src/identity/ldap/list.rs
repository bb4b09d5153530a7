//! Reading the whole directory, page by page.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::time::Duration;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{Ldap, Scope, SearchEntry};
use tokio::time::timeout;

use super::connection::{Connector, broken};
use super::entry::{first, identifier, values, visible};
use super::groups::Places;
use super::{DirectoryError, Settings, check};
use crate::identity::name::{fold, is_valid_name};
use crate::identity::number::{Numbers, numbers_of};

/// Entries of one page.
const PAGE: i32 = 500;
/// People at most; a directory with more is not for an appliance.
const MOST: usize = 1_000_000;
/// Telephone numbers of one person that are shown.
const MOST_NUMBERS: usize = 8;
/// For one answer of a listing, which a server may take longer to begin than a lookup.
const PATIENCE: Duration = Duration::from_secs(10);

/// A person, as listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The permanent identifier.
    pub id: Option<Box<str>>,
    /// Locked by the `disabled_filter`.
    pub disabled: bool,
    /// The name that people read.
    pub name: Box<str>,
    /// Mail address; empty if unknown.
    pub mail: Box<str>,
    /// Telephone numbers as the directory spells them, separated by semicolons.
    pub number: Box<str>,
    /// Telephone numbers, in their canonical spelling.
    pub(crate) numbers: Numbers,
}

/// Everybody, by the directory's names in lower case. Names that two entries share are not in it, nor
/// those that nobody can have here.
#[derive(Clone, Debug, Default)]
pub struct Roll {
    /// The people.
    pub people: HashMap<Box<str>, Listing>,
}

/// Reads everybody from one server on a connection of its own, and where they stand.
pub(super) async fn read(
    connector: &Connector,
    settings: &Settings,
    url: usize,
) -> Result<(Roll, Places), DirectoryError> {
    let mut ldap = connect(connector, settings, url).await?;
    let outcome = read_with(&mut ldap, settings).await;
    leave(ldap, settings).await;
    outcome
}

/// A connection for a listing alone.
pub(super) async fn connect(
    connector: &Connector,
    settings: &Settings,
    url: usize,
) -> Result<Ldap, DirectoryError> {
    let connected = timeout(settings.timeout, connector.connect(url, settings.timeout)).await;
    connected.unwrap_or(Err(DirectoryError::Timeout))
}

/// Ends it.
pub(super) async fn leave(mut ldap: Ldap, settings: &Settings) {
    // Whether the farewell arrives does not matter.
    let _ = timeout(settings.timeout, ldap.unbind()).await;
}

async fn read_with(ldap: &mut Ldap, settings: &Settings) -> Result<(Roll, Places), DirectoryError> {
    let mut roll = Roll::default();
    let mut places = Places::default();
    let mut shared = Vec::new();
    let everybody = settings.filter_for_all();
    let mut attributes = vec![
        settings.attribute_user.as_str(),
        settings.attribute_id.as_str(),
        settings.attribute_name.as_str(),
        settings.attribute_mail.as_str(),
        settings.attribute_number.as_str(),
    ];
    attributes.retain(|name| !name.is_empty());
    let people = (settings.base_dn.as_str(), everybody.as_str());
    each(ldap, settings, people, attributes, |entry| {
        if settings.has_groups() {
            places.add(&entry.dn, &values(entry, &settings.attribute_user));
        }
        let id = identifier(entry, &settings.attribute_id).map(String::into_boxed_str);
        let numbers = values(entry, &settings.attribute_number);
        let listing = Listing {
            id,
            disabled: false,
            name: visible(first(entry, &settings.attribute_name)).into(),
            mail: visible(first(entry, &settings.attribute_mail)).into(),
            number: spelled(&numbers).into(),
            numbers: numbers_of(numbers),
        };
        for name in values(entry, &settings.attribute_user) {
            if !is_valid_name(name) {
                continue;
            }
            match roll.people.entry(fold(name).into()) {
                Slot::Occupied(taken) => shared.push(taken.key().clone()),
                Slot::Vacant(free) => {
                    free.insert(listing.clone());
                }
            }
        }
        if roll.people.len() > MOST {
            return Err(DirectoryError::Answer(format!("more than {MOST} people")));
        }
        Ok(())
    })
    .await?;
    if !settings.disabled_filter.is_empty() {
        let locked = format!("(&{everybody}{})", settings.disabled_filter);
        let attributes = vec![settings.attribute_user.as_str()];
        let locked = (settings.base_dn.as_str(), locked.as_str());
        each(ldap, settings, locked, attributes, |entry| {
            for name in values(entry, &settings.attribute_user) {
                if let Some(listing) = roll.people.get_mut(fold(name).as_ref()) {
                    listing.disabled = true;
                }
            }
            Ok(())
        })
        .await?;
    }
    for name in shared {
        tracing::warn!(event = "directory.ambiguous", name = %name.escape_debug());
        roll.people.remove(&name);
    }
    Ok((roll, places))
}

/// Telephone numbers as the directory spells them, to be shown.
fn spelled(numbers: &[&str]) -> String {
    let numbers: Vec<String> =
        numbers.iter().take(MOST_NUMBERS).map(|number| visible(number.trim())).collect();
    numbers.join("; ")
}

/// Calls `take` with each entry that a filter finds below a base, until it gives an error.
pub(super) async fn each(
    ldap: &mut Ldap,
    settings: &Settings,
    (base, filter): (&str, &str),
    attributes: Vec<&str>,
    mut take: impl FnMut(&SearchEntry) -> Result<(), DirectoryError>,
) -> Result<(), DirectoryError> {
    let adapters: Vec<Box<dyn Adapter<'_, &str, Vec<&str>>>> =
        vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(PAGE))];
    let most = patience(settings);
    let search = ldap.with_timeout(most).streaming_search_with(
        adapters,
        base,
        Scope::Subtree,
        filter,
        attributes,
    );
    let late = |_| DirectoryError::Timeout;
    let mut stream = timeout(most, search).await.map_err(late)?.map_err(broken)?;
    while let Some(entry) = timeout(most, stream.next()).await.map_err(late)?.map_err(broken)? {
        take(&SearchEntry::construct(entry))?;
    }
    check(&stream.finish().await)
}

/// How long one answer of a listing may take.
pub(super) fn patience(settings: &Settings) -> Duration {
    settings.timeout.max(PATIENCE)
}
