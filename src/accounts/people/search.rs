//! Looking for people: which, in what order, and a page at a time.

use std::collections::HashSet;

use memchr::memmem::Finder;

use super::entry::{ByName, Entry, Origin, State};
use super::fold::fold;
use super::{AccountsError, Index};
use crate::clock::WallTime;
use crate::identity::{UserName, canonical_number};
use crate::text::{decode_base64url, encode_base64url};

/// Words that are looked for at most.
const MOST_WORDS: usize = 8;
/// Bytes that are looked for at most; a longer text is cut.
const LONGEST_TEXT: usize = 256;
/// People in one page at most.
pub const LARGEST_PAGE: usize = 500;
/// People who are counted at most, where counting means looking at each.
pub const MOST_COUNTED: usize = 50_000;
/// Digits from which on a number is looked for also by its end.
const END_OF_NUMBER: usize = 3;
/// One in so many of all are few: they are looked up, and not all looked through for them.
const FEW: usize = 16;

/// What the caller knows of people.
pub type Question<'a> = &'a (dyn Fn(&UserName) -> bool + Sync);

/// Who is looked for.
#[derive(Clone, Copy, Default)]
pub struct Query<'a> {
    /// Words, each of which must begin a word of the name, of the user name or of the mail address,
    /// or a telephone number; case and accents make no difference. Empty is everybody.
    pub text: &'a str,
    /// Where they come from.
    pub origin: Option<Origin>,
    /// How they stand. [`State::Disabled`] and [`State::DirectoryDisabled`] are one here.
    pub state: Option<State>,
    /// Whether they have a device credential.
    pub has_devices: Option<bool>,
    /// Whether they are online, which the caller knows.
    pub online: Option<(bool, Question<'a>)>,
    /// Only these, of whom some may be nobody: a group.
    pub among: Option<&'a HashSet<UserName>>,
    /// Whatever else is asked, as the caller knows.
    pub also: Option<Question<'a>>,
    /// The cursor of the page before.
    pub after: Option<&'a str>,
    /// How many at most; no more than [`LARGEST_PAGE`].
    pub limit: usize,
}

/// A person who was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user name.
    pub user: UserName,
    /// The name that people read.
    pub name: String,
    /// Mail address; empty if unknown.
    pub mail: String,
    /// Telephone number; empty if unknown.
    pub number: String,
    /// Where he comes from.
    pub origin: Origin,
    /// How he stands.
    pub state: State,
    /// Since when he is no longer in the directory.
    pub absent_since: Option<WallTime>,
    /// Device credentials that serve.
    pub devices: u32,
    /// When one of them was last used, to within a day.
    pub last_used: Option<WallTime>,
}

/// A page of people, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The people.
    pub people: Vec<Person>,
    /// How many there are on all pages; exact unless `more_than_total`.
    pub total: usize,
    /// There are more than `total`.
    pub more_than_total: bool,
    /// The cursor for the next page, if there is one.
    pub next: Option<String>,
}

impl Index {
    /// Finds people.
    pub(super) fn search(&self, query: &Query<'_>) -> Result<Page, AccountsError> {
        let limit = query.limit.clamp(1, LARGEST_PAGE);
        let after = query.after.map(position).transpose()?;
        let wanted = Wanted::new(query);
        let mut page = Page::default();
        let mut found: Vec<&Entry> = Vec::with_capacity(limit);
        let mut more = false;
        if wanted.is_everybody() {
            page.total = self.by_name.len();
            let mut rest = match &after {
                None => self.by_name.range(..),
                Some(after) => self
                    .by_name
                    .range((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded)),
            };
            found.extend(rest.by_ref().take(limit).map(|entry| &*entry.0));
            more = rest.next().is_some();
        } else {
            for entry in self.fitting(&wanted) {
                if page.total >= MOST_COUNTED {
                    page.more_than_total = true;
                } else {
                    page.total += 1;
                }
                if after.as_ref().is_none_or(|after| entry.order(&after.0).is_gt()) {
                    if found.len() < limit {
                        found.push(entry);
                    } else {
                        more = true;
                        if page.more_than_total {
                            break;
                        }
                    }
                }
            }
        }
        page.next = found.last().filter(|_| more).map(|last| cursor(last));
        page.people = found.into_iter().map(shown).collect();
        Ok(page)
    }

    /// Who fits a query, in order.
    fn fitting<'s>(&'s self, wanted: &'s Wanted<'_>) -> Box<dyn Iterator<Item = &'s Entry> + 's> {
        let all = self.by_name.iter().map(|entry| &*entry.0);
        match wanted.query.among {
            None => Box::new(all.filter(|entry| wanted.fits(entry))),
            Some(among) if among.len() > self.by_name.len() / FEW => {
                Box::new(all.filter(|entry| wanted.fits(entry) && among.contains(&entry.user)))
            }
            Some(among) => {
                let some = among.iter().filter_map(|user| self.by_user.get(user));
                let mut some: Vec<&Entry> =
                    some.map(|entry| &**entry).filter(|entry| wanted.fits(entry)).collect();
                some.sort_unstable_by(|one, other| one.order(other));
                Box::new(some.into_iter())
            }
        }
    }
}

pub(super) fn shown(entry: &Entry) -> Person {
    Person {
        user: entry.user.clone(),
        name: entry.name().to_owned(),
        mail: entry.mail().to_owned(),
        number: entry.number().to_owned(),
        origin: entry.origin,
        state: entry.state,
        absent_since: entry.absent_since,
        devices: entry.devices,
        last_used: entry.last_used(),
    }
}

/// Where a page ends: people who come or go before it do not move it.
fn cursor(entry: &Entry) -> String {
    let place = format!("{}\0{}", entry.sorted_by(), entry.user);
    let mut text = Vec::new();
    encode_base64url(place.as_bytes(), &mut text);
    String::from_utf8(text).unwrap_or_default()
}

fn position(cursor: &str) -> Result<ByName, AccountsError> {
    let mut bytes: Vec<u8> = Vec::new();
    decode_base64url(cursor.as_bytes(), &mut bytes)
        .and_then(|()| String::from_utf8(bytes).ok())
        .and_then(|place| {
            let (sorted_by, user) = place.split_once('\0')?;
            Some(ByName(Entry::probe(sorted_by, user).into()))
        })
        .ok_or(AccountsError::Cursor)
}

/// A telephone number that is looked for.
struct Number {
    /// Without its sign.
    digits: Box<str>,
    finder: Finder<'static>,
}

impl Number {
    fn new(number: &str) -> Number {
        let digits = number.trim_start_matches('+');
        Number { digits: digits.into(), finder: Finder::new(digits).into_owned() }
    }
}

/// A query, made ready.
struct Wanted<'a> {
    words: Vec<Finder<'static>>,
    number: Option<Number>,
    query: &'a Query<'a>,
}

impl<'a> Wanted<'a> {
    fn new(query: &'a Query<'a>) -> Wanted<'a> {
        let text = query.text.get(..query.text.floor_char_boundary(LONGEST_TEXT));
        let text = text.unwrap_or_default().trim();
        let folded = fold(text);
        let words = folded.split_whitespace().take(MOST_WORDS);
        Wanted {
            words: words.map(|word| Finder::new(word).into_owned()).collect(),
            number: canonical_number(text).map(|number| Number::new(&number)),
            query,
        }
    }

    fn is_everybody(&self) -> bool {
        let Query { origin, state, has_devices, online, among, also, .. } = self.query;
        self.words.is_empty()
            && origin.is_none()
            && state.is_none()
            && has_devices.is_none()
            && online.is_none()
            && among.is_none()
            && also.is_none()
    }

    fn fits(&self, entry: &Entry) -> bool {
        let query = self.query;
        // What costs least comes first.
        query.origin.is_none_or(|origin| origin == entry.origin)
            && query.state.is_none_or(|state| is_as(entry.state, state))
            && query.has_devices.is_none_or(|has| has == (entry.devices > 0))
            && (self.has_words(entry.found_by()) || self.has_number(entry.found_by()))
            && query.online.is_none_or(|(online, is_online)| online == is_online(&entry.user))
            && query.also.is_none_or(|is_so| is_so(&entry.user))
    }

    fn has_words(&self, lines: &str) -> bool {
        self.words.iter().all(|word| begins_a_word(word, lines))
    }

    /// A number is found by its beginning in any spelling, and from a few digits on by its end: an
    /// extension is the end of the whole number.
    fn has_number(&self, lines: &str) -> bool {
        let Some(Number { digits, finder }) = &self.number else { return false };
        // Nearly nobody has these digits anywhere.
        if finder.find(lines.as_bytes()).is_none() {
            return false;
        }
        lines.lines().skip(1).any(|line| {
            let is_number = line.bytes().all(|b| b.is_ascii_digit() || b"+*#".contains(&b));
            let begins = line.trim_start_matches('+').starts_with(&**digits);
            is_number && (begins || digits.len() >= END_OF_NUMBER && line.ends_with(&**digits))
        })
    }
}

fn is_as(state: State, wanted: State) -> bool {
    let one = |state| if state == State::DirectoryDisabled { State::Disabled } else { state };
    one(state) == one(wanted)
}

/// Whether any word of the lines begins so: after whatever is no letter and no digit.
fn begins_a_word(word: &Finder<'_>, lines: &str) -> bool {
    let text = lines.as_bytes();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| word.find(rest)) {
        let at = from + at;
        let before = lines.get(..at).and_then(|before| before.chars().next_back());
        if before.is_none_or(|before| !before.is_alphanumeric()) {
            return true;
        }
        from = at + 1;
    }
    false
}
