//! What a connection does, seen from the wire.

mod bounds;
mod fairness;
mod foreign;
mod outcomes;
mod properties;
mod receiving;
mod reporting;
mod sending;
mod sessions;

/// A request or response on the wire, read without the code under test.
#[derive(Debug)]
struct Chunk {
    transaction: String,
    /// The method, or the status code.
    method: String,
    head: String,
    message_id: String,
    range: String,
    body: Vec<u8>,
    flag: char,
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn value(head: &str, name: &str) -> String {
    let prefix = format!("{name}: ");
    let line = head.split("\r\n").find_map(|line| line.strip_prefix(&prefix));
    line.unwrap_or_default().to_owned()
}

/// Takes a stream apart by its end-lines.
fn chunks(mut bytes: &[u8]) -> Vec<Chunk> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let line_end = find(bytes, b"\r\n").unwrap();
        let line = String::from_utf8(bytes[..line_end].to_vec()).unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0], "MSRP", "{line}");
        let end_line = format!("-------{}", words[1]);
        let end = find(bytes, end_line.as_bytes()).unwrap();
        let (head, body) = match find(&bytes[..end], b"\r\n\r\n") {
            Some(at) => (&bytes[..at], bytes[at + 4..end].strip_suffix(b"\r\n").unwrap()),
            None => (&bytes[..end], &[][..]),
        };
        let head = String::from_utf8(head.to_vec()).unwrap();
        let flag_at = end + end_line.len();
        assert_eq!(&bytes[flag_at + 1..flag_at + 3], b"\r\n");
        all.push(Chunk {
            transaction: words[1].to_owned(),
            method: words[2].to_owned(),
            message_id: value(&head, "Message-ID"),
            range: value(&head, "Byte-Range"),
            body: body.to_vec(),
            flag: bytes[flag_at].into(),
            head,
        });
        bytes = &bytes[flag_at + 3..];
    }
    all
}

/// The flags of all chunks.
fn flags(bytes: &[u8]) -> String {
    chunks(bytes).iter().map(|chunk| chunk.flag).collect()
}

/// The values of a field in the heads of a stream that may end in the middle of a body.
fn fields(bytes: &[u8], name: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let prefix = format!("{name}: ");
    text.split("\r\n").filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
}
