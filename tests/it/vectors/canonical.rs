//! Canonical JSON: the examples of RFC 8785's authors, and made-up values against a second implementation.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value};

#[test]
fn the_published_examples_come_out_as_published() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/json");
    let mut seen = 0;
    for input in fs::read_dir(folder.join("input")).unwrap() {
        let input = input.unwrap().path();
        let value: Value = serde_json::from_slice(&fs::read(&input).unwrap()).unwrap();
        let expected = fs::read_to_string(folder.join("output").join(input.file_name().unwrap())).unwrap();
        assert_eq!(
            serde_json_canonicalizer::to_string(&value).unwrap(),
            expected.trim_end_matches('\n'),
            "{}",
            input.display()
        );
        seen += 1;
    }
    assert_eq!(seen, 6);
}

/// Strings with what is escaped, what sorts differently in UTF-8 and UTF-16, and anything else.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\u{0}-\u{1f}\"\\\\/\u{7f}-\u{a0}]{0,6}",
        "[a\u{e000}-\u{f8ff}\u{fb33}\u{1f600}\u{10ffff}\u{2028}]{0,4}",
    ]
}

/// What a body may hold: no fractions, and whole numbers that a double holds exactly.
fn value() -> impl Strategy<Value = Value> {
    const EXACT: i64 = (1 << 53) - 1;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-EXACT..=EXACT).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..6).prop_map(|fields| Value::from(Map::from_iter(fields))),
        ]
    })
}

proptest! {
    #[test]
    fn two_implementations_agree_on_everything_that_a_body_may_hold(value in value()) {
        let ours = serde_json_canonicalizer::to_string(&value).unwrap();
        prop_assert_eq!(&ours, &serde_jcs::to_string(&value).unwrap());
        let again: Value = serde_json::from_str(&ours).unwrap();
        prop_assert_eq!(serde_json_canonicalizer::to_string(&again).unwrap(), ours);
        prop_assert_eq!(again, value);
    }
}
