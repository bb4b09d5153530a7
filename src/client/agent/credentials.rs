//! A user agent's answers to challenges (RFC 3261 s22, RFC 7616, RFC 8760).

use zeroize::Zeroizing;

use crate::entropy;
use crate::http_digest::{Answer, Challenge, Hash};
use crate::sip::header::HeaderName;
use crate::sip::wire::Message;

/// Protection spaces that are remembered.
const MOST: usize = 16;

/// Who asked: a server (401) or a proxy (407).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    Server,
    Proxy,
}

impl Asker {
    /// Whoever gives a response of this status, if it is a challenge.
    pub(super) fn of(status: u16) -> Option<Asker> {
        match status {
            401 => Some(Asker::Server),
            407 => Some(Asker::Proxy),
            _ => None,
        }
    }

    fn challenge_header(self) -> HeaderName {
        match self {
            Asker::Server => HeaderName::WwwAuthenticate,
            Asker::Proxy => HeaderName::ProxyAuthenticate,
        }
    }

    fn answer_header(self) -> &'static str {
        match self {
            Asker::Server => "Authorization",
            Asker::Proxy => "Proxy-Authorization",
        }
    }
}

/// A challenge that was taken, and how often it was answered.
struct Space {
    asker: Asker,
    /// A server's space is its Request-URI; a proxy's is all that goes through it, but what it
    /// forwards and what it registers may have two.
    scope: String,
    challenge: Challenge,
    ha1: Hash,
    count: u32,
}

/// The credentials of one account, with the nonces in use.
pub(super) struct Keyring {
    user: String,
    password: Zeroizing<String>,
    spaces: Vec<Space>,
}

impl Keyring {
    pub(super) fn new(user: &str, password: &str) -> Keyring {
        Keyring {
            user: user.to_owned(),
            password: Zeroizing::new(password.to_owned()),
            spaces: Vec::new(),
        }
    }

    /// The challenges of a response that can be answered: for each realm the one with the
    /// strongest algorithm that is spoken here (RFC 7616 s5.6; RFC 8760 s2.4 leaves the order to
    /// the client), the first of equals. What is not understood is passed over.
    pub(super) fn offers(asker: Asker, message: &Message<'_>) -> Vec<Challenge> {
        let mut offers: Vec<Challenge> = Vec::new();
        for value in message.headers(asker.challenge_header()) {
            let Ok(challenge) = Challenge::parse(value) else { continue };
            let room = offers.len() < MOST;
            match offers.iter_mut().find(|other| other.realm == challenge.realm) {
                Some(other) if other.algorithm < challenge.algorithm => *other = challenge,
                None if room => offers.push(challenge),
                Some(_) | None => {}
            }
        }
        offers
    }

    /// Gives up what was refused: no later request carries it (RFC 3261 s22.1).
    pub(super) fn drop_refused(&mut self, asker: Asker, scope: &str, realm: &str) {
        self.spaces.retain(|space| {
            space.asker != asker || space.scope != scope || space.challenge.realm != realm
        });
    }

    /// Takes a challenge; from now on requests of this scope answer it unasked.
    pub(super) fn take(&mut self, asker: Asker, scope: &str, challenge: Challenge) {
        self.drop_refused(asker, scope, &challenge.realm);
        if self.spaces.len() >= MOST {
            self.spaces.remove(0);
        }
        let ha1 = challenge.ha1(&self.user, &self.password);
        self.spaces.push(Space { asker, scope: scope.to_owned(), challenge, ha1, count: 0 });
    }

    /// The header fields for a request; each use of a nonce counts (RFC 7616 s3.4, `nc`).
    pub(super) fn headers(
        &mut self,
        method: &str,
        uri: &str,
        scopes: &Scopes<'_>,
    ) -> Vec<(&'static str, Vec<u8>)> {
        let mut headers = Vec::new();
        for space in &mut self.spaces {
            if space.scope != scopes.of(space.asker) {
                continue;
            }
            space.count = space.count.saturating_add(1);
            let cnonce = entropy::token(16);
            let answer = Answer {
                user: &self.user,
                ha1: &space.ha1,
                method,
                uri,
                count: space.count,
                cnonce: &cnonce,
            };
            let mut value = Vec::with_capacity(320);
            answer.write(&space.challenge, &mut value);
            headers.push((space.asker.answer_header(), value));
        }
        headers
    }
}

/// The scopes that a request lies in.
pub(super) struct Scopes<'a> {
    pub(super) server: &'a str,
    pub(super) proxy: &'a str,
}

impl Scopes<'_> {
    pub(super) fn of(&self, asker: Asker) -> &str {
        match asker {
            Asker::Server => self.server,
            Asker::Proxy => self.proxy,
        }
    }
}
