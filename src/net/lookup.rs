//! What the DNS says of a name, as it stands there: for whoever checks the records that clients find
//! us by. Nothing is kept, and a DNS that is silent costs a moment.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{RData, RecordType};

use super::resolver::server;

/// One try of one query; there are two, by UDP and by TCP.
const ONE_TRY: Duration = Duration::from_millis(1_500);
/// Records of one answer that are shown.
const MOST_RECORDS: usize = 16;
/// The longest of them, in characters.
const LONGEST: usize = 255;

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Where a service is.
    Srv,
    /// Which services there are.
    Naptr,
    /// Text.
    Txt,
}

impl Kind {
    /// The word for it in zone files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::A => "A",
            Kind::Aaaa => "AAAA",
            Kind::Srv => "SRV",
            Kind::Naptr => "NAPTR",
            Kind::Txt => "TXT",
        }
    }

    const fn kind(self) -> RecordType {
        match self {
            Kind::A => RecordType::A,
            Kind::Aaaa => RecordType::AAAA,
            Kind::Srv => RecordType::SRV,
            Kind::Naptr => RecordType::NAPTR,
            Kind::Txt => RecordType::TXT,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Records, each as a zone file has it; none if there are none.
    Records(Vec<String>),
    /// No answer that can be relied on.
    Silence,
}

/// Looks names up.
pub struct Lookup(Option<TokioResolver>);

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

impl Lookup {
    /// Asks `servers`, or those of the system if there are none.
    #[must_use]
    pub fn new(servers: &[SocketAddr]) -> Lookup {
        let builder = if servers.is_empty() {
            TokioResolver::builder_tokio()
        } else {
            let servers = servers.iter().map(server).collect();
            let config = ResolverConfig::from_parts(None, vec![], servers);
            Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
        };
        let dns = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = ONE_TRY;
            options.attempts = 1;
            options.cache_size = 0;
            // Clients elsewhere do not have this machine's file.
            options.use_hosts_file = ResolveHosts::Never;
            builder.build()
        });
        Lookup(dns.inspect_err(|error| tracing::warn!(event = "dns.unusable", %error)).ok())
    }

    /// The records of a name. Answers within a few seconds.
    pub async fn ask(&self, name: &str, kind: Kind) -> Found {
        let Some(dns) = &self.0 else { return Found::Silence };
        // Whole names are not tried below the machine's own domain as well.
        let name = format!("{}.", name.trim_end_matches('.'));
        match tokio::time::timeout(2 * ONE_TRY, dns.lookup(name, kind.kind())).await {
            Ok(Ok(answer)) => {
                let of_kind = answer.answers().iter().filter_map(|one| written(&one.data, kind));
                Found::Records(of_kind.take(MOST_RECORDS).collect())
            }
            Ok(Err(NetError::Dns(DnsError::NoRecordsFound(_)))) => Found::Records(Vec::new()),
            Ok(Err(_)) | Err(_) => Found::Silence,
        }
    }
}

/// A record as a zone file has it; an alias on the way is none of that kind.
fn written(data: &RData, kind: Kind) -> Option<String> {
    let text = match (data, kind) {
        (RData::A(address), Kind::A) => address.0.to_string(),
        (RData::AAAA(address), Kind::Aaaa) => address.0.to_string(),
        (RData::SRV(srv), Kind::Srv) => {
            let target = srv.target.to_ascii();
            format!("{} {} {} {target}", srv.priority, srv.weight, srv.port)
        }
        (RData::NAPTR(naptr), Kind::Naptr) => {
            let word = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (flags, services) = (word(&naptr.flags), word(&naptr.services));
            let (regexp, target) = (word(&naptr.regexp), naptr.replacement.to_ascii());
            let order = format!("{} {}", naptr.order, naptr.preference);
            format!("{order} \"{flags}\" \"{services}\" \"{regexp}\" {target}")
        }
        (RData::TXT(txt), Kind::Txt) => {
            let text: Vec<u8> = txt.txt_data.iter().flatten().copied().collect();
            format!("\"{}\"", String::from_utf8_lossy(&text))
        }
        _ => return None,
    };
    Some(text.chars().take(LONGEST).collect())
}
