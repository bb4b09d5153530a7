//! People who are there and do nothing: what the memory of a connection is.
//!
//! Each registers over a connection of his own, as devices do that keep their flow (RFC 5626 s4),
//! and from then on only keeps it alive: by two line ends on a stream, by a Binding request over
//! UDP. Unlike the loads, nothing here has to be fast, so threads wait in the sockets.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use serde::Serialize;

use super::super::carrier::{Carrier, Piece, Way};
use super::login::{For, Login};
use super::people::Person;
use super::{BenchError, process, streams};
use crate::clock::{Clock, Tick};
use crate::entropy;
use crate::http_digest::Algorithm;
use crate::sip::wire::{Framing, Layout, Limits, Message, scan};
use crate::sip::{Transport, stun};

/// Keep-alives are this far apart (RFC 5626 s4.4.1, s4.4.2).
const KEEP_ALIVE: Duration = Duration::from_secs(25);
/// How long an answer may take, and how often a datagram is sent again for it.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: u32 = 3;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server.
    pub server: SocketAddr,
    /// The SIP domain.
    pub domain: String,
    /// Who is there, each over a connection of his own.
    pub people: Vec<Person>,
    /// How SIP is carried.
    pub way: Way,
    /// The expiry that registrations ask for, in seconds.
    pub expires: u32,
    /// Threads that open and keep the connections.
    pub threads: usize,
    /// How long all of them are there.
    pub hold: Duration,
    /// How long the server has to give memory back once they are closed.
    pub settle: Duration,
    /// The algorithm to answer with where there is a choice.
    pub algorithm: Option<Algorithm>,
    /// The server's process; its memory is told.
    pub pid: Option<u32>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// How SIP was carried.
    pub transport: String,
    /// Connections over which somebody registered.
    pub connections: usize,
    /// People who could not register.
    pub failed: usize,
    /// The first reason, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Seconds until all were there.
    pub opened_in: f64,
    /// Keep-alives that were sent.
    pub keep_alives: u64,
    /// Those that were answered.
    pub keep_alives_answered: u64,
    /// Connections that ended before they were closed here.
    pub lost: usize,
    /// Memory of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

/// Resident memory of the server in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Memory {
    /// Before anybody came.
    pub before_kib: u64,
    /// With all of them there, at the end.
    pub held_kib: u64,
    /// After they left.
    pub closed_kib: u64,
    /// What each of them adds, in bytes.
    pub bytes_each: u64,
}

/// Opens the connections, keeps them, and closes them.
///
/// # Errors
/// [`BenchError`] if nothing could be measured. People who cannot register are results.
pub fn run(options: &Options, clock: &Clock) -> Result<Report, BenchError> {
    if options.threads == 0 || options.people.is_empty() {
        return Err(BenchError::Options("there must be somebody, and a thread"));
    }
    let before = memory(options)?;
    let run = entropy::number() as u32;
    let began = clock.now();
    let share = options.people.len().div_ceil(options.threads);
    let mut report = Report {
        transport: options.way.transport.listener_scheme().to_owned(),
        ..Report::default()
    };
    let crowds = together(options.people.chunks(share).enumerate(), |(part, people)| {
        let registrations = people.iter().enumerate().map(|(place, person)| Registration {
            options,
            person,
            number: part * share + place,
            run,
        });
        registrations.map(Registration::open).collect::<Vec<_>>()
    })?;
    report.opened_in = clock.now().since(began).as_secs_f64();
    let mut lines: Vec<Vec<Line>> = Vec::new();
    for crowd in crowds {
        let mut own = Vec::new();
        for line in crowd {
            match line {
                Ok(line) => own.push(line),
                Err(error) => {
                    report.failed += 1;
                    report.failure.get_or_insert_with(|| error.to_string());
                }
            }
        }
        lines.push(own);
    }
    report.connections = lines.iter().map(Vec::len).sum();
    let kept = together(lines.iter_mut(), |own| keep(own, clock, options.hold))?;
    for (sent, answered) in kept {
        report.keep_alives += sent;
        report.keep_alives_answered += answered;
    }
    report.lost = lines.iter().flatten().filter(|line| !line.open).count();
    let held = memory(options)?;
    drop(lines);
    if options.pid.is_some() {
        std::thread::sleep(options.settle);
    }
    let closed = memory(options)?;
    report.memory = match (before, held, closed) {
        (Some(before_kib), Some(held_kib), Some(closed_kib)) => Some(Memory {
            before_kib,
            held_kib,
            closed_kib,
            bytes_each: held_kib.saturating_sub(before_kib) * 1_024
                / (report.connections as u64).max(1),
        }),
        _ => None,
    };
    Ok(report)
}

fn memory(options: &Options) -> Result<Option<u64>, BenchError> {
    let of = |pid| process::usage(pid).map(|usage| usage.rss_kib).ok_or(BenchError::Process(pid));
    options.pid.map(of).transpose()
}

/// Does the same with each part, on a thread of its own.
fn together<P: Send, T: Send>(
    parts: impl Iterator<Item = P>,
    work: impl Fn(P) -> T + Sync,
) -> Result<Vec<T>, BenchError> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<ScopedJoinHandle<'_, T>> =
            parts.map(|part| scope.spawn(move || work(part))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| BenchError::Thread)).collect()
    })
}

/// Keeps connections alive for a while, each at its own time, and tells how often that was tried
/// and how often it succeeded.
fn keep(lines: &mut [Line], clock: &Clock, hold: Duration) -> (u64, u64) {
    let began = clock.now();
    let wait_until = |at: Tick| std::thread::sleep(at.since(clock.now()));
    let rounds = (hold.as_secs_f64() / KEEP_ALIVE.as_secs_f64()).ceil().max(1.0) as u32;
    let round = hold / rounds;
    let step = round.div_f64(lines.len().max(1) as f64);
    let (mut sent, mut answered) = (0, 0);
    for number in 0..rounds {
        for (place, line) in lines.iter_mut().enumerate() {
            wait_until(began + round * number + step * place as u32);
            if !line.open {
                continue;
            }
            sent += 1;
            match line.keep_alive() {
                Ok(()) => answered += 1,
                Err(_) => line.open = false,
            }
        }
    }
    wait_until(began + hold);
    (sent, answered)
}

/// One person's connection.
struct Line {
    wire: Wire,
    open: bool,
}

enum Wire {
    Datagrams(UdpSocket),
    Stream(TcpStream, Box<Carrier>),
}

/// What arrived.
enum Arrived {
    Message(Vec<u8>),
    Pong,
}

impl Line {
    fn dial(way: &Way, server: SocketAddr) -> io::Result<Line> {
        let wire = if way.transport == Transport::Udp {
            let any: SocketAddr =
                if server.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
            let socket = UdpSocket::bind(any)?;
            socket.connect(server)?;
            socket.set_read_timeout(Some(PATIENCE / AGAIN))?;
            Wire::Datagrams(socket)
        } else {
            let (stream, carrier) = streams::dial(way, server)?;
            Wire::Stream(stream, Box::new(carrier))
        };
        Ok(Line { wire, open: true })
    }

    fn local(&self) -> io::Result<SocketAddr> {
        match &self.wire {
            Wire::Datagrams(socket) => socket.local_addr(),
            Wire::Stream(stream, _) => stream.local_addr(),
        }
    }

    /// Sends something and waits for what `wanted` finds in an answer.
    fn ask<T>(
        &mut self,
        packet: &[u8],
        mut wanted: impl FnMut(Arrived) -> Option<T>,
    ) -> io::Result<T> {
        let mut buffer = [0; 4 * 1_024];
        match &mut self.wire {
            Wire::Datagrams(socket) => {
                for _ in 0..AGAIN {
                    socket.send(packet)?;
                    let count = match socket.recv(&mut buffer) {
                        Ok(count) => count,
                        Err(error) if is_timeout(&error) => continue,
                        Err(error) => return Err(error),
                    };
                    let bytes = buffer.get(..count).unwrap_or_default();
                    // An answer to the transaction that was asked for; nobody else writes here.
                    let same = stun::is_stun(bytes) && bytes.get(4..20) == packet.get(4..20);
                    let arrived =
                        if same { Arrived::Pong } else { Arrived::Message(bytes.to_vec()) };
                    if let Some(found) = wanted(arrived) {
                        return Ok(found);
                    }
                }
                Err(ErrorKind::TimedOut.into())
            }
            Wire::Stream(stream, carrier) => {
                let is_websocket = carrier.is_websocket();
                let mut wire = Vec::new();
                carrier.seal(packet, &mut wire);
                loop {
                    stream.write_all(&wire)?;
                    wire.clear();
                    let count = stream.read(&mut buffer)?;
                    let mut found = None;
                    let bytes = buffer.get(..count).unwrap_or_default();
                    let more = carrier.take(bytes, &mut wire, |piece| {
                        let arrived = match piece {
                            Piece::Message(message) => Arrived::Message(message.to_vec()),
                            // Two answers in a row read like a question.
                            Piece::Ping if !is_websocket => Arrived::Pong,
                            Piece::Ping => return,
                            Piece::Pong => Arrived::Pong,
                        };
                        found = found.take().or_else(|| wanted(arrived));
                    })?;
                    if let Some(found) = found {
                        stream.write_all(&wire)?;
                        return Ok(found);
                    }
                    if count == 0 || !more {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    fn keep_alive(&mut self) -> io::Result<()> {
        let pong = |arrived| matches!(arrived, Arrived::Pong).then_some(());
        if let Wire::Stream(..) = self.wire {
            return self.ask(b"\r\n\r\n", pong);
        }
        let mut request = *b"\0\x01\0\0\x21\x12\xa4\x42............";
        for part in request.iter_mut().skip(8) {
            *part = entropy::number() as u8;
        }
        self.ask(&request, pong)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// One person on his way in.
#[derive(Clone, Copy)]
struct Registration<'a> {
    options: &'a Options,
    person: &'a Person,
    number: usize,
    run: u32,
}

impl Registration<'_> {
    /// Connects and registers; a challenge is answered once.
    fn open(self) -> io::Result<Line> {
        let mut line = Line::dial(&self.options.way, self.options.server)?;
        let local = line.local()?;
        let mut login: Option<Login> = None;
        for cseq in 1..=2 {
            let request = self.request(local, cseq, login.as_mut());
            let answer = line.ask(&request, |arrived| match arrived {
                Arrived::Message(bytes) => self.read(&bytes),
                Arrived::Pong => None,
            })?;
            match answer {
                (200, _) => return Ok(line),
                (401, Some(picked)) if login.is_none() => login = Some(picked),
                (status, _) => return Err(io::Error::other(format!("REGISTER: {status}"))),
            }
        }
        Err(io::Error::other("REGISTER: 401 for the credentials"))
    }

    /// A final answer, and what answers its challenge.
    fn read(&self, bytes: &[u8]) -> Option<(u16, Option<Login>)> {
        let mut layout = Layout::default();
        scan(bytes, Framing::Datagram, &Limits::default(), &mut layout).ok()?;
        let message = Message::new(bytes, &layout);
        if message.is_request() || message.status() < 200 {
            return None;
        }
        let Person { user, password } = self.person;
        let login = Login::pick(&message, self.options.algorithm, user, password);
        Some((message.status(), login))
    }

    /// RFC 5626 s4.2, s4.2.1: an instance of its own, and its only flow.
    fn request(&self, local: SocketAddr, cseq: u32, login: Option<&mut Login>) -> Vec<u8> {
        let Options { domain, way, expires, .. } = self.options;
        let Registration { person: Person { user, .. }, number, run, .. } = self;
        let (via, param) = (way.transport.via_name(), way.transport.uri_name());
        let uri = format!("sip:{domain}");
        let mut request = format!(
            "REGISTER {uri} SIP/2.0\r\n\
             Via: SIP/2.0/{via} {local};rport;branch=z9hG4bK{run:08x}{number:08x}{cseq:02x}\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:{user}@{domain}>;tag={run:08x}\r\n\
             To: <sip:{user}@{domain}>\r\n\
             Call-ID: {run:08x}-{number:08x}\r\n\
             CSeq: {cseq} REGISTER\r\n\
             Supported: path, outbound\r\n\
             Contact: <sip:{user}@{local};transport={param};ob>;reg-id=1;\
             +sip.instance=\"<urn:uuid:{run:08x}-0000-4000-8000-{number:012x}>\"\r\n\
             Expires: {expires}\r\n"
        )
        .into_bytes();
        if let Some(login) = login {
            let cnonce = format!("{run:08x}");
            let what = For { user, method: "REGISTER", uri: uri.as_bytes(), cnonce: &cnonce };
            login.write(&what, &mut request);
        }
        request.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        request
    }
}
