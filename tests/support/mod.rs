//! What the tests with real processes share: guards that end what they started, by its process
//! id, and waiting for events with a deadline. Nothing here sleeps.

pub(crate) mod agent;
pub(crate) mod caller;
pub(crate) mod directory;
pub(crate) mod lines;
mod programs;
pub(crate) mod server;

pub(crate) use programs::{program, repository};
