//! Who connects, as C asks it: the values of SIP's `a=setup` (RFC 6135).

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::ptr;

use super::border::{TagusMsrpCode, guarded, place, text_or_none};
use crate::msrp::peer::comedia::{Setup, offerer_connects};

/// The attribute's value, as text that stays.
const fn written(setup: Setup) -> &'static CStr {
    match setup {
        Setup::Active => c"active",
        Setup::Passive => c"passive",
        Setup::ActPass => c"actpass",
    }
}

/// The value of `a=setup` in an offer of ours, as text that stays; `reachable` other than 0: peers can
/// connect to us.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_setup_offer(reachable: u32) -> *const c_char {
    written(Setup::offered(reachable != 0)).as_ptr()
}

/// The value of `a=setup` in our answer to an offer with the value `offered`, or without one: NULL.
/// With `active` we connect, with `passive` we wait. `answer` becomes NULL when neither side can be
/// reached, and only a relay helps.
///
/// # Safety
/// As for `tagus_msrp_peer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_setup_answer(
    offered: *const c_char,
    reachable: u32,
    answer: Option<&mut MaybeUninit<*const c_char>>,
) -> TagusMsrpCode {
    guarded(|| {
        let answer = place("answer", answer)?;
        answer.write(ptr::null());
        // SAFETY: promised by the caller.
        let offered = unsafe { text_or_none("offered", offered) }?.and_then(Setup::parse);
        let own = Setup::answered(offered, reachable != 0);
        answer.write(own.map_or(ptr::null(), |own| written(own).as_ptr()));
        Ok(())
    })
}

/// Whether we connect, who made the offer, when the answer has the value `answered`, or none: NULL.
/// `connects` becomes false when we wait.
///
/// # Safety
/// As for `tagus_msrp_peer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_setup_connects(
    answered: *const c_char,
    connects: Option<&mut MaybeUninit<bool>>,
) -> TagusMsrpCode {
    guarded(|| {
        let connects = place("connects", connects)?;
        connects.write(true);
        // SAFETY: promised by the caller.
        let answered = unsafe { text_or_none("answered", answered) }?;
        connects.write(offerer_connects(answered.and_then(Setup::parse)));
        Ok(())
    })
}
