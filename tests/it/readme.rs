//! The README is executed: its sessions, its tables, its policy; and the sessions of the pages in `docs/`. What they and ARCHITECTURE name is
//! looked for.
//!
//! A `console` block is a session: a line that begins with `$` is a command, the lines below it are what is printed, standard error
//! first. `…` on a line of its own stands for any lines. What `cat` shows of a file is written into that file. Ports, and where things are,
//! are masked on both sides.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};

use offboard24::domain::{HoldReason, Outcome};
use offboard24::exit::Exit;
use offboard24::journal::About;
use offboard24::plan::policy::Policy;
use offboard24::roster::{self, Field};

use crate::support::Desk;

const README: &str = include_str!("../../README.md");
const ARCHITECTURE: &str = include_str!("../../ARCHITECTURE.md");

/// The pages beside it.
const DOCS: &[(&str, &str)] = &[
    ("docs/first-run.md", include_str!("../../docs/first-run.md")),
    ("docs/policy.md", include_str!("../../docs/policy.md")),
    ("docs/audit.md", include_str!("../../docs/audit.md")),
    ("docs/many-portals.md", include_str!("../../docs/many-portals.md")),
];

/// Where the pages' administrator is at home, and keeps state.
const HOME: &str = "/home/ann";
const STATE: &str = "/home/ann/.local/state";

/// The contents of all blocks of a page that are marked like this.
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().map(str::trim_start);
    while let Some(line) = lines.next() {
        if line == format!("```{kind}") {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(inside.join("\n"));
        }
    }
    blocks
}

/// The body of the table below this header, cell by cell, without the marks of code.
fn table(header: &str) -> Vec<Vec<String>> {
    let mut lines = README.lines().skip_while(|line| line.trim() != header);
    assert!(lines.next().is_some(), "README has no table {header}");
    let body = lines.skip(1).take_while(|line| line.trim_start().starts_with('|'));
    body.map(|line| {
        line.trim()
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().replace('`', ""))
            .collect()
    })
    .collect()
}

/// The cells of a table's first column.
fn first_column(header: &str) -> Vec<String> {
    table(header).into_iter().map(|mut row| row.remove(0)).collect()
}

/// A command of a session, and the lines that README shows below it.
struct Step {
    command: String,
    /// As they stand in the page.
    lines: Vec<String>,
}

impl Step {
    /// The lines as they are compared.
    fn shown(&self) -> Vec<String> {
        self.lines.iter().map(|line| masked(line)).collect()
    }
}

fn steps(session: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in session.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let command = command.replace("cargo run --release -- ", "offboard24 ");
            steps.push(Step {
                command,
                lines: Vec::new(),
            });
        } else if let Some(step) = steps.last_mut() {
            step.lines.push(line.to_owned());
        }
    }
    steps
}

/// Without what differs from one time to another: when it was, the port, the plan's hash, which covers the portal and so the port, and the padding
/// of columns, which depends on the port's length.
fn masked(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let parts = word.split_inclusive([':', ',', '/']);
        let mut after_host = false;
        let masked = parts.map(|part| {
            let text = part.trim_end_matches([':', ',', '/']);
            let mask = if std::mem::replace(&mut after_host, part == "127.0.0.1:") {
                "PORT"
            } else if is_hash(text) {
                "HASH"
            } else if word.len() == 24 && word.ends_with('Z') {
                "TIME"
            } else {
                text
            };
            format!("{mask}{}", &part[text.len()..])
        });
        masked.collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether this is the beginning of a plan's hash, as it is printed.
fn is_hash(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The hash that a command printed in `plan 7f3a91c2,`.
fn printed_hash(printed: &str) -> Option<String> {
    let mut candidates = printed.split("plan ").skip(1).filter_map(|text| text.get(..8));
    candidates.find(|text| is_hash(text)).map(str::to_owned)
}

/// What to type for a command of README: its port and its hash are of another time.
fn typed(command: &str, address: &str, hash: &str) -> String {
    let words = command.split_whitespace().map(|word| {
        let word = word.replace("127.0.0.1:8024", address);
        match word.rsplit_once(':') {
            Some((before, written)) if is_hash(written) => format!("{before}:{hash}"),
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether the printed lines are those shown, `…` standing for any number of them.
fn fits(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line == "…" => (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..])),
        Some((line, rest)) => printed.first() == Some(line) && fits(rest, &printed[1..]),
    }
}

/// A sandbox that was started by a command of README, until it is dropped.
struct Sandbox {
    process: Child,
    /// What it printed first.
    line: String,
}

impl Sandbox {
    /// Without a limit on requests, so that nothing waits.
    fn start(desk: &Desk, arguments: &[&str]) -> Self {
        let arguments = [arguments, &["--rate", "0"]].concat();
        let mut process = desk
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            process,
            line: line.trim().to_owned(),
        }
    }

    fn webhook(&self) -> &str {
        self.line.strip_prefix("export OFFBOARD24_WEBHOOK=").unwrap()
    }

    fn address(&self) -> &str {
        self.webhook().split('/').nth(2).unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Writes what a page shows of a file into that file, for its owner alone; of the stand-in, with its address.
fn write_shown(desk: &Desk, step: &Step, name: &str, address: &str) {
    let path = match name.strip_prefix("~/") {
        Some(below) => desk.folder().join(below),
        None => desk.folder().join(name),
    };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = step.lines.join("\n").replace("127.0.0.1:8024", address);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Plays the sessions of a page at a desk of its own, and compares.
fn play(page: &str) {
    let desk = Desk::with_webhook("");
    let mut sandbox: Option<Sandbox> = None;
    let (mut code, mut hash, mut commands) = (0, String::new(), 0);
    for step in blocks(page, "console").iter().flat_map(|session| steps(session)) {
        let address = sandbox.as_ref().map_or("127.0.0.1:0", Sandbox::address);
        let printed = if let Some(file) = step.command.strip_prefix("cat ") {
            write_shown(&desk, &step, file, address);
            continue;
        } else if step.command == "echo $?" {
            code.to_string()
        } else {
            commands += 1;
            let command = typed(&step.command, address, &hash);
            let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
            if arguments[0] == "sandbox" {
                sandbox.insert(Sandbox::start(&desk, &arguments)).line.clone()
            } else {
                let mut command = desk.command(&arguments);
                // The configuration file says where a portal's webhook is.
                let is_named = arguments.contains(&"--portal");
                let webhook = sandbox.as_ref().filter(|_| !is_named).map_or("", Sandbox::webhook);
                let output = command.env("OFFBOARD24_WEBHOOK", webhook).output().unwrap();
                code = output.status.code().unwrap();
                String::from_utf8([output.stderr, output.stdout].concat()).unwrap()
            }
        };
        hash = printed_hash(&printed).unwrap_or(hash);
        let state = desk.folder().join("state");
        let printed = printed
            .replace(state.to_str().unwrap(), STATE)
            .replace(desk.folder().to_str().unwrap(), HOME);
        let lines: Vec<String> = printed.lines().map(masked).collect();
        assert!(
            fits(&step.shown(), &lines),
            "`{}` printed something else than is shown:\n{printed}",
            step.command
        );
    }
    assert!(commands >= 3, "the sessions were not found");
}

#[test]
fn the_sessions_come_out_as_shown() {
    play(README);
}

#[test]
fn the_sessions_of_the_pages_beside_it_come_out_as_shown() {
    for (_, page) in DOCS {
        play(page);
    }
}

#[test]
fn every_page_is_there_and_every_link_of_theirs_leads_somewhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let there = std::fs::read_dir(root.join("docs")).unwrap();
    assert_eq!(there.count(), DOCS.len(), "a page is missing in this test");
    for (name, page) in DOCS.iter().copied().chain([("README.md", README)]) {
        let folder = root.join(name);
        let links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            assert!(folder.with_file_name(link).exists(), "{name} leads to {link}");
        }
    }
    for (name, _) in DOCS {
        assert!(README.contains(name), "README does not lead to {name}");
    }
}

#[test]
fn the_table_of_exit_codes_is_the_programs_and_that_of_its_help() {
    let rows = table("| code | meaning |");
    let mut exits = Exit::PRECEDENCE;
    exits.sort_by_key(|exit| exit.code());
    let defined: Vec<Vec<String>> = exits
        .iter()
        .map(|exit| vec![exit.code().to_string(), exit.meaning().to_owned()])
        .collect();
    assert_eq!(rows, defined);

    let help = Desk::with_webhook("").run(&["--help"]).expect(0).stdout;
    let printed: Vec<Vec<String>> = help
        .lines()
        .skip_while(|line| *line != "Exit codes:")
        .skip(1)
        .filter_map(|line| line.trim().split_once("  "))
        .map(|(code, meaning)| vec![code.to_owned(), meaning.to_owned()])
        .collect();
    assert_eq!(printed, defined);
}

#[test]
fn the_order_in_which_exit_codes_count_is_the_programs() {
    let text = README.split_whitespace().collect::<Vec<_>>().join(" ");
    let codes: Vec<String> = Exit::PRECEDENCE
        .iter()
        .filter(|exit| **exit != Exit::Done)
        .map(|exit| exit.code().to_string())
        .collect();
    let sentence = format!("the first of {} counts", codes.join(", "));
    assert!(text.contains(&sentence), "README does not say: {sentence}");
}

#[test]
fn every_outcome_and_every_hold_of_this_version_is_explained() {
    let outcomes: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    assert_eq!(first_column("| outcome | what it claims |"), outcomes);

    // There is no command yet that drops an action.
    let holds = HoldReason::ALL.iter().filter(|hold| **hold != HoldReason::Dropped);
    assert_eq!(
        first_column("| held | because |"),
        holds.map(|hold| hold.as_str()).collect::<Vec<_>>()
    );
}

#[test]
fn the_example_of_a_policy_can_be_used_and_shows_every_rule() {
    let examples = blocks(README, "toml");
    assert_eq!(examples.len(), 1);
    let sample = include_str!("../../samples/policy.toml");
    assert_eq!(
        Policy::parse(sample).unwrap(),
        Policy::default(),
        "as it comes it changes nothing"
    );
    assert_shows_every_rule(&policy_of(&examples[0]));
    let uncommented: Vec<&str> = sample.lines().filter_map(|line| line.strip_prefix("#: ")).collect();
    assert_shows_every_rule(&policy_of(&uncommented.join("\n")));
}

fn policy_of(text: &str) -> serde_json::Value {
    let policy = Policy::parse(text).unwrap();
    let emails: Vec<_> = policy
        .protect
        .emails
        .iter()
        .map(|email| email.committed(About::Nobody).unwrap().1)
        .collect();
    serde_json::from_str(&policy.canonical(&emails).unwrap()).unwrap()
}

fn assert_shows_every_rule(written: &serde_json::Value) {
    let unset = policy_of("");
    for group in ["", "/protect", "/caps"] {
        for rule in unset.pointer(group).unwrap().as_object().unwrap().keys() {
            // What is the default can be shown only as the default.
            if rule != "shared" {
                let rule = format!("{group}/{rule}");
                assert_ne!(written.pointer(&rule), unset.pointer(&rule), "{rule} is not shown");
            }
        }
    }
}

#[test]
fn every_column_name_in_the_table_is_understood() {
    let rows = table("| column | also understood, for example |");
    assert_eq!(
        rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(),
        Field::ALL.map(Field::as_str)
    );
    for row in rows {
        for name in row[1].split(", ") {
            let other = if row[0] == "email" { "id" } else { "email" };
            let cell = |column: &str| match column {
                "id" => "29",
                "email" => "ann@example.com",
                "action" => "kill",
                _ => "Ann Lee",
            };
            let text = format!("{name};{other}\n{};{}\n", cell(&row[0]), cell(other));
            let roster = roster::read(text.as_bytes(), &roster::Options::default()).unwrap();
            let field = roster.detected.columns[0].field;
            assert_eq!(field.map(Field::as_str), Some(row[0].as_str()), "{name}");
        }
    }
}

#[test]
fn every_file_that_is_named_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let known = [
        "src/",
        "tests/",
        "samples/",
        "schemas/",
        "packaging/",
        "docs/",
        "migrations/",
        ".ci/",
    ];
    let pages = DOCS.iter().map(|(_, page)| *page).chain([README, ARCHITECTURE]);
    let quoted = pages.flat_map(|page| page.split('`'));
    let named: Vec<&str> = quoted
        .filter(|text| !text.contains(' ') && known.iter().any(|folder| text.starts_with(folder)))
        .collect();
    assert!(named.len() > 20, "{named:?}");
    for path in named {
        assert!(root.join(path).exists(), "{path} is named and not there");
    }
}

#[test]
fn every_dependency_is_explained() {
    let manifest: toml::Table = include_str!("../../Cargo.toml").parse().unwrap();
    let table = ARCHITECTURE.split("## Dependencies").nth(1).unwrap();
    for section in ["dependencies", "dev-dependencies"] {
        for package in manifest[section].as_table().unwrap().keys() {
            assert!(table.contains(&format!("`{package}`")), "{package} is not in the table");
        }
    }
}
