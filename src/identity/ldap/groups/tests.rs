use std::collections::BTreeSet;

use super::*;
use crate::identity::ldap::Listing;

const PEOPLE: &str = "ou=people,dc=campus,dc=test";
const GROUPS: &str = "ou=groups,dc=campus,dc=test";

fn entry(dn: &str, attributes: &[(&str, &[&str])]) -> SearchEntry {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let attrs = attributes.iter().map(|(name, values)| ((*name).to_owned(), owned(values)));
    SearchEntry { dn: dn.to_owned(), attrs: attrs.collect(), bin_attrs: HashMap::new() }
}

/// People of whom `locked` are.
fn roll(people: &[&str], locked: &[&str]) -> (Roll, Places) {
    let (mut roll, mut places) = (Roll::default(), Places::default());
    for uid in people {
        let disabled = locked.contains(uid);
        let listing = Listing { disabled, ..Listing::default() };
        roll.people.insert((*uid).into(), listing);
        places.add(&format!("uid={uid},{PEOPLE}"), &[uid]);
    }
    (roll, places)
}

fn person(uid: &str) -> String {
    format!("uid={uid},{PEOPLE}")
}

fn group(cn: &str) -> String {
    format!("cn={cn},{GROUPS}")
}

/// A `groupOfNames`.
fn of_names(cn: &str, members: &[String]) -> SearchEntry {
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    entry(&group(cn), &[("cn", &[cn]), ("member", &members)])
}

fn read(people: &[&str], locked: &[&str], entries: &[SearchEntry]) -> Membership {
    let (roll, places) = roll(people, locked);
    let mut gathered = Gathered::new(&roll, &places);
    for entry in entries {
        gathered.take(entry).unwrap();
    }
    gathered.finish().unwrap()
}

fn of<'a>(membership: &'a Membership, uid: &str) -> Vec<&'a str> {
    membership.people.get(uid).iter().flat_map(|set| set.iter().map(|name| &**name)).collect()
}

// RFC 4519 s3.5, s3.6; RFC 2307 s4
#[test]
fn members_are_found_in_each_kind_of_group() {
    let spelt = "UID=Ana, OU=People,dc=CAMPUS,dc=test";
    let unique = format!("{}#'01'B", person("rui"));
    let entries = [
        entry(&group("staff"), &[("cn", &["staff"]), ("member", &[spelt])]),
        entry(&group("library"), &[("CN", &["library"]), ("uniquemember", &[&unique])]),
        entry(&group("unix"), &[("cn", &["unix"]), ("memberUid", &["ANA", "nobody"])]),
        entry(&group("empty"), &[("cn", &["empty"]), ("member", &["", "cn=nobody"])]),
    ];
    let found = read(&["ana", "rui", "eva"], &[], &entries);
    assert_eq!(of(&found, "ana"), ["staff", "unix"]);
    assert_eq!(of(&found, "rui"), ["library"]);
    assert_eq!(of(&found, "eva"), [""; 0]);
    let names: Vec<&str> = found.names.iter().map(|name| &**name).collect();
    assert_eq!(names, ["empty", "library", "staff", "unix"]);
}

#[test]
fn a_group_within_a_group_brings_its_members_along_and_circles_end() {
    let entries = [
        of_names("all", &[group("STAFF"), group("students")]),
        of_names("staff", &[person("ana"), group("all")]),
        of_names("students", &[person("rui"), group("students")]),
    ];
    let found = read(&["ana", "rui"], &[], &entries);
    assert_eq!(of(&found, "ana"), ["all", "staff"]);
    assert_eq!(of(&found, "rui"), ["all", "staff", "students"]);
    assert!(!found.cut);
}

#[test]
fn nesting_is_followed_so_deep_and_no_deeper() {
    let chain = |length: usize| {
        let mut entries = vec![of_names("g0", &[person("ana")])];
        for number in 1..length {
            entries.push(of_names(&format!("g{number}"), &[group(&format!("g{}", number - 1))]));
        }
        read(&["ana"], &[], &entries)
    };
    let found = chain(DEEPEST + 1);
    assert_eq!((of(&found, "ana").len(), found.cut), (DEEPEST + 1, false));
    let found = chain(DEEPEST + 9);
    assert_eq!((of(&found, "ana").len(), found.cut), (DEEPEST + 1, true));
}

#[test]
fn whoever_is_locked_or_shares_a_place_is_in_no_group() {
    let entries = [of_names("staff", &[person("ana"), person("rui"), person("eva")])];
    let found = read(&["ana", "rui"], &["rui"], &entries);
    assert_eq!(found.people.len(), 1);
    let (mut roll, mut places) = roll(&["ana", "eva"], &[]);
    // Two entries that a directory keeps apart and we cannot.
    places.add(&person("ANA"), &["ana2"]);
    roll.people.insert("ana2".into(), roll.people["eva"].clone());
    let mut gathered = Gathered::new(&roll, &places);
    gathered.take(&entries[0]).unwrap();
    let found = gathered.finish().unwrap();
    assert_eq!(found.people.keys().map(|uid| &**uid).collect::<Vec<_>>(), ["eva"]);
}

#[test]
fn people_of_the_same_groups_share_one_set() {
    let all: Vec<String> = (0..500).map(|n| format!("p{n}")).collect();
    let people: Vec<&str> = all.iter().map(String::as_str).collect();
    let members: Vec<String> = all.iter().map(|uid| person(uid)).collect();
    let found = read(&people, &[], &[of_names("one", &members), of_names("two", &members)]);
    let sets: HashSet<*const Arc<str>> = found.people.values().map(|set| set.as_ptr()).collect();
    assert_eq!((found.people.len(), sets.len()), (500, 1));
}

/// As Active Directory does: `member;range=0-1499`, and the rest by another question.
#[test]
fn a_list_in_ranges_says_where_it_goes_on() {
    assert_eq!(next_range("range=0-1499"), Some(1_500));
    assert_eq!(next_range("binary;Range=1500-2999"), Some(3_000));
    for last in ["", "range=1500-*", "range=", "range=5", "binary", "range=0-99999999999999999999"]
    {
        assert_eq!(next_range(last), None, "{last}");
    }
    let (roll, places) = roll(&["ana", "rui"], &[]);
    let mut gathered = Gathered::new(&roll, &places);
    let staff = group("staff");
    let ana = person("ana");
    let first =
        entry(&staff, &[("cn", &["staff"]), ("member;range=0-0", &[&ana]), ("member", &[])]);
    gathered.take(&first).unwrap();
    let rest = gathered.rest.pop().unwrap();
    assert_eq!((rest.from, rest.attribute, rest.dn.as_str()), (1, "member", staff.as_str()));
    // One that goes nowhere is not asked for again.
    let rui = person("rui");
    gathered.take_members(0, &entry(&staff, &[("member;range=0-0", &[&rui])]), rest.from).unwrap();
    assert!(gathered.rest.is_empty());
    assert_eq!(gathered.sizes().collect::<Vec<_>>(), [("staff", 2)]);
    assert_eq!(gathered.finish().unwrap().people.len(), 2);
}

#[test]
fn a_directory_with_too_much_of_it_is_refused() {
    let (roll, places) = roll(&["ana"], &[]);
    let mut gathered = Gathered::new(&roll, &places);
    for _ in 0..MOST_GROUPS {
        gathered.take(&entry("cn=g", &[])).unwrap();
    }
    assert!(matches!(gathered.take(&entry("cn=g", &[])), Err(DirectoryError::Answer(_))));
    let many = vec![""; MOST_MEMBERS / 2 + 1];
    let mut gathered = Gathered::new(&roll, &places);
    gathered.take(&entry("cn=g", &[("memberUid", &many)])).unwrap();
    let more = gathered.take(&entry("cn=h", &[("memberUid", &many)]));
    assert!(matches!(more, Err(DirectoryError::Answer(_))));
}

proptest::proptest! {
    /// Whatever is in whatever, a person is in the groups from which a way leads to him.
    #[test]
    fn membership_is_what_a_way_leads_to(
        edges in proptest::collection::vec((0..6_usize, 0..9_usize), 0..30)
    ) {
        let people = ["p0", "p1", "p2"];
        let mut members = vec![Vec::new(); 6];
        for (parent, member) in &edges {
            let dn = match member.checked_sub(6) {
                Some(number) => person(people[number]),
                None => group(&format!("g{member}")),
            };
            members[*parent].push(dn);
        }
        let entries: Vec<SearchEntry> = members
            .iter()
            .enumerate()
            .map(|(number, members)| of_names(&format!("g{number}"), members))
            .collect();
        let found = read(&people, &[], &entries);
        for (number, uid) in people.iter().enumerate() {
            let mut expected: BTreeSet<usize> = BTreeSet::new();
            loop {
                let before = expected.len();
                for (parent, member) in &edges {
                    if *member == number + 6 || expected.contains(member) {
                        expected.insert(*parent);
                    }
                }
                if expected.len() == before {
                    break;
                }
            }
            let expected: Vec<String> = expected.iter().map(|group| format!("g{group}")).collect();
            proptest::prop_assert_eq!(of(&found, uid), expected);
        }
    }
}
