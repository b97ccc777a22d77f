//! Checkpoints, the key, the head and the receipts: what makes tampering show from outside the file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use offboard24::journal::key::Keys;
use offboard24::journal::note::{Checkpoint, Note, VerifyingKey};
use offboard24::journal::receipt::Receipt;
use offboard24::sandbox::World;
use rusqlite::Connection;
use serde_json::Value;

use crate::support::scene::hex;
use crate::support::{Desk, HOW_TO, Portal};

/// All checkpoints: their sizes and notes.
fn checkpoints(desk: &Desk) -> Vec<(u64, Note)> {
    let db = Connection::open(desk.database()).unwrap();
    let mut statement = db.prepare("SELECT size, note FROM checkpoint ORDER BY size").unwrap();
    let rows = statement.query_map([], |row| {
        let note: String = row.get(1)?;
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), Note::parse(&note).unwrap()))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn key(desk: &Desk) -> VerifyingKey {
    let shown = desk.run(&["audit", "key", "show", "--json"]).expect(0).json();
    shown["key"].as_str().unwrap().parse().unwrap()
}

fn copy(desk: &Desk, name: &str) -> PathBuf {
    let to = desk.folder().join(name);
    fs::copy(desk.database(), &to).unwrap();
    to
}

fn put_back(desk: &Desk, copy: &Path) {
    fs::copy(copy, desk.database()).unwrap();
}

fn kinds(desk: &Desk) -> Vec<String> {
    let of = |event: &Value| event["kind"].as_str().unwrap().to_owned();
    desk.story().iter().map(of).collect()
}

#[test]
fn every_transaction_ends_with_a_checkpoint_and_the_last_one_is_the_head() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let (key, events) = (key(&desk), desk.story());
    let signed: Vec<(u64, Checkpoint)> = checkpoints(&desk)
        .iter()
        .map(|(size, note)| (*size, Checkpoint::verified(note, &key).unwrap()))
        .collect();
    assert!(signed.iter().all(|(size, checkpoint)| *size == checkpoint.size));
    assert_eq!(signed.last().unwrap().0, events.len() as u64);
    let reading = |event: &Value| (event["at"].clone(), event["monotonic_ms"].clone(), event["run"].clone());
    for pair in signed.windows(2) {
        let between = &events[usize::try_from(pair[0].0).unwrap()..usize::try_from(pair[1].0).unwrap()];
        assert!(between.iter().all(|event| reading(event) == reading(&between[0])));
    }
    let (_, last) = checkpoints(&desk).pop().unwrap();
    assert_eq!(fs::read_to_string(desk.head()).unwrap(), last.to_string());
}

#[test]
fn the_key_is_private_and_elsewhere_and_the_journal_names_its_public_part_before_anything_is_destroyed() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let found = fs::metadata(desk.key()).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(desk.key().parent().unwrap()).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let secret = fs::read_to_string(desk.key()).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    let place = |kind: &str| kinds(&desk).iter().position(|other| other == kind).unwrap();
    let named = place("signing_key_recorded");
    assert!(named < place("attempt_intended"));
    assert_eq!(desk.story()[named]["data"]["key"], key(&desk).to_string());
    for entry in fs::read_dir(desk.database().parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn a_run_ends_with_a_receipt_that_is_printed_and_written_and_agrees_with_the_journal() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    let confirm = plan["confirm"].as_str().unwrap().to_owned();
    let applied = desk.run(&["apply", "--confirm", &confirm]).expect(0);
    let file = desk
        .folder()
        .join(format!("state/offboard24/heads/{}-run-2.receipt", desk.database_id()));
    let text = fs::read_to_string(&file).unwrap();
    assert!(applied.stdout.contains(text.trim_end()), "{}", applied.stdout);
    let receipt = Receipt::parse(&text).unwrap();
    let (status, events) = (desk.status(), desk.story());
    assert_eq!(receipt.actions, [("confirmed".to_owned(), 9)]);
    assert_eq!(receipt.plan_hash.as_deref(), status["plan_hash"].as_str());
    let (first, last) = receipt.events;
    assert_eq!(events[usize::try_from(first).unwrap()]["kind"], "run_started");
    assert_eq!(events[usize::try_from(last).unwrap()]["kind"], "run_finished");
    let checkpoint = Checkpoint::verified(&receipt.note, &key(&desk)).unwrap();
    assert_eq!(checkpoint.size, last + 1);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_head_that_lags_is_what_a_crash_leaves_and_legitimate() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let earlier = checkpoints(&desk);
    for (_, note) in earlier.iter().step_by(7) {
        fs::write(desk.head(), note.to_string()).unwrap();
        desk.run(&["audit", "checkpoint"]).expect(0);
    }
    let head = fs::read_to_string(desk.head()).unwrap();
    assert_eq!(head, earlier.last().unwrap().1.to_string());
    assert!(!kinds(&desk).contains(&"head_missing".to_owned()));
}

#[test]
fn an_older_copy_put_back_is_refused_before_anything_is_asked() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    let older = copy(&desk, "older.db");
    desk.apply(&plan).expect(0);
    let newest = copy(&desk, "newest.db");
    put_back(&desk, &older);
    let asked = portal.requests().len();
    let confirm = plan["confirm"].as_str().unwrap();
    for command in [
        &["apply", "--confirm", confirm][..],
        &["plan", "roster.csv", "--action", "kill"],
        &["resume"],
        &["audit", "checkpoint"],
        &["audit", "key", "rotate"],
        &["audit", "redact", "--person", "29"],
    ] {
        let refused = desk.run(command).expect(6);
        assert!(refused.stderr.contains("its end is missing"), "{}", refused.stderr);
    }
    assert_eq!(portal.requests().len(), asked);
    assert_eq!(fs::read(desk.database()).unwrap(), fs::read(older).unwrap());
    put_back(&desk, &newest);
    desk.run(&["status"]).expect(0);
}

#[test]
fn a_journal_that_tells_another_story_than_the_head_is_refused() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    desk.plan(&desk.roster(HOW_TO), "kill");
    let fork = copy(&desk, "fork.db");
    desk.run(&["plan", "roster.csv", "--action", "kill"]).expect(0);
    let head = fs::read_to_string(desk.head()).unwrap();
    put_back(&desk, &fork);
    fs::remove_file(desk.head()).unwrap();
    desk.run(&["plan", "roster.csv", "--action", "terminate"]).expect(0);
    desk.run(&["plan", "roster.csv", "--action", "terminate"]).expect(0);
    fs::write(desk.head(), head).unwrap();
    let refused = desk.run(&["apply"]).expect(6);
    assert!(refused.stderr.contains("the journal was changed"), "{}", refused.stderr);
}

#[test]
fn without_a_head_it_runs_says_so_and_records_it() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    let head = fs::read_to_string(desk.head()).unwrap();
    fs::remove_file(desk.head()).unwrap();
    let confirm = plan["confirm"].as_str().unwrap();
    let applied = desk.run(&["apply", "--confirm", confirm]).expect(0);
    assert!(
        applied.stderr.contains("this machine has no head of this database"),
        "{}",
        applied.stderr
    );
    let size = Checkpoint::parse(&Note::parse(&head).unwrap().text).unwrap().size;
    let missing: Vec<Value> = desk
        .story()
        .into_iter()
        .filter(|event| event["kind"] == "head_missing")
        .collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0]["data"]["checkpoint"], size);
    assert!(desk.head().exists());
}

#[test]
fn a_head_that_is_no_checkpoint_or_somebody_elses_is_refused() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let (_other_portal, other) = Desk::finished(HOW_TO, 0);
    let foreign = fs::read_to_string(other.head()).unwrap();
    for (head, said) in [
        ("scribble", "is no checkpoint"),
        (foreign.as_str(), "is not signed with a key of"),
    ] {
        fs::write(desk.head(), head).unwrap();
        let refused = desk.run(&["audit", "checkpoint"]).expect(6);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}

#[test]
fn without_the_key_of_the_database_nothing_is_recorded_and_everything_can_be_read() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    let before = desk.story().len();
    fs::rename(desk.key(), desk.folder().join("away")).unwrap();
    let confirm = plan["confirm"].as_str().unwrap();
    let refused = desk.run(&["apply", "--confirm", confirm]).expect(6);
    assert!(refused.stderr.contains("which is not in"), "{}", refused.stderr);
    assert!(!desk.key().exists(), "a new key would sign another history");
    for command in [&["show"][..], &["status"], &["audit", "key", "show"]] {
        desk.run(command).expect(0);
    }
    assert_eq!(desk.story().len(), before);
    portal.assert_untouched();
    desk.run(&["apply", "--confirm", confirm, "--key-file", "away"])
        .expect(0);
}

#[test]
fn a_key_file_that_others_can_read_or_that_holds_no_key_is_refused() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    fs::set_permissions(desk.key(), fs::Permissions::from_mode(0o640)).unwrap();
    let open = desk.run(&["audit", "checkpoint"]).expect(2);
    assert!(open.stderr.contains("chmod 600"), "{}", open.stderr);
    fs::set_permissions(desk.key(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(
        desk.key(),
        "-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    let garbage = desk.run(&["audit", "checkpoint"]).expect(2);
    assert!(garbage.stderr.contains("holds no signing key"), "{}", garbage.stderr);
    // What cannot be looked at is not taken for what is not there yet.
    assert!(Keys::read(&desk.key().join("below a file")).is_err());
}

#[test]
fn a_rotation_is_signed_by_both_keys_and_only_the_new_one_signs_after_it() {
    let (portal, desk) = Desk::finished(HOW_TO, 0);
    let old = key(&desk);
    let rotated = desk.run(&["audit", "key", "rotate", "--json"]).expect(0).json();
    let new = key(&desk);
    assert_ne!(old, new);
    assert_eq!(rotated["key"], new.to_string());
    let last = checkpoints(&desk).pop().unwrap().1;
    assert!(last.verified_by(&old) && last.verified_by(&new));
    desk.run(&["plan", &desk.roster(HOW_TO), "--action", "kill"]).expect(0);
    let last = checkpoints(&desk).pop().unwrap().1;
    assert!(!last.verified_by(&old) && last.verified_by(&new));
    drop(portal);
}

#[test]
fn another_database_of_the_same_key_file_is_handed_over_to_the_new_key_by_its_next_run() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let other = ["--db", "other.db"];
    desk.plan(&roster, "kill");
    desk.run(&[&["plan", &roster, "--action", "kill"][..], &other].concat())
        .expect(0);
    desk.run(&["audit", "key", "rotate"]).expect(0);
    let before = desk
        .run(&[&["audit", "key", "show", "--json"][..], &other].concat())
        .expect(0)
        .json();
    let planned = desk
        .run(&[&["plan", &roster, "--action", "kill"][..], &other].concat())
        .expect(0);
    assert!(planned.stderr.contains("signed from here on"), "{}", planned.stderr);
    let after = desk
        .run(&[&["audit", "key", "show", "--json"][..], &other].concat())
        .expect(0)
        .json();
    assert_eq!(after["replaced"], serde_json::json!([before["key"]]));
    desk.run(&[&["audit", "verify"][..], &other].concat()).expect(0);
}

#[test]
fn a_second_copy_of_the_database_cannot_sign_while_the_first_one_does() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let copy = copy(&desk, "copy.db");
    let lock = offboard24::lock::Lock::take(&offboard24::files::beside(&desk.head(), ".lock")).unwrap();
    let refused = desk
        .run(&["audit", "checkpoint", "--db", copy.to_str().unwrap()])
        .expect(8);
    assert!(refused.stderr.contains("another run is at work"), "{}", refused.stderr);
    drop(lock);
    desk.run(&["audit", "checkpoint", "--db", copy.to_str().unwrap()])
        .expect(0);
}

#[test]
fn events_that_somebody_else_added_are_never_signed_by_this_program() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let db = Connection::open(desk.database()).unwrap();
    let (size, leaf): (i64, Vec<u8>) = db
        .query_row("SELECT seq + 1, leaf FROM event ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    let mut forged = desk.story().pop().unwrap();
    forged["prev"] = Value::String(hex(&leaf));
    let body = serde_json_canonicalizer::to_string(&forged).unwrap();
    db.execute(
        "INSERT INTO event VALUES (?1, ?2, ?3)",
        rusqlite::params![size, body, crate::support::scene::leaf(&body)],
    )
    .unwrap();
    drop(db);
    let head = fs::read_to_string(desk.head()).unwrap();
    fs::remove_file(desk.head()).unwrap();
    for head in [None, Some(head)] {
        if let Some(head) = head {
            fs::write(desk.head(), head).unwrap();
        }
        let refused = desk.run(&["audit", "checkpoint"]).expect(6);
        assert!(
            refused.stderr.contains("somebody else wrote them"),
            "{}",
            refused.stderr
        );
        let last = checkpoints(&desk).pop().unwrap().0;
        assert_eq!(i64::try_from(last).unwrap(), size);
    }
}

#[test]
fn runs_that_make_the_first_key_at_the_same_time_lose_none() {
    let portals: Vec<Portal> = (0..4).map(|_| Portal::of(World::sample())).collect();
    let desk = Desk::with_webhook("");
    let roster = desk.roster(HOW_TO);
    let name = |number: usize| format!("{number}.db");
    let runs: Vec<_> = portals
        .iter()
        .enumerate()
        .map(|(number, portal)| {
            let mut plan = desk.command(&["plan", &roster, "--action", "kill", "--db", &name(number)]);
            plan.env("OFFBOARD24_WEBHOOK", portal.url())
                .stderr(std::process::Stdio::null());
            plan.stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut run in runs {
        assert!(run.wait().unwrap().success());
    }
    for number in 0..portals.len() {
        desk.run(&["audit", "checkpoint", "--db", &name(number)]).expect(0);
    }
}

#[test]
fn the_id_of_a_database_that_is_none_names_no_file() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let hostile = desk.folder().join("hostile.db");
    fs::copy(desk.database(), &hostile).unwrap();
    let db = Connection::open(&hostile).unwrap();
    db.execute_batch("DROP TRIGGER event_is_not_updated").unwrap();
    db.execute(
        "UPDATE event SET body = replace(body, ?1, '../../../elsewhere/head')",
        [desk.database_id()],
    )
    .unwrap();
    drop(db);
    desk.run(&["audit", "checkpoint", "--db", hostile.to_str().unwrap()])
        .expect(6);
    assert!(!desk.folder().join("elsewhere").exists());
}

#[test]
fn what_is_recorded_and_not_brought_outside_is_said_to_be_recorded() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let events = desk.story().len();
    let head = desk.head();
    // A folder in its place cannot be replaced by a file.
    fs::create_dir(head.with_file_name(format!(".{}.offboard24-new", desk.database_id()))).unwrap();
    let failed = desk.run(&["audit", "key", "rotate"]).expect(9);
    assert!(
        failed.stderr.contains("is on record, but not outside the database"),
        "{}",
        failed.stderr
    );
    assert_eq!(desk.story().len(), events + 1);
}
