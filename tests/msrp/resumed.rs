//! Messages that outlive their session, its connection, and the runtime that they were begun in.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use tagus::msrp::peer::{
    Direction, Endpoint, EndpointOptions, Outbound, ReceiveFailure, SendEvent, SendFailure,
    SessionOptions, Sink, Source, WireDump, WriteAt,
};
use tagus::msrp::{Granularity, IncomingState, OutgoingState};
use tokio::runtime::Runtime;

use crate::pair::{ANYWHERE, file, incoming, noise, plain, soon};

const LENGTH: usize = 24_000_000;

/// Bytes that are written before the rest has to wait for the session's end.
const HELD_FROM: u64 = 8_000_000;

/// A file that takes its end only when it is let: else all of it might be there before anybody closes.
struct Held {
    file: File,
    goes_on: Arc<(Mutex<bool>, Condvar)>,
}

impl WriteAt for Held {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if offset + bytes.len() as u64 > HELD_FROM {
            let (goes_on, bell) = &*self.goes_on;
            let guard = goes_on.lock().map_err(|_| io::ErrorKind::Other)?;
            drop(bell.wait_while(guard, |goes_on| !*goes_on).map_err(|_| io::ErrorKind::Other)?);
        }
        self.file.write_all_at(bytes, offset)
    }
}

/// Sends a file until some of it is confirmed, and loses the session. Returns what both sides keep.
async fn begin(from: &FilePath, to: &FilePath) -> (String, String) {
    let (left, right) = (plain(), plain());
    right.listen(ANYWHERE).await.expect("a port");
    // The receiver confirms as it goes, so that its sender knows what it need not send again.
    let reports = Granularity::EveryBytes(256 * 1_024);
    let offer = right.offer(false, SessionOptions { reports, ..SessionOptions::default() });
    let path = offer.path().clone();
    let waiting = offer.wait(None);
    let active = left.connect(&path, SessionOptions::default()).await.expect("connected");
    let mut passive = soon(waiting).await.expect("bound");
    let how = Outbound::new("application/octet-stream").report();
    let mut sending = active.send(how, Source::file(from).expect("a source")).await;
    let goes_on = Arc::new((Mutex::new(false), Condvar::new()));
    let file = File::create_new(to).expect("a new file");
    let sink = Sink::at(Held { file, goes_on: Arc::clone(&goes_on) });
    let mut receiving = incoming(&mut passive).await.accept(sink).await;
    let confirmed = loop {
        match soon(sending.next()).await {
            Some(SendEvent::Reported { received, whole: false }) => break received,
            Some(SendEvent::Failed(failure)) => panic!("{failure}"),
            Some(_) => {}
            None => panic!("it ended too early"),
        }
    };
    soon(active.close()).await;
    *goes_on.0.lock().expect("no panic") = true;
    goes_on.1.notify_all();
    let unsent = match soon(sending.finished()).await {
        Err(SendFailure::Lost(Some(state)) | SendFailure::Unreported(Some(state))) => state,
        other => panic!("{other:?}"),
    };
    assert!(unsent.confirmed.iter().next().is_some_and(|(_, end)| end >= confirmed));
    soon(passive.close()).await;
    let kept = match soon(receiving.finished()).await {
        Err(ReceiveFailure::Lost { bytes, state: Some(state) }) => {
            assert!(bytes >= confirmed);
            state
        }
        other => panic!("{other:?}"),
    };
    (unsent.encode(), kept.encode())
}

/// Goes on between endpoints that know nothing but what was kept. Returns the bytes on the wire.
async fn go_on(from: &FilePath, to: &FilePath, unsent: &str, kept: &str) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let mut options = EndpointOptions::new("127.0.0.1");
    options.dump = Some(WireDump::new(move |direction, bytes| {
        if direction == Direction::Out {
            counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
    }));
    let (left, right) = (Endpoint::new(options).expect("an endpoint"), plain());
    right.listen(ANYWHERE).await.expect("a port");
    let offer = right.offer(false, SessionOptions::default());
    let path = offer.path().clone();
    let waiting = offer.wait(None);
    let active = left.connect(&path, SessionOptions::default()).await.expect("connected");
    let passive = soon(waiting).await.expect("bound");
    let sink = Sink::from(File::options().write(true).open(to).expect("what came before"));
    let kept = IncomingState::decode(kept).expect("a state");
    let mut receiving = passive.handle().expect(kept, sink).await;
    let unsent = OutgoingState::decode(unsent).expect("a state");
    let how = Outbound::new(&unsent.content_type).report();
    let source = Source::file(from).expect("a source");
    let mut sending = active.handle().resume(how, unsent, source).await;
    let received = soon(receiving.finished()).await.expect("all of it");
    assert_eq!(received.length, LENGTH as u64);
    assert_eq!(soon(sending.finished()).await, Ok(()));
    count.load(Ordering::Relaxed)
}

// features 1.3 "Messages outliving the session"; RFC 4975 s5.4, RFC 5547 s6
#[test]
fn a_file_that_was_cut_off_goes_on_after_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let bytes = noise(LENGTH, 13);
    let (from, to) = (file(directory.path(), "from", &bytes), directory.path().join("to"));
    let first = Runtime::new().expect("a runtime");
    let (unsent, kept) = first.block_on(begin(&from, &to));
    first.shutdown_background();
    assert!(std::fs::read(&to).expect("a part") != bytes);
    let second = Runtime::new().expect("a runtime");
    let wire = second.block_on(go_on(&from, &to, &unsent, &kept));
    assert!(std::fs::read(&to).expect("a file") == bytes);
    // What was confirmed did not go again.
    assert!(wire < LENGTH as u64 - 200_000, "{wire}");
}

// A program may end once its last session is closed: nothing that was owed is lost.
#[test]
fn the_last_report_goes_before_a_session_is_closed() {
    for _ in 0..20 {
        let (ours, theirs) = (Runtime::new().expect("one"), Runtime::new().expect("another"));
        let (path, waiting, _listener) = theirs.block_on(async {
            let right = plain();
            right.listen(ANYWHERE).await.expect("a port");
            let offer = right.offer(false, SessionOptions::default());
            (offer.path().clone(), offer.wait(None), right)
        });
        let receiver = std::thread::spawn(move || {
            ours.block_on(async {
                let options = SessionOptions { collect: 0, ..SessionOptions::default() };
                let mut session = plain().connect(&path, options).await.expect("connected");
                let mut receiving =
                    incoming(&mut session).await.accept(Sink::memory(1 << 20)).await;
                soon(receiving.finished()).await.expect("all of it");
                session.close().await;
            });
            // As the end of a process: nothing of it runs any more.
            ours.shutdown_background();
        });
        theirs.block_on(async {
            let session = soon(waiting).await.expect("bound");
            let how = Outbound::new("application/octet-stream").report();
            let mut sending = session.send(how, Source::memory(noise(500_000, 3))).await;
            assert_eq!(soon(sending.finished()).await, Ok(()));
        });
        receiver.join().expect("no panic");
    }
}
