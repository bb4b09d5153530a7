//! Where a message came from or goes to.

use std::fmt;
use std::net::SocketAddr;

/// A SIP transport (RFC 3261 s18, RFC 7118 for WebSocket).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "server", derive(serde::Serialize, serde::Deserialize))]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A plain stream.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket over plain HTTP.
    Ws,
    /// WebSocket over HTTPS.
    Wss,
}

impl Transport {
    /// Whether the transport retransmits for us (RFC 3261 s17: timers A, E, G stay off).
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Transport::Udp)
    }

    /// Whether the transport keeps the boundaries of messages: one in each datagram or WebSocket
    /// message (RFC 7118 s4). A stream is cut by Content-Length.
    #[must_use]
    pub const fn keeps_boundaries(self) -> bool {
        matches!(self, Transport::Udp | Transport::Ws | Transport::Wss)
    }

    /// The name in a Via's sent-protocol.
    #[must_use]
    pub const fn via_name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The name that tells all five apart, in listeners, commands and reports.
    #[must_use]
    pub const fn listener_scheme(self) -> &'static str {
        match self {
            Transport::Wss => "wss",
            other => other.uri_name(),
        }
    }

    /// The value of a URI's `transport` parameter. TLS is `tls` by long custom (RFC 3261 s26.2.2
    /// deprecates it, clients write it); secure WebSocket is `ws` (RFC 7118 s4).
    #[must_use]
    pub const fn uri_name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws | Transport::Wss => "ws",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri_name())
    }
}

/// Names one connection of this process; never used again. Zero stands for "no connection".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "server", derive(serde::Serialize, serde::Deserialize))]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// No connection: a datagram, or a stream still to be dialled.
    pub const NONE: ConnectionId = ConnectionId(0);

    /// Whether this names a connection.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }
}

/// A path between two addresses: of a message received, or for one to send.
///
/// With a stream transport and [`ConnectionId::NONE`] the sender reuses a connection to `remote`
/// or dials one; with a connection it uses that one or fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "server", derive(serde::Serialize, serde::Deserialize))]
pub struct Flow {
    /// The transport.
    pub transport: Transport,
    /// Our end. The unspecified address with port 0 means "any of ours".
    pub local: SocketAddr,
    /// The far end.
    pub remote: SocketAddr,
    /// The connection, for streams.
    pub connection: ConnectionId,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport, self.remote)
    }
}
