//! The far end of a connection, by hand: bytes in and bytes out.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::pair::soon;

/// The URI of the far end.
pub(crate) const OURS: &str = "msrp://127.0.0.1:9/foreign;tcp";

/// The far end of a connection, by hand.
pub(crate) struct Raw {
    socket: TcpStream,
    input: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(port: u16) -> Raw {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        Raw { socket, input: Vec::new() }
    }

    pub(crate) async fn accept(listener: &TcpListener) -> Raw {
        let (socket, _) = soon(listener.accept()).await.expect("a connection");
        Raw { socket, input: Vec::new() }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).await.expect("written");
    }

    /// The next request or response, as text; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<String> {
        soon(async {
            loop {
                let text = String::from_utf8_lossy(&self.input).into_owned();
                if let Some(id) = text.split(' ').nth(1) {
                    let mark = format!("-------{id}");
                    if let Some(at) =
                        text.find(&mark).filter(|at| text.len() >= at + mark.len() + 3)
                    {
                        let whole = text[..at + mark.len() + 3].to_owned();
                        self.input.drain(..whole.len());
                        return Some(whole);
                    }
                }
                match self.socket.read_buf(&mut self.input).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        })
        .await
    }

    /// The code of the next response.
    pub(crate) async fn code(&mut self) -> String {
        let text = self.next().await.expect("an answer");
        text.split([' ', '\r']).nth(2).unwrap_or_default().to_owned()
    }

    pub(crate) async fn ends(&mut self) {
        while let Some(text) = self.next().await {
            assert!(!text.contains("200 OK"), "{text}");
        }
    }

    /// Answers the next request.
    pub(crate) async fn answer(&mut self, status: &str) -> String {
        let request = self.next().await.expect("a request");
        let value = |name: &str| {
            let line = request.lines().find_map(|line| line.strip_prefix(name));
            line.expect("a field").to_owned()
        };
        let id = request.split(' ').nth(1).expect("a transaction").to_owned();
        let (to, from) = (value("From-Path: "), value("To-Path: "));
        let text =
            format!("MSRP {id} {status}\r\nTo-Path: {to}\r\nFrom-Path: {from}\r\n-------{id}$\r\n");
        self.write(text).await;
        request
    }
}

/// A message, or a chunk of one, as any peer may write it.
pub(crate) fn send(to: &str, id: &str, fields: &str, body: &str, flag: char) -> String {
    format!(
        "MSRP {id} SEND\r\nTo-Path: {to}\r\nFrom-Path: {OURS}\r\nMessage-ID: m{id}\r\n{fields}\
         Content-Type: application/x-test\r\n\r\n{body}\r\n-------{id}{flag}\r\n"
    )
}

/// What tells the passive side who connected.
pub(crate) fn hello(to: &str, id: &str) -> String {
    format!(
        "MSRP {id} SEND\r\nTo-Path: {to}\r\nFrom-Path: {OURS}\r\nMessage-ID: m{id}\r\n-------{id}$\r\n"
    )
}
