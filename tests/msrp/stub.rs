//! A relay of the test's own (RFC 4976), as plain as it can be: it asks for a digest, gives out paths,
//! and passes requests on. Two of Debian's Kamailio in a row, set up as in `tests/peers`, answered AUTH
//! with 408.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tagus::http_digest::{Algorithm, Credentials, ha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::msrp_relay::{PASSWORD, USER};

type Link = mpsc::UnboundedSender<Vec<u8>>;

/// A running relay.
#[derive(Clone)]
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    /// Connections by the URI, or the address, that they lead to.
    links: Arc<Mutex<HashMap<String, Link>>>,
}

struct Frame {
    start: String,
    id: String,
    to: Vec<String>,
    from: Vec<String>,
    /// All behind `From-Path`, up to the end.
    rest: Vec<u8>,
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Takes one request or response off the front.
fn take(input: &mut Vec<u8>) -> Option<Frame> {
    let line_end = find(input, b"\r\n")?;
    let start = String::from_utf8_lossy(&input[..line_end]).into_owned();
    let id = start.split(' ').nth(1).expect("a transaction").to_owned();
    let mark = format!("\r\n-------{id}");
    let end = find(input, mark.as_bytes())? + mark.len() + 3;
    if input.len() < end {
        return None;
    }
    let whole: Vec<u8> = input.drain(..end).collect();
    let mut rest = &whole[line_end + 2..];
    let mut path = |name: &str| {
        let end = find(rest, b"\r\n").expect("a line");
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 2..];
        let value = line.strip_prefix(name).expect("the paths come first").to_owned();
        value.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let (to, from) = (path("To-Path: "), path("From-Path: "));
    Some(Frame { start, id, to, from, rest: rest.to_vec() })
}

impl Stub {
    pub(crate) async fn start() -> Stub {
        let listener = TcpListener::bind(crate::pair::ANYWHERE).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stub = Stub { address, links: Arc::default() };
        let own = stub.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                own.serve(socket);
            }
        });
        stub
    }

    pub(crate) fn uri(&self) -> String {
        format!("msrp://{};tcp", self.address)
    }

    fn serve(&self, socket: TcpStream) -> Link {
        let (mut reader, mut writer) = socket.into_split();
        let (link, mut queue) = mpsc::unbounded_channel::<Vec<u8>>();
        tokio::spawn(async move {
            while let Some(bytes) = queue.recv().await {
                if writer.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
        let (own, back) = (self.clone(), link.clone());
        tokio::spawn(async move {
            let mut input = Vec::new();
            while reader.read_buf(&mut input).await.is_ok_and(|count| count > 0) {
                while let Some(frame) = take(&mut input) {
                    own.handle(frame, &back).await;
                }
            }
        });
        link
    }

    async fn handle(&self, frame: Frame, back: &Link) {
        let word = frame.start.split(' ').nth(2).expect("a method or a code").to_owned();
        let is_response = word.bytes().all(|byte| byte.is_ascii_digit());
        if !is_response {
            self.links.lock().expect("no panic").insert(frame.from[0].clone(), back.clone());
        }
        if frame.to.len() == 1 {
            // Responses to a SEND go one hop.
            if word == "AUTH" {
                self.sign_in(&frame, back);
            }
            return;
        }
        if word == "SEND" {
            let Frame { id, to, from, .. } = &frame;
            let ok = format!(
                "MSRP {id} 200 OK\r\nTo-Path: {}\r\nFrom-Path: {}\r\n-------{id}$\r\n",
                from[0], to[0]
            );
            let _ = back.send(ok.into_bytes());
        }
        let (to, from) = (frame.to[1..].join(" "), frame.from.join(" "));
        let head =
            format!("{}\r\nTo-Path: {to}\r\nFrom-Path: {} {from}\r\n", frame.start, frame.to[0]);
        let bytes = [head.as_bytes(), &frame.rest].concat();
        let _ = self.link(&frame.to[1]).await.send(bytes);
    }

    async fn link(&self, uri: &str) -> Link {
        let authority = uri.trim_start_matches("msrp://").split(['/', ';']).next().expect("one");
        let known = {
            let links = self.links.lock().expect("no panic");
            links.get(uri).or_else(|| links.get(authority)).cloned()
        };
        if let Some(link) = known {
            return link;
        }
        let link = self.serve(TcpStream::connect(authority).await.expect("the next hop"));
        self.links.lock().expect("no panic").insert(authority.to_owned(), link.clone());
        link
    }

    fn sign_in(&self, frame: &Frame, back: &Link) {
        let text = String::from_utf8_lossy(&frame.rest);
        let shown = text.lines().find_map(|line| line.strip_prefix("Authorization: "));
        let hash = ha1(Algorithm::Sha256, USER.as_bytes(), b"stub.test", PASSWORD.as_bytes());
        let proved = shown.is_some_and(|shown| {
            let credentials = Credentials::parse(shown.as_bytes()).expect("credentials");
            credentials.claim(b"AUTH").is_ok_and(|claim| claim.proves(&hash))
        });
        let (code, fields) = if proved {
            // The whole way, from the client: the relays before us, and us.
            let relays = frame.from.iter().rev().skip(1).cloned();
            let own = format!("msrp://{}/s{};tcp", self.address, frame.id);
            let way = relays.chain([own]).collect::<Vec<_>>().join(" ");
            ("200 OK", format!("Use-Path: {way}\r\nExpires: 600\r\n"))
        } else {
            let challenge = "realm=\"stub.test\", qop=\"auth\", nonce=\"n1\", algorithm=SHA-256";
            ("401 Unauthorized", format!("WWW-Authenticate: Digest {challenge}\r\n"))
        };
        let Frame { id, to, from, .. } = frame;
        let answer = format!(
            "MSRP {id} {code}\r\nTo-Path: {}\r\nFrom-Path: {}\r\n{fields}-------{id}$\r\n",
            from.join(" "),
            to[0]
        );
        let _ = back.send(answer.into_bytes());
    }
}
