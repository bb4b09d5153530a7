//! Reading the whole directory, page by page.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::time::Duration;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{Ldap, Scope, SearchEntry};
use tokio::time::timeout;

use super::connection::{Connector, broken};
use super::entry::{identifier, values};
use super::{DirectoryError, Settings, check};
use crate::identity::name::fold;
use crate::identity::number::{Numbers, numbers_of};

/// Entries of one page.
const PAGE: i32 = 500;
/// People at most; a directory with more is not for an appliance.
const MOST: usize = 1_000_000;
/// For one answer of a listing, which a server may take longer to begin than a lookup.
const PATIENCE: Duration = Duration::from_secs(10);

/// A person, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The permanent identifier.
    pub id: Option<Box<str>>,
    /// Locked by the `disabled_filter`.
    pub disabled: bool,
    /// Telephone numbers, in their canonical spelling.
    pub(crate) numbers: Numbers,
}

/// Everybody, by the directory's names in lower case. Names that two entries share are not in it.
#[derive(Clone, Debug, Default)]
pub struct Roll {
    /// The people.
    pub people: HashMap<Box<str>, Listing>,
}

/// Reads everybody from one server on a connection of its own.
pub(super) async fn read(
    connector: &Connector,
    settings: &Settings,
    url: usize,
) -> Result<Roll, DirectoryError> {
    let mut ldap = timeout(settings.timeout, connector.connect(url, settings.timeout))
        .await
        .map_err(|_| DirectoryError::Timeout)??;
    let outcome = read_with(&mut ldap, settings).await;
    // Whether the farewell arrives does not matter.
    let _ = timeout(settings.timeout, ldap.unbind()).await;
    outcome
}

async fn read_with(ldap: &mut Ldap, settings: &Settings) -> Result<Roll, DirectoryError> {
    let mut roll = Roll::default();
    let mut shared = Vec::new();
    let everybody = settings.filter_for_all();
    let mut attributes = vec![settings.attribute_user.as_str(), settings.attribute_id.as_str()];
    if !settings.attribute_number.is_empty() {
        attributes.push(&settings.attribute_number);
    }
    each(ldap, settings, &everybody, attributes, |entry| {
        let id = identifier(entry, &settings.attribute_id).map(String::into_boxed_str);
        let numbers = numbers_of(values(entry, &settings.attribute_number));
        for name in values(entry, &settings.attribute_user) {
            match roll.people.entry(fold(name).into()) {
                Slot::Occupied(taken) => shared.push(taken.key().clone()),
                Slot::Vacant(free) => {
                    let (id, numbers) = (id.clone(), numbers.clone());
                    free.insert(Listing { id, disabled: false, numbers });
                }
            }
        }
        roll.people.len() <= MOST
    })
    .await?;
    if !settings.disabled_filter.is_empty() {
        let locked = format!("(&{everybody}{})", settings.disabled_filter);
        let attributes = vec![settings.attribute_user.as_str()];
        each(ldap, settings, &locked, attributes, |entry| {
            for name in values(entry, &settings.attribute_user) {
                if let Some(listing) = roll.people.get_mut(fold(name).as_ref()) {
                    listing.disabled = true;
                }
            }
            true
        })
        .await?;
    }
    for name in shared {
        tracing::warn!(event = "directory.ambiguous", name = %name.escape_debug());
        roll.people.remove(&name);
    }
    Ok(roll)
}

/// Calls `take` with each entry that a filter finds; `take` says whether to go on.
async fn each(
    ldap: &mut Ldap,
    settings: &Settings,
    filter: &str,
    attributes: Vec<&str>,
    mut take: impl FnMut(&SearchEntry) -> bool,
) -> Result<(), DirectoryError> {
    let adapters: Vec<Box<dyn Adapter<'_, &str, Vec<&str>>>> =
        vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(PAGE))];
    let most = settings.timeout.max(PATIENCE);
    let search = ldap.with_timeout(most).streaming_search_with(
        adapters,
        &settings.base_dn,
        Scope::Subtree,
        filter,
        attributes,
    );
    let late = |_| DirectoryError::Timeout;
    let mut stream = timeout(most, search).await.map_err(late)?.map_err(broken)?;
    while let Some(entry) = timeout(most, stream.next()).await.map_err(late)?.map_err(broken)? {
        if !take(&SearchEntry::construct(entry)) {
            return Err(DirectoryError::Answer(format!("more than {MOST} people")));
        }
    }
    check(&stream.finish().await)
}
