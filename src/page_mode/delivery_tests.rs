use super::*;
use proptest::prelude::*;

fn device(name: &str) -> DeviceKey {
    DeviceKey::Instance(name.to_owned())
}

fn absent(names: &[&str]) -> SmallVec<[DeviceKey; 2]> {
    names.iter().map(|name| device(name)).collect()
}

fn answered(status: u16) -> Outcome {
    Outcome::Final { status, message: Bytes::from(status.to_string()) }
}

fn status(code: u16) -> Step {
    Step::Answer(Reply::Status(code))
}

fn hold(names: &[&str]) -> Step {
    Step::Hold(absent(names))
}

// RFC 3428 s7: 200 when a device has it
#[test]
fn a_message_that_every_device_may_have_is_answered_200_by_the_first() {
    let mut delivery = Delivery::new([device("a"), device("b")], absent(&[]), Unreached::Hold);
    assert_eq!(delivery.ended(0, answered(200)).as_slice(), [status(200)]);
    assert!(!delivery.is_over());
    assert!(delivery.ended(1, answered(200)).is_empty());
    assert!(delivery.is_over());
}

#[test]
fn an_absent_device_gets_its_share_held_before_the_200() {
    let mut delivery = Delivery::new([device("a")], absent(&["b"]), Unreached::Hold);
    assert_eq!(delivery.ended(0, answered(200)).as_slice(), [hold(&["b"])]);
    assert_eq!(delivery.held(&absent(&["b"])).as_slice(), [status(200)]);
    assert!(delivery.is_over());
}

// RFC 3428 s7: 202 when it is stored
#[test]
fn unreachable_devices_make_a_202() {
    for failure in [408, 430, 480, 500, 503, 599] {
        let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Hold);
        assert_eq!(delivery.ended(0, answered(failure)).as_slice(), [hold(&["a"])]);
        assert_eq!(delivery.held(&absent(&["a"])).as_slice(), [status(202)]);
    }
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Hold);
    assert_eq!(delivery.ended(0, Outcome::Silent).as_slice(), [hold(&["a"])]);
}

#[test]
fn a_refusal_by_every_device_goes_upstream_as_it_came() {
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Hold);
    let steps = delivery.ended(0, answered(415));
    assert_eq!(steps.as_slice(), [Step::Answer(Reply::Forward(Bytes::from_static(b"415")))]);
    assert!(delivery.is_over());
}

#[test]
fn a_refusal_by_one_device_does_not_keep_it_from_an_absent_one() {
    let mut delivery = Delivery::new([device("a")], absent(&["b"]), Unreached::Hold);
    assert_eq!(delivery.ended(0, answered(415)).as_slice(), [hold(&["b"])]);
    assert_eq!(delivery.held(&absent(&["b"])).as_slice(), [status(202)]);
}

// RFC 3428 s7: 6xx is delivered but refused; nothing is held then
#[test]
fn a_6xx_is_final_for_the_person() {
    let mut delivery = Delivery::new([device("a"), device("b")], absent(&["c"]), Unreached::Hold);
    assert!(delivery.ended(0, answered(603)).is_empty());
    let steps = delivery.ended(1, answered(480));
    assert_eq!(steps.as_slice(), [Step::Answer(Reply::Forward(Bytes::from_static(b"603")))]);
}

#[test]
fn two_seconds_of_silence_make_a_202_and_a_late_200_settles() {
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Hold);
    assert_eq!(delivery.silent().as_slice(), [hold(&["a"])]);
    assert_eq!(delivery.held(&absent(&["a"])).as_slice(), [status(202)]);
    assert!(!delivery.is_over());
    assert_eq!(delivery.ended(0, answered(200)).as_slice(), [Step::Settle(device("a"))]);
    assert!(delivery.is_over());
}

#[test]
fn a_200_that_overtakes_the_store_is_settled_when_the_store_is_done() {
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Hold);
    assert_eq!(delivery.silent().as_slice(), [hold(&["a"])]);
    assert!(delivery.ended(0, answered(200)).is_empty());
    assert_eq!(delivery.held(&absent(&["a"])).as_slice(), [status(202), Step::Settle(device("a"))]);
}

#[test]
fn a_device_that_fails_after_the_200_gets_its_share_held() {
    let mut delivery = Delivery::new([device("a"), device("b")], absent(&[]), Unreached::Hold);
    assert_eq!(delivery.ended(0, answered(200)).as_slice(), [status(200)]);
    assert_eq!(delivery.ended(1, Outcome::Silent).as_slice(), [hold(&["b"])]);
    assert!(!delivery.is_over());
    assert!(delivery.held(&absent(&["b"])).is_empty());
    assert!(delivery.is_over());
}

#[test]
fn a_device_that_failed_before_the_200_gets_its_share_held() {
    let mut delivery = Delivery::new([device("a"), device("b")], absent(&[]), Unreached::Hold);
    assert!(delivery.ended(0, answered(480)).is_empty());
    assert_eq!(delivery.ended(1, answered(200)).as_slice(), [status(200), hold(&["a"])]);
}

#[test]
fn two_contacts_of_one_device_are_one_device() {
    let mut delivery = Delivery::new([device("a"), device("a")], absent(&[]), Unreached::Hold);
    assert!(delivery.ended(0, Outcome::Silent).is_empty());
    assert_eq!(delivery.ended(1, answered(200)).as_slice(), [status(200)]);
    assert!(delivery.is_over());
}

#[test]
fn what_may_not_be_held_is_never_held() {
    let mut delivery = Delivery::new([device("a")], absent(&["b"]), Unreached::Fail);
    assert!(delivery.silent().is_empty());
    assert_eq!(delivery.ended(0, answered(480)).as_slice(), [status(480)]);
}

#[test]
fn a_full_mailbox_is_refused_clearly() {
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Hold);
    assert_eq!(delivery.ended(0, answered(480)).as_slice(), [hold(&["a"])]);
    assert_eq!(delivery.not_held(true).as_slice(), [status(480)]);
}

#[test]
fn a_full_mailbox_still_waits_for_a_device_that_is_thinking() {
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Hold);
    assert_eq!(delivery.silent().as_slice(), [hold(&["a"])]);
    assert!(delivery.not_held(true).is_empty());
    assert_eq!(delivery.ended(0, answered(200)).as_slice(), [status(200)]);
}

#[test]
fn a_store_that_fails_is_503() {
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Hold);
    assert_eq!(delivery.ended(0, Outcome::Silent).as_slice(), [hold(&["a"])]);
    assert_eq!(delivery.not_held(false).as_slice(), [status(503)]);
}

#[test]
fn too_large_for_the_only_device_is_413() {
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Hold);
    assert_eq!(delivery.ended(0, Outcome::TooLarge).as_slice(), [status(413)]);
}

proptest! {
    /// Whatever the devices, the clock and the store do: one answer, and every device that did
    /// not get the message either refused it or has a share held, if the sender heard success.
    #[test]
    fn nothing_acknowledged_is_lost(
        devices in 1_usize..4,
        absent_devices in 0_usize..3,
        events in proptest::collection::vec((0_u8..4, 0_usize..4, prop_oneof![
            Just(200_u16), Just(480), Just(415), Just(603), Just(503)]), 0..24),
    ) {
        let names = ["a", "b", "c"];
        let away = ["x", "y"];
        let mut delivery = Delivery::new(
            names[..devices].iter().map(|name| device(name)), absent(&away[..absent_devices]), Unreached::Hold);
        let mut ended = vec![None; devices];
        let mut answers = Vec::new();
        let mut stored: Vec<DeviceKey> = Vec::new();
        let mut pending_hold: Vec<SmallVec<[DeviceKey; 2]>> = Vec::new();
        let take = |steps: Steps, answers: &mut Vec<Reply>, stored: &mut Vec<DeviceKey>,
                        pending: &mut Vec<SmallVec<[DeviceKey; 2]>>| {
            for step in steps {
                match step {
                    Step::Answer(reply) => answers.push(reply),
                    Step::Hold(devices) => pending.push(devices),
                    Step::Settle(device) | Step::Refuse(device) => stored.retain(|other| *other != device),
                }
            }
        };
        let mut script = events;
        for index in 0..devices {
            script.push((0, index, 480));
        }
        script.extend([(2, 0, 0), (2, 0, 0), (2, 0, 0), (2, 0, 0)]);
        for (kind, branch, code) in script {
            let steps = match kind {
                0 if branch < devices && ended[branch].is_none() => {
                    ended[branch] = Some(code);
                    delivery.ended(branch, answered(code))
                }
                1 => delivery.silent(),
                2 if !pending_hold.is_empty() => {
                    let devices = pending_hold.remove(0);
                    stored.extend(devices.iter().cloned());
                    delivery.held(&devices)
                }
                _ => Steps::new(),
            };
            take(steps, &mut answers, &mut stored, &mut pending_hold);
        }
        prop_assert_eq!(answers.len(), 1);
        prop_assert!(delivery.is_over());
        let success = matches!(answers[0], Reply::Status(200 | 202));
        if success {
            for (index, outcome) in ended.iter().enumerate() {
                if matches!(outcome, Some(480 | 503)) {
                    prop_assert!(stored.contains(&device(names[index])), "{} lost", names[index]);
                }
            }
            for name in &away[..absent_devices] {
                prop_assert!(stored.contains(&device(name)), "absent {} lost", name);
            }
        }
    }
}

// RFC 3994: what says that somebody types keeps nobody from sending what he typed (RFC 3428 s8)
#[test]
fn what_is_of_no_use_later_is_answered_202_when_nobody_takes_it() {
    let mut delivery = Delivery::new([device("a")], absent(&["b"]), Unreached::Drop);
    assert_eq!(delivery.silent().as_slice(), [status(202)]);
    assert!(delivery.ended(0, answered(200)).is_empty());
    assert!(delivery.is_over());
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Drop);
    assert_eq!(delivery.ended(0, answered(480)).as_slice(), [status(202)]);
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Drop);
    let steps = delivery.ended(0, answered(415));
    assert_eq!(steps.as_slice(), [Step::Answer(Reply::Forward(Bytes::from_static(b"415")))]);
}

#[test]
fn a_device_that_refuses_late_refuses_the_held_message() {
    let mut delivery = Delivery::new([device("a")], absent(&[]), Unreached::Hold);
    assert_eq!(delivery.silent().as_slice(), [hold(&["a"])]);
    assert_eq!(delivery.held(&absent(&["a"])).as_slice(), [status(202)]);
    assert_eq!(delivery.ended(0, answered(415)).as_slice(), [Step::Refuse(device("a"))]);
    assert!(delivery.is_over());
}
