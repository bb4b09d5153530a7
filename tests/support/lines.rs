//! The lines that a process prints, with a deadline on waiting for one.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use tagus::clock::Clock;

/// Lines of one or several pipes, and those that were already seen.
pub(crate) struct Lines {
    incoming: Receiver<String>,
    seen: Vec<String>,
    clock: Clock,
}

/// Why no line came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoLine {
    /// The deadline passed.
    Late,
    /// The process closed its pipes: it has ended.
    Ended,
}

impl Lines {
    /// Reads these pipes until all of them are closed.
    pub(crate) fn of<const N: usize>(pipes: [Box<dyn Read + Send>; N]) -> Lines {
        let (sender, incoming) = channel();
        for pipe in pipes {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).split(b'\n') {
                    let Ok(line) = line else { break };
                    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Lines { incoming, seen: Vec::new(), clock: Clock::system() }
    }

    /// Waits for a line that `wanted` takes; lines that came before count only once.
    pub(crate) fn wait<T>(
        &mut self,
        patience: Duration,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Result<T, NoLine> {
        let deadline = self.clock.now() + patience;
        loop {
            match self.incoming.recv_timeout(deadline - self.clock.now()) {
                Ok(line) => {
                    let found = wanted(&line);
                    self.seen.push(line);
                    if let Some(found) = found {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err(NoLine::Late),
                Err(RecvTimeoutError::Disconnected) => return Err(NoLine::Ended),
            }
        }
    }

    /// Everything seen so far, for the message of a test that fails.
    pub(crate) fn everything(&mut self) -> String {
        self.seen.extend(self.incoming.try_iter());
        self.seen.join("\n")
    }
}
