//! The only reader of randomness. All of it comes from the operating system or from a generator
//! seeded by it; tokens carry at least 128 bits.

use rand::Rng as _;

/// Fills `buffer` with unpredictable bytes.
pub fn fill(buffer: &mut [u8]) {
    rand::rng().fill_bytes(buffer);
}

/// An unpredictable number.
#[must_use]
pub fn number() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}

/// A number below `bound`, for spreading things out; `bound` 0 gives 0.
#[must_use]
pub fn below(bound: u64) -> u64 {
    if bound == 0 { 0 } else { number() % bound }
}

/// `N` unpredictable bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// A token of `bytes` unpredictable bytes in lower-case hexadecimal, twice as many characters.
#[must_use]
pub fn token(bytes: usize) -> String {
    let mut raw = vec![0; bytes];
    fill(&mut raw);
    let mut out = String::with_capacity(bytes * 2);
    for byte in raw {
        out.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        out.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn ten_thousand_tokens_never_repeat() {
        let tokens: HashSet<String> = (0..10_000).map(|_| super::token(16)).collect();
        assert_eq!(tokens.len(), 10_000);
        assert!(tokens.iter().all(|t| t.len() == 32));
    }
}
