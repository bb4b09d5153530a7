//! The people: those who are not there, those of whom there are many, and those who do not fit.

use std::fmt::Write as _;

use tagus::identity::workbench::{Code, Detail, State, Step, StepName};

use super::{assert_fails, step, steps, trial};
use crate::support::directory::{Directory, PEOPLE, Plan};

/// The remedy that a step offers for a code.
fn argument<'a>(step: &'a Step, code: Code, name: &str) -> &'a str {
    let finding = step.findings.iter().find(|finding| finding.code == code);
    finding.map_or("", |finding| &finding.arguments[name])
}

/// A wrong base, a wrong filter and a right one in the wrong place each bring the mend along.
#[test]
fn people_who_are_not_found_are_looked_for_elsewhere() {
    let empty = "dn: ou=empty,dc=campus,dc=test\nobjectClass: organizationalUnit\nou: empty\n\n";
    let people = [("ana", "x")];
    let directory = Directory::open(&Plan { people: &people, entries: empty, ..Plan::default() });
    let with = |base: &str, filter: &str| {
        trial(directory.address, |ldap| {
            ldap.base_dn = base.to_owned();
            ldap.user_filter = filter.to_owned();
        })
    };
    let filter = "(&(objectClass=inetOrgPerson)(uid={user}))";
    let search = StepName::Search;
    let none = with("ou=none,dc=campus,dc=test", filter);
    let none = assert_fails(&none, search, &[Code::NoBaseNear, Code::Elsewhere]);
    assert_eq!(argument(&none, Code::NoBaseNear, "nearest"), "dc=campus,dc=test");
    assert_eq!(argument(&none, Code::Elsewhere, "base"), PEOPLE);
    assert_eq!(none.answer.expect("an answer").name, "noSuchObject");

    let beside = with("ou=empty,dc=campus,dc=test", filter);
    let beside = assert_fails(&beside, search, &[Code::Nobody, Code::Elsewhere]);
    assert_eq!(argument(&beside, Code::Elsewhere, "base"), PEOPLE);

    let other = with(PEOPLE, "(&(objectClass=user)(sAMAccountName={user}))");
    let other = assert_fails(&other, search, &[Code::Nobody, Code::OtherFilter]);
    assert_eq!(argument(&other, Code::OtherFilter, "filter"), filter);

    assert_fails(&with("people", filter), search, &[Code::BadBase]);
    assert_fails(&with(PEOPLE, "(uid={user}"), search, &[Code::BadFilter]);
    assert_fails(&with(PEOPLE, "(uid=*)"), search, &[Code::NoUserInFilter]);
    let deep = format!("{}(uid={{user}}){}", "(!".repeat(50_000), ")".repeat(50_000));
    assert_fails(&with(PEOPLE, &deep), search, &[Code::BadFilter]);
}

/// Security L24: where somebody else knows is said, and nobody goes there.
#[test]
fn referrals_are_told_and_not_followed() {
    let elsewhere = format!(
        "dn: ou=branch,{PEOPLE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: branch\n\
         ref: ldap://other.campus.test/ou=branch,dc=other\n\n"
    );
    let directory = Directory::open(&Plan {
        people: &[("ana", "x")],
        entries: &elsewhere,
        server: "referral ldap://root.campus.test\n",
        ..Plan::default()
    });
    let outside = trial(directory.address, |ldap| ldap.base_dn = "dc=elsewhere".to_owned());
    let outside = assert_fails(&outside, StepName::Search, &[Code::Referral]);
    let answer = outside.answer.expect("an answer");
    assert_eq!(answer.code, 10);
    assert!(answer.referrals[0].starts_with("ldap://root.campus.test"), "{answer:?}");
    let steps = steps(&trial(directory.address, |_| {}));
    let search = step(&steps, StepName::Search);
    assert!(search.state == State::Ok && search.found(Code::References), "{search:#?}");
    assert!(argument(search, Code::References, "servers").contains("other.campus.test"));
}

#[test]
fn a_directory_that_gives_no_whole_list_is_told_so() {
    let people: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
    let people: Vec<(&str, &str)> = people.iter().map(|uid| (uid.as_str(), "x")).collect();
    let directory = Directory::start_with(&people, "limits * size=5\n");
    let steps = steps(&trial(directory.address, |_| {}));
    let search = step(&steps, StepName::Search);
    assert!(search.state == State::Warning && search.found(Code::SizeLimit), "{search:#?}");
    assert_eq!(search.answer.as_ref().expect("an answer").code, 4);
    assert_eq!(argument(search, Code::SizeLimit, "count"), "5");
    assert_eq!(step(&steps, StepName::Map).state, State::Ok, "some can be shown all the same");
}

/// Many people: all are counted, page by page, and what does not fit is named.
#[test]
fn ten_thousand_people_are_counted_and_what_does_not_fit_is_named() {
    let mut entries = String::new();
    for number in 0..10_000 {
        let (uid, mail) = match number {
            7 => ("a b".to_owned(), "mail: x7@campus.test\n".to_owned()),
            8 => ("<svg onload=x>".to_owned(), "mail: x8@campus.test\n".to_owned()),
            9 => ("x9".to_owned(), String::new()),
            10 | 11 => (format!("x{number}"), "mail: shared@campus.test\n".to_owned()),
            12 | 13 => ("double".to_owned(), format!("mail: x{number}@campus.test\n")),
            _ => (format!("x{number}"), format!("mail: x{number}@campus.test\n")),
        };
        let _ = write!(
            entries,
            "dn: cn=c{number},{PEOPLE}\nobjectClass: inetOrgPerson\ncn: c{number}\nsn: s\n\
             uid: {uid}\n{mail}\n"
        );
    }
    let directory = Directory::open(&Plan {
        entries: &entries,
        server: "sizelimit unlimited\n",
        ..Plan::default()
    });
    let steps = steps(&trial(directory.address, |_| {}));
    let search = step(&steps, StepName::Search);
    let Some(Detail::Count(count)) = &search.detail else { panic!("{search:#?}") };
    assert_eq!((count.entries, count.complete, count.pages), (10_000, true, 20));
    let map = step(&steps, StepName::Map);
    assert_eq!(map.state, State::Warning);
    assert_eq!(argument(map, Code::BadName, "count"), "2");
    assert!(argument(map, Code::BadName, "names").contains("<svg onload=x>"), "{map:#?}");
    assert_eq!(argument(map, Code::DuplicateUser, "names"), "double");
    assert_eq!(argument(map, Code::DuplicateMail, "names"), "shared@campus.test");
    assert_eq!(argument(map, Code::SomeLack, "count"), "1");
    let Some(Detail::Samples(samples)) = &map.detail else { panic!("{map:#?}") };
    assert_eq!(samples.len(), 20);
    for (user, code) in [
        ("a b", Code::BadName),
        ("x9", Code::SomeLack),
        ("x10", Code::DuplicateMail),
        ("double", Code::DuplicateUser),
    ] {
        let sample = samples.iter().find(|sample| sample.user == user).expect(user);
        assert_eq!(sample.conflicts, [code.key()], "{user}");
    }
}
