//! How a client signs in to its relays (RFC 4976 s5.1, s9.1): AUTH with Digest, one relay after the
//! other, each through those before it.
//!
//! ```text
//!   request() ──> Connection::request ──> Notice::Response ──> answer() ──> Step::Again, or Done
//! ```
//!
//! RFC 4976 knows no redirection: any code but 200, 401 and 423 ends the attempt.

use std::time::Duration;

use super::connection::Request;
use super::ident::Ids;
use super::message::Response;
use super::uri::{Path, Uri, UriError};
use crate::http_digest::{Answer, Challenge, Exchange, Hash, ha2, response};
use crate::text;

/// Requests to one relay at most: unasked, challenged, stale, out of bounds.
const MOST_TRIES: u32 = 5;

/// Why a client cannot use its relays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The list of relays is empty or too long, or a path through them is.
    #[error(transparent)]
    Path(#[from] UriError),
    /// A relay that is not reached over TLS (s9.2).
    #[error("a relay is only used over TLS")]
    NotSecure,
    /// The user name or the password is wrong.
    #[error("the relay does not accept the credentials")]
    Credentials,
    /// The relay asks in no way that is spoken here.
    #[error("the relay asks for credentials in an unknown way")]
    NoChallenge,
    /// The relay could not prove that it knows the password (`rspauth`).
    #[error("the relay does not know the password")]
    Relay,
    /// The relay's answer has no `Use-Path`.
    #[error("the relay gave no path")]
    NoPath,
    /// The relay refused with another code; 408 if it did not answer.
    #[error("the relay refused with {0}")]
    Code(u16),
    /// The relay asks again and again.
    #[error("the relay asks again and again")]
    Endless,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send [`Login::request`].
    Again,
    /// All relays are ready.
    Done {
        /// The way through them: before the peer's path in `To-Path` ([`Path::through`]), in
        /// reverse and before our own URI in SDP ([`Path::offered`]).
        use_path: Path,
        /// How long it may be used; sign in anew before. `None` if no relay said.
        expires: Option<Duration>,
    },
}

/// A nonce of a relay, and how often it was used.
struct Space {
    challenge: Challenge,
    ha1: Hash,
    count: u32,
    cnonce: String,
}

/// One client at its relays.
pub struct Login {
    relays: Path,
    own: Uri,
    user: String,
    password: String,
    ids: Ids,
    /// `Expires`, if the client or the relay's bounds want one.
    wanted: Option<u32>,
    /// By relay.
    spaces: Vec<Option<Space>>,
    hop: usize,
    tries: u32,
    /// Whether the last request answered a challenge of this attempt.
    answered: bool,
    challenged: bool,
    use_path: Option<Path>,
    expires: Option<u32>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("relays", &self.relays).field("hop", &self.hop).finish()
    }
}

impl Login {
    /// A client that uses these relays, the first one nearest to it. `expires` asks for a path that
    /// is valid no longer than so many seconds.
    ///
    /// # Errors
    /// [`AuthError::NotSecure`] for a relay without TLS.
    pub fn new(
        relays: Path,
        own: Uri,
        user: &str,
        password: &str,
        expires: Option<u32>,
    ) -> Result<Login, AuthError> {
        if !relays.uris().iter().all(Uri::is_secure) {
            return Err(AuthError::NotSecure);
        }
        Ok(Login::over_any_transport(relays, own, user, password, expires))
    }

    /// The same, TLS or not: for tests on one machine, and relays behind a TLS proxy.
    #[must_use]
    pub fn over_any_transport(
        relays: Path,
        own: Uri,
        user: &str,
        password: &str,
        expires: Option<u32>,
    ) -> Login {
        let spaces = relays.uris().iter().map(|_| None).collect();
        Login {
            relays,
            own,
            user: user.to_owned(),
            password: password.to_owned(),
            ids: Ids::default(),
            wanted: expires,
            spaces,
            hop: 0,
            tries: 0,
            answered: false,
            challenged: false,
            use_path: None,
            expires: None,
        }
    }

    /// Begins anew, with the nonces that are known: before a path expires. The new path is another
    /// one, and has to be negotiated with the peers (s9.4).
    pub fn refresh(&mut self) {
        self.hop = 0;
        self.tries = 0;
        self.challenged = false;
        self.use_path = None;
        self.expires = None;
    }

    /// The request to be sent now, to the first relay's connection.
    ///
    /// # Errors
    /// [`AuthError::Path`] if the way becomes too long, [`AuthError::Endless`].
    pub fn request(&mut self) -> Result<Request, AuthError> {
        self.tries += 1;
        if self.tries > MOST_TRIES {
            return Err(AuthError::Endless);
        }
        let relay = &self.relays.uris()[self.hop.min(self.relays.uris().len() - 1)];
        let to = match &self.use_path {
            Some(way) => Path::through(way, &Path::from(relay.clone()))?,
            None => Path::from(relay.clone()),
        };
        let mut fields = Vec::new();
        if let Some(seconds) = self.wanted {
            fields.push(("Expires".to_owned(), seconds.to_string()));
        }
        let space = self.spaces.get_mut(self.hop).and_then(Option::as_mut);
        self.answered = space.is_some() && self.challenged;
        if let Some(space) = space {
            space.count += 1;
            space.cnonce = self.ids.message();
            let mut value = Vec::new();
            let answer = Answer {
                user: &self.user,
                ha1: &space.ha1,
                method: "AUTH",
                uri: to.last().as_str(),
                count: space.count,
                cnonce: &space.cnonce,
            };
            answer.write(&space.challenge, &mut value);
            let value = String::from_utf8_lossy(&value).into_owned();
            fields.push(("Authorization".to_owned(), value));
        }
        let from = Path::from(self.own.clone());
        Ok(Request { method: "AUTH".to_owned(), to, from, fields, body: None })
    }

    /// Takes the answer to the last request.
    ///
    /// # Errors
    /// [`AuthError`]: this way is closed.
    pub fn answer(&mut self, response: &Response) -> Result<Step, AuthError> {
        match response.code {
            200 => self.granted(response),
            401 => self.challenged(response),
            423 => self.out_of_bounds(response),
            code => Err(AuthError::Code(code)),
        }
    }

    fn challenged(&mut self, response: &Response) -> Result<Step, AuthError> {
        // RFC 7616 s3.7: of several challenges the best that is understood.
        let best = response
            .values("WWW-Authenticate")
            .filter_map(|value| Challenge::parse(value.as_bytes()).ok())
            // Clients have to send qop, and then relays have to offer it (s9.1).
            .filter(|challenge| challenge.qop)
            .reduce(|best, next| if next.algorithm > best.algorithm { next } else { best });
        let challenge = best.ok_or(AuthError::NoChallenge)?;
        // A nonce of an earlier attempt may be stale without a word of it; one of now is not.
        if self.answered && !challenge.stale {
            return Err(AuthError::Credentials);
        }
        self.challenged = true;
        let ha1 = challenge.ha1(&self.user, &self.password);
        self.keep(Space { challenge, ha1, count: 0, cnonce: String::new() });
        Ok(Step::Again)
    }

    fn keep(&mut self, space: Space) {
        if let Some(place) = self.spaces.get_mut(self.hop) {
            *place = Some(space);
        }
    }

    fn granted(&mut self, response: &Response) -> Result<Step, AuthError> {
        self.check_relay(response)?;
        let use_path = response.values("Use-Path").next().ok_or(AuthError::NoPath)?;
        let use_path = Path::parse(use_path)?;
        let seconds = response.values("Expires").next().and_then(|v| text::number(v.as_bytes()));
        self.expires = match (self.expires, seconds) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.hop += 1;
        self.tries = 0;
        self.challenged = false;
        self.use_path = Some(use_path.clone());
        if self.hop < self.relays.uris().len() {
            return Ok(Step::Again);
        }
        let expires = self.expires.map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Step::Done { use_path, expires })
    }

    /// `Authentication-Info` (RFC 7616 s3.5): the relay proves itself, and may name the next nonce.
    fn check_relay(&mut self, answer: &Response) -> Result<(), AuthError> {
        let Some(info) = answer.values("Authentication-Info").next() else { return Ok(()) };
        let uri = self.relays.uris()[self.hop.min(self.relays.uris().len() - 1)].as_str();
        let Some(space) = self.spaces.get_mut(self.hop).and_then(Option::as_mut) else {
            return Ok(());
        };
        // The list is that of a challenge without its scheme.
        let info = format!("Digest {info}");
        let value = |name| text::auth_param(info.as_bytes(), name);
        if let Some(proof) = value("rspauth") {
            let nc = format!("{:08x}", space.count);
            let exchange = Exchange {
                nonce: space.challenge.nonce.as_bytes(),
                nc: nc.as_bytes(),
                cnonce: space.cnonce.as_bytes(),
                qop: b"auth",
            };
            let algorithm = space.challenge.algorithm;
            let right = response(&space.ha1, &exchange, &ha2(algorithm, b"", uri.as_bytes()));
            if Hash::from_hex(algorithm, proof) != Some(right) {
                return Err(AuthError::Relay);
            }
        }
        if let Some(nonce) = value("nextnonce").and_then(|nonce| std::str::from_utf8(nonce).ok()) {
            space.challenge.nonce = nonce.to_owned();
            space.count = 0;
        }
        Ok(())
    }

    fn out_of_bounds(&mut self, response: &Response) -> Result<Step, AuthError> {
        let bound = |name: &str| {
            response.values(name).next().and_then(|value| text::number(value.as_bytes()))
        };
        let bound = bound("Min-Expires").or_else(|| bound("Max-Expires"));
        match bound {
            Some(seconds) if self.wanted != Some(seconds) => {
                self.wanted = Some(seconds);
                Ok(Step::Again)
            }
            _ => Err(AuthError::Code(423)),
        }
    }
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
