//! What can be wrong with a roster, in words for the person who has to mend it.
//!
//! Not responsible for finding it, nor for printing it.

use std::fmt;

use super::Detected;
use super::decode::Encoding;
use super::delimiter::Delimiter;
use super::header::{Column, Field};
use super::{COLUMNS_MAX, FIELD_BYTES_MAX, FILE_BYTES_MAX, ROWS_MAX};
use crate::personal::Personal;

/// Everything that is wrong with a roster, by line and column. Never empty.
#[derive(Clone, Debug)]
pub struct RosterErrors(pub Vec<RosterError>, Option<Box<Detected>>);

impl RosterErrors {
    pub(super) fn new(mut errors: Vec<RosterError>, detected: Option<Detected>) -> Self {
        errors.sort_by_key(|error| (error.line, error.column));
        Self(errors, detected.map(Box::new))
    }

    /// What was detected before the errors were found, to be printed with them: a wrong guess explains many errors. `None`
    /// when the file could not even be taken apart.
    pub fn detected(&self) -> Option<&Detected> {
        self.1.as_deref()
    }
}

impl From<RosterError> for RosterErrors {
    fn from(error: RosterError) -> Self {
        Self(vec![error], None)
    }
}

impl fmt::Display for RosterErrors {
    /// One line an error.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            error.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for RosterErrors {}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RosterError {
    /// The physical line, from 1, on which the record begins. `None`: the file as a whole.
    pub line: Option<u64>,
    /// The position of the field in its record, from 1.
    pub column: Option<u64>,
    /// What is wrong, and what to do.
    pub kind: RosterErrorKind,
}

impl RosterError {
    pub(super) fn file(kind: RosterErrorKind) -> Self {
        Self {
            line: None,
            column: None,
            kind,
        }
    }

    pub(super) fn line(line: u64, kind: RosterErrorKind) -> Self {
        Self {
            line: Some(line),
            column: None,
            kind,
        }
    }

    pub(super) fn cell(line: u64, position: usize, kind: RosterErrorKind) -> Self {
        Self {
            line: Some(line),
            column: Some(position as u64),
            kind,
        }
    }
}

impl fmt::Display for RosterError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(formatter, "line {line}, column {column}: ")?,
            (Some(line), None) => write!(formatter, "line {line}: ")?,
            (None, _) => {}
        }
        self.kind.fmt(formatter)
    }
}

impl std::error::Error for RosterError {}

/// A cell as an error message quotes it: shortened, control characters escaped. Personal, so only its `Display` shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Excerpt(Personal);

impl Excerpt {
    /// Enough to find the cell again, in characters.
    pub const LENGTH_MAX: usize = 40;

    /// Of a cell.
    pub fn of(cell: &str) -> Self {
        let mut shown: String = cell.chars().take(Self::LENGTH_MAX).collect();
        if shown.len() < cell.len() {
            shown.pop();
            shown.push('…');
        }
        Self(Personal::new(shown))
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0.expose())
    }
}

/// What is wrong. The message says what to do about it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RosterErrorKind {
    /// The file has no text at all.
    #[error("the file is empty: nobody is named in it")]
    Empty,
    /// A header and nothing below it.
    #[error("there is no row below the header: nobody is named in the file")]
    NoRows,
    /// More bytes than a roster has.
    #[error(
        "the file has {bytes} bytes, and a roster at most {FILE_BYTES_MAX}: is it the right file? Leave out columns that \
         are not needed, or split it"
    )]
    TooLarge {
        /// The file's size.
        bytes: usize,
    },
    /// More rows than a job takes.
    #[error("more than {ROWS_MAX} rows: split the file, and make one job of each part")]
    TooManyRows,
    /// A file of another format, told by its first bytes.
    #[error("this is {format}, not a CSV file: {instead}")]
    NotCsv {
        /// What the file is.
        format: &'static str,
        /// What to do with it.
        instead: &'static str,
    },
    /// Neither a byte order mark nor UTF-8 nor a header that tells.
    #[error(
        "the encoding cannot be told. One cell could be {}. Pass --encoding with the one that reads right, or save the file \
         as UTF-8",
        readings_listed(readings)
    )]
    EncodingUnknown {
        /// The first telling cell, in each encoding that it could be in.
        readings: Vec<(Encoding, Excerpt)>,
    },
    /// Text with zero bytes that is readable as UTF-16.
    #[error(
        "this looks like {encoding} without a byte order mark: pass --encoding {encoding}, or save the file as UTF-8"
    )]
    Utf16WithoutByteOrderMark {
        /// The UTF-16 that makes the header readable.
        encoding: Encoding,
    },
    /// `--encoding` and the first bytes contradict each other.
    #[error("the file begins with the byte order mark of {mark}, but --encoding says {asked}: leave --encoding out")]
    EncodingContradicted {
        /// The encoding that the mark stands for.
        mark: Encoding,
        /// The encoding of the option.
        asked: Encoding,
    },
    /// Two delimiters split the file evenly.
    #[error(
        "the delimiter cannot be told: {} split the file equally well. Pass --delimiter with one of them",
        listed(candidates)
    )]
    DelimiterUnknown {
        /// The delimiters that fit.
        candidates: Vec<Delimiter>,
    },
    /// A first line `sep=` with something else.
    #[error(
        "the line {line} asks for a delimiter that is not known: use semicolon, comma, tab or pipe, or delete the line"
    )]
    UnknownSeparator {
        /// The whole line.
        line: Excerpt,
    },
    /// The header names nobody.
    #[error(
        "no column can tell who is meant: an id, an email, a full_name, or a first_name and a last_name is needed. Columns \
         found: {}. {}",
        columns_found(columns),
        if *is_a_row {
            "This looks like a row, not a header: put a header line above it"
        } else {
            "Put a header line above the rows, or say which column it is, for example --map email=COLUMN"
        }
    )]
    NoKeyColumn {
        /// What was taken for the header.
        columns: Vec<Column>,
        /// Whether a cell of it is an id or an e-mail address.
        is_a_row: bool,
    },
    /// A column that is used has an id or an e-mail address for a name.
    #[error("this looks like a row, not a header: put a header line above it")]
    RowAsHeader,
    /// `--map` names a column that is not there.
    #[error(
        "--map {field}={name}: there is no such column. Columns found: {}",
        columns_found(columns)
    )]
    MappedColumnMissing {
        /// The field of the option.
        field: Field,
        /// The column of the option.
        name: String,
        /// The columns of the file.
        columns: Vec<Column>,
    },
    /// `--map` names one field or one column twice.
    #[error("--map {field}={name}: the field or the column is mapped a second time. Leave one of them out")]
    MappedTwice {
        /// The field of the second option.
        field: Field,
        /// The column of the second option.
        name: String,
    },
    /// Two columns have one name.
    #[error("the column {name:?} has the same name as column {first}: rename or delete one of them")]
    DuplicateColumn {
        /// The name.
        name: String,
        /// The position of the earlier column.
        first: usize,
    },
    /// Two columns are read as one field.
    #[error(
        "the columns {first_name:?} and {name:?} both mean {field}: choose one with --map {field}={name}, or rename one"
    )]
    DuplicateField {
        /// The field.
        field: Field,
        /// The name of the earlier column.
        first_name: String,
        /// The name of this column.
        name: String,
    },
    /// A row is longer or shorter than the header.
    #[error(
        "the row has {found} {}, the header {expected}: a cell that contains the delimiter must be put in double quotes, \
         and an empty cell keeps its delimiter",
        if *found == 1 { "cell" } else { "cells" }
    )]
    Ragged {
        /// Cells of the row.
        found: usize,
        /// Cells of the header.
        expected: usize,
    },
    /// A quote that is not closed.
    #[error(
        "the double quote at the beginning of this cell is never closed, or not where it should be: close or delete it"
    )]
    OpenQuote,
    /// A quote that is not closed where a cell has to end.
    #[error(
        "the double quote at the beginning of this cell is not closed within {FIELD_BYTES_MAX} bytes: close or delete it, or \
         shorten the cell"
    )]
    QuoteOpenTooLong,
    /// More cells than a row of a spreadsheet has.
    #[error("the row has more than {COLUMNS_MAX} columns: is it the right file? Leave out columns that are not needed")]
    TooManyColumns,
    /// A quote with something outside it.
    #[error(
        "there is something outside the double quotes of this cell: they must be its first and its last character, and a \
         double quote inside is written twice"
    )]
    MisplacedQuote,
    /// NUL and its like.
    #[error("the cell contains the control character U+{:04X}: delete it, or type the cell again", u32::from(*character))]
    ControlCharacter {
        /// The first of them.
        character: char,
    },
    /// U+FFFD, from the decoder or already in the file.
    #[error(
        "{cell} has a character that is not valid {encoding}, or was lost when the file was saved: export the file again as \
         UTF-8, or pass the right --encoding"
    )]
    Undecodable {
        /// The cell, with U+FFFD in place of the character.
        cell: Excerpt,
        /// The encoding that was used.
        encoding: Encoding,
    },
    /// A cell that no roster has.
    #[error(
        "the cell has {bytes} bytes, and at most {FIELD_BYTES_MAX} are read: is a double quote missing or left over?"
    )]
    FieldTooLong {
        /// The cell's size in UTF-8.
        bytes: usize,
    },
    /// An `id` of something else than digits.
    #[error("{cell} is not a user id: write the number from the user's profile address, in digits only")]
    IdNotDigits {
        /// The cell.
        cell: Excerpt,
    },
    /// An `id` that is a number of another kind.
    #[error(
        "{cell} begins with a zero, as personnel numbers do and user ids do not: write the id from the user's profile address, \
         or rename the column"
    )]
    IdLeadingZero {
        /// The cell.
        cell: Excerpt,
    },
    /// An `id` that no portal gives.
    #[error("{cell} is not a user id: ids go from 1 to 4294967295")]
    IdOutOfRange {
        /// The cell.
        cell: Excerpt,
    },
    /// An e-mail address that would never match.
    #[error("{cell} is not an e-mail address, so nobody would be found: write one address, or leave the cell empty")]
    NotAnEmail {
        /// The cell.
        cell: Excerpt,
    },
    /// An `action` that does not exist.
    #[error(
        "{cell} is not an action: write kill or terminate, or leave the cell empty. If the column means something else, \
         rename it"
    )]
    UnknownAction {
        /// The cell.
        cell: Excerpt,
    },
    /// A row that names nobody.
    #[error("nobody can be found by this row: it needs an id, an email, a full_name, or a first_name and a last_name")]
    NoKey,
    /// A full name that cannot be taken apart.
    #[error(
        "{cell} cannot be searched for: a full_name has two or three words. Add an id or an email, or split the name into \
         first_name and last_name"
    )]
    FullNameNotSearchable {
        /// The cell.
        cell: Excerpt,
    },
}

fn readings_listed(readings: &[(Encoding, Excerpt)]) -> String {
    readings
        .iter()
        .map(|(encoding, cell)| format!("{cell} in {encoding}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn listed(delimiters: &[Delimiter]) -> String {
    delimiters
        .iter()
        .map(|delimiter| delimiter.as_str())
        .collect::<Vec<_>>()
        .join(" and ")
}

/// The columns as a message lists them. A file without a header has data here, so every name is shortened like a cell.
fn columns_found(columns: &[Column]) -> String {
    columns
        .iter()
        .map(|column| match column.field {
            Some(field) => format!("{} ({field})", Excerpt::of(&column.name)),
            None => Excerpt::of(&column.name).to_string(),
        })
        .collect::<Vec<_>>()
        .join(", ")
}
