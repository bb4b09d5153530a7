//! A command's end of the control socket.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::LONGEST_REPLY;
use super::path::Short;
use crate::operations::{Exit, Failure, Reply, Request};

/// How long a server may think about one request. An import of thousands is the longest.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why there was no reply.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No server runs in that data directory.
    #[error("no server is running in {0}")]
    NoServer(PathBuf),
    /// The socket belongs to somebody else.
    #[error("{0} belongs to another user; run this as that user or as root")]
    NotOurs(PathBuf),
    /// A server that does not answer.
    #[error("the server at {0} does not answer: {1}")]
    Broken(PathBuf, io::Error),
    /// An answer that says no.
    #[error("{0}")]
    Answered(Failure),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        let exit = match &error {
            CallError::NoServer(_) | CallError::Broken(..) => Exit::Unreachable,
            CallError::NotOurs(_) => Exit::Refused,
            CallError::Answered(failure) => failure.exit,
        };
        Failure::new(exit, error)
    }
}

/// A connection to a running server.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<UnixStream>,
    path: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(Reply),
    Error(Failure),
}

impl Client {
    /// Connects to the socket at `path`.
    ///
    /// # Errors
    /// [`CallError::NoServer`] if nobody listens there.
    pub fn connect(path: &Path) -> Result<Client, CallError> {
        let stream = Short::of(path).and_then(|short| UnixStream::connect(short.path()));
        match stream {
            Ok(stream) => {
                let limits = stream
                    .set_read_timeout(Some(PATIENCE))
                    .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
                limits.map_err(|error| CallError::Broken(path.to_owned(), error))?;
                Ok(Client { reader: BufReader::new(stream), path: path.to_owned() })
            }
            Err(error) => Err(match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::NotADirectory => {
                    CallError::NoServer(path.parent().unwrap_or(path).to_owned())
                }
                io::ErrorKind::PermissionDenied => CallError::NotOurs(path.to_owned()),
                _ => CallError::Broken(path.to_owned(), error),
            }),
        }
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// [`CallError::Answered`] if the server says no, others if it says nothing.
    pub fn call(&mut self, request: &Request) -> Result<Reply, CallError> {
        match self.exchange(request) {
            Ok(Answer::Ok(reply)) => Ok(reply),
            Ok(Answer::Error(failure)) => Err(CallError::Answered(failure)),
            Err(error) => Err(CallError::Broken(self.path.clone(), error)),
        }
    }

    fn exchange(&mut self, request: &Request) -> io::Result<Answer> {
        let mut line = Zeroizing::new(serde_json::to_vec(request)?);
        if line.len() >= super::LONGEST_REQUEST {
            return Err(io::Error::other("this is more than one request may hold; split it"));
        }
        line.push(b'\n');
        self.reader.get_mut().write_all(&line)?;
        let mut reply = Zeroizing::new(Vec::new());
        (&mut self.reader).take(LONGEST_REPLY as u64).read_until(b'\n', &mut reply)?;
        if reply.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_slice(&reply)?)
    }
}
