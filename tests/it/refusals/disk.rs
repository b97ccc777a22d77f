//! Full disks, for real: a small file system in a mount namespace of its own, and somebody else who fills it.
//!
//! Where a machine permits no such namespace these tests fail, unless `OFFBOARD24_WITHOUT_MOUNTS=1` says that this is known.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use offboard24::sandbox::{RequestRecord, World};
use serde_json::Value;

use super::{HOW_TO, Refusal, refusal, run, start};
use crate::support::{Desk, Ended, Keeper, Portal, asked, await_on, number};

/// A small disk that only commands started through it see. It is gone with it.
struct Disk {
    /// Keeps the namespace.
    holder: Child,
    /// How to enter it.
    enter: &'static [&'static str],
    folder: PathBuf,
}

/// Ways into a mount namespace of one's own: as root, and as anybody where the machine permits that.
const WAYS: [(&[&str], &[&str]); 2] = [
    (&["--mount"], &["--mount"]),
    (
        &["--user", "--map-root-user", "--mount"],
        &["--user", "--mount", "--preserve-credentials"],
    ),
];

impl Disk {
    /// A disk of so many MiB at a folder `disk` of the desk. None where somebody said that there can be none here.
    fn of(desk: &Desk, megabytes: u32) -> Option<Self> {
        if std::env::var_os("OFFBOARD24_WITHOUT_MOUNTS").is_some_and(|said| said == "1") {
            return None;
        }
        let folder = desk.folder().join("disk");
        std::fs::create_dir(&folder).unwrap();
        let script = format!("mount -t tmpfs -o size={megabytes}m,mode=700 none \"$0\" && echo ready && exec cat");
        for (unshare, enter) in WAYS {
            let holder = Command::new("unshare")
                .args(unshare)
                .args(["sh", "-c", &script])
                .arg(&folder)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut holder) = holder else { break };
            let mut line = String::new();
            BufReader::new(holder.stdout.as_mut().unwrap())
                .read_line(&mut line)
                .unwrap();
            let volume = Self {
                holder,
                enter,
                folder: folder.clone(),
            };
            if line == "ready\n" {
                return Some(volume);
            }
        }
        panic!(
            "this machine permits no small disk in a mount namespace (unshare --mount, or with --user), so that nothing was \
             tested; with OFFBOARD24_WITHOUT_MOUNTS=1 the tests of full disks are left out"
        );
    }

    /// The disk as this process can reach it.
    fn inside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.folder.strip_prefix("/").unwrap()).join(name)
    }

    /// A command of the desk with its database on the disk.
    fn command(&self, desk: &Desk, arguments: &[&str]) -> Command {
        let database = self.folder.join("audit.db");
        let theirs = desk.command(&[arguments, &["--json", "--db", database.to_str().unwrap()]].concat());
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.holder.id().to_string()])
            .args(self.enter)
            .arg(theirs.get_program())
            .args(theirs.get_args())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(theirs.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, desk: &Desk, arguments: &[&str]) -> Ended {
        run(desk, &mut self.command(desk, arguments))
    }

    /// Fills the disk up to so many bytes.
    fn fill_but(&self, bytes_left: u64) {
        let room = rustix::fs::statvfs(self.inside("")).unwrap();
        let free = room.f_bavail * room.f_frsize;
        let mut filler = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.inside("filler"))
            .unwrap();
        let full = filler.write_all(&vec![1; usize::try_from(free - bytes_left.min(free)).unwrap()]);
        assert!(full.is_ok() || bytes_left == 0, "{full:?}");
    }

    fn make_room(&self) {
        std::fs::remove_file(self.inside("filler")).unwrap();
    }

    fn has(&self, name: &str) -> bool {
        self.inside(name).exists()
    }

    /// Brings the database, once no process has it, to where the desk looks for it.
    fn bring_home(&self, desk: &Desk) {
        std::fs::create_dir_all(desk.database().parent().unwrap()).unwrap();
        for ending in ["", "-wal"] {
            let from = self.inside(&format!("audit.db{ending}"));
            if from.exists() {
                std::fs::copy(from, desk.database().with_file_name(format!("audit.db{ending}"))).unwrap();
            }
        }
        desk.assert_sound();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

const MAKE_ROOM: &str = "make room, then: offboard24 resume";

fn full(says: &'static [&'static str]) -> Refusal {
    refusal(9, "disk", says, MAKE_ROOM)
}

/// A job that is planned on a disk of 24 MiB.
fn planned() -> Option<(Portal, Desk, Disk, Value)> {
    planned_at(Portal::of(World::sample()))
}

fn planned_at(portal: Portal) -> Option<(Portal, Desk, Disk, Value)> {
    let desk = Desk::at(&portal);
    let volume = Disk::of(&desk, 24)?;
    let plan = volume
        .run(&desk, &["plan", &desk.roster(HOW_TO), "--action", "kill"])
        .expect(0)
        .json();
    Some((portal, desk, volume, plan))
}

fn stop(status: &Value) -> (&str, &str) {
    (
        status["state"].as_str().unwrap_or_default(),
        status["stop_reason"].as_str().unwrap_or_default(),
    )
}

#[test]
fn without_room_for_a_batch_nothing_is_sent_and_with_room_the_job_completes() {
    let Some((portal, desk, volume, plan)) = planned() else {
        return;
    };
    volume.fill_but(1 << 20);
    let apply = ["apply", "--confirm", plan["confirm"].as_str().unwrap()];
    let ended = volume.run(&desk, &apply);
    full(&["no room on the disk for the journal"]).check(&ended);
    assert_eq!(stop(&ended.json()), ("stopped", "disk"));
    portal.assert_untouched();
    assert!(volume.has("audit.db.reserve"), "the reserve is for what was sent");
    // Once more without room: the same.
    let ended = volume.run(&desk, &["resume"]);
    full(&["no room on the disk for the journal"]).check(&ended);
    portal.assert_untouched();
    let status = volume.run(&desk, &["status"]).expect(0).json();
    assert_eq!(
        (stop(&status), number(&status, "/actions/planned")),
        (("stopped", "disk"), 9)
    );
    volume.make_room();
    volume.run(&desk, &["resume"]).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    volume.bring_home(&desk);
}

/// The disk gets full while the portal keeps the request that this fault meets.
fn full_in_flight(fault: &str, begun: impl Fn(&Portal) -> bool) {
    let (portal, keeper) = Keeper::before(World::sample());
    let Some((portal, desk, volume, plan)) = planned_at(portal) else {
        return;
    };
    portal.inject(fault);
    let apply = ["apply", "--confirm", plan["confirm"].as_str().unwrap()];
    let mut child = start(&mut volume.command(&desk, &apply));
    await_on(&mut child, fault, || begun(&portal));
    volume.fill_but(0);
    keeper.open();
    let ended = desk.wait(child);
    full(&["the disk is full; the last outcomes were recorded with the space kept for it"]).check(&ended);
    let status = ended.json();
    assert_eq!(stop(&status), ("stopped", "disk"), "{fault}");
    assert!(!volume.has("audit.db.reserve"), "{fault}: the reserve was given up");
    let sent = portal.destroyed().len();
    assert!((1..9).contains(&sent), "{fault}: {sent}");
    let told = number(&status, "/actions/confirmed") + number(&status, "/actions/sent");
    assert_eq!(told, sent as u64, "{fault}: what was sent is known: {status}");

    // A second reserve has to be there before anything is sent again.
    volume.fill_but(0);
    let ended = volume.run(&desk, &["resume"]);
    full(&["no room on the disk"]).check(&ended);
    assert_eq!(portal.destroyed().len(), sent);
    volume.make_room();
    let ended = volume.run(&desk, &["resume"]).expect(0);
    assert_eq!(
        number(&ended.json(), "/actions/confirmed"),
        9,
        "{fault}: every answer was recorded"
    );
    assert_eq!(portal.destroyed().len(), 9);
    volume.bring_home(&desk);
}

#[test]
fn a_disk_that_gets_full_while_a_batch_is_in_flight_loses_no_answer() {
    full_in_flight("delay:1s@destroy:2", |portal| {
        portal
            .requests()
            .iter()
            .filter(|request| RequestRecord::destroys(request))
            .count()
            == 2
    });
}

#[test]
fn a_disk_that_gets_full_while_a_batch_is_read_back_loses_no_outcome() {
    let portal_reads_back = |portal: &Portal| {
        let requests = portal.requests();
        let sent = requests.iter().position(RequestRecord::destroys);
        sent.is_some_and(|sent| requests[sent + 1..].iter().any(|request| request.status.is_none()))
    };
    // Instances are asked for in the preflight, before the batch, and after it.
    full_in_flight("delay:1s@bizproc.workflow.instances:3", portal_reads_back);
}

#[test]
fn a_disk_that_gets_full_while_planning_leaves_a_plan_that_resume_finishes() {
    let (portal, keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let Some(volume) = Disk::of(&desk, 24) else { return };
    portal.inject("delay:1s@bizproc.task.list:1");
    let roster = desk.roster(HOW_TO);
    let mut child = start(&mut volume.command(&desk, &["plan", &roster, "--action", "kill"]));
    await_on(&mut child, "the lists are read", || {
        !asked(&portal, "bizproc.task.list").is_empty()
    });
    volume.fill_but(0);
    keeper.open();
    let ended = desk.wait(child);
    full(&[]).check(&ended);
    volume.make_room();
    let status = volume.run(&desk, &["status"]).expect(0).json();
    assert_eq!(stop(&status), ("planning", "disk"));
    let plan = volume.run(&desk, &["resume"]).expect(0).json();
    assert_eq!(number(&plan, "/actions/planned"), 9);
    portal.assert_untouched();
    volume
        .run(&desk, &["apply", "--confirm", plan["confirm"].as_str().unwrap()])
        .expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    volume.bring_home(&desk);
}

#[test]
fn on_a_disk_without_room_for_a_database_nothing_is_asked_and_with_room_the_same_command_completes() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let Some(volume) = Disk::of(&desk, 8) else { return };
    let plan = ["plan", &desk.roster(HOW_TO), "--action", "kill"];
    for left in [0, 4096, 20_000, 60_000, 200_000, 2 << 20] {
        volume.fill_but(left);
        let ended = volume.run(&desk, &plan);
        refusal(9, "disk", &["no room on the disk for the journal"], "make room").check(&ended);
        assert!(portal.requests().is_empty());
        volume.make_room();
    }
    volume.run(&desk, &plan).expect(0);
}

#[test]
fn who_only_looks_at_a_job_on_a_full_disk_is_told_to_make_room() {
    let Some((portal, desk, volume, _)) = planned() else {
        return;
    };
    volume.fill_but(0);
    for command in ["status", "show", "jobs"] {
        full(&["no room on the disk"]).check(&volume.run(&desk, &[command]));
    }
    volume.make_room();
    volume.run(&desk, &["status"]).expect(0);
    portal.assert_untouched();
}
