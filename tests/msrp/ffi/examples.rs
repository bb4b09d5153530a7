//! The examples in C and Python: with each other, and with this library.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use tagus::msrp::peer::{Endpoint, EndpointOptions, Event, Outbound, SessionOptions, Sink, Source};

#[path = "../../support/lines.rs"]
mod lines;

use lines::Lines;

const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of the file that goes each way: several chunks, and no multiple of anything.
const LENGTH: usize = 1_219_974;

fn repository(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

fn run(command: &mut Command) {
    let output = command.output().expect("it can be started");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}

/// The programs, made once: the library and the example in C. How long that takes is nobody's fault:
/// who has a deadline has them made before it begins.
struct Built {
    library: PathBuf,
    chat: PathBuf,
    _directory: tempfile::TempDir,
}

static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = target_directory();
    let mut build = Command::new(cargo);
    build.args(["rustc", "--lib", "--crate-type", "cdylib", "--no-default-features"]);
    build.args(["--features", "ffi", "--target-dir"]).arg(&target);
    run(build.current_dir(repository("")));
    let library = target.join("debug").join(format!(
        "{}tagus{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ));
    let directory = tempfile::tempdir().expect("a directory");
    let chat = directory.path().join("chat");
    let mut compile = Command::new("cc");
    compile.args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o"]).arg(&chat);
    compile.arg(repository("packaging/examples/chat.c"));
    compile.arg("-I").arg(repository("packaging"));
    compile.arg(&library).arg(format!("-Wl,-rpath,{}", target.join("debug").display()));
    run(&mut compile);
    Built { library, chat, _directory: directory }
});

/// Where cargo builds: this program is in `TARGET/PROFILE/deps`.
fn target_directory() -> PathBuf {
    let own = std::env::current_exe().expect("a path");
    own.ancestors().nth(3).expect("a target directory").to_owned()
}

/// An example that runs.
struct Chat {
    child: Child,
    lines: Lines,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Language {
    C,
    Python,
}

impl Chat {
    /// `arguments` as the example in C has them.
    fn start(language: Language, role: &[&str], arguments: &[(&str, &str)]) -> Chat {
        let mut command = match language {
            Language::C => Command::new(&BUILT.chat),
            Language::Python => {
                let mut command = Command::new("python3");
                command.arg(repository("packaging/examples/chat.py")).arg(&BUILT.library);
                command
            }
        };
        command.args(role);
        for (name, value) in arguments {
            let long = match *name {
                "-t" => "--text",
                "-f" => "--file",
                "-d" => "--save",
                _ => "--count",
            };
            command.arg(if language == Language::C { name } else { long }).arg(value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let stdout: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("a pipe"));
        let stderr: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("a pipe"));
        Chat { child, lines: Lines::of([stdout, stderr]) }
    }

    fn wait_for(&mut self, beginning: &str) -> String {
        let found =
            self.lines.wait(PATIENCE, |line| line.strip_prefix(beginning).map(str::to_owned));
        found.unwrap_or_else(|why| panic!("{beginning:?}: {why:?}\n{}", self.lines.everything()))
    }

    fn ends_well(mut self) {
        self.wait_for("closed");
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}\n{}\n", self.lines.everything());
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn file(directory: &Path, name: &str, seed: u8) -> PathBuf {
    let mut state = u32::from(seed) | 1;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(LENGTH)
    .collect();
    let path = directory.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

fn hash(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(bytes.len(), LENGTH);
    ring::digest::digest(&ring::digest::SHA256, &bytes).as_ref().to_vec()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn chat_between(listener: Language, caller: Language) {
    let directory = tempfile::tempdir().expect("a directory");
    let (left, right) = (directory.path().join("left"), directory.path().join("right"));
    for side in [&left, &right] {
        std::fs::create_dir(side).expect("a directory");
    }
    let (ours, theirs) = (file(directory.path(), "ours", 3), file(directory.path(), "theirs", 5));
    let own =
        [("-t", "hello, naïve caller"), ("-f", text(&ours)), ("-d", text(&left)), ("-n", "2")];
    let mut listening = Chat::start(listener, &["listen"], &own);
    let path = listening.wait_for("path: ");
    let own = [("-t", "hello, listener"), ("-f", text(&theirs)), ("-d", text(&right)), ("-n", "2")];
    let mut calling = Chat::start(caller, &["connect", &path], &own);
    assert_eq!(listening.wait_for("text: "), "hello, listener");
    assert_eq!(calling.wait_for("text: "), "hello, naïve caller");
    calling.ends_well();
    listening.ends_well();
    assert_eq!(hash(&left.join("received-1")), hash(&theirs));
    assert_eq!(hash(&right.join("received-1")), hash(&ours));
}

// features 1.3 "Other languages", 1.2 "Documentation + examples"
#[test]
fn c_and_python_chat_and_exchange_files() {
    chat_between(Language::C, Language::Python);
}

#[test]
fn python_and_c_chat_and_exchange_files() {
    chat_between(Language::Python, Language::C);
}

/// The library itself at one end, an example at the other.
async fn chat_with(language: Language) {
    let directory = tempfile::tempdir().expect("a directory");
    let (ours, theirs) = (file(directory.path(), "ours", 7), file(directory.path(), "theirs", 9));
    let saved = directory.path().join("saved");
    std::fs::create_dir(&saved).expect("a directory");
    let endpoint = Endpoint::new(EndpointOptions::new("127.0.0.1")).expect("an endpoint");
    let anywhere = "127.0.0.1:0".parse().expect("an address");
    endpoint.listen(anywhere).await.expect("a port");
    let offer = endpoint.offer(false, SessionOptions::default());
    let path = offer.path().to_string();
    let waiting = offer.wait(None);
    let own = [("-t", "from afar"), ("-f", text(&theirs)), ("-d", text(&saved)), ("-n", "2")];
    let mut calling = Chat::start(language, &["connect", &path], &own);
    let mut session = waiting.await.expect("bound");
    let mut line = session.send(Outbound::text().report(), "from here").await;
    let how = Outbound::new("application/octet-stream").report();
    let mut sent = session.send(how, Source::file(&ours).expect("a source")).await;
    let to = directory.path().join("to");
    let mut heard = None;
    let mut taken = None;
    while heard.is_none() || taken.is_none() {
        match session.next().await {
            Some(Event::Message(whole)) => heard = Some(whole.body),
            Some(Event::Incoming(incoming)) => {
                let disposition = incoming.header().disposition.clone();
                assert_eq!(disposition.as_deref(), Some("attachment; filename=\"theirs\""));
                let sink = Sink::from(std::fs::File::create(&to).expect("a file"));
                taken = Some(incoming.accept(sink).await);
            }
            Some(Event::Alive) => {}
            other => panic!("{other:?}\n{}", calling.lines.everything()),
        }
    }
    assert_eq!(heard.as_deref(), Some("from afar".as_bytes()));
    let received = taken.expect("an incoming message").finished().await.expect("all of it");
    assert_eq!(received.length, LENGTH as u64);
    assert_eq!((line.finished().await, sent.finished().await), (Ok(()), Ok(())));
    calling.wait_for("text: from here");
    calling.ends_well();
    assert_eq!(hash(&to), hash(&theirs));
    assert_eq!(hash(&saved.join("received-1")), hash(&ours));
}

#[tokio::test(flavor = "multi_thread")]
async fn c_chats_with_the_library() {
    LazyLock::force(&BUILT);
    tokio::time::timeout(PATIENCE * 5, chat_with(Language::C)).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_chats_with_the_library() {
    LazyLock::force(&BUILT);
    tokio::time::timeout(PATIENCE * 5, chat_with(Language::Python)).await.expect("in time");
}
