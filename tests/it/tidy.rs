//! The rules of the shape (design section 3), read off the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may name, besides `std`, packages and itself. `crate::` paths only: everything else does not compile.
const ARROWS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("crash", &[]),
    ("domain", &[]),
    ("exit", &[]),
    ("files", &[]),
    ("hex", &[]),
    ("lock", &[]),
    ("mistake", &[]),
    ("paths", &["domain", "files"]),
    ("personal", &[]),
    ("roster", &["domain", "hex", "personal"]),
    ("portal", &["clock", "domain", "hex", "personal"]),
    ("journal", &["clock", "domain", "files", "hex", "lock", "personal"]),
    ("plan", &["domain", "hex", "journal", "personal", "portal", "roster"]),
    (
        "run",
        &["clock", "domain", "journal", "mistake", "personal", "plan", "portal"],
    ),
    ("report", &["domain", "exit", "journal", "personal", "plan"]),
    ("sandbox", &[]),
    (
        "cli",
        &[
            "clock", "domain", "exit", "files", "hex", "journal", "lock", "paths", "personal", "plan", "portal",
            "report", "roster", "run", "sandbox",
        ],
    ),
];

/// What may be named in one place only: a text of the sources, and the files or folders that may hold it.
const ONE_PLACE: &[(&str, &[&str])] = &[
    ("reqwest", &["src/portal/http.rs"]),
    ("backoff::", &["src/portal/retry.rs"]),
    ("rusqlite", &["src/journal/"]),
    ("println!", &[]),
    ("eprintln!", &[]),
    ("print!(", &[]),
    ("io::stdout()", &["src/cli/terminal.rs"]),
    ("io::stderr()", &["src/cli/terminal.rs"]),
    ("clap::", &["src/cli/"]),
    ("Destroyer::new", &["src/cli/execution.rs", "src/portal/"]),
    ("SystemTime::now", &["src/sandbox/"]),
    ("Utc::now", &["src/clock.rs", "src/sandbox/"]),
];

fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).unwrap();
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The sources without comments: a comment may name what code may not.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The name of the module that a file belongs to: the folder or file below `src`.
fn module(file: &str) -> &str {
    let below = file.strip_prefix("src/").unwrap();
    below
        .split_once('/')
        .map_or_else(|| below.strip_suffix(".rs").unwrap(), |(folder, _)| folder)
}

/// Every first segment behind `crate::`, also in groups such as `crate::{a, b::c}`.
fn named(code: &str) -> Vec<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut names = Vec::new();
    for (place, _) in code.match_indices("crate::") {
        let rest = &code[place + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = &group[..group.find("};").unwrap_or(group.len())];
                names.extend(
                    group
                        .split(',')
                        .map(|part| word(part.trim()))
                        .filter(|name| !name.is_empty()),
                );
            }
            None => names.push(word(rest)),
        }
    }
    names
}

#[test]
fn modules_use_each_other_only_along_the_arrows() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    for (file, text) in sources(&root().join("src")) {
        let module = module(&file);
        if matches!(module, "lib" | "main") {
            continue;
        }
        let allowed = arrows
            .get(module)
            .unwrap_or_else(|| panic!("{file}: the arrows do not know {module}"));
        for name in named(&code(&text)) {
            // Where a process dies, or is made to go wrong, for the rigs: anywhere.
            let of_rigs = matches!(name.as_str(), "crash" | "mistake");
            assert!(
                name == module || of_rigs || allowed.contains(&name.as_str()),
                "{file} uses {name}"
            );
        }
    }
}

#[test]
fn what_belongs_into_one_place_is_in_one_place() {
    for (file, text) in sources(&root().join("src")) {
        let code = code(&text);
        for (name, places) in ONE_PLACE {
            let allowed = places.iter().any(|place| file.starts_with(place));
            assert!(allowed || !code.contains(name), "{file} names {name}");
        }
    }
}

#[test]
fn what_the_design_calls_pure_has_no_effects() {
    let pure = [
        "src/domain.rs",
        "src/personal.rs",
        "src/plan/resolve.rs",
        "src/plan/policy.rs",
        "src/plan/caps.rs",
        "src/plan/approval.rs",
        "src/plan/named.rs",
        "src/plan/freeze.rs",
        "src/run/machine.rs",
        "src/run/action.rs",
        "src/run/answers.rs",
        "src/run/batch.rs",
        "src/run/breaker.rs",
        "src/run/recheck.rs",
        "src/run/status.rs",
        "src/portal/answer.rs",
        "src/portal/certificate.rs",
        "src/portal/encode.rs",
        "src/portal/decode.rs",
        "src/portal/pace.rs",
        "src/journal/event.rs",
        "src/journal/bundle.rs",
        "src/journal/naming.rs",
        "src/journal/tree.rs",
        "src/journal/note/mod.rs",
        "src/journal/note/key.rs",
        "src/journal/note/checkpoint.rs",
        "src/journal/note/proof.rs",
    ];
    for file in pure {
        let code = code(&fs::read_to_string(root().join(file)).unwrap_or_else(|_| panic!("{file} is gone")));
        for effect in [
            "async ",
            ".await",
            "std::fs",
            "std::net",
            "std::env",
            "Instant::now",
            "getrandom",
            "tokio",
        ] {
            assert!(!code.contains(effect), "{file} has {effect}");
        }
    }
}

#[test]
fn every_crash_point_has_its_place_in_the_code() {
    let sources: Vec<(String, String)> = sources(&root().join("src"));
    let elsewhere = || sources.iter().filter(|(file, _)| file != "src/crash.rs");
    for point in offboard24::crash::Point::ALL {
        // A request on its way has two, which are written as one.
        let name = match point.name().as_str() {
            "C7" | "C8" => "crash::around".to_owned(),
            name => format!("Point::{name}"),
        };
        let follows = |text: &str| text.chars().next().is_some_and(|next| next.is_ascii_digit());
        let is_named = |text: &String| text.split(&name).skip(1).any(|rest| !follows(rest));
        assert!(elsewhere().any(|(_, text)| is_named(text)), "{name} is nowhere");
    }
}

#[test]
fn every_file_opens_with_a_page() {
    for (file, text) in sources(&root().join("src")) {
        assert!(text.starts_with("//! "), "{file} does not say what it is for");
    }
}

#[test]
fn expectations_of_lints_carry_a_reason_and_nothing_is_allowed_silently() {
    for (file, text) in sources(&root().join("src")) {
        let code = code(&text);
        assert!(
            !code.contains("#[allow(") && !code.contains("#![allow("),
            "{file} allows without a reason"
        );
        for (place, _) in code.match_indices("#[expect(") {
            let attribute = &code[place..place + code[place..].find(")]").unwrap()];
            assert!(attribute.contains("reason"), "{file}: {attribute}");
        }
    }
}
