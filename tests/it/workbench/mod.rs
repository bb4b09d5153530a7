//! The directory workbench over a real slapd: what it finds, what it says when a step fails, and that
//! what it says then helps.

mod people;
mod secure;

use std::net::SocketAddr;

use tagus::clock::Clock;
use tagus::config::{Identity, Ldap};
use tagus::identity::workbench::{
    BindPassword, Code, Detail, Person, State, Step, StepName, Trial, run,
};
use zeroize::Zeroizing;

use crate::support::directory::{ADMIN, ADMIN_PASSWORD, Directory, GROUPS, PEOPLE, Plan};

/// Settings for a directory, with a change.
fn trial(address: SocketAddr, change: impl FnOnce(&mut Ldap)) -> Trial {
    let mut identity = Identity::default();
    identity.ldap.urls = vec![format!("ldap://{address}")];
    identity.ldap.base_dn = PEOPLE.to_owned();
    change(&mut identity.ldap);
    Trial::configured(&identity, "campus.test")
}

fn given(password: &str) -> BindPassword {
    BindPassword::Given(Zeroizing::new(password.to_owned()))
}

fn person(user: &str, password: Option<&str>) -> Option<Person> {
    let password = password.map(|text| Zeroizing::new(text.to_owned()));
    Some(Person { user: user.to_owned(), password })
}

/// The eight steps over the only server.
fn steps(trial: &Trial) -> Vec<Step> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let clock = Clock::system();
    let began = clock.now();
    let report = runtime.expect("a runtime").block_on(run(trial, &clock, &|_| {}));
    assert!(clock.now() - began < trial.limits.total, "{report:#?}");
    let steps = report.servers.into_iter().next().expect("a server").steps;
    assert_eq!(steps.len(), StepName::ALL.len());
    for finding in steps.iter().flat_map(|step| &step.findings) {
        let mut declared = finding.code.arguments().to_vec();
        declared.sort_unstable();
        assert!(finding.arguments.keys().copied().eq(declared), "{finding:?}");
    }
    steps
}

fn step(steps: &[Step], name: StepName) -> &Step {
    steps.iter().find(|step| step.step == name).expect("each step is told")
}

/// That one step failed, by these codes, and the steps after it were not run.
fn assert_fails(trial: &Trial, name: StepName, codes: &[Code]) -> Step {
    let steps = steps(trial);
    let failed: Vec<&Step> = steps.iter().filter(|step| step.state == State::Failed).collect();
    assert!(failed.len() == 1 && failed[0].step == name, "{steps:#?}");
    let found: Vec<Code> = failed[0]
        .findings
        .iter()
        .map(|finding| finding.code)
        .filter(|code| code.state() == State::Failed)
        .collect();
    assert_eq!(found, codes, "{steps:#?}");
    assert!(
        failed[0].findings.iter().all(|f| f.code.state() != State::Failed || f.fix().is_some())
    );
    failed[0].clone()
}

/// Groups with a teacher in each, one within the other.
fn groups() -> String {
    let group = |cn: &str, member: &str| {
        format!("dn: cn={cn},{GROUPS}\nobjectClass: groupOfNames\ncn: {cn}\nmember: {member}\n\n")
    };
    format!(
        "dn: {GROUPS}\nobjectClass: organizationalUnit\nou: groups\n\n{}{}",
        group("teachers", &format!("uid=ana,{PEOPLE}")),
        group("Admins", &format!("cn=teachers,{GROUPS}"))
    )
}

/// With groups and an account that reads them.
fn whole(ldap: &mut Ldap) {
    ldap.bind_dn = ADMIN.to_owned();
    ldap.group_base_dn = GROUPS.to_owned();
    ldap.admin_group = "admins".to_owned();
}

#[test]
fn a_good_directory_passes_and_shows_who_is_in_it() {
    let people = [("ana", "secret-of-ana"), ("rui", "secret-of-rui")];
    let groups = groups();
    let directory = Directory::open(&Plan { people: &people, entries: &groups, ..Plan::default() });
    let mut trial = trial(directory.address, whole);
    trial.password = given(ADMIN_PASSWORD);
    trial.person = person("Ana", Some("secret-of-ana"));
    let steps = steps(&trial);
    let expected = StepName::ALL.map(|name| match name {
        // Not encrypted.
        StepName::Tls => State::Warning,
        _ => State::Ok,
    });
    assert!(steps.iter().map(|step| step.state).eq(expected), "{steps:#?}");
    let Some(Detail::Server(server)) = &step(&steps, StepName::Bind).detail else { panic!() };
    assert_eq!((server.vendor.as_str(), server.paging), ("OpenLDAP", true));
    assert_eq!(server.naming_contexts, ["dc=campus,dc=test"]);
    let Some(Detail::Samples(samples)) = &step(&steps, StepName::Map).detail else { panic!() };
    let ana = samples.iter().find(|sample| sample.user == "ana").expect("ana");
    assert_eq!((ana.address.as_str(), ana.conflicts.len()), ("sip:ana@campus.test", 0));
    assert_eq!((ana.name.as_str(), ana.mail.as_str()), ("ana of campus", "ana@campus.test"));
    let Some(Detail::Groups(list)) = &step(&steps, StepName::Groups).detail else { panic!() };
    let counts: Vec<(&str, usize, usize)> =
        list.groups.iter().map(|g| (g.name.as_str(), g.listed, g.people)).collect();
    assert_eq!(counts, [("Admins", 1, 1), ("teachers", 1, 1)]);
    let Some(Detail::SignIn(ana)) = &step(&steps, StepName::SignIn).detail else { panic!() };
    assert_eq!((ana.accepted, ana.administers), (Some(true), true));
    assert_eq!(ana.dn, format!("uid=ana,{PEOPLE}"));
    let told = format!("{steps:?}{}", serde_json::to_string(&steps).expect("JSON"));
    for secret in [ADMIN_PASSWORD, "secret-of-ana", "SSHA"] {
        assert!(!told.contains(secret), "{secret} was told");
    }
}

#[test]
fn a_service_account_that_is_refused_is_told_why() {
    let directory = Directory::start_with(&[("ana", "x")], "require authc\n");
    let with = |dn: &str, password| {
        let mut trial = trial(directory.address, |ldap| ldap.bind_dn = dn.to_owned());
        trial.password = password;
        trial
    };
    let wrong = assert_fails(&with(ADMIN, given("wrong")), StepName::Bind, &[Code::Credentials]);
    assert_eq!(wrong.answer.expect("an answer").code, 49);
    let dn = assert_fails(&with("admin", given("x")), StepName::Bind, &[Code::BadBindDn]);
    assert_eq!(dn.answer.expect("an answer").name, "invalidDNSyntax");
    assert_fails(&with(ADMIN, given("")), StepName::Bind, &[Code::EmptyPassword]);
    let kept = with(ADMIN, BindPassword::Configured);
    assert_fails(&kept, StepName::Bind, &[Code::PasswordFile]);
    // Nobody may ask here without signing in.
    let nobody = with("", BindPassword::Configured);
    let refused = assert_fails(&nobody, StepName::Search, &[Code::SignInFirst]);
    assert_eq!(refused.answer.expect("an answer").code, 53);
}

/// Security L01 to L15: what is typed as a name is a name, and one that two entries have is nobody's.
#[test]
fn one_person_is_found_or_it_is_said_why_not() {
    let twin =
        format!("dn: cn=twin,{PEOPLE}\nobjectClass: inetOrgPerson\ncn: twin\nsn: t\nuid: rui\n\n");
    let people = [("ana", "secret-of-ana"), ("rui", "secret-of-rui"), ("eva", "x")];
    let directory = Directory::open(&Plan { people: &people, entries: &twin, ..Plan::default() });
    let mut trial = trial(directory.address, |ldap| ldap.disabled_filter = "(uid=eva)".to_owned());
    let mut sign_in = |user: &str, password| {
        trial.person = person(user, password);
        let steps = steps(&trial);
        step(&steps, StepName::SignIn).clone()
    };
    for nobody in ["*", "nobody", "admin)(!(&(1=0", ")", "ana)(uid=*", "\0", ""] {
        let step = sign_in(nobody, Some("secret-of-ana"));
        assert!(step.state == State::Failed && step.found(Code::UnknownPerson), "{step:#?}");
    }
    assert!(sign_in("rui", Some("secret-of-rui")).found(Code::Ambiguous));
    let wrong = sign_in("ana", Some("wrong"));
    assert!(wrong.found(Code::WrongPassword) && wrong.state == State::Failed, "{wrong:#?}");
    assert_eq!(wrong.answer.expect("an answer").code, 49);
    for empty in ["", "secret-of-ana\0x"] {
        assert!(sign_in("ana", Some(empty)).found(Code::NoPassword), "{empty:?}");
    }
    let locked = sign_in("eva", Some("x"));
    assert!(locked.found(Code::PersonLocked) && locked.state == State::Warning, "{locked:#?}");
    let untried = sign_in("ana", None);
    assert!(untried.state == State::Ok && !untried.found(Code::Accepted), "{untried:#?}");
    // RFC 4511 s4.1.10: full-width letters match in the directory, and are another name here.
    assert_eq!(sign_in("ａna", None).state, State::Failed);
}

#[test]
fn groups_that_cannot_be_read_are_told_why_and_stop_nobody() {
    let groups = groups();
    let people = [("ana", "x")];
    let directory = Directory::open(&Plan { people: &people, entries: &groups, ..Plan::default() });
    let with = |change: &dyn Fn(&mut Ldap)| {
        let trial = trial(directory.address, |ldap| {
            whole(ldap);
            ldap.bind_dn.clear();
            change(ldap);
        });
        let steps = steps(&trial);
        step(&steps, StepName::Groups).clone()
    };
    let nowhere = with(&|ldap| ldap.group_base_dn = "ou=nowhere,dc=campus,dc=test".to_owned());
    assert!(nowhere.state == State::Failed && nowhere.found(Code::NoGroupBase), "{nowhere:#?}");
    assert!(with(&|ldap| ldap.group_base_dn = "nowhere".to_owned()).found(Code::BadGroupBase));
    assert!(with(&|ldap| ldap.group_filter = "(cn=*".to_owned()).found(Code::BadFilter));
    let none = with(&|ldap| ldap.group_filter = "(objectClass=device)".to_owned());
    assert!(none.state == State::Warning && none.found(Code::NoGroup), "{none:#?}");
    let admins = with(&|ldap| ldap.admin_group = "ghosts".to_owned());
    assert!(admins.state == State::Warning && admins.found(Code::NoAdminGroup), "{admins:#?}");
    let off = with(&|ldap| ldap.group_base_dn.clear());
    assert!(off.state == State::NotRun && off.found(Code::NoGroups), "{off:#?}");
}
