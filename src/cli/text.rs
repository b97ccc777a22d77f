//! Texts of others, made fit for a terminal.

use crate::journal::UserRecord;
use crate::personal::Personal;
pub(crate) use crate::report::words::count;

/// Characters of a title that fit into a table.
const TITLE_LENGTH_MAX: usize = 48;

/// What stands where a value was erased, or was never there.
pub(crate) const NOTHING: &str = "–";

/// A character of others: control characters could drive the terminal, and direction marks could make a line read as another one.
fn safe(character: char) -> char {
    let hidden = matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    if character.is_control() || hidden {
        '·'
    } else {
        character
    }
}

/// A text as one line, whole.
pub(crate) fn line(text: &str) -> String {
    text.chars().map(safe).collect()
}

/// A text as one short line. Titles are attacker-writable.
pub(crate) fn printable(text: &str) -> String {
    let mut line: String = text.chars().take(TITLE_LENGTH_MAX).map(safe).collect();
    if text.chars().nth(TITLE_LENGTH_MAX).is_some() {
        line.push('…');
    }
    line
}

/// A personal value for a table.
pub(crate) fn cell(text: Option<&Personal>) -> String {
    text.map_or_else(|| NOTHING.to_owned(), |text| printable(text.expose()))
}

/// `29 Ann Lee`.
pub(crate) fn person(id: crate::domain::UserId, user: Option<&UserRecord>) -> String {
    let names = user.map(|user| {
        let names = [&user.first_name, &user.last_name];
        names
            .into_iter()
            .flatten()
            .map(|name| printable(name.expose()))
            .collect::<Vec<_>>()
            .join(" ")
    });
    format!("{id} {}", names.unwrap_or_default()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_drive_the_terminal_or_turn_the_line() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{202e}d"), "a·[2Jb·c·d");
        assert_eq!(printable(&"x".repeat(60)).chars().count(), TITLE_LENGTH_MAX + 1);
    }
}
