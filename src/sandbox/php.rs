//! PHP's values: what the portal's handlers see and what its JSON looks like.
//!
//! Pure. Arrays that are lists and maps at once, texts that are numbers when asked, query strings that become nested
//! arrays: most of what the portal does wrong begins here. It knows nothing of methods or of the world.

use percent_encoding::percent_decode;
use serde_json::{Map, Number, Value};

/// PHP's `max_input_vars`: variables of a query string after this many are dropped.
const INPUT_VARIABLES_MAX: usize = 1000;
/// PHP's `max_input_nesting_level`: a variable that is nested deeper is dropped.
const INPUT_NESTING_MAX: usize = 64;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Php {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Array(PhpArray),
    /// An object without public properties: `{}` in JSON, as some dates of `user.get` are.
    Object,
}

/// A key of an array: a text that looks like a whole number is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Int(i64),
    Text(String),
}

/// An ordered map that is a list when its keys happen to be 0, 1, 2 …
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PhpArray {
    entries: Vec<(Key, Php)>,
}

impl Key {
    /// The key that PHP makes of a text: `"7"` is the number, `"07"` and `"-0"` are texts.
    pub(crate) fn new(text: &str) -> Self {
        match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Self::Int(number),
            _ => Self::Text(text.to_owned()),
        }
    }

    /// The key as text.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl PhpArray {
    pub(crate) fn list(values: impl IntoIterator<Item = Php>) -> Self {
        let entries = values
            .into_iter()
            .zip(0..)
            .map(|(value, index)| (Key::Int(index), value))
            .collect();
        Self { entries }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Php)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Php> {
        self.entries.iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    /// The value under a key, or nothing when it is missing or null: PHP's `isset`.
    pub(crate) fn given(&self, key: &str) -> Option<&Php> {
        self.get(&Key::new(key)).filter(|value| !matches!(value, Php::Null))
    }

    pub(crate) fn set(&mut self, key: Key, value: Php) {
        match self.entries.iter_mut().find(|(own, _)| *own == key) {
            Some((_, place)) => *place = value,
            None => self.entries.push((key, value)),
        }
    }

    pub(crate) fn put(&mut self, key: &str, value: impl Into<Php>) {
        self.set(Key::new(key), value.into());
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Php> {
        let key = Key::new(key);
        let position = self.entries.iter().position(|(own, _)| *own == key)?;
        Some(self.entries.remove(position).1)
    }

    /// `array_change_key_case(…, CASE_UPPER)`: of two keys that become one, the later value wins.
    pub(crate) fn upper_case_keys(&self) -> Self {
        let mut upper = Self::default();
        for (key, value) in self.iter() {
            let key = match key {
                Key::Int(number) => Key::Int(*number),
                Key::Text(text) => Key::Text(text.to_uppercase()),
            };
            upper.set(key, value.clone());
        }
        upper
    }

    /// `array_replace`: the other's values over mine.
    pub(crate) fn replace_with(&mut self, other: Self) {
        for (key, value) in other.entries {
            self.set(key, value);
        }
    }

    fn next_index(&self) -> i64 {
        let highest = self.entries.iter().filter_map(|(key, _)| match key {
            Key::Int(number) => Some(*number),
            Key::Text(_) => None,
        });
        highest.max().map_or(0, |number| number.saturating_add(1).max(0))
    }

    fn child(&mut self, key: Key) -> &mut Self {
        let position = self.entries.iter().position(|(own, _)| *own == key).unwrap_or_else(|| {
            self.entries.push((key, Php::Null));
            self.entries.len() - 1
        });
        let place = &mut self.entries[position].1;
        if !matches!(place, Php::Array(_)) {
            *place = Php::Array(Self::default());
        }
        match place {
            Php::Array(array) => array,
            _ => unreachable!("it was made an array just above"),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let is_list = self
            .entries
            .iter()
            .zip(0..)
            .all(|((key, _), index)| *key == Key::Int(index));
        if is_list {
            return Value::Array(self.entries.iter().map(|(_, value)| value.to_json()).collect());
        }
        let members = self.entries.iter().map(|(key, value)| (key.to_text(), value.to_json()));
        Value::Object(members.collect::<Map<_, _>>())
    }
}

impl FromIterator<(Key, Php)> for PhpArray {
    fn from_iter<T: IntoIterator<Item = (Key, Php)>>(pairs: T) -> Self {
        let mut array = Self::default();
        for (key, value) in pairs {
            array.set(key, value);
        }
        array
    }
}

impl Php {
    /// `json_decode` into arrays.
    pub(crate) fn from_json(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(truth),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => Self::Float(number.as_f64().unwrap_or(f64::INFINITY)),
            },
            Value::String(text) => Self::Text(text),
            Value::Array(values) => Self::Array(PhpArray::list(values.into_iter().map(Self::from_json))),
            Value::Object(members) => {
                // Turning texts into keys never makes two of them equal, so no search for duplicates is needed.
                let entries = members
                    .into_iter()
                    .map(|(key, value)| (Key::new(&key), Self::from_json(value)));
                Self::Array(PhpArray {
                    entries: entries.collect(),
                })
            }
        }
    }

    /// `json_encode`: an array is a list exactly when its keys are 0 … n-1; a whole float has no fraction.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Int(number) => Value::from(*number),
            Self::Float(number) => whole(*number)
                .map(Value::from)
                .or_else(|| Number::from_f64(*number).map(Value::Number))
                .unwrap_or(Value::Null),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Array(array) => array.to_json(),
            Self::Object => Value::Object(Map::new()),
        }
    }

    pub(crate) fn as_array(&self) -> Option<&PhpArray> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }

    /// `(bool)`.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty() && text != "0",
            Self::Array(array) => !array.is_empty(),
            Self::Object => true,
        }
    }

    /// `(int)`: the numeric beginning of a text, 1 for an array with anything in it.
    pub(crate) fn to_int(&self) -> i64 {
        match self {
            Self::Null => 0,
            Self::Bool(truth) => i64::from(*truth),
            Self::Int(number) => *number,
            Self::Float(number) => truncated(*number),
            Self::Text(text) => leading_int(text),
            Self::Array(array) => i64::from(!array.is_empty()),
            Self::Object => 1,
        }
    }

    /// `(string)`.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Null | Self::Bool(false) => String::new(),
            Self::Bool(true) => "1".to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Array(_) => "Array".to_owned(),
            Self::Object => "Object".to_owned(),
        }
    }
}

impl From<&str> for Php {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Php {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Php {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Php {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Php {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<PhpArray> for Php {
    fn from(array: PhpArray) -> Self {
        Self::Array(array)
    }
}

impl<T: Into<Self>> From<Option<T>> for Php {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e15).then(|| truncated(number))
}

#[expect(clippy::cast_possible_truncation, reason = "cutting off is what PHP's cast does")]
fn truncated(number: f64) -> i64 {
    number as i64
}

fn leading_int(text: &str) -> i64 {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let before = digits(unsigned);
    let mut end = before;
    let after = unsigned[end..]
        .strip_prefix('.')
        .map_or(0, |fraction| digits(fraction) + 1);
    if before + after.saturating_sub(1) == 0 {
        return 0;
    }
    end += after;
    if let Some(exponent) = unsigned[end..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let power = digits(&exponent[sign..]);
        if power > 0 {
            end += 1 + sign + power;
        }
    }
    let number = &text[..end + (text.len() - unsigned.len())];
    number
        .parse()
        .unwrap_or_else(|_| truncated(number.parse::<f64>().unwrap_or_default()))
}

/// `parse_str`: a query string or a form body as nested arrays.
pub(crate) fn parse_query(query: &str) -> PhpArray {
    let mut variables = PhpArray::default();
    for part in query
        .split('&')
        .filter(|part| !part.is_empty())
        .take(INPUT_VARIABLES_MAX)
    {
        // The first `=` ends the name, even inside brackets: `filter[=EMAIL]=x` names the variable `filter[`.
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        set_variable(&mut variables, &url_decoded(name), Php::Text(url_decoded(value)));
    }
    variables
}

/// `urldecode`: bytes that are no UTF-8 become the replacement character.
pub(crate) fn url_decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned()
}

fn set_variable(variables: &mut PhpArray, name: &str, value: Php) {
    let name = name.trim_start_matches(' ');
    let (base, mut rest) = name.split_at(name.find('[').unwrap_or(name.len()));
    if base.is_empty() {
        return;
    }
    let mut base = base.replace([' ', '.'], "_");
    let mut path: Vec<Option<&str>> = Vec::new();
    while let Some(inner) = rest.strip_prefix('[') {
        let Some(end) = inner.find(']') else {
            if path.is_empty() {
                base.push('_');
                base.push_str(&inner.replace([' ', '.', '['], "_"));
            }
            break;
        };
        let index = &inner[..end];
        path.push((!matches!(index, "" | " ")).then_some(index));
        rest = &inner[end + 1..];
    }
    if path.len() > INPUT_NESTING_MAX {
        return;
    }
    let mut array = variables;
    let mut key = Key::new(&base);
    for index in path {
        array = array.child(key);
        key = index.map_or_else(|| Key::Int(array.next_index()), Key::new);
    }
    array.set(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(query: &str) -> Value {
        parse_query(query).to_json()
    }

    #[test]
    fn query_strings_become_the_arrays_that_php_makes() {
        let cases = [
            ("a=1&b=2", json!({"a": "1", "b": "2"})),
            ("filter%5B%3DEMAIL%5D=x", json!({"filter": {"=EMAIL": "x"}})),
            ("filter[=EMAIL]=x", json!({"filter_": "EMAIL]=x"})),
            ("filter[>ID]=5", json!({"filter": {">ID": "5"}})),
            ("x[0]=a&x[1]=b", json!({"x": ["a", "b"]})),
            ("x[]=a&x[]=b", json!({"x": ["a", "b"]})),
            ("x[1]=a", json!({"x": {"1": "a"}})),
            ("x[1]=a&x[0]=b", json!({"x": {"1": "a", "0": "b"}})),
            ("x[5]=a&x[]=b", json!({"x": {"5": "a", "6": "b"}})),
            ("a[b][c]=1&a[b][d]=2", json!({"a": {"b": {"c": "1", "d": "2"}}})),
            ("a=1&a[b]=2", json!({"a": {"b": "2"}})),
            ("a[b]c=1", json!({"a": {"b": "1"}})),
            ("a[b][c=1", json!({"a": {"b": "1"}})),
            ("a.b c=1&d[e.f]=2", json!({"a_b_c": "1", "d": {"e.f": "2"}})),
            ("[a]=1&=2&+a=3", json!({"a": "3"})),
            ("a=b+c%2Bd&e", json!({"a": "b c+d", "e": ""})),
            ("a=1&a=2", json!({"a": "2"})),
            ("", json!([])),
        ];
        for (query, expected) in cases {
            assert_eq!(parsed(query), expected, "{query}");
        }
    }

    #[test]
    fn variables_beyond_a_thousand_or_too_deep_are_dropped() {
        let many = (0..1200)
            .map(|index| format!("v{index}=1"))
            .collect::<Vec<_>>()
            .join("&");
        assert_eq!(parse_query(&many).len(), 1000);
        assert!(parse_query(&format!("a{}=1", "[x]".repeat(65))).is_empty());
        assert!(!parse_query(&format!("a{}=1", "[x]".repeat(64))).is_empty());
    }

    #[test]
    fn casts_to_whole_numbers_read_the_numeric_beginning() {
        let cases = [
            ("12abc", 12),
            ("abc", 0),
            ("", 0),
            (" 7", 7),
            ("-3x", -3),
            ("1e3", 1000),
            ("1.9", 1),
            (".5", 0),
            ("1e", 1),
            ("0x1A", 0),
            ("+", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(Php::from(text).to_int(), expected, "{text:?}");
        }
        assert_eq!(Php::Array(PhpArray::default()).to_int(), 0);
        assert_eq!(Php::Array(PhpArray::list([Php::Int(9)])).to_int(), 1);
    }

    #[test]
    fn truth_is_php_truth() {
        for (value, expected) in [
            (Php::from("0"), false),
            (Php::from(""), false),
            (Php::from("false"), true),
            (Php::from("0.0"), true),
            (Php::Float(0.0), false),
            (Php::Array(PhpArray::default()), false),
            (Php::Array(PhpArray::list([Php::from("N")])), true),
        ] {
            assert_eq!(value.is_truthy(), expected, "{value:?}");
        }
    }

    #[test]
    fn an_array_is_a_json_list_exactly_when_its_keys_count_from_zero() {
        let of = |keys: &[&str]| -> PhpArray { keys.iter().map(|key| (Key::new(key), Php::Int(1))).collect() };
        assert_eq!(of(&[]).to_json(), json!([]));
        assert_eq!(of(&["0", "1"]).to_json(), json!([1, 1]));
        assert_eq!(of(&["1"]).to_json(), json!({"1": 1}));
        assert_eq!(of(&["00"]).to_json(), json!({"00": 1}));
        assert_eq!(of(&["k"]).to_json(), json!({"k": 1}));
    }

    #[test]
    fn a_whole_float_loses_its_fraction_in_json() {
        assert_eq!(Php::Float(2.0).to_json(), json!(2));
        assert_eq!(Php::Float(2.5).to_json(), json!(2.5));
    }
}
