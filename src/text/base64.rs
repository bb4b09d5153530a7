//! Base64 for URIs and tokens (RFC 4648 s5), without padding.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Appends the characters of `raw`.
pub fn encode_base64url(raw: &[u8], out: &mut Vec<u8>) {
    for chunk in raw.chunks(3) {
        let mut bits = 0_u32;
        for place in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(place).copied().unwrap_or(0));
        }
        for place in 0..=chunk.len() {
            out.push(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]);
        }
    }
}

/// Appends the bytes that `text` stands for. `None`: a character or a length that no encoder
/// gives; then `out` holds nothing of use.
pub fn decode_base64url(text: &[u8], out: &mut impl Extend<u8>) -> Option<()> {
    for chunk in text.chunks(4) {
        let mut bits = 0_u32;
        for place in 0..4 {
            let value = match chunk.get(place) {
                None => 0,
                Some(byte @ b'A'..=b'Z') => byte - b'A',
                Some(byte @ b'a'..=b'z') => byte - b'a' + 26,
                Some(byte @ b'0'..=b'9') => byte - b'0' + 52,
                Some(b'-') => 62,
                Some(b'_') => 63,
                Some(_) => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        let bytes = chunk.len().checked_sub(1).filter(|bytes| *bytes > 0)?;
        // Bits that belong to no byte are zero, so that one value has one spelling.
        if bits & ((1 << (24 - 8 * bytes)) - 1) != 0 {
            return None;
        }
        out.extend(bits.to_be_bytes().into_iter().skip(1).take(bytes));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4648 s10, with the padding taken off.
    #[test]
    fn the_examples_of_rfc_4648_are_encoded() {
        for (raw, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Vec::new();
            encode_base64url(raw.as_bytes(), &mut out);
            assert_eq!(out, text.as_bytes());
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_encoded_is_decoded(raw: Vec<u8>) {
            let (mut text, mut back) = (Vec::new(), Vec::new());
            encode_base64url(&raw, &mut text);
            proptest::prop_assert!(decode_base64url(&text, &mut back).is_some());
            proptest::prop_assert_eq!(back, raw);
        }

        #[test]
        fn what_is_decoded_has_one_spelling(text in "[A-Za-z0-9_=+ -]{0,12}") {
            let (mut raw, mut again) = (Vec::new(), Vec::new());
            if decode_base64url(text.as_bytes(), &mut raw).is_some() {
                encode_base64url(&raw, &mut again);
                proptest::prop_assert_eq!(again, text.as_bytes());
            }
        }
    }
}
