//! The bytes of an answer as JSON that has one meaning.
//!
//! Of two fields with one name some parsers take the first and some the last, so that an answer with both says nothing that could be
//! relied on; no portal writes one. And an object is what it is: the JSON library's own way into a `Value` takes an object with one of
//! its private names for the JSON inside a text, so that something else than `true` would be read as `true`. Not responsible for what an
//! answer means.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a whole body.
///
/// # Errors
///
/// It is no JSON, something follows it, or a name stands twice in one object.
pub(super) fn read(body: &[u8]) -> serde_json::Result<Value> {
    let mut reading = serde_json::Deserializer::from_slice(body);
    let value = Plain.deserialize(&mut reading)?;
    reading.end()?;
    Ok(value)
}

/// Any value, as it stands.
struct Plain;

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reading: D) -> Result<Value, D::Error> {
        reading.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::from(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Plain)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let value = object.next_value_seed(Plain)?;
            if fields.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_with_a_name_twice_says_nothing() {
        for body in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": {"k0": false, "k0": true}}"#,
            r#"[{"k0": 1, "\u006b0": 2}]"#,
        ] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
        assert_eq!(read(br#" [{"a": 1}, {"a": 2}] "#).unwrap(), json!([{"a": 1}, {"a": 2}]));
    }

    #[test]
    fn an_object_is_no_text_whatever_its_names_are() {
        for name in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
            let body = json!({ name: "true" });
            assert_eq!(read(body.to_string().as_bytes()).unwrap(), body);
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "true false",
            "{} ",
            "nul",
            "[1,]",
            "\u{feff}{}",
            "1e999",
            "\"\\ud800\"",
            &deep,
        ] {
            let is_json = body == "{} ";
            assert_eq!(read(body.as_bytes()).is_ok(), is_json, "{body:.20}");
        }
        assert!(read(b"\"\xff\"").is_err());
    }

    proptest! {
        #[test]
        fn a_body_is_read_as_it_was_written(
            texts in proptest::collection::hash_map(any::<String>(), any::<String>(), 0..4),
            (whole, below, fraction, flag) in any::<(u64, i64, f64, bool)>(),
        ) {
            let body = json!({"texts": texts, "list": [whole, below, fraction, flag, null, [], {}]});
            prop_assert_eq!(read(body.to_string().as_bytes()).unwrap(), body);
        }
    }
}
