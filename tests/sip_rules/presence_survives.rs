//! Presence through power cuts: a thousand subscriptions, people who publish as fast as they are
//! answered, and SIGKILL at random points.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tagus::clock::{Clock, Tick};
use tagus::entropy;
use tagus::http_digest::Challenge;

use crate::peer::{Draft, Got, Peer};
use crate::presence::{OPEN, number, publish, rule, subscribe, text, watch, within};
use crate::server::{DOMAIN, Server};
use crate::{PASSWORD, campus_with};

const PEOPLE: usize = 50;
/// Whom each of them watches: those who stand behind him.
const WATCHED_BY_EACH: usize = 20;
const ROUNDS: usize = 3;
/// PUBLISHes without an answer at once.
const WINDOW: usize = 8;
/// A request without an answer is sent again after this.
const T1: Duration = Duration::from_millis(500);
/// Until a power cut, at most, but for the write that is waited for.
const LONGEST_STORM: Duration = Duration::from_secs(2);
/// Nobody else has ports here.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 15, 0, 42));
/// Every kept subscription has been told after a restart (half a minute), on a busy machine.
const RETURN: Duration = Duration::from_secs(60);

const ROOM: &str = "[limits]\nsource_rate = 1000000\nsource_burst = 1000000\n\
    message_rate = 1000000\nmessage_burst = 1000000\n";

/// One subscription, and what it was told.
struct Watch {
    who: usize,
    event: &'static str,
    whom: usize,
    last: Draft,
    answer: Option<Got>,
    /// The CSeq of the last NOTIFY and its branch.
    cseq: u32,
    branch: String,
    /// The last version of watcher information.
    version: Option<u64>,
    note: u64,
    /// NOTIFYs since the server started.
    told: u32,
}

/// Somebody who publishes.
#[derive(Default)]
struct Publisher {
    etag: Option<String>,
    /// The notes that were sent, each with the time of its 200.
    notes: Vec<(u64, Option<Tick>)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Watch(usize),
    Publish(usize, u64),
}

struct Open {
    purpose: Purpose,
    draft: Draft,
    sent: Tick,
}

struct Campus {
    server: Server,
    /// All people behind one socket; each request has its own Call-ID.
    peer: Peer,
    clock: Clock,
    watches: Vec<Watch>,
    /// By Call-ID.
    dialogs: HashMap<String, usize>,
    publishers: Vec<Publisher>,
    open: HashMap<String, Open>,
    challenge: Option<Challenge>,
    /// How often that challenge was answered.
    count: u32,
    notes: u64,
}

fn name(person: usize) -> String {
    format!("p{person:02}")
}

fn document(person: usize, note: u64) -> String {
    format!(
        "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
         entity=\"sip:{}@{DOMAIN}\"><tuple id=\"t\"><status><basic>open</basic></status>\
         <note>{note}</note></tuple></presence>",
        name(person)
    )
}

/// The number between two texts.
fn between(text: &str, before: &str, behind: &str) -> Option<u64> {
    text.split_once(before)?.1.split_once(behind)?.0.parse().ok()
}

impl Campus {
    fn new() -> Campus {
        let server = Server::start_at(&[], ADDRESS, "localhost", &format!("{OPEN}{ROOM}"));
        for person in 0..PEOPLE {
            server.add_user(&name(person), PASSWORD);
        }
        let peer = Peer::udp(&server, &name(0));
        server.keep_ports();
        Campus {
            server,
            peer,
            clock: Clock::system(),
            watches: Vec::new(),
            dialogs: HashMap::new(),
            publishers: (0..PEOPLE).map(|_| Publisher::default()).collect(),
            open: HashMap::new(),
            challenge: None,
            count: 0,
            notes: 0,
        }
    }

    fn play(&mut self, person: usize) {
        self.peer.user = name(person);
    }

    /// Sends a request of a person, signed if there has been a challenge.
    fn ask(&mut self, person: usize, purpose: Purpose, draft: Draft) {
        self.play(person);
        let mut signed = draft.clone();
        if let Some(challenge) = &self.challenge {
            self.count += 1;
            let credentials = self.peer.credentials(&draft, challenge, PASSWORD, self.count);
            signed = signed.with(&format!("Authorization: {credentials}"));
        }
        self.peer.send(&signed.bytes());
        let open = Open { purpose, draft, sent: self.clock.now() };
        self.open.insert(signed.call_id, open);
    }

    fn person_of(&self, purpose: Purpose) -> usize {
        match purpose {
            Purpose::Watch(watch) => self.watches[watch].who,
            Purpose::Publish(person, _) => person,
        }
    }

    fn watch(&mut self, who: usize, whom: usize, event: &'static str) {
        self.play(who);
        let draft = subscribe(&self.peer, &name(whom), event, 3_600);
        let index = self.watches.len();
        self.dialogs.insert(draft.call_id.clone(), index);
        self.watches.push(Watch {
            who,
            event,
            whom,
            last: draft.clone(),
            answer: None,
            cseq: 0,
            branch: String::new(),
            version: None,
            note: 0,
            told: 0,
        });
        self.ask(who, Purpose::Watch(index), draft);
    }

    /// A SUBSCRIBE within the dialog.
    fn refresh(&mut self, index: usize) {
        let who = self.watches[index].who;
        self.play(who);
        let watch = &mut self.watches[index];
        let answer = watch.answer.as_ref().expect("a dialog");
        let draft = within(&self.peer, &watch.last, answer, watch.event, 3_600);
        watch.last = draft.clone();
        self.ask(who, Purpose::Watch(index), draft);
    }

    fn publish(&mut self, person: usize) {
        self.notes += 1;
        let note = self.notes;
        self.publishers[person].notes.push((note, None));
        self.publish_note(person, note);
    }

    fn publish_note(&mut self, person: usize, note: u64) {
        self.play(person);
        let mut draft = self
            .peer
            .to("PUBLISH", &name(person))
            .with("Event: presence")
            .body("application/pidf+xml", document(person, note).as_bytes());
        if let Some(etag) = &self.publishers[person].etag {
            draft = draft.with(&format!("SIP-If-Match: {etag}"));
        }
        self.ask(person, Purpose::Publish(person, note), draft);
    }

    fn is_publishing(&self, person: usize) -> bool {
        self.open
            .values()
            .any(|open| matches!(open.purpose, Purpose::Publish(who, _) if who == person))
    }

    /// Takes what comes next, or sends again what has waited for an answer.
    fn step(&mut self) {
        if let Some(got) = self.peer.next_within(T1) {
            self.take(&got);
        }
        let now = self.clock.now();
        let late: Vec<String> = self
            .open
            .iter()
            .filter(|(_, open)| now.since(open.sent) >= T1)
            .map(|(call_id, _)| call_id.clone())
            .collect();
        for call_id in late {
            let open = self.open.remove(&call_id).expect("an open request");
            // Not the same bytes: the count of a nonce rises. The server sees a new transaction.
            let person = self.person_of(open.purpose);
            self.again(person, open);
        }
    }

    fn take(&mut self, got: &Got) {
        match got.status() {
            0 => self.told(got),
            100 => {}
            _ => self.answered(got),
        }
    }

    fn again(&mut self, person: usize, open: Open) {
        let draft = open.draft.again();
        if let Purpose::Watch(index) = open.purpose {
            self.watches[index].last = draft.clone();
        }
        self.ask(person, open.purpose, draft);
    }

    fn answered(&mut self, got: &Got) {
        let call_id = got.one("Call-ID");
        let Some(open) = self.open.get(&call_id) else { return };
        if got.one("CSeq") != format!("{} {}", open.draft.cseq, open.draft.method) {
            return;
        }
        let open = self.open.remove(&call_id).expect("an open request");
        let person = self.person_of(open.purpose);
        match (got.status(), open.purpose) {
            (401, _) => {
                let field = got.all("WWW-Authenticate");
                let field = field.first().expect("a challenge");
                self.challenge = Challenge::parse(field.as_bytes()).ok();
                self.count = 0;
                self.again(person, open);
            }
            (200, Purpose::Watch(index)) => {
                self.watches[index].answer.get_or_insert_with(|| got.clone());
            }
            (200, Purpose::Publish(person, note)) => {
                let publisher = &mut self.publishers[person];
                publisher.etag = Some(got.one("SIP-ETag"));
                let now = self.clock.now();
                let sent = publisher.notes.iter_mut().find(|(sent, _)| *sent == note);
                sent.expect("a note that was sent").1 = Some(now);
            }
            // RFC 3903 s4.3: as if for the first time.
            (412, Purpose::Publish(person, note)) => {
                self.publishers[person].etag = None;
                self.publish_note(person, note);
            }
            (status, _) => panic!("{status}:\n{}\nto\n{:?}", got.text(), open.draft),
        }
    }

    fn told(&mut self, notify: &Got) {
        self.peer.respond(notify, 200, "");
        let index = self.dialogs[&notify.one("Call-ID")];
        let watch = &mut self.watches[index];
        let (cseq, branch) = (number(notify), notify.branch());
        if cseq == watch.cseq && branch == watch.branch {
            return;
        }
        assert!(cseq > watch.cseq, "CSeq {} before\n{}", watch.cseq, notify.text());
        let state = notify.one("Subscription-State");
        assert!(state.starts_with("active"), "{}", notify.text());
        let body = String::from_utf8(notify.body()).expect("text");
        if watch.event == "presence.winfo" {
            let (_, head) = body.split_once("<watcherinfo").expect("watcher information");
            let version = between(head, "version=\"", "\"").expect("a version");
            let last = watch.version;
            assert!(last.is_none_or(|last| version > last), "version {last:?} before\n{body}");
            assert!(watch.told > 0 || body.contains("state=\"full\""), "{body}");
            watch.version = Some(version);
        } else if let Some(note) = between(&body, "<note>", "</note>") {
            // The order of the numbers is the order of the states.
            assert!(watch.told == 0 || note >= watch.note, "note {} before\n{body}", watch.note);
            watch.note = note;
        }
        (watch.cseq, watch.branch) = (cseq, branch);
        watch.told += 1;
    }

    /// Goes on until this holds.
    fn until(&mut self, what: &str, patience: Duration, holds: impl Fn(&Campus) -> bool) {
        let deadline = self.clock.now() + patience;
        while !holds(self) {
            if self.clock.now() > deadline {
                let untold = self.watches.iter().filter(|watch| watch.told == 0).count();
                panic!("{what}: {untold} untold, {} open\n{}", self.open.len(), self.server.log());
            }
            self.step();
        }
    }

    /// Whether every watcher knows what each publisher said last.
    fn all_know_the_last(&self) -> bool {
        let last = |whom: usize| self.publishers[whom].notes.last().map_or(0, |(note, _)| *note);
        let mut watches = self.watches.iter().filter(|watch| watch.event == "presence");
        watches.all(|watch| watch.note == last(watch.whom))
    }

    /// Everybody publishes and watches.
    fn set_up(&mut self) {
        for person in 0..PEOPLE {
            self.publish(person);
            self.until("publishing", T1 * 20, |campus| campus.open.is_empty());
        }
        for who in 0..PEOPLE {
            self.watch(who, who, "presence.winfo");
            for place in 1..=WATCHED_BY_EACH {
                self.watch(who, (who + place) % PEOPLE, "presence");
            }
            self.until("watching", T1 * 20, |campus| campus.open.is_empty());
        }
        self.until("the first NOTIFYs", T1 * 20, |campus| {
            campus.all_know_the_last() && campus.watches.iter().all(|watch| watch.told > 0)
        });
        self.sync();
    }

    /// Waits until all that was answered is on the disk (decision 19: what is written later stays in
    /// order), and gives the time before which it was.
    fn sync(&mut self) -> Tick {
        let now = self.clock.now();
        self.server.add_user(&format!("someone-{}", self.notes), PASSWORD);
        now
    }

    /// Nothing that stood is missing.
    fn check_counts(&mut self) {
        let status = self.server.run(&["status", "--json"], None).json();
        let log = self.server.log();
        assert_eq!(status["subscriptions"], PEOPLE * (WATCHED_BY_EACH + 1), "{status}\n{log}");
        assert_eq!(status["publications"], PEOPLE, "{status}\n{log}");
    }

    /// People publish as fast as they are answered, until the power is cut; gives the time before which
    /// all is kept.
    fn storm(&mut self) -> Tick {
        let began = self.clock.now();
        let some = |of: Duration| Duration::from_millis(entropy::below(of.as_millis() as u64));
        let length = some(LONGEST_STORM);
        let synced = some(length.max(Duration::from_millis(1)));
        let mut kept = None;
        while self.clock.now().since(began) < length {
            if kept.is_none() && self.clock.now().since(began) >= synced {
                kept = Some(self.sync());
            }
            while self.open.len() < WINDOW {
                let person = entropy::below(PEOPLE as u64) as usize;
                if self.is_publishing(person) {
                    break;
                }
                self.publish(person);
            }
            self.step();
        }
        kept.unwrap_or(began)
    }

    /// SIGKILL, and a start after what was on its way from the one before has come.
    fn cut(&mut self) {
        self.server.kill();
        // What it sent before is no news from the next one.
        while let Some(got) = self.peer.next_within(Duration::from_millis(1)) {
            self.take(&got);
        }
        self.server.start_again();
        for watch in &mut self.watches {
            watch.told = 0;
        }
    }

    /// The power is cut again as soon as somebody has been told with numbers that this start took: they
    /// are not on the disk yet.
    fn cut_in_the_return(&mut self) {
        for index in (0..self.watches.len()).step_by(PEOPLE) {
            self.refresh(index);
        }
        self.until("the first of the return", RETURN, |campus| {
            campus.watches.iter().any(|watch| watch.told > 0)
        });
        self.open.clear();
        self.cut();
    }

    /// The notes of a publisher that may be in force when all before this time is kept.
    fn possible(&self, person: usize, synced: Tick) -> (u64, u64) {
        let notes = &self.publishers[person].notes;
        let kept = |time: &Option<Tick>| time.is_some_and(|time| time < synced);
        let least = notes.iter().rev().find(|(_, time)| kept(time)).map_or(0, |(note, _)| *note);
        (least, notes.last().map_or(0, |(note, _)| *note))
    }

    /// After a power cut: what every watcher is told, by itself or because he asks again.
    fn check_return(&mut self, synced: Tick) {
        for index in (0..self.watches.len()).step_by(3) {
            self.refresh(index);
            while self.open.len() >= 2 * WINDOW {
                self.step();
            }
        }
        self.until("the return", RETURN, |campus| {
            campus.open.is_empty() && campus.watches.iter().all(|watch| watch.told > 0)
        });
        for whom in 0..PEOPLE {
            let (least, most) = self.possible(whom, synced);
            let mut told: Vec<u64> = self
                .watches
                .iter()
                .filter(|watch| watch.event == "presence" && watch.whom == whom)
                .map(|watch| watch.note)
                .collect();
            told.sort_unstable();
            told.dedup();
            assert_eq!(told.len(), 1, "watchers of one person were told {told:?}");
            assert!(least <= told[0] && told[0] <= most, "{least} <= {told:?} <= {most}");
        }
    }
}

/// Decision 9: what hangs on no connection goes on, whatever port the server has now.
#[test]
fn a_watcher_over_datagrams_is_told_after_a_restart_at_another_port() {
    let mut server = campus_with(&["ana", "bob"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    publish(&mut ana, "open", "busy");
    let mut bob = Peer::udp(&server, "bob");
    let before = watch(&mut bob, "ana");
    // It is kept with what is durable before it is told.
    server.add_user("eva", PASSWORD);
    server.kill();
    server.start_again();
    assert_ne!(before.from, server.udp);
    bob.move_to(server.udp);
    // What the person decides is told at once.
    rule(&server, "ana", &["bob"], "polite-block");
    let notify = bob.respond_to_next(200);
    assert_eq!(notify.from, server.udp);
    assert!(text(&notify).contains("<basic>closed</basic>"), "{}", notify.text());
    assert!(number(&notify) > number(&before));
}

/// RFC 6665 s4.2.1.3, s4.4.2; RFC 3858 s4.1.1; decisions 19, 20: no subscription that stood is lost,
/// nobody is left with an old state, and neither CSeq nor version ever goes back.
#[test]
fn a_thousand_subscriptions_survive_kill_9_amid_publications_and_no_number_goes_back() {
    let mut campus = Campus::new();
    campus.set_up();
    for _ in 0..ROUNDS {
        let synced = campus.storm();
        campus.cut();
        campus.check_counts();
        // What was under way is given up until all have been told of what is left.
        let interrupted: Vec<Open> = campus.open.drain().map(|(_, open)| open).collect();
        campus.cut_in_the_return();
        campus.check_counts();
        campus.check_return(synced);
        for open in interrupted {
            let person = campus.person_of(open.purpose);
            campus.again(person, open);
        }
        campus.until("the interrupted", T1 * 20, |campus| campus.open.is_empty());
        for person in 0..PEOPLE {
            campus.publish(person);
            campus.until("publishing anew", T1 * 20, |campus| campus.open.is_empty());
        }
        campus.until("the last state", T1 * 20, Campus::all_know_the_last);
    }
    campus.check_counts();
}
