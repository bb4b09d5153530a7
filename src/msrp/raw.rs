//! The transaction level: each request and each response in hand, and nothing decided.
//!
//! [`Stream`] reads, [`wire`](super::wire) and [`Request::write`](super::Request::write) write. Who
//! works at this level checks paths, answers, keeps timers and watches over end-lines himself.

use super::framer::{FrameError, Framer, Piece};
use super::head::{Flag, Head, Start};

/// A part of what a stream brings.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A request begins. What is wrong with it, its head says.
    Request(Head<'a>),
    /// A response begins.
    Response(Head<'a>),
    /// Bytes of the body of what began last.
    Body(&'a [u8]),
    /// It ends.
    End(Flag),
}

/// A stream of requests and responses.
#[derive(Debug, Default)]
pub struct Stream(Framer);

impl Stream {
    /// Takes the next part from the front of `input`. `None` if more bytes are needed: what is left
    /// has to stand before them.
    ///
    /// # Errors
    /// [`FrameError`] when the stream is of no further use.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Part<'a>>, FrameError> {
        Ok(self.0.next(input)?.map(|piece| match piece {
            Piece::Head(head) => match head.start {
                Start::Request(_) => Part::Request(head),
                Start::Response { .. } => Part::Response(head),
            },
            Piece::Body(bytes) => Part::Body(bytes),
            Piece::End(flag) => Part::End(flag),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // features 1.3 "Transaction-level interface"
    #[test]
    fn the_transaction_level_gives_each_request_and_response() {
        let bytes = b"MSRP a786hjs2 SEND\r\nTo-Path: msrp://b:1/x;tcp\r\n\
            From-Path: msrp://a:1/y;tcp\r\nMessage-ID: 87652491\r\nByte-Range: 1-25/25\r\n\
            Content-Type: text/plain\r\n\r\nHey Bob, are you there?\r\n-------a786hjs2$\r\n\
            MSRP a786hjs2 200 OK\r\nTo-Path: msrp://a:1/y;tcp\r\n\
            From-Path: msrp://b:1/x;tcp\r\n-------a786hjs2$\r\n\
            MSRP d93kswow NICKNAME\r\nTo-Path: msrp://b:1/x;tcp\r\n\
            From-Path: msrp://a:1/y;tcp\r\nUse-Nickname: \"Al\"\r\n-------d93kswow$\r\n";
        let mut input: &[u8] = bytes;
        let mut stream = Stream::default();
        let mut seen = Vec::new();
        while let Some(part) = stream.next(&mut input).unwrap() {
            seen.push(match part {
                Part::Request(head) => {
                    assert_eq!(head.defect, None);
                    format!("{} {}", head.transaction, head.method().unwrap().as_str())
                }
                Part::Response(head) => format!("{} {:?}", head.transaction, head.start),
                Part::Body(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                Part::End(flag) => format!("{flag:?}"),
            });
        }
        assert_eq!(
            seen,
            [
                "a786hjs2 SEND",
                "Hey Bob, are you there?",
                "Last",
                "a786hjs2 Response { code: 200, comment: \"OK\" }",
                "Last",
                "d93kswow NICKNAME",
                "Last",
            ]
        );
        assert!(input.is_empty());
    }
}
