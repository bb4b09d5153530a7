use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::accounts::Actor;
use crate::app::telemetry::tests::Capture;
use crate::config::LogFormat;
use crate::operations::{
    DeviceSecret, Exit, Failure, Operations, Performing, Reply, Request, Secret, Status, User,
};

/// Answers by what it was asked.
struct Desk;

impl Operations for Desk {
    fn perform<'a>(&'a self, _: &'a Actor, request: Request) -> Performing<'a> {
        Box::pin(async move {
            match request {
                Request::Status => Ok(Reply::Status(Box::new(Status {
                    version: "1".to_owned(),
                    ..Status::default()
                }))),
                Request::UserAdd { user, password, .. } => {
                    tracing::info!(user, ?password, "an account was made");
                    Ok(Reply::Done)
                }
                Request::DeviceAdd { user, .. } => Ok(Reply::DeviceSecret(DeviceSecret {
                    user,
                    device: "d1".to_owned(),
                    secret: Secret::new("canary-device".to_owned()),
                })),
                Request::UserList { .. } => {
                    let users =
                        (0..20_000).map(|n| User { user: n.to_string(), ..User::default() });
                    Ok(Reply::Users(users.collect()))
                }
                other => Err(Failure::not_found(format!("nothing for {other:?}"))),
            }
        })
    }
}

/// Runs `test` on a thread of its own against a server in `folder`.
fn with_server(folder: &Path, test: impl FnOnce(&Path) + Send + 'static) {
    let path = folder.join("tagus.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = Listener::bind(&path).unwrap();
        let for_test = path.clone();
        tokio::select! {
            () = serve(listener, Arc::new(Desk)) => {}
            done = tokio::task::spawn_blocking(move || test(&for_test)) => done.unwrap(),
        }
    });
    assert!(!path.exists(), "the socket goes with its server");
}

#[test]
fn requests_come_back_answered() {
    let folder = tempfile::tempdir().unwrap();
    with_server(folder.path(), |path| {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut client = Client::connect(path).unwrap();
        let Reply::Status(status) = client.call(&Request::Status).unwrap() else { panic!() };
        assert_eq!(status.version, "1");
        let request =
            Request::DeviceAdd { user: "ana".into(), label: "phone".into(), md5_only: false };
        let Reply::DeviceSecret(device) = client.call(&request).unwrap() else { panic!() };
        assert_eq!(
            serde_json::to_string(&device).unwrap(),
            r#"{"user":"ana","device":"d1","secret":"canary-device"}"#
        );
        let failure = Failure::from(client.call(&Request::BanList).unwrap_err());
        assert_eq!(failure.exit, Exit::NotFound);
        let request = Request::UserList { after: None, limit: 1000 };
        let Reply::Users(users) = client.call(&request).unwrap() else { panic!() };
        assert_eq!(users.len(), 20_000);
    });
}

#[test]
fn a_directory_without_a_server_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagus.sock");
    assert!(matches!(Client::connect(&path), Err(CallError::NoServer(_))));
    // A killed server leaves its socket behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let failure = Failure::from(Client::connect(&path).unwrap_err());
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(failure.message.contains(&folder.path().display().to_string()));
    with_server(folder.path(), |path| assert!(Client::connect(path).is_ok()));
}

#[test]
fn a_data_directory_with_a_very_long_name_has_a_socket_too() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("x".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    with_server(&deep, |path| {
        Client::connect(path).unwrap().call(&Request::Status).unwrap();
    });
}

/// C17: garbage and floods.
#[test]
fn garbage_is_answered_once_and_closed_and_floods_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    with_server(folder.path(), |path| {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer.lines().count(), 1);
        assert!(answer.starts_with(r#"{"error":{"exit":"usage""#), "{answer}");

        let mut stream = UnixStream::connect(path).unwrap();
        let flood = vec![b'['; LONGEST_REQUEST + 2];
        // The server may close while the flood is still being written.
        let _ = stream.write_all(&flood);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty());

        Client::connect(path).unwrap().call(&Request::Status).unwrap();
    });
}

/// T69: what passes through the socket does not reach the log, not even at trace level.
#[test]
fn secrets_do_not_reach_the_log() {
    let capture = Capture::default();
    let folder = tempfile::tempdir().unwrap();
    tracing::subscriber::with_default(capture.subscriber(LogFormat::Text), || {
        with_server(folder.path(), |path| {
            let password = Some(Secret::new("canary-password".to_owned()));
            let user = "ana".to_owned();
            let request = Request::UserAdd {
                user,
                name: None,
                mail: None,
                number: None,
                groups: vec![],
                password,
            };
            let mut client = Client::connect(path).unwrap();
            client.call(&request).unwrap();
            let user = "ana".to_owned();
            client
                .call(&Request::DeviceAdd { user, label: String::new(), md5_only: true })
                .unwrap();
            let mut stream = UnixStream::connect(path).unwrap();
            stream.write_all(b"{\"user_add\":\"canary-garbage\"}\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(!answer.contains("canary"));
        });
    });
    let text = capture.text();
    assert!(text.contains("an account was made"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}
