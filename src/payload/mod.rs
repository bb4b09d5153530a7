//! What messages carry: formats that several services read and write, each without a socket or a
//! clock.

pub mod cpim;
pub mod imdn;
pub mod iscomposing;
pub mod reginfo;
mod xml;

pub use xml::XmlError;
