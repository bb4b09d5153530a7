//! Reads and checks a document of rules (RFC 4745 s13, RFC 5025 s7).

use std::collections::BTreeSet;

use roxmltree::Node;

use super::conditions::{Condition, Identity, Many};
use super::permissions::{InputDetail, Permissions, Selection, Selector, Unknowns};
use super::{
    COMMON_POLICY, Handling, OMA_COMMON_POLICY, OMA_PRES_RULES, PRES_RULES, Rule, Ruleset,
    date_time,
};
use crate::payload::pidf::{Topic, collapsed};
use crate::sip::uri::Uri;
use crate::text::percent_decode;
use crate::xml::{self, Limits, Position};

/// Bytes that rules may usually have.
const USUAL_BYTES: usize = 256 * 1024;

/// More bytes than a domain has in any script.
const LONGEST_DOMAIN: usize = 1_024;

/// More ways to name components than a person has components. Each is compared with each.
const MAX_SELECTORS: usize = 64;

/// More names of unknown attributes, over all rules, than people grant by name. Those of the rules
/// that match are united for each watcher.
const MAX_NAMES: usize = 1_024;

/// What is wrong with a document of rules, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {cause}")]
pub struct RulesError {
    position: Position,
    cause: Cause,
}

impl RulesError {
    /// The line, counted from 1.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.position.line
    }
}

impl From<xml::Error> for RulesError {
    fn from(error: xml::Error) -> RulesError {
        RulesError { position: error.position, cause: Cause::Xml(error.cause) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Cause {
    #[error("{0}")]
    Xml(xml::Cause),
    #[error("the root is <{name}> of {namespace:?}, not <ruleset> of {COMMON_POLICY:?}")]
    OtherRoot { name: String, namespace: String },
    #[error("<{0}> does not belong here")]
    Misplaced(String),
    #[error("a second <{0}>")]
    Twice(String),
    #[error("<{element}> has no {attribute}")]
    NoAttribute { element: String, attribute: &'static str },
    #[error("another rule has the id {0:?}")]
    SameId(String),
    #[error("{0:?} is no URI")]
    NotUri(String),
    #[error("{0:?} is no domain")]
    NotDomain(String),
    #[error("{0:?} is no time; write one as 2026-01-31T12:00:00Z")]
    NotTime(String),
    #[error("<one> names one person; a domain stands in <many>")]
    DomainOfOne,
    #[error("more than {MAX_SELECTORS} ways to name services, persons and devices")]
    TooMany,
    #[error("more than {MAX_NAMES} names of unknown attributes")]
    TooManyNames,
    #[error("<from> and <until> come in pairs")]
    Unpaired,
    #[error("<{element}> is {value:?}, not {allowed}")]
    Value { element: String, value: String, allowed: &'static str },
}

/// Reads a document within the usual limits, and checks it.
///
/// # Errors
/// As [`read_within`].
pub fn read(bytes: &[u8]) -> Result<Ruleset, RulesError> {
    read_within(bytes, &Limits { bytes: USUAL_BYTES, ..Limits::default() })
}

/// Reads a document and checks it.
///
/// # Errors
/// The first thing that is wrong, with its line. What is merely unknown is no error: it grants
/// nothing.
pub fn read_within(bytes: &[u8], limits: &Limits) -> Result<Ruleset, RulesError> {
    let xml = xml::read(bytes, limits)?;
    let reader = Reader { source: xml.input_text() };
    let root = xml.root_element();
    if !root.has_tag_name((COMMON_POLICY, "ruleset")) {
        let name = root.tag_name().name().to_owned();
        let namespace = root.tag_name().namespace().unwrap_or_default().to_owned();
        return Err(reader.error(root, Cause::OtherRoot { name, namespace }));
    }
    let mut ids = BTreeSet::new();
    let mut rules = Vec::new();
    let mut whole = Permissions::nothing();
    let mut names = 0;
    for node in elements(root) {
        if !node.has_tag_name((COMMON_POLICY, "rule")) {
            return Err(reader.misplaced(node));
        }
        let id = reader.attribute(node, "id")?;
        if !ids.insert(id) {
            return Err(reader.error(node, Cause::SameId(id.to_owned())));
        }
        let rule = reader.rule(node)?;
        whole.add(&rule.permissions);
        if whole.selectors() > MAX_SELECTORS {
            return Err(reader.error(node, Cause::TooMany));
        }
        names += rule.permissions.unknown.names();
        if names > MAX_NAMES {
            return Err(reader.error(node, Cause::TooManyNames));
        }
        rules.push(rule);
    }
    Ok(Ruleset { rules: rules.into() })
}

/// The element children of a node.
fn elements<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

struct Reader<'a> {
    source: &'a str,
}

impl Reader<'_> {
    fn error(&self, node: Node<'_, '_>, cause: Cause) -> RulesError {
        RulesError { position: Position::of(self.source, node.range().start), cause }
    }

    fn misplaced(&self, node: Node<'_, '_>) -> RulesError {
        self.error(node, Cause::Misplaced(node.tag_name().name().to_owned()))
    }

    fn attribute<'a>(
        &self,
        node: Node<'a, '_>,
        attribute: &'static str,
    ) -> Result<&'a str, RulesError> {
        xml::attribute(node, attribute).map(str::trim).filter(|value| !value.is_empty()).ok_or_else(
            || {
                let element = node.tag_name().name().to_owned();
                self.error(node, Cause::NoAttribute { element, attribute })
            },
        )
    }

    fn rule(&self, node: Node<'_, '_>) -> Result<Rule, RulesError> {
        let mut conditions = Vec::new();
        let mut handling = Handling::default();
        let mut permissions = Permissions::nothing();
        let mut seen = Vec::new();
        for child in elements(node) {
            let name = child.tag_name().name();
            if child.tag_name().namespace() != Some(COMMON_POLICY) {
                return Err(self.misplaced(child));
            }
            if seen.contains(&name) {
                return Err(self.error(child, Cause::Twice(name.to_owned())));
            }
            seen.push(name);
            match name {
                "conditions" => {
                    for condition in elements(child) {
                        conditions.push(self.condition(condition)?);
                    }
                }
                "actions" => handling = self.actions(child)?,
                "transformations" => self.transformations(child, &mut permissions)?,
                _ => return Err(self.misplaced(child)),
            }
        }
        Ok(Rule { conditions: conditions.into(), handling, permissions })
    }

    fn condition(&self, node: Node<'_, '_>) -> Result<Condition, RulesError> {
        let namespace = node.tag_name().namespace().unwrap_or_default();
        Ok(match (namespace, node.tag_name().name()) {
            (COMMON_POLICY, "identity") => Condition::Identity(self.identity(node)?),
            (COMMON_POLICY, "sphere") => Condition::Sphere(
                self.attribute(node, "value")?.split_ascii_whitespace().map(Into::into).collect(),
            ),
            (COMMON_POLICY, "validity") => self.validity(node)?,
            (OMA_COMMON_POLICY, "external-list") => {
                let mut lists = Vec::new();
                for entry in elements(node) {
                    if entry.has_tag_name((OMA_COMMON_POLICY, "entry")) {
                        lists.push(self.attribute(entry, "anc")?.into());
                    }
                }
                Condition::ExternalList(lists.into())
            }
            (OMA_COMMON_POLICY, "anonymous-request") => Condition::AnonymousRequest,
            (OMA_COMMON_POLICY, "other-identity") => Condition::OtherIdentity,
            _ => Condition::Unknown,
        })
    }

    fn identity(&self, node: Node<'_, '_>) -> Result<Identity, RulesError> {
        let (mut ones, mut many) = (Vec::new(), Vec::new());
        for child in elements(node) {
            if child.has_tag_name((COMMON_POLICY, "one")) {
                if xml::attribute(child, "domain").is_some() {
                    return Err(self.error(child, Cause::DomainOfOne));
                }
                let person = self.person(child)?;
                // What stands in it may narrow it.
                if elements(child).next().is_none() {
                    ones.extend(person);
                }
            } else if child.has_tag_name((COMMON_POLICY, "many")) {
                many.push(self.many(child)?);
            }
        }
        let empty = elements(node).next().is_none();
        ones.sort_unstable();
        ones.dedup();
        Ok(Identity { ones: ones.into(), many: many.into(), empty })
    }

    fn many(&self, node: Node<'_, '_>) -> Result<Many, RulesError> {
        let (mut except, mut except_domains) = (Vec::new(), Vec::new());
        let mut unclear = false;
        for child in elements(node) {
            if !child.has_tag_name((COMMON_POLICY, "except")) {
                unclear = true;
            } else if xml::attribute(child, "domain").is_some() {
                except_domains.push(self.domain(child)?);
            } else {
                except.extend(self.person(child)?);
            }
        }
        except.sort_unstable();
        let domain =
            if xml::attribute(node, "domain").is_some() { Some(self.domain(node)?) } else { None };
        Ok(Many { domain, except: except.into(), except_domains: except_domains.into(), unclear })
    }

    /// The person that an `id` names; `None` if it is a URI that is nobody's who watches over SIP:
    /// URIs of different schemes are never equivalent (RFC 5025 s3.1.1.2).
    fn person(&self, node: Node<'_, '_>) -> Result<Option<Box<str>>, RulesError> {
        let id = self.attribute(node, "id")?;
        let wrong = || self.error(node, Cause::NotUri(id.to_owned()));
        let (scheme, rest) = id.split_once(':').ok_or_else(wrong)?;
        let proper = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !proper || rest.is_empty() {
            return Err(wrong());
        }
        if !scheme.eq_ignore_ascii_case("sip") && !scheme.eq_ignore_ascii_case("sips") {
            return Ok(None);
        }
        let uri = Uri::parse(id.as_bytes()).map_err(|_| wrong())?;
        let host = String::from_utf8_lossy(uri.host_text()).to_ascii_lowercase();
        let user = uri.user_decoded();
        Ok(user.map(|user| format!("{}@{host}", user.to_lowercase()).into()))
    }

    /// RFC 4745 s7.1.3: escapes resolved, in the form that DNS has.
    fn domain(&self, node: Node<'_, '_>) -> Result<Box<str>, RulesError> {
        let domain = self.attribute(node, "domain")?;
        let wrong = || self.error(node, Cause::NotDomain(domain.to_owned()));
        let plain = percent_decode(domain.as_bytes());
        let plain = std::str::from_utf8(&plain).map_err(|_| wrong())?;
        if plain.len() > LONGEST_DOMAIN {
            return Err(wrong());
        }
        let ascii = idna::domain_to_ascii(plain).map_err(|_| wrong())?;
        let proper = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
        if ascii.is_empty() || !ascii.bytes().all(proper) {
            return Err(wrong());
        }
        Ok(ascii.to_ascii_lowercase().into())
    }

    fn validity(&self, node: Node<'_, '_>) -> Result<Condition, RulesError> {
        let mut periods = Vec::new();
        let mut open = None;
        for child in elements(node) {
            let time = || {
                let text = collapsed(child);
                date_time::parse(&text).ok_or_else(|| self.error(child, Cause::NotTime(text)))
            };
            let name = (child.tag_name().namespace(), child.tag_name().name());
            match (name, open) {
                ((Some(COMMON_POLICY), "from"), None) => open = Some(time()?),
                ((Some(COMMON_POLICY), "until"), Some(from)) => {
                    periods.push((from, time()?));
                    open = None;
                }
                _ => return Err(self.error(child, Cause::Unpaired)),
            }
        }
        if open.is_some() || periods.is_empty() {
            return Err(self.error(node, Cause::Unpaired));
        }
        Ok(Condition::Validity(periods.into()))
    }

    fn value_error(&self, node: Node<'_, '_>, value: String, allowed: &'static str) -> RulesError {
        let element = node.tag_name().name().to_owned();
        self.error(node, Cause::Value { element, value, allowed })
    }

    fn actions(&self, node: Node<'_, '_>) -> Result<Handling, RulesError> {
        let mut handling = Handling::default();
        for action in elements(node) {
            if !action.has_tag_name((PRES_RULES, "sub-handling")) {
                continue;
            }
            let value = collapsed(action);
            let named =
                [Handling::Block, Handling::Confirm, Handling::PoliteBlock, Handling::Allow]
                    .into_iter()
                    .find(|handling| handling.name() == value);
            handling = handling.max(named.ok_or_else(|| {
                self.value_error(action, value, "block, confirm, polite-block or allow")
            })?);
        }
        Ok(handling)
    }

    fn boolean(&self, node: Node<'_, '_>) -> Result<bool, RulesError> {
        match collapsed(node).as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => Err(self.value_error(node, other.to_owned(), "true or false")),
        }
    }

    fn transformations(
        &self,
        node: Node<'_, '_>,
        permissions: &mut Permissions,
    ) -> Result<(), RulesError> {
        for child in elements(node) {
            let namespace = child.tag_name().namespace().unwrap_or_default();
            let name = child.tag_name().name();
            let given = match (namespace, name) {
                (PRES_RULES, "provide-services") => Permissions {
                    services: Self::selection(child, "all-services"),
                    ..Permissions::nothing()
                },
                (PRES_RULES, "provide-persons") => Permissions {
                    persons: Self::selection(child, "all-persons"),
                    ..Permissions::nothing()
                },
                (PRES_RULES, "provide-devices") => Permissions {
                    devices: Self::selection(child, "all-devices"),
                    ..Permissions::nothing()
                },
                (PRES_RULES, "provide-all-attributes") => Permissions::all_attributes(),
                (PRES_RULES, "provide-user-input") => {
                    Permissions { input: self.input(child)?, ..Permissions::nothing() }
                }
                (PRES_RULES, "provide-unknown-attribute") => {
                    let named = (
                        self.attribute(child, "ns")?.into(),
                        self.attribute(child, "name")?.into(),
                    );
                    if !self.boolean(child)? {
                        continue;
                    }
                    let (namespace, name): (Box<str>, Box<str>) = named;
                    let names = [(namespace, [name].into())].into();
                    Permissions { unknown: Unknowns::Of(names), ..Permissions::nothing() }
                }
                (OMA_PRES_RULES, "provide-geopriv") => {
                    // OMA writes `full` where others write `true`.
                    if collapsed(child) != "full" && !self.boolean(child)? {
                        continue;
                    }
                    let topics = permissions.topics.with(Topic::Location);
                    Permissions { topics, ..Permissions::nothing() }
                }
                _ => {
                    let Some(topic) = topic(namespace, name) else { continue };
                    if !self.boolean(child)? {
                        continue;
                    }
                    Permissions { topics: permissions.topics.with(topic), ..Permissions::nothing() }
                }
            };
            permissions.add(&given);
        }
        Ok(())
    }

    /// The members of a set of components; what is not known means none.
    fn selection(node: Node<'_, '_>, all: &str) -> Selection {
        let mut selectors = BTreeSet::new();
        for child in elements(node) {
            let make = match (child.tag_name().namespace(), child.tag_name().name()) {
                (Some(PRES_RULES), name) if name == all => return Selection::All,
                (Some(PRES_RULES), "class") => Selector::Class,
                (Some(PRES_RULES), "occurrence-id") => Selector::OccurrenceId,
                (Some(PRES_RULES), "service-uri" | "deviceID") => Selector::Uri,
                (Some(PRES_RULES), "service-uri-scheme") => Selector::Scheme,
                (Some(OMA_PRES_RULES), "service-id") => Selector::ServiceId,
                _ => continue,
            };
            let value = collapsed(child);
            if !value.is_empty() {
                selectors.insert(make(value.into()));
            }
        }
        Selection::Of(selectors)
    }

    fn input(&self, node: Node<'_, '_>) -> Result<InputDetail, RulesError> {
        match collapsed(node).as_str() {
            "false" => Ok(InputDetail::False),
            "bare" => Ok(InputDetail::Bare),
            "thresholds" => Ok(InputDetail::Thresholds),
            "full" => Ok(InputDetail::Full),
            other => {
                Err(self.value_error(node, other.to_owned(), "false, bare, thresholds or full"))
            }
        }
    }
}

/// The topic that a permission with two values is about.
fn topic(namespace: &str, name: &str) -> Option<Topic> {
    Some(match (namespace, name) {
        (PRES_RULES, "provide-activities") => Topic::Activities,
        (PRES_RULES, "provide-class") => Topic::Class,
        (PRES_RULES, "provide-deviceID") => Topic::DeviceId,
        (PRES_RULES, "provide-mood") => Topic::Mood,
        (PRES_RULES, "provide-place-is") => Topic::PlaceIs,
        (PRES_RULES, "provide-place-type") => Topic::PlaceType,
        (PRES_RULES, "provide-privacy") => Topic::Privacy,
        (PRES_RULES, "provide-relationship") => Topic::Relationship,
        (PRES_RULES, "provide-sphere") => Topic::Sphere,
        (PRES_RULES, "provide-status-icon") => Topic::StatusIcon,
        (PRES_RULES, "provide-time-offset") => Topic::TimeOffset,
        (PRES_RULES, "provide-note") => Topic::Note,
        (OMA_PRES_RULES, "provide-willingness") => Topic::Willingness,
        (OMA_PRES_RULES, "provide-session-participation") => Topic::SessionParticipation,
        (OMA_PRES_RULES, "provide-registration-state") => Topic::RegistrationState,
        (OMA_PRES_RULES, "provide-barring-state") => Topic::BarringState,
        (OMA_PRES_RULES, "provide-network-availability") => Topic::NetworkAvailability,
        _ => return None,
    })
}
