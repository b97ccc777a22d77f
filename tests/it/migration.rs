//! A database of an older version: readable as it is, copied before it is changed, and not an event of it lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use offboard24::journal::JournalFile;
use offboard24::journal::verify::{Against, verify};
use rusqlite::Connection;

use crate::support::Desk;

/// Version 1: one job with nine confirmed actions, made before there were checkpoints.
const VERSION_1: &[u8] = include_bytes!("../data/journal-version-1.db");

fn desk() -> Desk {
    let desk = Desk::with_webhook("");
    fs::create_dir_all(desk.database().parent().unwrap()).unwrap();
    fs::write(desk.database(), VERSION_1).unwrap();
    desk
}

fn backup(desk: &Desk) -> PathBuf {
    offboard24::files::beside(&desk.database(), ".backup-1")
}

fn version(database: &Path) -> i64 {
    let db = Connection::open(database).unwrap();
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

fn bodies(database: &Path) -> Vec<String> {
    JournalFile::open(database).unwrap().view().bodies().unwrap()
}

#[test]
fn reading_a_database_of_version_1_changes_no_byte_of_it() {
    let desk = desk();
    for command in [
        &["status"][..],
        &["show"],
        &["jobs"],
        &["audit", "log"],
        &["audit", "verify"],
        &["report", "--format", "json"],
        &["audit", "export", "-o", "evidence"],
    ] {
        desk.run(command).expect(0);
    }
    assert_eq!(fs::read(desk.database()).unwrap(), VERSION_1);
    let verified = desk.run(&["audit", "verify"]).expect(0);
    assert!(
        verified.stdout.contains("intact, by its hash chain alone"),
        "{}",
        verified.stdout
    );
    desk.run(&["audit", "verify", "evidence"]).expect(0);
}

#[test]
fn the_first_writing_copies_it_loses_no_event_and_signs_from_there_on() {
    let desk = desk();
    let before = bodies(&desk.database());
    desk.run(&["audit", "checkpoint"]).expect(0);
    assert_eq!(version(&desk.database()), 2);
    assert_eq!(bodies(&desk.database())[..before.len()], before);
    assert_eq!((version(&backup(&desk)), bodies(&backup(&desk))), (1, before));
    assert_eq!(fs::metadata(backup(&desk)).unwrap().permissions().mode() & 0o777, 0o600);
    let verified = desk.run(&["audit", "verify"]).expect(0);
    assert!(
        verified.stdout.contains("intact, signed up to event"),
        "{}",
        verified.stdout
    );
    let kept = verify(&backup(&desk), &Against::default()).unwrap();
    assert!(kept.is_intact(), "{:?}", kept.findings);
}

#[test]
fn an_erasure_reaches_the_copy_that_the_migration_made() {
    let desk = desk();
    desk.run(&["audit", "checkpoint"]).expect(0);
    let holds = |path: &Path, text: &str| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let address = "peter.hargreaves@example.com";
    assert!(holds(&desk.database(), address) && holds(&backup(&desk), address));
    desk.redact(&["--person", "29"]).expect(0);
    assert!(!holds(&desk.database(), address) && !holds(&backup(&desk), address));
    desk.run(&["audit", "verify"]).expect(0);
}

#[test]
fn a_copy_that_cannot_be_made_leaves_the_old_version_as_it_is() {
    let desk = desk();
    // Something is where the copy would be written before it gets its name.
    fs::create_dir(offboard24::files::beside(&backup(&desk), ".new")).unwrap();
    desk.run(&["audit", "checkpoint"]).expect(2);
    assert_eq!(version(&desk.database()), 1);
    assert_eq!(bodies(&desk.database()), {
        let whole = desk.folder().join("whole.db");
        fs::write(&whole, VERSION_1).unwrap();
        bodies(&whole)
    });
}

#[test]
fn a_database_of_this_version_is_opened_without_a_copy() {
    let desk = desk();
    for _ in 0..2 {
        desk.run(&["audit", "checkpoint"]).expect(0);
    }
    let copies = fs::read_dir(desk.database().parent().unwrap()).unwrap();
    let mut copies: Vec<PathBuf> = copies.map(|entry| entry.unwrap().path()).collect();
    copies.retain(|path| path.to_str().unwrap().contains(".backup-"));
    // An erasure reaches the copies of older versions; it would not look for another.
    assert_eq!(copies, [backup(&desk)]);
}
