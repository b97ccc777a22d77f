//! Damage: bytes turned over, cut away, put in, moved and doubled.

use super::Random;

/// Words that something hangs on, in answers and in rosters.
const WORDS: [&[u8]; 44] = [
    b"true",
    b"false",
    b"null",
    b"[]",
    b"{}",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b",",
    b":",
    b"\\",
    b"\"k0\"",
    b"\"k1\"",
    b"\"q0\"",
    b"\"error\"",
    b"\"result\"",
    b"\"result_error\"",
    b"\"result_next\"",
    b"\\ud800",
    b"1e999",
    b"-0",
    b"9223372036854775807",
    b"99999999999999999999",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc3",
    b"\0",
    b"\x1e",
    b"\r\n",
    b"\n",
    b"\r",
    b";",
    b"\t",
    b"sep=;\n",
    b"id",
    b"\xff\xfe",
    b"kill",
    b"@",
    b"\xc2\xa0",
    b"\xe2\x80\x8b",
    b"\xd0\x98",
    b" ",
];

/// Damages bytes, of which the first `kept` say what they are for.
pub(super) fn damage(bytes: &mut Vec<u8>, kept: usize, random: &mut Random, other: &[u8]) {
    for _ in 0..=random.below(4) {
        let length = bytes.len() - kept;
        let at = kept + random.below(length + 1);
        let until = at + random.below(bytes.len() - at + 1).min(random.below(40) + 1);
        let until = until.min(bytes.len());
        match random.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.next().to_le_bytes()[0],
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..until)),
            4 | 5 => drop(bytes.splice(at..at, random.pick(&WORDS).iter().copied())),
            6 => drop(bytes.splice(at..until, random.pick(&WORDS).iter().copied())),
            7 => {
                let again = bytes[at..until].to_vec();
                drop(bytes.splice(at..at, again));
            }
            _ => {
                let from = random.below(other.len() + 1);
                let piece = &other[from..(from + random.below(60)).min(other.len())];
                drop(bytes.splice(at..until, piece.iter().copied()));
            }
        }
    }
}
