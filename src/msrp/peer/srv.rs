//! Relays of a domain by their SRV records (RFC 4976 s8: `_msrps._tcp`).

use std::net::SocketAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

/// Relays that are tried, at most.
const MOST: usize = 8;

/// Hosts and ports of the relays of `domain`, in the order in which they are to be tried; none when
/// there are no records, or no answer. Without `servers` the machine's own are asked.
pub(super) async fn relays(domain: &str, servers: &[SocketAddr]) -> Vec<(String, u16)> {
    let Some(resolver) = resolver(servers) else { return Vec::new() };
    let Ok(answer) = resolver.srv_lookup(format!("_msrps._tcp.{domain}.")).await else {
        return Vec::new();
    };
    let records = answer.answers().iter().filter_map(|record| match &record.data {
        RData::SRV(srv) => {
            let name = srv.target.to_utf8();
            Some(Record {
                priority: srv.priority,
                weight: srv.weight,
                host: name.trim_end_matches('.').to_owned(),
                port: srv.port,
            })
        }
        _ => None,
    });
    in_order(records.collect(), crate::entropy::below)
}

fn resolver(servers: &[SocketAddr]) -> Option<TokioResolver> {
    let builder = if servers.is_empty() {
        TokioResolver::builder_tokio().ok()?
    } else {
        let servers = servers.iter().map(|address| {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            server.connections.iter_mut().for_each(|one| one.port = address.port());
            server
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    builder.build().ok()
}

#[derive(Clone, Debug)]
struct Record {
    priority: u16,
    weight: u16,
    host: String,
    port: u16,
}

/// Lower priorities first; within one, by chance as the weights say (RFC 2782).
fn in_order(mut records: Vec<Record>, below: impl Fn(u64) -> u64) -> Vec<(String, u16)> {
    // A single "." says that there is none.
    records.retain(|record| !record.host.is_empty());
    records.sort_by_key(|record| (record.priority, record.weight));
    let mut ordered = Vec::new();
    while let Some(first) = records.first()
        && ordered.len() < MOST
    {
        let group = records.partition_point(|record| record.priority == first.priority);
        let total: u64 = records.iter().take(group).map(|record| u64::from(record.weight)).sum();
        let chosen = below(total + 1);
        let mut sum = 0;
        let index = records.iter().take(group).position(|record| {
            sum += u64::from(record.weight);
            sum >= chosen
        });
        let Record { host, port, .. } = records.remove(index.unwrap_or(0));
        ordered.push((host, port));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(priority: u16, weight: u16, host: &str) -> Record {
        Record { priority, weight, host: host.to_owned(), port: 2855 }
    }

    // RFC 2782
    #[test]
    fn lower_priorities_are_tried_first_and_weights_decide_among_equals() {
        let records = vec![record(20, 0, "last"), record(10, 1, "light"), record(10, 9, "heavy")];
        let hosts = |dice: fn(u64) -> u64| {
            in_order(records.clone(), dice).into_iter().map(|(host, _)| host).collect::<Vec<_>>()
        };
        assert_eq!(hosts(|_| 0), ["light", "heavy", "last"]);
        assert_eq!(hosts(|bound| bound - 1), ["heavy", "light", "last"]);
    }

    // RFC 2782: "." as the target.
    #[test]
    fn a_domain_can_say_that_it_has_no_relay() {
        assert!(in_order(vec![record(0, 0, "")], |_| 0).is_empty());
    }
}
