//! The C interface, by the feature `ffi`: for programs in C, and in whatever calls C.
//!
//! ```text
//!   cargo rustc --release --lib --crate-type cdylib --no-default-features --features ffi
//! ```
//!
//! makes a shared library; `packaging/tagus_msrp.h` declares what is in it, and `packaging/examples`
//! has a chat in C and one in Python. The rules for callers stand in the header.
//!
//! ```text
//!   calls      what C sees
//!   setup      who connects, by SIP's a=setup
//!   border     texts, bytes, codes and panics at the border   event  what happened, as C reads it
//!   peer       the handles and what is behind them            pump   tasks that turn events into such
//!   ---------- crate::msrp::peer ----------
//! ```
//!
//! Handles are numbers that are looked up, never addresses: one that is wrong or used after its end is
//! an error. The only addresses that are followed are texts, bytes, events, and places for results.

#![expect(
    unsafe_code,
    reason = "C passes texts and bytes by address, and finds functions by names without mangling"
)]

mod border;
mod calls;
mod event;
mod peer;
mod pump;
mod setup;

pub use border::{TagusMsrpCode, tagus_msrp_last_error};
pub use calls::*;
pub use event::*;
pub use setup::*;

#[cfg(test)]
mod tests;
