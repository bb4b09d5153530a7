//! T05, T06, T08, T30: who may send what to whom. Every cell of method, sender and target, signed
//! and not, over every way in; what a cell does not allow reaches nobody.

use std::net::UdpSocket;

use crate::phone::Phone;
use crate::raw::{Answer, Draft, PATIENCE};
use crate::site::{Nonce, PASSWORD, Site, person};
use crate::support::server::DOMAIN;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// Nothing at all.
    Silence,
    /// 401 for what ends here, 407 for what is passed on.
    Challenge(u16),
    /// This status.
    Answer(u16),
    /// It reaches the person, whose answer comes back.
    Passed,
}
use Cell::{Challenge, Passed, Silence};

const fn no(status: u16) -> Cell {
    Cell::Answer(status)
}

/// One method: what somebody who signs in and writes as himself gets.
struct Row {
    method: &'static str,
    /// The challenge of those who do not sign in.
    asks: u16,
    to_server: Cell,
    to_person: Cell,
    to_nobody: Cell,
    elsewhere: Cell,
    /// Whether only the target decides, whoever asks: what the server says about itself.
    open_server: bool,
    /// The same for all targets.
    open: bool,
}

const fn row(
    method: &'static str,
    to_server: Cell,
    to_person: Cell,
    to_nobody: Cell,
    elsewhere: Cell,
) -> Row {
    let (asks, open_server, open) = (407, true, false);
    Row { method, asks, to_server, to_person, to_nobody, elsewhere, open_server, open }
}

const TABLE: [Row; 16] = [
    // Whom a REGISTER is for is told by its To (RFC 3261 s10.2); a user in the Request-URI should
    // not be there, and means nothing.
    Row { asks: 401, open_server: false, ..row("REGISTER", no(200), no(200), no(200), no(403)) },
    row("OPTIONS", no(200), Passed, no(404), no(403)),
    row("MESSAGE", no(405), Passed, no(404), no(403)),
    row("INVITE", no(405), Passed, no(404), no(403)),
    // Neither can be answered with a challenge (RFC 3261 s22.1): an ACK that belongs to nothing is
    // dropped, a CANCEL of nothing is 481 (s9.2).
    Row { open: true, ..row("ACK", Silence, Silence, Silence, Silence) },
    Row { open: true, ..row("CANCEL", no(481), no(481), no(481), no(481)) },
    row("BYE", no(481), Passed, no(404), no(403)),
    row("INFO", no(481), Passed, no(404), no(403)),
    row("PRACK", no(481), Passed, no(404), no(403)),
    row("UPDATE", no(481), Passed, no(404), no(403)),
    row("REFER", no(405), Passed, no(404), no(403)),
    row("NOTIFY", no(481), Passed, no(404), no(403)),
    // RFC 6665 s7.2.1, RFC 3903 s6: no event is named.
    Row { asks: 401, open_server: false, ..row("SUBSCRIBE", no(489), no(489), no(489), no(403)) },
    Row { asks: 401, ..row("PUBLISH", no(405), no(489), no(489), no(403)) },
    // Methods are case-sensitive (RFC 3261 s7.1): this is another unknown one.
    row("register", no(405), Passed, no(404), no(403)),
    row("UNHEARD-OF", no(405), Passed, no(404), no(403)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Server,
    Person,
    Nobody,
    Elsewhere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// The one who signs in.
    Own,
    /// Another person of ours.
    Other,
    Foreign,
}

impl Row {
    /// Everything but one's own requests is refused: this is the default that the table is of.
    fn cell(&self, from: From, target: Target, signed: bool) -> Cell {
        let own = match target {
            Target::Server => self.to_server,
            Target::Person => self.to_person,
            Target::Nobody => self.to_nobody,
            Target::Elsewhere => self.elsewhere,
        };
        if self.open || self.open_server && target == Target::Server {
            return own;
        }
        match (from, signed) {
            (From::Own, true) => own,
            (From::Own | From::Other, false) => Challenge(self.asks),
            (From::Other, true) | (From::Foreign, _) => no(403),
        }
    }
}

/// The final answer to a request that was sent; `None` if a ping that was sent behind it is answered
/// first.
fn answer(phone: &Phone, draft: &Draft) -> Option<Answer> {
    let mut answers = phone.until_ping();
    answers.retain(|answer| answer.status >= 200 && answer.text.contains(draft.branch()));
    answers.pop()
}

/// Waits for the 200 of the person whom the request reached.
fn taken(phone: &Phone, draft: &Draft) {
    let text = loop {
        let text = phone.next(PATIENCE).expect("an answer");
        if !text.starts_with("SIP/2.0 1") {
            break text;
        }
    };
    assert!(text.starts_with("SIP/2.0 200 ") && text.contains(draft.branch()), "{text}");
}

fn draft(row: &Row, from: From, target: Target, outside: &str) -> Draft {
    let uri = match target {
        Target::Server => format!("sip:{DOMAIN}"),
        Target::Person => person("bob"),
        Target::Nobody => person("nobody-here"),
        Target::Elsewhere => outside.to_owned(),
    };
    let sender = match from {
        From::Own => person("alice"),
        From::Other => person("bob"),
        From::Foreign => "sip:alice@other.example".to_owned(),
    };
    let to = if row.method == "REGISTER" { sender.clone() } else { uri.clone() };
    Draft::new(row.method, &uri, "alice", &to)
        .replacing(format!("From: <{sender}>;tag=of-the-table"))
}

/// Plays one row by one phone; gives the cells that turned out otherwise.
fn play(site: &Site, row: &Row, phone: &Phone, bob: &Phone, outside: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for target in [Target::Server, Target::Person, Target::Nobody, Target::Elsewhere] {
        for from in [From::Own, From::Other, From::Foreign] {
            for signed in [false, true] {
                let expected = row.cell(from, target, signed);
                let mut draft = draft(row, from, target, outside);
                if signed && !row.open {
                    let nonce = site.challenge(row.method, &person("bob"), "alice");
                    let line = nonce.answer(row.method, &draft.uri, "alice", PASSWORD, 1);
                    draft = draft.anew().with(line);
                }
                phone.send(&draft.bytes());
                let got = if expected == Passed {
                    let came = bob.serve(row.method, "200 Taken", "");
                    // The credentials were ours to see, and nobody else's (RFC 3261 s22.3).
                    assert!(!came.contains("Digest"), "{came}");
                    taken(phone, &draft);
                    Passed
                } else {
                    let answer = answer(phone, &draft);
                    match answer.as_ref().map(|answer| answer.status) {
                        None => Silence,
                        Some(status @ (401 | 407)) => {
                            Nonce::from(answer.as_ref().expect("an answer"));
                            Challenge(status)
                        }
                        Some(status) => no(status),
                    }
                };
                let reached = bob.until_ping();
                if got != expected || !reached.is_empty() {
                    wrong.push(format!(
                        "{} from {from:?} to {target:?}, signed: {signed}: {got:?}, not \
                         {expected:?}; the person got {reached:?}",
                        row.method
                    ));
                }
            }
        }
    }
    wrong
}

fn every_cell(open: impl Fn(&Site) -> Phone) {
    let site = Site::new(
        "[limits]\nsource_rate = 100000\nsource_burst = 100000\nmessage_rate = 100000\n\
         message_burst = 100000\n",
    );
    let bob = site.phone("bob");
    let outside = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let there = outside.local_addr().expect("an address");
    let mut wrong = Vec::new();
    for row in &TABLE {
        for outside in [format!("sip:x@{there}"), "sip:x@other.example".to_owned()] {
            wrong.append(&mut play(&site, row, &open(&site), &bob, &outside));
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
    outside.set_nonblocking(true).expect("an option");
    assert!(outside.recv(&mut [0; 9]).is_err(), "a packet went out");
    site.assert_calm(1);
}

#[test]
fn every_cell_of_the_default_deny_table_holds_over_udp() {
    every_cell(|site| Phone::new(site.server.udp));
}

#[test]
fn every_cell_of_the_default_deny_table_holds_over_tcp() {
    every_cell(|site| Phone::on(&site.doors()[0]));
}

#[test]
fn every_cell_of_the_default_deny_table_holds_over_tls() {
    every_cell(|site| Phone::on(&site.doors()[1]));
}

#[test]
fn every_cell_of_the_default_deny_table_holds_over_websocket() {
    every_cell(|site| Phone::on(&site.websockets()[0]));
}

#[test]
fn every_cell_of_the_default_deny_table_holds_over_websocket_and_tls() {
    every_cell(|site| Phone::on(&site.websockets()[1]));
}
