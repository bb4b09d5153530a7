//! The rows of the two feature tables that no other test names.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tagus::msrp::peer::{Event, Outbound, ReadAt, Session, SessionOptions, Sink, Source, WriteAt};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

use crate::pair::{ANYWHERE, file, incoming, message, noise, pair, pair_with, plain, soon};

// features 1.2 "Message-level abstraction": of chunks, the application sees nothing.
#[tokio::test]
async fn a_message_of_many_chunks_is_one_event() {
    let small = SessionOptions { largest_chunk: Some(2_048), ..SessionOptions::default() };
    let mut pair = pair_with(small, SessionOptions::default()).await;
    let bytes = noise(60_000, 11);
    let how = Outbound::new("application/octet-stream").report();
    let mut sending = pair.active.send(how, Source::memory(bytes.clone())).await;
    let whole = message(&mut pair.passive).await;
    assert!(whole.body == bytes && whole.header.size == Some(60_000));
    assert_eq!(soon(sending.finished()).await, Ok(()));
    // Nothing else was told of it.
    drop(pair.active.text("the next one").await);
    assert_eq!(message(&mut pair.passive).await.body, "the next one");
}

/// A store of blobs: counts what it is given, and checks each byte against its place.
#[derive(Default)]
struct Blobs {
    right: AtomicU64,
}

fn expected(offset: u64) -> u8 {
    (offset >> 16) as u8
}

struct Blob(Arc<Blobs>);

impl WriteAt for Blob {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = (65_536 - at % 65_536).min(rest.len() as u64);
            let (run, behind) = rest.split_at(usize::try_from(room).map_err(io::Error::other)?);
            // The first and the last byte of each run of equal ones tell enough.
            let ends = [run.first(), run.last()];
            if ends.iter().any(|byte| *byte != Some(&expected(at))) {
                return Err(io::Error::other("a wrong byte"));
            }
            at += room;
            rest = behind;
        }
        self.0.right.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// A blob of so many bytes that nobody stores.
struct Made(u64);

impl ReadAt for Made {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.0.saturating_sub(offset)).unwrap_or(usize::MAX);
        // Up to where the next run begins.
        let run = usize::try_from(65_536 - offset % 65_536).map_err(io::Error::other)?;
        let length = buffer.len().min(left).min(run);
        buffer[..length].fill(expected(offset));
        Ok(length)
    }

    fn size(&self) -> Option<u64> {
        Some(self.0)
    }
}

/// What this process has in memory, in KiB: now, and at most so far.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
    };
    (kib("VmRSS:"), kib("VmHWM:"))
}

const GIGABYTE: u64 = 1_000_000_000;
const ALONE: &str = "TAGUS_TEST_ALONE";

// features 1.2 "Storage abstraction (file, memory)": a store of blobs, and bounded memory.
#[test]
fn a_gigabyte_from_blob_to_blob_takes_less_than_16_mib() {
    // What other tests take is not to be counted: a process for this one.
    if std::env::var_os(ALONE).is_none() {
        let name = "rows::a_gigabyte_from_blob_to_blob_takes_less_than_16_mib";
        let own = std::env::current_exe().expect("a program");
        let output = std::process::Command::new(own)
            .args(["--exact", name, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && told.contains("grew by"), "{told}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut pair = pair().await;
        let blobs = Arc::new(Blobs::default());
        let (before, _) = memory();
        let how = Outbound::new("application/octet-stream").report();
        let mut sending = pair.active.send(how, Source::at(Made(GIGABYTE))).await;
        let sink = Sink::at(Blob(Arc::clone(&blobs)));
        let mut receiving = incoming(&mut pair.passive).await.accept(sink).await;
        // A busy machine needs its time.
        let received = receiving.finished().await.expect("all of it");
        assert_eq!(received.length, GIGABYTE);
        assert_eq!(blobs.right.load(Ordering::Relaxed), GIGABYTE);
        assert_eq!(soon(sending.finished()).await, Ok(()));
        let grown = memory().1.saturating_sub(before);
        println!("grew by {grown} KiB");
        assert!(grown < 16 * 1_024, "{grown} KiB");
    });
}

// features 1.3 "Better performance": tests/bench/run has the figures; this is what was measured of
// the largest file before, in its best run, by a debug build on a busy machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_244_mb_takes_less_than_the_13_9_s_it_took_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let from = file(directory.path(), "from", &noise(243_809_310, 19));
    let mut pair = pair().await;
    let clock = tagus::clock::Clock::system();
    let began = clock.now();
    let how = Outbound::new("application/octet-stream").report();
    let mut sending = pair.active.send(how, Source::file(&from).expect("a source")).await;
    let to = std::fs::File::create(directory.path().join("to")).expect("a file");
    let mut receiving = incoming(&mut pair.passive).await.accept(Sink::from(to)).await;
    assert_eq!(soon(receiving.finished()).await.expect("all of it").length, 243_809_310);
    assert_eq!(soon(sending.finished()).await, Ok(()));
    let took = clock.now().since(began);
    assert!(took.as_secs_f64() < 13.9, "{took:?}");
}

/// Keeps what is logged, each line with the spans that it stands in.
#[derive(Clone, Default)]
struct Log {
    spans: Arc<Mutex<Vec<String>>>,
    lines: Arc<Mutex<Vec<String>>>,
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tagus::msrp")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut text = Text(attributes.metadata().name().to_owned());
        attributes.record(&mut text);
        let mut spans = self.spans.lock().expect("no panic");
        spans.push(text.0);
        Id::from_u64(spans.len() as u64)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        if let Some(parent) = event.parent() {
            let index = usize::try_from(parent.into_u64()).expect("small") - 1;
            let spans = self.spans.lock().expect("no panic");
            self.lines.lock().expect("no panic").push(format!("{}:{}", spans[index], text.0));
        }
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

// features 1.2 "All major logging systems": spans with the session.
#[tokio::test]
async fn what_is_logged_stands_in_a_span_with_the_session() {
    // For the whole process: one that a thread alone has can miss what others registered meanwhile.
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("nobody else listens");
    let mut pair = pair().await;
    let how = Outbound::text().message_id("message-7b2c");
    drop(pair.active.send(how, "a line").await);
    assert_eq!(message(&mut pair.passive).await.body, "a line");
    let session = pair.passive.local().to_string();
    pair.passive.close().await;
    let lines = log.lines.lock().expect("no panic").clone();
    let of_it = |what: &str| {
        lines.iter().any(|line| {
            line.starts_with("msrp session=") && line.contains(&session) && line.contains(what)
        })
    };
    assert!(of_it("message_id=\"message-7b2c\""), "{lines:#?}");
    assert!(of_it("a message is whole") && of_it("session ended"), "{lines:#?}");
}

// features 1.3 "Data content wrapper validator, CPIM"; RFC 4975 s8.6
#[tokio::test]
async fn a_wrapped_type_that_is_not_listed_is_415_and_never_told() {
    use tagus::msrp::Accept;
    use tagus::msrp::content::CpimValidator;
    use tagus::msrp::peer::SendFailure;
    let strict = SessionOptions {
        accept: Accept::new("message/cpim", "text/plain"),
        validator: Some(Arc::new(CpimValidator)),
        ..SessionOptions::default()
    };
    let mut pair = pair_with(SessionOptions::default(), strict).await;
    let wrapped = |inner: &str| {
        format!("From: <im:ana@a.example>\r\n\r\nContent-Type: {inner}\r\n\r\n<b>hello</b>")
    };
    for (inner, expected) in [("text/html", Some(415)), ("text/plain", None)] {
        let mut sending = pair.active.send(Outbound::new("message/cpim"), wrapped(inner)).await;
        match (soon(sending.finished()).await, expected) {
            (Err(SendFailure::Refused { code, .. }), Some(expected)) => assert_eq!(code, expected),
            (Ok(()), None) => {}
            other => panic!("{inner}: {other:?}"),
        }
    }
    let whole = message(&mut pair.passive).await;
    assert_eq!(whole.body, wrapped("text/plain"));
}

/// Two sessions on one connection, each as `(active, passive)`, whose passive side is given 300 ms.
async fn two_on_one_connection() -> ((Session, Session), (Session, Session)) {
    let (left, right) = (plain(), plain());
    right.listen(ANYWHERE).await.expect("a port");
    let patience = std::time::Duration::from_millis(300);
    let one = async || {
        let offer = right.offer(false, SessionOptions { patience, ..SessionOptions::default() });
        let path = offer.path().clone();
        let waiting = offer.wait(None);
        let active = left.connect(&path, SessionOptions::default()).await.expect("connected");
        (active, soon(waiting).await.expect("bound"))
    };
    (one().await, one().await)
}

/// Blocks until it is let go.
struct Stuck(Arc<Mutex<()>>);

impl WriteAt for Stuck {
    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        drop(self.0.lock());
        Ok(())
    }
}

// features 1.3 "Prioritisation and fair use": between sessions, at the end that receives.
#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_stuck_does_not_hold_the_other_sessions_of_its_connection() {
    use tagus::msrp::peer::{ReceiveFailure, SendFailure};
    let (mut other, mut slow) = two_on_one_connection().await;
    let gate = Arc::new(Mutex::new(()));
    let held = Arc::clone(&gate);
    let (told, closed) = std::sync::mpsc::channel::<()>();
    let holder = std::thread::spawn(move || {
        let _held = held.lock();
        let _ = closed.recv();
    });
    let how = Outbound::new("application/octet-stream");
    let mut sending = slow.0.send(how, Source::at(Made(50_000_000))).await;
    let sink = Sink::at(Stuck(Arc::clone(&gate)));
    let mut receiving = incoming(&mut slow.1).await.accept(sink).await;
    // Its sink takes nothing, and yet lines of the other session come.
    for number in 0..20 {
        let mut line = other.0.text(format!("line {number}")).await;
        assert_eq!(message(&mut other.1).await.body, format!("line {number}"));
        assert_eq!(soon(line.finished()).await, Ok(()));
    }
    match soon(sending.finished()).await {
        Err(SendFailure::Aborted { .. } | SendFailure::Refused { code: 413, .. }) => {}
        other => panic!("{other:?}"),
    }
    let lost = soon(receiving.finished()).await.expect_err("refused");
    assert!(matches!(&lost, ReceiveFailure::Sink(why) if why.contains("slow")), "{lost:?}");
    drop(told);
    holder.join().expect("no panic");
}

// The same for an application that does not read its events.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_nobody_reads_do_not_hold_the_other_sessions_of_their_connection() {
    let (mut other, mut deaf) = two_on_one_connection().await;
    let mut lines = Vec::new();
    for number in 0..4_000 {
        lines.push(deaf.0.text(format!("unread {number}")).await);
    }
    let mut refused = 0;
    for line in &mut lines {
        refused += usize::from(soon(line.finished()).await.is_err());
    }
    // What was taken waits for its reader; the rest was refused.
    assert!((1..=2_976).contains(&refused), "{refused}");
    drop(other.0.text("and yet").await);
    assert_eq!(message(&mut other.1).await.body, "and yet");
    let mut read = 0;
    while read < 4_000 - refused {
        read += usize::from(matches!(soon(deaf.1.next()).await, Some(Event::Message(_))));
    }
    // It reads again, and is written to again.
    drop(deaf.0.text("awake").await);
    assert_eq!(message(&mut deaf.1).await.body, "awake");
}

// features 1.3 "Android"
#[test]
fn what_was_not_tried_on_android_is_said() {
    let text = std::fs::read_to_string(crate::programs::repository("docs/msrp-library.md"));
    let text = text.expect("the page").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Android (`aarch64-linux-android`) was not tried"), "{text}");
}
