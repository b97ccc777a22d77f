//! Canonical JSON (RFC 8785), within what bodies of events consist of: no fractions, no exponents, and no whole number beyond ±2^53.
//!
//! Pure. Reading looks at the bytes once and builds nothing, so that a million events take half a second.

use std::cmp::Ordering;

use serde_json::Value;

/// Deeper than any event, and shallow enough for any stack.
const DEPTH_MAX: usize = 64;

/// Beyond it not every whole number is a number of JSON.
const INTEGER_MAX: u64 = 1 << 53;

/// The canonical spelling of a value, whose names it puts in order.
///
/// Where all names are ASCII and all numbers whole, the order of bytes is the order of the standard, and the JSON library writes as it asks:
/// a third of the time. What is not canonical then, the library of the standard writes.
///
/// # Errors
/// When the value has no canonical spelling.
pub(crate) fn spelled(value: &mut Value) -> Result<String, serde_json::Error> {
    value.sort_all_objects();
    let text = serde_json::to_string(value)?;
    if is_canonical(&text) {
        Ok(text)
    } else {
        serde_json_canonicalizer::to_string(value)
    }
}

/// Whether the text is the one canonical spelling of a value.
pub(crate) fn is_canonical(text: &str) -> bool {
    let mut reader = Reader { text, at: 0 };
    reader.value(0).is_some() && reader.at == text.len()
}

/// Each method reads one thing and gives none when it is not there in canonical form.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, literal: &[u8]) -> Option<()> {
        let found = self.text.as_bytes()[self.at..].starts_with(literal);
        self.at += if found { literal.len() } else { 0 };
        found.then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' if depth < DEPTH_MAX => self.object(depth + 1),
            b'[' if depth < DEPTH_MAX => self.array(depth + 1),
            b't' => self.expect(b"true"),
            b'f' => self.expect(b"false"),
            b'n' => self.expect(b"null"),
            _ => self.integer(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        let mut before: Option<Key<'a>> = None;
        loop {
            let key = self.string()?;
            if before.is_some_and(|before| before.order(&key) != Ordering::Less) {
                return None;
            }
            before = Some(key);
            self.expect(b":")?;
            self.value(depth)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.value(depth)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    fn integer(&mut self) -> Option<()> {
        let negative = self.peek()? == b'-';
        self.at += usize::from(negative);
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = &self.text[from..self.at];
        let zero_first = digits.starts_with('0') && (digits.len() > 1 || negative);
        // What cannot be parsed has no digits, or too many.
        let number: u64 = digits.parse().ok()?;
        (!zero_first && number <= INTEGER_MAX).then_some(())
    }

    /// Reads a string with the least escapes; gives what stands between the quotes.
    fn string(&mut self) -> Option<Key<'a>> {
        self.expect(b"\"")?;
        let from = self.at;
        let mut plain = true;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let run = rest
                .iter()
                .position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))?;
            plain &= rest[..run].is_ascii();
            self.at += run;
            match rest[run] {
                b'"' => break,
                b'\\' => {
                    plain = false;
                    self.escape()?;
                }
                _ => return None,
            }
        }
        let raw = &self.text[from..self.at];
        self.at += 1;
        Some(Key { raw, plain })
    }

    /// Only what has to be escaped is, in its shortest form.
    fn escape(&mut self) -> Option<()> {
        let bytes = &self.text.as_bytes()[self.at..];
        let length = match bytes {
            [_, b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r', ..] => 2,
            [_, b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..]
            | [_, b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 6,
            _ => return None,
        };
        self.at += length;
        Some(())
    }
}

/// A name in an object, as written.
#[derive(Clone, Copy)]
struct Key<'a> {
    raw: &'a str,
    /// ASCII without escapes: its bytes are its UTF-16 units.
    plain: bool,
}

impl Key<'_> {
    /// RFC 8785 sorts by the UTF-16 units of what the name means.
    fn order(&self, other: &Self) -> Ordering {
        if self.plain && other.plain {
            self.raw.as_bytes().cmp(other.raw.as_bytes())
        } else {
            let units = |key: &Self| meant(key.raw).encode_utf16().collect::<Vec<_>>();
            units(self).cmp(&units(other))
        }
    }
}

/// The text behind its escapes, which were found to be good.
fn meant(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match rest.next() {
            Some('b') => text.push('\u{8}'),
            Some('t') => text.push('\t'),
            Some('n') => text.push('\n'),
            Some('f') => text.push('\u{c}'),
            Some('r') => text.push('\r'),
            Some('u') => {
                let digits: String = rest.by_ref().take(4).collect();
                let unit = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                text.extend(unit);
            }
            other => text.extend(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the library makes of a text, if that is within our subset.
    fn spelled_by_the_library(text: &str) -> Option<String> {
        let value: Value = serde_json::from_str(text).ok()?;
        is_within(&value).then(|| serde_json_canonicalizer::to_string(&value).unwrap())
    }

    fn is_within(value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) | Value::String(_) => true,
            Value::Number(number) => number
                .as_i64()
                .is_some_and(|number| number.unsigned_abs() <= INTEGER_MAX),
            Value::Array(items) => items.iter().all(is_within),
            Value::Object(fields) => fields.values().all(is_within),
        }
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-c]{0,2}",
            "\\PC{0,3}",
            any::<String>(),
            "[\u{0}-\u{24}\\\\\u{7f}\u{e000}\u{10000}\u{ffff}é]{0,4}"
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        let number = prop_oneof![-9_007_199_254_740_992..=9_007_199_254_740_992_i64, -10..10_i64];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            number.prop_map(Value::from),
            name().prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((name(), inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_is_spelled_as_the_library_spells_it(value in value(), beyond in any::<i64>(), fraction in any::<f64>()) {
            for value in [value, beyond.into(), fraction.into()] {
                let value = Value::from_iter([("value", value), ("before", Value::Null)]);
                prop_assert_eq!(spelled(&mut value.clone()).unwrap(), serde_json_canonicalizer::to_string(&value).unwrap());
            }
        }

        #[test]
        fn what_the_library_writes_is_canonical(value in value()) {
            prop_assert!(is_canonical(&serde_json_canonicalizer::to_string(&value).unwrap()));
        }

        #[test]
        fn what_is_written_in_another_way_is_canonical_only_if_it_is_the_same(value in value()) {
            // Names in the order of the test's making, and other escapes.
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(is_canonical(&text), spelled_by_the_library(&text).as_ref() == Some(&text), "{}", text);
            }
        }

        #[test]
        fn a_changed_character_leaves_it_canonical_only_if_the_library_writes_the_result(
            value in value(),
            place in any::<prop::sample::Index>(),
            other in prop_oneof![any::<char>(), prop::sample::select(r#"{}[]:," \u0b1nt-+.eE"#.chars().collect::<Vec<_>>())],
            how in 0..3,
        ) {
            let mut text: Vec<char> = serde_json_canonicalizer::to_string(&value).unwrap().chars().collect();
            let place = place.index(text.len());
            match how {
                0 => text[place] = other,
                1 => text.insert(place, other),
                _ => drop(text.remove(place)),
            }
            let text: String = text.into_iter().collect();
            prop_assert_eq!(is_canonical(&text), spelled_by_the_library(&text).as_ref() == Some(&text), "{}", text);
        }
    }

    #[test]
    fn what_is_not_canonical_is_found() {
        for text in [
            "",
            " 1",
            "1 ",
            "01",
            "-0",
            "1.0",
            "1e3",
            "+1",
            "9007199254740993",
            "[1,]",
            "[,]",
            "{\"a\":1,}",
            "{\"a\" :1}",
            "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"a\":2}",
            "\"\\/\"",
            "\"\\u0041\"",
            "\"\\u000A\"",
            "\"\\u001F\"",
            "\"\u{1}\"",
            "\"a",
            "nul",
            "truex",
            "{\"a\"}",
            "{1:2}",
            "[1 ,2]",
            "\"\\ud800\"",
            "{\"\u{e000}\":1,\"\u{10000}\":2}",
        ] {
            assert!(!is_canonical(text), "{text}");
        }
        assert!(is_canonical(
            "{\"\u{10000}\":1,\"\u{e000}\":[-9007199254740992,\"\\u001f\\n\u{7f}\"]}"
        ));
    }

    #[test]
    fn what_is_nested_without_end_is_refused_and_no_stack_runs_out() {
        assert!(!is_canonical(&"[".repeat(1_000_000)));
        assert!(!is_canonical(&"{\"a\":".repeat(1_000_000)));
    }
}
