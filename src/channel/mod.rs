//! What lies between a protocol and its socket when that is not plain TCP: TLS, WebSocket, or both.
//!
//! ```text
//!  packet ────> [WebSocket frame] ──> [TLS record] ──> bytes for the socket
//!  messages <── [WebSocket] <──────── [TLS] <───────── bytes from the socket
//! ```
//!
//! No sockets and no tasks here: whoever has the bytes runs it, on any thread. The MSRP library alone
//! takes no more of it than the list of authorities and, with `msrp-ws`, the WebSocket.

#[cfg(feature = "server")]
mod layers;
#[cfg(feature = "msrp-ws")]
mod opening;
#[cfg(feature = "server")]
mod peer_name;
#[cfg(feature = "server")]
mod places;
mod roots;
mod signatures;
#[cfg(test)]
#[cfg(feature = "server")]
pub(crate) mod testing;
#[cfg(feature = "server")]
mod tls;
#[cfg(feature = "msrp-ws")]
mod websocket;

#[cfg(feature = "server")]
pub use layers::{Channel, Opened};
#[cfg(feature = "msrp-ws")]
pub use opening::{Opening, OpeningError};
#[cfg(feature = "server")]
pub use places::{Place, Places, Residents, Room, subscriber};
pub use roots::{read_roots, system_roots};
pub(crate) use signatures::Signatures;
#[cfg(feature = "server")]
pub use tls::{ClientTls, Session, Tls};
#[cfg(feature = "msrp-ws")]
pub use websocket::{Arrival, WebSocket};
