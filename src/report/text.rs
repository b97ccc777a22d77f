//! Texts of others: names, titles, the portal's words. Whoever wrote them could mean harm, so every format makes them harmless in its own
//! way; here is what the formats share.

use std::fmt::Write as _;

use crate::journal::Value;
use crate::personal::Personal;

/// A text of somebody else's, as far as it is still there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Text {
    /// There never was one.
    #[default]
    Nothing,
    /// The text, as it was.
    There(String),
    /// It was erased; when, where an event says so.
    Erased(Option<String>),
}

impl Text {
    /// A value as recorded; where there is none, whether it was erased.
    pub fn or_erased(value: Option<&Personal>, erased: Option<&str>) -> Self {
        match (value, erased) {
            (Some(value), _) => Self::There(value.expose().to_owned()),
            (None, Some(at)) => Self::Erased(Some(at.to_owned())),
            (None, None) => Self::Nothing,
        }
    }

    /// The text, where it is still there and not empty.
    pub fn there(&self) -> Option<&str> {
        match self {
            Self::There(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing to show.
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::There(text) => text.is_empty(),
            Self::Erased(_) => false,
        }
    }
}

impl From<Option<Value>> for Text {
    fn from(value: Option<Value>) -> Self {
        match value {
            None => Self::Nothing,
            Some(Value::There(text)) => Self::There(text.expose().to_owned()),
            Some(Value::Erased(at)) => Self::Erased(at),
        }
    }
}

/// The text with everything visible that a reader could not see: control characters, marks that turn the direction of writing, characters
/// without width. Each becomes its code point in brackets, a line end a sign.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push('⏎'),
            '\t' => shown.push(' '),
            // Carriage returns stand before line ends.
            '\r' => {}
            character if is_hidden(character) => {
                // Writing into a String cannot fail.
                _ = write!(shown, "[U+{:04X}]", u32::from(character));
            }
            character => shown.push(character),
        }
    }
    shown
}

/// Whether a character shows nothing itself and changes how others are seen.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The first `length` characters, and the rest where there is one.
pub fn fold_at(text: &str, length: usize) -> (&str, Option<&str>) {
    match text.char_indices().nth(length) {
        Some((place, _)) => (&text[..place], Some(&text[place..])),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_becomes_visible() {
        assert_eq!(visible("a\u{202e}b\u{0}c\nd\u{7f}"), "a[U+202E]b[U+0000]c⏎d[U+007F]");
        assert_eq!(visible("Согласовать отпуск – “3”"), "Согласовать отпуск – “3”");
    }

    #[test]
    fn a_text_folds_between_characters() {
        assert_eq!(fold_at("жжж", 2), ("жж", Some("ж")));
        assert_eq!(fold_at("жж", 2), ("жж", None));
    }
}
