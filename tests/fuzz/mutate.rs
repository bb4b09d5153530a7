//! Damages inputs. Everything follows from one seed, so a failure can be repeated.

/// SplitMix64: small, and the same everywhere for ever.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if the bound is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.roll() % bound as u64) as usize }
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A random part of `of`.
    pub(crate) fn part<'a>(&mut self, of: &'a [u8]) -> &'a [u8] {
        let start = self.below(of.len() + 1);
        let length = self.below((of.len() - start).min(200) + 1);
        &of[start..start + length]
    }
}

/// What parsers stumble over.
const MORSELS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\"",
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b":",
    b"@",
    b"%",
    b"%00",
    b"%zz",
    b"=",
    b" ",
    b"\t",
    b"\r\n ",
    b"[",
    b"]",
    b"[::1]",
    b"?",
    b"&",
    b"*",
    b"\xff",
    b"\xc3\xa9",
    b"\xf0\x9f\x98\x80",
    b"/",
    b"SIP/2.0",
    b"sip:",
    b"sips:",
    b"tel:+1",
    b"Content-Length: 5\r\n",
    b"l:0\r\n",
    b"Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n",
    b"Via:\r\n",
    b"Route: <sip:a;lr>,\r\n",
    b";rport",
    b";received=::1",
    b";tag=",
    b"()",
    b"{}",
    b"\x7f",
    b"Max-Forwards: 0\r\n",
    b"Digest ",
    b"nonce=\"\\",
    b"Contact: *\r\n",
    b";q=0.",
    b"+",
];

/// Numbers at the edges of what anybody counts with.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "70",
    "255",
    "256",
    "65535",
    "65536",
    "99999",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "00000000000000000000000001",
    "1e9",
    "0x10",
    "99999999999999999999999999999999",
];

/// Inputs never grow beyond this; larger ones only cost time.
const LONGEST: usize = 8 * 1_024;

/// Damages `input` in one to four ways; `other` is where spliced parts come from.
pub(crate) fn mutate(input: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        once(input, other, dice);
        input.truncate(LONGEST);
    }
}

fn once(input: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    match dice.below(10) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = dice.roll() as u8;
            }
        }
        2 => {
            let morsel = *dice.pick(MORSELS);
            insert(input, at, morsel);
        }
        3 => {
            let part = dice.part(other).to_vec();
            insert(input, at, &part);
        }
        4 => input.truncate(at),
        5 => {
            let end = at + dice.below((input.len() - at).min(64) + 1);
            input.drain(at..end);
        }
        6 => {
            let part = dice.part(input).to_vec();
            insert(input, at, &part);
        }
        7 => {
            let many = dice.pick(MORSELS).repeat(1 + dice.below(120));
            insert(input, at, &many);
        }
        8 => number(input, at, dice),
        _ => line(input, dice),
    }
}

fn insert(input: &mut Vec<u8>, at: usize, part: &[u8]) {
    input.splice(at..at, part.iter().copied());
}

/// Puts another number in the place of the next one.
fn number(input: &mut Vec<u8>, from: usize, dice: &mut Dice) {
    let Some(start) = input[from..].iter().position(u8::is_ascii_digit) else { return };
    let start = from + start;
    let digits = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = dice.pick(NUMBERS).bytes();
    input.splice(start..start + digits, number);
}

/// Repeats, removes or exchanges whole lines.
fn line(input: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<Vec<u8>> =
        input.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
    match dice.below(3) {
        0 => lines.swap(a, b),
        1 => drop(lines.remove(a)),
        _ => lines.insert(b, lines[a].clone()),
    }
    *input = lines.concat();
}
