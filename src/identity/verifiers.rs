//! What a Digest answer is held against: the HA1s of one person.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::name::UserName;
use crate::http_digest::{Algorithm, Credentials, Hash, Refusal, ha1};

/// Attempts that a failure costs at least, so that a wrong password, a locked account and a name
/// that nobody has take the same time.
const LEAST_WORK: usize = 4;

/// How a client may spell a user name. Digest hashes the spelling, so each has HA1s of its own.
///
/// Telephones like to begin a name with a capital, hence the cases; the domain is always that of
/// the configuration, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    case: Case,
    with_domain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Lower,
    Capital,
    Upper,
}

/// Spellings that are known of each name.
pub(crate) const SPELLINGS: usize = 6;

impl Spelling {
    pub(crate) const ALL: [Spelling; SPELLINGS] = [
        Spelling { case: Case::Lower, with_domain: false },
        Spelling { case: Case::Lower, with_domain: true },
        Spelling { case: Case::Capital, with_domain: false },
        Spelling { case: Case::Capital, with_domain: true },
        Spelling { case: Case::Upper, with_domain: false },
        Spelling { case: Case::Upper, with_domain: true },
    ];

    /// The spelling of the canonical name `user`.
    pub(crate) fn of(self, user: &str, domain: &str) -> String {
        let mut out = match self.case {
            Case::Lower => user.to_owned(),
            Case::Capital => {
                let mut letters = user.chars();
                let first = letters.next().into_iter().flat_map(char::to_uppercase);
                first.chain(letters).collect()
            }
            Case::Upper => user.to_uppercase(),
        };
        if self.with_domain {
            out.push('@');
            out.push_str(domain);
        }
        out
    }

    /// Where the spelling stands in [`Spelling::ALL`] that was sent for the canonical `user`.
    pub(crate) fn index(sent: &str, user: &str, domain: &str) -> Option<usize> {
        let (name, with_domain) = match sent.split_once('@') {
            None => (sent, 0),
            Some((name, at)) if at == domain => (name, 1),
            Some(_) => return None,
        };
        if name == user {
            return Some(with_domain);
        }
        let is = |case| Spelling { case, with_domain: false }.of(user, "") == name;
        if is(Case::Capital) {
            Some(2 + with_domain)
        } else if is(Case::Upper) {
            Some(4 + with_domain)
        } else {
            None
        }
    }
}

/// The HA1s of one password for one spelling, as bytes: they are many.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) md5: [u8; 16],
    pub(crate) sha256: [u8; 32],
}

/// The HA1s of one password.
#[derive(Clone)]
pub(crate) enum Secret {
    /// Made from the password, for every spelling.
    Spelled(Arc<[Pair; SPELLINGS]>),
    /// Read from the directory, for whichever spelling went into it.
    Fixed(Hash),
}

impl Secret {
    /// All HA1s of a password.
    pub(crate) fn of_password(user: &str, domain: &str, realm: &str, password: &str) -> Secret {
        let pairs = Spelling::ALL.map(|spelling| {
            let name = spelling.of(user, domain);
            let make =
                |algorithm| ha1(algorithm, name.as_bytes(), realm.as_bytes(), password.as_bytes());
            let mut pair = Pair { md5: [0; 16], sha256: [0; 32] };
            pair.md5.copy_from_slice(make(Algorithm::Md5).as_bytes());
            pair.sha256.copy_from_slice(make(Algorithm::Sha256).as_bytes());
            pair
        });
        Secret::Spelled(Arc::new(pairs))
    }

    fn ha1(&self, algorithm: Algorithm, spelling: Option<usize>) -> Option<Hash> {
        match self {
            Secret::Spelled(pairs) => {
                let pair = pairs.get(spelling?)?;
                match algorithm {
                    Algorithm::Md5 => Hash::from_bytes(algorithm, &pair.md5),
                    Algorithm::Sha256 => Hash::from_bytes(algorithm, &pair.sha256),
                }
            }
            Secret::Fixed(hash) => (hash.algorithm() == algorithm).then_some(*hash),
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// One password of a person: that of a device, or the person's own.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    /// The device credential's identifier; `None` is the person's own password.
    pub(crate) device: Option<Arc<str>>,
    pub(crate) secret: Secret,
}

/// Everything that one person may answer a challenge with.
#[derive(Debug)]
pub struct Verifiers {
    user: UserName,
    domain: Arc<str>,
    passwords: Box<[Verifier]>,
    /// Which one fitted last: a device that is at work is tried first.
    last: AtomicUsize,
}

/// What an answer to a challenge is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It was made with a password of this person: of the named device, or the person's own.
    Proved {
        /// The device credential.
        device: Option<Arc<str>>,
    },
    /// It was made with no password of this person.
    Wrong,
    /// It was not of a kind that is offered: a new challenge, and no failure to count.
    NotOffered(Refusal),
}

impl Proof {
    /// Whether the answer proved the identity.
    #[must_use]
    pub const fn is_proved(&self) -> bool {
        matches!(self, Proof::Proved { .. })
    }
}

impl Verifiers {
    pub(crate) fn new(user: UserName, domain: Arc<str>, passwords: Vec<Verifier>) -> Verifiers {
        let passwords = passwords.into_boxed_slice();
        Verifiers { user, domain, passwords, last: AtomicUsize::new(0) }
    }

    /// Verifiers that nothing fits, for people who do not exist.
    pub(crate) fn nobody(domain: Arc<str>) -> Verifiers {
        Verifiers::new(UserName::canonical(""), domain, Vec::new())
    }

    /// The person.
    #[must_use]
    pub const fn user(&self) -> &UserName {
        &self.user
    }

    /// How many passwords there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.passwords.len()
    }

    /// Whether there is no password, so that nothing can prove this identity.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.passwords.is_empty()
    }

    /// Whether a device credential is among the passwords.
    #[must_use]
    pub fn has_device(&self, device: &str) -> bool {
        self.passwords.iter().any(|p| p.device.as_deref() == Some(device))
    }

    /// Holds the credentials of a request against every password. The nonce, the digest URI and
    /// the realm are the caller's to check.
    #[must_use]
    pub fn verify(&self, credentials: &Credentials<'_>, method: &[u8]) -> Proof {
        let claim = match credentials.claim(method) {
            Ok(claim) => claim,
            Err(refusal) => return Proof::NotOffered(refusal),
        };
        let algorithm = claim.algorithm();
        let spelling = Spelling::index(credentials.username(), &self.user, &self.domain);
        let last = self.last.load(Ordering::Relaxed).min(self.passwords.len());
        let (before, after) = self.passwords.split_at(last);
        let in_order = after.iter().zip(last..).chain(before.iter().zip(0..));
        let nothing = decoy(algorithm);
        for (password, index) in in_order {
            let ha1 = password.secret.ha1(algorithm, spelling);
            if claim.proves(ha1.as_ref().unwrap_or(&nothing)) && ha1.is_some() {
                self.last.store(index, Ordering::Relaxed);
                return Proof::Proved { device: password.device.clone() };
            }
        }
        for _ in self.passwords.len()..LEAST_WORK {
            // The answer cannot fit: nobody knows a password that hashes to this.
            let _ = std::hint::black_box(claim.proves(&nothing));
        }
        Proof::Wrong
    }

    /// Whether `password` is the person's own or a device's, by the HA1s alone. Takes the time of
    /// a few hashes whoever is asked about.
    pub(crate) fn check_password(&self, realm: &str, password: &str) -> bool {
        let given =
            ha1(Algorithm::Sha256, self.user.as_bytes(), realm.as_bytes(), password.as_bytes());
        let given_md5 =
            ha1(Algorithm::Md5, self.user.as_bytes(), realm.as_bytes(), password.as_bytes());
        let own = self.passwords.iter().filter(|p| p.device.is_none());
        let mut fits = false;
        for verifier in own {
            fits |= verifier.secret.ha1(Algorithm::Sha256, Some(0)).is_some_and(|h| h == given);
            fits |= verifier.secret.ha1(Algorithm::Md5, Some(0)).is_some_and(|h| h == given_md5);
        }
        fits
    }
}

/// An HA1 of no password.
fn decoy(algorithm: Algorithm) -> Hash {
    algorithm.hash(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_digest::{Answer, Challenge};

    const REALM: &str = "campus.example";

    fn challenge(algorithm: Algorithm) -> Challenge {
        Challenge {
            realm: REALM.to_owned(),
            nonce: "n".to_owned(),
            algorithm,
            stale: false,
            opaque: None,
            qop: true,
        }
    }

    fn answer(algorithm: Algorithm, user: &str, password: &str) -> Vec<u8> {
        let challenge = challenge(algorithm);
        let ha1 = challenge.ha1(user, password);
        let uri = "sip:campus.example";
        let answer = Answer { user, ha1: &ha1, method: "REGISTER", uri, count: 1, cnonce: "c" };
        let mut out = Vec::new();
        answer.write(&challenge, &mut out);
        out
    }

    fn verify(verifiers: &Verifiers, algorithm: Algorithm, user: &str, password: &str) -> Proof {
        let field = answer(algorithm, user, password);
        verifiers.verify(&Credentials::parse(&field).unwrap(), b"REGISTER")
    }

    fn person(user: &str, passwords: &[(Option<&str>, &str)]) -> Verifiers {
        let verifier = |&(device, password): &(Option<&str>, &str)| Verifier {
            device: device.map(Arc::from),
            secret: Secret::of_password(user, REALM, REALM, password),
        };
        let passwords = passwords.iter().map(verifier).collect();
        Verifiers::new(UserName::canonical(user), Arc::from(REALM), passwords)
    }

    fn proved(device: Option<&str>) -> Proof {
        Proof::Proved { device: device.map(Arc::from) }
    }

    /// Digest accepts the spelling that was sent.
    #[test]
    fn every_spelling_of_a_name_proves_the_same_person_by_both_algorithms() {
        let alice = person("alice", &[(None, "own"), (Some("d1"), "phone")]);
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            for name in ["alice", "Alice", "ALICE"] {
                let with_domain = format!("{name}@{REALM}");
                for sent in [name, &with_domain] {
                    assert_eq!(verify(&alice, algorithm, sent, "phone"), proved(Some("d1")));
                    assert_eq!(verify(&alice, algorithm, sent, "own"), proved(None));
                    assert_eq!(verify(&alice, algorithm, sent, "other"), Proof::Wrong);
                }
            }
            for sent in ["bob", "alice@other.example", "alice@", "@campus.example", "aLICE"] {
                assert_eq!(verify(&alice, algorithm, sent, "own"), Proof::Wrong, "{sent}");
            }
        }
    }

    #[test]
    fn of_twenty_devices_each_is_recognised_and_the_last_one_is_tried_first() {
        let names: Vec<String> = (0..20).map(|n| format!("device{n}")).collect();
        let devices: Vec<_> = names.iter().map(|n| (Some(n.as_str()), n.as_str())).collect();
        let alice = person("alice", &devices);
        for name in &names {
            let proof = verify(&alice, Algorithm::Sha256, "alice", name);
            assert_eq!(proof, proved(Some(name)));
        }
        assert_eq!(alice.last.load(Ordering::Relaxed), 19);
        assert!(alice.has_device("device3") && !alice.has_device("device20"));
    }

    #[test]
    fn an_ha1_of_the_directory_fits_its_own_algorithm_only() {
        let ha1 = challenge(Algorithm::Md5).ha1("u1", "pw");
        let verifier = Verifier { device: None, secret: Secret::Fixed(ha1) };
        let user = UserName::canonical("u1");
        let person = Verifiers::new(user, Arc::from(REALM), vec![verifier]);
        assert_eq!(verify(&person, Algorithm::Md5, "u1", "pw"), proved(None));
        assert_eq!(verify(&person, Algorithm::Sha256, "u1", "pw"), Proof::Wrong);
        assert!(person.check_password(REALM, "pw"));
        assert!(!person.check_password(REALM, ""));
    }

    #[test]
    fn nobody_is_never_proved_not_even_by_an_empty_password() {
        let nobody = Verifiers::nobody(Arc::from(REALM));
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            assert_eq!(verify(&nobody, algorithm, "alice", ""), Proof::Wrong);
        }
        assert!(!nobody.check_password(REALM, ""));
    }

    #[test]
    fn a_kind_of_answer_that_was_not_offered_is_no_failure() {
        let mut field = answer(Algorithm::Md5, "alice", "own");
        let from = field.windows(3).position(|w| w == b"MD5").unwrap();
        field.splice(from..from + 3, *b"SHA-512-256");
        let alice = person("alice", &[(None, "own")]);
        let credentials = Credentials::parse(&field).unwrap();
        let proof = alice.verify(&credentials, b"REGISTER");
        assert_eq!(proof, Proof::NotOffered(Refusal::Algorithm));
    }
}
