//! Header fields, parsed when somebody asks (RFC 3261 s20). Every parser takes the bytes of one
//! value, with folds and odd spaces as they came, and borrows from them.

mod address;
mod contact;
mod cseq;
mod name;
mod via;

pub use address::Address;
pub(crate) use contact::DEFAULT_EXPIRES;
pub use contact::{Contact, ContactAddress};
pub use cseq::CSeq;
pub use name::HeaderName;
pub use via::{Via, write_address, write_with_source};

use super::uri::UriError;

/// Why a header value could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The header is not there.
    #[error("missing header")]
    Missing,
    /// A display name, brackets or parameters break the grammar.
    #[error("malformed header")]
    Malformed,
    /// The URI in the header is none.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// The URI is longer than the limit.
    #[error("URI too long")]
    UriTooLong,
    /// A number is missing, no number, or out of its range.
    #[error("malformed number")]
    Number,
}
