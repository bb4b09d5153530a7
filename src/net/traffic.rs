//! What passes, by method and transport: the figures of a page of charts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sip::Transport;
use crate::sip::method::Method;

/// Methods that are counted by name; every other one is the last.
const METHODS: [Method<'static>; 15] = [
    Method::Register,
    Method::Message,
    Method::Invite,
    Method::Ack,
    Method::Cancel,
    Method::Bye,
    Method::Options,
    Method::Subscribe,
    Method::Notify,
    Method::Publish,
    Method::Info,
    Method::Prack,
    Method::Update,
    Method::Refer,
    // Strangers choose it: it has no name here.
    Method::Other(b"other"),
];

const TRANSPORTS: [Transport; 5] =
    [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

/// Classes of responses, 1xx to 6xx.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"];

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Traffic {
    requests: [[AtomicU64; TRANSPORTS.len()]; METHODS.len()],
    answers: [[AtomicU64; CLASSES.len()]; METHODS.len()],
    responses: [AtomicU64; CLASSES.len()],
}

fn place(method: Method<'_>) -> usize {
    METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1)
}

fn class(status: u16) -> Option<usize> {
    usize::from(status / 100).checked_sub(1).filter(|class| *class < CLASSES.len())
}

fn add(counter: Option<&AtomicU64>) {
    if let Some(counter) = counter {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Traffic {
    pub(super) fn request(&self, method: Method<'_>, transport: Transport) {
        let by_transport = self.requests.get(place(method));
        let transport = TRANSPORTS.iter().position(|known| *known == transport);
        add(by_transport.zip(transport).and_then(|(counters, at)| counters.get(at)));
    }

    pub(super) fn answer(&self, method: Method<'_>, status: u16) {
        let by_class = self.answers.get(place(method));
        add(by_class.zip(class(status)).and_then(|(counters, at)| counters.get(at)));
    }

    pub(super) fn response(&self, status: u16) {
        add(class(status).and_then(|at| self.responses.get(at)));
    }

    /// Requests that came, retransmissions included: method, transport, count.
    pub fn requests(&self) -> impl Iterator<Item = (String, Transport, u64)> + '_ {
        METHODS.iter().zip(&self.requests).flat_map(|(method, counters)| {
            TRANSPORTS.iter().zip(counters).map(move |(transport, counter)| {
                (method.to_string(), *transport, counter.load(Ordering::Relaxed))
            })
        })
    }

    /// Answers that this server gave of its own accord: method, class, count.
    pub fn answers(&self) -> impl Iterator<Item = (String, &'static str, u64)> + '_ {
        METHODS.iter().zip(&self.answers).flat_map(|(method, counters)| {
            CLASSES.iter().zip(counters).map(move |(class, counter)| {
                (method.to_string(), *class, counter.load(Ordering::Relaxed))
            })
        })
    }

    /// Responses that devices and neighbours gave: class, count.
    pub fn responses(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        CLASSES
            .iter()
            .zip(&self.responses)
            .map(|(class, counter)| (*class, counter.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_counted_by_what_it_is_and_strangers_invent_no_names() {
        let traffic = Traffic::default();
        traffic.request(Method::Message, Transport::Tls);
        traffic.request(Method::Other(b"EVIL"), Transport::Udp);
        traffic.request(Method::Other(b"WORSE"), Transport::Udp);
        traffic.answer(Method::Register, 401);
        traffic.answer(Method::Register, 799);
        traffic.response(200);
        traffic.response(42);
        let requests: Vec<_> = traffic.requests().filter(|(_, _, count)| *count > 0).collect();
        assert_eq!(
            requests,
            [("MESSAGE".to_owned(), Transport::Tls, 1), ("other".to_owned(), Transport::Udp, 2)]
        );
        let answers: Vec<_> = traffic.answers().filter(|(_, _, count)| *count > 0).collect();
        assert_eq!(answers, [("REGISTER".to_owned(), "4xx", 1)]);
        let responses: Vec<_> = traffic.responses().filter(|(_, count)| *count > 0).collect();
        assert_eq!(responses, [("2xx", 1)]);
    }
}
