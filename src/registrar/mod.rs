//! The registrar (RFC 3261 s10): which contacts an address-of-record has.
//!
//! One row per address-of-record, replaced as a whole; readers take the current row without a
//! lock, writers of one address-of-record queue behind each other. Rows go to the store within
//! its group commit and come back at the start; a binding that hung on a connection does not.

mod reach;
mod record;
mod row;
mod stored;
mod table;

pub use reach::{Reach, Unreachable, reach};
pub use row::{Binding, Row};
pub use stored::{erasure, erasure_of_device, stored_contacts};
pub use table::{
    ContactRequest, Contacts, Refusal, RegisterRequest, Registered, Registrar, Settings,
};

#[cfg(test)]
mod tests;
