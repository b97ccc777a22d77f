//! What a spreadsheet makes of a report as CSV: no text of others becomes a formula, and numbers and ids stay what they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use offboard24::report::csv::unguarded;
use offboard24::sandbox::World;
use offboard24::sandbox::world::{User, Workflow};
use serde_json::Value;

use crate::support::archive::Archive;
use crate::support::{Desk, Portal};

/// Beginnings of texts that some spreadsheet takes for a formula.
const HOSTILE: &[&str] = &[
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "  =",
    "\u{a0}+",
    "\"=",
    "\"\" =",
    "'=",
    "＝",
    "＋",
    "－",
    "＠",
    "−",
    "=cmd|' /C calc'!A0; ",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "=HYPERLINK(\"http://x\";\"y\")",
    ";=",
    "\u{feff}=",
    "\u{202e}@",
    "«=",
];

/// The columns that hold nothing that anybody else wrote.
const OUR_OWN: &[&str] = &[
    "format",
    "record",
    "job",
    "rows",
    "user_ids",
    "workflow",
    "action",
    "do",
    "state",
    "attempts",
    "planned_at",
    "sent_at",
    "last_sent_at",
    "ended_at",
    "event",
];

/// One action a person, so that every beginning meets every field.
const PEOPLE: Archive = Archive {
    people: 36,
    each: 1,
    ..Archive::EVERYTHING
};

fn hostile(number: usize) -> &'static str {
    HOSTILE[number % HOSTILE.len()]
}

/// The header and the lines, as a program reads them.
fn lines(text: &str, delimiter: u8) -> Vec<Vec<String>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let lines = reader
        .records()
        .map(|line| line.unwrap().iter().map(str::to_owned).collect());
    lines.collect()
}

fn made(archive: &Archive) -> Desk {
    let desk = Desk::with_webhook("");
    archive.write(&desk.database());
    desk
}

fn report(desk: &Desk, dialect: &str) -> String {
    let arguments = ["report", "--format", "csv", "--csv-dialect", dialect];
    desk.run(&arguments).expect(0).stdout
}

/// Whether a spreadsheet might calculate this cell: what stands before a trigger may be dropped on the way in.
fn may_be_a_formula(cell: &str) -> bool {
    let dropped = |character: char| {
        character.is_whitespace() || character.is_control() || "\"\u{feff}\u{202e}«".contains(character)
    };
    cell.starts_with(['\t', '\r', '\n'])
        || cell
            .trim_start_matches(dropped)
            .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '−'])
}

#[test]
fn no_text_of_roster_portal_or_operator_begins_like_a_formula_and_all_else_is_unchanged() {
    let harmless = lines(&report(&made(&PEOPLE), "rfc4180"), b',');
    let turns: [fn(u32) -> &'static str; 4] = [
        |number| hostile(number as usize),
        |number| hostile(number as usize + 3),
        |number| hostile(number as usize + 9),
        |number| hostile(number as usize + 17),
    ];
    let dialects = [
        ("rfc4180", b','),
        ("excel", b','),
        ("excel-ru", b';'),
        ("excel-ru", b';'),
    ];
    for (before, (dialect, delimiter)) in turns.into_iter().zip(dialects) {
        let desk = made(&Archive { before, ..PEOPLE });
        let found = lines(&report(&desk, dialect), delimiter);
        assert_eq!(found.len(), harmless.len(), "{dialect}");
        let column = |name: &str| harmless[0].iter().position(|column| column == name).unwrap();
        for (line, harmless) in found.iter().zip(&harmless) {
            assert_eq!(
                line.len(),
                harmless.len(),
                "a separator in a text cuts no cell: {line:?}"
            );
            for cell in line {
                assert!(!may_be_a_formula(cell), "{dialect}: {cell:?}");
            }
            for name in OUR_OWN {
                assert_eq!(line[column(name)], harmless[column(name)], "{dialect}: {name}");
            }
        }
        assert_texts_are_whole(&desk, &found, before(0));
    }
}

/// Behind the guard, every text is what it was.
fn assert_texts_are_whole(desk: &Desk, lines: &[Vec<String>], before: &str) {
    let json: Value = serde_json::from_str(&desk.run(&["report", "--format", "json"]).expect(0).stdout).unwrap();
    let column = |name: &str| lines[0].iter().position(|column| column == name).unwrap();
    let of_actions = lines.iter().filter(|line| line[column("record")] == "action");
    for (line, action) in of_actions.zip(json["actions"].as_array().unwrap()) {
        assert_eq!(unguarded(&line[column("job_reason")]), json["job"]["reason"]);
        assert_eq!(unguarded(&line[column("job_ticket")]), json["job"]["ticket"]);
        let user = action["people"][0].to_string();
        assert_eq!(unguarded(&line[column("users")]), json["users"][&user]["name"]);
        let task = &action["tasks"][0];
        let title = format!("{} ({})", task["title"].as_str().unwrap(), task["task"]);
        assert_eq!(unguarded(&line[column("tasks")]), title);
        let approved = unguarded(&line[column("approved")]);
        assert!(
            approved.ends_with(&format!("; {before}vera@{before}office-9")),
            "{approved:?}"
        );
    }
}

#[test]
fn the_parts_of_a_report_are_guarded_like_the_whole() {
    let desk = made(&Archive {
        before: |number| hostile(number as usize),
        ..PEOPLE
    });
    desk.run(&["report", "--format", "csv", "-o", "parts/"]).expect(0);
    let mut guarded = 0;
    for name in ["succeeded.csv", "failed.csv", "unprocessed.csv", "rows.csv"] {
        let text = std::fs::read_to_string(desk.folder().join("parts").join(name)).unwrap();
        for cell in lines(&text, b',').into_iter().flatten() {
            assert!(!may_be_a_formula(&cell), "{name}: {cell:?}");
            guarded += usize::from(cell.starts_with('\''));
        }
    }
    assert!(guarded > 300, "{guarded}");
}

/// `LibreOffice`, where it is installed.
fn office() -> Option<PathBuf> {
    const NAMES: [&str; 2] = ["soffice", "libreoffice"];
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::env::split_paths(&folders).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    let found = programs.into_iter().find(|program| program.is_file());
    if found.is_none() {
        eprintln!(
            "NOT TESTED in a spreadsheet: none of {NAMES:?} is installed (Debian: apt-get install libreoffice-calc-nogui)"
        );
    }
    found
}

/// The file, opened as a spreadsheet and saved as CSV again.
fn through_a_spreadsheet(office: &Path, desk: &Desk, name: &str, text: &str) -> Vec<Vec<String>> {
    let file = desk.folder().join(name);
    std::fs::write(&file, text).unwrap();
    let profile = desk.folder().join("profile");
    let saved = desk.folder().join("saved");
    let output = Command::new(office)
        .env("HOME", desk.folder())
        .arg(format!("-env:UserInstallation=file://{}", profile.display()))
        .args([
            "--headless",
            "--infilter=CSV:44,34,UTF8",
            "--convert-to",
            "csv:Text - txt - csv (StarCalc):44,34,UTF8",
        ])
        .arg("--outdir")
        .args([&saved, &file])
        .output()
        .unwrap();
    let again = std::fs::read_to_string(saved.join(name));
    lines(&again.unwrap_or_else(|cause| panic!("{cause}: {output:?}")), b',')
}

#[test]
fn an_id_of_digits_comes_out_of_libreoffice_as_it_went_in() {
    const IDS: [&str; 4] = ["12345678901234567890", "00123456789012", "1e5", "mar1"];
    let Some(office) = office() else { return };
    let mut world = World::empty();
    world.add_user(User::new(5, "Ann", "Lee", "ann@example.com").dismissed());
    for id in IDS {
        let like = world.start_workflow(5, "template");
        let like = world.workflow(&like).unwrap().clone();
        world.finish_workflow(&like.id);
        world.add_workflow(Workflow {
            id: id.to_owned(),
            ..like
        });
        world.ask(id, "=1+1", &[5]);
    }
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    desk.plan(&desk.roster("id\n5\n"), "kill");
    let ids = |dialect: &str| {
        let lines = through_a_spreadsheet(&office, &desk, &format!("{dialect}.csv"), &report(&desk, dialect));
        let column = |name: &str| lines[0].iter().position(|column| column == name).unwrap();
        let (record, workflow, tasks) = (column("record"), column("workflow"), column("tasks"));
        let actions = lines.iter().filter(|line| line[record] == "action");
        let shown = actions.map(|line| {
            assert!(line[tasks].contains("=1+1"), "it was calculated: {line:?}");
            // Where formulas of a file are not calculated, the id is seen in its quotes.
            line[workflow].trim_start_matches('=').trim_matches('"').to_owned()
        });
        shown.collect::<Vec<_>>()
    };
    let mut sorted = IDS.to_vec();
    sorted.sort_unstable();
    assert_eq!(ids("excel"), sorted);
    assert_ne!(
        ids("rfc4180"),
        sorted,
        "without protection they are taken for numbers and dates"
    );
}
