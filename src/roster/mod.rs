//! The roster: the bytes of a CSV file to rows, or to everything that is wrong with them, in one pass.
//!
//! ```text
//! bytes ─ other                  not a CSV file at all
//!       ─ layout ─┬─ decode      which encoding
//!                 ├─ delimiter   which delimiter
//!                 ├─ records     where each record begins, and its cells
//!                 └─ header      which record is the header, and what its columns mean
//!         rows                   each record below it: a row, or errors
//! compare                        when two texts mean the same; for the plan, too
//! ```
//!
//! A spreadsheet may be written in many ways, and all of them are guessed; no guess is silent ([`Detected`]), and where the file
//! does not tell, reading stops and asks. Every cell is text, kept as it was written. Nobody is asked for by a row that could
//! mean nobody or everybody.
//!
//! Not responsible for reading the file, for printing, for who in the portal a row means, nor for two rows that mean one
//! person: those are the plan's.

mod aliases;
pub mod compare;
mod decode;
mod delimiter;
mod error;
mod header;
mod layout;
mod other;
mod records;
mod rows;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::decode::Encoding;
pub use self::delimiter::Delimiter;
pub use self::error::{Excerpt, RosterError, RosterErrorKind, RosterErrors};
pub use self::header::{Column, Field};
use crate::domain::{ActionKind, RowNumber, UserId};
use crate::personal::Personal;

/// More people than any portal dismisses at once; a file beyond it is the wrong file.
pub const ROWS_MAX: usize = 100_000;

/// More text than a cell of a spreadsheet holds (32,767 characters); a cell beyond it is a quote left open.
pub const FIELD_BYTES_MAX: usize = 64 * 1024;

/// As many columns as a spreadsheet has; a row beyond it is no row.
pub const COLUMNS_MAX: usize = 16_384;

/// [`ROWS_MAX`] rows of 640 bytes. Whoever reads the file need not read more than one byte beyond it.
pub const FILE_BYTES_MAX: usize = 64_000_000;

/// What the operator says about the file. What is not said is detected.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--encoding`
    pub encoding: Option<Encoding>,
    /// `--delimiter`
    pub delimiter: Option<Delimiter>,
    /// `--map FIELD=COLUMN`: the column of that name is that field, and no other column is.
    pub map: Vec<(Field, String)>,
}

/// A word that is no value of an option.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{text:?} is not a known {option}: use {known}")]
pub struct UnknownOption {
    option: &'static str,
    text: String,
    known: String,
}

impl UnknownOption {
    fn new(option: &'static str, text: &str, known: &[&str]) -> Self {
        Self {
            option,
            text: text.to_owned(),
            known: known.join(", "),
        }
    }
}

/// A roster that can be used, all of it.
#[derive(Clone, Debug)]
pub struct Roster {
    /// How the file was understood.
    pub detected: Detected,
    /// In the order of the file. At least one.
    pub rows: Vec<Row>,
}

/// How a file was understood: to be printed, and recorded. Nothing in it is personal.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Detected {
    /// SHA-256 of the file's bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// The encoding.
    pub encoding: Encoding,
    /// Whether the file begins with a byte order mark.
    pub byte_order_mark: bool,
    /// What separates cells. `None`: the file has one column.
    pub delimiter: Option<Delimiter>,
    /// The physical line of the header, from 1.
    pub header_line: u64,
    /// All columns, the unknown ones too.
    pub columns: Vec<Column>,
    /// Rows below the header that are not empty.
    pub rows: usize,
    /// Empty rows and lines anywhere, and title rows above the header.
    pub rows_ignored: usize,
    /// What may be a slip of the pen.
    pub warnings: Vec<Warning>,
}

/// Something odd in a cell that is used as it stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// The physical line, from 1, on which the record begins.
    pub line: u64,
    /// The position of the field in its record, from 1.
    pub column: u64,
    /// What is odd.
    pub kind: WarningKind,
}

/// What is odd in a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// One word has Latin and Cyrillic letters.
    #[error("a word mixes Latin and Cyrillic letters that look alike: it will not match one that does not")]
    MixedScripts,
}

/// One dismissed person, as written; ask the portal with [`compare::tidy`] of a cell. At least one key is there: `id`, `email`, `first_name` and `last_name`, or a `full_name` of
/// two or three words. An empty cell is `None`, never an empty text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Counts the rows that are not empty, from 1.
    pub number: RowNumber,
    /// The physical line, from 1, on which the row begins.
    pub line: u64,
    /// The user's number in the portal.
    pub id: Option<UserId>,
    /// One address.
    pub email: Option<Personal>,
    /// Given name.
    pub first_name: Option<Personal>,
    /// Family name.
    pub last_name: Option<Personal>,
    /// Patronymic or middle name.
    pub second_name: Option<Personal>,
    /// In either order. Beside another key it may have any number of words.
    pub full_name: Option<Personal>,
    /// This row's own action.
    pub action: Option<ActionKind>,
    /// A remark.
    pub note: Option<Personal>,
    /// The cells of unknown columns that are not empty, by column name.
    pub other: Vec<(String, Personal)>,
}

impl Row {
    fn empty(number: RowNumber, line: u64) -> Self {
        Self {
            number,
            line,
            id: None,
            email: None,
            first_name: None,
            last_name: None,
            second_name: None,
            full_name: None,
            action: None,
            note: None,
            other: Vec::new(),
        }
    }
}

/// Reads a roster.
///
/// # Errors
///
/// All that is wrong with the file. No row is usable until all are.
pub fn read(bytes: &[u8], options: &Options) -> Result<Roster, RosterErrors> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(RosterError::file(RosterErrorKind::TooLarge { bytes: bytes.len() }).into());
    }
    let layout = layout::find(bytes, options)?;
    let (encoding, byte_order_mark, delimiter) = (layout.encoding, layout.byte_order_mark, layout.table.delimiter);
    let reading = rows::read(layout.table, encoding, options).map_err(|errors| RosterErrors::new(errors, None))?;
    let detected = Detected {
        sha256: sha256(bytes),
        encoding,
        byte_order_mark,
        delimiter,
        header_line: reading.header_line,
        columns: reading.columns,
        rows: reading.rows_found,
        rows_ignored: reading.rows_ignored,
        warnings: reading.warnings,
    };
    if reading.errors.is_empty() {
        Ok(Roster {
            detected,
            rows: reading.rows,
        })
    } else {
        Err(RosterErrors::new(reading.errors, Some(detected)))
    }
}

fn sha256(bytes: &[u8]) -> String {
    crate::hex::hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
