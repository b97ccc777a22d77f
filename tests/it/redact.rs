//! Erasing what is personal: no byte of it is left, and everything can still be proved.

use std::fs;
use std::path::{Path, PathBuf};

use offboard24::sandbox::World;
use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Desk, Ended, HOW_TO, Portal};

const ENGLISH: &[u8] = include_bytes!("../../samples/roster-english.csv");

/// All values that are about a user, by the side table.
fn values_about(database: &Path, user: u32) -> Vec<String> {
    let db = Connection::open(database).unwrap();
    let mut statement = db
        .prepare("SELECT DISTINCT value FROM personal WHERE user = ?1 AND value IS NOT NULL")
        .unwrap();
    let rows = statement.query_map([user], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// What a script decides by: the object of `--json` without `--confirm`.
fn asked(desk: &Desk, arguments: &[&str]) -> Value {
    desk.run(&[&["audit", "redact", "--json"], arguments].concat())
        .expect(6)
        .json()
}

/// Erases with the number that was shown.
fn confirmed(desk: &Desk, arguments: &[&str], further: &[&str]) -> Ended {
    let values = asked(desk, arguments)["values"].to_string();
    desk.run(&[&["audit", "redact"], arguments, &["--confirm", &values], further].concat())
}

/// A job with user 29 and a namesake, user 31, whose note and whose task name 29.
fn namesakes() -> (Portal, Desk) {
    let mut world = World::sample();
    world.edit_user(31, |user| user.last_name = Some("Hargreaves".to_owned()));
    let workflow = world.start_workflow(1, "21");
    world.ask(&workflow, "Hand over from Hargreaves", &[31]);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let roster = "id,last_name,note\n29,Hargreaves,\n31,Hargreaves,after Peter Hargreaves\n";
    let plan = desk
        .run(&["plan", &desk.roster(roster), "--action", "kill", "--json"])
        .expect(4)
        .json();
    desk.apply(&plan).expect(4);
    (portal, desk)
}

fn last_kind(desk: &Desk) -> String {
    let last = desk.story().pop().unwrap();
    last["kind"].as_str().unwrap().to_owned()
}

/// A file beside the database.
fn beside(desk: &Desk, ending: &str) -> PathBuf {
    desk.database().with_extension(format!("db{ending}"))
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
    let (portal, desk) = Desk::finished(HOW_TO, 0);
    let values = values_about(&desk.database(), 29);
    assert!(values.len() > 5, "{values:?}");
    assert!(values.iter().any(|value| !files_with(&desk, value).is_empty()));
    let events = desk.story().len();
    let done = desk.redact(&["--person", "29", "--also", "all"]).expect(0).json();
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
    let done = desk
        .redact(&["--person", "peter.hargreaves@example.com"])
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
    desk.redact(&["--person", "29"]).expect(0);
}

#[test]
fn a_wrong_count_a_stranger_or_nobody_to_ask_erases_nothing() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
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
    desk.redact(&["--person", "29"]).expect(0);
    let again = desk.run(&["audit", "redact", "--person", "29"]).expect(2);
    assert!(again.stderr.contains("it was erased on"), "{}", again.stderr);
}

#[test]
fn a_row_that_no_user_was_found_for_is_erased_by_its_number() {
    let (_portal, desk) = Desk::finished(ENGLISH, 4);
    assert!(!files_with(&desk, "zoe.unknown@example.com").is_empty());
    let done = desk.redact(&["--person", "1:9"]).expect(0).json();
    assert_eq!(done["user"], Value::Null);
    assert_eq!(done["rows"], serde_json::json!([[1, 9]]));
    assert_eq!(files_with(&desk, "zoe.unknown@example.com"), Vec::<String>::new());
    intact(&desk);
}

#[test]
fn while_a_reader_keeps_bytes_there_it_is_recorded_and_the_next_command_that_writes_finishes_it() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    // A reader that does not let go keeps the write-ahead log from being emptied: the event and the erasure are on disk, the bytes linger.
    let reader = Connection::open(desk.database()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM event;").unwrap();
    let lingers = confirmed(&desk, &["--person", "29"], &[]).expect(9).stderr;
    let seq = desk.story().len() - 1;
    for words in [
        &format!("what event {seq} erased is on record as erased, but bytes of it are still in"),
        "another program reads it",
        "every later command that writes tries it again, and so does the same offboard24 audit redact --person ID",
    ] {
        assert!(lingers.contains(words), "{lingers}");
    }
    assert!(!files_with(&desk, "peter.hargreaves@example.com").is_empty());
    assert_eq!(last_kind(&desk), "personal_redacted");
    drop(reader);
    desk.run(&["audit", "checkpoint"]).expect(0);
    assert_eq!(files_with(&desk, "peter.hargreaves@example.com"), Vec::<String>::new());
    assert_eq!(last_kind(&desk), "redaction_finished");
    intact(&desk);
}

#[test]
fn a_file_that_cannot_be_cleaned_is_named_and_stops_no_other_command() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let backup = beside(&desk, ".backup-1");
    fs::write(&backup, "not a database, and not empty either").unwrap();
    let lingers = confirmed(&desk, &["--person", "29"], &[]).expect(9).stderr;
    let name = backup.to_str().unwrap();
    let named = format!("still in {name}: {name} is not a database of offboard24");
    let remedy = format!(
        "next: let this user write {name}, or delete it: it is a copy from before an update; every later command"
    );
    assert!(lingers.contains(&named), "{lingers}");
    // What could be cleaned is clean.
    assert_eq!(files_with(&desk, "peter.hargreaves@example.com"), Vec::<String>::new());
    let other = desk.run(&["audit", "checkpoint"]).expect(0).stderr;
    assert!(other.contains(&named), "{other}");
    assert_eq!(last_kind(&desk), "personal_redacted");
    let again = desk.run(&["audit", "redact", "--person", "29"]).expect(9).stderr;
    assert!(again.contains(&named) && lingers.contains(&remedy), "{again}");
    fs::remove_file(&backup).unwrap();
    // The same command again: nothing is left to erase, and what was not finished is.
    let done = desk.run(&["audit", "redact", "--person", "29"]).expect(0).stdout;
    assert!(
        done.contains("nothing about user 29, row 1 of job 1 is left. No byte"),
        "{done}"
    );
    assert_eq!(last_kind(&desk), "redaction_finished");
    desk.run(&["audit", "redact", "--person", "29"]).expect(2);
    intact(&desk);
}

#[test]
fn what_is_left_of_a_cleaning_that_died_is_removed_and_nothing_else() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let folder = beside(&desk, ".vacuum");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("etilqs_0123456789abcdef"), "Hargreaves").unwrap();
    fs::write(folder.join("theirs"), "of somebody else").unwrap();
    desk.redact(&["--person", "29"]).expect(0);
    let left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["theirs"]);
    assert_eq!(last_kind(&desk), "redaction_finished");
}

#[test]
fn what_stayed_is_told_with_the_command_that_erases_it_when_the_name_is_gone() {
    let (_portal, desk) = namesakes();
    let done = confirmed(&desk, &["--person", "29"], &[]).expect(0).stdout;
    let command = done
        .lines()
        .find(|line| line.starts_with("offboard24 audit redact --person 29 --also "));
    let command: Vec<&str> = command.unwrap().split(' ').collect();
    let mentions = desk.run(&["audit", "redact", "--person", "29"]).expect(2).stderr;
    assert!(mentions.contains("it was erased on"), "{mentions}");
    assert!(!files_with(&desk, "Hand over from Hargreaves").is_empty());
    confirmed(&desk, &command[3..], &[]).expect(0);
    assert_eq!(files_with(&desk, "Hand over from Hargreaves"), Vec::<String>::new());
    assert_eq!(files_with(&desk, "after Peter Hargreaves"), Vec::<String>::new());
    intact(&desk);
}

#[test]
fn all_that_was_listed_leaves_a_namesake_their_name() {
    let (_portal, desk) = namesakes();
    let listed = desk.run(&["audit", "redact", "--person", "29"]).expect(6).stderr;
    for what in [
        "title of a task of user 31: Hand over from Hargreaves",
        "note of row 2 of job 1: after Peter Hargreaves",
    ] {
        assert!(listed.contains(what), "{listed}");
    }
    let mentions = asked(&desk, &["--person", "29"])["mentions"].take();
    assert!(
        mentions
            .as_array()
            .unwrap()
            .iter()
            .all(|mention| mention["value"] != "Hargreaves"),
        "{mentions}"
    );
    let done = desk.redact(&["--person", "29", "--also", "all"]).expect(0).json();
    assert_eq!(done["mentions"], serde_json::json!([]));
    assert_eq!(files_with(&desk, "after Peter Hargreaves"), Vec::<String>::new());
    assert!(values_about(&desk.database(), 31).contains(&"Hargreaves".to_owned()));
    intact(&desk);
}

#[test]
fn a_script_is_told_what_would_be_erased_and_the_next_command_repeats_what_was_typed() {
    let (_portal, desk) = namesakes();
    let alone = asked(&desk, &["--person", "29"]);
    assert_eq!(alone["error"]["kind"], "refused");
    let mention = alone["mentions"][0].clone();
    let digits = &mention["commitment"].as_str().unwrap()[..12];
    let (count, others) = (alone["values"].as_u64().unwrap(), alone["mentions"].as_array().unwrap());
    let typed = ["--person", "29", "--also", digits, "--reason", "request 7"];
    let with_one = asked(&desk, &typed);
    assert_eq!(with_one["values"], count + 1);
    assert_eq!(with_one["also"], serde_json::json!([mention["commitment"]]));
    assert_eq!(with_one["mentions"].as_array().unwrap().len(), others.len() - 1);
    assert_eq!(
        with_one["error"]["next"],
        format!(
            "offboard24 audit redact --person 29 --also {digits} --confirm {}, with the same --reason",
            count + 1
        )
    );
}

#[test]
fn a_reason_with_the_name_in_it_and_digits_that_are_none_are_refused() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    for (arguments, words) in [
        (
            ["--reason", "mr. HARGREAVES wishes it"],
            "the reason contains the person's name or address",
        ),
        (["--also", ",,"], "--also has nothing before or behind a comma"),
        (["--also", "Hargreaves"], "Hargreaves names no value"),
        (["--also", "0123456789ab"], "0123456789ab names no value that is there"),
    ] {
        let refused = desk.run(&[&["audit", "redact", "--person", "29"], &arguments[..]].concat());
        let refused = refused.expect(2).stderr;
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn an_address_that_nobody_has_any_more_may_have_been_erased_and_that_is_told() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let told = |command: &str, who: &str| desk.run(&["audit", command, "--person", who]).expect(2).stderr;
    let address = "peter.hargreaves@example.com";
    assert!(!told("redact", "nobody@example.com").contains("may have been erased"));
    desk.redact(&["--person", address]).expect(0);
    for command in ["redact", "log"] {
        let told = told(command, address);
        for words in [
            "has the e-mail address peter.hargreaves@example.com. Whoever had it may have been erased",
            "next: offboard24 audit log --kind personal_redacted lists who was erased",
        ] {
            assert!(told.contains(words), "{told}");
        }
    }
    // A number is never erased.
    assert!(!told("redact", "4711").contains("may have been erased"));
    assert!(!told("redact", "7:7").contains("may have been erased"));
    let listed = desk
        .run(&["audit", "log", "--kind", "personal_redacted"])
        .expect(0)
        .stdout;
    assert!(listed.contains("user 29, row 1 of job 1"), "{listed}");
    let log = desk
        .run(&["audit", "log", "--kind", "user_recorded", "--person", "29"])
        .expect(0)
        .stdout;
    assert!(log.contains("user 29 (erased) as the portal shows them"), "{log}");
}

#[test]
fn a_row_that_no_user_was_found_for_and_that_has_the_name_is_pointed_out() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster =
        "id,email,last_name\n29,,Hargreaves\n,p.h@elsewhere.example,HARGREAVES\n,other@elsewhere.example,Hart\n";
    desk.apply(&desk.plan(&desk.roster(roster), "kill")).expect(4);
    let hint = "row 2 of job 1 has the name in it, and no user was found for it. If it is the same person: \
                offboard24 audit redact --person 1:2";
    let listed = desk.run(&["audit", "redact", "--person", "29"]).expect(6).stderr;
    assert!(listed.contains(hint), "{listed}");
    assert_eq!(
        asked(&desk, &["--person", "29"])["rows_alike"],
        serde_json::json!([[1, 2]])
    );
    let done = confirmed(&desk, &["--person", "29"], &[]).expect(0).stdout;
    assert!(done.contains(hint), "{done}");
    assert_eq!(files_with(&desk, "p.h@elsewhere.example"), ["audit.db"]);
    // By the number of the row or by the address that is in it, here and in the log.
    let log = |who: &str| desk.run(&["audit", "log", "--person", who]).expect(0).stdout;
    assert_eq!(log("1:2"), log("p.h@elsewhere.example"));
    assert!(log("1:2").contains("HARGREAVES"));
    let done = desk.redact(&["--person", "P.H@elsewhere.example"]).expect(0).json();
    assert_eq!(
        (&done["user"], &done["rows"]),
        (&Value::Null, &serde_json::json!([[1, 2]]))
    );
    assert_eq!(files_with(&desk, "p.h@elsewhere.example"), Vec::<String>::new());
    intact(&desk);
}

#[test]
fn an_address_that_only_the_roster_has_names_the_user_whom_its_row_was_found_to_be() {
    let mut world = World::sample();
    world.edit_user(29, |user| user.email = None);
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    desk.apply(&desk.plan(&desk.roster("id,email\n29,private@example.org\n"), "kill"));
    let log = |who: &str| desk.run(&["audit", "log", "--person", who]).expect(0).stdout;
    assert_eq!(log("29"), log("private@example.org"));
    let done = desk.redact(&["--person", "private@example.org"]).expect(0).json();
    assert_eq!(
        (&done["user"], &done["rows"]),
        (&serde_json::json!(29), &serde_json::json!([[1, 1]]))
    );
}
