//! When a rule holds (RFC 4745 s7, RFC 5025 s3.1, OMA's common policy).

use crate::clock::WallTime;

/// A person as rules compare people: by user and domain (RFC 5025 s3.1.1.2). Whether a URI is
/// `sip` or `sips`, its port and its parameters do not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watcher<'a> {
    /// The name, in lower case.
    pub user: &'a str,
    /// The domain by all its names: any of them may stand in a rule.
    pub domains: &'a [&'a str],
}

impl Watcher<'_> {
    /// Whether both are the same person.
    #[must_use]
    pub fn is(&self, other: &Watcher<'_>) -> bool {
        self.user == other.user
            && self.domains.iter().any(|domain| {
                other.domains.iter().any(|theirs| domain.eq_ignore_ascii_case(theirs))
            })
    }
}

/// Knows the lists that OMA's `<external-list>` refers to.
pub trait Lists {
    /// Whether the list at this address names the watcher. A list that cannot be read names nobody.
    fn contains(&self, list: &str, watcher: &Watcher<'_>) -> bool;
}

/// No list is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoLists;

impl Lists for NoLists {
    fn contains(&self, _: &str, _: &Watcher<'_>) -> bool {
        false
    }
}

/// What conditions ask about beside the watcher.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The time.
    pub now: WallTime,
    /// The person's sphere, unless it is undefined.
    pub sphere: Option<&'a str>,
    /// The lists.
    pub lists: &'a dyn Lists,
}

/// A watcher's question, prepared to be put to many rules.
pub struct Request<'a> {
    watcher: Option<&'a Watcher<'a>>,
    /// `user@domain` for each name of the domain, in lower case.
    keys: Vec<String>,
    domains: Vec<String>,
    circumstances: &'a Circumstances<'a>,
    /// Whether any rule names the watcher.
    named: bool,
}

impl<'a> Request<'a> {
    /// The question of a watcher, or of one who did not prove who he is.
    #[must_use]
    pub fn new(
        watcher: Option<&'a Watcher<'a>>,
        circumstances: &'a Circumstances<'a>,
    ) -> Request<'a> {
        let domains: Vec<String> = watcher
            .iter()
            .flat_map(|watcher| watcher.domains)
            .map(|domain| domain.to_ascii_lowercase())
            .collect();
        let user = watcher.map_or("", |watcher| watcher.user);
        let keys = domains.iter().map(|domain| format!("{user}@{domain}")).collect();
        Request { watcher, keys, domains, circumstances, named: false }
    }

    /// The same, now that it is known whether any rule names the watcher.
    #[must_use]
    pub fn named(self, named: bool) -> Request<'a> {
        Request { named, ..self }
    }
}

/// A condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// One of these holds (RFC 4745 s7.1).
    Identity(Identity),
    /// The sphere is one of these (s7.3).
    Sphere(Box<[Box<str>]>),
    /// The time is within one of these, the first included, the second not (s7.4).
    Validity(Box<[(WallTime, WallTime)]>),
    /// One of these lists names the watcher (OMA).
    ExternalList(Box<[Box<str>]>),
    /// The watcher did not prove who he is (OMA).
    AnonymousRequest,
    /// No rule names the watcher (OMA).
    OtherIdentity,
    /// It is not known here, so it does not hold (RFC 4745 s7).
    Unknown,
}

/// Which people an `<identity>` means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// `user@domain` of each `<one>`, sorted.
    pub(super) ones: Box<[Box<str>]>,
    pub(super) many: Box<[Many]>,
    /// Whether it has no child at all, which stands for those who are not known (RFC 5025
    /// s3.1.1.2).
    pub(super) empty: bool,
}

/// Everybody, or everybody of a domain, but some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Many {
    pub(super) domain: Option<Box<str>>,
    /// `user@domain`, sorted.
    pub(super) except: Box<[Box<str>]>,
    pub(super) except_domains: Box<[Box<str>]>,
    /// Whether it has something in it that is not known here and may narrow it.
    pub(super) unclear: bool,
}

impl Condition {
    /// Whether it is true.
    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        let circumstances = request.circumstances;
        match self {
            Condition::Identity(identity) => match request.watcher {
                Some(_) => identity.has(request),
                None => identity.empty,
            },
            Condition::Sphere(values) => circumstances.sphere.is_some_and(|sphere| {
                values.iter().any(|value| value.to_lowercase() == sphere.to_lowercase())
            }),
            Condition::Validity(periods) => periods
                .iter()
                .any(|(from, until)| *from <= circumstances.now && circumstances.now < *until),
            Condition::ExternalList(lists) => request.watcher.is_some_and(|watcher| {
                lists.iter().any(|list| circumstances.lists.contains(list, watcher))
            }),
            Condition::AnonymousRequest => request.watcher.is_none(),
            Condition::OtherIdentity => request.watcher.is_some() && !request.named,
            Condition::Unknown => false,
        }
    }

    /// Whether it is about people and means the watcher.
    pub(super) fn names(&self, request: &Request<'_>) -> bool {
        matches!(self, Condition::Identity(_) | Condition::ExternalList(_)) && self.holds(request)
    }

    /// When it next begins or ceases to hold by time alone.
    pub(super) fn next_change(&self, now: WallTime) -> Option<WallTime> {
        let Condition::Validity(periods) = self else { return None };
        periods.iter().flat_map(|(from, until)| [*from, *until]).filter(|at| *at > now).min()
    }
}

impl Identity {
    fn has(&self, request: &Request<'_>) -> bool {
        is_among(&self.ones, &request.keys) || self.many.iter().any(|many| many.has(request))
    }
}

impl Many {
    fn has(&self, request: &Request<'_>) -> bool {
        let is = |domain: &str| request.domains.iter().any(|ours| ours == domain);
        !self.unclear
            && self.domain.as_deref().is_none_or(is)
            && !is_among(&self.except, &request.keys)
            && !self.except_domains.iter().any(|domain| is(domain))
    }
}

fn is_among(sorted: &[Box<str>], keys: &[String]) -> bool {
    keys.iter().any(|key| sorted.binary_search_by(|one| (**one).cmp(key.as_str())).is_ok())
}
