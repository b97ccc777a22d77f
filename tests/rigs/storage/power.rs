//! Loss of power: from the recorded calls of a real job, the states of the disk that could remain after each of them, each one opened.
//!
//! What had to be there is known from outside the journal: a commit counts as acknowledged when the program began to write the head that
//! follows it; before a destroying request went to the socket its intents had to be on disk; a printed receipt names what it covers.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{Hash as _, Hasher as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use offboard24::clock::SystemClock;
use offboard24::journal::key::Keys;
use offboard24::journal::note::{Checkpoint, Note};
use offboard24::journal::receipt::Receipt;
use offboard24::journal::verify::{Against, verify};
use offboard24::journal::{Journal, head};
use offboard24::mistake::Mistake;
use offboard24::sandbox::World;
use serde_json::Value;

use super::disk::{Disk, Found, Left};
use super::shim::{self, Call};
use super::site::{PERSON, SURNAME, Site, memory_folder};
use super::{Checked, Dice, each, judge, number, option, truth};

/// Of so many states one is given to the real binary, which finishes the job from there.
const RESUMED_ONE_IN: usize = 100;

/// Seeds of their own: nothing of what was not synced is left, or all of it.
const NO_LUCK: u64 = 0;
const ALL_LUCK: u64 = 1;

/// The length of a reserve that is whole; its bytes say nothing.
const RESERVE: usize = 4 << 20;

/// `power-loss STATES [--people N] [--seed N] [--mistake NAME] [--at CALL:SEED]`.
pub(crate) fn power_loss(arguments: &[String]) -> Checked {
    let began = Instant::now();
    let wanted = usize::try_from(number(arguments, 0, 5_000)?).unwrap();
    let seed = option(arguments, "--seed")
        .map_or(Ok(24), str::parse)
        .map_err(|_| "--seed takes a number")?;
    let mistake = match option(arguments, "--mistake") {
        None => None,
        Some(name) => Some(
            Mistake::ALL
                .into_iter()
                .find(|mistake| mistake.name() == name)
                .ok_or("there is no such mistake")?,
        ),
    };
    let people = option(arguments, "--people")
        .map(str::parse)
        .transpose()
        .map_err(|_| "--people takes a number")?;
    let recording = Recording::make(mistake, people)?;
    let commands = if people.is_some() {
        "plan + apply"
    } else {
        "plan + apply + redact"
    };
    println!("power-loss: {}", recording.told(commands));
    let cases = match option(arguments, "--at") {
        Some(at) => vec![Case::parse(at).ok_or("write --at CALL:SEED")?],
        None => sampled(wanted, recording.calls.len(), seed),
    };
    let (distinct, lost, resumed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let (known, first) = (Mutex::new(HashSet::new()), Mutex::new(None));
    let found = each(
        &cases,
        |_| Worker::new(&recording),
        |worker, case| {
            let state = worker.state(&recording, case);
            if !known.lock().unwrap().insert(state.fingerprint) {
                return Ok(());
            }
            let nth = distinct.fetch_add(1, Ordering::Relaxed);
            let resume = cases.len() == 1 || nth.is_multiple_of(RESUMED_ONE_IN);
            let checked = worker.check(&recording, case, &state).and_then(|()| {
                if resume && mistake.is_none() {
                    resumed.fetch_add(1, Ordering::Relaxed);
                    recording.resume(case, &state)?;
                }
                Ok(())
            });
            let Err(finding) = checked else { return Ok(()) };
            lost.fetch_add(1, Ordering::Relaxed);
            let place = recording
                .calls
                .get(case.call - 1)
                .map_or("the beginning".to_owned(), short);
            let finding = format!(
                "power-loss 1 --at {}:{}\n  {:?} left after {place}, {} events acknowledged\n  {finding}",
                case.call, case.seed, state.left, recording.required[case.call],
            );
            if mistake.is_none() {
                return Err(finding);
            }
            // All are counted, and one is told: rather one where something acknowledged is out of reach.
            let mut first = first.lock().unwrap();
            let is_loss = recording.required[case.call] > 0;
            if first.as_ref().is_none_or(|(was_loss, _)| is_loss && !was_loss) {
                *first = Some((is_loss, finding));
            }
            Ok(())
        },
    );
    let (distinct, lost) = (distinct.into_inner(), lost.into_inner());
    println!(
        "power-loss: {} states ({distinct} of them different), {} finished by the binary, {lost} with a loss, {} s",
        cases.len(),
        resumed.into_inner(),
        began.elapsed().as_secs()
    );
    match mistake {
        Some(mistake) => {
            let first = first.into_inner().unwrap();
            let (_, finding) = first.ok_or_else(|| format!("the rig does not see {}", mistake.name()))?;
            println!("power-loss: {} is caught: {finding}", mistake.name());
            Ok(())
        }
        None => judge(&found),
    }
}

/// One loss of power: after so many calls, with this luck.
struct Case {
    call: usize,
    seed: u64,
}

impl Case {
    /// As it is printed.
    fn parse(text: &str) -> Option<Self> {
        let (call, seed) = text.split_once(':')?;
        Some(Self {
            call: call.parse().ok()?,
            seed: seed.parse().ok()?,
        })
    }
}

/// Every call in turn, in the order of the calls: once with all luck and once with none, then with luck of its own.
fn sampled(states: usize, calls: usize, seed: u64) -> Vec<Case> {
    let mut dice = Dice(seed);
    let mut cases: Vec<Case> = (0..states)
        .map(|nth| Case {
            call: 1 + nth % calls,
            seed: match nth / calls {
                0 => NO_LUCK,
                1 => ALL_LUCK,
                _ => dice.next(),
            },
        })
        .collect();
    cases.sort_by_key(|case| case.call);
    cases
}

/// A call on one line.
fn short(call: &Call) -> String {
    let text = match call {
        Call::Write { file, at, bytes } => format!("Write {{ file: {file}, at: {at}, {} bytes }}", bytes.len()),
        Call::Sent(bytes) => format!("Sent({} bytes)", bytes.len()),
        Call::Printed(bytes) => format!("Printed({} bytes)", bytes.len()),
        other => format!("{other:?}"),
    };
    text.chars().take(200).collect()
}

/// A state of the disk.
struct State {
    left: Left,
    found: BTreeMap<String, Found>,
    fingerprint: u64,
}

/// A job that was carried out, with every call that it made.
struct Recording {
    root: String,
    calls: Vec<Call>,
    /// How many events had to be on disk after so many calls.
    required: Vec<usize>,
    /// How many events the head had to know.
    head: Vec<usize>,
    /// The receipts that had to be there, by file.
    receipts: Vec<(usize, PathBuf)>,
    /// Destroying requests: after which call, and of what.
    requests: Vec<(usize, Vec<String>)>,
    /// Every event, in the end.
    story: Vec<Value>,
    bodies: Vec<String>,
    /// From which call on the name is erased; none when it never is.
    erased: Option<usize>,
    roster: Vec<u8>,
    /// Where it was made; it can be gone on with there.
    site: Mutex<Site>,
    beginning: World,
}

impl Recording {
    /// What was recorded, for people.
    fn told(&self, commands: &str) -> String {
        let is_sync = |call: &&Call| matches!(call, Call::Sync { .. });
        format!(
            "{} calls of {commands}, {} syncs, {} destroying requests, {} events",
            self.calls.len(),
            self.calls.iter().filter(is_sync).count(),
            self.requests.len(),
            self.story.len(),
        )
    }

    /// Of the how-to, or of a job with so many people, which is long enough for the log to be written back by the way.
    fn make(mistake: Option<Mistake>, people: Option<u32>) -> Checked<Self> {
        let mut site = Site::new(super::WORKERS);
        let mut text = super::site::ROSTER.to_vec();
        if let Some(people) = people {
            let world = World::generated(people, 4, 60, 24);
            text = world.roster_csv(usize::MAX).into_bytes();
            site.portal_anew(world, BTreeSet::new());
        }
        let beginning = site.world();
        let log = site.beside("log");
        // What was there before is certain.
        std::fs::remove_file(site.roster()).unwrap();
        let roster = site.beside("roster.csv");
        std::fs::write(&roster, &text).unwrap();
        // Somewhere the run has to ask what became of a batch.
        site.sandbox().inject("lost-answer@destroy:2".parse().unwrap());
        let run = |words: &[&str], codes: &[i32]| {
            let mut command = site.shimmed(words);
            if let Some(mistake) = mistake {
                command.env("OFFBOARD24_MISTAKE", mistake.name());
            }
            let ended = site.end(command.env("RIG_LOG", &log));
            match ended.code {
                Some(code) if codes.contains(&code) => Ok(ended.json()),
                code => Err(format!("{words:?} ended with {code:?}: {}", ended.words())),
            }
        };
        let plan = run(&["plan", roster.to_str().unwrap(), "--action", "kill"], &[0, 4])?;
        run(
            &["apply", "--confirm", plan["confirm"].as_str().unwrap_or_default()],
            &[0, 4],
        )?;
        if people.is_none() {
            let erase = ["audit", "redact", "--person", PERSON, "--also", "all"];
            let values = run(&erase, &[6])?["values"].to_string();
            run(&[&erase[..], &["--confirm", &values]].concat(), &[0])?;
        }
        site.expected = usize::try_from(plan["actions"]["planned"].as_u64().unwrap_or_default()).unwrap();
        let calls = shim::read(&std::fs::read(&log).unwrap());
        let bodies = {
            let file = offboard24::journal::JournalFile::open(&site.database()).map_err(|cause| cause.to_string())?;
            file.view().bodies().map_err(|cause| cause.to_string())?
        };
        let mut recording = Self {
            root: site.home().to_str().unwrap().to_owned(),
            calls,
            required: Vec::new(),
            head: Vec::new(),
            receipts: Vec::new(),
            requests: Vec::new(),
            story: bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect(),
            bodies,
            erased: people.is_none().then_some(usize::MAX),
            roster: text,
            site: Mutex::new(site),
            beginning,
        };
        recording.read_what_was_promised()?;
        Ok(recording)
    }

    /// Goes through the calls: what had to be on disk by then.
    fn read_what_was_promised(&mut self) -> Checked {
        let mut intents: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (seq, event) in self.story.iter().enumerate() {
            if event["kind"] == "attempt_intended" {
                let workflow = event["data"]["workflow"].as_str().unwrap_or_default();
                intents.entry(workflow.to_owned()).or_default().push(seq);
            }
        }
        let finished = self
            .story
            .iter()
            .position(|event| event["kind"] == "redaction_finished");
        let mut new_heads = BTreeSet::new();
        let mut sent: BTreeMap<String, usize> = BTreeMap::new();
        let (mut required, mut before) = (0, 0);
        (self.required, self.head) = (vec![0], vec![0]);
        for (place, call) in self.calls.iter().enumerate() {
            match call {
                Call::Open {
                    file,
                    path,
                    is_new: true,
                    ..
                } if is_new_head(path) => drop(new_heads.insert(*file)),
                Call::Open { file, .. } => drop(new_heads.remove(file)),
                Call::Write { file, bytes, .. } if new_heads.contains(file) => {
                    if let Some(size) = size_in(&String::from_utf8_lossy(bytes)) {
                        (before, required) = (required, required.max(size));
                    }
                }
                Call::Sent(bytes) => {
                    let text = String::from_utf8_lossy(bytes);
                    // Questions about others may travel in the same request.
                    let those: Vec<String> = intents
                        .keys()
                        .filter(|id| text.contains(&format!("bizproc.workflow.kill?ID={id}")))
                        .cloned()
                        .collect();
                    for workflow in &those {
                        let nth = sent.entry(workflow.clone()).or_default();
                        let Some(seq) = intents[workflow].get(*nth) else {
                            return Err(format!("{workflow} was sent and never intended"));
                        };
                        *nth += 1;
                        required = required.max(seq + 1);
                    }
                    if !those.is_empty() {
                        self.requests.push((place + 1, those));
                    }
                }
                Call::Printed(bytes) => {
                    let object: Value = serde_json::from_slice(bytes).unwrap_or_default();
                    let receipt = &object["receipt"];
                    if let Some(text) = receipt["text"].as_str() {
                        let receipt_note = Receipt::parse(text).map_err(|cause| cause.to_string())?.note;
                        let checkpoint = Checkpoint::parse(&receipt_note.text).map_err(|cause| cause.to_string())?;
                        required = required.max(usize::try_from(checkpoint.size).unwrap());
                        let file = receipt["file"].as_str().ok_or("a receipt without a file")?;
                        self.receipts.push((place + 1, PathBuf::from(file)));
                    }
                }
                _ => {}
            }
            if finished.is_some_and(|seq| required > seq) {
                self.erased = self.erased.map(|erased| erased.min(place + 1));
            }
            self.required.push(required);
            self.head.push(before);
        }
        // A rig that does not see what it looks for finds nothing.
        let (seen, intended): (usize, usize) = (sent.values().sum(), intents.values().map(Vec::len).sum());
        if seen < 9
            || seen != intended
            || self.requests.len() < 3
            || self.receipts.is_empty()
            || self.erased == Some(usize::MAX)
        {
            return Err(format!(
                "the rig saw {seen} kills of {intended} in {} requests, {} receipts, and the erasure after call {:?}",
                self.requests.len(),
                self.receipts.len(),
                self.erased
            ));
        }
        Ok(())
    }

    /// Has the real binary finish the job from a state: the portal did what had left by then, or not what was just leaving.
    fn resume(&self, case: &Case, state: &State) -> Checked {
        let mut site = self.site.lock().unwrap();
        state.write(&self.root, &site.home());
        let mut world = self.beginning.clone();
        let mut destroyed = BTreeSet::new();
        for (place, workflows) in &self.requests {
            if *place < case.call || (*place == case.call && case.seed & 1 == 0) {
                for workflow in workflows {
                    world.kill(workflow);
                    destroyed.insert(workflow.clone());
                }
            }
        }
        if !site.roster().exists() {
            std::fs::write(site.roster(), &self.roster).unwrap();
        }
        site.portal_anew(world, destroyed);
        site.finish()?;
        // Garbage at the database's beginning is called damage until a command that writes has written the log back over it.
        if matches!(state.left, Left::Garbage) {
            drop(site.run(&["resume"]));
        }
        truth::job_is_done(&site)
    }
}

/// Whether a head, and no receipt, is being written there.
fn is_new_head(path: &str) -> bool {
    path.contains("/heads/.") && path.ends_with(".offboard24-new") && !path.contains(".receipt")
}

/// The size that a head names.
pub(super) fn size_in(text: &str) -> Option<usize> {
    text.lines().nth(1)?.parse().ok()
}

impl State {
    /// Puts the state into a folder.
    fn write(&self, root: &str, folder: &Path) {
        drop(std::fs::remove_dir_all(folder));
        for (path, found) in &self.found {
            let path = folder.join(path.strip_prefix(root).unwrap().trim_start_matches('/'));
            match found {
                Found::Folder => std::fs::create_dir_all(path).unwrap(),
                Found::File(bytes) if is_whole_reserve(&path, bytes) => std::fs::hard_link(reserve(), path).unwrap(),
                Found::File(bytes) => {
                    use std::io::Write as _;
                    let mut options = std::fs::File::options();
                    let mut file = options.write(true).create_new(true).mode(0o600).open(path).unwrap();
                    file.write_all(bytes).unwrap();
                }
            }
        }
    }
}

/// Nobody reads a reserve, and nobody writes to one of the right length.
fn is_whole_reserve(path: &Path, bytes: &[u8]) -> bool {
    path.extension().is_some_and(|ending| ending == "reserve") && bytes.len() == RESERVE
}

/// A reserve that all states share.
fn reserve() -> &'static Path {
    static MADE: std::sync::OnceLock<(tempfile::TempDir, PathBuf)> = std::sync::OnceLock::new();
    let (_, path) = MADE.get_or_init(|| {
        let folder = memory_folder();
        let path = folder.path().join("reserve");
        std::fs::write(&path, vec![0; RESERVE]).unwrap();
        (folder, path)
    });
    path
}

/// Goes through the calls in order, and through the states after each.
struct Worker {
    folder: tempfile::TempDir,
    disk: Disk,
    applied: usize,
}

impl Worker {
    fn new(recording: &Recording) -> Self {
        Self {
            folder: memory_folder(),
            disk: Disk::new(&recording.root),
            applied: 0,
        }
    }

    fn state(&mut self, recording: &Recording, case: &Case) -> State {
        for call in &recording.calls[self.applied..case.call] {
            self.disk.apply(call);
        }
        self.applied = case.call;
        let mut dice = Dice(case.seed);
        let left = match (case.seed, dice.below(4)) {
            (NO_LUCK, _) => Left::Nothing,
            (ALL_LUCK, _) => Left::Everything,
            (_, 0) => Left::Earlier,
            (_, 1) => Left::Garbage,
            _ => Left::Anything,
        };
        let mut found = self.disk.after_loss(left, &mut dice);
        // The index of the write-ahead log is made anew by whoever opens the database.
        found.retain(|path, _| !path.ends_with("-shm"));
        let mut hasher = DefaultHasher::new();
        recording.required[case.call].hash(&mut hasher);
        for (path, found) in &found {
            path.hash(&mut hasher);
            match found {
                Found::Folder => {}
                Found::File(bytes) if is_whole_reserve(Path::new(path), bytes) => RESERVE.hash(&mut hasher),
                Found::File(bytes) => bytes.hash(&mut hasher),
            }
        }
        State {
            left,
            found,
            fingerprint: hasher.finish(),
        }
    }

    /// Opens the state as the program would, and looks for what had to be there.
    fn check(&self, recording: &Recording, case: &Case, state: &State) -> Checked {
        let home = self.folder.path().join("home");
        state.write(&recording.root, &home);
        let (database, heads) = (
            home.join("state/offboard24/audit.db"),
            home.join("state/offboard24/heads"),
        );
        let required = recording.required[case.call];
        let against = || Against {
            heads: Some(heads.clone()),
            ..Against::default()
        };
        // As an auditor would, before anybody runs the program again. Garbage at the database's beginning is called damage as long as the log
        // has not been written back over it.
        if required > 0 && case.seed.is_multiple_of(4) && !matches!(state.left, Left::Garbage) {
            is_intact(&database, &against())?;
        }
        let keys = Keys::read(&home.join(".local/share/offboard24/key")).map_err(|cause| cause.to_string())?;
        let clock = Arc::new(SystemClock);
        let journal = Journal::open_signed(&database, clock, keys, &heads)
            .map_err(|cause| format!("it is not opened: {cause}"))?;
        let bodies = journal.view().bodies().map_err(|cause| cause.to_string())?;
        let id = journal.view().database().map_err(|cause| cause.to_string())?;
        drop(journal);
        if bodies.len() < required {
            return Err(format!(
                "{} events are left of {required} that were acknowledged",
                bodies.len()
            ));
        }
        // One that is made anew has an event of its own.
        let is_other = required == 0 && bodies.first() != recording.bodies.first();
        if !is_other && (bodies.len() > recording.bodies.len() || bodies[..] != recording.bodies[..bodies.len()]) {
            return Err("its events are not those that were recorded".to_owned());
        }
        if required > 0 || !is_other {
            is_intact(&database, &against())?;
        }
        let known = match head::read(&head::path(&heads, &id)).map_err(|cause| cause.to_string())? {
            Some((_, checkpoint)) => usize::try_from(checkpoint.size).unwrap(),
            None => 0,
        };
        if known < recording.head[case.call] || known > bodies.len() {
            return Err(format!(
                "the head knows {known} events, and had to know {}",
                recording.head[case.call]
            ));
        }
        receipts_are_there(recording, case, &home)?;
        if recording.erased.is_some_and(|erased| case.call >= erased) {
            no_name_is_left(state)?;
        }
        Ok(())
    }
}

/// Every receipt is whole, and those that were told of are there.
fn receipts_are_there(recording: &Recording, case: &Case, home: &Path) -> Checked {
    let heads = home.join("state/offboard24/heads");
    for entry in std::fs::read_dir(&heads).into_iter().flatten() {
        let path = entry.unwrap().path();
        let is_receipt = path.extension().is_some_and(|ending| ending == "receipt");
        if is_receipt && Receipt::parse(&std::fs::read_to_string(&path).unwrap_or_default()).is_err() {
            return Err(format!("{} is half a receipt", path.display()));
        }
    }
    for (_, file) in recording.receipts.iter().filter(|(place, _)| *place <= case.call) {
        let here = heads.join(file.file_name().unwrap());
        let text =
            std::fs::read_to_string(&here).map_err(|cause| format!("a receipt that was told of is gone: {cause}"))?;
        let receipt = Receipt::parse(&text).map_err(|cause| cause.to_string())?;
        Note::parse(&receipt.note.to_string()).map_err(|cause| cause.to_string())?;
    }
    Ok(())
}

fn is_intact(database: &Path, against: &Against) -> Checked {
    let report = verify(database, against).map_err(|cause| format!("it cannot be verified: {cause}"))?;
    if report.is_intact() {
        Ok(())
    } else {
        Err(format!("verify finds: {:?}", report.findings))
    }
}

/// After an erasure that is told as finished no byte of the name comes back.
fn no_name_is_left(state: &State) -> Checked {
    for (path, found) in &state.found {
        if let Found::File(bytes) = found
            && bytes.windows(SURNAME.len()).any(|window| window == SURNAME)
        {
            return Err(format!("the erased name is in {path}"));
        }
    }
    Ok(())
}
