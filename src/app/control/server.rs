//! The server's end of the control socket.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::LONGEST_REQUEST;
use super::path::Short;
use crate::accounts::Actor;
use crate::operations::{Failure, Operations, Reply, Request};

/// Connections at once; more wait in the socket's queue.
const CONNECTIONS: usize = 16;

/// From the start of waiting for a request to its last byte.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// How long a client may take nothing of its reply.
const REPLY_TIME: Duration = Duration::from_secs(30);

/// The control socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the control socket {path}: {error}")]
pub struct ControlError {
    /// Where it should be.
    pub path: PathBuf,
    /// Why it is not.
    pub error: io::Error,
}

/// A control socket that is open. Dropping it removes the file.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Opens the socket at `path`, which only the owner can reach. The caller owns the data
    /// directory (the store's lock says so), so a file that is there was left by a killed server.
    ///
    /// # Errors
    /// If the file cannot be made. Needs a tokio runtime.
    pub fn bind(path: &Path) -> Result<Listener, ControlError> {
        let open = || {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let short = Short::of(path)?;
            let socket = UnixListener::bind(short.path())?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
            Ok(socket)
        };
        match open() {
            Ok(socket) => Ok(Listener { socket, path: path.to_owned() }),
            Err(error) => Err(ControlError { path: path.to_owned(), error }),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may be gone already; the next server removes a stale one anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Serves requests until the future is dropped.
pub async fn serve(listener: Listener, operations: Arc<dyn Operations>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.socket.accept().await {
            Ok((stream, _)) => {
                let operations = Arc::clone(&operations);
                tokio::spawn(async move {
                    connection(stream, operations.as_ref()).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket accepts nothing for a moment");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Only the server's own user and root may ask, whatever the mode of the file says.
fn is_own(stream: &UnixStream) -> bool {
    match stream.peer_cred() {
        Ok(peer) => peer.uid() == 0 || peer.uid() == nix::unistd::geteuid().as_raw(),
        Err(_) => false,
    }
}

async fn connection(stream: UnixStream, operations: &dyn Operations) {
    if !is_own(&stream) {
        tracing::warn!("another user's process was turned away from the control socket");
        return;
    }
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let actor = Actor::socket();
    loop {
        // Ended, broken, too long or too slow: nobody is there to be told.
        let Ok(Ok(Some(line))) = timeout(REQUEST_TIME, request_line(&mut reader)).await else {
            return;
        };
        let (answer, last) = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => (operations.perform(&actor, request).await, false),
            // The text of serde's error quotes what it read, which may be a password.
            Err(_) => (Err(Failure::usage("this is not a request that the server knows")), true),
        };
        drop(line);
        let Some(reply) = encode(&answer) else { return };
        match timeout(REPLY_TIME, writer.write_all(&reply)).await {
            Ok(Ok(())) if !last => {}
            _ => return,
        }
    }
}

/// One line without its end; `None` at the end of the stream or if the line is too long.
async fn request_line(
    reader: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut line = Zeroizing::new(Vec::new());
    let mut bounded = reader.take(LONGEST_REQUEST as u64 + 1);
    bounded.read_until(b'\n', &mut line).await?;
    Ok((line.pop() == Some(b'\n')).then_some(line))
}

/// What stands on the reply line.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer<'a> {
    Ok(&'a Reply),
    Error(&'a Failure),
}

fn encode(answer: &Result<Reply, Failure>) -> Option<Zeroizing<Vec<u8>>> {
    let answer = match answer {
        Ok(reply) => Answer::Ok(reply),
        Err(failure) => Answer::Error(failure),
    };
    let mut line = Zeroizing::new(serde_json::to_vec(&answer).ok()?);
    line.push(b'\n');
    Some(line)
}
