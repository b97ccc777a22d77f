//! The journal as a file: append-only against a stock SQLite, damage refused, and personal values only where they belong.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use offboard24::sandbox::World;
use rusqlite::Connection;

use crate::support::{Desk, HOW_TO, Portal};

/// A connection as anybody can make it, without any of our settings.
fn stock(database: &Path) -> Connection {
    Connection::open(database).unwrap()
}

#[test]
fn a_stock_sqlite_finds_the_file_in_order_and_can_neither_change_nor_remove_an_event() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let db = stock(&desk.database());
    let verdict: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    for attempt in [
        "UPDATE event SET body = '{}' WHERE seq = 3",
        "UPDATE event SET seq = 1000 WHERE seq = 3",
        "DELETE FROM event WHERE seq = 3",
        "DELETE FROM event",
        "INSERT OR REPLACE INTO event (seq, body, leaf) SELECT seq, body, leaf FROM event WHERE seq = 3",
        "REPLACE INTO event (seq, body, leaf) VALUES (3, '{}', zeroblob(32))",
        "INSERT INTO event (seq, body, leaf) VALUES (100000, '{}', zeroblob(32))",
        "INSERT INTO event (seq, body, leaf) SELECT max(seq) + 1, '{\"prev\":null}', zeroblob(32) FROM event",
        "UPDATE event SET leaf = zeroblob(32) WHERE seq = 3",
        "INSERT INTO event (seq, body, leaf) SELECT seq, body, leaf FROM event WHERE seq = 3
             ON CONFLICT (seq) DO UPDATE SET body = excluded.body",
        "UPDATE personal SET value = 'another' WHERE value IS NOT NULL",
        "DELETE FROM personal",
        "INSERT OR REPLACE INTO personal SELECT * FROM personal",
    ] {
        assert!(db.execute(attempt, []).is_err(), "{attempt} went through");
    }
}

#[test]
fn a_database_that_others_can_read_is_its_owners_alone_after_the_next_command_that_writes() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let mode = || fs::metadata(desk.database()).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(desk.database(), Permissions::from_mode(0o644)).unwrap();
    desk.run(&["audit", "verify"]).expect(0);
    assert_eq!(mode(), 0o644, "reading changes nothing");
    desk.run(&["audit", "checkpoint"]).expect(0);
    assert_eq!(mode(), 0o600);
}

#[test]
fn what_is_queried_is_generated_from_what_was_hashed() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let db = stock(&desk.database());
    assert!(
        db.execute(
            "INSERT INTO event (seq, body, leaf, kind) VALUES (0, '{}', zeroblob(32), 'x')",
            []
        )
        .is_err()
    );
    let differing: i64 = db
        .query_row(
            "SELECT count(*) FROM event WHERE kind IS NOT json_extract(body, '$.kind')
                 OR workflow IS NOT json_extract(body, '$.data.workflow')",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(differing, 0);
}

#[test]
fn no_personal_value_is_in_an_event_or_a_projection() {
    let (portal, desk) = Desk::finished(HOW_TO, 0);
    let titles: Vec<String> = portal.world(|world| world.users().filter_map(|user| user.last_name.clone()).collect());
    let db = stock(&desk.database());
    let tables: Vec<String> = db
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'personal' AND name NOT LIKE 'sqlite%'",
        )
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(tables.len() > 8);
    let mut personal = titles;
    personal.extend(["peter.hargreaves@example.com", "Peter", "Approve"].map(str::to_owned));
    for table in tables {
        let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let text = format!("{:?}", row.get_ref(column).unwrap());
                let found = row.get_ref(column).unwrap().as_str().unwrap_or_default();
                for value in &personal {
                    assert!(!found.contains(value.as_str()), "{table} holds {value}: {text}");
                }
            }
        }
    }
}

#[test]
fn every_commitment_is_the_salted_hash_of_its_value() {
    use sha2::{Digest as _, Sha256};
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let db = stock(&desk.database());
    let mut statement = db.prepare("SELECT commitment, salt, value FROM personal").unwrap();
    let rows = statement
        .query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, Vec<u8>>(1)?,
                row.get::<_, String>(2)?,
            ))
        })
        .unwrap();
    let mut seen = 0;
    let mut salts = std::collections::BTreeSet::new();
    for (commitment, salt, value) in rows.map(Result::unwrap) {
        let hash = Sha256::new()
            .chain_update([2])
            .chain_update(&salt)
            .chain_update(value.as_bytes())
            .finalize();
        let committed: Vec<u8> = (0..32)
            .map(|at| u8::from_str_radix(&commitment[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        assert_eq!(hash.to_vec(), committed);
        assert!(salts.insert(salt), "a salt is used once");
        seen += 1;
    }
    assert!(seen > 20);
}

/// Changes bytes of the finished file below SQLite's feet, as somebody with a hex editor would.
fn edit(database: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let mut bytes = std::fs::read(database).unwrap();
    let place = bytes
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .unwrap();
    bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    std::fs::write(database, bytes).unwrap();
}

#[test]
fn a_journal_with_an_edited_event_is_refused_before_anything_is_asked() {
    let (portal, desk) = Desk::finished(HOW_TO, 0);
    edit(
        &desk.database(),
        "\"outcome\":\"confirmed\"",
        "\"outcome\":\"drifted__\"",
    );
    let before = portal.requests().len();
    let ended = desk.run(&["resume", "--json"]).expect(6);
    assert_eq!(ended.json()["error"]["kind"], "damaged");
    assert_eq!(portal.requests().len(), before);
}

#[test]
fn a_file_that_is_not_ours_or_is_newer_is_left_as_it_is() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let roster = desk.roster(HOW_TO);
    let path = |name: &str| desk.folder().join(name);
    std::fs::write(
        path("text.db"),
        "this is no database, and long enough to be taken for one".repeat(20),
    )
    .unwrap();
    stock(&path("foreign.db")).execute_batch("CREATE TABLE t (a)").unwrap();
    stock(&path("foreign-and-empty.db"))
        .execute_batch("PRAGMA application_id = 7")
        .unwrap();
    desk.run(&["plan", &roster, "--action", "kill", "--db", "newer.db"])
        .expect(0);
    stock(&path("newer.db"))
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    for name in ["text.db", "foreign.db", "foreign-and-empty.db", "newer.db"] {
        let before = std::fs::read(path(name)).unwrap();
        for arguments in [vec!["plan", &roster, "--action", "kill"], vec!["status"], vec!["jobs"]] {
            let arguments: Vec<&str> = arguments.into_iter().chain(["--db", name]).collect();
            desk.run(&arguments).expect(2);
        }
        assert_eq!(std::fs::read(path(name)).unwrap(), before, "{name} was changed");
    }
}

#[test]
fn reading_commands_change_no_byte() {
    let (_portal, desk) = Desk::finished(HOW_TO, 0);
    let before = std::fs::read(desk.database()).unwrap();
    for arguments in [
        vec!["status"],
        vec!["show"],
        vec!["show", "--by", "workflow"],
        vec!["jobs"],
        vec!["stop"],
    ] {
        desk.run(&arguments).expect(0);
    }
    assert_eq!(std::fs::read(desk.database()).unwrap(), before);
}

/// A database in the middle of somebody's transaction, as a loss of power leaves it: pages are written, and how to take them back lies
/// beside them. `before` is what was in it.
fn lose_power_amid_a_transaction(database: &Path, before: &str) {
    let folder = tempfile::TempDir::new().unwrap();
    let begun = folder.path().join("begun.db");
    let db = stock(&begun);
    db.execute_batch(before).unwrap();
    db.execute_batch(
        "PRAGMA cache_size = 1; BEGIN; CREATE TABLE lost (text);
         WITH RECURSIVE number(it) AS (SELECT 1 UNION ALL SELECT it + 1 FROM number LIMIT 100)
         INSERT INTO lost SELECT randomblob(3000) FROM number",
    )
    .unwrap();
    std::fs::create_dir_all(database.parent().unwrap()).unwrap();
    for ending in ["", "-journal"] {
        let name = |path: &Path| format!("{}{ending}", path.to_str().unwrap());
        std::fs::copy(name(&begun), name(database)).unwrap();
    }
}

#[test]
fn a_database_that_lost_power_while_it_was_made_is_made_anew() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    lose_power_amid_a_transaction(&desk.database(), "");
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    desk.apply(&plan).expect(0);
    desk.assert_sound();
}

#[test]
fn a_database_of_another_program_that_lost_power_stays_as_it_is() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    lose_power_amid_a_transaction(&desk.database(), "CREATE TABLE theirs (text)");
    let bytes = |ending: &str| std::fs::read(format!("{}{ending}", desk.database().to_str().unwrap())).unwrap();
    let before = ["", "-journal"].map(bytes);
    desk.run(&["plan", &desk.roster(HOW_TO), "--action", "kill"]).expect(2);
    assert!(
        before == ["", "-journal"].map(bytes),
        "somebody else's database was changed"
    );
    std::fs::remove_file(desk.database()).unwrap();
}
