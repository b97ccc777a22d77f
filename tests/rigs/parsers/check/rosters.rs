//! What the program makes of a roster: every row of it, nothing that is not in it, or what is wrong with it.
//!
//! An input is one byte, which says what the operator passed, and the file.

use offboard24::personal::Personal;
use offboard24::roster::{self, Delimiter, Encoding, Field, Options, Roster, RosterErrorKind, RosterErrors, Row};

use super::{Checked, SECRET, ensure};

/// Characters that take no room.
const INVISIBLE: [char; 8] = [
    '\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{2060}', '\u{feff}',
];

/// Checks one input.
pub(crate) fn check(input: &[u8]) -> Checked {
    let [said, file @ ..] = input else {
        return Ok(vec!["too short"]);
    };
    let said = usize::from(*said);
    let options = Options {
        encoding: (said % 8).checked_sub(1).map(|index| Encoding::ALL[index]),
        delimiter: (said / 8 % 5).checked_sub(1).map(|index| Delimiter::ALL[index]),
        map: if said < 200 {
            Vec::new()
        } else {
            vec![(Field::Email, "Почта".to_owned())]
        },
    };
    let read = match roster::read(file, &options) {
        Ok(read) => read,
        Err(errors) => return refused(&errors, file),
    };
    let rows = &read.rows;
    ensure(!rows.is_empty() && rows.len() == read.detected.rows, || {
        format!("{:?}", read.detected)
    })?;
    ensure(rows.len() <= roster::ROWS_MAX, || format!("{} rows", rows.len()))?;
    let are_counted = rows.iter().zip(1..).all(|(row, number)| row.number.0 == number);
    ensure(
        are_counted && rows.is_sorted_by(|earlier, later| earlier.line < later.line),
        || "the rows are not counted".to_owned(),
    )?;
    for row in rows {
        ensure(names_somebody(row), || {
            format!("line {} names nobody: {row:?}", row.line)
        })?;
        ensure(texts(row).all(is_sound), || {
            format!("line {}: a text that is none", row.line)
        })?;
    }
    let text = text_of(file, read.detected.encoding);
    let flat = text.replace('"', "");
    let is_there = |cell: &str| flat.contains(&cell.replace('"', ""));
    ensure(rows.iter().flat_map(texts).all(is_there), || {
        "a text that is not in the file".to_owned()
    })?;
    if text.contains('"') || text.contains('\u{feff}') {
        return Ok(vec!["read, with quotes"]);
    }
    line_by_line(&read, &text)?;
    Ok(vec!["read line by line"])
}

fn refused(errors: &RosterErrors, file: &[u8]) -> Checked {
    ensure(!errors.0.is_empty(), || "refused without a reason".to_owned())?;
    let lines = file.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count() as u64 + 1;
    for error in &errors.0 {
        ensure(error.line.is_none_or(|line| (1..=lines).contains(&line)), || {
            format!("{:?} of {lines}", error.line)
        })?;
    }
    // Names of columns are told: they are no cells, or the file is refused for that.
    let is_of_names = |kind: &RosterErrorKind| {
        matches!(
            kind,
            RosterErrorKind::NoKeyColumn { .. }
                | RosterErrorKind::MappedColumnMissing { .. }
                | RosterErrorKind::DuplicateColumn { .. }
                | RosterErrorKind::DuplicateField { .. }
        )
    };
    let of_cells = errors.0.iter().filter(|error| !is_of_names(&error.kind));
    let told = of_cells
        .map(|error| format!("{error:?}"))
        .find(|told| told.contains(SECRET));
    ensure(told.is_none(), || format!("a cell is told: {told:?}"))?;
    let longest = errors
        .0
        .iter()
        .map(|error| error.to_string().len())
        .max()
        .unwrap_or_default();
    ensure(longest < 10_000 + file.len(), || format!("an error of {longest} bytes"))?;
    Ok(vec!["roster refused"])
}

/// Whether a row says who is meant.
fn names_somebody(row: &Row) -> bool {
    let words = |text: &Personal| {
        let text = text.expose().replace(',', " ").replace(INVISIBLE, "");
        text.split_whitespace().count()
    };
    row.id.is_some_and(|id| id.0 > 0)
        || row.email.as_ref().is_some_and(|email| email.expose().contains('@'))
        || (row.first_name.is_some() && row.last_name.is_some())
        || row.full_name.as_ref().is_some_and(|name| matches!(words(name), 2 | 3))
}

/// The texts of a row, as written.
fn texts(row: &Row) -> impl Iterator<Item = &str> {
    let named = [
        &row.email,
        &row.first_name,
        &row.last_name,
        &row.second_name,
        &row.full_name,
        &row.note,
    ];
    let named = named.into_iter().flatten();
    named
        .chain(row.other.iter().map(|(_, text)| text))
        .map(offboard24::personal::Personal::expose)
}

/// Neither blank, nor damaged, nor longer than a cell can be.
fn is_sound(text: &str) -> bool {
    let is_control = |character: char| character.is_control() && !matches!(character, '\t' | '\r' | '\n');
    !is_blank(text) && !text.contains(is_control) && !text.contains('\u{fffd}') && text.len() <= roster::FIELD_BYTES_MAX
}

fn is_blank(text: &str) -> bool {
    let takes_no_room = |character: char| matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    text.chars()
        .all(|character| character.is_whitespace() || takes_no_room(character))
}

/// The file as text, without a mark at its beginning.
fn text_of(file: &[u8], encoding: Encoding) -> String {
    let units = |of: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = file.as_chunks().0.iter().map(|unit| of(*unit)).collect();
        String::from_utf16_lossy(&units)
    };
    let text = match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(file).into_owned(),
        Encoding::Utf16Le => units(u16::from_le_bytes),
        Encoding::Utf16Be => units(u16::from_be_bytes),
        of_one_byte => encoding_rs::Encoding::for_label(of_one_byte.as_str().as_bytes())
            .map(|codec| codec.decode_without_bom_handling(file).0.into_owned())
            .unwrap_or_default(),
    };
    text.trim_start_matches('\u{feff}').to_owned()
}

/// Where nothing is quoted, a record is a line: every line is a row or was counted, and every cell is where it was.
fn line_by_line(read: &Roster, text: &str) -> Result<(), String> {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = unified.strip_suffix('\n').unwrap_or(&unified).split('\n').collect();
    let has_separator_line =
        lines[0].len() > 4 && lines[0].get(..4).is_some_and(|word| word.eq_ignore_ascii_case("sep="));
    let known = read.rows.len() + read.detected.rows_ignored + 1 + usize::from(has_separator_line);
    ensure(known == lines.len(), || {
        format!("{known} of {} lines are accounted for", lines.len())
    })?;
    for row in &read.rows {
        let line = usize::try_from(row.line - 1).ok().and_then(|index| lines.get(index));
        let line = line.ok_or_else(|| format!("there is no line {}", row.line))?;
        let cells: Vec<&str> = match read.detected.delimiter {
            Some(delimiter) => line.split(delimiter.as_char()).collect(),
            None => vec![*line],
        };
        ensure(cells.len() == read.detected.columns.len(), || {
            format!("line {} is ragged", row.line)
        })?;
        let mut other = row.other.iter();
        for (cell, column) in cells.iter().zip(&read.detected.columns) {
            let personal = |text: &Option<Personal>| text.as_ref().map(|text| text.expose().to_owned());
            let value = match column.field {
                Some(Field::Id) => row.id.map(|id| id.to_string()),
                Some(Field::Email) => personal(&row.email),
                Some(Field::FirstName) => personal(&row.first_name),
                Some(Field::LastName) => personal(&row.last_name),
                Some(Field::SecondName) => personal(&row.second_name),
                Some(Field::FullName) => personal(&row.full_name),
                Some(Field::Note) => personal(&row.note),
                Some(Field::Action) => row.action.map(|action| action.to_string()),
                None if is_blank(cell) => None,
                None => other.next().map(|(_, text)| text.expose().to_owned()),
            };
            let agrees = match (column.field, &value) {
                (_, None) => is_blank(cell),
                (Some(Field::Id), Some(id)) => cell.chars().filter(char::is_ascii_digit).collect::<String>() == *id,
                // Any case, and blanks around it.
                (Some(Field::Action), Some(action)) => cell
                    .to_uppercase()
                    .to_lowercase()
                    .chars()
                    .filter(char::is_ascii_alphabetic)
                    .eq(action.chars()),
                (_, Some(value)) => value == cell,
            };
            ensure(agrees, || {
                format!(
                    "line {}, column {}: {cell:?} is read as {value:?}",
                    row.line, column.position
                )
            })?;
        }
    }
    Ok(())
}
