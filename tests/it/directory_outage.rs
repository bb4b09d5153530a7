//! The directory stopped, hung and slow: those who were here go on, others are told to wait, and
//! nobody gets in who should not.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tagus::clock::Clock;
use tagus::http_digest::{Answer as Login, Challenge};

use crate::support::caller::{Answer, Caller, header};
use crate::support::directory::{Directory, Slow};
use crate::support::server::{DOMAIN, Server};

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

/// RFC 3261 s18.4, RFC 5626 s7: a REGISTER that waits for the directory while its connection
/// closes leaves no contact on a connection that is not there.
#[test]
fn a_register_that_outlives_its_connection_registers_nothing() {
    let directory = Directory::start(&PEOPLE);
    let slow = Slow::before(directory.address);
    let campus = Campus::on(&directory.readable_configuration(slow.address));
    slow.delay(Duration::from_millis(1_500));
    let mut stream = TcpStream::connect(campus.server.tcp).expect("a connection");
    let uri = format!("sip:{DOMAIN}");
    let request = |cseq: u32, more: &str| {
        format!(
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/TCP rui.invalid;branch=z9hG4bK{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:rui@{DOMAIN}>;tag=a\r\nTo: <sip:rui@{DOMAIN}>\r\n\
             Call-ID: closes\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:rui@rui.invalid>\r\n\
             {more}Content-Length: 0\r\n\r\n"
        )
    };
    stream.write_all(request(1, "").as_bytes()).expect("written");
    let mut came = String::new();
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    while !came.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut came).expect("a line"), 0, "{came}");
    }
    let challenge = header(&came, "WWW-Authenticate").expect("a challenge");
    let challenge = Challenge::parse(challenge.as_bytes()).expect("a readable challenge");
    let ha1 = challenge.ha1("rui", "secret-of-rui");
    let login =
        Login { user: "rui", ha1: &ha1, method: "REGISTER", uri: &uri, count: 1, cnonce: "c" };
    let mut value = b"Authorization: ".to_vec();
    login.write(&challenge, &mut value);
    let line = String::from_utf8(value).expect("text") + "\r\n";
    stream.write_all(request(2, &line).as_bytes()).expect("written");
    drop((stream, reader));
    let status = || campus.server.run(&["status", "--json"], None).json();
    while status()["connections"] != 0 {}
    slow.delay(Duration::ZERO);
    // Waits for the same answer of the directory.
    assert_eq!(campus.somebody("rui", "secret-of-rui").register(600).status, 200);
    assert_eq!(status()["bindings"], 2, "ana's, and rui's that was answered");
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
