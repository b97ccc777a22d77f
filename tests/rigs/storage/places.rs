//! Files that are somebody else's: what cannot be written, what is missing, who else is there, and bits that flip.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offboard24::journal::JournalFile;
use offboard24::journal::verify::{Against, verify};
use offboard24::lock::Lock;
use offboard24::mistake::Mistake;
use offboard24::paths::database_lock;
use offboard24::sandbox::{Pause, RequestRecord};
use tokio::sync::Notify;

use super::faults::{Worker, is_honest};
use super::site::Site;
use super::{Checked, Dice, each, judge, number, option, truth};

#[path = "../../it/support/pages.rs"]
mod pages;

use self::pages::Pages;

/// `places [FLIPS] [--mistake no-lock]`: so many bits in every page.
pub(crate) fn places(arguments: &[String]) -> Checked {
    let began = Instant::now();
    if let Some(name) = option(arguments, "--mistake") {
        let mistake = Mistake::ALL
            .into_iter()
            .find(|mistake| mistake.name() == name)
            .ok_or("there is no such mistake")?;
        return match second_writer(Some(mistake)) {
            Ok(()) => Err(format!("the rig does not see {name}")),
            Err(finding) => {
                println!(
                    "places: {name} is caught, by a second writer: {}",
                    finding.replace('\n', " ")
                );
                Ok(())
            }
        };
    }
    let flips = usize::try_from(number(arguments, 0, 2)?).unwrap();
    let mut worker = Worker::new(0)?;
    let mut found = Vec::new();
    let mut note = |what: &str, checked: Checked| {
        if let Err(finding) = checked {
            found.push(format!("{what}: {finding}"));
        }
    };
    for place in PLACES {
        for scene in ["planned", "stopped"] {
            note(
                &format!("{place:?} cannot be written, job {scene}"),
                cannot_be_written(&mut worker, scene, place),
            );
        }
    }
    for (scene, words) in READING {
        note(
            &format!("{words:?} on a read-only file system"),
            read_only(&mut worker, scene, words),
        );
    }
    note("the write-ahead log is missing", missing_log(&mut worker));
    for lock in ["database", "portal", "head", "sqlite"] {
        note(
            &format!("somebody else holds the lock of the {lock}"),
            foreign_lock(&mut worker, lock),
        );
    }
    note("a second writer", second_writer(None));
    let (pages, frames, unused) = flipped(&mut worker, flips, &mut note);
    println!(
        "places: {} places, 4 locks, a second writer, {} bits in {pages} pages ({unused} in unused space), {frames} frames of a log, \
         {} findings, {} s",
        PLACES.len(),
        pages * flips,
        found.len(),
        began.elapsed().as_secs()
    );
    judge(&found)
}

/// What is taken away from whoever runs the program, below the home: a file or a folder.
const PLACES: &[&str] = &[
    "state/offboard24/audit.db",
    "state/offboard24/audit.db.reserve",
    "state/offboard24/audit.db.lock",
    "state/offboard24",
    "state/offboard24/heads",
    "state/offboard24/locks",
    ".local/share/offboard24",
    ".local/share/offboard24/key",
];

/// Commands that only read, and those that must not even begin, on a file system that is read-only.
const READING: &[(&str, &[&str])] = &[
    ("finished", &["status"]),
    ("finished", &["show"]),
    ("finished", &["jobs"]),
    ("finished", &["audit", "verify"]),
    ("stopped", &["status"]),
    ("stopped", &["audit", "verify"]),
    ("stopped", &["resume"]),
    ("finished", &["audit", "checkpoint"]),
];

/// Permission bits mean nothing to root: where this runs as root, the program runs as nobody.
const NOBODY: u32 = 65_534;

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        if path.is_dir() {
            found.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

/// The next command of the job, as somebody who may not write there.
fn cannot_be_written(worker: &mut Worker, scene: &'static str, place: &str) -> Checked {
    worker.begin(scene);
    let site = &worker.site;
    let is_root = rustix::process::geteuid().is_root();
    let binary = site.beside("offboard24");
    if is_root {
        std::fs::copy(env!("CARGO_BIN_EXE_offboard24"), &binary).unwrap();
        set_mode(site.home().parent().unwrap(), 0o755);
        for path in below(&site.home()) {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let target = site.home().join(place);
    set_mode(&target, if target.is_dir() { 0o500 } else { 0o400 });
    let words = if scene == "planned" {
        vec!["apply", "--confirm", &worker.confirm]
    } else {
        vec!["resume"]
    };
    let theirs = site.command(&words);
    let mut command = Command::new(if is_root {
        &binary
    } else {
        Path::new(theirs.get_program())
    });
    command
        .args(theirs.get_args())
        .env_clear()
        .envs(theirs.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(site.home());
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    let ended = site.end(&mut command);
    // Back to how a home is.
    set_mode(&target, if target.is_dir() { 0o700 } else { 0o600 });
    if is_root {
        for path in below(&site.home()) {
            chown(path, Some(0), Some(0)).unwrap();
        }
    }
    let told = |finding: String| format!("it ended with {:?}: {}\n  {finding}", ended.code, ended.words());
    is_honest(site, &ended).map_err(told)?;
    if ended.code == Some(0) {
        truth::job_is_done(site).map_err(told)?;
    }
    site.finish().map_err(told)?;
    truth::job_is_done(site).map_err(told)
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Every byte that is kept.
fn bytes_of(site: &Site) -> Vec<(PathBuf, Vec<u8>)> {
    let files = below(&site.home())
        .into_iter()
        .filter(|path| path.is_file() && !path.to_string_lossy().ends_with("-shm"));
    files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Nothing changes and nothing is sent; the job can be gone on with elsewhere.
fn read_only(worker: &mut Worker, scene: &'static str, words: &[&str]) -> Checked {
    worker.begin(scene);
    let before = bytes_of(&worker.site);
    let mut command = worker.site.shimmed(words);
    let ended = worker.site.end(command.env("RIG_FAULT", "1:readonly"));
    let told = |finding: &str| format!("it ended with {:?}: {}\n  {finding}", ended.code, ended.words());
    if ended.code.is_none_or(|code| code == 1) || ended.json()["error"]["kind"] == "bug" {
        return Err(told("that is no refusal"));
    }
    if bytes_of(&worker.site) != before {
        return Err(told("something changed"));
    }
    if !truth::destroying(&worker.site.requests()).is_empty() {
        return Err(told("something was sent"));
    }
    worker.site.finish()?;
    truth::job_is_done(&worker.site)
}

/// A database that was carried off without its log is not gone on with.
fn missing_log(worker: &mut Worker) -> Checked {
    worker.begin("stopped");
    let site = &worker.site;
    let log = site.database().with_extension("db-wal");
    let kept = site.beside("wal");
    if std::fs::metadata(&log).map_or(0, |found| found.len()) == 0 {
        return Err("the rig has no job that stopped with a log".to_owned());
    }
    std::fs::rename(&log, &kept).unwrap();
    let ended = site.run(&["resume"]);
    if ended.code != Some(6) || !site.requests().is_empty() {
        return Err(format!(
            "it is not refused, but ended with {:?}: {}",
            ended.code,
            ended.words()
        ));
    }
    let verified = site.run(&["audit", "verify"]);
    if verified.code != Some(11) || !verified.stdout.contains("head-beyond") {
        return Err(format!(
            "verify does not find it, but ended with {:?}: {}",
            verified.code, verified.stdout
        ));
    }
    std::fs::rename(kept, log).unwrap();
    site.finish()?;
    truth::job_is_done(site)
}

/// Another process, which is this one, holds a lock.
fn foreign_lock(worker: &mut Worker, which: &str) -> Checked {
    worker.begin("planned");
    let site = &worker.site;
    let file_in = |folder: PathBuf, ending: &str| {
        let mut paths = below(&folder)
            .into_iter()
            .filter(|path| path.to_string_lossy().ends_with(ending));
        paths
            .next()
            .ok_or_else(|| format!("there is no {ending} in {}", folder.display()))
    };
    let mut other = None;
    let mut lock = None;
    match which {
        "database" => lock = Some(Lock::take(&database_lock(&site.database()))),
        "portal" => lock = Some(Lock::take(&file_in(site.state().join("locks"), ".lock")?)),
        "head" => lock = Some(Lock::take(&file_in(site.heads(), ".lock")?)),
        _ => {
            let db = rusqlite::Connection::open(site.database()).unwrap();
            db.execute_batch("BEGIN IMMEDIATE").unwrap();
            other = Some(db);
        }
    }
    if let Some(Err(cause)) = lock {
        return Err(format!("the rig has no lock: {cause}"));
    }
    let ended = site.run(&["apply", "--confirm", &worker.confirm]);
    if ended.code != Some(8) {
        return Err(format!(
            "it is not 8, but ended with {:?}: {}",
            ended.code,
            ended.words()
        ));
    }
    if !truth::destroying(&site.requests()).is_empty() {
        return Err("something was sent".to_owned());
    }
    drop((lock, other));
    site.finish()?;
    truth::job_is_done(site)
}

/// A second process tries to go on with a job whose first one waits for an answer.
fn second_writer(mistake: Option<Mistake>) -> Checked {
    let opened = Arc::new(Notify::new());
    let kept = Arc::clone(&opened);
    let site = Site::pausing(
        1,
        Pause(Arc::new(move |_| {
            let kept = Arc::clone(&kept);
            Box::pin(async move { kept.notified().await })
        })),
    );
    let plan = site.plan()?;
    site.sandbox().inject("delay:1s@destroy:2".parse().unwrap());
    let command = |words: &[&str]| {
        let mut command = site.command(words);
        if let Some(mistake) = mistake {
            command.env("OFFBOARD24_MISTAKE", mistake.name());
        }
        command
    };
    let confirm = plan["confirm"].as_str().unwrap_or_default();
    let mut first = site.start(&mut command(&["apply", "--confirm", confirm]));
    let began = Instant::now();
    while site
        .requests()
        .iter()
        .filter(|request| RequestRecord::destroys(request))
        .count()
        < 2
    {
        let ended = first.child.try_wait().unwrap();
        if ended.is_some() || began.elapsed() > Duration::from_secs(30) {
            return Err(format!(
                "the rig's first run does not get to its second batch: {}",
                Site::wait(first).words()
            ));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let before = site.requests().len();
    let second = site.end(&mut command(&["resume"]));
    let asked = site.requests().len() - before;
    opened.notify_one();
    let first = Site::wait(first);
    if second.code != Some(8) || asked > 0 {
        return Err(format!(
            "it is not kept out, but asks {asked} times and ends with {:?}: {}",
            second.code,
            second.words()
        ));
    }
    first.expect(0)?;
    truth::job_is_done(&site)
}

/// Bits in every page of the database, and in every frame of a log: each is found, or lies where nothing is kept.
fn flipped(worker: &mut Worker, flips: usize, note: &mut impl FnMut(&str, Checked)) -> (usize, usize, usize) {
    worker.begin("finished");
    let good = std::fs::read(worker.site.database()).unwrap();
    let roots: Vec<usize> = {
        let db = rusqlite::Connection::open(worker.site.database()).unwrap();
        let mut statement = db
            .prepare("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")
            .unwrap();
        let roots = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        roots.map(|root| usize::try_from(root.unwrap()).unwrap()).collect()
    };
    let uses = Pages::of(&good, &roots);
    let pages = good.len() / PAGE;
    let mut dice = Dice(24);
    let places: Vec<(usize, u8)> = (0..pages)
        .flat_map(|page| std::iter::repeat_n(page, flips))
        .map(|page| (page * PAGE + dice.below(PAGE), 1 << dice.below(8)))
        .collect();
    let unused = std::sync::atomic::AtomicUsize::new(0);
    let found = each(
        &places,
        |_| super::site::memory_folder(),
        |folder, (at, bit)| {
            let mut bytes = good.clone();
            bytes[*at] ^= bit;
            let database = folder.path().join("audit.db");
            std::fs::write(&database, &bytes).unwrap();
            let report = verify(&database, &Against::default()).map_err(|cause| format!("byte {at}: {cause}"))?;
            if !report.is_intact() {
                return Ok(());
            }
            unused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if uses.is_unused(*at, bytes[*at]) {
                Ok(())
            } else {
                Err(format!("bit {bit:#x} of byte {at} was changed, and nothing is found"))
            }
        },
    );
    for finding in found {
        note("a flipped bit", Err(finding));
    }

    worker.begin("stopped");
    let (database, log) = (worker.site.database(), worker.site.database().with_extension("db-wal"));
    let good = std::fs::read(&log).unwrap();
    // A transaction that was not finished is no part of the record: its last frame says how large the database is.
    let is_last = |frame: &usize| good[LOG_HEADER + frame * FRAME + 4..][..4] != [0; 4];
    let mut lasts = (0..(good.len() - LOG_HEADER) / FRAME).rev().filter(is_last);
    // Nor is anything known of one that was finished, and died before the head was written.
    let recorded = JournalFile::open(&database)
        .and_then(|file| file.view().size())
        .unwrap();
    if head_size(&worker.site.heads()) < recorded {
        lasts.next();
    }
    let frames = lasts.next().map_or(0, |last| last + 1);
    let against = Against {
        heads: Some(worker.site.heads()),
        ..Against::default()
    };
    for frame in 0..frames {
        let at = LOG_HEADER + frame * FRAME + dice.below(FRAME);
        let mut bytes = good.clone();
        bytes[at] ^= 1 << dice.below(8);
        std::fs::write(&log, bytes).unwrap();
        drop(std::fs::remove_file(worker.site.database().with_extension("db-shm")));
        let is_intact = verify(&database, &against).is_ok_and(|report| report.is_intact());
        if is_intact {
            note(
                "a flipped bit",
                Err(format!("in frame {frame} of the log, byte {at}, and nothing is found")),
            );
        }
    }
    (pages, frames, unused.into_inner())
}

/// The events that the only head in a folder covers.
fn head_size(heads: &Path) -> u64 {
    let texts = std::fs::read_dir(heads)
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok());
    let size = texts.filter_map(|text| super::power::size_in(&text)).max();
    u64::try_from(size.unwrap_or_default()).unwrap()
}

const PAGE: usize = 4096;

/// Bytes of the log's own header, and of a page in it with the header before it.
const LOG_HEADER: usize = 32;
const FRAME: usize = 24 + PAGE;
