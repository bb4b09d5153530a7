//! The directory stopped, hung and slow: those who were here go on, others are told to wait, and
//! nobody gets in who should not.

use std::time::Duration;

use tagus::clock::Clock;

use crate::support::caller::{Answer, Caller};
use crate::support::directory::{Directory, Slow};
use crate::support::server::Server;

/// `timeout` is 2 s in total; the answer must be there half a second later.
const ANSWERED: Duration = Duration::from_millis(2_500);
/// The breaker looks every ten seconds at most.
const BACK: Duration = Duration::from_secs(20);

/// A server on a directory whose passwords it may read, `ana` signed in before anything happens.
struct Campus {
    server: Server,
    ana: Caller,
}

impl Campus {
    fn on(configuration: &str) -> Campus {
        let server = Server::start(configuration);
        let mut ana = Caller::new(server.udp, "ana", "secret-of-ana");
        let answer = ana.register(600);
        assert_eq!(answer.status, 200, "{}", answer.text);
        Campus { server, ana }
    }

    fn somebody(&self, user: &str, password: &str) -> Caller {
        Caller::new(self.server.udp, user, password)
    }

    /// What must hold while the directory gives no answer.
    fn check_the_outage(&mut self) {
        // Who was here signs in again, writes, and is written to.
        let answer = self.ana.register(600);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.took < ANSWERED, "{answer:?}");
        let answer = self.ana.message("ana", "to myself");
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(self.ana.expect_message(), "to myself");
        // Not with another password.
        let answer = self.somebody("ana", "guessed").register(600);
        assert_eq!(answer.status, 401, "{}", answer.text);
        // Who was not here is told to wait, whether there is such a person or not, and whatever
        // the password.
        for (user, password) in [("rui", "secret-of-rui"), ("rui", "wrong"), ("nobody", "any")] {
            unavailable(&self.somebody(user, password).register(600));
            unavailable(&self.somebody(user, password).message("ana", "hello"));
        }
        // A message to a name that nobody here knows. Whoever was on the directory's list is
        // known to be a person, and it is kept for him.
        unavailable(&self.ana.message("newcomer", "are you there?"));
        let answer = self.ana.message("rui", "are you there?");
        if answer.status != 202 {
            unavailable(&answer);
        }
    }

    /// The directory answers again: so does the server, soon.
    fn check_the_return(&mut self) {
        let clock = Clock::system();
        let deadline = clock.now() + BACK;
        loop {
            let answer = self.somebody("rui", "secret-of-rui").register(600);
            if answer.status == 200 {
                break;
            }
            unavailable(&answer);
            assert!(clock.now() < deadline, "{}", self.server.log());
        }
        let answer = self.somebody("rui", "wrong").register(600);
        assert_eq!(answer.status, 401, "{}", answer.text);
        let answer = self.somebody("nobody", "any").register(600);
        assert_eq!(answer.status, 401, "{}", answer.text);
        let answer = self.ana.message("nobody", "are you there?");
        assert_eq!(answer.status, 404, "{}", answer.text);
    }
}

fn unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text);
    let wait: u32 = answer.header("Retry-After").and_then(|v| v.parse().ok()).expect("Retry-After");
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(answer.took < ANSWERED, "{answer:?}");
}

const PEOPLE: [(&str, &str); 2] = [("ana", "secret-of-ana"), ("rui", "secret-of-rui")];

/// RFC 3261 s21.5.4, decisions of the house: cached people keep working, others get 503 in time.
#[test]
fn a_directory_that_is_stopped_costs_nobody_who_was_here_anything() {
    let mut directory = Directory::start(&PEOPLE);
    let mut campus = Campus::on(&directory.readable_configuration(directory.address));
    directory.stop();
    campus.check_the_outage();
    directory.start_again();
    campus.check_the_return();
}

/// A directory that takes connections and says nothing.
#[test]
fn a_directory_that_hangs_is_waited_for_two_seconds_and_no_longer() {
    let directory = Directory::start(&PEOPLE);
    let mut campus = Campus::on(&directory.readable_configuration(directory.address));
    directory.hang();
    campus.check_the_outage();
    directory.go_on();
    campus.check_the_return();
}

/// A directory whose every answer takes longer than anybody waits.
#[test]
fn a_directory_that_is_slow_counts_as_one_that_is_away() {
    let directory = Directory::start(&PEOPLE);
    let slow = Slow::before(directory.address);
    let mut campus = Campus::on(&directory.readable_configuration(slow.address));
    slow.delay(Duration::from_secs(5));
    campus.check_the_outage();
    slow.delay(Duration::ZERO);
    campus.check_the_return();
}

/// A person who is deleted in the directory is out, with the list read once a second.
#[test]
fn a_person_who_leaves_the_directory_loses_the_registration() {
    leaves(&Directory::start(&PEOPLE));
}

/// The same where the directory lets nobody read more than one entry at a time, as slapd does from
/// 500 on.
#[test]
fn a_person_who_leaves_a_directory_with_a_size_limit_loses_the_registration() {
    leaves(&Directory::start_with(&PEOPLE, "sizelimit 1\n"));
}

fn leaves(directory: &Directory) {
    let configuration =
        directory.readable_configuration(directory.address) + "sync_interval = \"1s\"\n";
    let mut campus = Campus::on(&configuration);
    let mut rui = campus.somebody("rui", "secret-of-rui");
    assert_eq!(rui.register(600).status, 200);
    directory.delete("rui");
    let clock = Clock::system();
    let deadline = clock.now() + BACK;
    loop {
        let status = campus.server.run(&["status", "--json"], None).json();
        if status["bindings"] == 1 {
            break;
        }
        assert!(clock.now() < deadline, "{status}\n{}", campus.server.log());
    }
    let answer = rui.register(600);
    assert_eq!(answer.status, 401, "{}", answer.text);
    let answer = campus.ana.message("rui", "are you there?");
    assert_eq!(answer.status, 404, "{}", answer.text);
}
