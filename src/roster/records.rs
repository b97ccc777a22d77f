//! Text to records: where each begins, and its cells.
//!
//! The `csv` package takes records apart, and forgives what must not be forgiven here: a quote that is never closed swallows the
//! rest of the file, and text after a closing quote is glued to it. So the outline of each record is measured first, by
//! RFC 4180, and only sound records are handed over. After a fault the next physical line begins a record, so that one
//! fault does not hide the others.
//!
//! Not responsible for what cells mean, nor for their number.

use super::compare::is_blank;
use super::delimiter::Delimiter;
use super::error::{RosterError, RosterErrorKind};
use super::header::HEADER_RECORDS_MAX;
use super::{COLUMNS_MAX, FIELD_BYTES_MAX, ROWS_MAX};

/// Records that are kept: all rows, the header and what may be above it, and one that is too many. A larger file is the wrong one, and
/// is not to fill the memory first.
const RECORDS_MAX: usize = ROWS_MAX + HEADER_RECORDS_MAX + 1;

/// One record.
pub(super) struct Record {
    /// The physical line on which it begins.
    pub(super) line: u64,
    pub(super) cells: csv::StringRecord,
}

impl Record {
    /// Whether no cell has visible text.
    pub(super) fn is_blank(&self) -> bool {
        self.cells.iter().all(is_blank)
    }
}

/// A text taken apart.
pub(super) struct Records {
    pub(super) sound: Vec<Record>,
    /// Records that break the rules of quoting.
    pub(super) faults: Vec<RosterError>,
    /// Lines of nothing, or of nothing but delimiters.
    pub(super) empty_lines: usize,
    /// Where reading stopped, since there are too many.
    pub(super) more_from: Option<u64>,
}

/// Stands for "no delimiter": a byte that never occurs in UTF-8.
const NO_DELIMITER: u8 = 0xff;

/// Takes a text apart. A delimiter of `None` makes one cell of each record. `first_line` is the number of the text's first line.
pub(super) fn split(text: &str, first_line: u64, delimiter: Option<Delimiter>) -> Records {
    let character = delimiter.map(Delimiter::as_char);
    let delimiter = character.map_or(NO_DELIMITER, |character| character as u8);
    let mut lines = Vec::new();
    let mut sound_text = String::with_capacity(text.len());
    let mut faults = Vec::new();
    let mut empty_lines = 0;
    let mut more_from = None;
    let (mut rest, mut line) = (text, first_line);
    while !rest.is_empty() {
        // Files joined end to end have a byte order mark in the middle.
        rest = rest.trim_start_matches('\u{feff}');
        let length = match outline(rest.as_bytes(), delimiter) {
            Ok(0) => {
                empty_lines += usize::from(!rest.is_empty());
                0
            }
            Ok(length) if is_empty(&rest[..length], character) => {
                empty_lines += 1;
                length
            }
            _ if lines.len() + faults.len() == RECORDS_MAX => {
                more_from = Some(line);
                break;
            }
            Ok(length) => {
                lines.push(line);
                sound_text.push_str(&rest[..length]);
                sound_text.push('\n');
                length
            }
            Err((position, kind)) => {
                faults.push(RosterError::cell(line, position, kind));
                rest.find(is_line_break).unwrap_or(rest.len())
            }
        };
        let (record, after) = rest.split_at(length);
        line += line_breaks(record.as_bytes()) + 1;
        rest = after
            .strip_prefix("\r\n")
            .or_else(|| after.strip_prefix(is_line_break))
            .unwrap_or(after);
    }
    Records {
        sound: cells(&sound_text, delimiter, lines),
        faults,
        empty_lines,
        more_from,
    }
}

/// Whether a record has nothing in it, as spreadsheets write below the last row, sometimes a million times.
fn is_empty(record: &str, delimiter: Option<char>) -> bool {
    let is_empty = |cell: &str| matches!(cell.trim_matches([' ', '\u{a0}']), "" | "\"\"");
    match delimiter {
        Some(delimiter) => record.split(delimiter).all(is_empty),
        None => is_empty(record),
    }
}

/// Has the `csv` package take sound records apart, one for each of `lines`.
fn cells(sound_text: &str, delimiter: u8, lines: Vec<u64>) -> Vec<Record> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(sound_text.as_bytes());
    #[expect(
        clippy::expect_used,
        reason = "in memory, valid UTF-8, any number of cells: `csv` has no other error"
    )]
    let records = reader.records().map(|record| record.expect("a sound record"));
    lines
        .into_iter()
        .zip(records)
        .map(|(line, cells)| Record { line, cells })
        .collect()
}

fn is_line_break(character: char) -> bool {
    matches!(character, '\r' | '\n')
}

/// The number of line breaks, `\r\n` being one.
pub(super) fn line_breaks(bytes: &[u8]) -> u64 {
    let count = bytes
        .iter()
        .enumerate()
        .filter(|(index, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(index + 1) != Some(&b'\n'),
            _ => false,
        })
        .count();
    count as u64
}

/// Where in a cell the outline is.
enum Place {
    Start,
    /// After blanks at the start.
    Blank,
    Bare,
    /// Inside quotes; the value is where they were opened.
    Quoted(usize),
    /// After a quote inside quotes, which closes them or is the first of two.
    Quote(usize),
}

/// The length of the record at the beginning of `text`, without its line break, or the position of the cell that breaks the rules
/// of quoting.
fn outline(text: &[u8], delimiter: u8) -> Result<usize, (usize, RosterErrorKind)> {
    let mut place = Place::Start;
    let mut position = 1;
    for (index, &byte) in text.iter().enumerate() {
        let ends_record = matches!(byte, b'\r' | b'\n');
        place = match place {
            Place::Quoted(opened) if byte == b'"' => Place::Quote(opened),
            Place::Quoted(opened) if index - opened > FIELD_BYTES_MAX => {
                return Err((position, RosterErrorKind::QuoteOpenTooLong));
            }
            Place::Quoted(opened) => Place::Quoted(opened),
            Place::Quote(opened) if byte == b'"' => Place::Quoted(opened),
            _ if ends_record => return Ok(index),
            _ if byte == delimiter => {
                if position == COLUMNS_MAX {
                    return Err((position, RosterErrorKind::TooManyColumns));
                }
                position += 1;
                Place::Start
            }
            Place::Quote(opened) => {
                // A cell of several lines that goes on after its quote was most likely closed by the quote of another cell.
                let spans_lines = text[opened..index].iter().any(|byte| matches!(byte, b'\r' | b'\n'));
                let kind = if spans_lines {
                    RosterErrorKind::OpenQuote
                } else {
                    RosterErrorKind::MisplacedQuote
                };
                return Err((position, kind));
            }
            Place::Start if byte == b'"' => Place::Quoted(index),
            Place::Blank if byte == b'"' => return Err((position, RosterErrorKind::MisplacedQuote)),
            Place::Start | Place::Blank if matches!(byte, b' ' | b'\t') => Place::Blank,
            Place::Start | Place::Blank | Place::Bare => Place::Bare,
        };
    }
    match place {
        Place::Quoted(_) => Err((position, RosterErrorKind::OpenQuote)),
        _ => Ok(text.len()),
    }
}
