//! The schemas of what `--json` prints. That every output of these tests is as its schema says is looked at where commands are run: in
//! `support::Desk`.

use std::collections::BTreeSet;

use offboard24::sandbox::World;
use serde_json::{Value, json};

use crate::support::schemas::{OF_COMMANDS, SHARED, texts, wrong};
use crate::support::{Desk, HOW_TO, Portal};

#[test]
fn every_schema_is_one_and_every_command_has_one() {
    let texts = texts();
    for (name, schema) in &texts {
        let valid = jsonschema::meta::validate(schema);
        assert!(valid.is_ok(), "{name}: {valid:?}");
        assert!(
            schema["$id"].as_str().unwrap().ends_with(&format!("/schemas/{name}")),
            "{name}"
        );
    }
    let used: BTreeSet<&str> = OF_COMMANDS
        .iter()
        .flat_map(|(_, schemas)| schemas.iter().copied())
        .collect();
    let others = [SHARED, "audit-log-line.json"];
    let there: BTreeSet<&str> = texts
        .keys()
        .map(String::as_str)
        .filter(|name| !others.contains(name))
        .collect();
    assert_eq!(used, there);

    // The manual has a page for each command.
    let desk = Desk::with_webhook("");
    let pages = desk.run(&["man", "-o", "pages", "--json"]).expect(0).json();
    let pages: BTreeSet<String> = pages["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file.as_str().unwrap().to_owned())
        .collect();
    let page = |command: &str| format!("pages/offboard24-{}.1", command.replace(' ', "-"));
    let with_schema: BTreeSet<String> = OF_COMMANDS.iter().map(|(command, _)| page(command)).collect();
    let groups = ["audit", "audit key", "config"].map(page);
    let main = "pages/offboard24.1".to_owned();
    let leaves: BTreeSet<String> = pages
        .into_iter()
        .filter(|file| !groups.contains(file) && *file != main)
        .collect();
    assert_eq!(leaves, with_schema);
}

/// Every object of a schema that has properties of ours, with its place.
fn objects<'a>(place: &str, schema: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    if let Value::Object(fields) = schema {
        if fields.contains_key("properties") {
            found.push((place.to_owned(), schema));
        }
        for (name, inner) in fields {
            objects(&format!("{place}/{name}"), inner, found);
        }
    } else if let Value::Array(items) = schema {
        for (number, inner) in items.iter().enumerate() {
            objects(&format!("{place}/{number}"), inner, found);
        }
    }
}

#[test]
fn no_schema_lets_a_field_through_that_it_does_not_know() {
    for (name, schema) in &texts() {
        let mut found = Vec::new();
        objects(name, schema, &mut found);
        for (place, object) in found {
            // Open on purpose: what refers to it closes it.
            let is_base = place == "common.json/$defs/status";
            let is_closed = object["additionalProperties"] == false || object["unevaluatedProperties"] == false;
            assert!(is_closed != is_base, "{place}");
        }
    }
}

#[test]
fn a_new_field_a_lost_field_and_another_type_do_not_fit() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    desk.plan(&desk.roster(HOW_TO), "kill");
    for (command, schema) in [("status", "status.json"), ("show", "show.json"), ("jobs", "jobs.json")] {
        let object = desk.run(&[command, "--json"]).expect(0).json();
        assert_eq!(wrong(schema, &object), Vec::<String>::new());
        let inner = match command {
            "status" => "",
            "show" => "/list/actions/0",
            _ => "/jobs/0",
        };
        let mut more = object.clone();
        more.pointer_mut(inner).unwrap()["colour"] = json!("red");
        let mut less = object.clone();
        let fields = less.pointer_mut(inner).unwrap().as_object_mut().unwrap();
        fields.remove("state").unwrap();
        let mut other = object.clone();
        other.pointer_mut(inner).unwrap()["state"] = json!(7);
        for changed in [more, less, other] {
            assert!(!wrong(schema, &changed).is_empty(), "{schema}: {changed}");
        }
    }
}
