//! What is measured is there afterwards, also after a restart, and nothing that was not.

use std::time::Duration;

use super::*;
use crate::clock::{ManualClock, WallTime};
use crate::store::{MemoryStore, memory};

/// A whole day's beginning, so that slots of every ring begin there.
const BEGIN: u64 = 1_700_006_400;

fn history(store: &Arc<MemoryStore>) -> (History, ManualClock) {
    let (clock, hands) = Clock::manual(WallTime::from_unix_secs(BEGIN));
    (History::open(Arc::clone(store) as Arc<dyn Store>, clock).unwrap(), hands)
}

fn reading(devices: f64, accepted: u64) -> Reading {
    Reading {
        levels: vec![(Series::Devices, devices)],
        counters: vec![(Series::Accepted, accepted)],
        ..Reading::default()
    }
}

/// Measures as often as it goes in this time.
async fn measure(history: &History, hands: &ManualClock, seconds: u64, accepted: &mut u64) {
    for _ in 0..seconds / EVERY {
        hands.advance(INTERVAL);
        *accepted += 20;
        history.take(reading(5.0, *accepted)).await;
    }
}

fn show(history: &History, window: Window, series: Series) -> SeriesView {
    history.show(&HistoryRequest { window, series: vec![series] }).series.remove(0)
}

#[tokio::test]
async fn what_was_measured_is_shown_and_what_was_not_is_a_gap() {
    let (history, hands) = history(&memory());
    let mut accepted = 0;
    measure(&history, &hands, 3_600, &mut accepted).await;
    // The machine sleeps for an hour.
    hands.advance(Duration::from_secs(3_600));
    measure(&history, &hands, 1_800, &mut accepted).await;
    let messages = show(&history, Window::Day, Series::Accepted);
    assert_eq!(messages.points.len(), 96);
    let known: Vec<bool> = messages.points.iter().map(Option::is_some).collect();
    let last = &known[known.len() - 11..];
    let (yes, no) = (true, false);
    assert_eq!(last, [yes, yes, yes, yes, yes, no, no, no, yes, yes, yes], "{messages:?}");
    for rate in messages.points.iter().flatten() {
        assert!((rate - 2.0).abs() < 0.02, "{rate}");
    }
    assert!((messages.now.unwrap() - 2.0).abs() < 1e-6);
    assert_eq!(show(&history, Window::Hours, Series::Memory).points, vec![None; 80]);
}

#[tokio::test]
async fn a_restart_loses_a_minute_at_most_and_makes_no_rate_negative() {
    let store = memory();
    let (before, hands) = history(&store);
    let mut accepted = 0;
    measure(&before, &hands, 600, &mut accepted).await;
    // The plug is pulled: nothing is written that was not.
    drop(before);
    let wall = WallTime::from_unix_secs(BEGIN + 660);
    let (clock, hands) = Clock::manual(wall);
    let after = History::open(Arc::clone(&store) as Arc<dyn Store>, clock).unwrap();
    let points = show(&after, Window::Day, Series::Accepted).points;
    let rate = points.iter().flatten().next_back().unwrap();
    assert!((rate - 2.0).abs() < 0.01, "{points:?}");
    let minutes = (0..11).filter(|minute| {
        let begins = BEGIN + minute * 60;
        after.lock().rings[1].average(Series::Devices, begins, begins + 60).is_some()
    });
    assert!(minutes.count() >= 9);
    // Its counters begin at nothing.
    let mut anew = 0;
    measure(&after, &hands, 300, &mut anew).await;
    after.take(reading(5.0, 3)).await;
    for window in Window::ALL {
        for rate in show(&after, window, Series::Accepted).points.into_iter().flatten() {
            assert!((0.0..=2.1).contains(&rate), "{window:?}: {rate}");
        }
    }
}

#[tokio::test]
async fn a_minute_is_one_commit_and_the_rows_are_bounded() {
    let store = memory();
    let (history, hands) = history(&store);
    let mut watch = store.watch();
    let mut accepted = 0;
    measure(&history, &hands, 660, &mut accepted).await;
    let mut changes = 0;
    while watch.try_next().is_some() {
        changes += 1;
    }
    // Three rows a minute, and a fourth and a fifth where a slot ends.
    assert!((30..=45).contains(&changes), "{changes}");
    let rows: usize = RINGS.iter().skip(KEPT).map(|(_, slots)| usize::from(*slots)).sum();
    assert_eq!(rows, 12_250);
    let size = 3 + HistorySlot { at: BEGIN, covered: 86_400, values: vec![0.0; Series::COUNT] }
        .encode()
        .len();
    assert!(size <= 105, "{size}");
}

#[tokio::test]
async fn what_a_full_disk_refused_is_written_when_there_is_room() {
    let store = memory();
    let (history, hands) = history(&store);
    store.set_read_only(Some(crate::store::ReadOnlyReason::DiskFull));
    let mut accepted = 0;
    measure(&history, &hands, 300, &mut accepted).await;
    assert_eq!(store.count(Table::History), 0);
    store.set_read_only(None);
    measure(&history, &hands, 120, &mut accepted).await;
    // Seven minutes, a quarter of an hour, a day.
    assert!(store.count(Table::History) >= 8);
}
