//! Programs of bytes that make parameters: see `check/encodings.rs`.

use super::Random;

const TEXTS: [&str; 51] = [
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "ID",
    "FILTER",
    "start",
    "SELECT",
    "=EMAIL",
    ">ID",
    "!=%NAME",
    "@ID",
    "a",
    "a.b",
    "a b",
    " a",
    "[",
    "]",
    "a[b",
    "a]b",
    "0",
    "00",
    "-1",
    "",
    " ",
    "\t",
    "\n",
    "\0",
    "a\0b",
    "\u{b}",
    "$result[u][0][ID]",
    "$RESULT[x]",
    "$next [x]",
    "$100",
    "$result",
    "x $Error.y[",
    "$time\u{a0}[1]",
    "$total\u{b}[1]",
    "a+b@x.com",
    "100 %",
    "%5B",
    "%",
    "a=b&c=d",
    "a#b",
    "//x",
    "Иванов",
    "\u{1f600}",
    "by order: \"x\"",
    "'; --",
    "\u{feff}",
    "Ünïcödé",
    "$$result[",
    "\r\n",
    "67a2ffdb2c57a3.35276854",
];

/// A whole input.
pub(super) fn input(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    // As much as PHP does not take, in number and in depth.
    if random.chance(10) {
        return vec![2, 0, 0, 1, b'A', 11, 255];
    }
    if random.chance(10) {
        bytes.extend([2, 255, 0, 1, b'A']);
        bytes.extend([12, 1, 1, b'x'].repeat(60 + random.below(10)));
        return bytes;
    }
    if random.chance(400) {
        let fields = 1 + random.below(4);
        bytes.extend([2, 0, u8::try_from(fields - 1).unwrap()]);
        for _ in 0..fields {
            add_text(
                &mut bytes,
                random.pick(&["ID", "FILTER", "SELECT", "ORDER", "start", "X_Y"]),
            );
            add_value(&mut bytes, 3, random);
        }
        return bytes;
    }
    for _ in 0..=random.below(60) {
        match random.below(4) {
            0 | 1 => {
                add_text(&mut bytes, random.pick(&TEXTS));
            }
            2 => bytes.push(u8::try_from(random.below(20)).unwrap()),
            _ => bytes.push(random.next().to_le_bytes()[0]),
        }
    }
    bytes
}

fn add_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(u8::try_from(text.len()).unwrap());
    bytes.extend(text.bytes());
}

/// A value that can be said, mostly.
fn add_value(bytes: &mut Vec<u8>, depth: u32, random: &mut Random) {
    match random.below(12) {
        0 if depth > 0 => {
            let values = 1 + random.below(3);
            bytes.extend([11, u8::try_from(values).unwrap()]);
            (0..values).for_each(|_| add_value(bytes, depth - 1, random));
        }
        1..4 if depth > 0 => {
            let fields = 1 + random.below(3);
            bytes.extend([12, u8::try_from(fields).unwrap()]);
            for _ in 0..fields {
                add_text(bytes, random.pick(&TEXTS));
                add_value(bytes, depth - 1, random);
            }
        }
        4 => bytes.extend([7, random.next().to_le_bytes()[0]]),
        5 => {
            bytes.push(6);
            bytes.extend(random.next().to_le_bytes());
        }
        _ => {
            bytes.push(1);
            add_text(bytes, random.pick(&TEXTS));
        }
    }
}
