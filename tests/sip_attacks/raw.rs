//! Requests and answers as text, with nothing put right on the way.

use std::time::Duration;

use tagus::entropy;

use crate::support::caller::header;
use crate::support::server::DOMAIN;

/// Longer than the server may take for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How soon a connection must be closed over which nothing sensible can follow.
pub(crate) const CLOSES: Duration = Duration::from_secs(5);

/// A response as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn new(text: &str) -> Answer {
        let status = text.get(8..11).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, text: text.to_owned() }
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.text, name)
    }
}

/// A request of which every part can be spoilt.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) version: String,
    /// Header lines in order, each without its line end.
    pub(crate) lines: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Draft {
    /// A good request from `from` to `to`, without Content-Length: [`Draft::bytes`] adds it.
    pub(crate) fn new(method: &str, uri: &str, from: &str, to: &str) -> Draft {
        Draft {
            method: method.to_owned(),
            uri: uri.to_owned(),
            version: "SIP/2.0".to_owned(),
            lines: vec![
                format!("Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{}", entropy::token(8)),
                "Max-Forwards: 70".to_owned(),
                format!("From: <sip:{from}@{DOMAIN}>;tag={}", entropy::token(4)),
                format!("To: <{to}>"),
                format!("Call-ID: {}", entropy::token(8)),
                format!("CSeq: 1 {method}"),
            ],
            body: Vec::new(),
        }
    }

    /// OPTIONS to the server, which answers 200 to anybody.
    pub(crate) fn ping() -> Draft {
        let server = format!("sip:{DOMAIN}");
        Draft::new("OPTIONS", &server, "nobody", &server)
    }

    /// With one more header line.
    pub(crate) fn with(mut self, line: impl Into<String>) -> Draft {
        self.lines.push(line.into());
        self
    }

    /// Without the lines of one name.
    pub(crate) fn without(mut self, name: &str) -> Draft {
        let is_it = |line: &String| {
            line.split(':').next().is_some_and(|n| n.trim().eq_ignore_ascii_case(name))
        };
        self.lines.retain(|line| !is_it(line));
        self
    }

    /// With another line in the place of those of its name.
    pub(crate) fn replacing(self, line: impl Into<String>) -> Draft {
        let line = line.into();
        let name = line.split(':').next().expect("a name").to_owned();
        self.without(&name).with(line)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Draft {
        self.body = body.into();
        self
    }

    /// The request with a true Content-Length.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.clone().with(format!("Content-Length: {}", self.body.len())).as_is()
    }

    /// The request with nothing added.
    pub(crate) fn as_is(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} {}\r\n", self.method, self.uri, self.version).into_bytes();
        for line in &self.lines {
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The same as a new transaction.
    pub(crate) fn anew(&self) -> Draft {
        let fresh = format!("z9hG4bK{}", entropy::token(8));
        let mut draft = self.clone();
        for line in &mut draft.lines {
            if line.starts_with("Via:") {
                *line = line.replacen(self.branch(), &fresh, 1);
            }
        }
        draft
    }

    /// The branch of its Via.
    pub(crate) fn branch(&self) -> &str {
        let via = self.lines.iter().find(|line| line.starts_with("Via:")).expect("a Via");
        via.split("branch=").nth(1).expect("a branch")
    }
}
