//! The largest inputs that can come, and the memory that each takes: a process each, which tells its peak.

use std::process::Command;

use super::check::KINDS;

/// Longest answer that HTTP hands on.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// The most memory that an answer may take, and a roster, in megabytes. A roster takes most where each cell is one letter, in a column of
/// its own name.
const PEAK_MAX: [u64; 2] = [640, 6 << 10];

/// An input: its name, its kind, and its bytes.
type Shape = (&'static str, usize, fn() -> Vec<u8>);

const SHAPES: &[Shape] = &[
    ("numbers", 0, || answer("0,", "0")),
    ("empty-lists", 0, || answer("[],", "[]")),
    ("empty-objects", 0, || answer("{},", "{}")),
    ("small-objects", 0, || answer("{\"\":0},", "0")),
    ("small-texts", 0, || answer("\"a\",", "0")),
    ("one-text", 0, || {
        answer("\"", "\"")
            .into_iter()
            .map(|byte| if byte == b'"' { b'x' } else { byte })
            .collect()
    }),
    ("deep", 0, || [&[0, 0][..], &b"[".repeat(ANSWER_BYTES_MAX)].concat()),
    ("one-name", 0, || answer("{\"k0\":{\"k0\":0}},", "0")),
    ("short-lines", 1, || roster("1\n")),
    ("delimiters", 1, || roster(";")),
    ("empty-rows", 1, || roster(";\n")),
    ("all-delimiters", 1, || roster("a;b,c\td|e\n")),
    ("quotes", 1, || roster("\"")),
    ("open-quotes", 1, || roster("\"a\n")),
    ("zeros", 1, || roster("\0")),
    ("controls", 1, || roster("1;\u{1}\n")),
    ("one-line", 1, || roster("a")),
    ("marks", 1, || roster("\u{feff}")),
    ("line-ends", 1, || roster("\n")),
    ("wide", 1, || {
        let names = (1..320).fold(String::new(), |names, column| names + ";x" + &column.to_string());
        let rows = format!("7{}\n", ";y".repeat(319)).repeat(95_000);
        format!("\0id{names}\n{rows}").into_bytes()
    }),
    ("many-columns", 1, || roster("a;")),
    ("bad-cells", 1, || {
        let mut bytes = format!("\0id{}\n", ";".repeat(299)).into_bytes();
        bytes.extend(
            format!("7{}\n", ";\u{1}".repeat(299))
                .repeat(offboard24::roster::ROWS_MAX - 1)
                .into_bytes(),
        );
        bytes
    }),
    ("broken", 1, || {
        let mut bytes = b"\0id;note\n".to_vec();
        bytes.extend(b"1;\xe9\n".repeat(offboard24::roster::FILE_BYTES_MAX / 4 - 4));
        bytes
    }),
];

/// An answer to a destroying batch, as long as can be, with a list beside the results.
fn answer(item: &str, last: &str) -> Vec<u8> {
    let head = "\0\0{\"result\":{\"result\":{\"k0\":true},\"result_time\":[";
    let tail = format!("{last}]}}}}");
    let items = (ANSWER_BYTES_MAX - head.len() - tail.len()) / item.len();
    format!("{head}{}{tail}", item.repeat(items)).into_bytes()
}

/// A roster as long as can be.
fn roster(piece: &str) -> Vec<u8> {
    let head = "\0id;note\n";
    let pieces = (offboard24::roster::FILE_BYTES_MAX - head.len() + 1) / piece.len();
    format!("{head}{}", piece.repeat(pieces)).into_bytes()
}

/// Looks at all of them, or at the one that is named.
pub(super) fn run(name: Option<&str>) -> Result<(), String> {
    let Some(name) = name else {
        let this = std::env::current_exe().map_err(|cause| cause.to_string())?;
        for (name, ..) in SHAPES {
            let child = Command::new(&this).args(["parsers", "--largest", name]).output();
            let child = child.map_err(|cause| format!("{name}: {cause}"))?;
            print!("{}", String::from_utf8_lossy(&child.stdout));
            if !child.status.success() {
                return Err(format!("{name}: {}; replay: parsers --largest {name}", child.status));
            }
        }
        return Ok(());
    };
    let shape = SHAPES.iter().find(|(shape, ..)| *shape == name);
    let (_, kind, input) = shape.ok_or_else(|| format!("there is no {name}"))?;
    let peak_max = PEAK_MAX[*kind];
    let (kind, check) = KINDS[*kind];
    let input = input();
    // The peak so far is forgotten: making the input took memory too.
    std::fs::write("/proc/self/clear_refs", "5").map_err(|cause| cause.to_string())?;
    let (before, began) = (peak()?, std::time::Instant::now());
    let checked = check(&input);
    let seconds = began.elapsed().as_secs_f64();
    let took = peak()?.saturating_sub(before);
    println!(
        "{name}: {kind} of {} MB, {took} MB more at its peak, {seconds:.1} s: {checked:?}",
        input.len() >> 20
    );
    checked?;
    if took > peak_max {
        return Err(format!("{name} takes {took} MB, and {peak_max} are allowed"));
    }
    Ok(())
}

/// The most memory that this process had, in megabytes.
pub(super) fn peak() -> Result<u64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|cause| cause.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes >> 10)
        .ok_or_else(|| "the peak is not told here".to_owned())
}
