//! Files as people have them. Each file in `tests/rosters/SUBJECT/` is planned with the real binary against a stand-in whose directory
//! fits; beside it, in `FILE.expected`, stands what has to come of it: what was detected, what the portal was asked, each row with its
//! state and user, the plan, or every error; and the exit code.
//!
//! The first line of an expectation, and each further line that begins with `$`, is the command: a file that cannot be told is read
//! once more with the option that tells. `INSTA_UPDATE=always` writes what came instead of comparing it. `people` below says who is who.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use offboard24::sandbox::world::User;
use offboard24::sandbox::{RequestRecord, World};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{Desk, Ended, Portal};

/// The sample's people, and those whom only a roster's mistakes could mean. Everybody waits in a workflow of their own, so that a wrong
/// match shows in the plan.
fn people() -> World {
    let mut world = World::sample();
    let person = |id, name, last_name, mailbox: &str| User::new(id, name, last_name, &format!("{mailbox}@example.com"));
    let dismissed = [
        person(5, "Five", "Plus", "five"),
        person(12, "Twelve", "Trap", "twelve"),
        person(60, "José", "Núñez", "jose.nunez"),
        person(61, "Jürgen", "Groß", "j.gross"),
        person(62, "João", "Gonçalves", "joao"),
        person(63, "Иван", "Иванов", "i.ivanov").with_second_name("Иванович"),
        // His surname is somebody's first name: `Мартын Давид` and `Давид Мартын` are two people.
        person(64, "Давид", "Мартын", "d.martyn"),
        person(65, "Мартын", "Давид", "m.david"),
        // The portal knows nothing but the name.
        User::new(66, "Zed", "Nomail", ""),
        // Rehired: a dismissed and an active account of one address.
        person(67, "Ray", "Hired", "ray.hired"),
        // One underline away from `a_berg`, which as a pattern fits this one too.
        person(69, "Anne", "Berg", "axberg2"),
        person(70, "Али", "Мамедов", "a.mamedov").with_second_name("Вагиф оглы"),
        person(71, "Андрей", "Йолкин", "a.yolkin"),
        person(1000, "Thousand", "Trap", "thousand"),
    ];
    for user in dismissed.map(User::dismissed) {
        let workflow = world.start_workflow(user.id, "Vacation");
        world.ask(&workflow, "Hand over", &[user.id]);
        world.add_user(user);
    }
    world.add_user(person(68, "Ray", "Hired", "ray.hired"));
    world
}

fn folder(subject: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/rosters")
        .join(subject)
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The files of a subject, without their expectations.
fn files_of(subject: &str) -> Vec<String> {
    let names = names_in(&folder(subject)).into_iter();
    names.filter(|name| !name.ends_with(".expected")).collect()
}

/// Plays every file of a subject and compares. Nothing may change on the portal, whatever a file says.
#[track_caller]
fn check(subject: &str) {
    let portal = Portal::of(people());
    let mut wrong = String::new();
    for file in files_of(subject) {
        let expectation = folder(subject).join(format!("{file}.expected"));
        let expected =
            std::fs::read_to_string(&expectation).unwrap_or_else(|_| format!("$ plan {file} --action kill\n"));
        let bytes = std::fs::read(folder(subject).join(&file)).unwrap();
        let mut came = String::new();
        for command in expected.lines().filter_map(|line| line.strip_prefix("$ ")) {
            _ = writeln!(came, "$ {command}");
            came.push_str(&play(&portal, &file, &bytes, command));
        }
        if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            std::fs::write(&expectation, &came).unwrap();
        } else if came != expected {
            _ = writeln!(wrong, "--- {subject}/{file}, expected\n{expected}--- came\n{came}");
        }
    }
    portal.assert_untouched();
    assert!(wrong.is_empty(), "{wrong}");
}

/// One command on one file at a desk of its own, told line by line.
fn play(portal: &Portal, file: &str, bytes: &[u8], command: &str) -> String {
    let desk = Desk::at(portal);
    std::fs::write(desk.folder().join(file), bytes).unwrap();
    let before = portal.requests().len();
    let arguments: Vec<&str> = command.split(' ').chain(["--json"]).collect();
    let ended = desk.run(&arguments);
    let requests = portal.requests().split_off(before);
    let mut told = detected(&ended);
    if ended.code == 2 {
        assert!(requests.is_empty(), "{file}: the portal was asked: {requests:?}");
        assert!(!desk.database().exists(), "{file}: a job was recorded");
        told.push_str(&refusal(&ended.json()["error"]));
    } else {
        assert_recorded(&desk, bytes, &told);
        told.push_str(&questions(&requests));
        told.push_str(&plan(&desk.run(&["show", "--json"]).expect(0).json()));
    }
    _ = writeln!(told, "exit {}", ended.code);
    told
}

/// What the notes say about the file; not the progress.
fn detected(ended: &Ended) -> String {
    let notes = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("roster: ") || line.starts_with("        "));
    notes.fold(String::new(), |told, note| told + note + "\n")
}

fn refusal(error: &Value) -> String {
    let text = |key: &str| error[key].as_str().unwrap().to_owned();
    format!("{} error: {}\nnext: {}\n", text("kind"), text("message"), text("next"))
}

/// What was printed about the file is on record, with its hash.
fn assert_recorded(desk: &Desk, bytes: &[u8], printed: &str) {
    let story = desk.story();
    let created = story.iter().find(|event| event["kind"] == "job_created").unwrap();
    let recorded = &created["data"]["roster"];
    let hash: String = Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"));
    assert_eq!(recorded["sha256"], hash);
    let mark = if recorded["byte_order_mark"] == true {
        " with byte order mark"
    } else {
        ""
    };
    for part in [
        format!("roster: {}{mark}, ", recorded["encoding"].as_str().unwrap()),
        format!(
            "delimiter {}, ",
            recorded["delimiter"].as_str().unwrap_or("none, one column")
        ),
        format!("header in line {}\n", recorded["header_line"]),
        format!(
            " {} {}, {} empty or title {} passed over\n",
            recorded["rows"],
            if recorded["rows"] == 1 { "row" } else { "rows" },
            recorded["rows_ignored"],
            if recorded["rows_ignored"] == 1 { "line" } else { "lines" }
        ),
    ] {
        assert!(
            printed.contains(&part),
            "{part:?} is on record, and printed is:\n{printed}"
        );
    }
    let fields = recorded["columns"].as_array().unwrap().iter();
    let fields: Vec<&str> = fields.filter_map(|column| column["field"].as_str()).collect();
    for field in fields {
        assert!(printed.contains(&format!(" = {field}")), "{field}: {printed}");
    }
}

/// Every condition by which users were asked for. None may be empty, and there is no other kind than these three.
fn questions(requests: &[RequestRecord]) -> String {
    let mut told = String::new();
    let commands = requests.iter().flat_map(|request| &request.commands);
    for command in commands.filter(|command| command.method == "user.get") {
        let filter = command.params["FILTER"].as_object().unwrap();
        let conditions: Vec<(&str, &Value)> = filter
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .filter(|(key, _)| *key != ">ID")
            .collect();
        let keys: Vec<&str> = conditions.iter().map(|(key, _)| *key).collect();
        assert!(
            matches!(keys.as_slice(), ["ID" | "=EMAIL"] | ["=NAME", "=LAST_NAME"]),
            "{filter:?}"
        );
        let conditions: Vec<String> = conditions
            .iter()
            .map(|(key, value)| {
                let value = value.as_str().unwrap();
                assert!(!value.trim().is_empty(), "{filter:?}");
                format!("{} {value:?}", key.trim_start_matches('='))
            })
            .collect();
        _ = writeln!(told, "asked: {}", conditions.join(", "));
    }
    told
}

/// The rows, and how many actions there are for whom.
fn plan(shown: &Value) -> String {
    let list = |key: &str| shown["list"][key].as_array().unwrap().iter();
    let mut told = String::new();
    for row in list("rows") {
        let action = row["action"].as_str().unwrap();
        let action = if action == "kill" {
            String::new()
        } else {
            format!(" to {action}")
        };
        let user = row["user"].as_u64().map(|user| format!(" {user}")).unwrap_or_default();
        let candidates = row["candidates"].as_array().filter(|_| user.is_empty());
        let candidates = candidates
            .map(|all| format!(" {}", Value::from(all.clone())))
            .unwrap_or_default();
        let reason = row["reason"]
            .as_str()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let state = row["state"].as_str().unwrap();
        _ = writeln!(
            told,
            "row {}, line {}{action}: {state}{user}{candidates}{reason}",
            row["row"], row["line"]
        );
    }
    let mut actions: BTreeMap<String, u32> = BTreeMap::new();
    for action in list("actions") {
        let word = action["do"].as_str().unwrap_or("undecided");
        let who = format!("{word} for {}, {}", action["people"], action["state"].as_str().unwrap());
        *actions.entry(who).or_default() += 1;
    }
    for (what, number) in actions {
        _ = writeln!(told, "{number} × {what}");
    }
    told
}

/// The folders of `tests/rosters`, each with a test of its own below.
const SUBJECTS: [&str; 8] = [
    "actions",
    "delimiters",
    "encodings",
    "formats",
    "headers",
    "keys",
    "mistakes",
    "spellings",
];

#[test]
fn there_are_fifty_files_and_each_has_an_expectation_and_a_subject() {
    let subjects: BTreeSet<String> = SUBJECTS.map(str::to_owned).into();
    let folders = names_in(&folder("")).into_iter().filter(|name| !name.starts_with('.'));
    assert_eq!(folders.collect::<BTreeSet<_>>(), subjects);
    let mut files = 0;
    for subject in SUBJECTS {
        let names = names_in(&folder(subject));
        for file in files_of(subject) {
            assert!(names.contains(&format!("{file}.expected")), "{subject}/{file}");
            files += 1;
        }
        let expectations = names.iter().filter_map(|name| name.strip_suffix(".expected"));
        for file in expectations {
            assert!(names.contains(file), "{subject}/{file} is gone");
        }
    }
    assert!(files >= 50, "{files}");
}

#[test]
fn an_encoding_is_told_by_the_file_or_asked_for() {
    check("encodings");
}

#[test]
fn a_delimiter_is_told_by_regularity_or_asked_for() {
    check("delimiters");
}

#[test]
fn a_header_is_found_and_understood_in_five_languages() {
    check("headers");
}

#[test]
fn what_people_cannot_see_makes_no_difference_and_what_they_can_does() {
    check("spellings");
}

#[test]
fn a_row_is_exactly_one_user_by_its_strongest_key() {
    check("keys");
}

#[test]
fn rows_of_one_person_have_one_action_or_none() {
    check("actions");
}

#[test]
fn every_mistake_is_told_with_its_place_and_nothing_is_asked() {
    check("mistakes");
}

#[test]
fn a_file_of_another_format_is_told_apart_and_how_to_make_a_csv_of_it() {
    check("formats");
}

/// Plans a file that is too large to keep, without a default action: what is left to refuse then is that nobody says what to do.
#[track_caller]
fn refused_without_a_question(text: &str) -> Ended {
    let portal = Portal::of(people());
    let desk = Desk::at(&portal);
    let roster = desk.roster(text);
    let ended = desk.run(&["plan", &roster, "--json"]).expect(2);
    assert_eq!(portal.requests(), []);
    assert!(!desk.database().exists());
    portal.assert_untouched();
    ended
}

#[test]
fn a_hundred_thousand_rows_are_read_and_one_more_is_refused() {
    let rows = |count: usize| format!("id\n{}", "29\n".repeat(count));
    let all = refused_without_a_question(&rows(100_000));
    assert!(all.stderr.contains(" 100000 rows, 0 empty"), "{}", all.stderr);
    let error = all.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(error.starts_with("the roster does not say what to do"), "{error}");
    let one_more = refused_without_a_question(&rows(100_001)).json();
    assert_eq!(
        one_more["error"]["message"],
        "the roster cannot be used; nothing was asked:\n  line 100002: more than 100000 rows: split the file, and make one job of \
         each part"
    );
}

#[test]
fn a_field_of_64_kib_is_read_and_one_byte_more_is_refused() {
    let field = |length: usize, quote: &str| format!("id,note\n29,{quote}{}{quote}\n", "x".repeat(length));
    for quote in ["", "\""] {
        let portal = Portal::of(people());
        let desk = Desk::at(&portal);
        let roster = desk.roster(field(64 * 1024, quote));
        assert_eq!(desk.plan(&roster, "kill")["rows"]["matched"], 1);
        portal.assert_untouched();
    }
    for (quote, expected) in [
        (
            "",
            "line 2, column 2: the cell has 65537 bytes, and at most 65536 are read: is a double quote missing or left over?",
        ),
        (
            "\"",
            "line 2, column 2: the double quote at the beginning of this cell is not closed within 65536 bytes: close or delete it, \
             or shorten the cell",
        ),
    ] {
        let error = refused_without_a_question(&field(64 * 1024 + 1, quote)).json();
        let message = error["error"]["message"].as_str().unwrap();
        assert_eq!(message.lines().nth(1).map(str::trim), Some(expected), "{message}");
    }
}
