//! `audit verify`: real journals are intact, whatever happened to their runs; each finding is provoked; and no byte is changed.

use std::collections::BTreeSet;
use std::path::Path;

use offboard24::domain::{
    ActionId, ActionKind, ActionState, JobId, Outcome, Portal as PortalName, RunId, TaskId, UserId, WorkflowId,
};
use offboard24::journal::key::Keys;
use offboard24::journal::note::{SigningKey, VerifyingKey};
use offboard24::journal::verify::{Against, Checker, Code, Level, Place};
use offboard24::journal::{
    About, ActionEnded, ActionPlanned, ActionReopened, ActionReturned, AnswerKind, AttemptAnswered, AttemptIntended,
    ClockSetBack, Empty, Entry, Event, HeadMissing, JobClosed, JournalFile, Operator, PersonalRedacted, PlanApproved,
    PlanConfirmed, PlanDecided, PlanFrozen, RedactionFinished, ResidueRecorded, Returned, RunAbandoned, RunFinished,
    RunStarted, SigningKeyRecorded, SigningKeyRotated, TaskRecorded,
};
use offboard24::personal::Personal;
use offboard24::sandbox::World;
use serde_json::{Value, json};

use crate::support::{Desk, HOW_TO, Portal, Scene};

/// Every file in a folder with its bytes, and when it changed.
fn everything(folder: &Path) -> BTreeSet<(String, Vec<u8>, std::time::SystemTime)> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| {
            let changed = entry.metadata().unwrap().modified().unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap(), changed)
        })
        .collect()
}

fn set<const N: usize>(codes: [&'static str; N]) -> BTreeSet<&'static str> {
    codes.into()
}

#[test]
fn a_finished_job_is_intact_and_says_against_what_it_was_checked() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    let after_plan = desk.run(&["audit", "verify", "--json"]).expect(0).json();
    assert_eq!(
        (after_plan["level"].as_str(), after_plan["jobs"].as_u64()),
        (Some("head"), Some(1))
    );
    desk.apply(&plan).expect(0);

    let report = desk.run(&["audit", "verify", "--json"]).expect(0).json();
    assert_eq!(report["findings"], json!([]));
    assert_eq!(report["level"], "head");
    assert_eq!(report["key_known"], true);
    assert_eq!((&report["jobs"], &report["runs"]), (&json!(1), &json!(2)));
    assert_eq!(report["checked_against"][0]["behind"], 0);
    assert_eq!(report["events"].as_u64().unwrap(), desk.story().len() as u64);

    // On another machine there is the file alone.
    let elsewhere = Desk::with_webhook("");
    let copy = elsewhere.folder().join("copy.db");
    std::fs::copy(desk.database(), &copy).unwrap();
    let alone = elsewhere.run(&["audit", "verify", "copy.db"]).expect(0).stdout;
    assert!(
        alone.contains("not checked against anything outside the file"),
        "{alone}"
    );
    assert!(alone.contains("with the key that the file itself names"), "{alone}");
}

#[test]
fn where_all_is_well_sqlites_own_checks_are_not_made() {
    // A policy that takes several pages.
    let workflows: Vec<_> = (0..2000).map(|number| format!("1.{number}")).collect();
    let policy = format!("approval = \"always\"\n[protect]\nworkflows = {workflows:?}");
    for scene in [Scene::planned(), Scene::finished(), Scene::planned_under(&policy)] {
        let report = scene.report();
        assert!(report.is_intact(), "{:?}", report.findings);
        assert_eq!(report.structure_by, Checker::Own);
    }
    let scene = Scene::finished();
    scene.force_sql("DROP INDEX event_by_user");
    assert_eq!(scene.report().structure_by, Checker::Sqlite);
}

#[test]
fn jobs_runs_and_values_are_counted() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    desk.plan(&roster, "kill");
    let plan = desk.plan(&roster, "kill");
    desk.apply(&plan).expect(0);
    let report = desk.run(&["audit", "verify", "--json"]).expect(0).json();
    assert_eq!((&report["jobs"], &report["runs"]), (&json!(2), &json!(3)));
    let stock = rusqlite::Connection::open(desk.database()).unwrap();
    let values = "SELECT count(*) FROM personal WHERE salt IS NOT NULL";
    let values: i64 = stock.query_row(values, [], |row| row.get(0)).unwrap();
    assert_eq!(report["values"], json!(values));
}

#[test]
fn the_evidence_stays_as_it_is_with_a_log_and_without_one() {
    let scene = Scene::finished();
    let before = everything(scene.folder());
    assert_eq!(scene.codes(), set([]));
    assert_eq!(everything(scene.folder()), before);

    // What a process leaves that is killed: a log, and the index of the log.
    let db = scene.stock();
    db.execute_batch("PRAGMA wal_autocheckpoint = 0; CREATE TABLE another (a); DROP TABLE another")
        .unwrap();
    let killed = scene.folder().join("killed");
    std::fs::create_dir(&killed).unwrap();
    for ending in ["", "-wal", "-shm"] {
        std::fs::copy(
            format!("{}{ending}", scene.database().display()),
            killed.join(format!("audit.db{ending}")),
        )
        .unwrap();
    }
    drop(db);
    for gone in [None, Some("audit.db-shm")] {
        if let Some(gone) = gone {
            std::fs::remove_file(killed.join(gone)).unwrap();
        }
        let before = everything(&killed);
        let report = offboard24::journal::verify::verify(&killed.join("audit.db"), &Against::default()).unwrap();
        assert!(report.is_intact() && report.with_log, "{:?}", report.findings);
        assert_eq!(everything(&killed), before);
    }
}

#[test]
fn a_journal_is_verified_in_a_folder_that_cannot_be_written_and_under_any_name() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::finished();
    let folder = scene.folder().join("a folder, 100% #1?");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("копия &b=c.db");
    std::fs::copy(scene.database(), &file).unwrap();
    let mode = |mode| std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o500);
    let report = offboard24::journal::verify::verify(&file, &Against::default()).unwrap();
    mode(0o700);
    assert!(report.is_intact(), "{:?}", report.findings);
    let names: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert_eq!(names.len(), 1);
}

#[test]
fn a_journal_that_a_process_is_writing_can_be_verified() {
    let scene = Scene::finished();
    let keys = Keys::read(&scene.key()).unwrap();
    let clock = std::sync::Arc::new(offboard24::clock::SystemClock);
    let journal = offboard24::journal::Journal::open_signed(&scene.database(), clock, keys, &scene.heads()).unwrap();
    let against = Against {
        is_live: true,
        ..Against::default()
    };
    assert_eq!(scene.codes_against(&against), set([]));
    drop(journal);
}

#[test]
fn what_is_no_file_is_a_usage_error_and_what_is_no_journal_is_a_finding() {
    let desk = Desk::with_webhook("");
    let missing = desk.run(&["audit", "verify", "nowhere.db"]).expect(2).stderr;
    assert!(missing.contains("there is no database at"), "{missing}");
    desk.run(&["audit", "verify", "."]).expect(2);
    desk.run(&["audit", "verify", "--key", "no-key", "nowhere.db"])
        .expect(2);
    let path = |name: &str| desk.folder().join(name);
    std::fs::write(path("empty.db"), "").unwrap();
    std::fs::write(
        path("text.db"),
        "not a database, and long enough to be taken for one. ".repeat(100),
    )
    .unwrap();
    rusqlite::Connection::open(path("foreign.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    for name in ["empty.db", "text.db", "foreign.db"] {
        let report = desk.run(&["audit", "verify", name, "--json"]).expect(11).json();
        let codes: Vec<&str> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["code"].as_str().unwrap())
            .collect();
        assert!(codes.contains(&"identity"), "{name}: {codes:?}");
    }
}

#[test]
fn damage_is_told_with_its_code_its_place_and_what_it_means() {
    let scene = Scene::finished();
    let seq = scene.first("action_ended");
    scene.force_sql(&format!(
        "UPDATE event SET body = replace(body, '\"outcome\":\"confirmed\"', '\"outcome\":\"presumed\"') WHERE seq = {seq}"
    ));
    let desk = Desk::with_webhook("");
    let ended = desk
        .run(&["audit", "verify", scene.database().to_str().unwrap()])
        .expect(11);
    let line = ended.stdout.lines().find(|line| line.starts_with("leaf ")).unwrap();
    assert!(
        line.contains(&format!("event {seq}: its body does not match its hash")),
        "{line}"
    );
    assert!(ended.stdout.contains("DAMAGED"), "{}", ended.stdout);
}

/// Damage to the file that leaves the words of the events alone, and what is found.
#[test]
fn damage_to_the_file_has_its_own_codes() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("version", "PRAGMA user_version = 77", &["version"]),
        ("identity", "PRAGMA application_id = 77", &["identity"]),
        ("schema", "DROP TRIGGER event_is_not_deleted", &["schema"]),
        (
            "schema",
            "DROP TRIGGER event_is_not_deleted; CREATE TRIGGER event_is_not_deleted BEFORE DELETE ON event BEGIN SELECT 1; END",
            &["schema"],
        ),
        ("schema", "DROP INDEX event_by_user", &["schema"]),
        ("schema", "CREATE TABLE another (a)", &["schema"]),
        ("schema", "DROP TABLE residue", &["schema"]),
        (
            "schema",
            "DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT 1",
            &["schema"],
        ),
    ];
    for (what, sql, expected) in cases {
        let scene = Scene::finished();
        let db = scene.stock();
        db.execute_batch(sql).unwrap();
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        drop(db);
        assert_eq!(scene.codes(), expected.iter().copied().collect(), "{what}: {sql}");
    }
}

#[test]
fn damage_to_rows_has_its_own_codes() {
    let first = |kind: &str| Scene::finished().first(kind);
    let (ended, user) = (first("action_ended"), first("user_recorded"));
    let cases: Vec<(String, &[&str])> = vec![
        // Of the record.
        (format!("UPDATE event SET leaf = zeroblob(32) WHERE seq = {ended}"), &["leaf"]),
        ("UPDATE event SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM event)".to_owned(), &["sequence"]),
        (
            format!("UPDATE event SET body = json_set(body, '$.at', '2001-01-01T00:00:00.000Z') WHERE seq = {ended}"),
            &["leaf", "time-backwards", "checkpoint-root", "projection"],
        ),
        (
            format!("UPDATE event SET body = replace(body, '\"job\":1', '\"job\": 1') WHERE seq = {user}"),
            &["leaf", "body-not-canonical", "checkpoint-root"],
        ),
        (
            format!("UPDATE event SET body = replace(body, '\"active\":false', '\"active\":false,\"admin\":false') WHERE seq = {user}"),
            &["leaf", "body-unknown", "value-foreign", "checkpoint-root", "projection"],
        ),
        // Of the personal values.
        ("UPDATE personal SET value = value || 'x' WHERE rowid = 5".to_owned(), &["value-changed"]),
        ("UPDATE personal SET salt = zeroblob(32) WHERE rowid = 5".to_owned(), &["value-changed"]),
        ("UPDATE personal SET salt = NULL, value = NULL WHERE rowid = 5".to_owned(), &["value-erased-without-event"]),
        ("DELETE FROM personal WHERE rowid = 5".to_owned(), &["value-missing"]),
        ("UPDATE personal SET event = event + 1 WHERE rowid = 5".to_owned(), &["value-misfiled"]),
        ("UPDATE personal SET event = event - 3 WHERE rowid = 20".to_owned(), &["value-misfiled"]),
        (format!("UPDATE personal SET user = 4711 WHERE event = {user}"), &["value-misfiled"]),
        (
            "INSERT INTO personal SELECT printf('%064d', 7), event, user, roster_row, salt, value FROM personal WHERE rowid = 5".to_owned(),
            &["value-foreign"],
        ),
        ("UPDATE personal SET commitment = printf('%064d', 7) WHERE rowid = 5".to_owned(), &["value-missing", "value-foreign"]),
        ("UPDATE personal SET event = 100000 WHERE rowid = 5".to_owned(), &["value-misfiled", "foreign-keys"]),
        // Of the checkpoints.
        ("DELETE FROM checkpoint WHERE size = (SELECT min(size) FROM checkpoint)".to_owned(), &["checkpoint-missing"]),
        ("DELETE FROM checkpoint".to_owned(), &["checkpoint-missing"]),
        (
            "UPDATE checkpoint SET size = size + 5 WHERE size = (SELECT max(size) FROM checkpoint)".to_owned(),
            &["checkpoint-missing", "checkpoint-beyond"],
        ),
        ("UPDATE checkpoint SET note = 'x'".to_owned(), &["checkpoint-format"]),
        // Of what is made from the events.
        ("UPDATE action SET state = 'held' WHERE action = 1".to_owned(), &["projection"]),
        ("DELETE FROM task WHERE task = (SELECT min(task) FROM task)".to_owned(), &["projection"]),
        ("INSERT INTO residue VALUES (1, 'abc', 3)".to_owned(), &["projection"]),
    ];
    for (sql, expected) in cases {
        let scene = Scene::finished();
        scene.force_sql(&format!("PRAGMA foreign_keys = OFF; {sql}"));
        assert_eq!(scene.codes(), expected.iter().copied().collect(), "{sql}");
    }
}

#[test]
fn swapped_values_are_found_and_a_row_that_was_put_back_as_it_was_is_not() {
    let scene = Scene::finished();
    scene.force_sql(
        "CREATE TEMP TABLE two AS SELECT rowid AS r, salt, value FROM personal WHERE rowid IN (5, 9);
         UPDATE personal SET salt = (SELECT salt FROM two WHERE r = 14 - personal.rowid),
             value = (SELECT value FROM two WHERE r = 14 - personal.rowid) WHERE rowid IN (5, 9)",
    );
    let report = scene.report();
    assert_eq!(report.counts.get(&Code::ValueChanged), Some(&2));

    let scene = Scene::finished();
    scene.force_sql(
        "CREATE TEMP TABLE one AS SELECT * FROM personal WHERE rowid = 5; DELETE FROM personal WHERE rowid = 5;
         INSERT INTO personal SELECT * FROM one",
    );
    assert_eq!(scene.codes(), set([]));
}

#[test]
fn bytes_of_the_file_that_sqlite_never_shows_are_looked_at() {
    for (at, code) in [
        (16, "file-header"),
        (21, "file-header"),
        (24, "file-header"),
        (60, "version"),
        (75, "file-header"),
    ] {
        let scene = Scene::finished();
        let mut bytes = std::fs::read(scene.database()).unwrap();
        bytes[at] ^= 1;
        std::fs::write(scene.database(), bytes).unwrap();
        assert!(scene.codes().contains(code), "byte {at}: {:?}", scene.codes());
    }
    let scene = Scene::finished();
    let mut bytes = std::fs::read(scene.database()).unwrap();
    bytes.extend([0; 4096]);
    std::fs::write(scene.database(), bytes).unwrap();
    assert!(scene.codes().contains("file-length"), "{:?}", scene.codes());
    let scene = Scene::finished();
    let bytes = std::fs::read(scene.database()).unwrap();
    std::fs::write(scene.database(), &bytes[..bytes.len() - 4096]).unwrap();
    assert!(scene.codes().contains("file-length"), "{:?}", scene.codes());
}

#[test]
fn an_index_that_was_destroyed_is_found() {
    let scene = Scene::finished();
    let page: i64 = scene
        .stock()
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'event_by_user'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let mut bytes = std::fs::read(scene.database()).unwrap();
    bytes[(usize::try_from(page).unwrap() - 1) * 4096] = 0xff;
    std::fs::write(scene.database(), bytes).unwrap();
    assert_eq!(scene.codes(), set(["sqlite-integrity"]));
}

#[test]
fn an_index_that_lacks_entries_is_found() {
    for (index, few) in [
        ("event_by_job", " WHERE seq > 9"),
        ("event_by_workflow", " AND seq > 99"),
        ("event_by_user", " AND user <> 29"),
        ("personal_by_user", " AND user <> 29"),
    ] {
        let scene = Scene::finished();
        let text: String = scene
            .stock()
            .query_row("SELECT sql FROM sqlite_schema WHERE name = ?1", [index], |row| {
                row.get(0)
            })
            .unwrap();
        // The index is made of some rows, and then says again that it is of all.
        let other = |text: &str| {
            let db = scene.stock();
            db.execute_batch("PRAGMA writable_schema = ON").unwrap();
            db.execute("UPDATE sqlite_schema SET sql = ?1 WHERE name = ?2", [text, index])
                .unwrap();
        };
        other(&format!("{text}{few}"));
        scene.stock().execute_batch(&format!("REINDEX {index}")).unwrap();
        other(&text);
        let db = scene.stock();
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        drop(db);
        assert_eq!(scene.codes(), set(["sqlite-integrity"]), "{index}");
    }
}

#[test]
fn a_row_that_differs_from_the_events_is_named() {
    for (sql, message) in [
        (
            "INSERT INTO residue VALUES (1, 'abc', 3)",
            "the row of job 1, workflow abc is in no event",
        ),
        (
            "DELETE FROM action WHERE job = 1 AND action = 1",
            "the row of job 1, action 1 is missing",
        ),
        (
            "UPDATE action SET state = 'held' WHERE action < 3",
            "2 rows differ; the row of job 1, action 1 says something else than the events",
        ),
    ] {
        let scene = Scene::finished();
        scene.force_sql(&format!("PRAGMA foreign_keys = OFF; {sql}"));
        let findings = scene.report().findings;
        let found: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, [message]);
    }
}

#[test]
fn an_erasure_is_found_in_order_only_when_it_erased_what_it_says() {
    let scene = Scene::finished();
    let db = scene.stock();
    let (user, values): (u32, u32) = db
        .query_row(
            "SELECT user, count(*) FROM personal WHERE user IS NOT NULL GROUP BY user ORDER BY 2 DESC",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    drop(db);
    let redacted = |values| {
        Entry::own(Event::PersonalRedacted(PersonalRedacted {
            user: Some(UserId(user)),
            rows: Vec::new(),
            also: Vec::new(),
            values,
            operator: operator("ann"),
            reason: Some(Personal::new("asked to").about(About::Nobody)),
        }))
    };
    let before = scene.copy();
    scene.append(None, [redacted(values)]);
    let report = scene.report();
    assert!(report.is_intact(), "{:?}", report.findings);
    assert_eq!(report.structure_by, Checker::Own);
    assert_eq!(report.values_erased, u64::from(values));
    // Put back from an older copy.
    let put_back = scene.copy();
    put_back.force_sql(&format!(
        "ATTACH '{}' AS old; UPDATE personal SET salt = (SELECT salt FROM old.personal o WHERE o.commitment = personal.commitment),
             value = (SELECT value FROM old.personal o WHERE o.commitment = personal.commitment) WHERE user = {user}",
        before.database().display()
    ));
    assert_eq!(put_back.codes(), set(["redaction-unfinished"]));
    // One more than it says.
    scene
        .stock()
        .execute_batch("UPDATE personal SET salt = NULL, value = NULL WHERE rowid = (SELECT min(rowid) FROM personal WHERE salt IS NOT NULL)")
        .unwrap();
    assert_eq!(scene.codes(), set(["value-erased-without-event"]));
    // It says that it erases more than there is.
    before.append(None, [redacted(values + 1)]);
    assert_eq!(before.codes(), set(["totals"]));
}

#[test]
fn an_event_that_was_changed_together_with_its_hash_breaks_the_chain() {
    let scene = Scene::finished();
    let seq = i64::try_from(scene.first("run_started")).unwrap();
    scene.force(|db| {
        let text: String = db
            .query_row("SELECT body FROM event WHERE seq = ?1", [seq], |row| row.get(0))
            .unwrap();
        let changed = text.replace("\"command\":\"plan\"", "\"command\":\"show\"");
        assert_ne!(text, changed);
        let leaf = crate::support::leaf(&changed);
        db.execute(
            "UPDATE event SET body = ?2, leaf = ?3 WHERE seq = ?1",
            rusqlite::params![seq, changed, leaf],
        )
        .unwrap();
    });
    let report = scene.report();
    assert_eq!(report.findings[0].at, Place::Event(seq + 1));
    assert_eq!(
        crate::support::codes(&report),
        set(["chain", "checkpoint-root", "projection"])
    );
}

#[test]
fn a_write_ahead_log_of_another_journal_is_told_from_damage() {
    let (scene, other) = (Scene::planned(), Scene::finished());
    let events = scene.bodies().len();
    let beside = |scene: &Scene| std::path::PathBuf::from(format!("{}-wal", scene.database().display()));
    // A log that holds the other journal's end.
    let db = other.stock();
    db.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 3; UPDATE run SET command = 'forged'")
        .unwrap();
    std::fs::copy(beside(&other), beside(&scene)).unwrap();
    drop(db);
    let report = scene.report();
    assert_eq!(crate::support::codes(&report), set(["foreign-write-ahead-log"]));
    assert!(
        report.findings[0]
            .message
            .contains(&format!("intact up to event {}", events - 1))
    );
}

#[test]
fn an_end_that_was_cut_off_is_found_with_the_head_or_the_receipt_and_not_without() {
    let scene = Scene::finished();
    let (head, receipt) = (scene.head(), scene.receipt());
    let checkpoint = "(SELECT size FROM checkpoint ORDER BY size DESC LIMIT 1 OFFSET 3)";
    scene.force_sql(&format!(
        "PRAGMA foreign_keys = OFF; DELETE FROM personal WHERE event >= {checkpoint}; DELETE FROM event WHERE seq >= {checkpoint};
         DELETE FROM checkpoint WHERE size > (SELECT count(*) FROM event)"
    ));
    // Whoever cuts it off brings the other tables in line: not judged here.
    let without_projection = |against: &Against| {
        let mut codes = scene.codes_against(against);
        codes.remove("projection");
        codes
    };
    assert_eq!(without_projection(&Against::default()), set([]));
    let with_head = Against {
        head: Some(head),
        ..Against::default()
    };
    assert_eq!(without_projection(&with_head), set(["head-beyond"]));
    let with_receipt = Against {
        receipts: vec![receipt],
        ..Against::default()
    };
    assert_eq!(
        without_projection(&with_receipt),
        set(["receipt-beyond", "receipt-statement"])
    );
}

#[test]
fn a_receipt_is_read_out_of_a_ticket_and_one_that_is_not_whole_is_at_fault_and_not_the_database() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let receipt = std::fs::read_to_string(
        desk.head()
            .with_file_name(format!("{}-run-2.receipt", desk.database_id())),
    );
    let quoted = receipt.unwrap().replace('\n', "\r\n> ");
    let verify = |text: &str, code| {
        std::fs::write(desk.folder().join("ticket.txt"), text).unwrap();
        desk.run(&["audit", "verify", "--receipt", "ticket.txt"])
            .expect(code)
            .stdout
    };
    let whole = verify(
        &format!("Hello,\r\nhere it is:\r\n\r\n> {quoted}\r\n-- \r\nAnn Lee\r\n"),
        0,
    );
    assert!(whole.contains("the receipt ticket.txt agrees up to event"), "{whole}");
    let cut = verify(&format!("> {}", &quoted[..quoted.rfind('—').unwrap()]), 11);
    assert!(!cut.contains("DAMAGED") && !cut.contains("Keep the file"), "{cut}");
    for told in [
        "ticket.txt: it is no receipt of offboard24: the checkpoint is not signed as it should be",
        "the database is intact, signed up to event",
        "what is named above is at fault, and not the database. Take each receipt as the run printed it",
    ] {
        assert!(cut.contains(told), "{told}: {cut}");
    }
    // What is wrong with the database is its own fault.
    let db = rusqlite::Connection::open(desk.database()).unwrap();
    db.execute_batch("DROP TRIGGER event_is_not_deleted").unwrap();
    drop(db);
    let damaged = verify("none", 11);
    assert!(damaged.contains("DAMAGED: 2 findings. Keep the file"), "{damaged}");
}

#[test]
fn receipts_heads_and_keys_of_others_do_not_agree() {
    let (scene, other) = (Scene::finished(), Scene::planned());
    let elsewhere = Desk::with_webhook("");
    let write = |name: &str, text: &str| {
        let path = elsewhere.folder().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let head = std::fs::read_to_string(scene.head()).unwrap();
    let receipt = std::fs::read_to_string(scene.receipt()).unwrap();
    let with_head = |text: &str| {
        let against = Against {
            head: Some(write("head", text)),
            ..Against::default()
        };
        scene.codes_against(&against)
    };
    let with_receipt = |text: &str| {
        let against = Against {
            receipts: vec![write("receipt", text)],
            ..Against::default()
        };
        scene.codes_against(&against)
    };
    assert_eq!(with_head(&head), set([]));
    assert_eq!(with_receipt(&receipt), set([]));
    assert_eq!(with_head("x"), set(["head-format"]));
    assert_eq!(with_receipt(&head), set(["receipt-format"]));
    assert_eq!(
        with_head(&std::fs::read_to_string(other.head()).unwrap()),
        set(["head-origin"])
    );
    let foreign = Against {
        receipts: vec![scene.receipt()],
        ..Against::default()
    };
    assert_eq!(other.codes_against(&foreign), set(["receipt-origin"]));
    let size = head.lines().nth(1).unwrap();
    let fewer = (size.parse::<u64>().unwrap() - 1).to_string();
    let about_fewer = |text: &str| text.replace(&format!("\n{size}\n"), &format!("\n{fewer}\n"));
    assert_eq!(with_head(&about_fewer(&head)), set(["head-root", "head-signature"]));
    assert_eq!(
        with_receipt(&about_fewer(&receipt)),
        set(["receipt-root", "receipt-signature"])
    );
    assert_eq!(
        with_receipt(&receipt.replace("state: complete", "state: stopped")),
        set(["receipt-statement"])
    );

    let key = scene.report().key.unwrap();
    let stranger = SigningKey::from_seed(&[7; 32]).verifying(
        key.split('+')
            .next()
            .unwrap()
            .parse::<offboard24::journal::note::KeyName>()
            .as_ref()
            .unwrap(),
    );
    let with_key = |key: &str| Against {
        key: Some(key.parse().unwrap()),
        ..Against::default()
    };
    assert_eq!(scene.codes_against(&with_key(&key)), set([]));
    assert!(scene.report_against(&with_key(&key)).key_known);
    assert_eq!(
        scene.codes_against(&with_key(&stranger.to_string())),
        set(["key-unknown"])
    );
}

#[test]
fn a_journal_written_anew_and_signed_with_the_stolen_key_is_found_only_with_what_left_the_machine() {
    let scene = Scene::finished();
    let head = Against {
        head: Some(scene.head()),
        receipts: vec![scene.receipt()],
        ..Against::default()
    };
    let seq = scene.first("run_started");
    scene.rewrite(|bodies| bodies[seq]["data"]["os_user"] = json!("somebody-else"));
    assert_eq!(scene.codes(), set(["checkpoint-root"]));
    scene.sign_again();
    let report = scene.report();
    assert_eq!((report.is_intact(), report.level), (true, Level::Checkpoints));
    assert_eq!(scene.codes_against(&head), set(["head-root", "receipt-root"]));
}

#[test]
fn checkpoints_signed_with_another_key_are_not_those_of_the_key_in_force() {
    let scene = Scene::finished();
    scene.sign_again_with(&SigningKey::from_seed(&[7; 32]));
    assert_eq!(scene.codes(), set(["checkpoint-key"]));

    let scene = Scene::finished();
    scene.force_sql("UPDATE checkpoint SET note = (SELECT note FROM checkpoint c WHERE c.size < checkpoint.size ORDER BY size DESC LIMIT 1)
         WHERE size = (SELECT max(size) FROM checkpoint)");
    assert_eq!(scene.codes(), set(["checkpoint-size", "checkpoint-root"]));

    let scene = Scene::finished();
    let note: String = scene
        .stock()
        .query_row("SELECT note FROM checkpoint ORDER BY size DESC", [], |row| row.get(0))
        .unwrap();
    let mut forged = note.clone().into_bytes();
    let place = forged.len() - 10;
    forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    scene.force(|db| {
        assert_eq!(
            db.execute("UPDATE checkpoint SET note = ?2 WHERE note = ?1", [&note, &forged])
                .unwrap(),
            1
        );
    });
    assert_eq!(scene.codes(), set(["checkpoint-signature"]));

    let scene = Scene::finished();
    let origin = note.lines().next().unwrap();
    scene.force_sql(&format!(
        "UPDATE checkpoint SET note = replace(note, '{origin}' || char(10), 'other/journal' || char(10))"
    ));
    assert_eq!(scene.codes(), set(["checkpoint-origin", "checkpoint-signature"]));
}

/// Job 1 of [`Scene::planned`], in the hands of somebody who has the key and the program's own way to write.
struct Forger {
    scene: Scene,
    frozen: PlanFrozen,
    actions: Vec<(WorkflowId, Vec<UserId>)>,
    confirm: String,
    portal: String,
}

fn operator(os_user: &str) -> Operator {
    Operator {
        os_user: os_user.to_owned(),
        login_user: None,
        host: "desk".to_owned(),
    }
}

/// The run that the forger begins.
const RUN: RunId = RunId(2);

impl Forger {
    fn new() -> Self {
        Self::of(Scene::planned())
    }

    fn of(scene: Scene) -> Self {
        let file = JournalFile::open(&scene.database()).unwrap();
        let view = file.view();
        let job = view.job(JobId(1)).unwrap().unwrap();
        let actions = view.actions(JobId(1)).unwrap();
        let hash = job.plan_hash.unwrap();
        let confirm = format!("{}:{}:{}", job.portal, actions.len(), &hash[..8]);
        let actions = actions
            .into_iter()
            .map(|action| (action.workflow, action.people.into_iter().collect()))
            .collect();
        let frozen = &scene.bodies()[scene.first("plan_frozen")]["data"];
        Self {
            frozen: serde_json::from_value(frozen.clone()).unwrap(),
            portal: job.portal.0,
            scene,
            actions,
            confirm,
        }
    }

    fn started(&self) -> Event {
        Event::RunStarted(Box::new(RunStarted {
            command: "apply".to_owned(),
            os_user: "mallory".to_owned(),
            login_user: None,
            host: "desk".to_owned(),
            process: 1,
            version: "0".to_owned(),
            portal: PortalName(self.portal.clone()),
            webhook_owner: UserId(1),
            credential: String::new(),
            policy_hash: String::new(),
            clock_offset_ms: 0,
        }))
    }

    fn confirmed(&self) -> Event {
        Event::PlanConfirmed(PlanConfirmed {
            confirm: self.confirm.clone(),
            by: "--confirm".to_owned(),
        })
    }

    /// The account that made the plan.
    fn planner(&self) -> String {
        let started = self.scene.first("run_started");
        self.scene.bodies()[started]["data"]["os_user"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn approved(&self, by: &str) -> Event {
        Event::PlanApproved(PlanApproved {
            plan_hash: self.frozen.plan_hash.clone(),
            operator: operator(by),
            by: "terminal".to_owned(),
        })
    }

    /// Somebody decides something that leaves the plan as it is.
    fn decided_by(&self, by: &str) -> Vec<Event> {
        let decided = Event::PlanDecided(Box::new(PlanDecided {
            plan_hash: self.frozen.plan_hash.clone(),
            operator: operator(by),
            row: None,
            user: None,
        }));
        let planned = (1..).zip(&self.actions).map(|(action, (workflow, people))| {
            Event::ActionPlanned(ActionPlanned {
                action: ActionId(action),
                workflow: workflow.clone(),
                kind: Some(ActionKind::Kill),
                people: people.clone(),
                participants: people.clone(),
                holds: Vec::new(),
            })
        });
        let frozen = Event::PlanFrozen(self.frozen.clone());
        [decided].into_iter().chain(planned).chain([frozen]).collect()
    }

    fn intended(&self, action: u32, attempt: u32) -> AttemptIntended {
        let (workflow, people) = &self.actions[action as usize - 1];
        AttemptIntended {
            action: ActionId(action),
            attempt,
            kind: ActionKind::Kill,
            workflow: workflow.clone(),
            key: format!("a{action}"),
            waiting: people.clone(),
            rechecked_ms_ago: 5,
        }
    }

    fn sent(&self, action: u32, attempt: u32) -> Event {
        Event::AttemptIntended(self.intended(action, attempt))
    }

    /// What is found after a run with these events, confirmed before.
    #[track_caller]
    fn expect(self, expected: &[&'static str], events: Vec<Event>) {
        let begin = vec![self.started(), self.confirmed()];
        self.expect_of(expected, begin.into_iter().chain(events).collect());
    }

    #[track_caller]
    fn expect_of(self, expected: &[&'static str], events: Vec<Event>) {
        self.scene.append_in_job(RUN, events);
        let report = self.scene.report();
        assert_eq!(
            crate::support::codes(&report),
            expected.iter().copied().collect(),
            "{:#?}",
            report.findings
        );
    }
}

#[test]
fn a_run_that_died_after_its_first_event_is_intact_whatever_it_had_asked_by_then() {
    let forger = Forger::new();
    let requests = |scene: &Scene| {
        let file = JournalFile::open(&scene.database()).unwrap();
        let runs = file.view().runs(JobId(1)).unwrap();
        runs.last().unwrap().requests
    };
    forger.scene.append_in_job(RUN, [forger.started()]);
    assert_eq!(crate::support::codes(&forger.scene.report()), BTreeSet::new());
    assert_eq!(requests(&forger.scene), 0);
    forger.scene.append_in_job(RUN, [forger.confirmed()]);
    assert_eq!(crate::support::codes(&forger.scene.report()), BTreeSet::new());
    assert_eq!(requests(&forger.scene), 1000);
}

fn answered(action: u32, attempt: u32, answer: AnswerKind) -> Event {
    Event::AttemptAnswered(AttemptAnswered {
        action: ActionId(action),
        attempt,
        answer,
        code: None,
        text: None,
    })
}

fn ended(action: u32, attempt: Option<u32>, outcome: Outcome) -> Event {
    let listed = matches!(outcome, Outcome::Drifted | Outcome::Failed | Outcome::Survived);
    Event::ActionEnded(ActionEnded {
        action: ActionId(action),
        outcome,
        attempt,
        listed,
        detail: None,
        waiting: Vec::new(),
    })
}

fn returned(action: u32, attempt: u32, why: Returned) -> Event {
    Event::ActionReturned(ActionReturned {
        action: ActionId(action),
        attempt,
        why,
    })
}

fn finished(actions: &[(ActionState, u32)]) -> Event {
    Event::RunFinished(RunFinished {
        stop_reason: None,
        actions: actions
            .iter()
            .map(|(state, count)| (state.as_str().to_owned(), *count))
            .collect(),
    })
}

#[test]
fn what_may_happen_is_no_finding() {
    use AnswerKind::{InDoubt, NotExecuted, Refused, Yes};
    use Outcome::{AlreadyGone, Confirmed, Failed, Presumed, Unattributed};
    let forger = Forger::new();
    let events = vec![
        forger.sent(1, 1),
        answered(1, 1, Yes),
        ended(1, Some(1), Confirmed),
        ended(2, None, AlreadyGone),
        forger.sent(3, 1),
        answered(3, 1, NotExecuted),
        returned(3, 1, Returned::NotExecuted),
        forger.sent(3, 2),
        answered(3, 2, InDoubt),
        returned(3, 2, Returned::StillListed),
        forger.sent(3, 3),
        answered(3, 3, Refused),
        ended(3, Some(3), Presumed),
        forger.sent(4, 1),
        answered(4, 1, Refused),
        ended(4, Some(1), Failed),
        Event::ActionReopened(ActionReopened {
            action: ActionId(4),
            outcome: Failed,
            reason: Some(Personal::new("once more").about(About::Nobody)),
        }),
        forger.sent(4, 2),
        answered(4, 2, Refused),
        ended(4, Some(2), Unattributed),
        forger.sent(5, 1),
    ];
    let scene = forger.scene.copy();
    forger.expect(&[], events.clone());
    let start = Forger::new();
    scene.append_in_job(RUN, [start.started(), start.confirmed()].into_iter().chain(events));
    let open = scene.report().open_intents;
    assert_eq!((open.len(), open[0].action, open[0].attempt), (1, ActionId(5), 1));
}

#[test]
fn what_is_done_without_a_plan_or_a_consent_is_found() {
    let f = Forger::new;
    let forger = f();
    let (started, sent) = (forger.started(), forger.sent(1, 1));
    forger.expect_of(&["intent-unconfirmed"], vec![started, sent]);

    let forger = f();
    let events = [
        forger.started(),
        Event::PlanConfirmed(PlanConfirmed {
            confirm: forger.confirm.replace(":9:", ":10:"),
            by: "terminal".to_owned(),
        }),
    ];
    forger.expect_of(&["plan-hash"], events.into());

    let forger = f();
    let again = forger.confirmed();
    forger.expect(&["plan-changed"], vec![again]);

    let forger = f();
    let (workflow, people) = forger.actions[0].clone();
    let planned = |holds| {
        Event::ActionPlanned(ActionPlanned {
            action: ActionId(10),
            workflow: "another.1".parse().unwrap(),
            kind: Some(ActionKind::Kill),
            people: people.clone(),
            participants: people.clone(),
            holds,
        })
    };
    forger.expect(&["plan-changed"], vec![planned(Vec::new())]);

    let forger = f();
    let sent = AttemptIntended {
        action: ActionId(10),
        workflow: workflow.clone(),
        ..forger.intended(1, 1)
    };
    forger.expect(&["action-not-in-plan"], vec![Event::AttemptIntended(sent)]);

    let forger = f();
    let sent = AttemptIntended {
        kind: ActionKind::Terminate,
        ..forger.intended(1, 1)
    };
    forger.expect(&["action-not-in-plan"], vec![Event::AttemptIntended(sent)]);

    let people = f().actions[0].1.clone();
    let and_another = [people, vec![UserId(4711)]].concat();
    for waiting in [vec![UserId(4711)], and_another, Vec::new()] {
        let forger = f();
        let sent = AttemptIntended {
            waiting,
            ..forger.intended(1, 1)
        };
        forger.expect(&["intent-unfounded"], vec![Event::AttemptIntended(sent)]);
    }

    let forger = f();
    let sent = AttemptIntended {
        rechecked_ms_ago: 60_001,
        ..forger.intended(1, 1)
    };
    forger.expect(&["intent-unfounded"], vec![Event::AttemptIntended(sent)]);
}

#[test]
fn attempts_and_answers_out_of_turn_are_found() {
    use AnswerKind::{InDoubt, Refused, Yes};
    type Case = (&'static [&'static str], fn(&Forger) -> Vec<Event>);
    let cases: &[Case] = &[
        (&["intent-out-of-turn"], |f| vec![f.sent(1, 1), f.sent(1, 2)]),
        (&["intent-out-of-turn"], |f| vec![f.sent(1, 2)]),
        (&["intent-out-of-turn"], |f| {
            vec![ended(1, None, Outcome::AlreadyGone), f.sent(1, 1)]
        }),
        (&["intent-out-of-turn"], |f| {
            (1..=4)
                .flat_map(|attempt| {
                    [
                        f.sent(1, attempt),
                        answered(1, attempt, InDoubt),
                        returned(1, attempt, Returned::StillListed),
                    ]
                })
                .collect()
        }),
        (&["answer-without-intent"], |_| vec![answered(1, 1, Yes)]),
        (&["answer-without-intent"], |f| {
            vec![f.sent(1, 1), answered(1, 1, InDoubt), answered(1, 1, Yes)]
        }),
        (&["answer-without-intent"], |f| vec![f.sent(1, 1), answered(1, 2, Yes)]),
        (&["return-unfounded"], |f| {
            vec![
                f.sent(1, 1),
                answered(1, 1, Refused),
                returned(1, 1, Returned::StillListed),
            ]
        }),
        (&["return-unfounded"], |f| {
            vec![f.sent(1, 1), answered(1, 1, Yes), returned(1, 1, Returned::NotExecuted)]
        }),
    ];
    for (expected, events) in cases {
        let forger = Forger::new();
        let events = events(&forger);
        forger.expect(expected, events);
    }
}

#[test]
fn outcomes_that_the_record_does_not_bear_out_are_found() {
    use AnswerKind::{InDoubt, NotExecuted, Refused, Yes};
    use Outcome::{AlreadyGone, Confirmed, Drifted, Failed, Presumed, Survived, Unattributed};
    type Case = (&'static str, &'static [AnswerKind], Outcome);
    let cases: &[Case] = &[
        ("outcome-unfounded", &[Refused], Confirmed),
        ("outcome-unfounded", &[InDoubt], Confirmed),
        ("outcome-unfounded", &[Yes], Presumed),
        ("outcome-unfounded", &[Refused], Presumed),
        ("outcome-unfounded", &[Yes], AlreadyGone),
        ("outcome-unfounded", &[InDoubt], AlreadyGone),
        ("outcome-unfounded", &[Yes], Unattributed),
        ("outcome-unfounded", &[InDoubt], Unattributed),
        ("outcome-unfounded", &[Yes], Drifted),
        ("outcome-unfounded", &[Yes], Failed),
        // Not ninety seconds after it was sent.
        ("outcome-unfounded", &[Yes], Survived),
        ("outcome-unfounded", &[InDoubt], Failed),
        ("outcome-unfounded", &[NotExecuted], Confirmed),
    ];
    for (expected, answers, outcome) in cases {
        let forger = Forger::new();
        let mut events = Vec::new();
        for (attempt, answer) in (1..).zip(*answers) {
            events.extend([forger.sent(1, attempt), answered(1, attempt, *answer)]);
        }
        events.push(ended(1, Some(u32::try_from(answers.len()).unwrap()), *outcome));
        forger.expect(&[expected], events);
    }
    let forger = Forger::new();
    forger.expect(&["outcome-unfounded"], vec![ended(1, None, Confirmed)]);
    let forger = Forger::new();
    forger.expect(&["outcome-without-intent"], vec![ended(1, Some(1), Confirmed)]);
    let forger = Forger::new();
    forger.expect(
        &["outcome-repeated"],
        vec![ended(1, None, AlreadyGone), ended(1, None, AlreadyGone)],
    );
    let reopened = |outcome| {
        Event::ActionReopened(ActionReopened {
            action: ActionId(1),
            outcome,
            reason: None,
        })
    };
    // Never tried, and nothing to be tried again.
    for outcome in [Confirmed, Failed] {
        Forger::new().expect(&["outcome-repeated"], vec![reopened(outcome)]);
    }
    for outcome in [AlreadyGone, Failed] {
        let gone = ended(1, None, AlreadyGone);
        Forger::new().expect(&["outcome-repeated"], vec![gone, reopened(outcome)]);
    }
}

#[test]
fn totals_residue_places_and_clocks_that_do_not_fit_are_found() {
    let forger = Forger::new();
    forger.expect(&["totals"], vec![finished(&[(ActionState::Planned, 8)])]);
    let forger = Forger::new();
    forger.expect(&[], vec![finished(&[(ActionState::Planned, 9)])]);
    let forger = Forger::new();
    let closed = Event::JobClosed(JobClosed {
        actions: vec![("planned".to_owned(), 9)],
        relisted: Vec::new(),
    });
    forger.expect(&["totals"], vec![closed]);
    let forger = Forger::new();
    let workflow = forger.actions[0].0.clone();
    forger.expect(
        &["residue-unfounded"],
        vec![Event::ResidueRecorded(ResidueRecorded { workflow, tasks: 1 })],
    );
    // A run that nobody began, and one that is over.
    let forger = Forger::new();
    let sent = forger.sent(1, 1);
    forger.expect_of(&["out-of-place", "intent-unconfirmed"], vec![sent]);
    let forger = Forger::new();
    let sent = forger.sent(1, 1);
    forger.expect(&["out-of-place"], vec![finished(&[(ActionState::Planned, 9)]), sent]);
    // What only a run does for a job, for none, and by none.
    let forger = Forger::new();
    forger.scene.append(Some(RUN), [Entry::own(forger.started())]);
    assert_eq!(forger.scene.codes(), set(["out-of-place"]));
    let forger = Forger::new();
    forger.scene.append(None, [Entry::of(JobId(1), forger.confirmed())]);
    assert_eq!(forger.scene.codes(), set(["out-of-place"]));
    for late in [Event::RowsResolved(Empty {}), Event::DiscoveryRestarted(Empty {})] {
        Forger::new().expect(&["plan-changed"], vec![late]);
    }
    // A run can be left neither by itself nor when it is over, which the one that planned is.
    for abandoned in [RUN, RunId(1)] {
        let left = RunAbandoned { abandoned, in_doubt: 0 };
        Forger::new().expect(&["out-of-place"], vec![Event::RunAbandoned(left)]);
    }
    let forger = Forger::new();
    let task = TaskRecorded {
        task: TaskId(1),
        workflow: forger.actions[0].0.clone(),
        user: UserId(5),
        status: 0,
        user_status: 0,
        name: None,
        document_name: None,
        modified: None,
        overdue: None,
    };
    forger.expect(&["plan-changed"], vec![Event::TaskRecorded(Box::new(task))]);

    let own = |event: Event, expected: &'static str| {
        let scene = Scene::planned();
        scene.append(None, [Entry::own(event)]);
        assert_eq!(scene.codes(), set([expected]));
    };
    own(Event::ClockSetBack(ClockSetBack { by_ms: 5 }), "time-backwards");
    own(Event::HeadMissing(HeadMissing { checkpoint: 1 }), "out-of-place");
    let scene = Scene::planned();
    let checkpoint = scene.report().last_checkpoint.unwrap();
    scene.append(None, [Entry::own(Event::HeadMissing(HeadMissing { checkpoint }))]);
    assert_eq!(scene.codes(), set([]));
    own(
        Event::RedactionFinished(RedactionFinished { redaction: 3 }),
        "out-of-place",
    );
    let scene = Scene::planned();
    let key = scene.report().key.unwrap();
    let origin = key.split('+').next().unwrap().to_owned();
    scene.append(
        None,
        [Entry::own(Event::SigningKeyRecorded(SigningKeyRecorded {
            origin,
            key,
        }))],
    );
    assert_eq!(scene.codes(), set(["key-replaced"]));
}

#[test]
fn an_action_about_people_whom_the_roster_does_not_name_is_found() {
    let scene = Scene::finished();
    let seq = scene.first("action_planned");
    scene.rewrite(|bodies| {
        bodies[seq]["data"]["people"] = json!([4711]);
        bodies[seq]["data"]["participants"] = json!([4711]);
    });
    scene.sign_again();
    // The plan has another hash by that, and others waited when it was sent.
    assert_eq!(
        scene.codes(),
        set(["plan-unfounded", "plan-hash", "intent-unfounded", "projection"])
    );
}

/// What the first event of a kind says.
fn said<'a>(bodies: &'a mut [Value], kind: &str) -> &'a mut Value {
    &mut bodies.iter_mut().find(|body| body["kind"] == kind).unwrap()["data"]
}

/// A finished job of nine kills for one person, under this policy.
#[track_caller]
fn judged_under(policy: &Value, change: impl FnOnce(&mut Vec<Value>)) -> BTreeSet<&'static str> {
    let mut codes = Scene::finished().under(policy, change).codes();
    assert!(codes.remove("projection"), "the policy on record is another");
    codes
}

#[test]
fn a_plan_that_its_policy_forbids_is_found() {
    let found = Scene::finished().bodies();
    let workflows = found.iter().filter(|body| body["kind"] == "workflow_recorded");
    let workflow = workflows.map(|body| &body["data"]).next().unwrap().clone();
    let document = format!(
        "{}/{}",
        workflow["module"].as_str().unwrap(),
        workflow["entity"].as_str().unwrap()
    );
    let of_type = document.to_lowercase();
    let unchanged = |_: &mut Vec<Value>| {};
    for policy in [
        json!({"protect": {"users": [29]}}),
        // The portal did not tell theirs.
        json!({"protect": {"departments": [7]}}),
        json!({"protect": {"workflows": [workflow["workflow"]]}}),
        json!({"protect": {"templates": [workflow["template"]]}}),
        json!({"protect": {"modules": [workflow["module"]]}}),
        json!({"protect": {"document_types": [of_type]}}),
        json!({"caps": {"people": 0}}),
        json!({"caps": {"actions": 8}}),
        json!({"caps": {"actions_per_person": 8}}),
        // How many ran is not on record.
        json!({"caps": {"percent_of_running": 100}}),
        json!({"approval": "always"}),
        json!({"approval": {"above": 8}}),
        json!({"require_reason": true}),
        json!({"require_ticket": true}),
        json!({"caps": 7}),
    ] {
        assert_eq!(judged_under(&policy, unchanged), set(["plan-not-allowed"]), "{policy}");
    }
    for policy in [
        json!({}),
        json!({"protect": {"users": [28], "workflows": ["1.2"], "templates": ["77"], "modules": ["rpa"], "document_types": ["rpa/item"]}}),
        json!({"foreign": "include", "shared": "include"}),
        json!({"caps": {"people": 1, "actions": 9, "actions_per_person": 9}}),
        json!({"approval": "never"}),
        json!({"approval": {"above": 9}}),
    ] {
        assert_eq!(judged_under(&policy, unchanged), set([]), "{policy}");
    }
}

/// The plan says that this is known of everybody who started a workflow.
fn starters_work_here(starters: Option<bool>) -> impl FnOnce(&mut Vec<Value>) {
    move |bodies| {
        for body in bodies {
            match body["kind"].as_str().unwrap() {
                "workflow_recorded" => body["data"]["started_by_active"] = json!(starters),
                "plan_frozen" => {
                    let by_colleagues = if starters == Some(true) { 9 } else { 0 };
                    body["data"]["started_by_colleagues"] = json!(by_colleagues);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn where_foreign_workflows_are_to_be_held_only_those_of_people_who_left_go_ahead() {
    for policy in [json!({"foreign": "hold"}), json!({"hold_foreign": true})] {
        let judged = |starters| judged_under(&policy, starters_work_here(starters));
        assert_eq!(judged(Some(false)), set([]), "{policy}");
        assert_eq!(judged(Some(true)), set(["plan-not-allowed"]), "{policy}");
        assert_eq!(judged(None), set(["plan-not-allowed"]), "{policy}");
    }
}

#[test]
fn where_departments_are_protected_those_on_record_decide() {
    let policy = json!({"protect": {"departments": [7]}});
    let all_in = |department: u32| {
        move |bodies: &mut Vec<Value>| {
            let users = bodies.iter_mut().filter(|body| body["kind"] == "user_recorded");
            users.for_each(|user| user["data"]["departments"] = json!([1, department]));
        }
    };
    assert_eq!(judged_under(&policy, all_in(7)), set(["plan-not-allowed"]));
    assert_eq!(judged_under(&policy, all_in(8)), set([]));
}

#[test]
fn an_approval_of_another_plan_or_after_the_consent_is_found() {
    let forger = Forger::new();
    let late = forger.approved("bob");
    forger.expect(&["plan-changed"], vec![late]);
    let mut forger = Forger::new();
    let rightly = std::mem::replace(&mut forger.frozen.plan_hash, "0".repeat(64));
    let of_another = forger.approved("bob");
    forger.frozen.plan_hash = rightly;
    let events = vec![forger.started(), of_another, forger.confirmed()];
    forger.expect_of(&["plan-changed"], events);
}

#[test]
fn how_many_go_ahead_and_how_many_are_held_is_counted_again() {
    // What a person confirmed names how many go ahead.
    for (counted, wrong, findings) in [
        ("planned", 8, set(["plan-hash", "totals"])),
        ("held", 1, set(["totals"])),
    ] {
        let judged = judged_under(&json!({}), |bodies| said(bodies, "plan_frozen")[counted] = json!(wrong));
        assert_eq!(judged, findings, "{counted}");
    }
}

#[test]
fn how_many_were_started_by_colleagues_is_counted_again() {
    let wrong = |bodies: &mut Vec<Value>| {
        starters_work_here(Some(true))(bodies);
        said(bodies, "plan_frozen")["started_by_colleagues"] = json!(8);
    };
    assert_eq!(judged_under(&json!({}), wrong), set(["totals"]));
    assert_eq!(judged_under(&json!({}), starters_work_here(Some(true))), set([]));
}

#[test]
fn a_part_of_all_that_run_is_counted_in_whole_percent() {
    let running =
        |number: u32| move |bodies: &mut Vec<Value>| said(bodies, "plan_frozen")["running_workflows"] = json!(number);
    let policy = json!({"caps": {"percent_of_running": 10}});
    assert_eq!(judged_under(&policy, running(90)), set([]));
    assert_eq!(judged_under(&policy, running(89)), set(["plan-not-allowed"]));
    // They may have ended while the plan was made.
    let all = json!({"caps": {"percent_of_running": 100}});
    assert_eq!(judged_under(&all, running(0)), set([]));
}

#[test]
fn a_plan_that_is_not_about_what_was_found_is_found() {
    let judged = |change: &dyn Fn(&mut Vec<Value>)| judged_under(&json!({"shared": "include"}), change);
    assert_eq!(judged(&|_| {}), set([]));
    let gone = |bodies: &mut Vec<Value>| said(bodies, "workflow_recorded")["running"] = json!(false);
    assert_eq!(judged(&gone), set(["plan-unfounded"]));
    let answered = |bodies: &mut Vec<Value>| said(bodies, "task_recorded")["user_status"] = json!(1);
    assert_eq!(judged(&answered), set(["plan-unfounded"]));
    let another = |bodies: &mut Vec<Value>| said(bodies, "action_planned")["participants"] = json!([2, 29]);
    assert_eq!(judged(&another), set(["plan-unfounded"]));
    // Who waits there is never touched, whoever else does.
    let protected = json!({"shared": "include", "protect": {"users": [2]}});
    assert_eq!(
        judged_under(&protected, another),
        set(["plan-unfounded", "plan-not-allowed"])
    );
}

#[test]
fn the_webhooks_owner_is_no_target() {
    let owner = |bodies: &mut Vec<Value>| said(bodies, "run_started")["webhook_owner"] = json!(29);
    assert_eq!(judged_under(&json!({}), owner), set(["plan-unfounded"]));
}

#[test]
fn a_consent_by_a_number_that_was_not_given_or_is_less_is_found() {
    let by_cap = |given: Value| {
        move |bodies: &mut Vec<Value>| {
            said(bodies, "job_created")["actions_max"] = given;
            said(bodies, "plan_confirmed")["by"] = json!("--max-actions");
        }
    };
    let policy = json!({});
    assert_eq!(judged_under(&policy, by_cap(json!(9))), set([]));
    assert_eq!(judged_under(&policy, by_cap(json!(8))), set(["plan-not-allowed"]));
    assert_eq!(judged_under(&policy, by_cap(json!(null))), set(["plan-not-allowed"]));
}

/// A plan that has to be approved, and these words about it.
fn after(words: impl FnOnce(&Forger) -> Vec<Event>) -> Forger {
    let forger = Forger::of(Scene::planned_under("approval = \"always\""));
    let words = words(&forger).into_iter().map(|event| Entry::of(JobId(1), event));
    forger.scene.append(None, words);
    forger
}

/// The same, then its confirmation by `mallory`.
#[track_caller]
fn judged_after(words: impl FnOnce(&Forger) -> Vec<Event>, expected: &[&'static str]) {
    after(words).expect(expected, Vec::new());
}

#[test]
fn a_plan_that_was_confirmed_without_the_approval_of_somebody_else_is_found() {
    const FOUND: &[&str] = &["plan-not-allowed"];
    judged_after(|_| Vec::new(), FOUND);
    judged_after(|forger| vec![forger.approved("vera")], &[]);
    judged_after(|forger| vec![forger.approved(&forger.planner())], FOUND);
    // Whoever carries it out had no hand in it.
    judged_after(|forger| vec![forger.approved("mallory")], &[]);
}

#[test]
fn a_decision_voids_what_was_approved_and_whoever_decided_cannot_approve() {
    const FOUND: &[&str] = &["plan-not-allowed"];
    judged_after(
        |forger| [vec![forger.approved("vera")], forger.decided_by("anna")].concat(),
        FOUND,
    );
    judged_after(
        |forger| [forger.decided_by("vera"), vec![forger.approved("vera")]].concat(),
        FOUND,
    );
    judged_after(
        |forger| [forger.decided_by("anna"), vec![forger.approved("vera")]].concat(),
        &[],
    );
}

#[test]
fn a_number_that_was_given_beforehand_is_no_consent_to_a_plan_that_somebody_decided_about() {
    let judged = |words: fn(&Forger) -> Vec<Event>, expected: &[&'static str]| {
        let forger = after(|forger| [words(forger), vec![forger.approved("vera")]].concat());
        let confirmed = Event::PlanConfirmed(PlanConfirmed {
            confirm: forger.confirm.clone(),
            by: "--max-actions".to_owned(),
        });
        let events = vec![forger.started(), confirmed];
        forger.expect_of(expected, events);
    };
    judged(|_| Vec::new(), &[]);
    judged(|forger| forger.decided_by("anna"), &["plan-not-allowed"]);
}

#[test]
fn every_code_is_provoked_by_a_test_and_explained() {
    let test = include_str!("verify.rs");
    // What an export adds has tests of its own.
    let codes = Code::ALL.iter().filter(|code| !code.as_str().starts_with("export-"));
    let without: Vec<_> = codes.filter(|code| !test.contains(&format!("\"{code}\""))).collect();
    assert!(without.is_empty(), "no test provokes {without:?}");
    assert!(Code::ALL.iter().all(|code| !code.meaning().is_empty()));
}

#[test]
fn a_key_that_replaces_one_that_was_not_in_force_is_found() {
    let scene = Scene::planned();
    let key = scene.bodies()[scene.first("signing_key_recorded")]["data"]["key"].clone();
    let key: VerifyingKey = key.as_str().unwrap().parse().unwrap();
    let other = SigningKey::from_seed(&[9; 32]).verifying(key.name());
    for (replaces, expected) in [(&key, set([])), (&other, set(["key-replaced"]))] {
        let rotated = SigningKeyRotated {
            key: key.to_string(),
            replaces: replaces.to_string(),
            operator: operator("ann"),
        };
        let scene = scene.copy();
        scene.append(None, [Entry::own(Event::SigningKeyRotated(rotated))]);
        assert_eq!(scene.codes(), expected);
    }
}

#[test]
fn a_key_that_took_over_without_the_signature_of_the_one_before_it_is_found() {
    let scene = Scene::finished();
    let named = scene.first("signing_key_recorded");
    let genuine: VerifyingKey = scene.bodies()[named]["data"]["key"].as_str().unwrap().parse().unwrap();
    let other = SigningKey::from_seed(&[9; 32]);
    let new = other.verifying(genuine.name()).to_string();
    // The genuine key is named and replaced in the same transaction; from its end on the other one signs.
    scene.rewrite(|bodies| {
        let mut rotated = bodies[named].clone();
        rotated["kind"] = json!("signing_key_rotated");
        rotated["data"] = json!({
            "key": new,
            "replaces": genuine.to_string(),
            "operator": { "os_user": "ann", "login_user": null, "host": "here" },
        });
        bodies.insert(named + 1, rotated);
    });
    scene.force_sql(&format!(
        "PRAGMA foreign_keys = OFF;
         UPDATE personal SET event = event + 1 WHERE event > {named};
         UPDATE checkpoint SET size = size + 1000000;
         UPDATE checkpoint SET size = size - 999999;"
    ));
    scene.sign_again_with(&other);
    let against = Against {
        key: Some(genuine),
        ..Against::default()
    };
    assert_eq!(scene.codes_against(&against), BTreeSet::from(["key-replaced"]));
}
