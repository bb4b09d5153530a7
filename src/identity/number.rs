//! Telephone numbers and whose they are: `sip:2101@domain`, `tel:2101` and `tel:+351239802101`
//! reach the person with that extension.
//!
//! ```text
//!   rows of accounts ──┐
//!                      ├──▶ numbers of each person ──▶ number -> who has it
//!   list of the ───────┘
//!   directory
//! ```
//!
//! A number that two people have is nobody's: neither is rung in the other's place.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use smallvec::SmallVec;

use super::name::UserName;

/// Digits of a number at most: E.164 has 15, a dialling prefix comes before them.
const LONGEST: usize = 32;
/// Numbers of one person at most.
const MOST_OF_ONE: usize = 8;
/// People with the same number who are named in the log.
const MOST_NAMED: usize = 4;

/// Numbers of one person.
pub type Numbers = SmallVec<[Box<str>; 1]>;

/// The one spelling of a telephone number: its digits, `*` and `#`, with the `+` of a global one.
/// Visual separators (RFC 3966 s3) and spaces are left out. `None` for what is no number.
#[must_use]
pub fn canonical_number(text: &str) -> Option<Box<str>> {
    let text = text.trim();
    let (plus, rest) = match text.strip_prefix('+') {
        Some(rest) => ("+", rest),
        None => ("", text),
    };
    let mut number = String::with_capacity(text.len().min(LONGEST + 1));
    number.push_str(plus);
    for c in rest.chars() {
        match c {
            '0'..='9' | '*' | '#' => number.push(c),
            '-' | '.' | '(' | ')' | ' ' | '/' => {}
            _ => return None,
        }
        if number.len() > LONGEST {
            return None;
        }
    }
    (number.len() > plus.len()).then(|| number.into())
}

/// The numbers in one text: several are separated by commas or semicolons.
#[must_use]
pub fn numbers_in(text: &str) -> Numbers {
    numbers_of(text.split([',', ';']))
}

/// The numbers among some values; what is none is left out.
pub(super) fn numbers_of<'a>(values: impl IntoIterator<Item = &'a str>) -> Numbers {
    let mut numbers = Numbers::new();
    for number in values.into_iter().filter_map(canonical_number) {
        if numbers.len() < MOST_OF_ONE && !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// Who has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// Nobody.
    Nobody,
    /// This person.
    Person(UserName),
    /// Several people, so that nobody can be meant.
    Shared,
}

/// Where the numbers of one person were read. The first of them that says anything counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sources {
    /// A local account's, empty while it is locked.
    account: Option<Numbers>,
    /// The directory's list.
    directory: Option<Numbers>,
    /// The row of a person of the directory: what was known of him when it was made, for as long
    /// as the list was not read.
    row: Option<Numbers>,
}

impl Sources {
    fn numbers(&self) -> &[Box<str>] {
        let first = self.account.as_ref().or(self.directory.as_ref()).or(self.row.as_ref());
        first.map_or(&[], |numbers| numbers.as_slice())
    }

    const fn is_empty(&self) -> bool {
        self.account.is_none() && self.directory.is_none() && self.row.is_none()
    }
}

type Holders = SmallVec<[UserName; 1]>;

/// Whose numbers are which. Readers take no lock. Bounded by the people there are, who have eight
/// numbers each at most.
#[derive(Debug, Default)]
pub(super) struct NumberIndex {
    holders: papaya::HashMap<Box<str>, Holders>,
    people: Mutex<HashMap<UserName, Sources>>,
}

impl NumberIndex {
    /// Who has a number in its canonical spelling.
    pub(super) fn get(&self, number: &str) -> Numbered {
        match self.holders.pin().get(number).map(SmallVec::as_slice) {
            None | Some([]) => Numbered::Nobody,
            Some([one]) => Numbered::Person(one.clone()),
            Some(_) => Numbered::Shared,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    /// The row of a local account says so; `None`: there is none.
    pub(super) fn set_account(&self, name: &UserName, numbers: Option<Numbers>) {
        self.change(name, |sources| sources.account = numbers);
    }

    /// The row of a person of the directory says so; `None`: there is none.
    pub(super) fn set_row(&self, name: &UserName, numbers: Option<Numbers>) {
        self.change(name, |sources| sources.row = numbers);
    }

    /// The directory's list was read: as a whole, or for those who are on it alone.
    pub(super) fn set_directory(&self, list: HashMap<UserName, Numbers>, whole: bool) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<UserName> = people
            .iter()
            .filter(|(name, sources)| {
                let has_any = sources.directory.is_some() || sources.row.is_some();
                whole && has_any && !list.contains_key(*name)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            // Nothing, not "unknown": the row of somebody who left says nothing any more.
            let nothing = Some(Numbers::new());
            self.change_one(&mut people, &name, |sources| sources.directory = nothing);
        }
        for (name, numbers) in list {
            let known = people.get(&name).and_then(|sources| sources.directory.as_ref());
            if known != Some(&numbers) {
                self.change_one(&mut people, &name, |sources| sources.directory = Some(numbers));
            }
        }
    }

    fn change(&self, name: &UserName, edit: impl FnOnce(&mut Sources)) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        self.change_one(&mut people, name, edit);
    }

    fn change_one(
        &self,
        people: &mut HashMap<UserName, Sources>,
        name: &UserName,
        edit: impl FnOnce(&mut Sources),
    ) {
        let mut sources = people.get(name).cloned().unwrap_or_default();
        let before: HashSet<Box<str>> = sources.numbers().iter().cloned().collect();
        edit(&mut sources);
        let after: HashSet<Box<str>> = sources.numbers().iter().cloned().collect();
        if sources.is_empty() {
            people.remove(name);
        } else {
            people.insert(name.clone(), sources);
        }
        for number in before.difference(&after) {
            self.take(number, name);
        }
        for number in after.difference(&before) {
            self.give(number, name);
        }
    }

    fn give(&self, number: &str, name: &UserName) {
        let holders = self.holders.pin();
        let mut all = holders.get(number).cloned().unwrap_or_default();
        if !all.contains(name) {
            all.push(name.clone());
        }
        if all.len() > 1 {
            let mut names: Vec<&str> = all.iter().map(UserName::as_str).take(MOST_NAMED).collect();
            names.sort_unstable();
            tracing::warn!(
                event = "number.shared",
                number,
                people = all.len(),
                names = %names.join(", ").escape_debug(),
            );
        }
        holders.insert(number.into(), all);
    }

    fn take(&self, number: &str, name: &UserName) {
        let holders = self.holders.pin();
        let Some(mut left) = holders.get(number).cloned() else { return };
        left.retain(|holder| holder != name);
        if left.is_empty() {
            holders.remove(number);
        } else {
            holders.insert(number.into(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> UserName {
        UserName::canonical(name)
    }

    fn set(text: &str) -> Option<Numbers> {
        Some(numbers_in(text))
    }

    fn list(people: &[(&str, &str)]) -> HashMap<UserName, Numbers> {
        people.iter().map(|(name, numbers)| (person(name), numbers_in(numbers))).collect()
    }

    // RFC 3966 s3, s5.1.1: visual separators mean nothing
    #[test]
    fn a_number_has_one_spelling() {
        for (text, number) in [
            ("2101", Some("2101")),
            (" +351 239-80.21(01) ", Some("+351239802101")),
            ("*97#", Some("*97#")),
            ("+", None),
            ("", None),
            ("()", None),
            ("21a1", None),
            ("alice", None),
            ("2+1", None),
            ("٢١", None),
        ] {
            assert_eq!(canonical_number(text).as_deref(), number, "{text}");
        }
        assert!(canonical_number(&"1".repeat(33)).is_none());
        assert_eq!(numbers_in("2101; +351 239 802 101, x,2101").len(), 2);
    }

    #[test]
    fn a_number_of_two_people_is_nobodys_until_one_gives_it_up() {
        let index = NumberIndex::default();
        index.set_account(&person("ana"), set("2101"));
        assert_eq!(index.get("2101"), Numbered::Person(person("ana")));
        index.set_account(&person("rui"), set("2101,2102"));
        assert_eq!(index.get("2101"), Numbered::Shared);
        assert_eq!(index.get("2102"), Numbered::Person(person("rui")));
        index.set_account(&person("ana"), None);
        assert_eq!(index.get("2101"), Numbered::Person(person("rui")));
        index.set_account(&person("rui"), set(""));
        assert_eq!(index.get("2101"), Numbered::Nobody);
        assert!(index.is_empty());
    }

    #[test]
    fn the_list_of_the_directory_counts_before_the_rows_and_after_accounts() {
        let index = NumberIndex::default();
        index.set_row(&person("ana"), set("1"));
        index.set_row(&person("rui"), set("2"));
        index.set_account(&person("eva"), set("3"));
        // Before the list was read the rows serve.
        assert_eq!(index.get("2"), Numbered::Person(person("rui")));
        index.set_directory(list(&[("ana", "11"), ("eva", "33")]), true);
        assert_eq!(index.get("11"), Numbered::Person(person("ana")));
        for nobody in ["1", "2", "33"] {
            assert_eq!(index.get(nobody), Numbered::Nobody, "{nobody}");
        }
        assert_eq!(index.get("3"), Numbered::Person(person("eva")));
        // A list of some says nothing of the others.
        index.set_directory(list(&[("rui", "22")]), false);
        assert_eq!(index.get("11"), Numbered::Person(person("ana")));
        assert_eq!(index.get("22"), Numbered::Person(person("rui")));
        index.set_directory(list(&[]), true);
        assert_eq!(index.get("11"), Numbered::Nobody);
    }

    proptest::proptest! {
        #[test]
        fn a_canonical_number_is_canonical(text: String) {
            if let Some(number) = canonical_number(&text) {
                let again = canonical_number(&number);
                proptest::prop_assert_eq!(again.as_deref(), Some(&*number));
            }
        }

        /// Whatever changes, the index says what the sources say.
        #[test]
        fn the_index_follows_the_people(
            changes in proptest::collection::vec((0..4_usize, 0..3_u8, 0..5_usize), 0..60)
        ) {
            let index = NumberIndex::default();
            let names = ["a", "b", "c", "d"].map(person);
            let texts = ["", "1", "2", "1,2", "3"];
            for (who, kind, text) in changes {
                let numbers = set(texts[text]).filter(|_| text != 4);
                match kind {
                    0 => index.set_account(&names[who], numbers),
                    1 => index.set_row(&names[who], numbers),
                    _ => {
                        let list = numbers.map(|n| (names[who].clone(), n)).into_iter().collect();
                        index.set_directory(list, text % 2 == 0);
                    }
                }
                let people = index.people.lock().unwrap();
                for number in ["1", "2"] {
                    let mut has: Vec<&UserName> = people
                        .iter()
                        .filter(|(_, sources)| sources.numbers().iter().any(|n| &**n == number))
                        .map(|(name, _)| name)
                        .collect();
                    let expected = match (has.pop(), has.pop()) {
                        (None, _) => Numbered::Nobody,
                        (Some(one), None) => Numbered::Person(one.clone()),
                        _ => Numbered::Shared,
                    };
                    proptest::prop_assert_eq!(index.get(number), expected);
                }
            }
        }
    }
}
