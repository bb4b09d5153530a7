//! A polite block: who is blocked gets what he would get if nobody were there, byte for byte and as
//! fast.

use tagus::clock::{Clock, Tick};
use tagus::http_digest::Challenge;

use crate::PASSWORD;
use crate::peer::{Draft, Got, Peer};
use crate::presence::{OPEN, publish, republish, rule, subscribe, within};
use crate::separation::{mean, separation};
use crate::server::Server;

/// Is there, and blocks politely.
const HIDING: &str = "ana";
/// Is not there, and lets everybody see. A name as long, so that lengths can be compared.
const AWAY: &str = "eva";
const WATCHER: &str = "bob";

/// Fetches of each kind.
const TRIES: usize = 1_000;
/// Measurements that a busy machine may spoil before the last word is said.
const ROUNDS: usize = 3;

const ROOM: &str = "[limits]\nsource_rate = 1000000\nsource_burst = 1000000\n\
    message_rate = 1000000\nmessage_burst = 1000000\n";

/// With one worker, so that what it sends of one request leaves before it answers the next.
fn site(presence: &str) -> Server {
    let server = Server::start_with("workers = 1\n", &format!("{OPEN}{presence}{ROOM}"));
    for person in [HIDING, AWAY, WATCHER] {
        server.add_user(person, PASSWORD);
    }
    rule(&server, HIDING, &[WATCHER], "polite-block");
    rule(&server, AWAY, &[WATCHER], "allow");
    server
}

fn bindings(server: &Server) -> u64 {
    let status = server.run(&["status", "--json"], None).json();
    status["bindings"].as_u64().expect("a number")
}

/// Crosses out what follows each `before`, up to one of `ends`; its length stays.
fn cross_out(text: &str, before: &str, ends: &[char]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(before) {
        let (head, tail) = rest.split_at(at + before.len());
        let length = tail.find(ends).unwrap_or(tail.len());
        out += head;
        out.extend(std::iter::repeat_n('#', length));
        rest = tail.get(length..).unwrap_or_default();
    }
    out + rest
}

/// A message without ids, times and the name of the one whom it is about. Everything else stays,
/// lengths included.
fn without_ids(got: &Got) -> String {
    let mut text = got.text().replace(HIDING, AWAY);
    for (before, ends) in [
        ("branch=", &[';', '\r'][..]),
        ("tag=", &[';', '\r']),
        ("Call-ID: ", &['\r']),
        ("nonce=\"", &['"']),
        ("nextnonce=\"", &['"']),
        ("Date: ", &['\r']),
        ("expires=", &[';', '\r']),
        ("<timestamp>", &['<']),
    ] {
        text = cross_out(&text, before, ends);
    }
    text
}

/// What a request is answered with, and the NOTIFY that comes with it.
struct Told {
    answer: Got,
    notify: Got,
    answered_at: Tick,
    notified_at: Tick,
}

/// Sends a request that is signed already.
fn ask(peer: &mut Peer, clock: &Clock, signed: &Draft) -> Told {
    peer.send(&signed.bytes());
    let (mut answer, mut notify) = (None, None);
    while answer.is_none() || notify.is_none() {
        let got = peer.next();
        let now = clock.now();
        if got.status() == 0 {
            peer.respond(&got, 200, "");
            notify = Some((got, now));
        } else {
            assert_eq!(got.status(), 200, "{}", got.text());
            answer = Some((got, now));
        }
    }
    let (answer, answered_at) = answer.expect("an answer");
    let (notify, notified_at) = notify.expect("a NOTIFY");
    Told { answer, notify, answered_at, notified_at }
}

fn assert_alike(hiding: &Told, away: &Told) {
    assert_eq!(without_ids(&hiding.answer), without_ids(&away.answer));
    assert_eq!(without_ids(&hiding.notify), without_ids(&away.notify));
    assert!(away.notify.text().contains("<basic>closed</basic>"), "{}", away.notify.text());
}

/// Watches both of them: for each the request, and what it was told.
fn watch_both(bob: &mut Peer, expires: u32) -> [(Draft, Told); 2] {
    [HIDING, AWAY].map(|whom| {
        let draft = subscribe(bob, whom, "presence", expires);
        let signed = bob.challenged(&draft);
        let told = ask(bob, &Clock::system(), &signed);
        (signed, told)
    })
}

/// RFC 5025 s3.2.1 (polite-block), s8.1: every byte of the answers and NOTIFYs is the same but for
/// ids and times, at the beginning, on a refresh, at a fetch, at the end, and nothing comes in between
/// whatever the other one does.
#[test]
fn who_is_blocked_politely_is_told_the_bytes_that_an_absent_person_gives() {
    blocked_and_absent_are_alike("");
}

/// The same for watchers whose documents have one tuple.
#[test]
fn who_is_blocked_politely_is_told_the_same_one_tuple_that_an_absent_person_has() {
    blocked_and_absent_are_alike("tuples = \"one\"\n");
}

fn blocked_and_absent_are_alike(presence: &str) {
    let server = site(presence);
    let mut ana = Peer::udp(&server, HIDING);
    ana.sign_in();
    let etag = publish(&mut ana, "open", "busy");
    let mut bob = Peer::udp(&server, WATCHER);
    let [(hiding, first), (away, other)] = watch_both(&mut bob, 600);
    assert_alike(&first, &other);

    // What she does shows in nothing: a change, another device, the end of all.
    let etag = republish(&mut ana, &etag, "open", "away");
    bob.expect_silence();
    let mut telephone = Peer::tcp(&server, HIDING);
    telephone.sign_in();
    bob.expect_silence();

    let refreshed = [(&hiding, &first), (&away, &other)].map(|(draft, told)| {
        let again = within(&bob, draft, &told.answer, "presence", 300);
        let signed = bob.challenged(&again);
        let told = ask(&mut bob, &Clock::system(), &signed);
        (signed, told)
    });
    assert_alike(&refreshed[0].1, &refreshed[1].1);

    let [(_, first), (_, other)] = watch_both(&mut bob, 0);
    assert_alike(&first, &other);

    republish(&mut ana, &etag, "closed", "");
    bob.expect_silence();

    let ended = refreshed.map(|(draft, told)| {
        let end = within(&bob, &draft, &told.answer, "presence", 0);
        let signed = bob.challenged(&end);
        ask(&mut bob, &Clock::system(), &signed)
    });
    assert_alike(&ended[0], &ended[1]);
}

/// Nor does the one who hides behind the block when she really is away.
#[test]
fn a_politely_blocked_watcher_is_told_nothing_when_the_person_comes_and_goes() {
    let server = site("");
    let mut bob = Peer::udp(&server, WATCHER);
    let [(_, first), (_, other)] = watch_both(&mut bob, 600);
    assert_alike(&first, &other);
    let mut ana = Peer::tcp(&server, HIDING);
    ana.sign_in();
    bob.expect_silence();
    publish(&mut ana, "open", "busy");
    bob.expect_silence();
    drop(ana);
    while bindings(&server) != 0 {}
    bob.expect_silence();
    // And the other one's coming is told: the silence above means something.
    let mut eva = Peer::udp(&server, AWAY);
    eva.sign_in();
    assert!(bob.respond_to_next(200).text().contains("<basic>open</basic>"));
}

/// Microseconds to the answer and to the NOTIFY of a fetch, of the one who hides and the one who is
/// away.
fn measure(server: &Server) -> [[Vec<u64>; 2]; 2] {
    let clock = Clock::system();
    let mut bob = Peer::udp(server, WATCHER);
    let first = subscribe(&bob, AWAY, "presence", 0);
    let challenge = bob.ask(&first).all("WWW-Authenticate").remove(0);
    let challenge = Challenge::parse(challenge.as_bytes()).expect("a challenge");
    let mut times = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    for turn in 0..2 * TRIES {
        // Each comes first as often as the other.
        let kind = (turn + turn / 2) % 2;
        let draft = subscribe(&bob, [HIDING, AWAY][kind], "presence", 0);
        let credentials = bob.credentials(&draft, &challenge, PASSWORD, turn as u32 + 1);
        let signed = draft.with(&format!("Authorization: {credentials}"));
        let began = clock.now();
        let told = ask(&mut bob, &clock, &signed);
        times[kind][0].push(told.answered_at.since(began).as_micros() as u64);
        times[kind][1].push(told.notified_at.since(began).as_micros() as u64);
    }
    times
}

/// RFC 5025 s8.1: nor does the time of an answer tell who hides.
#[test]
fn the_time_of_an_answer_tells_a_polite_block_from_absence_not_apart() {
    let server = site("");
    let mut ana = Peer::udp(&server, HIDING);
    ana.sign_in();
    publish(&mut ana, "open", "busy");
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        let [hiding, away] = measure(&server);
        let pairs = || hiding.iter().zip(&away);
        let apart = pairs().map(|(these, those)| separation(these, those)).fold(0.0, f64::max);
        let slower = pairs().map(|(these, those)| mean(these) - mean(those));
        let slower: Vec<f64> = slower.collect();
        if apart < 0.6 && slower.iter().all(|micros| micros.abs() < 1_000.0) {
            return;
        }
        found.push((apart, slower));
    }
    panic!("separation, and microseconds that the block takes longer: {found:?}");
}
