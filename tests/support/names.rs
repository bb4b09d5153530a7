//! A DNS server of the test's own, on loopback: it answers with the records that it was given, and
//! says of everything else that there is none.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{NAPTR, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};

/// Answers until the test ends.
pub(crate) struct Names {
    pub(crate) address: SocketAddr,
    records: Arc<Mutex<Vec<(String, RData)>>>,
}

/// A name with any bytes in it.
fn name(text: &str) -> Name {
    let labels = text.trim_end_matches('.').split('.').map(str::as_bytes);
    Name::from_labels(labels).expect("a name")
}

impl Names {
    pub(crate) fn start() -> Names {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        let records: Arc<Mutex<Vec<(String, RData)>>> = Arc::default();
        let known = Arc::clone(&records);
        std::thread::spawn(move || {
            let mut buffer = [0; 2_048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
                let answer = answer(&query, &known.lock().expect("no panic"));
                let _ = socket.send_to(&answer.to_vec().expect("a message"), from);
            }
        });
        Names { address, records }
    }

    fn put(&self, name: &str, data: RData) {
        self.records.lock().expect("no panic").push((format!("{name}."), data));
    }

    pub(crate) fn srv(&self, of: &str, port: u16, target: &str) {
        self.put(of, RData::SRV(SRV::new(10, 10, port, name(target))));
    }

    pub(crate) fn naptr(&self, of: &str, service: &str, target: &str) {
        let word = |text: &str| Box::<[u8]>::from(text.as_bytes());
        let naptr = NAPTR::new(10, 10, word("s"), word(service), word(""), name(target));
        self.put(of, RData::NAPTR(naptr));
    }
}

fn answer(query: &Message, known: &[(String, RData)]) -> Message {
    let mut answer = query.clone();
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.recursion_available = true;
    let Some(question) = query.queries.first() else { return answer };
    let asked = question.name().clone();
    let text = asked.to_ascii().to_ascii_lowercase();
    let is_asked =
        |(of, data): &&(String, RData)| *of == text && data.record_type() == question.query_type();
    let mut found = known.iter().filter(is_asked).peekable();
    if found.peek().is_none() {
        answer.metadata.response_code = ResponseCode::NXDomain;
        let soa = SOA::new(name("ns.test."), name("a.test."), 1, 60, 60, 60, 60);
        answer.add_authority(Record::from_rdata(name("test."), 60, RData::SOA(soa)));
    }
    for (_, data) in found {
        answer.add_answer(Record::from_rdata(asked.clone(), 60, data.clone()));
    }
    answer
}
