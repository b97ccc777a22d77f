//! Records to rows, and everything that is wrong with them.
//!
//! Not responsible for how the file is written, nor for who the rows mean.

use super::compare::{is_blank, key, mixes_scripts, name_words, tidy};
use super::delimiter::Table;
use super::error::{Excerpt, RosterError, RosterErrorKind};
use super::header::{self, Column, Field};
use super::records::Record;
use super::{Encoding, FIELD_BYTES_MAX, Options, ROWS_MAX, Row, Warning, WarningKind};
use crate::domain::{ActionKind, RowNumber, UserId};
use crate::personal::Personal;

/// All that a file says.
pub(super) struct Reading {
    pub(super) header_line: u64,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
    /// Rows that are not empty, the unusable ones too.
    pub(super) rows_found: usize,
    pub(super) rows_ignored: usize,
    pub(super) warnings: Vec<Warning>,
    pub(super) errors: Vec<RosterError>,
}

/// Reads a table, and lets go of each record when its row is there. An error is all that is wrong with one that has no header.
pub(super) fn read(table: Table, encoding: Encoding, options: &Options) -> Result<Reading, Vec<RosterError>> {
    let Table { records, header, .. } = table;
    let mut errors = records.faults.clone();
    errors.extend(
        records
            .sound
            .iter()
            .flat_map(|record| unreadable_cells(record, encoding)),
    );
    let rows_max = records.sound.len().min(ROWS_MAX);
    let mut sound = records.sound.into_iter();
    let Some(head) = sound.nth(header.index).filter(|record| !record.is_blank()) else {
        if errors.is_empty() {
            errors.push(RosterError::file(RosterErrorKind::Empty));
        }
        return Err(errors);
    };
    let (columns, header_errors) = header::columns(&head, &header.fields, &options.map);
    errors.extend(header_errors);
    let mut reading = Reading {
        header_line: head.line,
        warnings: mixed_scripts(&head, |_| true),
        // Of a hundred thousand rows a list that grows would be twice as long as it has to be, and there twice while it grows.
        rows: Vec::with_capacity(rows_max),
        rows_found: 0,
        rows_ignored: records.empty_lines + header.index,
        columns,
        errors,
    };
    for record in sound {
        if record.is_blank() {
            reading.rows_ignored += 1;
        } else if reading.rows_found == ROWS_MAX {
            reading
                .errors
                .push(RosterError::line(record.line, RosterErrorKind::TooManyRows));
            break;
        } else {
            reading.rows_found += 1;
            reading.add(&record);
        }
    }
    let too_many = |error: &RosterError| matches!(error.kind, RosterErrorKind::TooManyRows);
    if let Some(line) = records.more_from
        && !reading.errors.iter().any(too_many)
    {
        reading
            .errors
            .push(RosterError::line(line, RosterErrorKind::TooManyRows));
    }
    if reading.rows_found == 0 && records.faults.is_empty() {
        reading.errors.push(RosterError::file(RosterErrorKind::NoRows));
    }
    reading.rows_found += rows_that_break_quoting(&records.faults, head.line);
    Ok(reading)
}

/// How many rows could not even be taken apart. What comes before the header is no row.
fn rows_that_break_quoting(faults: &[RosterError], header_line: u64) -> usize {
    let below = |fault: &&RosterError| fault.line.is_some_and(|line| line > header_line);
    faults.iter().filter(below).count()
}

impl Reading {
    fn add(&mut self, record: &Record) {
        let (found, expected) = (record.cells.len(), self.columns.len());
        if found != expected {
            let first_astray = found.min(expected) + 1;
            let kind = RosterErrorKind::Ragged { found, expected };
            self.errors.push(RosterError::cell(record.line, first_astray, kind));
            return;
        }
        // ROWS_MAX is far below u32::MAX.
        let number = RowNumber(u32::try_from(self.rows_found).unwrap_or(u32::MAX));
        let (row, errors) = row(record, number, &self.columns);
        self.errors.extend(errors);
        self.warnings.extend(mixed_scripts(record, |index| {
            self.columns[index].field.is_some_and(is_key)
        }));
        self.rows.push(row);
    }
}

/// Whether a field says who is meant.
fn is_key(field: Field) -> bool {
    !matches!(field, Field::Action | Field::Note)
}

fn mixed_scripts(record: &Record, looked_at: impl Fn(usize) -> bool) -> Vec<Warning> {
    let mixed = |(index, cell): &(usize, &str)| looked_at(*index) && !cell.is_ascii() && mixes_scripts(cell);
    let warning = |(index, _)| Warning {
        line: record.line,
        column: index as u64 + 1,
        kind: WarningKind::MixedScripts,
    };
    record.cells.iter().enumerate().filter(mixed).map(warning).collect()
}

/// Cells of one record that are reported: with more of them it is the record that is wrong.
const UNREADABLE_CELLS_MAX: usize = 20;

/// What is wrong with cells whatever they mean. Tabs and line breaks are blanks, not control characters.
fn unreadable_cells(record: &Record, encoding: Encoding) -> Vec<RosterError> {
    let mut errors = Vec::new();
    for (cell, position) in record.cells.iter().zip(1..) {
        if errors.len() >= UNREADABLE_CELLS_MAX {
            break;
        }
        let mut add = |kind| errors.push(RosterError::cell(record.line, position, kind));
        if cell.len() > FIELD_BYTES_MAX {
            add(RosterErrorKind::FieldTooLong { bytes: cell.len() });
        }
        let control = |character: &char| character.is_control() && !matches!(character, '\t' | '\r' | '\n');
        if let Some(character) = cell.chars().find(control) {
            add(RosterErrorKind::ControlCharacter { character });
        }
        if cell.contains('\u{fffd}') {
            add(RosterErrorKind::Undecodable {
                cell: Excerpt::of(cell),
                encoding,
            });
        }
    }
    errors
}

/// One row and what is wrong with it, given as many cells as columns.
fn row(record: &Record, number: RowNumber, columns: &[Column]) -> (Row, Vec<RosterError>) {
    let mut row = Row::empty(number, record.line);
    let mut errors = Vec::new();
    for (cell, column) in record.cells.iter().zip(columns).filter(|(cell, _)| !is_blank(cell)) {
        let text = Personal::new(cell);
        let refused = |kind| RosterError::cell(record.line, column.position, kind);
        match column.field {
            Some(Field::Id) => row.id = user_id(cell).map_err(|kind| errors.push(refused(kind))).ok(),
            Some(Field::Email) => row.email = email(cell).map_err(|kind| errors.push(refused(kind))).ok(),
            Some(Field::FirstName) => row.first_name = Some(text),
            Some(Field::LastName) => row.last_name = Some(text),
            Some(Field::SecondName) => row.second_name = Some(text),
            Some(Field::FullName) => row.full_name = Some(text),
            Some(Field::Action) => row.action = action(cell).map_err(|kind| errors.push(refused(kind))).ok(),
            Some(Field::Note) => row.note = Some(text),
            None => row.other.push((column.name.clone(), text)),
        }
    }
    // A key that was refused is an error already, and so is a header without key columns.
    let refused_key = errors
        .iter()
        .any(|error| !matches!(error.kind, RosterErrorKind::UnknownAction { .. }));
    if !refused_key && header::names_somebody(columns) {
        errors.extend(no_key(&row, columns));
    }
    (row, errors)
}

/// Why a row names nobody, if so. A full name that cannot be searched for is still good for checking another key.
fn no_key(row: &Row, columns: &[Column]) -> Option<RosterError> {
    if row.id.is_some() || row.email.is_some() || (row.first_name.is_some() && row.last_name.is_some()) {
        return None;
    }
    let Some(full_name) = row.full_name.as_ref().map(Personal::expose) else {
        return Some(RosterError::line(row.line, RosterErrorKind::NoKey));
    };
    if matches!(name_words(full_name).len(), 2 | 3) {
        return None;
    }
    let column = columns.iter().find(|column| column.field == Some(Field::FullName))?;
    let kind = RosterErrorKind::FullNameNotSearchable {
        cell: Excerpt::of(full_name),
    };
    Some(RosterError::cell(row.line, column.position, kind))
}

/// The portal casts an `ID` to a number (protocol section 2.1: `12abc` is 12), so it has to be one before it is asked.
fn user_id(cell: &str) -> Result<UserId, RosterErrorKind> {
    let text = tidy(cell);
    let cell = Excerpt::of(cell);
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RosterErrorKind::IdNotDigits { cell });
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(RosterErrorKind::IdOutOfRange { cell }),
        Ok(_) if text.starts_with('0') => Err(RosterErrorKind::IdLeadingZero { cell }),
        Ok(id) => Ok(UserId(id)),
    }
}

fn email(cell: &str) -> Result<Personal, RosterErrorKind> {
    if is_shaped_like_an_email(&tidy(cell)) {
        Ok(Personal::new(cell))
    } else {
        Err(RosterErrorKind::NotAnEmail {
            cell: Excerpt::of(cell),
        })
    }
}

/// Only the shape: an address of another shape would never match.
fn is_shaped_like_an_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !text.contains([' ', ',', ';', ':', '<', '>', '(', ')', '"'])
    })
}

/// Whether a tidy text that is not empty says by itself who is meant, as a cell of a row does and a column name does not.
pub(super) fn is_id_or_email(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) || is_shaped_like_an_email(text)
}

fn action(cell: &str) -> Result<ActionKind, RosterErrorKind> {
    key(cell).parse().map_err(|_| RosterErrorKind::UnknownAction {
        cell: Excerpt::of(cell),
    })
}
