//! How the portal's database compares texts.
//!
//! Pure. Equality ignores case, the accents of common Latin letters, `ё`/`е`, and blanks at the end; `LIKE` knows `%` and
//! `_`. Real portals differ in the details: this is the forgiving variant, which returns more than was meant.

/// A text as the database sees it when it compares.
pub(crate) fn folded(text: &str) -> String {
    letters(text).collect()
}

fn letters(text: &str) -> impl Iterator<Item = char> {
    text.trim_end_matches(' ')
        .chars()
        .flat_map(char::to_lowercase)
        .map(without_accent)
}

/// Equality.
pub(crate) fn equal(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() {
        // Most comparisons by far, and a tenth of the time.
        return left
            .trim_end_matches(' ')
            .eq_ignore_ascii_case(right.trim_end_matches(' '));
    }
    letters(left).eq(letters(right))
}

/// `LIKE` with the caller's own wildcards.
pub(crate) fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = folded(text).chars().collect();
    let pattern: Vec<char> = folded(pattern).chars().collect();
    matches(&text, &pattern)
}

/// Substring: the caller's `%` and `_` are ordinary letters.
pub(crate) fn contains(text: &str, part: &str) -> bool {
    folded(text).contains(&folded(part))
}

fn without_accent(letter: char) -> char {
    match letter {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        'ё' => 'е',
        other => other,
    }
}

/// Greedy matching that goes back to the last `%` only, so that no pattern takes exponential time.
fn matches(text: &[char], pattern: &[char]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(place) {
            Some('%') => {
                retry = Some((at, place));
                place += 1;
                continue;
            }
            Some('_') => {
                at += 1;
                place += 1;
                continue;
            }
            Some('\\') if pattern.get(place + 1) == Some(&text[at]) => {
                at += 1;
                place += 2;
                continue;
            }
            Some(letter) if *letter == text[at] => {
                at += 1;
                place += 1;
                continue;
            }
            _ => {}
        }
        let Some((begin, percent)) = retry else { return false };
        retry = Some((begin + 1, percent));
        at = begin + 1;
        place = percent + 1;
    }
    pattern[place..].iter().all(|letter| *letter == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_knows_both_wildcards_and_their_escapes() {
        let cases = [
            ("jadoe@x.com", "j_doe@x.com", true),
            ("j_doe@x.com", "j_doe@x.com", true),
            ("jadoe@x.com", "j\\_doe@x.com", false),
            ("Ivanov", "iv%", true),
            ("Petrov", "iv%", false),
            ("", "%", true),
            ("", "_", false),
            ("aab", "%a_", true),
            ("abcabd", "%abd", true),
            ("abc", "abc%%", true),
            ("abc", "ab", false),
        ];
        for (text, pattern, expected) in cases {
            assert_eq!(like(text, pattern), expected, "{text} LIKE {pattern}");
        }
    }

    #[test]
    fn equality_ignores_case_accents_and_trailing_blanks() {
        for (left, right, expected) in [
            ("Семёнов", "СЕМЕНОВ", true),
            ("Zoë  ", "zoe", true),
            (" Zoe", "Zoe", false),
            ("Zoe", "Zoey", false),
        ] {
            assert_eq!(equal(left, right), expected, "{left} = {right}");
        }
    }
}
