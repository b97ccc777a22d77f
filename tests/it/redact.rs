//! Erasing what is personal: no byte of it is left, and everything can still be proved.

use std::fs;
use std::path::Path;

use offboard24::sandbox::World;
use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Desk, Ended, HOW_TO, Portal};

const ENGLISH: &[u8] = include_bytes!("../../samples/roster-english.csv");

fn finished(roster: &[u8], code: i32) -> (Portal, Desk) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk
        .run(&["plan", &desk.roster(roster), "--action", "kill", "--json"])
        .expect(code)
        .json();
    desk.apply(&plan).expect(code);
    (portal, desk)
}

/// All values that are about a user, by the side table.
fn values_about(database: &Path, user: u32) -> Vec<String> {
    let db = Connection::open(database).unwrap();
    let mut statement = db
        .prepare("SELECT DISTINCT value FROM personal WHERE user = ?1 AND value IS NOT NULL")
        .unwrap();
    let rows = statement.query_map([user], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn redact(desk: &Desk, arguments: &[&str]) -> Ended {
    let asked = desk.run(&[&["audit", "redact"], arguments].concat()).expect(6);
    let next = asked
        .stderr
        .lines()
        .find(|line| line.starts_with("next: "))
        .unwrap()
        .to_owned();
    let count = next
        .split("--confirm ")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    desk.run(&[&["audit", "redact"], arguments, &["--confirm", &count, "--json"]].concat())
}

/// The files of the database that hold a text.
fn files_with(desk: &Desk, text: &str) -> Vec<String> {
    let folder = desk.database().parent().unwrap().to_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file()
            && fs::read(&path)
                .unwrap()
                .windows(text.len())
                .any(|bytes| bytes == text.as_bytes())
        {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

fn intact(desk: &Desk) {
    desk.run(&["audit", "verify"]).expect(0);
}

#[test]
fn no_byte_of_a_person_is_left_and_the_proof_holds() {
    let (portal, desk) = finished(HOW_TO, 0);
    let values = values_about(&desk.database(), 29);
    assert!(values.len() > 5, "{values:?}");
    assert!(values.iter().any(|value| !files_with(&desk, value).is_empty()));
    let events = desk.story().len();
    let done = redact(&desk, &["--person", "29", "--also", "all"]).expect(0).json();
    assert_eq!(done["user"], 29);
    assert!(done["values"].as_u64().unwrap() >= values.len() as u64);
    for value in values.iter().filter(|value| value.len() > 3) {
        assert_eq!(files_with(&desk, value), Vec::<String>::new(), "{value}");
    }
    assert!(values_about(&desk.database(), 29).is_empty());
    let kinds: Vec<Value> = desk
        .story()
        .split_off(events)
        .into_iter()
        .map(|event| event["kind"].clone())
        .collect();
    assert_eq!(kinds, ["personal_redacted", "redaction_finished"]);
    assert!(!desk.database().with_extension("db.vacuum").exists());
    intact(&desk);
    let shown = desk.run(&["show"]).expect(0).stdout;
    assert!(!shown.contains("Hargreaves"), "{shown}");
    drop(portal);
}

#[test]
fn values_about_others_with_the_name_in_them_are_listed_and_stay_unless_they_are_named() {
    let mut world = World::sample();
    let workflow = world.start_workflow(1, "21");
    world.ask(&workflow, "Hand over from Hargreaves", &[31]);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let plan = desk
        .run(&["plan", &desk.roster(ENGLISH), "--action", "kill", "--json"])
        .expect(4)
        .json();
    desk.apply(&plan).expect(4);
    let first = desk.run(&["audit", "redact", "--person", "29"]).expect(6);
    assert!(first.stderr.contains("Hand over from Hargreaves"), "{}", first.stderr);
    let done = redact(&desk, &["--person", "peter.hargreaves@example.com"])
        .expect(0)
        .json();
    let mentions = done["mentions"].as_array().unwrap().clone();
    assert!(!mentions.is_empty());
    assert!(!files_with(&desk, "Hand over from Hargreaves").is_empty());
    intact(&desk);
}

#[test]
fn while_a_job_with_the_person_is_not_finished_nothing_is_erased() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    let refused = desk
        .run(&["audit", "redact", "--person", "29", "--confirm", "1"])
        .expect(6);
    assert!(refused.stderr.contains("job 1 with user 29"), "{}", refused.stderr);
    assert!(!values_about(&desk.database(), 29).is_empty());
    desk.apply(&plan).expect(0);
    redact(&desk, &["--person", "29"]).expect(0);
}

#[test]
fn a_wrong_count_a_stranger_or_nobody_to_ask_erases_nothing() {
    let (_portal, desk) = finished(HOW_TO, 0);
    let events = desk.story().len();
    for (arguments, code) in [
        (&["--person", "29"][..], 6),
        (&["--person", "29", "--confirm", "1"], 6),
        (&["--person", "4711"], 2),
        (&["--person", "nobody@example.com"], 2),
        (&["--person", "9:1"], 2),
        (&["--person", "29", "--also", "0123456789ab"], 2),
    ] {
        desk.run(&[&["audit", "redact"], arguments].concat()).expect(code);
    }
    assert_eq!(desk.story().len(), events);
    redact(&desk, &["--person", "29"]).expect(0);
    let again = desk.run(&["audit", "redact", "--person", "29"]).expect(2);
    assert!(again.stderr.contains("it was erased on"), "{}", again.stderr);
}

#[test]
fn a_row_that_no_user_was_found_for_is_erased_by_its_number() {
    let (_portal, desk) = finished(ENGLISH, 4);
    assert!(!files_with(&desk, "zoe.unknown@example.com").is_empty());
    let done = redact(&desk, &["--person", "1:9"]).expect(0).json();
    assert_eq!(done["user"], Value::Null);
    assert_eq!(done["rows"], serde_json::json!([[1, 9]]));
    assert_eq!(files_with(&desk, "zoe.unknown@example.com"), Vec::<String>::new());
    intact(&desk);
}

#[test]
fn an_erasure_that_was_cut_off_before_its_cleaning_is_finished_by_the_next_opening() {
    let (_portal, desk) = finished(HOW_TO, 0);
    // A reader that does not let go keeps the write-ahead log from being emptied: the event and the erasure are on disk, the bytes linger.
    let reader = Connection::open(desk.database()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM event;").unwrap();
    let count = desk.run(&["audit", "redact", "--person", "29"]).expect(6).stderr;
    let count = count
        .split("--confirm ")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    desk.run(&["audit", "redact", "--person", "29", "--confirm", &count])
        .expect(8);
    assert!(!files_with(&desk, "peter.hargreaves@example.com").is_empty());
    let last = desk.story().pop().unwrap();
    assert_eq!(last["kind"], "personal_redacted");
    drop(reader);
    desk.run(&["audit", "checkpoint"]).expect(0);
    assert_eq!(files_with(&desk, "peter.hargreaves@example.com"), Vec::<String>::new());
    let last = desk.story().pop().unwrap();
    assert_eq!(last["kind"], "redaction_finished");
    intact(&desk);
}
