//! Sessions of the console. They live in memory: a restart signs everybody out. Of an id only the
//! hash is kept, so that what is read here opens nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::accounts::Principal;
use crate::clock::{Clock, Tick, WallTime};
use crate::entropy;

/// A session that nobody used for so long is over.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// A session that is so old is over, used or not.
pub const ABSOLUTE: Duration = Duration::from_secs(12 * 60 * 60);

/// Sessions that one account may have; the one that was longest idle gives way.
const PER_ACCOUNT: usize = 32;
/// A session ends with so many wrong passwords of its own holder.
const MOST_MISTYPED: u32 = 5;
/// The longest name of a browser that is kept, in characters.
const LONGEST_AGENT: usize = 200;

type Digest = [u8; 32];

/// Who signed in, where from, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What it is called in lists; nobody can sign in with it.
    pub handle: String,
    /// Who it is, as he stood when the session began or was renewed.
    pub principal: Principal,
    /// Where from.
    pub source: IpAddr,
    /// What the browser calls itself.
    pub agent: String,
    /// When it signed in.
    pub since: WallTime,
    /// When it was last used.
    pub used: WallTime,
    started: Tick,
    seen: Tick,
    /// How often its holder typed a wrong password of his own.
    mistyped: u32,
}

/// All sessions.
pub struct Sessions {
    clock: Clock,
    all: Mutex<HashMap<Digest, Session>>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// A new id: 256 unpredictable bits.
pub(super) fn new_id() -> String {
    entropy::token(32)
}

/// Whether a text can be an id of ours.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn digest(id: &str) -> Digest {
    Sha256::digest(id.as_bytes()).into()
}

impl Sessions {
    pub(super) fn new(clock: Clock) -> Sessions {
        Sessions { clock, all: Mutex::new(HashMap::new()) }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Session>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one, and gives its id.
    pub(super) fn begin(&self, principal: Principal, source: IpAddr, agent: &str) -> String {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let id = new_id();
        let session = Session {
            handle: entropy::token(8),
            principal,
            source: source.to_canonical(),
            agent: agent.chars().take(LONGEST_AGENT).collect(),
            since: wall,
            used: wall,
            started: now,
            seen: now,
            mistyped: 0,
        };
        let mut all = self.locked();
        all.retain(|_, session| session.lives(now));
        let account = &session.principal.name;
        let own = all.iter().filter(|(_, session)| session.principal.name == *account);
        if own.clone().count() >= PER_ACCOUNT
            && let Some(oldest) = own.min_by_key(|(_, session)| session.seen).map(|(key, _)| *key)
        {
            all.remove(&oldest);
        }
        all.insert(digest(&id), session);
        id
    }

    /// The session of an id; looking at it is using it.
    pub(super) fn find(&self, id: &str) -> Option<Session> {
        let (now, key) = (self.clock.now(), digest(id));
        let mut all = self.locked();
        let session = all.get_mut(&key)?;
        if !session.lives(now) {
            all.remove(&key);
            return None;
        }
        session.seen = now;
        session.used = self.clock.wall();
        Some(session.clone())
    }

    /// The session of an id, without using it: what a page asks for by itself keeps nobody signed in.
    pub(super) fn look(&self, id: &str) -> Option<Session> {
        let now = self.clock.now();
        self.locked().get(&digest(id)).filter(|session| session.lives(now)).cloned()
    }

    /// Whether the session with this handle goes on.
    pub(super) fn goes_on(&self, handle: &str) -> bool {
        let now = self.clock.now();
        self.locked().values().any(|session| session.handle == handle && session.lives(now))
    }

    /// Gives a session a new id and its holder's new standing, after a change of rights that it made itself. What
    /// is old stays old: its limits do not begin anew.
    pub(super) fn renew(&self, id: &str, principal: Principal) -> Option<String> {
        let mut all = self.locked();
        let session = all.remove(&digest(id))?;
        let new = new_id();
        all.insert(digest(&new), Session { principal, ..session });
        Some(new)
    }

    /// Counts a wrong password that was typed within a session, and says whether it ended with that.
    pub(super) fn mistyped(&self, id: &str) -> bool {
        let key = digest(id);
        let mut all = self.locked();
        let Some(session) = all.get_mut(&key) else { return true };
        session.mistyped += 1;
        let ends = session.mistyped >= MOST_MISTYPED;
        if ends {
            all.remove(&key);
        }
        ends
    }

    /// Ends the session of an id.
    pub(super) fn end(&self, id: &str) {
        self.locked().remove(&digest(id));
    }

    /// Ends one of an account's sessions by its handle, and says whether there was one.
    pub fn revoke(&self, account: &str, handle: &str) -> bool {
        let mut all = self.locked();
        let before = all.len();
        all.retain(|_, session| session.principal.name != account || session.handle != handle);
        all.len() < before
    }

    /// Ends an account's sessions, but the one with this handle; says how many.
    pub fn revoke_others(&self, account: &str, keep: Option<&str>) -> usize {
        let mut all = self.locked();
        let before = all.len();
        let kept = |session: &Session| keep == Some(session.handle.as_str());
        all.retain(|_, session| session.principal.name != account || kept(session));
        before - all.len()
    }

    /// The sessions of everybody, the one that was used last first.
    #[must_use]
    pub fn all(&self) -> Vec<Session> {
        let now = self.clock.now();
        let mut all: Vec<Session> =
            self.locked().values().filter(|one| one.lives(now)).cloned().collect();
        all.sort_by(|a, b| b.seen.cmp(&a.seen).then_with(|| a.handle.cmp(&b.handle)));
        all
    }

    /// The sessions of an account, the one that was used last first.
    #[must_use]
    pub fn of(&self, account: &str) -> Vec<Session> {
        let now = self.clock.now();
        let all = self.locked();
        let own = all.values().filter(|one| one.principal.name == account && one.lives(now));
        let mut own: Vec<Session> = own.cloned().collect();
        own.sort_by(|a, b| b.seen.cmp(&a.seen).then_with(|| a.handle.cmp(&b.handle)));
        own
    }
}

impl Session {
    fn lives(&self, now: Tick) -> bool {
        now.since(self.seen) < IDLE && now.since(self.started) < ABSOLUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn named(name: &str) -> Principal {
        let (origin, role) = (crate::accounts::Origin::Console, crate::model::Role::Owner);
        Principal { name: name.to_owned(), origin, role, version: 1 }
    }

    fn ana() -> Principal {
        named("ana")
    }

    fn sessions() -> (Sessions, crate::clock::ManualClock) {
        let (clock, hands) = Clock::manual(WallTime::from_unix_secs(1_000_000));
        (Sessions::new(clock), hands)
    }

    // T63.
    #[test]
    fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
        let (sessions, hands) = sessions();
        let idle = sessions.begin(ana(), HERE, "");
        hands.advance(IDLE - Duration::from_secs(1));
        assert!(sessions.find(&idle).is_some());
        hands.advance(IDLE);
        assert!(sessions.find(&idle).is_none());
        let busy = sessions.begin(ana(), HERE, "");
        let mut age = Duration::ZERO;
        while age + IDLE / 2 < ABSOLUTE {
            hands.advance(IDLE / 2);
            age += IDLE / 2;
            assert!(sessions.find(&busy).is_some(), "{age:?}");
        }
        hands.advance(IDLE / 2);
        assert!(sessions.find(&busy).is_none());
    }

    #[test]
    fn ids_are_long_and_of_each_only_the_hash_is_kept() {
        let (sessions, _hands) = sessions();
        let id = sessions.begin(ana(), HERE, "");
        assert!(is_id(&id) && id.len() * 4 == 256);
        assert!(!is_id(&id[1..]) && !is_id("") && !is_id(&format!("{id}=")));
        assert!(!format!("{:?}", sessions.find(&id)).contains(&id));
    }

    // W41.
    #[test]
    fn looking_at_a_session_keeps_nobody_signed_in() {
        let (sessions, hands) = sessions();
        let id = sessions.begin(ana(), HERE, "");
        let handle = sessions.look(&id).unwrap().handle;
        for _ in 0..3 {
            hands.advance(IDLE / 4);
            assert!(sessions.look(&id).is_some() && sessions.goes_on(&handle));
        }
        hands.advance(IDLE / 4);
        assert!(sessions.look(&id).is_none() && !sessions.goes_on(&handle));
        assert!(sessions.find(&id).is_none());
    }

    // W19, W21.
    #[test]
    fn a_renewed_session_has_another_id_and_its_old_age() {
        let (sessions, hands) = sessions();
        let old = sessions.begin(ana(), HERE, "");
        hands.advance(IDLE / 2);
        let new = sessions.renew(&old, Principal { version: 2, ..ana() }).unwrap();
        assert!(sessions.find(&old).is_none());
        let session = sessions.find(&new).unwrap();
        assert_eq!((session.principal.version, session.started), (2, Tick::ZERO));
        assert!(sessions.renew(&old, ana()).is_none());
    }

    #[test]
    fn sessions_are_listed_and_revoked_by_a_handle_that_opens_nothing() {
        let (sessions, hands) = sessions();
        let mut ids = Vec::new();
        for agent in ["one", "two", "three"] {
            ids.push(sessions.begin(ana(), HERE, agent));
            hands.advance(Duration::from_secs(1));
        }
        let other = sessions.begin(named("rui"), HERE, "");
        let listed = sessions.of("ana");
        assert_eq!(listed.iter().map(|s| &*s.agent).collect::<Vec<_>>(), ["three", "two", "one"]);
        let handle = &listed[1].handle;
        assert!(sessions.find(handle).is_none());
        let everybody = sessions.all();
        assert!(everybody.iter().any(|one| one.principal.name == "rui"));
        assert_eq!(everybody.len(), listed.len() + 1);
        assert!(!sessions.revoke("rui", handle));
        assert!(sessions.revoke("ana", handle));
        assert!(sessions.find(&ids[1]).is_none());
        assert_eq!(sessions.revoke_others("ana", Some(&listed[0].handle)), 1);
        assert!(sessions.find(&ids[2]).is_some() && sessions.find(&other).is_some());
    }

    #[test]
    fn one_account_has_so_many_sessions_and_no_more() {
        let (sessions, hands) = sessions();
        let first = sessions.begin(ana(), HERE, "");
        for _ in 0..PER_ACCOUNT {
            hands.advance(Duration::from_secs(1));
            sessions.begin(ana(), HERE, "");
        }
        assert_eq!(sessions.of("ana").len(), PER_ACCOUNT);
        assert!(sessions.find(&first).is_none());
    }
}
