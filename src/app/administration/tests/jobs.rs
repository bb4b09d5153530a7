//! Long work: what it does, what it tells, who may end it.

use super::*;
use crate::accounts::ActorKind;
use crate::app::administration::sending::Sending;
use crate::model::Role;
use crate::operations::{
    ApplicationTerms, Cause, ConsoleRequest, JobKind, JobRequest, JobState, JobView, NoticeRequest,
    PeopleDeed, PersonState, Whom,
};

/// A server of which everything is asked at one place.
struct Office {
    house: House,
    live: Arc<Noting>,
    administration: Administration,
}

impl Office {
    fn new() -> Office {
        let live = Arc::new(Noting::default());
        let house = House::new(Some(Arc::clone(&live)));
        let site = Arc::clone(&house.site);
        let administration = Administration::new(site, Some(Arc::clone(&live) as Arc<dyn Live>));
        Office { house, live, administration }
    }

    fn ask(&self, request: Request) -> Result<Reply, Failure> {
        self.ask_as(&Actor::socket(), request)
    }

    fn ask_as(&self, actor: &Actor, request: Request) -> Result<Reply, Failure> {
        self.house.runtime.block_on(self.administration.perform(actor, request))
    }

    fn job(&self, request: JobRequest) -> Result<JobView, Failure> {
        match self.ask(Request::Jobs(request))? {
            Reply::Job(job) => Ok(*job),
            other => panic!("{other:?}"),
        }
    }

    /// The job at its end.
    fn ended(&self, job: &JobView) -> JobView {
        loop {
            let job = self.job(JobRequest::Show { job: job.id.clone() }).unwrap();
            if job.state != JobState::Running {
                return job;
            }
            std::thread::yield_now();
        }
    }

    fn result(&self, job: &JobView) -> String {
        let (mut whole, mut after) = (String::new(), None);
        loop {
            let request = JobRequest::Result { job: job.id.clone(), after };
            let Ok(Reply::Exported { csv, next }) = self.ask(Request::Jobs(request)) else {
                panic!("no result")
            };
            whole += &csv;
            after = next;
            if after.is_none() {
                return whole;
            }
        }
    }

    fn try_import(&self, csv: &str, existing: Existing) -> JobView {
        let csv = Secret::new(csv.to_owned());
        let request = JobRequest::Import { csv, file: "f.csv".to_owned(), existing, dry_run: true };
        self.ended(&self.job(request).unwrap())
    }
}

#[test]
fn an_import_is_tried_then_done_and_what_failed_can_be_mended_and_imported() {
    let office = Office::new();
    let csv = "user,name,password\nana,Ana,one two three\na b,=x,secret\nrui,Rui,\nana,Twice,\n";
    let tried = office.try_import(csv, Existing::Skip);
    assert_eq!((tried.kind, tried.state), (JobKind::ImportTrial, JobState::Done));
    assert_eq!((tried.report.added, tried.report.failed), (2, 2), "{tried:?}");
    assert_eq!((tried.done, tried.total), (4, 4));
    assert!(tried.can_go_on && tried.has_result);
    assert!(office.house.site.accounts.show("ana").is_err(), "nothing is changed yet");

    let go_on =
        JobRequest::ImportTried { job: tried.id.clone(), existing: Existing::Skip, dry_run: false };
    let done = office.ended(&office.job(go_on.clone()).unwrap());
    assert_eq!((done.kind, done.report.added, done.report.failed), (JobKind::Import, 2, 2));
    assert_eq!(done.by, "local");
    assert!(!done.can_go_on);
    assert!(office.house.site.accounts.show("ana").unwrap().sealed_password.is_some());
    // What was brought is gone with it.
    assert_eq!(office.ask(Request::Jobs(go_on)).unwrap_err().exit, Exit::NotFound);

    let failed = office.result(&done);
    let lines: Vec<&str> = failed.lines().collect();
    assert_eq!(lines.len(), 3, "{failed}");
    assert_eq!(lines[0], "line,reason,user,name");
    assert!(lines[1].starts_with("3,") && lines[1].ends_with(",a b,'=x"), "{failed}");
    assert!(!failed.contains("secret"), "{failed}");
    let mended = failed.replace("a b", "ab").replace("ana,Twice", "eva,Twice");
    let again = office.try_import(&mended, Existing::Fail);
    assert_eq!((again.report.added, again.report.failed), (2, 0), "{again:?}");
    assert!(!again.has_result);
}

#[test]
fn a_table_without_a_user_breaks_off_with_a_reason() {
    let office = Office::new();
    let tried = office.try_import("name\nAna\n", Existing::Skip);
    assert_eq!(tried.state, JobState::Failed);
    assert!(tried.error.is_some_and(|error| error.contains("no user")));
    assert!(!tried.can_go_on);
}

#[test]
fn the_same_deed_for_many_people_is_a_job_that_tells_what_failed() {
    let office = Office::new();
    for name in ["ana", "eva", "rui"] {
        office.house.add(name);
    }
    let named = |names: &[&str]| Whom::Named(names.iter().map(|n| (*n).to_owned()).collect());
    let whom = named(&["ana", "nobody", "rui"]);
    let job = office.job(JobRequest::People { deed: PeopleDeed::Disable, whom }).unwrap();
    let done = office.ended(&job);
    assert_eq!((done.report.changed, done.report.failed, done.total), (2, 1, 3), "{done:?}");
    assert!(office.result(&done).contains("\nnobody,"));
    assert_eq!(*office.live.0.lock().unwrap(), ["departed ana", "departed rui"]);

    let query = PeopleQuery { state: Some(PersonState::Disabled), ..PeopleQuery::default() };
    let matching = |count| Whom::Matching { query: query.clone(), count };
    // Somebody else came or went since the list was looked at.
    let stale = JobRequest::People { deed: PeopleDeed::Delete, whom: matching(3) };
    let refusal = office.job(stale).unwrap_err();
    assert_eq!((refusal.exit, refusal.cause), (Exit::Refused, Some(Cause::Count(2))));
    let job = office.job(JobRequest::People { deed: PeopleDeed::Delete, whom: matching(2) });
    let done = office.ended(&job.unwrap());
    assert_eq!((done.report.removed, done.report.failed), (2, 0));
    assert!(office.house.site.accounts.show("ana").is_err());
    assert!(office.house.site.accounts.show("eva").is_ok());
    let trail = office.house.site.accounts.trail(1, 100).unwrap();
    let deleted = trail.iter().filter(|entry| entry.action == "user.delete").count();
    assert_eq!(deleted, 2);
    let Ok(Reply::Jobs(jobs)) = office.ask(Request::Jobs(JobRequest::List)) else { panic!() };
    assert_eq!(jobs.len(), 2);
    assert_eq!(jobs[0].id, done.id, "the newest first");
}

#[test]
fn a_job_is_ended_by_whoever_began_it_or_an_administrator() {
    let office = Office::new();
    let actor = |name: &str, role| Actor {
        name: name.to_owned(),
        source: "192.0.2.1".to_owned(),
        role,
        kind: ActorKind::Console,
    };
    let people: Vec<String> = (0..2_000).map(|n| format!("u{n}")).collect();
    let request = JobRequest::People { deed: PeopleDeed::Enable, whom: Whom::Named(people) };
    let ana = actor("ana", Role::Helpdesk);
    let Ok(Reply::Job(job)) = office.ask_as(&ana, Request::Jobs(request)) else { panic!() };
    let cancel = || Request::Jobs(JobRequest::Cancel { job: job.id.clone() });
    for (who, role) in [("rui", Role::Helpdesk), ("ana", Role::ReadOnly)] {
        let refusal = office.ask_as(&actor(who, role), cancel()).unwrap_err();
        assert_eq!(refusal.exit, Exit::Refused, "{who}");
    }
    office.ask_as(&ana, cancel()).unwrap();
    let ended = office.ended(&job);
    assert!([JobState::Cancelled, JobState::Done].contains(&ended.state), "{ended:?}");
    assert_eq!(ended.done == ended.total, ended.state == JobState::Done, "{ended:?}");
    office.ask_as(&actor("eva", Role::Admin), cancel()).unwrap();
    let none = Request::Jobs(JobRequest::Show { job: "x".to_owned() });
    assert_eq!(office.ask(none).unwrap_err().exit, Exit::NotFound);
}

/// W21, W33: a job goes as far as the right of whoever began it.
#[test]
fn a_job_ends_with_the_right_of_whoever_began_it() {
    let office = Office::new();
    for name in ["ana", "eva"] {
        office.house.add(name);
    }
    let password = || Secret::new("four words that nobody else has".to_owned());
    let console = |request| office.ask(Request::Console(request)).unwrap();
    let helper =
        ConsoleRequest::Add { name: "hugo".to_owned(), role: Role::Helpdesk, password: password() };
    console(helper);
    let hugo = Actor {
        name: "hugo".to_owned(),
        source: "192.0.2.1".to_owned(),
        role: Role::Helpdesk,
        kind: ActorKind::Console,
    };
    let disable = |user: &str| {
        let whom = Whom::Named(vec![user.to_owned()]);
        let request = JobRequest::People { deed: PeopleDeed::Disable, whom };
        match office.ask_as(&hugo, Request::Jobs(request)) {
            Ok(Reply::Job(job)) => office.ended(&job),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(disable("ana").state, JobState::Done);
    // As he stood when he asked; meanwhile somebody has lowered, locked or removed him.
    let name = || "hugo".to_owned();
    for change in [
        ConsoleRequest::SetRole { name: name(), role: Role::ReadOnly },
        ConsoleRequest::Lock { name: name(), locked: true },
        ConsoleRequest::Delete { name: name() },
    ] {
        console(change.clone());
        let ended = disable("eva");
        assert_eq!((ended.state, ended.report.changed), (JobState::Cancelled, 0), "{change:?}");
    }
    assert!(!office.house.site.accounts.show("eva").unwrap().disabled);
}

#[test]
fn a_notice_to_a_group_ends_with_its_application() {
    let office = Office::new();
    let people = ["ana", "eva"].map(UserName::canonical);
    for user in &people {
        office.house.add(user);
    }
    let terms = ApplicationTerms {
        name: "mail".to_owned(),
        title: "Mail".to_owned(),
        per_minute: 9,
        per_person: 9,
    };
    office.ask(Request::Notice(NoticeRequest::AddApplication(terms))).unwrap();
    let of = office.house.site.accounts.application("mail").unwrap().unwrap();
    let notices = &office.administration.notices;
    let send = || {
        let report = notices.begin("mail", 2).unwrap();
        let id = report.id;
        let sending = Sending {
            site: Arc::clone(&office.house.site),
            live: Arc::clone(&office.live) as Arc<dyn Live>,
            notices: Arc::clone(notices),
            of: of.clone(),
            text: "x".to_owned(),
            expires_at: office.house.site.clock.wall() + Duration::from_secs(60),
        };
        office.house.runtime.block_on(sending.work(people.to_vec(), report));
        notices.reports().find(id).unwrap()
    };
    let report = send();
    assert_eq!((report.done, report.counts.held, report.counts.failed), (true, 2, 0));
    let remove = NoticeRequest::RemoveApplication { name: "mail".to_owned() };
    office.ask(Request::Notice(remove)).unwrap();
    let report = send();
    assert_eq!((report.done, report.counts.held, report.counts.failed), (true, 0, 2));
    let told = office.live.0.lock().unwrap();
    assert_eq!(told.iter().filter(|line| line.starts_with("notice ")).count(), 2, "{told:?}");
}

#[test]
fn without_a_server_there_are_no_jobs() {
    let house = House::new(None);
    let whom = Whom::Named(vec!["ana".to_owned()]);
    let request = Request::Jobs(JobRequest::People { deed: PeopleDeed::Disable, whom });
    assert_eq!(house.exit(request), Exit::Unreachable);
}

#[test]
fn what_is_known_of_an_account_is_changed_and_written_down() {
    let office = Office::new();
    office.house.add("ana");
    let edit = |name: Option<&str>, groups: Option<&[&str]>| Request::UserEdit {
        user: "ana".to_owned(),
        name: name.map(str::to_owned),
        mail: None,
        number: None,
        groups: groups.map(|all| all.iter().map(|group| (*group).to_owned()).collect()),
    };
    office.ask(edit(Some("Ana \u{202e}Gonçalves"), Some(&["staff"]))).unwrap();
    let account = office.house.site.accounts.show("ana").unwrap();
    assert_eq!(account.display_name, "Ana Gonçalves");
    assert_eq!(account.groups, ["staff"]);
    let trail = office.house.site.accounts.trail(1, 100).unwrap();
    let line = trail.last().unwrap();
    assert_eq!((line.action.as_str(), line.subject.as_str()), ("user.edit", "ana"));
    assert_eq!(line.detail, "name: \"Somebody\" to \"Ana Gonçalves\", groups: \"\" to \"staff\"");
    // Nothing different, nothing written.
    office.ask(edit(Some("Ana Gonçalves"), None)).unwrap();
    assert_eq!(office.house.site.accounts.trail(1, 100).unwrap().len(), trail.len());
    let refusal = office.ask(edit(Some(&"x".repeat(600)), None)).unwrap_err();
    assert_eq!(refusal.cause, Some(Cause::TooLong("name".to_owned())));
    let Ok(Reply::Groups(groups)) = office.ask(Request::GroupList) else { panic!() };
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0].name.as_str(), groups[0].here), ("staff", 1));
}
