//! What messages carry: formats that several services read and write, each without a socket or a
//! clock.

pub mod cpim;
pub mod imdn;
pub mod iscomposing;
pub mod pidf;
#[cfg(feature = "server")]
pub mod pres_rules;
pub mod reginfo;
pub mod watcherinfo;
mod xml;

pub use xml::XmlError;
