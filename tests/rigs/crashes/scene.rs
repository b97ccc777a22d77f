//! The scenes: which command dies, what happened before it, and how it is seen that nothing was lost.

use std::fs;
use std::path::{Path, PathBuf};

use offboard24::crash::Point;
use offboard24::journal::JournalFile;
use rustix::process::{Pid, Signal, kill_process};

use super::stand::{Death, Passages, Stand, was_killed};
use super::support::Ended;
use super::{check, decisions};

/// What is killed in a scene.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum What {
    /// `plan`, or a `resume` that finishes a plan.
    Plan,
    /// `apply`, or a `resume` of it.
    Apply,
    /// `run`: both at once.
    Run,
    /// `decide`, which drops a workflow.
    Decide,
    /// `decide`, which says who a row is about.
    DecideRow,
    /// `approve`.
    Approve,
    /// `audit redact`.
    Redact,
    /// `audit export`.
    Export,
    /// The first writing to a database of version 1.
    Migrate,
    /// `apply` that two signals reach.
    Signals,
    /// `apply` whose output nobody reads.
    ClosedPipe,
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    pub(super) name: &'static str,
    what: What,
    kind: &'static str,
    /// How the processes before it died: none in a fresh run.
    earlier: &'static [&'static str],
}

const fn scene(name: &'static str, what: What, kind: &'static str, earlier: &'static [&'static str]) -> Scene {
    Scene {
        name,
        what,
        kind,
        earlier,
    }
}

/// All of them.
pub(super) const SCENES: &[Scene] = &[
    scene("plan-kill", What::Plan, "kill", &[]),
    scene("plan-terminate", What::Plan, "terminate", &[]),
    scene("resume-plan-kill", What::Plan, "kill", &["C1:2"]),
    scene("resume-plan-terminate", What::Plan, "terminate", &["C1:2"]),
    scene("resume-twice-plan-kill", What::Plan, "kill", &["C1:1", "C1:2"]),
    scene(
        "resume-twice-plan-terminate",
        What::Plan,
        "terminate",
        &["C1:1", "C1:2"],
    ),
    scene("apply-kill", What::Apply, "kill", &[]),
    scene("apply-terminate", What::Apply, "terminate", &[]),
    scene("resume-kill", What::Apply, "kill", &["C10:1"]),
    scene("resume-terminate", What::Apply, "terminate", &["C10:1"]),
    scene("resume-twice-kill", What::Apply, "kill", &["C10:1", "C6:2"]),
    scene("resume-twice-terminate", What::Apply, "terminate", &["C10:1", "C6:2"]),
    scene("run-kill", What::Run, "kill", &[]),
    scene("run-terminate", What::Run, "terminate", &[]),
    scene("decide", What::Decide, "kill", &[]),
    scene("decide-row", What::DecideRow, "terminate", &[]),
    scene("approve", What::Approve, "kill", &[]),
    scene("redact", What::Redact, "kill", &[]),
    scene("export", What::Export, "kill", &[]),
    scene("migrate", What::Migrate, "kill", &[]),
    scene("signals-kill", What::Signals, "kill", &[]),
    scene("signals-terminate", What::Signals, "terminate", &[]),
    scene("closed-pipe-kill", What::ClosedPipe, "kill", &[]),
    scene("closed-pipe-terminate", What::ClosedPipe, "terminate", &[]),
];

/// The address of the person whom the job is about.
const ADDRESS: &str = "peter.hargreaves@example.com";

/// A journal of version 1, with one finished job.
const VERSION_1: &[u8] = include_bytes!("../../data/journal-version-1.db");

/// Faults of the portal in every process that may send: the canary is lost, so that it is sent again, and an answer breaks off.
const FAULTS: &[&str] = &["lost-request@destroy:1", "truncated-body@destroy:3"];

impl Scene {
    /// The scene of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        SCENES.iter().copied().find(|scene| scene.name == name)
    }

    /// Whether it is there to die at this point. Where two processes race for a signal, only what the signal does can be told beforehand.
    pub(super) fn is_about(self, point: Point) -> bool {
        !matches!(self.what, What::Signals | What::ClosedPipe) || point == Point::C21
    }

    /// Whether a job is what dies in it, so that faults and random instants mean something.
    pub(super) fn is_a_job(self) -> bool {
        matches!(self.what, What::Plan | What::Apply | What::Run)
    }

    /// Plays it: with deaths, everything after them has to come right; without, it tells how often the points are passed.
    pub(super) fn play(self, trouble: &Trouble, mistake: Option<&'static str>) -> Result<Passages, String> {
        let mut stand = match self.what {
            What::Migrate => Stand::with_database(VERSION_1, mistake),
            _ => Stand::new(self.kind, mistake),
        };
        let death = trouble.deaths.first().copied();
        match self.what {
            What::Plan => self.job(&mut stand, trouble),
            What::Apply => {
                plan(&stand)?;
                self.job(&mut stand, trouble)
            }
            What::Run => run(&mut stand, trouble),
            What::Decide => decisions::about_a_workflow(&stand, death),
            What::DecideRow => decisions::about_a_row(&stand, death),
            What::Approve => decisions::an_approval(&mut stand, death),
            What::Redact => redact(&stand, death),
            What::Export => export(&stand, death),
            What::Migrate => migrate(&stand, death),
            What::Signals => signals(&stand, death),
            What::ClosedPipe => closed_pipe(&stand, death),
        }
    }

    fn job(self, stand: &mut Stand, trouble: &Trouble) -> Result<Passages, String> {
        for death in self.earlier {
            let death = Death::parse(death);
            let ended = stand.go_on_doomed(death)?;
            died(&ended, death)?;
        }
        inject(stand);
        let ended = trouble.begin(stand, Stand::go_on_doomed)?;
        let passages = stand.passages();
        trouble.after(stand, &ended)?;
        to_the_end(stand)?;
        Ok(passages)
    }
}

/// What goes wrong in a scene, besides what belongs to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble {
    /// How this process dies, and those after it.
    pub(super) deaths: Vec<Death>,
    /// What the portal does wrong.
    pub(super) faults: Vec<String>,
}

impl Trouble {
    pub(super) fn one(death: Death) -> Self {
        Self {
            deaths: vec![death],
            faults: Vec::new(),
        }
    }

    /// Whether the process has to die: only where nothing else disturbs it.
    fn is_certain(&self) -> bool {
        self.faults.is_empty() && matches!(self.deaths[..], [] | [Death::At(..)])
    }

    /// The process that is to die first.
    fn begin(
        &self,
        stand: &mut Stand,
        run: impl FnOnce(&Stand, Option<Death>) -> Result<Ended, String>,
    ) -> Result<Ended, String> {
        stand.is_troubled = !self.is_certain();
        for fault in &self.faults {
            stand.portal.inject(fault);
        }
        run(stand, self.deaths.first().copied())
    }

    /// It died, or told the truth; those after it die too.
    fn after(&self, stand: &Stand, ended: &Ended) -> Result<(), String> {
        let Some((first, rest)) = self.deaths.split_first() else {
            return stand.is_honest(&["what may die"], ended);
        };
        if self.is_certain() {
            return died(ended, Some(*first));
        }
        if !was_killed(ended) {
            stand.is_honest(&["what may die"], ended)?;
        }
        for death in rest {
            if stand.next_command().is_some() {
                stand.go_on_doomed(Some(*death))?;
            }
        }
        Ok(())
    }
}

/// Lets the portal's next requests go wrong.
fn inject(stand: &Stand) {
    for fault in FAULTS {
        stand.portal.inject(fault);
    }
}

pub(super) fn plan(stand: &Stand) -> Result<(), String> {
    stand.run_honestly(&["plan", stand.roster(), "--action", stand.kind])
}

/// A job that nothing disturbed.
fn whole_job(stand: &Stand) -> Result<(), String> {
    stand.go_on_to_the_end()?;
    check::finished(stand)
}

pub(super) fn died(ended: &Ended, death: Option<Death>) -> Result<(), String> {
    if was_killed(ended) {
        return Ok(());
    }
    let (words, code) = (death.map(Death::words), ended.code);
    Err(format!(
        "not reached: {words:?}, it ended with {code}\n{}\n{}",
        ended.stdout, ended.stderr
    ))
}

/// Goes on until the job is over, lets what is late come, and compares.
pub(super) fn to_the_end(stand: &Stand) -> Result<(), String> {
    stand.go_on_to_the_end()?;
    stand.let_late_effects_come();
    check::finished(stand)
}

fn run(stand: &mut Stand, trouble: &Trouble) -> Result<Passages, String> {
    inject(stand);
    let words =
        |stand: &Stand| ["run", stand.roster(), "--action", stand.kind, "--max-actions", "9"].map(str::to_owned);
    let ended = trouble.begin(stand, |stand, death| {
        let words = words(stand);
        Ok(stand.run_doomed(&words.each_ref().map(String::as_str), death))
    })?;
    let passages = stand.passages();
    trouble.after(stand, &ended)?;
    to_the_end(stand)?;
    Ok(passages)
}

/// Erases, as a script does that goes on until nothing is left.
fn redact(stand: &Stand, death: Option<Death>) -> Result<Passages, String> {
    const ASK: [&str; 5] = ["audit", "redact", "--json", "--person", "29"];
    whole_job(stand)?;
    let values = |ended: Ended| ended.json()["values"].to_string();
    let asked = values(stand.run(&ASK));
    let confirmed = [&ASK[..], &["--confirm", &asked]].concat();
    let ended = stand.run_doomed(&confirmed, death);
    let passages = stand.passages();
    if death.is_some() {
        died(&ended, death)?;
    }
    let again = stand.run(&ASK);
    if again.code == 6 && again.json()["values"] != 0 {
        let asked = values(again);
        let confirmed = [&ASK[..], &["--confirm", &asked]].concat();
        let ended = stand.run(&confirmed);
        if ended.code != 0 {
            return Err(format!("cannot be erased any more: {}\n{}", ended.code, ended.stderr));
        }
    }
    let left = files_with(stand.desk.database().parent().unwrap(), ADDRESS);
    if !left.is_empty() {
        return Err(format!("erased, and still in {left:?}"));
    }
    check::intact(stand)?;
    Ok(passages)
}

/// The files in a folder, and below it, that hold a text.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else {
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

/// An export is there whole or not at all, and can be made again; what a dead process had begun is gone then.
fn export(stand: &Stand, death: Option<Death>) -> Result<Passages, String> {
    const EXPORT: [&str; 4] = ["audit", "export", "-o", "evidence"];
    whole_job(stand)?;
    let ended = stand.run_doomed(&EXPORT, death);
    let passages = stand.passages();
    if death.is_some() {
        died(&ended, death)?;
    }
    let made = stand.desk.folder().join("evidence").exists();
    if !made {
        let ended = stand.run(&EXPORT);
        if ended.code != 0 {
            return Err(format!("no export any more: {}\n{}", ended.code, ended.stderr));
        }
    }
    let left: Vec<_> = fs::read_dir(stand.desk.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with(".evidence"))
        .collect();
    if !left.is_empty() {
        return Err(format!("what a dead process began is left: {left:?}"));
    }
    let verified = stand.run(&["audit", "verify", "evidence"]);
    if verified.code != 0 {
        return Err(format!("an export that is damaged: {}", verified.stdout));
    }
    check::intact(stand)?;
    Ok(passages)
}

/// The old version or the new one, and no event lost.
fn migrate(stand: &Stand, death: Option<Death>) -> Result<Passages, String> {
    const WRITE: [&str; 2] = ["audit", "checkpoint"];
    let bodies = || {
        JournalFile::open(&stand.desk.database())
            .unwrap()
            .view()
            .bodies()
            .unwrap()
    };
    let before = bodies();
    let ended = stand.run_doomed(&WRITE, death);
    let passages = stand.passages();
    if death.is_some() {
        died(&ended, death)?;
    }
    if bodies()[..before.len()] != before {
        return Err("events are lost".to_owned());
    }
    let ended = stand.run(&WRITE);
    if ended.code != 0 {
        return Err(format!(
            "it cannot be migrated any more: {}\n{}",
            ended.code, ended.stderr
        ));
    }
    let backup = offboard24::files::beside(&stand.desk.database(), ".backup-1");
    let kept = JournalFile::open(&backup).and_then(|file| file.view().bodies());
    if kept.is_err() || kept.is_ok_and(|kept| kept != before) || bodies()[..before.len()] != before {
        return Err("events are lost, or not in the copy".to_owned());
    }
    check::intact(stand)?;
    Ok(passages)
}

/// The first signal is heard while a batch is under way, and the second right after it.
fn signals(stand: &Stand, death: Option<Death>) -> Result<Passages, String> {
    plan(stand)?;
    stand.portal.inject("delay:400ms@destroy:2");
    let words = stand.next_command().ok_or("no job")?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut child = stand.doomed(&words, death).spawn().unwrap();
    let destroying = || {
        let requests = stand.portal.requests();
        requests.iter().filter(|request| request.destroys()).count()
    };
    while destroying() < 2 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        if child.try_wait().unwrap().is_none() {
            kill_process(process, signal).unwrap();
        }
    }
    let ended = stand.wait(child);
    let passages = stand.passages();
    if death.is_some() {
        died(&ended, death)?;
    } else if !matches!(ended.code, 130 | 143) {
        return Err(format!(
            "two signals, and it ended with {}\n{}",
            ended.code, ended.stderr
        ));
    }
    to_the_end(stand)?;
    Ok(passages)
}

/// Nobody reads what it says.
fn closed_pipe(stand: &Stand, death: Option<Death>) -> Result<Passages, String> {
    plan(stand)?;
    inject(stand);
    let words = stand.next_command().ok_or("no job")?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut child = stand.doomed(&words, death).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    let ended = stand.wait(child);
    let passages = stand.passages();
    if death.is_some() {
        died(&ended, death)?;
    } else {
        stand.is_honest(&words, &ended)?;
    }
    to_the_end(stand)?;
    Ok(passages)
}
