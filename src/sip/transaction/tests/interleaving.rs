//! Any events in any order: the table does what a plain model of it does, loses nothing, keeps
//! nothing, and comes to rest.

mod model;

use proptest::prelude::*;

use super::*;
use model::{End, Model};

const METHODS: [&str; 3] = ["INVITE", "MESSAGE", "CANCEL"];
const BRANCHES: [&str; 3] = ["z9hG4bK-1", "z9hG4bK-2", "z9hG4bK-3"];
const STATUSES: [u16; 8] = [100, 101, 180, 200, 299, 300, 408, 699];
/// Around every timer, in milliseconds.
const WAITS: [u64; 14] =
    [0, 1, 199, 500, 3_499, 3_500, 4_999, 5_000, 20_000, 31_999, 32_000, 60_000, 181_000, 600_000];
const BOUNDS: Bounds = Bounds { active: 7, lingering: 3, lingering_bytes: 1_000 };

/// One transaction is one of few, so that events meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    method: &'static str,
    branch: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Start(Key, Flow),
    Response(Key, u16),
    WantCancel(Key),
    Fail(Key),
    Close,
    Request(Key, Flow),
    Ack(&'static str),
    Respond(Key, u16),
    Discard(Key),
    Wait(u64),
}

fn key() -> impl Strategy<Value = Key> {
    (prop::sample::select(&METHODS[..]), prop::sample::select(&BRANCHES[..]))
        .prop_map(|(method, branch)| Key { method, branch })
}

fn event() -> impl Strategy<Value = Event> {
    let flow = || any::<bool>().prop_map(|reliable| if reliable { tcp() } else { udp() });
    let status = || prop::sample::select(&STATUSES[..]);
    prop_oneof![
        4 => (key(), flow()).prop_map(|(key, flow)| Event::Start(key, flow)),
        6 => (key(), status()).prop_map(|(key, status)| Event::Response(key, status)),
        2 => key().prop_map(Event::WantCancel),
        1 => key().prop_map(Event::Fail),
        1 => Just(Event::Close),
        6 => (key(), flow()).prop_map(|(key, flow)| Event::Request(key, flow)),
        2 => prop::sample::select(&BRANCHES[..]).prop_map(Event::Ack),
        6 => (key(), status()).prop_map(|(key, status)| Event::Respond(key, status)),
        1 => key().prop_map(Event::Discard),
        6 => prop::sample::select(&WAITS[..]).prop_map(Event::Wait),
    ]
}

/// The table, its model, and what both say to one event.
struct Pair {
    bench: Bench,
    model: Model,
}

impl Pair {
    fn new() -> Pair {
        let bench = Bench::with(Timing::default(), BOUNDS);
        let model = Model::new(bench.now);
        Pair { bench, model }
    }

    fn happen(&mut self, event: Event) {
        let (bench, model) = (&mut self.bench, &mut self.model);
        let now = bench.now;
        match event {
            Event::Start(key, flow) => {
                let (method, branch) = (key.method.as_bytes(), key.branch.as_bytes());
                let id = bench.table.start_client(now, OWNER, method, branch, flow, packet("r"));
                model.start(key, flow, id);
            }
            Event::Response(key, status) => {
                let got = bench.response(key.method, key.branch, status);
                model.response(key, status, &got);
                if let Matched::Pass(ClientResponse { id, build_ack: Some(_), .. }) = got {
                    bench.table.acknowledged(id, packet("ACK"));
                }
            }
            Event::WantCancel(key) => {
                let Some(id) = model.client_id(key) else { return };
                let got = bench.table.cancel(now, id);
                model.want_cancel(key, &got);
            }
            Event::Fail(key) => {
                let Some(id) = model.client_id(key) else { return };
                assert_eq!(bench.table.transport_failed(id), Some(OWNER));
                model.forget_client(key);
            }
            Event::Close => {
                let mut out = Vec::new();
                bench.table.connection_closed(tcp().connection, &mut out);
                model.close(&out);
            }
            Event::Request(key, flow) => {
                let got = bench.request(key.method, key.branch, flow);
                model.request(key, flow, &got);
            }
            Event::Ack(branch) => {
                let got = bench.request("ACK", branch, udp());
                model.ack(branch, &got);
            }
            Event::Respond(key, status) => {
                let Some(id) = model.server_id(key) else { return };
                let got = bench.respond(id, status);
                model.respond(key, status, &got);
            }
            Event::Discard(key) => {
                let Some(id) = model.server_id(key) else { return };
                bench.table.discard(id);
                model.forget_server(key);
            }
            Event::Wait(time) => {
                self.wait(millis(time));
            }
        }
        self.compare();
    }

    fn wait(&mut self, time: Duration) {
        let outputs = self.bench.run(time);
        // A retransmission doubles or takes T2: never more than this many of each.
        let most = BOUNDS.active * (usize::try_from(time.as_secs()).unwrap() / 4 + 8);
        assert!(sent_at(&outputs).len() <= most, "a storm of {}", sent_at(&outputs).len());
        let mut got: Vec<(u128, End)> =
            events(&outputs).into_iter().map(|(at, output)| (at, End::of(&output))).collect();
        let mut expected = self.model.run(time);
        got.sort_unstable();
        expected.sort_unstable();
        assert_eq!(got, expected);
    }

    /// Nothing lost, nothing leaked: both hold the same, and each index names exactly what stands.
    fn compare(&mut self) {
        let (table, model) = (&self.bench.table, &self.model);
        let counts = table.counts();
        assert_eq!((counts.servers, counts.clients), (model.servers(), model.clients()));
        assert_eq!((counts.answered, counts.absorbing), (model.answered(), model.absorbing()));
        assert_eq!(table.server_index.len(), counts.servers + counts.answered);
        assert_eq!(table.client_index.len(), counts.clients + counts.absorbing);
        assert!(table.active() <= BOUNDS.active);
        assert!(counts.timers >= table.active(), "somebody waits without a timer");
    }

    /// Left alone, everything ends: after the longest of all timers nothing is left.
    fn come_to_rest(&mut self) {
        self.wait(secs(700));
        assert!(self.bench.table.is_empty(), "{:?}", self.bench.table.counts());
        assert_eq!(self.bench.table.next_deadline(), Tick::NEVER);
        self.compare();
        assert_eq!(self.bench.table.counts().timers, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// RFC 3261 s17, RFC 6026: no order of events loses a transaction, keeps one beyond its longest
    /// timer, or keeps the table busy.
    #[test]
    fn no_order_of_events_loses_or_leaks_a_transaction(
        events in prop::collection::vec(event(), 1..120)
    ) {
        let mut pair = Pair::new();
        for event in events {
            pair.happen(event);
        }
        pair.come_to_rest();
    }
}
