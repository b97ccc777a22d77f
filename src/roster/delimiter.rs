//! What stands between two cells.
//!
//! Told by regularity: under the right delimiter the rows have as many cells as the header. Not responsible for what the cells
//! say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Excerpt, RosterError, RosterErrorKind};
use super::header::{self, Header};
use super::records::{self, Record, Records};
use super::{Field, UnknownOption};

/// A character that separates cells.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delimiter {
    /// `;`, Excel's choice where the decimal point is a comma.
    Semicolon,
    /// `,`
    Comma,
    /// The tab character.
    Tab,
    /// `|`
    Pipe,
}

impl Delimiter {
    /// Every delimiter that is looked for.
    pub const ALL: [Self; 4] = [Self::Semicolon, Self::Comma, Self::Tab, Self::Pipe];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Semicolon => "semicolon",
            Self::Comma => "comma",
            Self::Tab => "tab",
            Self::Pipe => "pipe",
        }
    }

    /// The character itself.
    pub const fn as_char(self) -> char {
        match self {
            Self::Semicolon => ';',
            Self::Comma => ',',
            Self::Tab => '\t',
            Self::Pipe => '|',
        }
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The name, the character, or `\t` as it is typed in a shell.
impl FromStr for Delimiter {
    type Err = UnknownOption;

    fn from_str(text: &str) -> Result<Self, UnknownOption> {
        Self::ALL
            .into_iter()
            .find(|delimiter| {
                text.eq_ignore_ascii_case(delimiter.as_str())
                    || text.chars().eq([delimiter.as_char()])
                    || (text == "\\t" && *delimiter == Self::Tab)
            })
            .ok_or_else(|| UnknownOption::new("delimiter", text, &Self::ALL.map(Self::as_str)))
    }
}

/// A text taken apart.
pub(super) struct Table {
    /// `None`: one column.
    pub(super) delimiter: Option<Delimiter>,
    pub(super) records: Records,
    pub(super) header: Header,
}

impl Table {
    /// Whether no cell of it has visible text.
    fn is_blank(&self) -> bool {
        self.records.faults.is_empty() && self.records.sound.iter().all(Record::is_blank)
    }
}

/// Takes a text apart with the delimiter that was asked for, or that its first line names, or else with the one under which the
/// fewest records differ from the header in length. Where none fits, the text is one column.
pub(super) fn split(text: &str, asked: Option<Delimiter>, map: &[(Field, String)]) -> Result<Table, RosterError> {
    let (named, text, first_line) = separator_line(text)?;
    let table = |delimiter| {
        let records = records::split(text, first_line, delimiter);
        let header = header::find(&records.sound, map);
        Table {
            delimiter,
            records,
            header,
        }
    };
    if let Some(delimiter) = asked.or(named) {
        return Ok(table(Some(delimiter)));
    }
    let one_column = table(None);
    let mut tables: Vec<Table> = Delimiter::ALL
        .into_iter()
        .filter(|delimiter| text.contains(delimiter.as_char()))
        .map(|delimiter| table(Some(delimiter)))
        .collect();
    // Nothing but delimiters and blanks is a file without text, not a column of delimiters.
    if let Some(blank) = tables.iter().position(Table::is_blank) {
        return Ok(tables.swap_remove(blank));
    }
    let mut fitting: Vec<(usize, Table)> = tables
        .into_iter()
        .filter_map(|table| irregular(&table, &one_column).map(|irregular| (irregular, table)))
        .collect();
    let Some(fewest) = fitting.iter().map(|(irregular, _)| *irregular).min() else {
        return Ok(one_column);
    };
    fitting.retain(|(irregular, _)| *irregular == fewest);
    if fitting.len() > 1 {
        let candidates = fitting.iter().filter_map(|(_, table)| table.delimiter).collect();
        return Err(RosterError::file(RosterErrorKind::DelimiterUnknown { candidates }));
    }
    Ok(fitting.swap_remove(0).1)
}

/// How many records, from the header on, do not have the header's length. `None`: the delimiter does not fit at all, because the
/// header is one cell under it, or because half of the records differ and the header does not vouch for it: `Last name, first
/// name` over `Ivanov Ivan` is one column.
fn irregular(table: &Table, one_column: &Table) -> Option<usize> {
    let records = || {
        table
            .records
            .sound
            .iter()
            .skip(table.header.index)
            .filter(|record| !record.is_blank())
    };
    let width = records().next()?.cells.len();
    let regular = records().filter(|record| record.cells.len() == width).count();
    let ragged = records().count() - regular;
    let header_vouches = table.header.recognised() > 0 && one_column.header.recognised() == 0;
    (width > 1 && (header_vouches || regular > ragged)).then_some(ragged + table.records.faults.len())
}

/// Excel's `sep=;` on the first line: the delimiter that it names, the text below it, and that text's first line number.
fn separator_line(text: &str) -> Result<(Option<Delimiter>, &str, u64), RosterError> {
    let end = text.find(['\r', '\n']).unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    let bare = line
        .strip_prefix('"')
        .and_then(|line| line.strip_suffix('"'))
        .unwrap_or(line);
    let Some(named) = bare
        .get(..4)
        .filter(|word| word.eq_ignore_ascii_case("sep="))
        .map(|_| &bare[4..])
    else {
        return Ok((None, text, 1));
    };
    let delimiter = Delimiter::ALL
        .into_iter()
        .find(|delimiter| named.chars().eq([delimiter.as_char()]));
    let Some(delimiter) = delimiter else {
        return Err(RosterError::line(
            1,
            RosterErrorKind::UnknownSeparator {
                line: Excerpt::of(line),
            },
        ));
    };
    let rest = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix(['\r', '\n']))
        .unwrap_or(rest);
    Ok((Some(delimiter), rest, 2))
}
