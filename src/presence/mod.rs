//! Presence (RFC 3856): what people publish of themselves, what it makes together, and who may see
//! how much of it.
//!
//! A publication (RFC 3903) belongs to a device and ends with it. [`compose`] makes one document of
//! all of a person's devices, registered ones too; [`policy`] decides by the person's own documents
//! and, where they say nothing, by the institution's rule. [`Presence`] keeps the publications and
//! asks both; who is told when is `subscriptions`' business.

pub mod compose;
mod device;
mod ends;
mod person;
pub mod policy;
mod publication;
mod rules;
mod stored;
mod table;

pub use publication::{GroupPolicy, PublishRequest, Published, Refusal, Settings};
pub use rules::{HARD_STATE, OMA_RULES, RULES};
pub use stored::{erasure, erasure_of_device};
pub use table::{Groups, Observer, Parts, Presence, PublicationView};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
