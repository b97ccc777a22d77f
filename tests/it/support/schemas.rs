//! The schemas of `schemas/`, and every output of `--json` held against them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use jsonschema::{Registry, Validator};
use serde_json::Value;

/// What several schemas use, and what prints nothing by itself.
pub(crate) const SHARED: &str = "common.json";

/// The commands and their schemas. Where there are two, the output is of one of them.
pub(crate) const OF_COMMANDS: &[(&str, &[&str])] = &[
    ("demo", &["status.json"]),
    ("check", &["check.json"]),
    ("plan", &["status.json"]),
    ("show", &["show.json"]),
    ("decide", &["status.json"]),
    ("approve", &["status.json"]),
    ("apply", &["status.json"]),
    ("run", &["status.json"]),
    ("resume", &["status.json"]),
    ("status", &["status.json"]),
    ("stop", &["stop.json"]),
    ("report", &["report.json", "report-document.json"]),
    ("jobs", &["jobs.json"]),
    ("audit log", &["failure.json"]),
    ("audit prove", &["audit-prove.json"]),
    ("audit verify", &["audit-verify.json"]),
    ("audit export", &["audit-export.json"]),
    ("audit checkpoint", &["audit-checkpoint.json"]),
    ("audit key show", &["audit-key-show.json"]),
    ("audit key rotate", &["audit-key-rotate.json"]),
    ("audit redact", &["audit-redact.json"]),
    ("sandbox", &["sandbox.json"]),
    ("config explain", &["config-explain.json"]),
    ("completions", &["completions.json"]),
    ("man", &["man.json"]),
];

/// What `audit log --json-lines` prints on each line; `status --watch` prints its object.
const LINE: &str = "audit-log-line.json";

/// The texts of all schemas, by the names of their files.
pub(crate) fn texts() -> BTreeMap<String, Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect()
}

fn validators() -> &'static BTreeMap<String, Validator> {
    static VALIDATORS: OnceLock<BTreeMap<String, Validator>> = OnceLock::new();
    VALIDATORS.get_or_init(|| {
        let texts = texts();
        let registry = texts.values().fold(Registry::new(), |registry, schema| {
            registry.add(schema["$id"].as_str().unwrap(), schema.clone()).unwrap()
        });
        let registry = registry.prepare().unwrap();
        let options = jsonschema::options().with_registry(&registry);
        let made = texts.iter().filter(|(name, _)| *name != SHARED);
        made.map(|(name, schema)| (name.clone(), options.build(schema).unwrap()))
            .collect()
    })
}

/// What is wrong with an object by a schema.
pub(crate) fn wrong(schema: &str, object: &Value) -> Vec<String> {
    let errors = validators()[schema].iter_errors(object);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The schemas of what these arguments print.
fn of(arguments: &[&str]) -> Option<&'static [&'static str]> {
    let words: Vec<&str> = arguments
        .iter()
        .copied()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let line = words.join(" ");
    let fits = |command: &str| line == command || line.starts_with(&format!("{command} "));
    let found = OF_COMMANDS.iter().find(|(command, _)| fits(command));
    found.map(|(_, schemas)| *schemas)
}

/// Panics unless what was printed is as its schema says. Without the arguments, or where they are no command's, any schema will do. What is
/// no JSON, or was cut off, is not judged here.
#[track_caller]
pub(crate) fn check(printed: &str, arguments: Option<&[&str]>) {
    let is_object = |text: &str| serde_json::from_str(text).ok().filter(Value::is_object);
    if let Some(object) = is_object(printed) {
        check_object(&object, arguments.and_then(of));
    } else {
        for line in printed.lines().filter_map(is_object) {
            check_object(&line, Some(&[LINE, "status.json"]));
        }
    }
}

#[track_caller]
fn check_object(object: &Value, schemas: Option<&[&str]>) {
    match schemas {
        // One line of a log is an object, too.
        _ if object.get("leaf").is_some() => {
            let wrong = wrong(LINE, object);
            assert!(wrong.is_empty(), "{LINE}: {wrong:#?}\n{object}");
        }
        Some(schemas) => {
            let wrong: Vec<Vec<String>> = schemas.iter().map(|schema| wrong(schema, object)).collect();
            let fits = wrong.iter().any(Vec::is_empty);
            assert!(fits, "{schemas:?}: {wrong:#?}\n{object:#}");
        }
        None => {
            let fits = validators().values().any(|validator| validator.is_valid(object));
            assert!(fits, "no schema has this:\n{object:#}");
        }
    }
}
