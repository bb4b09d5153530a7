mod secure;
mod streams;
mod websockets;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::sip::Transport;

/// Answers each message with itself and tells the test what happens. Some words in a message have
/// a meaning: `close` and `authenticate` the connection, `panic`.
struct Echo {
    events: Sender<Event>,
    deadline: AtomicU64,
}

#[derive(Debug, PartialEq)]
enum Event {
    Received(Flow, Vec<u8>),
    Closed(ConnectionId),
    Failed(SendFailure),
    Ticked,
}

impl Ingress for Echo {
    type Scratch = ();

    fn receive(&self, (): &mut (), outbox: &mut Outbox, flow: Flow, bytes: &[u8]) {
        let says = |word: &[u8]| bytes.windows(word.len()).any(|w| w == word);
        assert!(!says(b"panic"), "the message asked for it");
        outbox.send_copy(flow, bytes, None);
        if says(b"close") {
            outbox.close(flow.connection);
        }
        if says(b"authenticate") {
            outbox.egress().mark_authenticated(flow.connection);
        }
        let _ = self.events.send(Event::Received(flow, bytes.to_vec()));
    }

    fn connection_closed(&self, _: &mut Outbox, connection: ConnectionId) {
        let _ = self.events.send(Event::Closed(connection));
    }

    fn transport_failed(&self, _: &mut Outbox, failure: &SendFailure) {
        let _ = self.events.send(Event::Failed(*failure));
    }

    fn tick(&self, _: usize, outbox: &mut Outbox) -> Tick {
        let deadline = Tick::from_micros(self.deadline.load(Ordering::Acquire));
        if deadline > outbox.egress().clock.now() {
            return deadline;
        }
        self.deadline.store(u64::MAX, Ordering::Release);
        let _ = self.events.send(Event::Ticked);
        Tick::NEVER
    }
}

struct Server {
    egress: Arc<Egress>,
    ingress: Arc<Echo>,
    events: Receiver<Event>,
    workers: Option<Workers>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(workers) = self.workers.take() {
            workers.stop();
        }
    }
}

fn serve(addresses: &[&str], workers: usize, limits: Limits) -> Server {
    serve_with(addresses, workers, limits, None)
}

fn serve_with(addresses: &[&str], workers: usize, limits: Limits, tls: Option<Tls>) -> Server {
    let addresses: Vec<Address> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    let bound = listen::bind(&addresses, workers).unwrap();
    let egress = Egress::new(bound, limits, Clock::system(), tls);
    let (sender, events) = channel();
    let ingress = Arc::new(Echo { events: sender, deadline: AtomicU64::new(u64::MAX) });
    let workers = Some(start(&egress, &ingress).unwrap());
    Server { egress, ingress, events, workers }
}

impl Server {
    fn address(&self, index: usize) -> SocketAddr {
        self.egress.addresses()[index].socket
    }

    fn event(&self) -> Event {
        self.events.recv_timeout(Duration::from_secs(10)).expect("an event within ten seconds")
    }
}

fn datagram_client(to: SocketAddr) -> UdpSocket {
    let any = if to.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(any).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

#[test]
fn port_zero_is_chosen_once_for_all_workers_and_reported() {
    let server = serve(&["udp://127.0.0.1:0"], 3, Limits::default());
    let at = server.address(0);
    assert_ne!(at.port(), 0);
    for _ in 0..20 {
        let client = datagram_client(at);
        client.send(b"hello").unwrap();
        let mut buffer = [0; 64];
        assert_eq!(client.recv(&mut buffer).unwrap(), 5);
    }
}

#[test]
fn a_port_that_another_server_shares_is_reported_as_in_use() {
    let first = listen::bind(&["udp://127.0.0.1:0".parse().unwrap()], 2).unwrap();
    let taken = first.addresses()[0];
    assert!(matches!(listen::bind(&[taken], 2), Err(ListenError::InUse(at)) if at == taken));
    assert!(matches!(listen::bind(&[taken], 1), Err(ListenError::InUse(_))));
}

/// A wildcard socket answers from the address that was written to, over both families, and peers
/// of IPv4 are shown as such.
#[test]
fn a_dual_stack_socket_answers_from_the_address_it_was_asked_at() {
    let server = serve(&["udp://[::]:0"], 1, Limits::default());
    let port = server.address(0).port();
    for to in ["127.0.0.1", "127.0.0.2", "127.9.9.9", "[::1]"] {
        let to: SocketAddr = format!("{to}:{port}").parse().unwrap();
        // Connected: anything from another address would not be received.
        let client = datagram_client(to);
        client.send(b"ping").unwrap();
        let mut buffer = [0; 64];
        assert_eq!(client.recv(&mut buffer).unwrap(), 4);
        let Event::Received(flow, bytes) = server.event() else { panic!("not received") };
        assert_eq!(bytes, b"ping");
        assert_eq!((flow.local, flow.remote), (to, client.local_addr().unwrap()));
        assert_eq!(flow.transport, Transport::Udp);
    }
}

#[test]
fn a_wildcard_socket_of_ipv4_answers_from_the_address_it_was_asked_at() {
    let server = serve(&["udp://0.0.0.0:0"], 1, Limits::default());
    let to = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 7), server.address(0).port()));
    let client = datagram_client(to);
    for _ in 0..3 {
        client.send(b"ping").unwrap();
        assert_eq!(client.recv(&mut [0; 64]).unwrap(), 4);
    }
}

/// RFC 3261 s18.1.1: up to the maximum datagram size.
#[test]
fn the_largest_datagram_is_received_whole() {
    let server = serve(&["udp://127.0.0.1:0"], 1, Limits::default());
    let client = datagram_client(server.address(0));
    let big = vec![b'x'; 65_507];
    client.send(&big).unwrap();
    let mut buffer = vec![0; 70_000];
    assert_eq!(client.recv(&mut buffer).unwrap(), big.len());
}

#[test]
fn a_burst_comes_back_complete() {
    let server = serve(&["udp://127.0.0.1:0"], 1, Limits::default());
    let client = datagram_client(server.address(0));
    for round in 0..20_u32 {
        for index in 0..50_u32 {
            client.send(&(round * 50 + index).to_be_bytes()).unwrap();
        }
        for index in 0..50_u32 {
            let mut buffer = [0; 8];
            assert_eq!(client.recv(&mut buffer).unwrap(), 4);
            // One source, one socket: the order holds.
            assert_eq!(buffer[..4], (round * 50 + index).to_be_bytes());
        }
    }
}

/// RFC 3261 s18.4: what cannot be sent is told to who wants to know.
#[test]
fn a_datagram_too_big_to_send_is_reported_with_its_token() {
    let server = serve(&["udp://127.0.0.1:0"], 1, Limits::default());
    let flow = Flow {
        transport: Transport::Udp,
        local: server.address(0),
        remote: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        connection: ConnectionId::NONE,
    };
    let mut outbox = server.egress.outbox();
    outbox.send(flow, vec![0; 65_508].into(), Some(7));
    outbox.flush();
    let failure = SendFailure { flow, token: 7, failure: Failure::Unreachable };
    assert_eq!(server.event(), Event::Failed(failure));
}

/// A deadline that arises on another thread wakes the worker in time.
#[test]
fn an_alarm_from_another_thread_brings_the_tick_forward() {
    let server = serve(&["udp://127.0.0.1:0"], 1, Limits::default());
    let deadline = server.egress.clock.now() + Duration::from_millis(20);
    server.ingress.deadline.store(deadline.as_micros(), Ordering::Release);
    server.egress.alarm(0, deadline);
    assert_eq!(server.event(), Event::Ticked);
    assert!(server.egress.clock.now() >= deadline);
}

#[test]
fn a_panic_costs_one_message_and_not_the_worker() {
    let server = serve(&["udp://127.0.0.1:0"], 1, Limits::default());
    let client = datagram_client(server.address(0));
    client.send(b"panic").unwrap();
    client.send(b"still there?").unwrap();
    assert_eq!(client.recv(&mut [0; 64]).unwrap(), 12);
    assert_eq!(server.egress.counters().panics, 1);
}

#[test]
fn addresses_are_read_and_written_alike() {
    for text in ["udp://[::]:5060", "tcp://127.0.0.1:0", "tls://[::1]:5061"] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
    for text in ["", "udp://", "udp://host:1", "http://127.0.0.1:1", "udp://1.2.3.4", "5060"] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
}

/// The defaults of the configuration are the figures that stand here.
#[test]
fn configured_limits_arrive() {
    let configured = crate::config::Limits::default();
    assert_eq!(format!("{:?}", Limits::from(&configured)), format!("{:?}", Limits::default()));
    assert_eq!(
        format!("{:?}", guard::GuardLimits::from(&configured)),
        format!("{:?}", guard::GuardLimits::default())
    );
}
