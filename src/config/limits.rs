//! `[limits]`: bounds that an institution may want otherwise, but for contacts
//! (`registrar.max_contacts`), expiries (`[registrar]`) and held messages (`[messages]`). Bounds of what
//! one person has any use for have no key and stand beside what they bound: publications, documents,
//! people who wait for an answer, requests that wait for the disk.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::memory::Memory;
use super::value::duration;
use crate::xml;

/// Bytes of everything that one person publishes: what it makes together goes to whoever watches, and
/// has to fit into a datagram.
pub const PUBLISHED_BYTES: u64 = 56 * 1024;

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Memory of the process.
    pub memory: Memory,
    /// One SIP message on a stream, headers and body.
    pub message_bytes: u64,
    /// The header section of a message.
    pub header_bytes: u64,
    /// One header line.
    pub header_line_bytes: u64,
    /// Header lines of a message.
    pub header_lines: u32,
    /// One URI.
    pub uri_bytes: u64,
    /// Via values of a message.
    pub via: u32,
    /// Route values of a message.
    pub route: u32,
    /// The body of a MESSAGE.
    pub pager_body_bytes: u64,
    /// The body of a PUBLISH.
    pub publish_body_bytes: u64,
    /// Branches of one request (RFC 5393 Max-Breadth).
    pub max_breadth: u32,
    /// Depth of an XML document.
    pub xml_depth: u32,
    /// Elements of an XML document.
    pub xml_elements: u32,
    /// Attributes of an XML element.
    pub xml_attributes: u32,
    /// Namespace declarations of an XML element.
    pub xml_namespaces: u32,
    /// One XCAP document.
    pub xcap_document_bytes: u64,
    /// All XCAP documents of one person.
    pub xcap_user_bytes: u64,
    /// From the first byte of a message on a stream to its end.
    #[serde(with = "duration")]
    pub first_byte_to_message: Duration,
    /// From accepting a connection to the end of the TLS handshake.
    #[serde(with = "duration")]
    pub tls_handshake: Duration,
    /// From accepting a connection to the end of the WebSocket handshake.
    #[serde(with = "duration")]
    pub websocket_upgrade: Duration,
    /// A connection without a complete request.
    #[serde(with = "duration")]
    pub idle_unauthenticated: Duration,
    /// Connections of one source address that nobody signed in on, of SIP and the web together.
    pub connections_per_source: u32,
    /// Connections that nobody signed in on.
    pub connections_unauthenticated: u32,
    /// Connections in all.
    pub connections_total: u32,
    /// What waits to be written to one connection.
    pub connection_write_queue_bytes: u64,
    /// What waits to be written to all connections.
    pub write_queue_total_bytes: u64,
    /// How long a connection may take nothing of what waits for it.
    #[serde(with = "duration")]
    pub connection_write_deadline: Duration,
    /// Transactions at once.
    pub transactions: u64,
    /// Subscriptions that one person holds.
    pub subscriptions_per_user: u32,
    /// Watchers of one person.
    pub watchers_per_user: u32,
    /// Entries of a list.
    pub list_entries: u32,
    /// Lists within lists.
    pub list_nesting: u32,
    /// Life of a nonce.
    #[serde(with = "duration")]
    pub nonce_lifetime: Duration,
    /// Nonces remembered at once.
    pub nonces: u64,
    /// Failed sign-ins of one source for one account, within `failure_window`, before a ban.
    pub failures_per_source_account: u32,
    /// Failed sign-ins of one source, within `failure_window`, before a ban.
    pub failures_per_source: u32,
    /// The window in which failures are counted.
    #[serde(with = "duration")]
    pub failure_window: Duration,
    /// How long a ban lasts.
    #[serde(with = "duration")]
    pub ban_time: Duration,
    /// Requests a second of one source before anybody signed in.
    pub source_rate: u32,
    /// Requests of one source at once.
    pub source_burst: u32,
    /// Messages a second of one person, and as many other requests.
    pub message_rate: u32,
    /// Messages of one person at once, and as many other requests.
    pub message_burst: u32,
    /// An administrator's session without a request.
    #[serde(with = "duration")]
    pub console_idle: Duration,
    /// An administrator's session in all.
    #[serde(with = "duration")]
    pub console_session: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        const KIB: u64 = 1024;
        const MIB: u64 = 1024 * KIB;
        const fn secs(seconds: u64) -> Duration {
            Duration::from_secs(seconds)
        }
        Limits {
            memory: Memory::Auto,
            message_bytes: 64 * KIB,
            header_bytes: 16 * KIB,
            header_line_bytes: 8 * KIB,
            header_lines: 200,
            uri_bytes: 2 * KIB,
            via: 70,
            route: 32,
            pager_body_bytes: 16 * KIB,
            publish_body_bytes: 48 * KIB,
            max_breadth: 60,
            xml_depth: 32,
            xml_elements: 10_000,
            xml_attributes: 64,
            xml_namespaces: 16,
            xcap_document_bytes: 256 * KIB,
            xcap_user_bytes: 2 * MIB,
            first_byte_to_message: secs(10),
            tls_handshake: secs(5),
            websocket_upgrade: secs(5),
            idle_unauthenticated: secs(30),
            connections_per_source: 128,
            connections_unauthenticated: 1024,
            connections_total: 20_000,
            connection_write_queue_bytes: 256 * KIB,
            write_queue_total_bytes: 256 * MIB,
            connection_write_deadline: secs(30),
            transactions: 200_000,
            subscriptions_per_user: 200,
            watchers_per_user: 500,
            list_entries: 500,
            list_nesting: 8,
            nonce_lifetime: secs(300),
            nonces: 200_000,
            failures_per_source_account: 10,
            failures_per_source: 100,
            failure_window: secs(300),
            ban_time: secs(300),
            source_rate: 100,
            source_burst: 200,
            message_rate: 20,
            message_burst: 100,
            console_idle: secs(15 * 60),
            console_session: secs(8 * 3600),
        }
    }
}

impl Limits {
    /// What an XML document of so many bytes at most may have.
    #[must_use]
    pub fn xml(&self, bytes: u64) -> xml::Limits {
        xml::Limits {
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            depth: self.xml_depth as usize,
            elements: self.xml_elements as usize,
            attributes: self.xml_attributes as usize,
            namespaces: self.xml_namespaces as usize,
        }
    }
}
