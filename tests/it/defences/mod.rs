//! That the tables of defences are whole, and still say what the sources say. `cargo test --test defences` takes them out.

pub(crate) mod tables;

use std::collections::BTreeSet;
use std::path::Path;

use tables::{TRAPS, all};

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

#[test]
fn every_trap_has_a_defence_and_each_defence_is_against_one_thing() {
    let traps: Vec<String> = TRAPS.iter().map(|defence| defence.against.to_owned()).collect();
    let expected: Vec<String> = (1..=45)
        .filter(|number| *number != 33)
        .map(|number| format!("trap {number}"))
        .collect();
    assert_eq!(traps, expected);
    let mut seen = BTreeSet::new();
    for defence in all() {
        assert!(seen.insert(defence.against), "{} is there twice", defence.against);
        assert!(
            !defence.by.is_empty() && !defence.without.is_empty(),
            "{}",
            defence.against
        );
    }
}

#[test]
fn every_defence_stands_where_its_table_says() {
    for defence in all() {
        for removal in defence.without {
            let found = read(removal.file).matches(removal.code).count();
            assert_eq!(
                found, 1,
                "{}: in {} this is found {found} times:\n{}",
                defence.against, removal.file, removal.code
            );
            assert_ne!(removal.code, removal.becomes, "{}", defence.against);
        }
    }
}

#[test]
fn every_defence_has_a_test_of_that_name() {
    for defence in all() {
        let (folder, path) = defence
            .test
            .strip_prefix("lib ")
            .map_or(("tests/it", defence.test), |path| ("src", path));
        let (modules, name) = path.rsplit_once("::").unwrap();
        let modules = modules
            .strip_suffix("::tests")
            .filter(|_| folder == "src")
            .unwrap_or(modules);
        let file = format!("{folder}/{}", modules.replace("::", "/"));
        let candidates = [
            format!("{file}.rs"),
            format!("{file}/mod.rs"),
            format!("{file}/tests.rs"),
        ];
        let there = candidates
            .iter()
            .filter(|file| Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists())
            .any(|file| {
                let text = read(file);
                let indent = if folder == "src" { "    " } else { "" };
                [("test", "fn"), ("tokio::test", "async fn")]
                    .iter()
                    .any(|(test, function)| text.contains(&format!("#[{test}]\n{indent}{function} {name}(")))
            });
        assert!(there, "{}: there is no test {}", defence.against, defence.test);
    }
}
