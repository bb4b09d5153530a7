//! Presence: what somebody's devices say, made into one state, and who may see it.

pub mod compose;
pub mod policy;
