//! The first page with its charts, and alerts.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use tagus::clock::Clock;
use tagus::model::{HistorySlot, Record as _, Role};
use tagus::operations::{ConsoleRequest, HistoryRequest, Measure, Reply, Request, Series, Window};
use tagus::store::{Commit, Options, Store as _, Table, open};

use super::{WEB, add_console, ask, walk};
use crate::support::server::Server;

/// Messages that are sent to somebody who is away, each time.
const MESSAGES: usize = 12;

/// Rings on disk: seconds of a slot, and slots.
const RINGS: [(u8, u64, u64); 3] = [(1, 60, 2_880), (2, 900, 8_640), (3, 86_400, 730)];

const DAY: u64 = 86_400;

fn write(server: &Server) {
    for number in 0..MESSAGES {
        let text = format!("message {number}");
        let arguments =
            ["message", "rui", &text, "--from", "ana", "--password-file", "-", "--json"];
        let sent = server.run(&arguments, Some("the password of a person\n"));
        assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    }
}

/// What a campus is like at a moment: busy by day, quiet at night, with a night in which the server
/// was off.
fn campus(at: u64, step: u64) -> Option<HistorySlot> {
    let hour = (at % DAY) as f64 / 3_600.0;
    let busy = (1.0 - ((hour - 14.0) / 8.0).powi(2)).max(0.05);
    let wave = 1.0 + 0.2 * ((at / 1_800) as f64 * 1.7).sin();
    let value = |series: &Series| {
        let level = match series {
            Series::Devices => 4_000.0,
            Series::Online => 2_600.0,
            Series::Accepted => 9.0,
            Series::Delivered => 7.5,
            Series::Held => 1.4,
            Series::Failed => 0.05,
            Series::Waiting => 310.0,
            Series::DeliveryTime => 0.031,
            Series::DirectoryTime => 0.012,
            Series::CacheHits => return 0.97,
            Series::Memory => 310e6,
            Series::StoreSize => 84e6,
            Series::CommitTime => 0.004,
            _ => 12.0,
        };
        let rate = if series.measure() == Measure::Rate { step as f64 } else { 1.0 };
        (level * busy * wave * rate) as f32
    };
    let off = (at / DAY) % 5 == 2 && hour < 5.0 && step < DAY;
    let covered = u32::try_from(step).expect("a step");
    (!off).then(|| HistorySlot { at, covered, values: Series::ALL.iter().map(value).collect() })
}

/// A server that has run for two years.
fn settled() -> Server {
    let mut server = Server::start(WEB);
    for person in ["ana", "rui"] {
        server.add_user(person, "the password of a person");
    }
    add_console(&server, "ana", Role::Owner);
    add_console(&server, "rui", Role::Owner);
    add_console(&server, "eva", Role::ReadOnly);
    server.stop();
    let store = open(Options::for_command(&server.data_dir())).expect("a store");
    let now = Clock::system().wall().unix_secs();
    for (ring, step, slots) in RINGS {
        let mut commit = Commit::new();
        let last = now / step;
        for number in last + 1 - slots..last {
            let place = u16::try_from(number % slots).expect("a place");
            if let Some(slot) = campus(number * step, step) {
                let key = HistorySlot::key(ring, place);
                commit = commit.put(Table::History, &key, slot.encode());
            }
        }
        store.commit_blocking(commit).expect("kept");
    }
    drop(store);
    server.start_again();
    server
}

// W41; WCAG 2.2 AA; `ux.md` 2.1 and 2c.
#[test]
fn the_first_page_stays_up_to_date_and_charts_hold_in_every_form() {
    let server = settled();
    for window in Window::ALL {
        let request = HistoryRequest { window, series: vec![Series::Devices, Series::Accepted] };
        let Reply::History(view) = ask(&server, &Request::History(request)) else {
            panic!("no history")
        };
        for series in &view.series {
            let known = series.points.iter().flatten().count();
            let most = series.points.iter().flatten().copied().fold(0.0, f64::max);
            assert!(window == Window::Hours || known > series.points.len() / 2, "{window:?}");
            assert!(most <= 5_000.0, "{most}");
        }
    }
    let facts = json!({ "held": MESSAGES });
    walk(&server, "dashboard", &facts, 60, |what, _| {
        match what {
            "messages" | "more" => write(&server),
            "sign-out" => {
                let lock = ConsoleRequest::Lock { name: "eva".to_owned(), locked: true };
                ask(&server, &Request::Console(lock));
            }
            what => panic!("{what}"),
        }
        Value::Null
    });
}

/// The page without any figures, as on the first day.
#[test]
fn charts_of_a_server_that_has_just_begun_say_so() {
    let server = Server::start(WEB);
    add_console(&server, "ana", Role::Owner);
    walk(&server, "first_day", &json!({}), 8, super::nothing);
}

/// Rows of the past that are on the disk.
fn kept(server: &Server) -> u64 {
    let status = server.run(&["status", "--json"], None).json();
    let at = status["listeners"]["metrics"].as_str().expect("an address");
    let mut socket = TcpStream::connect(at).expect("a connection");
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let sample = "tagus_store_rows{table=\"history\"} ";
    let line = answer.lines().find_map(|line| line.strip_prefix(sample)).expect("a sample");
    line.parse::<f64>().expect("a number") as u64
}

#[test]
fn figures_of_the_past_survive_a_power_cut() {
    let mut server = Server::start("");
    let clock = Clock::system();
    let begun = clock.now();
    // The first measurement is written at once, to each ring.
    while kept(&server) < 3 {
        assert!(clock.now().since(begun).as_secs() < 60, "nothing is kept");
    }
    server.kill();
    server.start_again();
    let request = HistoryRequest { window: Window::Day, series: vec![Series::Memory] };
    let Reply::History(view) = ask(&server, &Request::History(request)) else {
        panic!("no history")
    };
    assert_eq!(view.series[0].now, None, "nothing was measured since");
    let known: Vec<f64> = view.series[0].points.iter().flatten().copied().collect();
    assert!(!known.is_empty() && known.iter().all(|bytes| *bytes > 1e6), "{known:?}");
}
