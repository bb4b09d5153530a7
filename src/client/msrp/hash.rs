//! SHA-256 of what is sent and of what came: how both sides know that it is the same file.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN, digest};

/// How much is read at a time.
const BLOCK: usize = 256 * 1_024;

/// The name of the function, as RFC 5547 s6 writes it.
const FUNCTION: &str = "sha-256:";

/// A SHA-256. It is shown as `sha256sum` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hash([u8; SHA256_OUTPUT_LEN]);

impl Hash {
    fn new(bytes: &[u8]) -> Hash {
        let mut own = [0; SHA256_OUTPUT_LEN];
        own.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Hash(own)
    }

    pub(super) fn of(bytes: &[u8]) -> Hash {
        Hash::new(digest(&SHA256, bytes).as_ref())
    }

    /// Of a file up to `most` bytes, and how many there were. Blocks.
    pub(super) fn of_file(file: &File, most: u64) -> io::Result<(Hash, u64)> {
        let (mut context, mut at) = (Context::new(&SHA256), 0);
        let mut buffer = vec![0; BLOCK];
        while at < most {
            let room = usize::try_from(most - at).unwrap_or(BLOCK).min(BLOCK);
            let read = match file.read_at(buffer.get_mut(..room).unwrap_or_default(), at) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            context.update(buffer.get(..read).unwrap_or_default());
            at += read as u64;
        }
        Ok((Hash::new(context.finish().as_ref()), at))
    }

    /// As RFC 5547 s6 has it: `sha-256:4A:AD:...`.
    pub(super) fn written(&self) -> String {
        let bytes: Vec<_> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        format!("{FUNCTION}{}", bytes.join(":"))
    }

    /// What [`Hash::written`] wrote; `None` for another function, or what is none.
    pub(super) fn read(text: &str) -> Option<Hash> {
        let digits = text
            .get(..FUNCTION.len())
            .filter(|name| name.eq_ignore_ascii_case(FUNCTION))
            .and_then(|_| text.get(FUNCTION.len()..))?;
        let mut own = [0; SHA256_OUTPUT_LEN];
        let mut parts = digits.split(':');
        for place in &mut own {
            let pair = parts.next().filter(|pair| pair.len() == 2)?;
            let fine = pair.bytes().all(|byte| byte.is_ascii_hexdigit());
            *place = u8::from_str_radix(pair, 16).ok().filter(|_| fine)?;
        }
        parts.next().is_none().then_some(Hash(own))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_its_bytes_have_the_hash_that_sha256sum_shows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("abc");
        std::fs::write(&path, "abcdef").unwrap();
        let file = File::open(&path).unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Hash::of(b"abc").to_string(), abc);
        assert_eq!(Hash::of_file(&file, 3).unwrap(), (Hash::of(b"abc"), 3));
        assert_eq!(Hash::of_file(&file, u64::MAX).unwrap(), (Hash::of(b"abcdef"), 6));
    }

    #[test]
    fn a_hash_is_read_back_and_what_is_none_is_not() {
        let written = Hash::of(b"abc").written();
        assert!(written.starts_with("sha-256:BA:78:16:"), "{written}");
        assert_eq!(Hash::read(&written), Some(Hash::of(b"abc")));
        assert_eq!(Hash::read(&written.to_lowercase()), Some(Hash::of(b"abc")));
        for wrong in [
            written.replace("sha-256", "sha-1"),
            written.replace(":BA", ":+A"),
            written.replace(":BA", ""),
            format!("{written}:00"),
            written[8..].to_owned(),
            String::new(),
            "sha-256:\u{e9}".to_owned(),
        ] {
            assert_eq!(Hash::read(&wrong), None, "{wrong}");
        }
    }
}
