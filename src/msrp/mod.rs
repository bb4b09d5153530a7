//! MSRP, the Message Session Relay Protocol (RFC 4975), and the client's side of its relays
//! (RFC 4976): a library that stands alone, by the feature `msrp`.
//!
//! ```text
//!    your program, or C and Python by `ffi`
//!   ------------------------------------------------------------------------
//!    peer        Endpoint, Offer, Session, Sending, Incoming, Source, Sink     tokio
//!   ------------------------------------------------------------------------
//!    connection  sessions, messages, responses, reports, turns                 no socket,
//!    session  message  content  granularity  resume  auth                      no clock,
//!    raw         each request and response by itself                           no thread
//!    framer  head  wire  uri  ident  ranges      what goes over the wire
//! ```
//!
//! Most programs need [`peer`] alone: begin with [`peer::Endpoint`] and [`peer::Session`]. Who has
//! sockets and a loop of his own takes [`Connection`], and who wants every request in hand, [`raw`].
//! The core is read in this order: [`uri`], [`ident`], [`head`], [`framer`], [`wire`] (read in place
//! and never held); [`granularity`], [`content`], [`message`], [`session`], [`resume`];
//! [`connection`]; [`auth`].
//!
//! # A chat
//!
//! Each side offers a path, and tells it to the other: by SIP, or any other way. One connects, one
//! waits.
//!
//! ```
//! use tagus::msrp::peer::{Endpoint, EndpointOptions, Event, SessionOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let listener = Endpoint::new(EndpointOptions::new("127.0.0.1"))?;
//! listener.listen("127.0.0.1:0".parse()?).await?;
//! let offer = listener.offer(false, SessionOptions::default());
//! let path = offer.path().clone(); // goes to the peer
//! let waiting = offer.wait(None);
//!
//! let caller = Endpoint::new(EndpointOptions::new("127.0.0.1"))?;
//! let session = caller.connect(&path, SessionOptions::default()).await?;
//! let mut sending = session.text("Is anybody there?").await;
//!
//! let mut answering = waiting.await?;
//! while let Some(event) = answering.next().await {
//!     if let Event::Message(message) = event {
//!         assert_eq!(message.body, "Is anybody there?");
//!         assert_eq!(message.header.content_type, "text/plain;charset=utf-8");
//!         break;
//!     }
//! }
//! sending.finished().await?; // the other side has answered
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # Sending a file and receiving it
//!
//! A long message is announced, and nothing of it is read before it is accepted or denied. The bytes
//! go from file to socket and from socket to file; memory does not grow with the file.
//!
//! ```
//! # use tagus::msrp::peer::{Endpoint, EndpointOptions, SessionOptions};
//! use tagus::msrp::peer::{Event, Outbound, SendEvent, Sink, Source};
//! use tagus::msrp::{Granularity, Priority};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let directory = tempfile::tempdir()?;
//! # let (original, copy) = (directory.path().join("original"), directory.path().join("copy"));
//! # std::fs::write(&original, vec![7; 300_000])?;
//! # let listener = Endpoint::new(EndpointOptions::new("127.0.0.1"))?;
//! # listener.listen("127.0.0.1:0".parse()?).await?;
//! # let offer = listener.offer(false, SessionOptions::default());
//! # let path = offer.path().clone();
//! # let waiting = offer.wait(None);
//! # let session = listener.connect(&path, SessionOptions::default()).await?;
//! # let mut answering = waiting.await?;
//! let how = Outbound::new("application/octet-stream")
//!     .disposition("attachment; filename=\"original\"")
//!     .priority(Priority::Bulk) // lines of chat go first
//!     .progress(Granularity::EveryPercent(10))
//!     .report(); // the receiver is to confirm what is on its disk
//! let mut sending = session.send(how, Source::file(&original)?).await;
//!
//! // The other side:
//! let receiver = tokio::spawn(async move {
//!     while let Some(event) = answering.next().await {
//!         let Event::Incoming(incoming) = event else { continue };
//!         if incoming.header().size.is_some_and(|size| size > 1_000_000) {
//!             incoming.deny(413).await;
//!             continue;
//!         }
//!         // A name that a peer gives is no name of a file: this one is ours.
//!         let sink = Sink::from(std::fs::File::create_new(&copy)?);
//!         let received = incoming.accept(sink).await.finished().await.map_err(std::io::Error::other)?;
//!         return Ok((received.length, answering));
//!     }
//!     Err(std::io::Error::other("the session ended"))
//! });
//!
//! // This side, meanwhile; `sending.abort()` would give it up.
//! while let Some(event) = sending.next().await {
//!     match event {
//!         SendEvent::Progress { sent, total } => println!("{sent} of {total:?}"),
//!         SendEvent::Reported { whole: true, .. } => break,
//!         SendEvent::Failed(failure) => return Err(failure.into()),
//!         _ => {}
//!     }
//! }
//! let (length, _) = receiver.await??;
//! assert_eq!(length, 300_000);
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # Through a relay
//!
//! Who cannot be reached signs in to a relay, and offers a path that leads through it. The way is
//! renewed for as long as the offer or its session lives. Not run here, for it needs a relay;
//! `tests/msrp/relayed.rs` does the same with Kamailio's.
//!
//! ```no_run
//! use tagus::msrp::Path;
//! use tagus::msrp::peer::{Endpoint, EndpointOptions, RelayAccount, SessionOptions, Trust};
//!
//! # async fn through() -> Result<(), Box<dyn std::error::Error>> {
//! let mut options = EndpointOptions::new("127.0.0.1");
//! options.trust = Trust::system();
//! let endpoint = Endpoint::new(options)?;
//! let account = RelayAccount {
//!     relays: Path::parse("msrps://relay.example.org:2855;tcp")?,
//!     user: "alice".to_owned(),
//!     password: "secret".to_owned(),
//!     allow_plain: false,
//! };
//! let offer = endpoint.offer_through(&account, SessionOptions::default()).await?;
//! println!("a=path:{}", offer.path());
//! let session = offer.wait(None).await?;
//! # drop(session);
//! # Ok(())
//! # }
//! ```
//!
//! # Going on after a break
//!
//! A message whose connection ends hands out what has to be kept of it: [`OutgoingState`] in
//! [`peer::SendFailure::Lost`], [`IncomingState`] in [`peer::ReceiveFailure::Lost`]. Both can be
//! written down and read again, also by another process; [`peer::SessionHandle::resume`] and
//! [`peer::SessionHandle::expect`] go on with them.
//!
//! ```
//! use tagus::msrp::OutgoingState;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kept = "tagus-msrp-outgoing 1\nmessage-id 8xk2p\ncontent-type image/png\ntotal 9000\n\
//!             reports yes yes\nbytes 0-4096\n";
//! let state = OutgoingState::decode(kept)?;
//! assert_eq!(state.total, Some(9_000));
//! assert_eq!(state.encode(), kept);
//! # Ok(())
//! # }
//! ```

pub mod auth;
mod collision;
pub mod connection;
pub mod content;
#[cfg(feature = "ffi")]
pub mod ffi;
pub mod framer;
pub mod granularity;
pub mod head;
pub mod ident;
mod incoming;
pub mod message;
mod outgoing;
pub mod peer;
mod queue;
pub mod ranges;
pub mod raw;
pub mod resume;
pub mod session;
mod transactions;
pub mod uri;
pub mod wire;

pub use connection::{Connection, ConnectionError, Options, Request, Transmit};
pub use content::Accept;
pub use granularity::Granularity;
pub use head::FailureReport;
pub use message::{
    Announced, Arrival, By, Content, Failure, IncomingId, Message, Notice, OutgoingId, Priority,
    Response, SendError,
};
pub use resume::{IncomingState, OutgoingState};
pub use session::{ConnectionKey, Directory, Matching, Refusal, SessionId, Setup};
pub use transactions::PATIENCE;
pub use uri::{Path, Uri};
