//! When two texts that people typed mean the same.
//!
//! Used to compare a roster cell with a column name, or with what the portal answered. Nothing here is stored: what was
//! written stays as it was written. Not responsible for which fields have to agree; that is the plan's.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The text without what nobody sees: NFC, no zero-width characters, no blanks at the ends, one space between words.
/// No-break spaces, tabs and line breaks are blanks. Upper and lower case stay. This is the form to ask the portal with.
pub fn tidy(text: &str) -> String {
    // ASCII has nothing that is invisible or composed.
    let visible: Cow<'_, str> = if text.is_ascii() {
        text.into()
    } else {
        let visible = text.chars().filter(|character| !is_zero_width(*character));
        visible.nfc().collect()
    };
    let mut tidy = String::with_capacity(visible.len());
    for word in visible.split_whitespace() {
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.push_str(word);
    }
    tidy
}

/// [`tidy`], and case-folded, and `ё` as `е`: equal keys mean the same text. For comparing only.
///
/// Folding goes through upper case, so that `ß` equals `ss` and both Greek lower-case sigmas are one letter.
pub fn key(text: &str) -> String {
    let mut tidy = tidy(text);
    if tidy.is_ascii() {
        tidy.make_ascii_lowercase();
        return tidy;
    }
    tidy.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfc()
        .map(|character| if character == 'ё' { 'е' } else { character })
        .collect()
}

/// The words of a full name, [`tidy`]. A comma between them, as in `Ivanov, Ivan`, is a blank.
pub fn name_words(full_name: &str) -> Vec<String> {
    tidy(&full_name.replace(',', " "))
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether two texts have the same [`key`].
pub fn same(left: &str, right: &str) -> bool {
    key(left) == key(right)
}

/// Whether two texts are the same but for accents and other diacritics (`é` and `e`, `й` and `и`, `ł` and `l`).
///
/// A database collation finds such a row when it is asked for the other spelling (protocol section 2.1, `=FIELD`). A row that
/// is not even loosely the same was not asked for: the portal dropped the filter.
pub fn loosely_same(left: &str, right: &str) -> bool {
    loose_key(left) == loose_key(right)
}

/// [`key`] without combining marks and strokes.
pub(super) fn loose_key(text: &str) -> String {
    let mut loose = String::with_capacity(text.len());
    for character in key(text).nfd().filter(|character| !is_combining_mark(*character)) {
        match character {
            // Letters that Unicode does not take apart and collations do.
            'ø' => loose.push('o'),
            'ł' => loose.push('l'),
            'đ' => loose.push('d'),
            'æ' => loose.push_str("ae"),
            'œ' => loose.push_str("oe"),
            other => loose.push(other),
        }
    }
    loose
}

/// Whether a word of the text has Latin and Cyrillic letters, as a name has that was typed on two keyboard layouts.
pub(super) fn mixes_scripts(text: &str) -> bool {
    text.split(|character: char| !character.is_alphabetic())
        .any(|word| word.chars().any(is_latin) && word.chars().any(is_cyrillic))
}

fn is_latin(letter: char) -> bool {
    matches!(letter, 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{24f}')
}

/// Cyrillic and its supplement.
pub(super) fn is_cyrillic(letter: char) -> bool {
    matches!(letter, '\u{400}'..='\u{52f}')
}

/// Whether [`tidy`] leaves nothing of the text.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|character| character.is_whitespace() || is_zero_width(character))
}

/// Characters that take no room and come along when a cell is copied: soft hyphen, zero-width space and joiners, marks of
/// writing direction, byte order mark.
fn is_zero_width(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_that_look_alike_are_the_same() {
        for (left, right) in [
            ("Пётр", "ПЕТР"),
            ("\u{a0}Анна  Мария\u{200b} ", "анна мария"),
            ("Cafe\u{301}", "CAFÉ"),
            ("Иван\tИванов", "Иван\u{202f}Иванов"),
            ("Groß", "GROSS"),
            ("Σας", "ΣΑΣ"),
            ("\u{feff}a@b.c", "A@B.C"),
            ("е\u{308}лка", "Елка"),
        ] {
            assert!(same(left, right), "{left:?} {right:?}");
        }
    }

    #[test]
    fn texts_that_differ_are_not_the_same_but_may_be_loosely() {
        for (left, right, loosely) in [
            ("Андрей", "Андреи", true),
            ("José", "Jose", true),
            ("Łukasz", "Lukasz", true),
            ("Иванов", "Иванова", false),
            ("Иван", "Ивaн", false),
            ("Анна-Мария", "Анна Мария", false),
            ("", "а", false),
        ] {
            assert!(!same(left, right), "{left:?} {right:?}");
            assert_eq!(loosely_same(left, right), loosely, "{left:?} {right:?}");
        }
    }

    #[test]
    fn tidy_keeps_case_and_yo() {
        assert_eq!(tidy("\u{200e} Пётр \u{a0} Ильич\n"), "Пётр Ильич");
        assert_eq!(tidy(" \u{a0}\u{200b}\t"), "");
    }

    #[test]
    fn a_comma_in_a_full_name_is_a_blank() {
        for full_name in ["Ivanov, Ivan", "Ivanov,Ivan", " Ivanov ,\u{a0}Ivan,", "Ivanov Ivan"] {
            assert_eq!(name_words(full_name), ["Ivanov", "Ivan"], "{full_name}");
        }
        assert!(name_words(" , ").is_empty());
    }

    #[test]
    fn only_a_word_of_two_scripts_mixes_them() {
        for (text, mixed) in [
            ("Ивaнов", true),
            ("ivаnov@acme.ru", true),
            ("IT-отдел", false),
            ("1С", false),
            ("Ivanov Иванов", false),
        ] {
            assert_eq!(mixes_scripts(text), mixed, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text in any::<String>()) {
            let once = key(&text);
            prop_assert_eq!(key(&once), once);
        }

        #[test]
        fn ascii_goes_a_shorter_way_to_the_same_end(text in "[\\x00-\\x7f]{0,12}") {
            let text = format!("{text}|");
            prop_assert_eq!(tidy(&text) + "ё", tidy(&format!("{text}ё")));
            prop_assert_eq!(key(&text) + "е", key(&format!("{text}ё")));
        }
    }
}
