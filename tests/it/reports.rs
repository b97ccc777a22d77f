//! `report`: what is written, where, and that it depends on the journal alone.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use offboard24::domain::Outcome;
use offboard24::sandbox::World;
use offboard24::sandbox::world::{User, Workflow};
use serde_json::Value;

use crate::support::archive::{Archive, Fate};
use crate::support::{Desk, HOW_TO, Portal};

const ENGLISH: &[u8] = include_bytes!("../../samples/roster-english.csv");

/// Every way to ask for a report.
const FORMATS: &[&[&str]] = &[
    &["--format", "html"],
    &["--format", "html", "--lang", "ru"],
    &["--format", "md"],
    &["--format", "md", "--lang", "ru"],
    &["--format", "json"],
    &["--format", "csv"],
    &["--format", "csv", "--csv-dialect", "excel"],
    &["--format", "csv", "--csv-dialect", "excel-ru"],
];

/// The English sample, carried out.
fn sample() -> (Portal, Desk) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(ENGLISH), "kill");
    desk.apply(&plan).expect(4);
    (portal, desk)
}

/// A desk whose database is made up and holds everything that there is.
fn everything() -> Desk {
    let desk = Desk::with_webhook("");
    Archive::EVERYTHING.write(&desk.database());
    desk
}

/// A report on standard output.
fn report(desk: &Desk, arguments: &[&str]) -> String {
    desk.run(&[&["report"], arguments].concat()).expect(0).stdout
}

/// The records of a CSV report.
fn records(csv: &str, delimiter: u8) -> Vec<Vec<String>> {
    let text = csv.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let lines = reader
        .records()
        .map(|line| line.unwrap().iter().map(str::to_owned).collect());
    lines.collect()
}

/// The place of a column.
fn place(header: &[String], name: &str) -> usize {
    header.iter().position(|column| column == name).unwrap()
}

/// The text without the hashes, which have salts in them, and without the database's random id.
fn steady(text: &str, desk: &Desk) -> String {
    let json: Value = serde_json::from_str(&report(desk, &["--format", "json"])).unwrap();
    let mut steady = text.replace(json["database"].as_str().unwrap(), "DATABASE");
    let mut leaves: Vec<&str> = json["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["evidence"]["leaf"].as_str().unwrap())
        .collect();
    leaves.push(json["evidence"]["last_event"]["leaf"].as_str().unwrap());
    for said in ["decisions", "approvals"] {
        let said = json[said].as_array().unwrap().iter();
        leaves.extend(said.map(|said| said["evidence"]["leaf"].as_str().unwrap()));
    }
    for leaf in leaves {
        steady = steady.replace(leaf, "LEAF").replace(&leaf[..12], "LEAF12");
    }
    steady
}

#[test]
fn a_job_with_everything_in_all_formats() {
    let desk = everything();
    for language in ["en", "ru"] {
        let text = report(&desk, &["--format", "md", "--lang", language]);
        insta::assert_snapshot!(format!("markdown_{language}"), steady(&text, &desk));
        let page = report(&desk, &["--format", "html", "--lang", language]);
        let body = page.split_once("</style>").unwrap().1.split_once("<script>").unwrap().0;
        insta::assert_snapshot!(format!("html_{language}"), steady(&body.replace("><", ">\n<"), &desk));
    }
    insta::assert_snapshot!("json", steady(&report(&desk, &["--format", "json"]), &desk));
    insta::assert_snapshot!("csv", steady(&report(&desk, &["--format", "csv"]), &desk));
}

#[test]
fn the_same_journal_gives_the_same_report_wherever_it_is_and_whoever_reads_it() {
    let (portal, desk) = sample();
    let first: Vec<String> = FORMATS.iter().map(|format| report(&desk, format)).collect();
    drop(portal);
    let elsewhere = desk.folder().join("else/where");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let moved = elsewhere.join("renamed.db");
    std::fs::copy(desk.database(), &moved).unwrap();
    for (format, first) in FORMATS.iter().zip(first) {
        let mut command = desk.command(&[&["report"], *format].concat());
        command
            .env("OFFBOARD24_DB", &moved)
            .env("TZ", "Asia/Tokyo")
            .env("LC_ALL", "ru_RU.UTF-8")
            .env("LANG", "ru_RU.UTF-8")
            .env_remove("OFFBOARD24_WEBHOOK");
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), first, "{format:?}");
    }
}

#[test]
fn totals_are_those_of_the_status_in_every_format() {
    for desk in [everything(), sample().1] {
        let status = desk.status();
        let json: Value = serde_json::from_str(&report(&desk, &["--format", "json"])).unwrap();
        assert_eq!(json["status"]["actions"], status["actions"]);
        assert_eq!(json["status"]["rows"], status["rows"]);
        let total = status["actions"]["total"].as_u64().unwrap();
        assert_eq!(json["actions"].as_array().unwrap().len() as u64, total);
        let lines = records(&report(&desk, &["--format", "csv"]), b',');
        let (kind, state) = (place(&lines[0], "record"), place(&lines[0], "state"));
        let markdown = report(&desk, &["--format", "md"]);
        for (word, count) in status["actions"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(word, _)| *word != "total")
        {
            let counted = lines
                .iter()
                .filter(|line| line[kind] == "action" && line[state] == *word)
                .count();
            assert_eq!(counted as u64, count.as_u64().unwrap(), "{word}");
            assert_eq!(
                markdown.contains(&format!("| {count} | {word} |")),
                count != 0,
                "{word}"
            );
        }
    }
}

#[test]
fn the_split_partitions_the_plan_and_loses_no_row() {
    let desk = everything();
    let folder = desk.folder().join("parts");
    let written = desk
        .run(&["report", "--format", "csv", "-o", "parts/", "--json"])
        .expect(0)
        .json();
    let names: Vec<&str> = written["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "parts/succeeded.csv",
            "parts/failed.csv",
            "parts/unprocessed.csv",
            "parts/rows.csv"
        ]
    );
    let whole = records(&report(&desk, &["--format", "csv"]), b',');
    let mut together = Vec::new();
    for (name, states) in [
        (
            "succeeded.csv",
            &["already_gone", "confirmed", "presumed", "unattributed"][..],
        ),
        ("failed.csv", &["drifted", "failed", "survived"]),
        ("unprocessed.csv", &["held", "planned", "sent"]),
        ("rows.csv", &["matched", "still_active"]),
    ] {
        let mut lines = records(&std::fs::read_to_string(folder.join(name)).unwrap(), b',');
        let header = lines.remove(0);
        assert_eq!(header, whole[0], "every file has the same columns");
        let state = place(&header, "state");
        let found: BTreeSet<&str> = lines.iter().map(|line| line[state].as_str()).collect();
        assert_eq!(found, states.iter().copied().collect(), "{name}");
        together.extend(lines);
    }
    let mut all = whole[1..].to_vec();
    all.sort();
    together.sort();
    assert_eq!(together, all);
}

#[test]
fn the_columns_are_those_of_format_1() {
    let lines = records(&report(&everything(), &["--format", "csv"]), b',');
    assert_eq!(
        lines[0].join(","),
        "format,record,job,rows,written,user_ids,users,workflow,tasks,document,started_by,also_waiting,action,do,state,\
         reason,portal_code,portal_error,attempts,planned_at,sent_at,last_sent_at,ended_at,event,evidence,note,\
         job_reason,job_ticket,decided,approved"
    );
    assert!(lines[1..].iter().all(|line| line[0] == "1"));
}

#[test]
fn an_evidence_hash_is_the_leaf_of_the_event_that_ended_the_action() {
    let (_portal, desk) = sample();
    let db = rusqlite::Connection::open(desk.database()).unwrap();
    let lines = records(&report(&desk, &["--format", "csv"]), b',');
    let column = |name| place(&lines[0], name);
    let mut checked = 0;
    for line in lines.iter().filter(|line| line[column("record")] == "action") {
        let (kind, action, leaf): (String, u32, String) = db
            .query_row(
                "SELECT kind, action, lower(hex(leaf)) FROM event WHERE seq = ?1",
                [line[column("event")].parse::<u32>().unwrap()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .unwrap();
        let expected = if line[column("state")] == "held" {
            "action_planned"
        } else {
            "action_ended"
        };
        assert_eq!(
            (kind.as_str(), action.to_string(), &leaf),
            (expected, line[column("action")].clone(), &line[column("evidence")])
        );
        checked += 1;
    }
    assert_eq!(checked, 17);
}

#[test]
fn an_id_of_digits_survives_a_spreadsheet() {
    let mut world = World::empty();
    world.add_user(User::new(5, "Ann", "Lee", "ann@example.com").dismissed());
    for id in ["12345678901234567890", "1e5", "mar1"] {
        let like = world.start_workflow(5, "template");
        let like = world.workflow(&like).unwrap().clone();
        world.finish_workflow(&like.id);
        world.add_workflow(Workflow {
            id: id.to_owned(),
            ..like
        });
        world.ask(id, "=cmd|' /C calc'!A0", &[5]);
    }
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    desk.plan(&desk.roster("id,note\n5,+7 495\n"), "kill");
    for (dialect, delimiter, protected) in [
        ("rfc4180", b',', false),
        ("excel", b',', true),
        ("excel-ru", b';', true),
    ] {
        let text = report(&desk, &["--format", "csv", "--csv-dialect", dialect]);
        assert_eq!(text.starts_with('\u{feff}'), protected, "{dialect}");
        assert!(text.lines().all(|line| !line.ends_with('\r')) || text.split("\r\n").count() > 4);
        let lines = records(&text, delimiter);
        let column = |name| place(&lines[0], name);
        let actions: Vec<_> = lines.iter().filter(|line| line[column("record")] == "action").collect();
        let ids: Vec<&str> = actions.iter().map(|line| line[column("workflow")].as_str()).collect();
        let expected = if protected {
            ["=\"12345678901234567890\"", "=\"1e5\"", "=\"mar1\""]
        } else {
            ["12345678901234567890", "1e5", "mar1"]
        };
        assert_eq!(ids, expected, "{dialect}");
        // What others wrote is never a formula.
        assert!(actions.iter().all(|line| line[column("tasks")].starts_with("'=cmd")));
        assert!(lines.iter().any(|line| line[column("note")] == "'+7 495"));
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_report_is_a_new_file_for_its_owner_alone_and_never_written_over_another() {
    let desk = everything();
    let folder = desk.folder().join("out");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("report.html");
    let named = file.to_str().unwrap();
    let told = desk.run(&["report", "--format", "html", "-o", named]).expect(0);
    assert!(told.stdout.contains(named));
    assert_eq!((mode(&file), names(&folder)), (0o600, vec!["report.html".to_owned()]));

    std::fs::write(&file, "kept").unwrap();
    let refused = desk.run(&["report", "--format", "md", "-o", named]).expect(2);
    assert!(
        refused.stderr.contains("exists") && refused.stderr.contains("mv "),
        "{}",
        refused.stderr
    );
    // One of four that is there is enough to write none.
    std::fs::write(folder.join("failed.csv"), "kept").unwrap();
    desk.run(&["report", "--format", "csv", "-o", folder.to_str().unwrap()])
        .expect(2);
    std::os::unix::fs::symlink("nowhere", folder.join("link.md")).unwrap();
    desk.run(&[
        "report",
        "--format",
        "md",
        "-o",
        folder.join("link.md").to_str().unwrap(),
    ])
    .expect(2);
    assert_eq!(names(&folder), ["failed.csv", "link.md", "report.html"]);
    std::fs::remove_file(folder.join("link.md")).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");

    let missing = desk.run(&["report", "--format", "md", "-o", "nowhere/x.md"]).expect(2);
    assert!(missing.stderr.contains("nowhere/x.md"), "{}", missing.stderr);
    desk.run(&["report", "--format", "md", "-o", "new/"]).expect(0);
    assert_eq!(names(&desk.folder().join("new")), ["offboard24-job-1.md"]);
    assert_eq!(
        (
            mode(&desk.folder().join("new")),
            mode(&desk.folder().join("new/offboard24-job-1.md"))
        ),
        (0o700, 0o600)
    );
}

#[test]
fn standard_output_holds_one_json_object_or_a_report_and_never_both() {
    let desk = everything();
    let plain = report(&desk, &["--format", "json"]);
    assert_eq!(report(&desk, &["--format", "json", "-o", "-", "--json"]), plain);
    let refused = desk.run(&["report", "--format", "html", "--json"]).expect(2).json();
    assert_eq!(refused["error"]["kind"], "usage");
    let written = desk
        .run(&["report", "--format", "md", "-o", "x.md", "--json"])
        .expect(0)
        .json();
    assert_eq!(written["files"], serde_json::json!(["x.md"]));
    assert_eq!(desk.run(&["report", "9", "--format", "md"]).expect(2).stdout, "");
}

#[test]
fn a_plan_is_told_as_what_may_still_be_stopped() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    desk.plan(&desk.roster(HOW_TO), "kill");
    let text = report(&desk, &["--format", "md"]);
    assert!(
        text.contains("**Nothing has been ended yet. All 9 workflows in the plan will be, once it is confirmed.**"),
        "{text}"
    );
    assert!(text.contains("If one of these workflows has to go on, say so before"));
    let text = report(&desk, &["--format", "md", "--lang", "ru"]);
    assert!(
        text.contains("**Пока ничего не завершено. Когда план подтвердят, будут завершены все 9 процессов.**"),
        "{text}"
    );
}

#[test]
fn a_run_without_an_end_is_told_as_just_that() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("delay:60s@destroy:2");
    let child = desk.start(&["apply", "1", "--confirm", plan["confirm"].as_str().unwrap()]);
    crate::support::await_that("the second batch", || {
        portal.requests().iter().filter(|request| request.destroys()).count() == 2
    });
    let at_work = report(&desk, &["--format", "json"]);
    let told: Value = serde_json::from_str(&at_work).unwrap();
    assert_eq!(
        (&told["open_runs"], &told["status"]["stop_reason"]),
        (&serde_json::json!([2]), &Value::Null)
    );
    let mut child = child;
    child.kill().unwrap();
    child.wait().unwrap();
    // Whether its process lives is nothing that the journal knows.
    assert_eq!(report(&desk, &["--format", "json"]), at_work);
    let text = report(&desk, &["--format", "md"]);
    assert!(
        text.contains("in doubt") && text.contains("Run 2 has no end on record"),
        "{text}"
    );
    desk.run(&["resume"]).expect(0);
}

#[test]
fn what_was_erased_is_told_as_erased_and_when() {
    // Of a job that is at work nothing is erased.
    let ended = Archive {
        fate: |number| match (Archive::EVERYTHING.fate)(number) {
            Fate::Sent | Fate::Planned => Fate::Ended(Outcome::Confirmed),
            fate => fate,
        },
        ..Archive::EVERYTHING
    };
    let desk = Desk::with_webhook("");
    ended.write(&desk.database());
    let before = report(&desk, &["--format", "json"]);
    assert!(before.contains("u100@example.com"));
    desk.redact(&["--person", "100"]).expect(0);
    let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
    for format in FORMATS {
        let text = report(&desk, format);
        assert!(!text.contains("u100@example.com"), "{format:?}");
        assert!(!text.contains("Approve outgoing invoice 0"), "{format:?}");
        let erased = match *format {
            [_, "json"] => "\"name_erased_at\": \"".to_owned(),
            [_, "csv", ..] => "erased on ".to_owned() + &today,
            [_, _, _, "ru"] => format!("стёрто {today}"),
            _ => format!("erased on {today}"),
        };
        assert!(text.contains(&erased), "{format:?} does not say {erased}");
        // Of the others everything is still there.
        let other = if format[1] == "csv" {
            "full_name=Ковалёва Boris"
        } else {
            "Boris Ковалёва"
        };
        assert!(text.contains(other), "{format:?}");
    }
}

/// Makes a journal of the size that is named, and says how long its report takes and how large it is:
/// `OFFBOARD24_PEOPLE=5000 cargo test --release --test it large -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes; run by hand"]
fn a_large_report_can_be_made() {
    let people = std::env::var("OFFBOARD24_PEOPLE").map_or(500, |text| text.parse().unwrap());
    let archive = Archive {
        people,
        each: 10,
        ..Archive::EVERYTHING
    };
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/large-report");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    let database = folder.join("audit.db");
    let began = std::time::Instant::now();
    archive.write(&database);
    eprintln!("journal: {:?}", began.elapsed());
    let desk = Desk::with_webhook("");
    for format in ["html", "csv", "json", "md"] {
        let file = folder.join(format!("report.{format}"));
        let began = std::time::Instant::now();
        let mut command = desk.command(&["report", "--format", format, "-o", file.to_str().unwrap()]);
        assert!(command.env("OFFBOARD24_DB", &database).status().unwrap().success());
        let size = std::fs::metadata(&file).unwrap().len();
        eprintln!("{format}: {:?}, {} kB", began.elapsed(), size / 1000);
    }
}
