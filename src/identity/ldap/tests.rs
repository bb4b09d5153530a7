//! The directory over servers that say what no directory should.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::guard::wire::{self, Head, operation};
use super::*;
use crate::config;

/// What a hostile server answers, whatever it is asked.
type Said = Arc<dyn Fn(u32) -> Vec<u8> + Send + Sync>;

fn message(id: u32, rest: &[u8]) -> Vec<u8> {
    let mut inside = vec![0x02, 0x04];
    inside.extend_from_slice(&id.to_be_bytes());
    inside.extend_from_slice(rest);
    let mut out = vec![0x30, 0x84];
    out.extend_from_slice(&u32::try_from(inside.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&inside);
    out
}

/// Success.
fn good(id: u32, question: u8) -> Vec<u8> {
    let kind = if question == operation::BIND { operation::BOUND } else { operation::DONE };
    message(id, &[kind, 7, 0x0a, 1, 0, 4, 0, 4, 0])
}

async fn serve(mut stream: TcpStream, said: Said, is_good: Arc<AtomicBool>) {
    let mut bytes = BytesMut::new();
    while matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
        while let Head::Message(length) = wire::head(&bytes)
            && bytes.len() >= length
        {
            let question = wire::question(&bytes[..length]).unwrap();
            let answer = match is_good.load(Ordering::Relaxed) {
                true => good(question.id, question.operation),
                false => said(question.id),
            };
            bytes.advance(length);
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

/// A server that says this until it is told to be good.
async fn hostile(
    said: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (said, is_good): (Said, _) = (Arc::new(said), Arc::new(AtomicBool::new(false)));
    let mends = Arc::clone(&is_good);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&said), Arc::clone(&mends)));
        }
    });
    (address, is_good)
}

fn directory(address: SocketAddr) -> Directory {
    let urls = vec![format!("ldap://{address}")];
    let settings = Settings::try_from(&config::Ldap { urls, ..config::Ldap::default() });
    Directory::new(settings.unwrap(), Clock::system()).unwrap()
}

/// Elements within elements: a library that follows them is at the end of its stack.
fn nested(levels: u32) -> Vec<u8> {
    let mut said = Vec::new();
    for inside in (0..levels).rev() {
        said.extend_from_slice(&[0x30, 0x84]);
        said.extend_from_slice(&(inside * 6).to_be_bytes());
    }
    said
}

/// Nothing that a server says ends the process or a task, and when the server is good again the
/// directory is.
#[tokio::test]
async fn a_hostile_server_is_out_of_reach_and_no_more() {
    let entry =
        b"\x64\x19\x04\x05uid=x\x30\x10\x30\x0e\x04\x03uid\x31\x07\x04\x01x\x04\x02\xff\xfe";
    let texts: [Box<dyn Fn(u32) -> Vec<u8> + Send + Sync>; 8] = [
        Box::new(|_| nested(10_000)),
        Box::new(|_| nested(200_000)),
        // A result without a code, and text that is none.
        Box::new(|id| message(id, b"\x65\x06\x0a\x00\x04\x00\x04\x00")),
        Box::new(|id| message(id, b"\x65\x09\x0a\x01\x00\x04\x00\x04\x02\xff\xfe")),
        Box::new(|id| message(id, b"\x64\x07\x04\x03\xff\xfe\xfd\x30\x00")),
        // An answer of another kind, no LDAP, and more than is read.
        Box::new(|id| message(id, b"\x6b\x07\x0a\x01\x00\x04\x00\x04\x00")),
        Box::new(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        Box::new(|_| b"\x30\x84\x7f\xff\xff\xff".to_vec()),
    ];
    for (place, said) in texts.into_iter().enumerate() {
        let (address, is_good) = hostile(said).await;
        let directory = directory(address);
        assert!(directory.probe().await.is_err(), "{place}");
        assert!(directory.find("ana", Wanted::Everything).await.is_err(), "{place}");
        assert!(directory.bind("uid=ana", "secret").await.is_err(), "{place}");
        assert!(directory.list().await.is_err(), "{place}");
        let said = directory.health().last_error.map(|error| error.to_string()).unwrap_or_default();
        let looks = said.contains("no LDAP") || said.contains("more than is read");
        assert!(looks, "{place}: {said}");
        is_good.store(true, Ordering::Relaxed);
        assert_eq!(directory.probe().await, Ok(()), "{place}");
        assert_eq!(directory.bind("uid=ana", "secret").await, Ok(true), "{place}");
    }
    // Values that are no text, and answers that nobody asked for, harm nothing.
    let (address, _) = hostile(move |id| {
        let mut said = message(id, entry);
        said.extend(message(id + 1_000, entry));
        said.extend(good(id + 1_000, operation::SEARCH));
        said.extend(good(id, operation::SEARCH));
        said
    })
    .await;
    let directory = directory(address);
    assert_eq!(directory.probe().await, Ok(()));
    assert!(matches!(directory.find("ana", Wanted::Everything).await, Ok(Found::Absent)));
}
