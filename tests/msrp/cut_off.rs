//! `tagus client msrp` and files that are cut off: either side is killed in the middle, and what is on
//! the disks is not what it was.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tagus::msrp::peer::{Outbound, SendFailure, Session, SessionOptions, Sink, Source};
use tagus::msrp::{Accept, By, Path};

use crate::command::{Running, path_of};
use crate::pair::{ANYWHERE, file, incoming, message, noise, plain, soon};

const SIZE: usize = 32_000_000;

/// What passes before the gate holds: more than both kernels' buffers take, less than all.
const HALF: u64 = 20_000_000;

/// Where the gate is; the listeners, which name this address, are at 127.0.0.1.
const GATE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Stands between the two processes: passes so many bytes each way, and then holds.
struct Gate {
    held: Receiver<()>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
    passed: Arc<AtomicU64>,
}

impl Gate {
    /// In front of whoever told this path.
    fn before(path: &str, most: u64) -> Gate {
        let port =
            path.split([':', '/']).nth(4).and_then(|port| port.parse().ok()).expect("a port");
        let listener = TcpListener::bind((GATE, port)).expect("the same port elsewhere");
        let (tell, held) = channel();
        let (sockets, passed) = (Arc::<Mutex<Vec<_>>>::default(), Arc::default());
        let gate = Gate { held, sockets: Arc::clone(&sockets), passed: Arc::clone(&passed) };
        thread::spawn(move || {
            let Ok((outer, _)) = listener.accept() else { return };
            let inner = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a listener");
            let twice = |socket: &TcpStream| socket.try_clone().expect("a copy");
            sockets.lock().expect("no panic").extend([twice(&outer), twice(&inner)]);
            let (back, counter) = ((twice(&inner), twice(&outer)), Arc::clone(&passed));
            let told = tell.clone();
            thread::spawn(move || pass(back.0, back.1, most, &told, &counter));
            pass(outer, inner, most, &tell, &passed);
        });
        gate
    }

    /// Waits until it holds.
    fn holds(&self) {
        self.held.recv().expect("so many bytes");
    }

    /// Ends both connections.
    fn cut(&self) {
        for socket in self.sockets.lock().expect("no panic").iter() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

/// Passes at most so many bytes. The end of one side is the other's too.
fn pass(from: TcpStream, to: TcpStream, most: u64, told: &Sender<()>, passed: &AtomicU64) {
    let (mut buffer, mut left) = (vec![0; 64 * 1_024], most);
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(buffer.len()).min(buffer.len());
        let read = (&from).read(&mut buffer[..room]).unwrap_or(0);
        if read == 0 || (&to).write_all(&buffer[..read]).is_err() {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        passed.fetch_add(read as u64, Ordering::Relaxed);
        left -= read as u64;
    }
    let _ = told.send(());
}

/// The directories of both sides, and the file.
struct Places {
    directory: tempfile::TempDir,
    bytes: Vec<u8>,
    from: PathBuf,
}

impl Places {
    fn new(seed: u64) -> Places {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["saved", "states"] {
            std::fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        let bytes = noise(SIZE, seed);
        let from = file(directory.path(), "photo.bin", &bytes);
        Places { directory, bytes, from }
    }

    fn at(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().expect("text").to_owned()
    }

    fn receiving(&self) -> Vec<String> {
        vec!["--save".to_owned(), self.at("saved"), "--count".to_owned(), "1".to_owned()]
    }

    fn sending(&self) -> Vec<String> {
        let from = self.from.to_str().expect("text").to_owned();
        vec!["--file".to_owned(), from, "--state".to_owned(), self.at("states")]
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let entries =
            std::fs::read_dir(self.directory.path().join(directory)).expect("a directory");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").file_name().into_string().expect("text")
        };
        entries.map(name).collect()
    }

    /// Both sides, the first listening, with a gate between them.
    fn start(listening: &[String], connecting: &[String], most: u64) -> (Running, Running, Gate) {
        let words = |own: &[&'static str], rest: &[String]| -> Vec<String> {
            own.iter().map(|word| (*word).to_owned()).chain(rest.iter().cloned()).collect()
        };
        let listen = words(&["listen", "--host", "127.0.0.2"], listening);
        let mut listener = Running::start(&refs(&listen));
        let path = path_of(&listener.event("listening"));
        let gate = Gate::before(&path, most);
        let mut connect = words(&["connect"], &[]);
        connect.push(path);
        connect.extend(connecting.iter().cloned());
        (listener, Running::start(&refs(&connect)), gate)
    }

    /// Goes on to the end, the receiver listening, and looks at everything that stays.
    fn go_on(&self, least: u64) {
        let (mut receiver, mut sender, gate) =
            Places::start(&self.receiving(), &self.sending(), u64::MAX);
        let (begun, resumed) = (sender.event("sending"), sender.event("resumed"));
        let kept = resumed["bytes"].as_u64().expect("a number");
        assert!(kept >= least && kept < SIZE as u64, "{kept}");
        assert_eq!(receiver.event("resumed"), resumed);
        let saved = receiver.event("saved");
        sender.ends_with(0);
        receiver.ends_with(0);
        self.is_saved(&saved, &begun);
        // What was there did not go again.
        let (passed, rest) = (gate.passed(), SIZE as u64 - kept);
        assert!(passed >= rest && passed < rest + 2_000_000, "{passed} for {rest}");
        assert_eq!(self.names("saved"), ["photo.bin"]);
        assert!(self.names("states").is_empty());
    }

    fn is_saved(&self, saved: &Value, begun: &Value) {
        assert_eq!(saved["bytes"], SIZE);
        let hash = ring::digest::digest(&ring::digest::SHA256, &self.bytes);
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((&saved["sha256"], &begun["sha256"]), (&hash.clone().into(), &hash.into()));
        let kept = std::fs::read(saved["file"].as_str().expect("a name")).expect("a file");
        assert!(kept == self.bytes);
    }
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// Killed, as by `kill -9`.
fn kill(mut running: Running) {
    running.child.kill().expect("it runs");
    running.child.wait().expect("it ends");
}

// RFC 5547 s6 (file-range)
#[test]
fn a_file_goes_on_after_its_sender_was_killed() {
    let places = Places::new(21);
    let (mut receiver, sender, gate) = Places::start(&places.receiving(), &places.sending(), HALF);
    gate.holds();
    kill(sender);
    gate.cut();
    let failed = receiver.event("incoming_failed");
    let kept = receiver.event("kept");
    assert_eq!(failed["message_id"], kept["message_id"]);
    assert!(FilePath::new(kept["file"].as_str().expect("a name")).exists());
    receiver.ends_with(1);
    assert!(!places.names("saved").contains(&"photo.bin".to_owned()), "half a file looks whole");
    assert_eq!(places.names("states").len(), 1);
    places.go_on(HALF - 2_000_000);
}

// RFC 5547 s6 (file-range): the sender listens first, and connects then.
#[test]
fn a_file_goes_on_after_its_receiver_was_killed() {
    let places = Places::new(23);
    let (mut sender, receiver, gate) = Places::start(&places.sending(), &places.receiving(), HALF);
    gate.holds();
    kill(receiver);
    gate.cut();
    sender.event("failed");
    assert_eq!(
        sender.event("kept")["file"].as_str().map(FilePath::new).map(FilePath::exists),
        Some(true)
    );
    sender.ends_with(1);
    places.go_on(4_000_000);
}

/// Leaves half of a file with its states.
fn halved(seed: u64) -> Places {
    let places = Places::new(seed);
    let (mut receiver, mut sender, gate) =
        Places::start(&places.receiving(), &places.sending(), HALF);
    gate.holds();
    gate.cut();
    receiver.event("kept");
    sender.event("kept");
    sender.ends_with(1);
    receiver.ends_with(1);
    places
}

#[test]
fn a_file_that_changed_since_begins_anew() {
    let mut places = halved(25);
    places.bytes[7] ^= 1;
    std::fs::write(&places.from, &places.bytes).expect("a file");
    let (mut receiver, mut sender, gate) =
        Places::start(&places.receiving(), &places.sending(), u64::MAX);
    let (begun, saved) = (sender.event("sending"), receiver.event("saved"));
    sender.ends_with(0);
    receiver.ends_with(0);
    places.is_saved(&saved, &begun);
    assert!(gate.passed() > SIZE as u64);
    assert!(!sender.lines.everything().contains("resumed"), "{}", sender.lines.everything());
}

#[test]
fn a_part_that_was_changed_is_refused_whole_and_the_next_try_begins_anew() {
    let places = halved(27);
    let part = places.names("saved").into_iter().find(|name| name.ends_with(".part"));
    let part = places.directory.path().join("saved").join(part.expect("a part"));
    let mut bytes = std::fs::read(&part).expect("a file");
    bytes[1_000] ^= 1;
    std::fs::write(&part, bytes).expect("a file");
    let (mut receiver, mut sender, _gate) =
        Places::start(&places.receiving(), &places.sending(), u64::MAX);
    let failed = receiver.event("incoming_failed");
    assert!(failed["reason"].as_str().is_some_and(|why| why.contains("SHA-256")), "{failed}");
    assert_eq!(sender.event("aborted")["by"], "peer");
    sender.ends_with(1);
    receiver.ends_with(1);
    assert!(places.names("saved").is_empty() && places.names("states").is_empty());
    let (mut receiver, mut sender, _gate) =
        Places::start(&places.receiving(), &places.sending(), u64::MAX);
    let (begun, saved) = (sender.event("sending"), receiver.event("saved"));
    sender.ends_with(0);
    receiver.ends_with(0);
    places.is_saved(&saved, &begun);
}

/// A peer of another make: knows nothing of questions.
async fn stranger(accept: &str) -> (String, impl Future<Output = Session>) {
    let endpoint = plain();
    endpoint.listen(ANYWHERE).await.expect("a port");
    let accept = Accept::new(accept, "");
    let offer = endpoint.offer(false, SessionOptions { accept, ..SessionOptions::default() });
    let (path, waiting) = (offer.path().to_string(), offer.wait(None));
    let came = async move {
        let session = soon(waiting).await.expect("bound");
        drop(endpoint);
        session
    };
    (path, came)
}

// RFC 4975 s7.3.1: 415 for the question, or 200 and never an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_knows_no_ranges_gets_the_whole_file() {
    let places = tokio::task::spawn_blocking(|| halved(29)).await.expect("no panic");
    let state = places.directory.path().join("states").join(&places.names("states")[0]);
    let text = std::fs::read(&state).expect("a state");
    for (accept, asks) in [("application/octet-stream", false), ("*", true)] {
        std::fs::write(&state, &text).expect("a state");
        let (path, came) = stranger(accept).await;
        let mut words = vec!["connect".to_owned(), path];
        words.extend(places.sending());
        let mut sender = Running::start(&refs(&words));
        let mut session = came.await;
        if asks {
            let question = message(&mut session).await;
            assert_eq!(question.header.content_type, "application/vnd.tagus.file-range");
        }
        let to = places.directory.path().join(format!("to-{asks}"));
        let wanted = incoming(&mut session).await;
        let disposition = wanted.header().disposition.clone().expect("one");
        assert!(
            disposition.starts_with("attachment; filename=\"photo.bin\"; hash="),
            "{disposition}"
        );
        let sink = Sink::from(std::fs::File::create_new(&to).expect("a file"));
        soon(wanted.accept(sink).await.finished()).await.expect("all of it");
        assert!(std::fs::read(&to).expect("a file") == places.bytes);
        tokio::task::spawn_blocking(move || sender.ends_with(0)).await.expect("no panic");
        assert!(places.names("states").is_empty());
        drop(session);
    }
}

// A name that leads elsewhere, and a hash that is another's.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_says_of_his_file_is_not_believed() {
    let places = Places::new(31);
    let bytes = &places.bytes[..1_000_000];
    for (hash, fine) in
        [("", true), ("; hash=\"sha-256:zz\"", true), ("right", true), ("wrong", false)]
    {
        let of = |bytes: &[u8]| {
            let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
            let hash: Vec<_> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
            format!("; hash=\"sha-256:{}\"", hash.join(":"))
        };
        let hash = match hash {
            "right" => of(bytes),
            "wrong" => of(b"another"),
            other => other.to_owned(),
        };
        let mut words = vec!["listen".to_owned()];
        words.extend(places.receiving());
        let mut receiver = Running::start(&refs(&words));
        let path = Path::parse(&path_of(&receiver.event("listening"))).expect("a path");
        let endpoint = plain();
        let session =
            soon(endpoint.connect(&path, SessionOptions::default())).await.expect("bound");
        let disposition = format!("attachment; filename=\"../../states/out\"{hash}");
        let how = Outbound::new("application/octet-stream").disposition(&disposition).report();
        let mut sending = session.send(how, Source::memory(bytes.to_vec())).await;
        let outcome = soon(sending.finished()).await;
        let everything = tokio::task::spawn_blocking(move || {
            if fine {
                receiver.event("saved");
            } else {
                receiver.event("incoming_failed");
            }
            receiver.ends_with(if fine { 0 } else { 1 });
            receiver.lines.everything()
        });
        let everything = everything.await.expect("no panic");
        if fine {
            assert_eq!(outcome, Ok(()), "{everything}");
            let saved = places.directory.path().join("saved").join("out");
            assert!(std::fs::read(&saved).expect("a file") == bytes);
            std::fs::remove_file(&saved).expect("a file");
        } else {
            // RFC 4975 s7.3.3: 413 is how a receiver gives a message up.
            let is_told = matches!(outcome, Err(SendFailure::Aborted { by: By::Remote, .. }));
            assert!(is_told, "{outcome:?}");
        }
        assert!(places.names("saved").is_empty() && places.names("states").is_empty());
    }
}
