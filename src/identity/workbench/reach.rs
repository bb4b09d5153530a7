//! The first two steps: what the name means, and whether its port answers.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::code::Code;
use super::finding::Finding;
use super::report::{Attempt, Detail, StepName};
use super::run::{Outcome, Run};
use crate::identity::ldap::Target;

/// Addresses of one name that are tried.
const MOST: usize = 8;
/// For the port beside the one that does not answer.
const BESIDE: Duration = Duration::from_millis(700);

/// The port that would be meant if the other kind of encryption were.
const fn beside(port: u16) -> Option<u16> {
    match port {
        389 => Some(636),
        636 => Some(389),
        3268 => Some(3269),
        3269 => Some(3268),
        _ => None,
    }
}

impl Run<'_> {
    /// Says what the name of the server means.
    pub(super) async fn resolve(&mut self) -> Option<(Target, Vec<SocketAddr>)> {
        let Some(target) = Target::read(self.url) else {
            let finding = Code::BadUrl.with([("url", self.url.to_owned())]);
            self.end(StepName::Resolve, Outcome::of(finding));
            return None;
        };
        let host = ("host", target.host.clone());
        let limit = self.limit();
        let found = timeout(limit, look_up(&target)).await;
        let addresses: Vec<SocketAddr> = match found {
            Ok(addresses) => addresses,
            Err(_) => {
                let finding = Code::NoNameServer.with([host, ("limit", in_seconds(limit))]);
                self.end(StepName::Resolve, Outcome::of(finding));
                return None;
            }
        };
        let listed: Vec<String> = addresses.iter().map(|a| a.ip().to_string()).collect();
        let finding = if listed.is_empty() {
            Code::NoAddress.with([host])
        } else if listed == [target.host.as_str()] {
            Code::IsAddress.with([host])
        } else {
            Code::Resolved.with([host, ("addresses", listed.join(", "))])
        };
        let outcome = Outcome::of(finding).with(Detail::Addresses(listed));
        self.end(StepName::Resolve, outcome).then_some((target, addresses))
    }

    /// Connects to the first of the addresses that answers.
    pub(super) async fn connect(
        &mut self,
        target: &Target,
        addresses: &[SocketAddr],
    ) -> Option<TcpStream> {
        let deadline = self.clock.now() + self.limit();
        let mut attempts = Vec::new();
        let mut connected = None;
        let mut last = None;
        for (tried, address) in addresses.iter().enumerate() {
            let began = self.clock.now();
            // What is left is shared among those not tried yet.
            let left = deadline.since(began);
            let share = left / u32::try_from(addresses.len() - tried).unwrap_or(1);
            let problem = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    connected = Some(stream);
                    None
                }
                Ok(Err(error)) => {
                    let finding = failed(target, &error);
                    last = Some(finding);
                    Some(error.to_string())
                }
                Err(_) => {
                    last = Some(Code::ConnectSilent.with([
                        ("host", target.host.clone()),
                        ("port", target.port.to_string()),
                        ("limit", in_seconds(share)),
                    ]));
                    Some(format!("no answer within {}", in_seconds(share)))
                }
            };
            let took = self.clock.now() - began;
            attempts.push(Attempt { address: *address, took, problem });
            if connected.is_some() {
                break;
            }
        }
        let dead: Vec<String> = attempts
            .iter()
            .filter(|attempt| attempt.problem.is_some())
            .map(|attempt| attempt.address.ip().to_string())
            .collect();
        let mut outcome = Outcome::default();
        match (&connected, attempts.last(), last) {
            (Some(_), Some(attempt), _) => {
                let address = ("address", attempt.address.to_string());
                outcome.add(match dead.is_empty() {
                    true => Code::Connected.with([address]),
                    false => Code::SomeDead.with([address, ("dead", dead.join(", "))]),
                });
            }
            (_, _, Some(finding)) => {
                outcome.add(finding);
                outcome.findings.extend(self.other_port(target, addresses).await);
            }
            // There is always an address.
            _ => outcome.add(Code::NoAddress.with([("host", target.host.clone())])),
        }
        self.end(StepName::Connect, outcome.with(Detail::Attempts(attempts))).then_some(connected?)
    }

    /// Whether the port answers that encrypts the other way.
    async fn other_port(&self, target: &Target, addresses: &[SocketAddr]) -> Option<Finding> {
        let other = beside(target.port)?;
        let address = SocketAddr::new(addresses.first()?.ip(), other);
        let limit = BESIDE.min(self.limit());
        timeout(limit, TcpStream::connect(address)).await.ok()?.ok()?;
        Some(Code::OtherPort.with([
            ("host", target.host.clone()),
            ("port", target.port.to_string()),
            ("other", other.to_string()),
            ("url", target.url(!target.secure, other)),
        ]))
    }
}

/// The addresses of a host; none if it has none.
async fn look_up(target: &Target) -> Vec<SocketAddr> {
    let found = lookup_host((target.host.as_str(), target.port)).await;
    found.map(|found| found.take(MOST).collect()).unwrap_or_default()
}

fn failed(target: &Target, error: &std::io::Error) -> Finding {
    let place = [("host", target.host.clone()), ("port", target.port.to_string())];
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Code::Refused.with(place),
        _ => {
            let [host, port] = place;
            Code::Unreachable.with([host, port, ("reason", error.to_string())])
        }
    }
}

/// A limit in words: `3 s`, `700 ms`.
pub(super) fn in_seconds(limit: Duration) -> String {
    let millis = limit.as_millis();
    match millis % 1_000 {
        0 => format!("{} s", millis / 1_000),
        _ if millis > 10_000 => format!("{} s", millis / 1_000),
        _ => format!("{millis} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_way_to_a_host_is_a_url_again() {
        for (url, other) in [
            ("ldap://a.example", "ldaps://a.example"),
            ("ldap://[::1]:3268", "ldaps://[::1]:3269"),
            ("ldaps://a.example", "ldap://a.example"),
        ] {
            let target = Target::read(url).unwrap();
            assert_eq!(target.url(!target.secure, beside(target.port).unwrap()), other);
        }
        assert_eq!(beside(3890), None);
    }
}
