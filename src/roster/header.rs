//! The header: which record it is, and what its columns mean.
//!
//! Not responsible for the rows below it.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::aliases::aliases;
use super::compare::{is_blank, key, loose_key, tidy};
use super::error::{RosterError, RosterErrorKind};
use super::records::Record;
use super::rows::is_id_or_email;
use super::{FIELD_BYTES_MAX, UnknownOption};

/// What a column can mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The user's number in the portal.
    Id,
    /// The user's e-mail address.
    Email,
    /// Given name.
    FirstName,
    /// Family name.
    LastName,
    /// Patronymic or middle name.
    SecondName,
    /// The name in one cell, in either order.
    FullName,
    /// `kill` or `terminate`, for this row.
    Action,
    /// A remark, shown in reports.
    Note,
}

impl Field {
    /// Every field, the strongest key first.
    pub const ALL: [Self; 8] = [
        Self::Id,
        Self::Email,
        Self::FirstName,
        Self::LastName,
        Self::SecondName,
        Self::FullName,
        Self::Action,
        Self::Note,
    ];

    /// The one spelling; always an accepted column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Email => "email",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::SecondName => "second_name",
            Self::FullName => "full_name",
            Self::Action => "action",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Field {
    type Err = UnknownOption;

    fn from_str(text: &str) -> Result<Self, UnknownOption> {
        Self::ALL
            .into_iter()
            .find(|field| field.as_str() == text)
            .ok_or_else(|| UnknownOption::new("field", text, &Self::ALL.map(Self::as_str)))
    }
}

static ALIASES: LazyLock<HashMap<String, Field>> = LazyLock::new(|| {
    let names = |field| aliases(field).iter().flat_map(|names| names.split('|'));
    Field::ALL
        .into_iter()
        .flat_map(|field| names(field).map(move |name| (alias_key(name), field)))
        .collect()
});

/// A column name without what its writers do not agree on: case, accents, blanks, punctuation.
fn alias_key(name: &str) -> String {
    loose_key(name)
        .chars()
        .filter(|character| character.is_alphanumeric())
        .collect()
}

/// One column of the file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// From 1.
    pub position: usize,
    /// The name in the header, without blanks around it; `column N` where the header has none.
    pub name: String,
    /// What it means. `None`: kept and shown, not used.
    pub field: Option<Field>,
}

/// Which record is the header.
#[derive(Debug)]
pub(super) struct Header {
    /// Its place among the sound records.
    pub(super) index: usize,
    /// What its cells mean. Empty when the file has no records.
    pub(super) fields: Vec<Option<Field>>,
}

impl Header {
    /// How many cells are known names.
    pub(super) fn recognised(&self) -> usize {
        self.fields.iter().flatten().count()
    }
}

/// How many records are looked at: a title, a date and a department above the header are usual, more is another document.
pub(super) const HEADER_RECORDS_MAX: usize = 20;

/// The header is the record with the most known names, the first of them in a tie. A record below one with as many filled cells
/// is not the header of anything: it is a row in which somebody wrote `email`. Where no name is known, the first record counts.
pub(super) fn find(records: &[Record], map: &[(Field, String)]) -> Header {
    let mut best: Option<Header> = None;
    let mut filled_above = 0;
    for (index, record) in records
        .iter()
        .enumerate()
        .filter(|(_, record)| !record.is_blank())
        .take(HEADER_RECORDS_MAX)
    {
        let filled = record.cells.iter().filter(|cell| !is_blank(cell)).count();
        if filled <= filled_above {
            continue;
        }
        filled_above = filled;
        let header = Header {
            index,
            fields: recognise(record, map),
        };
        if best.as_ref().is_none_or(|best| header.recognised() > best.recognised()) {
            best = Some(header);
        }
    }
    best.unwrap_or(Header {
        index: 0,
        fields: Vec::new(),
    })
}

fn column_name(cell: &str, position: usize) -> String {
    if is_blank(cell) {
        format!("column {position}")
    } else {
        tidy(cell)
    }
}

/// What each cell of a header means: `--map` first, then the known names of the fields that are not mapped.
fn recognise(record: &Record, map: &[(Field, String)]) -> Vec<Option<Field>> {
    record
        .cells
        .iter()
        .zip(1..)
        .map(|(cell, position)| {
            // It cannot be a cell, so it is no name; and looking at it could take long.
            if cell.len() > FIELD_BYTES_MAX {
                return None;
            }
            let column = key(&column_name(cell, position));
            let mapped = map
                .iter()
                .find(|(_, name)| key(name) == column)
                .map(|(field, _)| *field);
            let known = || ALIASES.get(&alias_key(cell)).copied();
            mapped.or_else(|| known().filter(|known| map.iter().all(|(field, _)| field != known)))
        })
        .collect()
}

/// The columns of a header, and what is wrong with it.
pub(super) fn columns(
    record: &Record,
    fields: &[Option<Field>],
    map: &[(Field, String)],
) -> (Vec<Column>, Vec<RosterError>) {
    let columns: Vec<Column> = record
        .cells
        .iter()
        .zip(fields)
        .zip(1..)
        .map(|((cell, field), position)| Column {
            position,
            name: column_name(cell, position),
            field: *field,
        })
        .collect();
    let mut errors = duplicates(record.line, &columns);
    errors.extend(map_errors(record.line, &columns, map));
    let is_of_a_row = |column: &Column| is_id_or_email(&column.name);
    // Mapping such a column would make a header of somebody's row, and drop the row without a word.
    if columns
        .iter()
        .any(|column| column.field.is_some() && is_of_a_row(column))
    {
        errors.push(RosterError::line(record.line, RosterErrorKind::RowAsHeader));
    } else if !names_somebody(&columns) {
        errors.push(RosterError::line(
            record.line,
            RosterErrorKind::NoKeyColumn {
                is_a_row: columns.iter().any(is_of_a_row),
                columns: columns.clone(),
            },
        ));
    }
    (columns, errors)
}

/// Whether the columns can tell who is meant.
pub(super) fn names_somebody(columns: &[Column]) -> bool {
    let has = |field| columns.iter().any(|column| column.field == Some(field));
    has(Field::Id) || has(Field::Email) || has(Field::FullName) || (has(Field::FirstName) && has(Field::LastName))
}

fn duplicates(line: u64, columns: &[Column]) -> Vec<RosterError> {
    let mut names: HashMap<String, &Column> = HashMap::new();
    let mut fields: HashMap<Field, &Column> = HashMap::new();
    let mut errors = Vec::new();
    for column in columns {
        let same_name = names.get(&key(&column.name)).copied();
        let same_field = column.field.and_then(|field| fields.get(&field)).copied();
        let kind = match (same_name, same_field) {
            (Some(first), _) => Some(RosterErrorKind::DuplicateColumn {
                name: column.name.clone(),
                first: first.position,
            }),
            (None, Some(first)) => column.field.map(|field| RosterErrorKind::DuplicateField {
                field,
                first_name: first.name.clone(),
                name: column.name.clone(),
            }),
            (None, None) => None,
        };
        errors.extend(kind.map(|kind| RosterError::cell(line, column.position, kind)));
        names.entry(key(&column.name)).or_insert(column);
        if let Some(field) = column.field {
            fields.entry(field).or_insert(column);
        }
    }
    errors
}

fn map_errors(line: u64, columns: &[Column], map: &[(Field, String)]) -> Vec<RosterError> {
    let mut errors = Vec::new();
    for (index, (field, name)) in map.iter().enumerate() {
        let (field, name) = (*field, name.clone());
        if map[..index]
            .iter()
            .any(|(earlier, column)| *earlier == field || key(column) == key(&name))
        {
            errors.push(RosterError::file(RosterErrorKind::MappedTwice { field, name }));
        } else if !columns.iter().any(|column| key(&column.name) == key(&name)) {
            let columns = columns.to_vec();
            errors.push(RosterError::line(
                line,
                RosterErrorKind::MappedColumnMissing { field, name, columns },
            ));
        }
    }
    errors
}
