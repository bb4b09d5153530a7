//! The registrar (RFC 3261 s10): which contacts an address-of-record has.
//!
//! One row per address-of-record, replaced as a whole; readers take the current row without a
//! lock, writers of one address-of-record queue behind each other. Rows go to the store within
//! its group commit and come back at the start; a binding that hung on a connection does not.
//!
//! A device may hold several flows (RFC 5626), each a binding named by instance and `reg-id`; a
//! request goes to one of them at a time. Each instance has a public GRUU (RFC 5627). Behind
//! proxies a binding is reached by its Path (RFC 3327).

mod gruu;
mod path;
mod reach;
mod record;
mod request;
mod row;
mod stored;
mod table;

pub use gruu::public_gruu;
pub use path::BadPath;
pub use reach::{Reach, Unreachable, reach};
pub use request::{
    ContactRequest, Contacts, Refusal, RegisterRequest, Registered, Settings, Supported,
};
pub use row::{Binding, Row, Seen};
pub use stored::{erasure, erasure_of_device, stored_contacts, stored_homes};
pub use table::{Observer, Registrar};

#[cfg(test)]
mod tests;
