//! The records that clients find this server by: which there should be, from what is served, and
//! what the DNS has.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;

use super::Administration;
use crate::app::interfaces;
use crate::config::{Listener, Scheme};
use crate::net::{Found, Kind, Lookup};
use crate::operations::{
    DnsPurpose, DnsRecord, DnsRequest, DnsState, DnsView, Failure, ListenerStatus, Reply, Status,
};

/// What the last check found.
#[derive(Debug, Default)]
pub(super) struct Checked(Mutex<Option<DnsView>>);

/// What the records follow from.
#[derive(Clone, Debug, Default)]
struct Facts {
    /// Our domains.
    domains: Vec<String>,
    /// The host that clients connect to.
    host: String,
    /// Where others see it.
    addresses: Vec<IpAddr>,
    /// What is served there, and on which port.
    tls: Option<u16>,
    tcp: Option<u16>,
    udp: Option<u16>,
    msrp: Option<u16>,
    /// Where documents are served, a URL.
    xcap: Option<String>,
}

/// A record that there should be; without a value it is not needed.
#[derive(Clone, Debug)]
struct Wanted {
    name: String,
    kind: Kind,
    purpose: DnsPurpose,
    /// Any of them is right.
    values: Vec<String>,
}

impl Administration {
    pub(super) async fn dns(&self, request: DnsRequest) -> Result<Reply, Failure> {
        let live = self.live.as_ref().ok_or_else(|| Failure::unreachable("no server runs"))?;
        let config = &self.site.config;
        let mut status = Status::default();
        live.describe(&mut status);
        let domains = std::iter::once(&config.domain).chain(&config.aliases).cloned();
        let facts = facts(&status.listeners, domains.collect(), config.public_name.clone());
        let wanted = wanted(&facts);
        let servers: Vec<String> =
            config.sip.name_servers.iter().map(ToString::to_string).collect();
        let mut view = DnsView { checked: None, servers, records: Vec::new() };
        match request {
            DnsRequest::Show => {
                view.records = wanted.iter().map(|one| one.record(None)).collect();
                let kept = self.dns.0.lock().unwrap_or_else(PoisonError::into_inner);
                // What was found of records that are no longer the same says nothing.
                let same = |kept: &&DnsView| {
                    let key = |record: &DnsRecord| {
                        (record.name.clone(), record.kind.clone(), record.value.clone())
                    };
                    kept.records.iter().map(key).eq(view.records.iter().map(key))
                };
                if let Some(kept) = kept.as_ref().filter(same) {
                    view = kept.clone();
                }
            }
            DnsRequest::Check => {
                view.records = look_up(&Lookup::new(&config.sip.name_servers), &wanted).await;
                view.checked = Some(self.site.clock.wall().to_string());
                let mut kept = self.dns.0.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = Some(view.clone());
            }
        }
        Ok(Reply::Dns(Box::new(view)))
    }
}

/// Reads what is served from what answers.
fn facts(listeners: &ListenerStatus, domains: Vec<String>, host: String) -> Facts {
    let read = |all: &[String]| -> Vec<Listener> {
        all.iter().filter_map(|one| one.parse().ok()).collect()
    };
    let (sip, msrp) = (read(&listeners.sip), read(&listeners.msrp));
    let port = |all: &[Listener], scheme| {
        all.iter().find(|one| one.scheme == scheme).map(|one| one.address.port())
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for seen in sip.iter().flat_map(|one| interfaces::seen_as(one.address)) {
        let ip = seen.ip().to_canonical();
        // Nobody else gets there by them.
        let local = ip.is_loopback()
            || matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
            || matches!(ip, IpAddr::V4(ip) if ip.is_link_local());
        if !local && !addresses.contains(&ip) {
            addresses.push(ip);
        }
    }
    Facts {
        // An address is looked up by nobody.
        domains: domains.into_iter().filter(|one| is_name(one)).collect(),
        host,
        addresses,
        tls: port(&sip, Scheme::Tls),
        tcp: port(&sip, Scheme::Tcp),
        udp: port(&sip, Scheme::Udp),
        msrp: port(&msrp, Scheme::Tls),
        xcap: None,
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.parse::<IpAddr>().is_err()
}

/// The records in the order in which clients look for them (RFC 3263 s4).
fn wanted(facts: &Facts) -> Vec<Wanted> {
    let mut all = Vec::new();
    let mut add = |name: String, kind, purpose, values| {
        all.push(Wanted { name, kind, purpose, values });
    };
    let host_is_name = is_name(&facts.host);
    for domain in &facts.domains {
        // A host without a name has no records to point at.
        let of = |port: Option<u16>| port.filter(|_| host_is_name);
        let services = [
            (of(facts.tls), "SIPS+D2T", "_sips._tcp", DnsPurpose::SipTls, 10),
            (of(facts.tcp), "SIP+D2T", "_sip._tcp", DnsPurpose::SipTcp, 20),
            (of(facts.udp), "SIP+D2U", "_sip._udp", DnsPurpose::SipUdp, 30),
        ];
        for (port, service, label, purpose, preference) in services {
            let value = format!("10 {preference} \"s\" \"{service}\" \"\" {label}.{domain}.");
            let value = port.map(|_| value);
            add(domain.clone(), Kind::Naptr, purpose, value.into_iter().collect());
        }
        let srv = |port: Option<u16>| {
            let value = port.map(|port| format!("10 10 {port} {}.", facts.host));
            value.into_iter().collect::<Vec<_>>()
        };
        for (port, _, label, purpose, _) in services {
            add(format!("{label}.{domain}"), Kind::Srv, purpose, srv(port));
        }
        add(format!("_msrps._tcp.{domain}"), Kind::Srv, DnsPurpose::Msrp, srv(of(facts.msrp)));
        let xcap = facts.xcap.as_ref().map(|root| format!("\"{root}\""));
        let name = format!("xcap.{domain}");
        add(name, Kind::Txt, DnsPurpose::Xcap, xcap.into_iter().collect());
    }
    if host_is_name {
        let of = |four: bool| {
            let all = facts.addresses.iter().filter(|ip| ip.is_ipv4() == four);
            all.map(ToString::to_string).collect::<Vec<_>>()
        };
        add(facts.host.clone(), Kind::A, DnsPurpose::Host, of(true));
        add(facts.host.clone(), Kind::Aaaa, DnsPurpose::Host, of(false));
    }
    all
}

impl Wanted {
    /// How it is, after it was looked up or before.
    fn record(&self, found: Option<Found>) -> DnsRecord {
        let (state, found) = match found {
            _ if self.values.is_empty() => (DnsState::NotNeeded, Vec::new()),
            None => (DnsState::Unchecked, Vec::new()),
            Some(Found::Silence) => (DnsState::Unanswered, Vec::new()),
            Some(Found::Records(found)) => (self.judge(&found), found),
        };
        DnsRecord {
            name: self.name.clone(),
            kind: self.kind.name().to_owned(),
            value: self.values.first().cloned().unwrap_or_default(),
            purpose: self.purpose,
            state,
            found,
        }
    }

    /// Whether what was found leads here. Beside it there may be more, as a service's records for
    /// other servers of the same campus.
    fn judge(&self, found: &[String]) -> DnsState {
        // All records of a domain are one answer: only those of this service count.
        let is_about = |one: &&String| match self.kind {
            Kind::Naptr => {
                let service = |text: &str| text.split('"').nth(3).map(str::to_ascii_uppercase);
                self.values.iter().any(|value| service(value) == service(one))
            }
            _ => true,
        };
        let mut about = found.iter().filter(is_about).peekable();
        if about.peek().is_none() {
            return DnsState::Missing;
        }
        let ours: Vec<String> = self.values.iter().map(|value| self.heart(value)).collect();
        if about.any(|one| ours.contains(&self.heart(one))) {
            DnsState::Ok
        } else {
            DnsState::Differs
        }
    }

    /// What of a record must be the same: priorities and weights are the administrator's.
    fn heart(&self, value: &str) -> String {
        let heart = match self.kind {
            Kind::Srv | Kind::Naptr => value.splitn(3, ' ').nth(2).unwrap_or_default(),
            Kind::A | Kind::Aaaa | Kind::Txt => value,
        };
        heart.trim_end_matches('.').to_ascii_lowercase()
    }
}

async fn look_up(lookup: &Lookup, wanted: &[Wanted]) -> Vec<DnsRecord> {
    let asked = wanted.iter().map(|one| async move {
        let needed = !one.values.is_empty();
        let found = if needed { Some(lookup.ask(&one.name, one.kind).await) } else { None };
        one.record(found)
    });
    join_all(asked).await
}

#[cfg(test)]
mod tests;
