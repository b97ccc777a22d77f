//! The n-th call to a file fails, for every n, in every way that fits: `EIO`, `ENOSPC`, half a write, half a write and then a full disk; and,
//! at night, a disk that is dead or read-only from then on.
//!
//! After each, the disk is mended: the job is finished as an operator would, and everything must be on record and true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use offboard24::sandbox::World;

use super::site::{Ended, PERSON, SURNAME, Site};
use super::{Checked, each, judge, option, shim, truth};

/// A command that something happens to.
struct Scene {
    name: &'static str,
    /// How the home is kept that it begins with.
    from: &'static str,
    words: fn(&Worker) -> Vec<String>,
    /// What must hold right after, besides what holds for every command.
    after: fn(&Site, &Ended) -> Checked,
    /// What an operator types once the disk is mended, and what must hold then.
    mended: fn(&Worker) -> Checked,
}

const SCENES: &[Scene] = &[
    Scene {
        name: "plan",
        from: "empty",
        words: |worker| worker.site.words_to_plan().to_vec(),
        after: after_plan,
        mended: |worker| done(&worker.site),
    },
    Scene {
        name: "apply",
        from: "planned",
        words: |worker| words(&["apply", "--confirm", &worker.confirm]),
        after: after_job,
        mended: |worker| done(&worker.site),
    },
    Scene {
        name: "resume",
        from: "stopped",
        words: |_| words(&["resume"]),
        after: after_job,
        mended: |worker| done(&worker.site),
    },
    Scene {
        name: "redact",
        from: "finished",
        words: |worker| worker.words_to_erase(),
        after: after_erasure,
        mended: erased,
    },
    Scene {
        name: "export",
        from: "finished",
        words: |worker| worker.words_to_export(),
        after: after_export,
        mended: exported,
    },
];

/// The scenes of every change: a run of three batches.
const ON_EVERY_CHANGE: &[&str] = &["apply"];

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// One fault: the scene, the call's number, and how it fails.
struct Case {
    scene: &'static Scene,
    call: usize,
    kind: &'static str,
}

impl Case {
    fn replay(&self) -> String {
        format!("file-faults {} --at {}:{}", self.scene.name, self.call, self.kind)
    }
}

/// How a call can fail, by the class that the shim gives it.
fn kinds(class: &str, name: &str, at_night: bool) -> Vec<&'static str> {
    let mut kinds = match (class, name) {
        ("2", "write") => vec!["eio", "enospc", "short", "torn"],
        ("4" | "8", _) => vec!["eio", "enospc"],
        _ => vec!["eio"],
    };
    if at_night && class != "1" {
        kinds.extend(["dead", "readonly"]);
    }
    kinds
}

/// `file-faults [night | SCENE] [--kind KIND] [--at CALL:KIND]`.
pub(crate) fn file_faults(arguments: &[String]) -> Checked {
    let began = Instant::now();
    let named = arguments
        .first()
        .map(String::as_str)
        .filter(|name| !name.starts_with("--"));
    let at_night = named == Some("night");
    let chosen: Vec<&'static Scene> = SCENES
        .iter()
        .filter(|scene| match named {
            None => ON_EVERY_CHANGE.contains(&scene.name),
            Some("night") => true,
            Some(name) => name == scene.name,
        })
        .collect();
    if chosen.is_empty() {
        return Err("there is no such scene".to_owned());
    }
    let cases = if let Some(at) = option(arguments, "--at") {
        let (call, kind) = at.split_once(':').ok_or("write --at CALL:KIND")?;
        vec![Case {
            scene: chosen[0],
            call: call.parse().map_err(|_| "write --at CALL:KIND")?,
            kind: kind.to_owned().leak(),
        }]
    } else {
        let only = option(arguments, "--kind");
        let mut cases = all_cases(&chosen, at_night || only.is_some())?;
        cases.retain(|case| only.is_none_or(|kind| kind == case.kind));
        cases
    };
    let verbose = cases.len() == 1;
    let hit = std::sync::atomic::AtomicUsize::new(0);
    let found = each(
        &cases,
        |number| Worker::new(number).unwrap(),
        |worker, case| {
            let was_hit = worker
                .check(case, verbose)
                .map_err(|finding| format!("{}\n  {finding}", case.replay()))?;
            hit.fetch_add(usize::from(was_hit), std::sync::atomic::Ordering::Relaxed);
            Ok(())
        },
    );
    let scenes: Vec<&str> = chosen.iter().map(|scene| scene.name).collect();
    println!(
        "file-faults: {} faults in {}, {} of them reached, {} findings, {} s",
        cases.len(),
        scenes.join(" + "),
        hit.load(std::sync::atomic::Ordering::Relaxed),
        found.len(),
        began.elapsed().as_secs()
    );
    judge(&found)
}

/// Every call of every scene, in every way.
fn all_cases(chosen: &[&'static Scene], at_night: bool) -> Checked<Vec<Case>> {
    let mut worker = Worker::new(super::WORKERS)?;
    let mut cases = Vec::new();
    for scene in chosen {
        let calls = worker.calls(scene)?;
        let mut of_name: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, line) in calls.iter().enumerate() {
            let mut parts = line.split(' ');
            let (class, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            *of_name.entry(name).or_default() += 1;
            for kind in kinds(class, name, at_night) {
                cases.push(Case {
                    scene,
                    call: place + 1,
                    kind,
                });
            }
        }
        println!("file-faults: {} makes {} calls: {of_name:?}", scene.name, calls.len());
    }
    Ok(cases)
}

/// A site with the home as it is before each scene.
pub(super) struct Worker {
    pub(super) site: Site,
    /// The portal's world of each, and what was destroyed by then.
    worlds: BTreeMap<&'static str, (World, BTreeSet<String>)>,
    pub(super) confirm: String,
    /// How many values an erasure takes.
    values: String,
}

impl Worker {
    pub(super) fn new(number: usize) -> Checked<Self> {
        let mut worker = Self {
            site: Site::new(number),
            worlds: BTreeMap::new(),
            confirm: String::new(),
            values: String::new(),
        };
        worker.keep("empty");
        let plan = worker.site.plan()?;
        plan["confirm"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut worker.confirm);
        worker.keep("planned");

        // Stopped in the middle: the disk dies when half of it is done.
        let apply = SCENES.iter().find(|scene| scene.name == "apply").ok_or("no scene")?;
        let half = worker.calls(apply)?.len() / 2;
        worker.begin("planned");
        let mut command = worker.site.shimmed(&["apply", "--confirm", &worker.confirm]);
        worker.site.end(command.env("RIG_FAULT", format!("{half}:dead")));
        worker.keep("stopped");

        worker.site.finish()?;
        truth::job_is_done(&worker.site)?;
        let asked = worker
            .site
            .run(&["audit", "redact", "--person", PERSON, "--also", "all"])
            .expect(6)?;
        worker.values = asked.json()["values"].to_string();
        worker.keep("finished");
        Ok(worker)
    }

    fn keep(&mut self, name: &'static str) {
        self.site.keep(name);
        let destroyed = self.site.destroyed().unwrap();
        self.worlds.insert(name, (self.site.world(), destroyed));
    }

    /// Everything as it was when it was kept.
    pub(super) fn begin(&mut self, name: &'static str) {
        self.site.restore(name);
        let (world, destroyed) = self.worlds[name].clone();
        self.site.portal_anew(world, destroyed);
    }

    fn words_to_erase(&self) -> Vec<String> {
        words(&[
            "audit",
            "redact",
            "--person",
            PERSON,
            "--also",
            "all",
            "--confirm",
            &self.values,
        ])
    }

    fn words_to_export(&self) -> Vec<String> {
        let folder = self.site.home().join("export");
        words(&["audit", "export", "-o", folder.to_str().unwrap()])
    }

    fn shimmed(&self, scene: &Scene, fault: &str) -> std::process::Command {
        let words = (scene.words)(self);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = self.site.command(&words);
        shim::load(&mut command, &self.site.home());
        command.env("RIG_FAULT", fault).env("RIG_HIT", self.site.beside("hit"));
        command
    }

    /// The calls of a scene without any fault.
    fn calls(&mut self, scene: &Scene) -> Checked<Vec<String>> {
        self.begin(scene.from);
        drop(std::fs::remove_file(self.site.beside("hit")));
        self.site.end(&mut self.shimmed(scene, "1:list")).expect(0)?;
        let text = std::fs::read_to_string(self.site.beside("hit")).map_err(|cause| cause.to_string())?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Whether the fault happened.
    fn check(&mut self, case: &Case, verbose: bool) -> Checked<bool> {
        self.begin(case.scene.from);
        let hit = self.site.beside("hit");
        drop(std::fs::remove_file(&hit));
        let ended = self
            .site
            .end(&mut self.shimmed(case.scene, &format!("{}:{}", case.call, case.kind)));
        let was_hit = std::fs::read_to_string(&hit);
        let at = was_hit.as_deref().unwrap_or("not reached").to_owned();
        if verbose {
            println!(
                "{} at {at}: {:?}\n{}\n{}",
                case.kind, ended.code, ended.stdout, ended.stderr
            );
        }
        let told = |finding: String| {
            format!(
                "{} at {at}; it ended with {:?}: {}\n  {finding}",
                case.kind,
                ended.code,
                ended.words()
            )
        };
        is_honest(&self.site, &ended).map_err(told)?;
        (case.scene.after)(&self.site, &ended).map_err(told)?;
        (case.scene.mended)(self).map_err(told)?;
        Ok(was_hit.is_ok())
    }
}

/// An ending that a script can rely on.
pub(super) fn is_honest(site: &Site, ended: &Ended) -> Checked {
    let Some(code) = ended.code else {
        return Err("a signal ended it, or it hung".to_owned());
    };
    let object = ended.json();
    if object["error"]["kind"] == "bug" || ended.stderr.contains("a bug in offboard24") {
        return Err("it panicked".to_owned());
    }
    if object.is_null() {
        return Err("there is no object on stdout".to_owned());
    }
    if code != 0 && object["error"]["next"].as_str().is_none_or(str::is_empty) {
        return Err("it does not say what to type next".to_owned());
    }
    let effects = site.effects().len();
    if effects > 0 && matches!(code, 2 | 6 | 7 | 8) {
        return Err(format!(
            "its code says that nothing was changed, and {effects} workflows were destroyed"
        ));
    }
    truth::promises_hold(site)
}

fn after_plan(site: &Site, ended: &Ended) -> Checked {
    if !truth::destroying(&site.requests()).is_empty() {
        return Err("planning destroyed".to_owned());
    }
    let is_frozen = site.story()?.iter().any(|event| event["kind"] == "plan_frozen");
    if ended.code == Some(0) && !is_frozen {
        return Err("it says that there is a plan, and there is none".to_owned());
    }
    Ok(())
}

fn after_job(site: &Site, ended: &Ended) -> Checked {
    if ended.code == Some(0) {
        truth::job_is_done(site)?;
    }
    Ok(())
}

fn done(site: &Site) -> Checked {
    site.finish()?;
    truth::job_is_done(site)
}

/// No byte of the name in anything that the program keeps.
fn no_name_is_left(site: &Site) -> Checked {
    for entry in std::fs::read_dir(site.state()).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            if bytes.windows(SURNAME.len()).any(|window| window == SURNAME) {
                return Err(format!("the name is left in {}", entry.path().display()));
            }
        }
    }
    Ok(())
}

fn after_erasure(site: &Site, ended: &Ended) -> Checked {
    if ended.code == Some(0) {
        no_name_is_left(site)?;
    }
    Ok(())
}

/// The same command again: it erases, or says that nothing is left.
fn erased(worker: &Worker) -> Checked {
    let words = worker.words_to_erase();
    let again = worker.site.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let is_nothing_left = again.code == Some(2) && again.stdout.contains("no personal value about");
    if !is_nothing_left {
        again.expect(0)?;
    }
    no_name_is_left(&worker.site)?;
    truth::record_is_whole(&worker.site)
}

fn export_is_whole(site: &Site) -> Checked {
    site.run(&["audit", "verify", site.home().join("export").to_str().unwrap()])
        .expect(0)
        .map(drop)
}

/// There is a whole export, or none and nothing of it.
fn after_export(site: &Site, ended: &Ended) -> Checked {
    if ended.code == Some(0) || site.home().join("export").exists() {
        export_is_whole(site)?;
    }
    Ok(())
}

fn exported(worker: &Worker) -> Checked {
    let words = worker.words_to_export();
    if !worker.site.home().join("export").exists() {
        worker
            .site
            .run(&words.iter().map(String::as_str).collect::<Vec<_>>())
            .expect(0)?;
    }
    export_is_whole(&worker.site)
}
