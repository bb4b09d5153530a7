//! Every parser against damaged inputs: torture messages, messages of real clients and stored
//! rows, with bits flipped, parts spliced, lines exchanged and numbers blown up.
//!
//! The seed is fixed, so each run of the tests does the same. `TAGUS_FUZZ_SECONDS=600` goes on for
//! that long, and `TAGUS_FUZZ_SEED` begins elsewhere; a failure tells its seed and its input.

#![cfg(feature = "server")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what cannot be read back is a test that failed"
)]

#[path = "fuzz/corpus.rs"]
mod corpus;
#[path = "fuzz/directory.rs"]
mod directory;
#[path = "fuzz/msrp.rs"]
mod msrp;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use mutate::Dice;
use tagus::clock::Clock;
use targets::{TARGETS, Target};

/// Inputs of an ordinary run.
const ROUNDS: u64 = 60_000;

/// An ordinary run ends after this long, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(40);

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn run(target: &Target, input: &[u8], seed: u64) {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input, &mut Dice::new(seed))));
    if outcome.is_err() {
        panic!(
            "{} failed; TAGUS_FUZZ_SEED={seed}; the input was\n{}",
            target.name,
            input.escape_ascii()
        );
    }
}

#[test]
fn every_parser_takes_the_corpus_as_it_is() {
    for input in corpus::all() {
        for target in TARGETS {
            run(target, &input, 0);
        }
    }
}

/// Messages of the corpus that are meant to be fine are: damaging what is broken tests little.
#[test]
fn the_messages_of_clients_in_the_corpus_are_well_formed() {
    use tagus::sip::wire::{Framing, Layout, Limits, Message, scan};
    for input in corpus::clients() {
        let mut layout = Layout::default();
        let result = scan(&input, Framing::Stream, &Limits::default(), &mut layout);
        assert_eq!(result, Ok(()), "{}", input.escape_ascii());
        let message = Message::new(&input, &layout);
        assert_eq!(message.check(), Ok(()), "{}", input.escape_ascii());
        assert_eq!(message.bytes().len(), input.len(), "{}", input.escape_ascii());
    }
}

#[test]
fn no_damaged_input_makes_a_parser_panic_or_lie() {
    let clock = Clock::system();
    let began = clock.now();
    let seconds = variable("TAGUS_FUZZ_SECONDS").map(Duration::from_secs);
    let first = variable("TAGUS_FUZZ_SEED").unwrap_or(0x7461_6775_7300);
    let corpus = corpus::all();
    let mut rounds = 0_u64;
    loop {
        let elapsed = clock.now().since(began);
        if seconds.map_or(rounds >= ROUNDS || elapsed > PATIENCE, |end| elapsed > end) {
            break;
        }
        // Each round has a seed of its own, so that a failure is repeated at once.
        let seed = first.wrapping_add(rounds);
        let mut dice = Dice::new(seed);
        let mut input = dice.pick(&corpus).clone();
        let other = dice.pick(&corpus);
        mutate::mutate(&mut input, other, &mut dice);
        for target in TARGETS {
            if dice.below(target.one_of) == 0 {
                run(target, &input, seed);
            }
        }
        rounds += 1;
    }
    assert!(rounds > 500, "only {rounds} inputs were tried");
}

/// The same seed is the same input, or a reported seed would be worth nothing.
#[test]
fn a_seed_repeats_its_input() {
    let corpus = corpus::all();
    let make = |seed| {
        let mut dice = Dice::new(seed);
        let mut input = dice.pick(&corpus).clone();
        let other = dice.pick(&corpus);
        mutate::mutate(&mut input, other, &mut dice);
        input
    };
    for seed in 0..200 {
        assert_eq!(make(seed), make(seed));
    }
}
