//! The parts of `batch` that need no time and no world: splitting a command, replacing `$result[…]`, and the five maps.
//!
//! Pure. What it does wrong, on purpose: a path that does not exist stops at the deepest part that does, so that "nobody
//! found" becomes an empty array and a filter becomes no filter. Section 7 of the protocol notes.

use super::behaviour::EmptyMaps;
use super::call::Answer;
use super::php::{Key, Php, PhpArray};

/// How many commands a batch may have.
pub(crate) const COMMANDS_MAX: usize = 50;

/// The roots that a reference can begin with.
const ROOTS: [&str; 5] = ["result", "next", "total", "time", "error"];

/// Splits a command as `parse_url` does: method and query. A malformed one has no method.
pub(crate) fn split_command(command: &str) -> (String, String) {
    let clean: String = command
        .chars()
        .map(|letter| if letter.is_ascii_control() { '_' } else { letter })
        .collect();
    let whole = clean.split('#').next().unwrap_or_default();
    let (path, query) = whole.split_once('?').unwrap_or((whole, ""));
    let malformed = path.starts_with("//") || path.contains(':');
    (
        if malformed { String::new() } else { path.to_owned() },
        query.to_owned(),
    )
}

/// What the commands of a batch have answered so far.
#[derive(Debug, Default)]
pub(crate) struct Maps {
    maps: [PhpArray; 5],
}

impl Maps {
    /// Puts a command's answer under its key.
    pub(crate) fn record(&mut self, key: &Key, answer: &Answer, time: Option<PhpArray>) {
        let [result, next, total, times, error] = &mut self.maps;
        match answer {
            Ok(success) => {
                result.set(key.clone(), success.result.clone());
                if let Some(number) = success.next {
                    next.set(key.clone(), Php::Int(number));
                }
                if let Some(number) = success.total {
                    total.set(key.clone(), Php::Int(number));
                }
                if let Some(time) = time {
                    times.set(key.clone(), Php::Array(time));
                }
            }
            Err(refusal) => error.set(key.clone(), Php::Array(refusal.to_php())),
        }
    }

    /// The batch's own result.
    pub(crate) fn into_result(self, empty: EmptyMaps) -> PhpArray {
        let written = |map: PhpArray| match empty {
            EmptyMaps::Object if map.is_empty() => Php::Object,
            _ => Php::Array(map),
        };
        let [result, next, total, time, error] = self.maps.map(written);
        let mut all = PhpArray::default();
        all.put("result", result);
        all.put("result_error", error);
        all.put("result_total", total);
        all.put("result_next", next);
        all.put("result_time", time);
        all
    }

    /// Replaces the references in a command's parameters.
    pub(crate) fn substitute(&self, params: &PhpArray) -> PhpArray {
        params
            .iter()
            .map(|(key, value)| {
                let value = match value {
                    Php::Array(inner) => Php::Array(self.substitute(inner)),
                    Php::Text(text) => self.substitute_text(text),
                    other => other.clone(),
                };
                (key.clone(), value)
            })
            .collect()
    }

    fn substitute_text(&self, text: &str) -> Php {
        let mut replaced = text.to_owned();
        for reference in references(text) {
            let path = segments(reference.path);
            if path.is_empty() {
                continue;
            }
            let value = self.resolve(reference.root, &path);
            if reference.whole == text {
                return value;
            }
            // Inside a longer text only texts and numbers are put in.
            match value {
                Php::Text(_) | Php::Int(_) | Php::Float(_) => {
                    replaced = replaced.replace(reference.whole, &value.to_text());
                }
                _ => {}
            }
        }
        Php::Text(replaced)
    }

    /// Follows a path as far as it goes. A root in another case is missing, and the value is null.
    fn resolve(&self, root: &str, path: &[&str]) -> Php {
        let Some(index) = ROOTS.iter().position(|own| *own == root) else {
            return Php::Null;
        };
        let mut value = Php::Array(self.maps[index].clone());
        for segment in path {
            let next = match &value {
                Php::Array(array) => array.given(segment).cloned(),
                Php::Text(text) => letter_at(text, segment),
                _ => None,
            };
            match next {
                Some(next) => value = next,
                None => break,
            }
        }
        value
    }
}

struct Reference<'a> {
    whole: &'a str,
    root: &'a str,
    path: &'a str,
}

/// Finds `$` + root + everything up to the next blank, in any case.
fn references(text: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let after = &rest[dollar + 1..];
        let root = ROOTS.iter().find_map(|root| {
            let head = after.get(..root.len())?;
            head.eq_ignore_ascii_case(root).then_some(head)
        });
        let Some(root) = root else {
            rest = after;
            continue;
        };
        let end = after
            .find(|letter: char| letter.is_ascii_whitespace())
            .unwrap_or(after.len());
        found.push(Reference {
            whole: &rest[dollar..=dollar + end],
            root,
            path: &after[root.len()..end],
        });
        rest = &after[end..];
    }
    found
}

/// The contents of each `[…]`, wherever in the path they are.
fn segments(path: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    let mut rest = path;
    while let Some(open) = rest.find('[') {
        let after = &rest[open + 1..];
        match after.find(']') {
            Some(0) => rest = after,
            Some(close) => {
                segments.push(&after[..close]);
                rest = &after[close + 1..];
            }
            None => break,
        }
    }
    segments
}

/// PHP lets a text be read like an array of bytes.
fn letter_at(text: &str, index: &str) -> Option<Php> {
    match Key::new(index) {
        Key::Int(index) => {
            let letter = text.get(usize::try_from(index).ok()?..)?.chars().next()?;
            Some(Php::Text(letter.to_string()))
        }
        Key::Text(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::{Refusal, Success};
    use super::super::php::parse_query;
    use super::*;
    use serde_json::{Value, json};

    fn maps(answers: &[(&str, Result<Value, ()>)]) -> Maps {
        let mut maps = Maps::default();
        for (key, answer) in answers {
            let answer = match answer {
                Ok(value) => Ok(Success::plain(Php::from_json(value.clone()))),
                Err(()) => Err(Refusal::new(400, "", "Not found")),
            };
            maps.record(&Key::new(key), &answer, None);
        }
        maps
    }

    fn substituted(maps: &Maps, value: &str) -> Value {
        let mut params = PhpArray::default();
        params.put("x", value);
        maps.substitute(&params).to_json()["x"].clone()
    }

    #[test]
    fn a_command_is_split_as_php_splits_urls() {
        let cases = [
            ("user.get?ID=1", ("user.get", "ID=1")),
            ("user.get", ("user.get", "")),
            ("user.get?a=1#b&c=2", ("user.get", "a=1")),
            ("user.get?a=x?y:z", ("user.get", "a=x?y:z")),
            ("//user.get?a=1", ("", "a=1")),
            ("user.get?a=1\n2", ("user.get", "a=1_2")),
        ];
        for (command, (method, query)) in cases {
            assert_eq!(
                split_command(command),
                (method.to_owned(), query.to_owned()),
                "{command}"
            );
        }
    }

    #[test]
    fn a_missing_path_stops_at_the_deepest_part_that_exists() {
        let user = json!({"ID": "7", "NAME": "Ann"});
        let cases = [
            (maps(&[("u", Ok(json!([user])))]), "$result[u][0][ID]", json!("7")),
            (maps(&[("u", Ok(json!([])))]), "$result[u][0][ID]", json!([])),
            (maps(&[("u", Err(()))]), "$result[u][0][ID]", json!([])),
            (
                maps(&[("0", Ok(json!([user]))), ("1", Err(()))]),
                "$result[1][0][ID]",
                json!([[user]]),
            ),
            (
                maps(&[("a", Ok(json!([user]))), ("u", Err(()))]),
                "$result[u][0][ID]",
                json!({"a": [user]}),
            ),
            (maps(&[("u", Ok(json!([user])))]), "$result[u][0][EMIAL]", user.clone()),
            (maps(&[("u", Ok(json!([user])))]), "$RESULT[u][0][ID]", Value::Null),
        ];
        for (maps, reference, expected) in cases {
            assert_eq!(substituted(&maps, reference), expected, "{reference} in {maps:?}");
        }
    }

    #[test]
    fn a_reference_in_a_longer_text_is_replaced_by_texts_and_numbers_only() {
        let maps = maps(&[
            ("u", Ok(json!([{"ID": "7"}]))),
            ("n", Ok(json!(3))),
            ("s", Ok(json!("2026"))),
        ]);
        for (text, expected) in [
            ("id $result[u][0][ID] end", json!("id 7 end")),
            ("n=$result[n]", json!("n=3")),
            ("all $result[u]", json!("all $result[u]")),
            ("$result[s][3]", json!("6")),
            ("$100 or $result", json!("$100 or $result")),
            ("$results[u]", json!([{"ID": "7"}])),
            ("no $Result[n] here", json!("no $Result[n] here")),
        ] {
            assert_eq!(substituted(&maps, text), expected, "{text}");
        }
    }

    #[test]
    fn encoded_references_are_replaced_as_well() {
        let maps = maps(&[("u", Ok(json!("7")))]);
        let params = parse_query("STATUS=%24result%5Bu%5D&filter[USER_ID]=$result[u]");
        assert_eq!(
            maps.substitute(&params).to_json(),
            json!({"STATUS": "7", "filter": {"USER_ID": "7"}})
        );
    }

    #[test]
    fn each_map_has_its_own_shape() {
        let maps = maps(&[("0", Ok(json!(true))), ("1", Err(())), ("2", Ok(json!(null)))]);
        assert_eq!(
            maps.into_result(EmptyMaps::Array).to_json(),
            json!({"result": {"0": true, "2": null}, "result_error": {"1": {"error": "", "error_description": "Not found"}},
                "result_total": [], "result_next": [], "result_time": []})
        );
        let errors = self::maps(&[("0", Err(())), ("1", Err(()))])
            .into_result(EmptyMaps::Array)
            .to_json();
        assert!(errors["result_error"].is_array() && errors["result"].is_array());
    }
}
