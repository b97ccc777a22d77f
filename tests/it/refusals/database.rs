//! Databases that are not ours, or broken, or where nothing can be written: refused by every command, and left byte for byte.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use offboard24::sandbox::World;
use offboard24::sandbox::world::User;
use rusqlite::Connection;

use super::{HOW_TO, Refusal, refusal, run};
use crate::support::{Desk, Dice, Ended, Portal};

/// Every file of a folder that begins with this name, and its mode.
fn files(folder: &Path, name: &str) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| {
        let file = path.file_name().unwrap().to_str().unwrap();
        path.is_file() && file.starts_with(name)
    };
    entries
        .filter(named)
        .map(|path| {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            let bytes = std::fs::read(&path).unwrap();
            (path, (mode, bytes))
        })
        .collect()
}

/// A planned job, and a copy of its database under this name.
fn planned_as(name: &str) -> (Portal, Desk, serde_json::Value) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    std::fs::copy(desk.database(), desk.folder().join(name)).unwrap();
    (portal, desk, plan)
}

/// Runs every kind of command on a database, and sees each of them refused in the same way and nothing changed.
#[track_caller]
fn refused_by_all(portal: &Portal, desk: &Desk, plan: &serde_json::Value, name: &str, refusal: &Refusal) {
    let before = files(desk.folder(), name);
    let asked = portal.requests().len();
    let roster = desk.roster(HOW_TO);
    let confirm = plan["confirm"].as_str().unwrap();
    for arguments in [
        &["plan", &roster, "--action", "kill"][..],
        &["run", &roster, "--action", "kill", "--max-actions", "9"],
        &["apply", "--confirm", confirm],
        &["resume"],
        &["status"],
        &["show"],
        &["jobs"],
        &["stop"],
    ] {
        let ended = desk.run(&[arguments, &["--db", name, "--json"]].concat());
        refusal.check(&ended);
        assert!(
            ended.stderr.contains(name) || refusal.code == 6,
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    let mut after = files(desk.folder(), name);
    after.retain(|path, _| before.contains_key(path));
    assert!(after == before, "{name} was changed");
    assert_eq!(portal.requests().len(), asked, "{name}: something was asked");
}

const ANOTHER: &str = "name another file with --db FILE";

#[test]
fn a_file_of_another_program_is_refused_by_every_command_and_left_as_it_is() {
    let (portal, desk, plan) = planned_as("ours.db");
    let path = |name: &str| desk.folder().join(name);
    std::fs::write(
        path("text.db"),
        "a letter, and long enough to be taken for a database. ".repeat(40),
    )
    .unwrap();
    std::fs::write(path("short.db"), "a word\n").unwrap();
    let simple = Connection::open(path("plain.db")).unwrap();
    simple
        .execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        .unwrap();
    drop(simple);
    // Another program died, and its last words are still in its log: tidying that up is not for us.
    let log = Connection::open(path("alive.db")).unwrap();
    log.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a); PRAGMA wal_checkpoint; INSERT INTO t VALUES (1)")
        .unwrap();
    for ending in ["", "-wal"] {
        std::fs::copy(path(&format!("alive.db{ending}")), path(&format!("log.db{ending}"))).unwrap();
    }
    drop(log);
    for name in ["text.db", "short.db", "plain.db", "log.db"] {
        std::fs::set_permissions(path(name), Permissions::from_mode(0o644)).unwrap();
        refused_by_all(
            &portal,
            &desk,
            &plan,
            name,
            &refusal(2, "database", &["is not a database of offboard24"], ANOTHER),
        );
    }
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
}

#[test]
fn a_database_of_a_newer_program_is_refused_by_every_command_and_left_as_it_is() {
    let (portal, desk, plan) = planned_as("newer.db");
    let db = Connection::open(desk.folder().join("newer.db")).unwrap();
    db.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(db);
    let newer = refusal(
        2,
        "database",
        &["has version 99; this program knows versions up to 2"],
        "use the version of offboard24 that wrote it",
    );
    refused_by_all(&portal, &desk, &plan, "newer.db", &newer);
    portal.assert_untouched();
}

#[test]
fn a_folder_in_the_databases_place_is_refused_by_every_command() {
    let (portal, desk, plan) = planned_as("ours.db");
    std::fs::create_dir(desk.folder().join("folder.db")).unwrap();
    let folder = refusal(2, "database", &["cannot open the database", "irectory"], ANOTHER);
    refused_by_all(&portal, &desk, &plan, "folder.db", &folder);
    assert_eq!(std::fs::read_dir(desk.folder().join("folder.db")).unwrap().count(), 0);
}

const DAMAGED: Refusal = refusal(
    6,
    "damaged",
    &["damaged", "Nothing is done with it"],
    "keep the file as evidence, and plan anew in another one with --db FILE",
);

#[test]
fn a_database_that_was_cut_short_or_scribbled_over_is_refused_by_every_command_and_left_as_it_is() {
    let (portal, desk, plan) = planned_as("ours.db");
    let bytes = std::fs::read(desk.database()).unwrap();
    let page = 4096;
    let cut = bytes[..bytes.len() / 2 / page * page].to_vec();
    let mut scribbled = bytes.clone();
    scribbled[page..].fill(0x55);
    for (name, bytes) in [("cut.db", cut), ("scribbled.db", scribbled)] {
        std::fs::write(desk.folder().join(name), bytes).unwrap();
        refused_by_all(&portal, &desk, &plan, name, &DAMAGED);
    }
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
}

/// A portal of one person who was dismissed, and nine workflows that wait for nobody else.
fn one_who_waits() -> World {
    let mut world = World::empty();
    world.add_user(User::new(5, "Peter", "Hargreaves", "peter@example.com").dismissed());
    for _ in 0..9 {
        let workflow = world.start_workflow(5, "Memo");
        world.ask(&workflow, "Confirm the memo", &[5]);
    }
    world
}

#[test]
fn a_byte_that_changed_anywhere_is_no_crash_and_no_bug_and_whoever_is_refused_has_sent_nothing() {
    let mut dice = Dice(6);
    let (mut refused, mut done) = (0, 0);
    for _ in 0..24 {
        let portal = Portal::of(one_who_waits());
        let desk = Desk::at(&portal);
        let plan = desk.plan(&desk.roster("id\n5\n"), "kill");
        let planned = desk.workflows_in(&["planned"]);
        assert_eq!(planned.len(), 9);
        let whole = std::fs::read(desk.database()).unwrap();
        let mut bytes = whole.clone();
        let place = usize::try_from(dice.below(bytes.len() as u64)).unwrap();
        bytes[place] ^= 1 << dice.below(8);
        std::fs::write(desk.database(), bytes).unwrap();
        let status = desk.run(&["status", "--json"]);
        let apply = desk.apply(&plan);
        for ended in [&status, &apply] {
            assert!(
                matches!(ended.code, 0 | 2 | 6),
                "byte {place}: {}\n{}",
                ended.code,
                ended.stderr
            );
        }
        if apply.code == 0 {
            done += 1;
            assert_eq!(portal.destroyed(), planned, "byte {place}");
        } else {
            refused += 1;
            portal.assert_untouched();
            // For what is looked at when the desk is left.
            for ending in ["-wal", "-shm"] {
                drop(std::fs::remove_file(
                    desk.database().with_file_name(format!("audit.db{ending}")),
                ));
            }
            std::fs::write(desk.database(), whole).unwrap();
        }
    }
    assert!(refused > 3, "bytes of the journal were among them");
    assert!(done > 5, "bytes that mean nothing were among them");
}

#[test]
fn rubbish_in_place_of_the_write_ahead_log_loses_nothing_of_a_database_that_was_closed() {
    let (portal, desk, plan) = planned_as("ours.db");
    let mut dice = Dice(1);
    let rubbish: Vec<u8> = std::iter::repeat_with(|| u8::try_from(dice.below(256)).unwrap())
        .take(70_000)
        .collect();
    std::fs::write(desk.database().with_file_name("audit.db-wal"), rubbish).unwrap();
    assert_eq!(desk.status()["state"], "planned");
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}

/// A user who owns nothing but what is given to it, since permission bits mean nothing to root. Where the tests run as somebody
/// else, it is that somebody.
pub(super) struct Nobody {
    is_other: bool,
    /// A copy of the binary where that user can run it.
    binary: tempfile::TempDir,
}

/// Sets the permission bits of a file or folder.
pub(super) fn set_mode(path: impl AsRef<Path>, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

const NOBODY: u32 = 65534;

impl Nobody {
    pub(super) fn at(desk: &Desk) -> Self {
        let binary = tempfile::tempdir().unwrap();
        let is_other = rustix::process::geteuid().is_root();
        if is_other {
            std::fs::set_permissions(binary.path(), Permissions::from_mode(0o755)).unwrap();
            std::fs::copy(env!("CARGO_BIN_EXE_offboard24"), binary.path().join("offboard24")).unwrap();
        }
        let nobody = Self { is_other, binary };
        nobody.owns(desk);
        nobody
    }

    /// Gives the desk to that user.
    pub(super) fn owns(&self, desk: &Desk) {
        let mut paths = vec![desk.folder().to_owned()];
        while let Some(path) = paths.pop() {
            if self.is_other {
                chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            if path.is_dir() {
                paths.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
    }

    /// A command of the desk, as that user.
    pub(super) fn command(&self, desk: &Desk, arguments: &[&str]) -> Command {
        let theirs = desk.command(arguments);
        if !self.is_other {
            return theirs;
        }
        let mut command = Command::new(self.binary.path().join("offboard24"));
        let set = theirs.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command
            .args(theirs.get_args())
            .env_clear()
            .envs(set)
            .current_dir(desk.folder())
            .stdin(std::process::Stdio::null())
            .uid(NOBODY)
            .gid(NOBODY);
        command
    }

    fn run(&self, desk: &Desk, arguments: &[&str]) -> Ended {
        run(desk, &mut self.command(desk, arguments))
    }
}

#[test]
fn where_nothing_can_be_written_every_command_says_so_and_once_it_can_the_job_goes_on() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let nobody = Nobody::at(&desk);
    let roster = desk.roster(HOW_TO);
    nobody.owns(&desk);
    std::fs::create_dir(desk.folder().join("kept")).unwrap();
    nobody.owns(&desk);
    let plan = nobody.run(
        &desk,
        &["plan", &roster, "--action", "kill", "--json", "--db", "kept/audit.db"],
    );
    let plan = plan.expect(0).json();
    let (kept, database) = (desk.folder().join("kept"), desk.folder().join("kept/audit.db"));
    let before = std::fs::read(&database).unwrap();
    let asked = portal.requests().len();
    let apply = [
        "apply",
        "--confirm",
        plan["confirm"].as_str().unwrap(),
        "--json",
        "--db",
        "kept/audit.db",
    ];
    let commands = [
        &apply[..],
        &["status", "--json", "--db", "kept/audit.db"],
        &["show", "--json", "--db", "kept/audit.db"],
    ];

    set_mode(&kept, 0o500);
    for arguments in commands {
        let place = &["cannot be opened where it is", "cannot be written"];
        refusal(2, "database", place, "run it as the user whose database it is").check(&nobody.run(&desk, arguments));
    }
    set_mode(&kept, 0o700);

    set_mode(&database, 0o000);
    for arguments in commands {
        let unreadable = &["cannot open the database", "Permission denied"];
        refusal(2, "database", unreadable, ANOTHER).check(&nobody.run(&desk, arguments));
    }
    set_mode(&database, 0o600);

    set_mode(&kept, 0o000);
    for arguments in commands {
        let ended = nobody.run(&desk, arguments);
        refusal(
            2,
            if arguments[0] == "apply" { "lock" } else { "database" },
            &["Permission denied"],
            "--db FILE",
        )
        .check(&ended);
    }
    set_mode(&kept, 0o700);

    assert_eq!(std::fs::read(&database).unwrap(), before);
    assert_eq!(portal.requests().len(), asked);
    nobody.run(&desk, &apply).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    // To where the desk looks for what was recorded.
    std::fs::create_dir_all(desk.database().parent().unwrap()).unwrap();
    std::fs::copy(&database, desk.database()).unwrap();
    desk.assert_sound();
}

#[test]
fn a_folder_that_cannot_be_made_is_named_with_what_to_set_instead() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let nobody = Nobody::at(&desk);
    let roster = desk.roster(HOW_TO);
    std::fs::create_dir(desk.folder().join("closed")).unwrap();
    nobody.owns(&desk);
    set_mode(desk.folder().join("closed"), 0o500);
    let plan = ["plan", &roster, "--action", "kill", "--json"];
    let next = "with --db FILE, and one for the locks with XDG_STATE_HOME";

    let made = nobody.run(&desk, &[&plan[..], &["--db", "closed/new/audit.db"]].concat());
    refusal(2, "usage", &["cannot make", "closed/new", "Permission denied"], next).check(&made);
    let locked = nobody.run(&desk, &[&plan[..], &["--db", "closed/audit.db"]].concat());
    refusal(
        2,
        "lock",
        &["cannot lock", "closed/audit.db.lock", "Permission denied"],
        next,
    )
    .check(&locked);
    let mut elsewhere = nobody.command(&desk, &[&plan[..], &["--db", "audit.db"]].concat());
    let locks = run(&desk, elsewhere.env("XDG_STATE_HOME", desk.folder().join("closed")));
    refusal(2, "head", &["closed/offboard24/heads", "Permission denied"], next).check(&locks);
    assert!(portal.requests().is_empty());
    assert_eq!(std::fs::read_dir(desk.folder().join("closed")).unwrap().count(), 0);
    nobody
        .run(&desk, &[&plan[..], &["--db", "audit.db"]].concat())
        .expect(0);
}
