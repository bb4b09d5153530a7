//! R08: a server that runs out of file descriptors keeps serving who is connected, does not spin,
//! and recovers. Alone in its program, because the limit holds for the whole process.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that failed")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use tagus::clock::{Clock, Tick};
use tagus::net::{self, Egress, Ingress, Limits, Outbox, SendFailure, listen};
use tagus::sip::{ConnectionId, Flow};

struct Echo;

impl Ingress for Echo {
    type Scratch = ();
    fn receive(&self, (): &mut (), outbox: &mut Outbox, flow: Flow, bytes: &[u8]) {
        outbox.send_copy(flow, bytes, None);
    }
    fn connection_closed(&self, _: &mut Outbox, _: ConnectionId) {}
    fn transport_failed(&self, _: &mut Outbox, _: &SendFailure) {}
    fn tick(&self, _: usize, _: &mut Outbox) -> Tick {
        Tick::NEVER
    }
}

const MESSAGE: &[u8] = b"MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n";

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn exchange(stream: &mut TcpStream) {
    stream.write_all(MESSAGE).unwrap();
    let mut answer = [0; MESSAGE.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, MESSAGE);
}

/// The cap on connections leaves the store, logs and LDAP their reserve.
fn connections_stop_before_the_descriptors_do() {
    let bound = listen::bind(&["tcp://127.0.0.1:0".parse().unwrap()], 1).unwrap();
    let at = bound.addresses()[0].socket;
    // Taken as used before the server counts: what the clients below will use themselves.
    let room: Vec<_> = (0..120).map(|_| File::open("/dev/null").unwrap()).collect();
    let egress = Egress::new(bound, Limits::default(), Clock::system(), None);
    drop(room);
    let workers = net::start(&egress, &Arc::new(Echo)).unwrap();
    let mut clients = Vec::new();
    while egress.counters().refused == 0 {
        let mut client = connect(at);
        client.write_all(MESSAGE).unwrap();
        // Answered or refused; either way the server has decided.
        let _ = client.read(&mut [0; MESSAGE.len()]);
        clients.push(client);
        assert!(clients.len() < 200, "no connection was refused");
    }
    let reserve: Vec<_> = (0..32).map(|_| File::open("/dev/null").unwrap()).collect();
    assert_eq!(reserve.len(), 32);
    assert_eq!(egress.counters().accept_errors, 0);
    workers.stop();
}

fn without_descriptors_the_connected_are_served_and_the_others_wait() {
    let bound = listen::bind(&["tcp://127.0.0.1:0".parse().unwrap()], 1).unwrap();
    let at = bound.addresses()[0].socket;
    let clock = Clock::system();
    let egress = Egress::new(bound, Limits::default(), clock.clone(), None);
    let workers = net::start(&egress, &Arc::new(Echo)).unwrap();
    let mut connected = connect(at);
    exchange(&mut connected);

    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    hoard.pop(); // for the client's own end
    let began = clock.now();
    let mut waiting = connect(at);
    while egress.counters().accept_errors < 2 {
        exchange(&mut connected);
    }
    let errors = egress.counters().accept_errors;
    // Four attempts a second at most, whatever waits.
    assert!(u128::from(errors) <= 1 + (clock.now() - began).as_millis() / 200, "{errors}");

    drop(hoard);
    exchange(&mut waiting);
    workers.stop();
}

/// One after the other: both count what is open in the process.
#[test]
fn running_out_of_descriptors_hurts_newcomers_only_and_passes() {
    setrlimit(Resource::RLIMIT_NOFILE, 256, 256).unwrap();
    connections_stop_before_the_descriptors_do();
    without_descriptors_the_connected_are_served_and_the_others_wait();
}
