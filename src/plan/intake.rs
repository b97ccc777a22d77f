//! From a roster that was read to the events that record it.

use crate::domain::{ActionKind, UserId};
use crate::journal::{About, Event, OtherCell, Recorded, RosterColumn, RosterRead, RowRead};
use crate::personal::Personal;
use crate::roster::{Detected, Roster, Row};

/// The roster does not say what to do.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("the roster does not say what to do: no action in line {}", lines(.0))]
pub struct ActionMissing(pub Vec<u64>);

/// `2, 5, 9`; of many the first twenty.
fn lines(lines: &[u64]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<String> = lines.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = lines.len().saturating_sub(SHOWN);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    shown.join(", ") + &rest
}

/// The action of each row: its own, or the default.
///
/// # Errors
/// When a row has none and there is no default: the tool never chooses.
pub fn actions(roster: &Roster, default: Option<ActionKind>) -> Result<Vec<ActionKind>, ActionMissing> {
    let chosen: Vec<Option<ActionKind>> = roster.rows.iter().map(|row| row.action.or(default)).collect();
    let without = roster.rows.iter().zip(&chosen).filter(|(_, action)| action.is_none());
    let missing: Vec<u64> = without.map(|(row, _)| row.line).collect();
    if missing.is_empty() {
        Ok(chosen.into_iter().flatten().collect())
    } else {
        Err(ActionMissing(missing))
    }
}

/// What was detected, as an event's field.
pub fn detected(found: &Detected) -> RosterRead {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    RosterRead {
        sha256: found.sha256.clone(),
        encoding: found.encoding.to_string(),
        byte_order_mark: found.byte_order_mark,
        delimiter: found.delimiter.map(|delimiter| delimiter.to_string()),
        header_line: found.header_line,
        columns: found
            .columns
            .iter()
            .map(|column| RosterColumn {
                // A file without a header has a person in its first line.
                name: Personal::new(column.name.clone()).about(About::Nobody),
                field: column.field.map(|field| field.as_str().to_owned()),
            })
            .collect(),
        rows: count(found.rows),
        rows_ignored: count(found.rows_ignored),
    }
}

/// A row, as an event.
pub fn row_read(row: &Row, action: ActionKind) -> Event {
    let whom = row.id.map_or(About::Row(row.number), |id: UserId| About::User(id));
    let cell = |value: &Option<Personal>| -> Option<Recorded> { value.as_ref().map(|value| value.about(whom)) };
    Event::RowRead(Box::new(RowRead {
        row: row.number,
        line: row.line,
        id: row.id,
        email: cell(&row.email),
        first_name: cell(&row.first_name),
        last_name: cell(&row.last_name),
        second_name: cell(&row.second_name),
        full_name: cell(&row.full_name),
        kind: action,
        note: cell(&row.note),
        other: row
            .other
            .iter()
            .map(|(column, value)| OtherCell {
                column: Personal::new(column.clone()).about(About::Nobody),
                value: value.about(whom),
            })
            .collect(),
    }))
}
