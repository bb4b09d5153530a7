//! Workers: threads that read, hand over, and send.

use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::task::LocalSet;

use super::egress::{Command, Egress, WorkerParts};
use super::outbox::{Outbox, SendFailure};
use super::udp::{BATCH, Batch, UdpPort};
use super::{Ingress, stream};
use crate::channel::Opened;
use crate::clock::Tick;

/// Batches of one socket in a row before others get their turn.
const TURN: usize = 8;

/// How often failures may lead to sends that fail before the rest waits for the next batch.
const FAILURE_ROUNDS: usize = 8;

/// Bytes read from a stream in one call.
const READ_BUFFER: usize = 64 * 1024;

/// No deadline is slept for in one piece longer than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(3_600);

/// How long a worker that stops waits for what was set aside.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// The running workers.
#[derive(Debug)]
pub struct Workers {
    stop: tokio::sync::watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Stops reading, closes the connections, and waits for the threads.
    pub fn stop(self) {
        self.stop.send_replace(true);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// Starts one thread per worker that [`Egress::new`] was given sockets for. Call it once.
///
/// # Errors
/// When a thread or its runtime cannot be made; workers that were started are stopped again.
pub fn start<I: Ingress>(egress: &Arc<Egress>, ingress: &Arc<I>) -> io::Result<Workers> {
    let mut workers = Workers { stop: egress.stop.clone(), threads: Vec::new() };
    for (index, parts) in egress.take_parts().into_iter().enumerate() {
        let (egress, ingress) = (Arc::clone(egress), Arc::clone(ingress));
        let started = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .and_then(|runtime| {
                std::thread::Builder::new()
                    .name(format!("sip-{index}"))
                    .spawn(move || run(&runtime, index, egress, ingress, parts))
            });
        match started {
            Ok(thread) => workers.threads.push(thread),
            Err(error) => {
                workers.stop();
                return Err(error);
            }
        }
    }
    Ok(workers)
}

fn run<I: Ingress>(
    runtime: &tokio::runtime::Runtime,
    index: usize,
    egress: Arc<Egress>,
    ingress: Arc<I>,
    parts: WorkerParts,
) {
    let mut stop = egress.stop.subscribe();
    let worker = Rc::new(Worker::new(index, egress, ingress));
    let tasks = LocalSet::new();
    tasks.block_on(runtime, async {
        for port in worker.egress.udp_ports(index) {
            tokio::task::spawn_local(read_datagrams(Rc::clone(&worker), Arc::clone(port)));
        }
        for (at, listener) in parts.sockets.streams {
            tokio::task::spawn_local(stream::accept(Rc::clone(&worker), at, listener));
        }
        tokio::task::spawn_local(keep_time(Rc::clone(&worker)));
        tokio::task::spawn_local(obey(Rc::clone(&worker), parts.commands));
        let _ = stop.wait_for(|stop| *stop).await;
        // What waits for the disk or the directory is answered yet, if that does not take long.
        let answered = async {
            while worker.ingress.is_waiting() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let _ = tokio::time::timeout(LAST_ANSWERS, answered).await;
        worker.settle();
    });
}

/// What the tasks of one thread share.
pub(super) struct Worker<I: Ingress> {
    pub(super) index: usize,
    pub(super) egress: Arc<Egress>,
    ingress: Arc<I>,
    // Borrowed only between two awaits.
    desk: RefCell<Desk<I>>,
    /// What a stream is read into; only the unfinished end of it is copied to the stream's own.
    pub(super) read_buffer: RefCell<Box<[u8]>>,
    /// What TLS and WebSocket leave of it.
    pub(super) opened: RefCell<Opened>,
}

struct Desk<I: Ingress> {
    scratch: I::Scratch,
    outbox: Outbox,
    failures: Vec<SendFailure>,
}

impl<I: Ingress> Worker<I> {
    fn new(index: usize, egress: Arc<Egress>, ingress: Arc<I>) -> Worker<I> {
        let outbox = Outbox::new(Arc::clone(&egress), index, true);
        let desk = Desk { scratch: I::Scratch::default(), outbox, failures: Vec::new() };
        Worker {
            index,
            egress,
            ingress,
            desk: RefCell::new(desk),
            read_buffer: RefCell::new(vec![0; READ_BUFFER].into_boxed_slice()),
            opened: RefCell::default(),
        }
    }

    /// Runs the engine on something. A panic there costs that message, not the thread.
    pub(super) fn engage(&self, work: impl FnOnce(&I, &mut I::Scratch, &mut Outbox)) {
        let mut desk = self.desk.borrow_mut();
        let Desk { scratch, outbox, .. } = &mut *desk;
        if catch_unwind(AssertUnwindSafe(|| work(&self.ingress, scratch, outbox))).is_err() {
            self.egress.count(|c| &c.panics);
            desk.scratch = I::Scratch::default();
            tracing::error!("the handling of a message panicked; the message is lost");
        }
    }

    /// After a batch: timers that are due, one flush, and what could not be sent.
    pub(super) fn settle(&self) {
        if self.egress.take_due_alarm(self.index) {
            let mut deadline = Tick::NEVER;
            self.engage(|ingress, _, outbox| deadline = ingress.tick(self.index, outbox));
            self.egress.alarm(self.index, deadline);
        }
        for _ in 0..FAILURE_ROUNDS {
            let mut failures = {
                let mut desk = self.desk.borrow_mut();
                desk.outbox.flush();
                let Desk { outbox, failures, .. } = &mut *desk;
                outbox.take_failures(failures);
                if failures.is_empty() {
                    return;
                }
                std::mem::take(failures)
            };
            for failure in failures.drain(..) {
                self.engage(|ingress, _, outbox| ingress.transport_failed(outbox, &failure));
            }
            self.desk.borrow_mut().failures = failures;
        }
        let mut desk = self.desk.borrow_mut();
        let Desk { outbox, failures, .. } = &mut *desk;
        outbox.flush();
        outbox.take_failures(failures);
        for failure in failures.drain(..) {
            self.egress.hand_over_failure(self.index, failure);
        }
    }

    /// Tells the engine about failures, and sends what it makes of them.
    pub(super) fn report(&self, failures: Vec<SendFailure>) {
        for failure in failures {
            self.engage(|ingress, _, outbox| ingress.transport_failed(outbox, &failure));
        }
        self.settle();
    }
}

async fn read_datagrams<I: Ingress>(worker: Rc<Worker<I>>, port: Arc<UdpPort>) {
    let mut batch = Batch::new(&port);
    let socket = match port.watch() {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, "a datagram socket cannot be watched");
            return;
        }
    };
    while let Ok(mut ready) = socket.readable().await {
        let mut drained = false;
        for _ in 0..TURN {
            let mut count = 0;
            let outcome = ready.try_io(|_| {
                count = batch.receive(&port)?;
                // A batch that is not full has emptied the socket. What comes from now on makes it
                // ready anew (epoll is edge triggered here), so asking again would only cost a
                // call; "would block" is how the runtime is told.
                if count < BATCH { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            worker.egress.add(|c| &c.datagrams_received, count as u64);
            for (flow, bytes) in (0..count).filter_map(|index| batch.get(index)) {
                worker.engage(|ingress, scratch, outbox| {
                    ingress.receive(scratch, outbox, flow, bytes);
                });
            }
            if count > 0 {
                worker.settle();
            }
            match outcome {
                Ok(Ok(())) => {}
                Err(_would_block) => {
                    drained = true;
                    break;
                }
                // An ICMP error of an earlier datagram, or memory pressure: nothing was read.
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a datagram socket reported an error");
                    break;
                }
            }
        }
        if !drained {
            tokio::task::yield_now().await;
        }
    }
}

/// Ticks at the engine's deadlines.
async fn keep_time<I: Ingress>(worker: Rc<Worker<I>>) {
    worker.settle();
    loop {
        let Some(alarm) = worker.egress.alarm_of(worker.index) else { return };
        let left = alarm.deadline().since(worker.egress.clock.now()).min(LONGEST_SLEEP);
        tokio::select! {
            () = tokio::time::sleep(left) => worker.settle(),
            () = alarm.bell.notified() => {}
        }
    }
}

/// Does what other threads want done here.
async fn obey<I: Ingress>(
    worker: Rc<Worker<I>>,
    mut commands: tokio::sync::mpsc::UnboundedReceiver<Command>,
) {
    while let Some(command) = commands.recv().await {
        match command {
            Command::Dial(connection) => {
                tokio::task::spawn_local(stream::dial(Rc::clone(&worker), connection));
            }
            Command::Upgraded(upgraded) => {
                tokio::task::spawn_local(stream::serve_upgraded(Rc::clone(&worker), upgraded));
            }
            Command::Failed(failure) => worker.report(vec![failure]),
        }
    }
}
