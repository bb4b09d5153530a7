//! Who sent a request: one function that every method goes through.
//!
//! Digest (RFC 7616, RFC 8760, RFC 3261 s22), identity binding (the authenticated person is the
//! From), and the counting of failures. Unknown, disabled and wrong-password names get the same
//! answer after the same work.

use bytes::Bytes;

use super::Outbox;
use super::dispatch::{Facts, Request};
use super::engine::{Engine, EngineCounts};
use super::guard::{Verdict, Why};
use super::policy::Rule;
use crate::http_digest::nonce::{Examined, NonceVerdict};
use crate::http_digest::{Credentials, CredentialsError};
use crate::identity::{Asker, Lookup, Proof, UserName};
use crate::model::{self, DeviceKey};
use crate::sip::header::HeaderName;
use crate::sip::method::Method;
use crate::sip::uri::Uri;
use crate::sip::wire::Message;

/// Credentials that are looked at in one request; more are somebody playing.
const MAX_CREDENTIALS: usize = 16;

/// Longer than the name of any account with its domain; what fails is remembered by its name.
const LONGEST_NAME: usize = 512;

/// Somebody who has proved who they are.
#[derive(Clone, Debug)]
pub(super) struct Identified {
    /// The person.
    pub(super) user: UserName,
    /// The device credential that was used, if it was one.
    pub(super) device: Option<DeviceKey>,
    /// A peer that is trusted by address: rates do not apply.
    pub(super) peer: bool,
}

impl Engine {
    /// Establishes who sent a request, which says that it is `from`, by what the rule asks for. `None`: it was answered, or it
    /// waits.
    pub(super) fn authenticate(
        &self,
        outbox: &mut Outbox,
        request: &mut Request<'_, '_>,
        from: &Uri<'_>,
        rule: Rule,
        out: &mut Vec<u8>,
    ) -> Option<Identified> {
        let message = request.message;
        let source = request.flow.remote.ip();
        if matches!(rule, Rule::Proof | Rule::Peer) && self.is_trusted(source) {
            request.remembered = true;
            let user = self.identity.canonical(&from.user_decoded().unwrap_or_default());
            return Some(Identified { user, device: None, peer: true });
        }
        if !matches!(rule, Rule::Proof | Rule::Credentials) {
            // Nobody outside is known here, so nobody outside is vouched for.
            self.refuse(outbox, request, 403, Some("Foreign Sender"), &[], out);
            return None;
        }
        let header = match message.method() {
            Method::Register | Method::Subscribe | Method::Publish => HeaderName::Authorization,
            _ => HeaderName::ProxyAuthorization,
        };
        let credentials = match self.credentials_for(message, header) {
            Some(Ok(credentials)) if credentials.username().len() <= LONGEST_NAME => credentials,
            Some(_) => {
                self.refuse(outbox, request, 400, Some("Bad Credentials"), &[], out);
                return None;
            }
            None => {
                if let Some(user) = from.user_decoded() {
                    // The answer to the challenge will ask for it.
                    self.identity.prefetch(&user, request.now);
                }
                self.challenge(outbox, request, false, false, out);
                return None;
            }
        };
        let name = credentials.username();
        let account = self.identity.canonical(name);
        if let Verdict::Refused(_) = self.guard.check(request.now, request.flow.remote, &account) {
            let from = request.flow.remote;
            self.guard.note_failed(from, &account, Why::Banned, message.user_agent());
            self.refuse(outbox, request, 403, None, &[], out);
            return None;
        }
        // A nonce that alone is at fault is told so, which takes the rest to be right (RFC 7616
        // s3.3): a stale one goes through the same proof. A request that was parked came with the
        // nonce that it had then.
        let nonce = match request.facts.nonce.take() {
            Some(nonce) => nonce,
            None => match self.nonces.examine(credentials.nonce(), request.now) {
                Err(NonceVerdict::Forged) => {
                    self.challenge(outbox, request, false, false, out);
                    return None;
                }
                examined => examined.ok(),
            },
        };
        if !self.digest_uri_is_ours(&credentials, message.request_uri()) {
            self.refuse(outbox, request, 400, Some("Digest URI Is Not Ours"), &[], out);
            return None;
        }
        let lookup = match request.facts.lookup.take() {
            Some(lookup) => lookup,
            None => self.identity.verifier_now(name, request.now),
        };
        match &lookup {
            Lookup::MustWait => {
                self.ask_directory(outbox, request, name.to_owned(), nonce, out);
                return None;
            }
            Lookup::Unavailable { retry_after } => {
                let seconds = retry_after.as_secs().max(1).to_string();
                self.refuse(outbox, request, 503, None, &[("Retry-After", &seconds)], out);
                return None;
            }
            Lookup::Known(_) | Lookup::Unknown | Lookup::Disabled => {}
        }
        let device = match self.identity.prove(&lookup, &credentials, message.method().as_bytes()) {
            Proof::Proved { device } => device,
            Proof::NotOffered(_) => {
                self.challenge(outbox, request, false, false, out);
                return None;
            }
            Proof::Wrong => {
                let why = match lookup {
                    Lookup::Unknown => Why::Unknown,
                    Lookup::Disabled => Why::Locked,
                    _ => Why::Password,
                };
                self.guard.note_failed(request.flow.remote, &account, why, message.user_agent());
                self.wrong(outbox, request, name, &account, out);
                return None;
            }
        };
        let Some(nonce) = nonce else {
            self.challenge(outbox, request, true, false, out);
            return None;
        };
        // Counted only now, so that nobody can use up the counts of somebody else's nonce.
        let NonceVerdict::Fresh { first_use } =
            self.nonces.use_up(nonce, credentials.count(), request.now)
        else {
            self.challenge(outbox, request, true, false, out);
            return None;
        };
        request.remembered = true;
        self.guard.success(request.now, request.flow.remote, &account);
        // The request's own token, and that of the challenge it answers.
        self.guard.proved(request.now, request.flow.remote, 1 + u32::from(first_use));
        if request.flow.connection.is_some() {
            self.egress.mark_authenticated(request.flow.connection);
        }
        let asker = Asker {
            source,
            user_agent: message.user_agent(),
            from: from.user().unwrap_or_default(),
        };
        self.identity.offers().proved(&asker, request.now);
        // The authenticated person is the sender: nobody speaks for somebody else.
        if !from.user_decoded().is_some_and(|claimed| self.identity.may_act_as(name, &claimed)) {
            let reason = "From Is Not The Authenticated User";
            let remote = request.flow.remote;
            self.guard.note_failed(remote, &account, Why::AnotherName, message.user_agent());
            self.refuse(outbox, request, 403, Some(reason), &[], out);
            return None;
        }
        let device = device.map(|id| DeviceKey::Credential(id.to_string()));
        Some(Identified { user: account, device, peer: false })
    }

    /// Credentials that prove nothing: counted, and challenged like everybody else's.
    fn wrong(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        name: &str,
        account: &str,
        out: &mut Vec<u8>,
    ) {
        EngineCounts::add(&self.counts.refused_credentials);
        for ban in self.guard.failure(request.now, request.flow.remote, account) {
            self.accounts.record_ban(&model::Ban {
                source: ban.source.to_string(),
                failures: match ban.account {
                    Some(_) => self.guard.limits().failures_per_source_account,
                    None => self.guard.limits().failures_per_source,
                },
                account: ban.account,
                reason: "too many failures to sign in".to_owned(),
                created: self.clock.wall(),
                until: ban.until,
            });
        }
        self.identity.suspect(name, request.now);
        self.challenge(outbox, request, false, true, out);
    }

    /// The credentials for our realm, the first of them if there are several.
    fn credentials_for<'a>(
        &self,
        message: &Message<'a>,
        header: HeaderName,
    ) -> Option<Result<Credentials<'a>, CredentialsError>> {
        let mut broken = None;
        for value in message.headers(header).take(MAX_CREDENTIALS) {
            match Credentials::parse(value) {
                Ok(credentials) if credentials.realm() == self.settings.realm.as_bytes() => {
                    return Some(Ok(credentials));
                }
                // Somebody else's realm further along the path (RFC 3261 s22.3), or another scheme.
                Ok(_) | Err(CredentialsError::NotDigest) => {}
                Err(error) => broken = Some(error),
            }
        }
        broken.map(Err)
    }

    /// RFC 7616 s3.4.6 with decision 3: the digest's URI is the Request-URI, or any URI whose
    /// host is ours: proxies rewrite, and a common load generator writes the bare domain.
    fn digest_uri_is_ours(&self, credentials: &Credentials<'_>, request_uri: &[u8]) -> bool {
        let uri = credentials.uri();
        uri == request_uri
            || match Uri::parse(uri) {
                Ok(uri) => self.is_our_host(&uri),
                Err(_) => {
                    std::str::from_utf8(uri).is_ok_and(|name| self.identity.is_our_domain(name))
                }
            }
    }

    fn ask_directory(
        &self,
        outbox: &mut Outbox,
        request: &mut Request<'_, '_>,
        name: String,
        nonce: Option<Examined>,
        out: &mut Vec<u8>,
    ) {
        if self.puts_off_unproved(outbox, request, out) {
            return;
        }
        request.remembered = true;
        self.trying(outbox, request, out);
        let (flow, server) = (request.flow, request.server);
        let bytes = Bytes::copy_from_slice(request.message.bytes());
        let parked = self.park(move |engine| async move {
            let lookup = engine.identity.verifier(&name).await;
            let facts = Facts { lookup: Some(lookup), nonce: Some(nonce), ..Facts::default() };
            engine.resume(&bytes, flow, server, facts);
        });
        if !parked {
            EngineCounts::add(&self.counts.shed);
            self.refuse(outbox, request, 503, None, &[("Retry-After", "10")], out);
        }
    }
}
