//! Commands of a batch: a method and its parameters as one text, which PHP takes apart again.
//!
//! Everything but unreserved characters is percent-encoded, in names as well as in values: a literal `=` in a name such as
//! `FILTER[=EMAIL]` would destroy the condition, and the portal would answer with everybody. What cannot be said in a
//! batch is refused (protocol section 7). Not responsible for what is asked.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::method::Method;

/// Most commands that a portal executes in one batch.
pub const BATCH_COMMANDS_MAX: usize = 50;

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What cannot be put into a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// A text with `$result[` or its kin, which the portal would replace by an earlier result. There is no way to escape it.
    Rewritten,
    /// An empty list, an empty object or null: a batch cannot say them, and the portal would run without the condition.
    Empty,
    /// A name that PHP would change.
    Name,
    /// A number that is no integer.
    Number,
    /// More parameters than PHP reads, or deeper ones: it would drop them.
    TooMuch,
}

impl Refusal {
    /// For people.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Rewritten => "a text in it holds a reference such as `$result[…]`, which the portal would replace",
            Self::Empty => "a parameter of it is empty",
            Self::Name => "a parameter's name cannot be sent",
            Self::Number => "a parameter is a fraction",
            Self::TooMuch => "it has more or deeper parameters than the portal reads",
        }
    }
}

/// Whether a text can be the key of a command. Numbers would turn the portal's maps into arrays.
pub(super) fn is_key(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A command as the text that a batch carries: `method?name=value&…`.
///
/// # Errors
///
/// See [`Refusal`].
pub(super) fn command(method: Method, parameters: &Value) -> Result<String, Refusal> {
    let mut query = String::new();
    for (name, value) in parameters.as_object().into_iter().flatten() {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
            return Err(Refusal::Name);
        }
        append(&mut query, &utf8_percent_encode(name, RESERVED).to_string(), value)?;
    }
    if is_too_much(&query) {
        return Err(Refusal::TooMuch);
    }
    Ok(format!("{method}?{query}"))
}

/// A command, for the rig that takes it apart again; `None` where it is refused.
#[cfg(feature = "rigs")]
pub fn encoded(method: Method, parameters: &Value) -> Option<String> {
    command(method, parameters).ok()
}

/// PHP's `max_input_vars`, where nobody set another.
const PARAMETERS_MAX: usize = 1000;

/// PHP's `max_input_nesting_level`, where nobody set another, is 64.
const DEPTH_MAX: usize = 60;

/// An opening bracket, as it is sent: what follows is one level deeper.
const OPENED: &str = "%5B";

/// Whether PHP would leave out something of a query.
fn is_too_much(query: &str) -> bool {
    let names = || query.split('&').filter_map(|pair| pair.split('=').next());
    names().count() > PARAMETERS_MAX || names().any(|name| name.matches(OPENED).count() > DEPTH_MAX)
}

/// Whether a name inside brackets stays what it is: PHP ends a name at a zero, and takes a lone blank for no name at all.
fn is_field(name: &str) -> bool {
    !name.is_empty()
        && !name.contains(['[', ']', '\0'])
        && !matches!(name, " " | "\t" | "\n" | "\r" | "\u{b}" | "\u{c}")
}

/// Appends one parameter, whose name is encoded already.
fn append(query: &mut String, name: &str, value: &Value) -> Result<(), Refusal> {
    let text = match value {
        Value::Object(fields) if !fields.is_empty() => {
            return fields.iter().try_for_each(|(field, value)| {
                if !is_field(field) {
                    return Err(Refusal::Name);
                }
                append(
                    query,
                    &format!("{name}%5B{}%5D", utf8_percent_encode(field, RESERVED)),
                    value,
                )
            });
        }
        Value::Array(values) if !values.is_empty() => {
            return values
                .iter()
                .enumerate()
                .try_for_each(|(index, value)| append(query, &format!("{name}%5B{index}%5D"), value));
        }
        Value::Object(_) | Value::Array(_) | Value::Null => return Err(Refusal::Empty),
        Value::String(text) if is_rewritten(text) => return Err(Refusal::Rewritten),
        Value::String(text) => text.clone(),
        // Every value arrives as a text there, and the text `false` is true to PHP.
        Value::Bool(value) => u8::from(*value).to_string(),
        Value::Number(number) if number.is_f64() => return Err(Refusal::Number),
        Value::Number(number) => number.to_string(),
    };
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    query.extend(utf8_percent_encode(&text, RESERVED));
    Ok(())
}

/// The words that begin a reference to an earlier result.
const REFERENCES: [&str; 5] = ["result", "next", "total", "time", "error"];

/// Whether the portal would take a part of the text for a reference: `$`, one of the words in any case, then a `[` before the
/// next blank.
pub fn is_rewritten(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let rest = text.as_bytes().get(at + 1..).unwrap_or_default();
        let after = |word: &str| {
            let (head, tail) = rest.split_at_checked(word.len())?;
            head.eq_ignore_ascii_case(word.as_bytes()).then_some(tail)
        };
        REFERENCES.iter().filter_map(|word| after(word)).any(|tail| {
            let end = tail
                .iter()
                .position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c));
            tail[..end.unwrap_or(tail.len())].contains(&b'[')
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_values_are_encoded_down_to_the_unreserved_characters() {
        for (parameters, query) in [
            (json!({"ID": "67a2ffdb2c57a3.35276854"}), "ID=67a2ffdb2c57a3.35276854"),
            (
                json!({"FILTER": {"=EMAIL": "a+b@x.com"}}),
                "FILTER%5B%3DEMAIL%5D=a%2Bb%40x.com",
            ),
            (
                json!({"FILTER": {">ID": 5}, "start": -1}),
                "FILTER%5B%3EID%5D=5&start=-1",
            ),
            (json!({"SELECT": ["ID", "NAME"]}), "SELECT%5B0%5D=ID&SELECT%5B1%5D=NAME"),
            (json!({"ADMIN_MODE": true, "X": false}), "ADMIN_MODE=1&X=0"),
            (
                json!({"STATUS": "Уволен #7 & 100 % = ok?"}),
                "STATUS=%D0%A3%D0%B2%D0%BE%D0%BB%D0%B5%D0%BD%20%237%20%26%20100%20%25%20%3D%20ok%3F",
            ),
            (
                json!({"STATUS": "$100, $result, $RESULT [x]"}),
                "STATUS=%24100%2C%20%24result%2C%20%24RESULT%20%5Bx%5D",
            ),
        ] {
            assert_eq!(command(Method::UserGet, &parameters), Ok(format!("user.get?{query}")));
        }
    }

    #[test]
    fn what_a_batch_cannot_say_is_refused() {
        for (parameters, refusal) in [
            (json!({"F": {"USER_ID": []}}), Refusal::Empty),
            (json!({"F": {}}), Refusal::Empty),
            (json!({"F": {"USER_ID": null}}), Refusal::Empty),
            (json!({"F": {"a]b": 1}}), Refusal::Name),
            (json!({"a.b": 1}), Refusal::Name),
            (json!({"a b": 1}), Refusal::Name),
            (json!({"": 1}), Refusal::Name),
            (json!({"F": {"a\u{0}b": 1}}), Refusal::Name),
            (json!({"F": {" ": 1}}), Refusal::Name),
            (json!({"F": {"\u{b}": 1}}), Refusal::Name),
            (json!({"F": vec![1; 1001]}), Refusal::TooMuch),
            (
                (0..62).fold(json!(1), |inner, _| json!({ "F": inner })),
                Refusal::TooMuch,
            ),
            (json!({"A": 1.5}), Refusal::Number),
            (json!({"A": "$result[u][0][ID]"}), Refusal::Rewritten),
            (json!({"A": "x $RESULT[u]"}), Refusal::Rewritten),
            (json!({"A": "$NextПривет[u"}), Refusal::Rewritten),
            (json!({"A": "$$total[x]"}), Refusal::Rewritten),
            (json!({"A": "$time $error.x[1]"}), Refusal::Rewritten),
            (json!({"A": "$result\u{b}[1]"}), Refusal::Rewritten),
            (json!({"A": ["fine", "$results[1]"]}), Refusal::Rewritten),
        ] {
            assert_eq!(command(Method::UserGet, &parameters), Err(refusal), "{parameters}");
        }
    }

    #[test]
    fn as_much_as_php_reads_is_sent_and_brackets_in_a_text_are_no_depth() {
        for parameters in [
            json!({"F": vec![1; 1000]}),
            (0..61).fold(json!(1), |inner, _| json!({ "F": inner })),
            json!({"STATUS": "[".repeat(100)}),
        ] {
            assert!(command(Method::UserGet, &parameters).is_ok(), "{parameters}");
        }
    }

    #[test]
    fn a_key_is_never_a_number() {
        assert!(["k0", "w17", "a-b_c"].into_iter().all(is_key));
        assert!(
            ["", "0", "17", "_a", "a.b", "a b", "ключ", "a[0]"]
                .into_iter()
                .all(|key| !is_key(key))
        );
    }

    proptest! {
        #[test]
        fn any_text_travels_unchanged_in_plain_characters(text in any::<String>()) {
            if let Ok(command) = command(Method::UserGet, &json!({"FILTER": {"=NAME": text}})) {
                let value = command.strip_prefix("user.get?FILTER%5B%3DNAME%5D=").unwrap();
                prop_assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)));
                prop_assert_eq!(percent_encoding::percent_decode_str(value).decode_utf8().unwrap(), text);
            }
        }
    }
}
