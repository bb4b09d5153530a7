//! A client's opening handshake of WebSocket (RFC 6455 s4.1) with a subprotocol (RFC 7118 s4.1).

use memchr::memmem;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The longest answer that is read.
const LONGEST_ANSWER: usize = 16 * 1_024;

/// Why there is no WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// The answer is not HTTP, or too long.
    #[error("the answer to the WebSocket handshake is not HTTP")]
    NotHttp,
    /// The server says no.
    #[error("the server refused the WebSocket: {0}")]
    Refused(String),
    /// The server says yes to something that was not asked.
    #[error("the server's WebSocket handshake is wrong: {0}")]
    Wrong(&'static str),
}

/// A handshake whose answer is awaited.
#[derive(Debug)]
pub struct Opening {
    accept: String,
    subprotocol: &'static str,
    answer: Vec<u8>,
}

impl Opening {
    /// The request is put at the end of `out`.
    #[must_use]
    pub fn new(host: &str, path: &str, subprotocol: &'static str, out: &mut Vec<u8>) -> Opening {
        let key = generate_key();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\
             Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n"
        );
        out.extend_from_slice(request.as_bytes());
        Opening { accept: derive_accept_key(key.as_bytes()), subprotocol, answer: Vec::new() }
    }

    /// Takes bytes of the answer. When it is whole and right: the bytes behind it.
    ///
    /// # Errors
    /// [`OpeningError`]; nothing more is worth reading then.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, OpeningError> {
        self.answer.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.answer, b"\r\n\r\n") else {
            let is_long = self.answer.len() > LONGEST_ANSWER;
            return if is_long { Err(OpeningError::NotHttp) } else { Ok(None) };
        };
        let rest = self.answer.split_off(end + 4);
        let head = std::str::from_utf8(&self.answer).map_err(|_| OpeningError::NotHttp)?;
        self.judge(head)?;
        Ok(Some(rest))
    }

    fn judge(&self, head: &str) -> Result<(), OpeningError> {
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
        let status = status.ok_or(OpeningError::NotHttp)?;
        if !status.starts_with("101") {
            return Err(OpeningError::Refused(status.chars().take(100).collect()));
        }
        let (mut accepted, mut agreed, mut upgraded) = (false, false, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("sec-websocket-accept") {
                accepted = value == self.accept;
            } else if name.eq_ignore_ascii_case("sec-websocket-protocol") {
                agreed = value.eq_ignore_ascii_case(self.subprotocol);
            } else if name.eq_ignore_ascii_case("upgrade") {
                upgraded = value.eq_ignore_ascii_case("websocket");
            }
        }
        match (upgraded, accepted, agreed) {
            (false, ..) => Err(OpeningError::Wrong("nothing was upgraded")),
            (_, false, _) => Err(OpeningError::Wrong("it answers somebody else's key")),
            (.., false) => Err(OpeningError::Wrong("it does not agree to the subprotocol")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening() -> (Opening, String) {
        let mut request = Vec::new();
        let opening = Opening::new("campus.example", "/sip", "sip", &mut request);
        let request = String::from_utf8(request).unwrap();
        assert!(request.starts_with("GET /sip HTTP/1.1\r\nHost: campus.example\r\n"), "{request}");
        assert!(request.contains("Sec-WebSocket-Protocol: sip\r\n"), "{request}");
        let accept = opening.accept.clone();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nconnection: upgrade\r\n\
             sec-websocket-accept: {accept}\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
        );
        (opening, answer)
    }

    /// RFC 6455 s4.1
    #[test]
    fn a_right_answer_opens_at_any_split_and_keeps_what_is_behind_it() {
        for size in 1..200 {
            let (mut opening, answer) = opening();
            let mut opened = None;
            for chunk in answer.as_bytes().chunks(size) {
                assert_eq!(opened, None);
                opened = opening.take(chunk).unwrap();
            }
            assert_eq!(opened, Some(Vec::new()), "{size}");
        }
        let (mut opening, answer) = opening();
        let behind = [answer.as_bytes(), b"\x81\x02hi"].concat();
        assert_eq!(opening.take(&behind), Ok(Some(b"\x81\x02hi".to_vec())));
    }

    /// RFC 6455 s4.1, RFC 7118 s4.1
    #[test]
    fn a_wrong_answer_opens_nothing() {
        for (from, to) in [
            ("Upgrade: WebSocket", "Upgrade: h2c"),
            ("accept: ", "accept: x"),
            ("Protocol: sip", "Protocol: msrp"),
            ("Sec-WebSocket-Protocol: sip\r\n", ""),
        ] {
            let (mut opening, answer) = opening();
            let answer = answer.replace(from, to);
            assert!(matches!(opening.take(answer.as_bytes()), Err(OpeningError::Wrong(_))), "{to}");
        }
        let (mut refused, _) = opening();
        let outcome = refused.take(b"HTTP/1.1 403 Forbidden\r\n\r\n");
        assert_eq!(outcome, Err(OpeningError::Refused("403 Forbidden".to_owned())));
        let (mut other, _) = opening();
        assert_eq!(other.take(b"SIP/2.0 400 What\r\n\r\n"), Err(OpeningError::NotHttp));
        let (mut endless, _) = opening();
        assert_eq!(endless.take(&[b'x'; LONGEST_ANSWER + 1]), Err(OpeningError::NotHttp));
    }
}
