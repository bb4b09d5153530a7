//! SipHash-2-4 with 128 bits of output (Aumasson and Bernstein): a keyed hash short enough to be
//! an index and long enough that two different inputs never meet, whoever chooses them.

/// The secret key.
#[derive(Clone, Copy)]
pub(super) struct Key {
    k0: u64,
    k1: u64,
}

impl Key {
    pub(super) fn new(bytes: [u8; 16]) -> Key {
        let both = u128::from_le_bytes(bytes);
        Key { k0: both as u64, k1: (both >> 64) as u64 }
    }
}

struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl State {
    #[inline]
    fn rounds(&mut self, count: usize) {
        for _ in 0..count {
            self.v0 = self.v0.wrapping_add(self.v1);
            self.v2 = self.v2.wrapping_add(self.v3);
            self.v1 = self.v1.rotate_left(13) ^ self.v0;
            self.v3 = self.v3.rotate_left(16) ^ self.v2;
            self.v0 = self.v0.rotate_left(32);
            self.v2 = self.v2.wrapping_add(self.v1);
            self.v0 = self.v0.wrapping_add(self.v3);
            self.v1 = self.v1.rotate_left(17) ^ self.v2;
            self.v3 = self.v3.rotate_left(21) ^ self.v0;
            self.v2 = self.v2.rotate_left(32);
        }
    }

    #[inline]
    fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        self.rounds(2);
        self.v0 ^= word;
    }
}

/// The hash of `input` under `key`, in two words.
pub(super) fn hash128(key: Key, input: &[u8]) -> [u64; 2] {
    let mut state = State {
        v0: key.k0 ^ 0x736f_6d65_7073_6575,
        v1: key.k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
        v2: key.k0 ^ 0x6c79_6765_6e65_7261,
        v3: key.k1 ^ 0x7465_6462_7974_6573,
    };
    let (words, rest) = input.as_chunks::<8>();
    for word in words {
        state.absorb(u64::from_le_bytes(*word));
    }
    let mut last = (input.len() as u64) << 56;
    for (place, byte) in rest.iter().enumerate() {
        last |= u64::from(*byte) << (8 * place);
    }
    state.absorb(last);
    state.v2 ^= 0xee;
    state.rounds(4);
    let low = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
    state.v1 ^= 0xdd;
    state.rounds(4);
    [low, state.v0 ^ state.v1 ^ state.v2 ^ state.v3]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(input: &[u8]) -> String {
        let key: [u8; 16] = std::array::from_fn(|n| n as u8);
        let words = hash128(Key::new(key), input);
        words.iter().flat_map(|w| w.to_le_bytes()).map(|b| format!("{b:02x}")).collect()
    }

    /// The first vectors of the reference implementation (`vectors_sip128`).
    #[test]
    fn the_reference_vectors_are_met() {
        assert_eq!(hex(b""), "a3817f04ba25a8e66df67214c7550293");
        assert_eq!(hex(&[0]), "da87c1d86b99af44347659119b22fc45");
    }

    #[test]
    fn each_length_and_each_key_gives_another_value() {
        let input = [7u8; 64];
        let mut seen = std::collections::HashSet::new();
        for length in 0..=64 {
            assert!(seen.insert(hash128(Key::new([1; 16]), &input[..length])));
            assert!(seen.insert(hash128(Key::new([2; 16]), &input[..length])));
        }
    }
}
