//! One order (RFC 8555 s7.4), and the next one without the names that could not be proved.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeStatus, Error, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use zeroize::Zeroizing;

use super::{AcmeError, Challenges, Proof, Settings};

/// How often and for how long the authority is asked whether it is done.
const POLLING: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).timeout(Duration::from_secs(90));

/// What an authority says is cut here before it goes to the log.
const LONGEST_REASON: usize = 300;

/// A certificate.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: Zeroizing<String>,
    /// Names that it does not have, each with the reason.
    pub(super) unproved: Vec<(String, String)>,
}

/// A name that is wanted, and the way to prove it that is tried.
struct Name {
    name: String,
    proof: usize,
}

/// Asks for all names. One that is not proved is tried in the other way, and then left out.
pub(super) async fn obtain(
    account: &Account,
    settings: &Settings,
    challenges: &Challenges,
) -> Result<Issued, AcmeError> {
    let mut names: Vec<Name> =
        settings.names.iter().map(|name| Name { name: name.clone(), proof: 0 }).collect();
    let mut unproved: Vec<(String, String)> = Vec::new();
    // Each turn ends it, or uses up one way to prove a name.
    while !names.is_empty() {
        match once(account, &names, &settings.proofs, challenges).await? {
            Outcome::Issued { chain, key } => {
                // What was proved in the other way.
                unproved.retain(|(known, _)| names.iter().all(|name| name.name != *known));
                return Ok(Issued { chain, key, unproved });
            }
            Outcome::Unproved(failed) => {
                names.retain_mut(|name| {
                    let Some((_, why)) = failed.iter().find(|(failed, _)| *failed == name.name)
                    else {
                        return true;
                    };
                    let way = settings.proofs.get(name.proof).map_or("", |proof| proof.name());
                    let why = format!("{way}: {why}");
                    match unproved.iter_mut().find(|(known, _)| *known == name.name) {
                        Some((_, before)) => *before = format!("{before}; {why}"),
                        None => unproved.push((name.name.clone(), why)),
                    }
                    name.proof += 1;
                    name.proof < settings.proofs.len()
                });
            }
        }
        challenges.clear();
    }
    let reasons: Vec<String> =
        unproved.iter().map(|(name, why)| format!("{name} ({why})")).collect();
    Err(AcmeError::NothingProved(reasons.join(", ")))
}

enum Outcome {
    Issued {
        chain: String,
        key: Zeroizing<String>,
    },
    /// Which names were not proved, and why; at least one.
    Unproved(Vec<(String, String)>),
}

async fn once(
    account: &Account,
    names: &[Name],
    proofs: &[Proof],
    challenges: &Challenges,
) -> Result<Outcome, AcmeError> {
    let identifiers: Vec<Identifier> =
        names.iter().map(|name| Identifier::Dns(name.name.clone())).collect();
    let mut order = match account.new_order(&NewOrder::new(&identifiers)).await {
        Ok(order) => order,
        Err(error) => return refused(names, error),
    };
    let missing = prove(&mut order, names, proofs, challenges).await?;
    if !missing.is_empty() {
        return Ok(Outcome::Unproved(missing));
    }
    match order.poll_ready(&POLLING).await {
        Ok(OrderStatus::Ready) => {}
        // Which of the names it was, the authorizations say.
        Ok(_) | Err(Error::Api(_)) => {
            let failed = failures(&mut order).await?;
            if failed.is_empty() {
                let error = Error::Str("the order became invalid without a reason");
                return Err(AcmeError::Authority("the order", error));
            }
            return Ok(Outcome::Unproved(failed));
        }
        Err(error) => return Err(AcmeError::Authority("the order", error)),
    }
    let failed = |error| AcmeError::Authority("the certificate", error);
    let key = order.finalize().await.map(Zeroizing::new).map_err(failed)?;
    let chain = order.poll_certificate(&POLLING).await.map_err(failed)?;
    Ok(Outcome::Issued { chain, key })
}

/// Names that the authority does not certify at all: it names them one by one (RFC 8555 s6.7.1).
fn refused(names: &[Name], error: Error) -> Result<Outcome, AcmeError> {
    if let Error::Api(problem) = &error {
        let refused: Vec<(String, String)> = problem
            .subproblems
            .iter()
            .filter_map(|part| {
                let Some(Identifier::Dns(name)) = &part.identifier else { return None };
                let known = names.iter().any(|wanted| wanted.name == *name);
                known.then(|| (name.clone(), reason(part.detail.as_deref())))
            })
            .collect();
        if !refused.is_empty() {
            return Ok(Outcome::Unproved(refused));
        }
    }
    Err(AcmeError::Authority("the order", error))
}

/// Has every answer ready and tells the authority to look. Returns the names for which it offers
/// no such challenge.
async fn prove(
    order: &mut Order,
    names: &[Name],
    proofs: &[Proof],
    challenges: &Challenges,
) -> Result<Vec<(String, String)>, AcmeError> {
    let failed = |error| AcmeError::Authority("the challenge", error);
    let mut missing = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(failed)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let way = names.iter().find(|wanted| wanted.name == name).map_or(0, |wanted| wanted.proof);
        let proof = proofs.get(way).copied().unwrap_or(Proof::Http);
        let Some(mut challenge) = authorization.challenge(proof.challenge()) else {
            missing.push((name, "the authority does not ask this way".to_owned()));
            continue;
        };
        challenges.prepare(proof, &name, &challenge.token, &challenge.key_authorization())?;
        challenge.set_ready().await.map_err(failed)?;
    }
    Ok(missing)
}

/// The names whose authorization has failed, with what the authority says of it.
async fn failures(order: &mut Order) -> Result<Vec<(String, String)>, AcmeError> {
    let failed = |error| AcmeError::Authority("the authorization", error);
    let mut names = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(failed)?;
        authorization.refresh().await.map_err(failed)?;
        let challenge = authorization
            .challenges
            .iter()
            .find(|challenge| challenge.status == ChallengeStatus::Invalid);
        let hopeless = !matches!(
            authorization.status,
            AuthorizationStatus::Valid | AuthorizationStatus::Pending
        );
        if hopeless || challenge.is_some() {
            let problem = challenge.and_then(|challenge| challenge.error.as_ref());
            let why = reason(problem.and_then(|problem| problem.detail.as_deref()));
            names.push((authorization.identifier().to_string(), why));
        }
    }
    Ok(names)
}

fn reason(detail: Option<&str>) -> String {
    let detail = detail.unwrap_or("the authority gives no reason");
    detail.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect()
}
