//! A stand-in portal in a thread of its own, the real binary in an environment of its own, and what to ask of both afterwards.

pub(crate) mod bench;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use offboard24::journal::JournalFile;
use offboard24::sandbox::{Effect, Fault, Options, RequestRecord, Sandbox, World, WorldOptions};
use serde_json::Value;
use tempfile::TempDir;

/// The token of every stand-in here: what must be found nowhere.
pub(crate) const TOKEN: &str = "marker-token_0123456789-secret";

/// A stand-in portal, running in a thread of its own until it is dropped.
pub(crate) struct Portal {
    sandbox: Option<std::sync::Arc<Sandbox>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Portal {
    /// With these people and workflows, and without limits.
    pub(crate) fn of(world: World) -> Self {
        Self::with(Options {
            world: WorldOptions::Given(Box::new(world)),
            ..unlimited()
        })
    }

    /// With these options; the token is always the marker.
    pub(crate) fn with(options: Options) -> Self {
        let options = Options {
            token: TOKEN.to_owned(),
            ..options
        };
        let (started, starting) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let sandbox = std::sync::Arc::new(Sandbox::start(options).await.unwrap());
                started.send(std::sync::Arc::clone(&sandbox)).unwrap();
                drop(sandbox);
                _ = stopped.await;
            });
        });
        Self {
            sandbox: Some(starting.recv().unwrap()),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        self.sandbox().webhook_url()
    }

    pub(crate) fn host(&self) -> String {
        self.sandbox().address().to_string()
    }

    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.sandbox().effects()
    }

    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        self.sandbox().requests()
    }

    pub(crate) fn inject(&self, fault: &str) {
        self.sandbox().inject(fault.parse::<Fault>().unwrap());
    }

    /// Looks at the world, or changes it.
    pub(crate) fn world<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        with(&mut self.sandbox().world().lock().unwrap())
    }

    /// The workflows that were destroyed. Panics when one was destroyed twice.
    pub(crate) fn destroyed(&self) -> BTreeSet<String> {
        let effects = self.effects();
        let destroyed: BTreeSet<String> = effects.iter().map(|effect| effect.workflow.clone()).collect();
        assert_eq!(destroyed.len(), effects.len(), "a workflow was destroyed twice");
        destroyed
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.sandbox.take();
        if let Some(stop) = self.stop.take() {
            _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// A stand-in without limits, so that nothing waits.
pub(crate) fn unlimited() -> Options {
    Options {
        rate_per_second: f64::INFINITY,
        burst: f64::INFINITY,
        operating_limit_seconds: f64::INFINITY,
        ..Options::default()
    }
}

/// An administrator's place of work: a folder, a database, an environment in which only the webhook is set.
pub(crate) struct Desk {
    folder: TempDir,
    webhook: String,
    /// Everything that any command printed here.
    printed: std::cell::RefCell<Vec<u8>>,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The one object of `--json`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|cause| panic!("not one JSON object ({cause}):\n{}\n{}", self.stdout, self.stderr))
    }

    /// Panics unless the command ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

impl Desk {
    pub(crate) fn at(portal: &Portal) -> Self {
        Self::with_webhook(&portal.url())
    }

    pub(crate) fn with_webhook(webhook: &str) -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            folder,
            webhook: webhook.to_owned(),
            printed: std::cell::RefCell::default(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder().join("state/offboard24/audit.db")
    }

    /// Writes a roster and gives its path.
    pub(crate) fn roster(&self, text: impl AsRef<[u8]>) -> String {
        let path = self.folder().join("roster.csv");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The binary in this environment. Commands that talk to a portal do it without pacing.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offboard24"));
        command
            .env_clear()
            .env("HOME", self.folder())
            .env("XDG_STATE_HOME", self.folder().join("state"))
            .env("TMPDIR", self.folder())
            .env("OFFBOARD24_WEBHOOK", &self.webhook)
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .args(arguments);
        if matches!(arguments.first(), Some(&("plan" | "apply" | "run" | "resume"))) && !arguments.contains(&"--rate") {
            command.args(["--rate", "unlimited"]);
        }
        // Where only the object is looked at, the notes may be as verbose as can be: they are searched for the token.
        if arguments.contains(&"--json") {
            command.arg("-vv");
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.ended(self.command(arguments).output().unwrap())
    }

    /// Starts a command that is going to be stopped or killed.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits for a command that was started.
    pub(crate) fn wait(&self, child: Child) -> Ended {
        self.ended(child.wait_with_output().unwrap())
    }

    fn ended(&self, output: Output) -> Ended {
        let mut printed = self.printed.borrow_mut();
        printed.extend_from_slice(&output.stdout);
        printed.extend_from_slice(&output.stderr);
        Ended {
            code: output
                .status
                .code()
                .unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default()),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// `plan`, for a roster of which some rows may need a person.
    pub(crate) fn plan(&self, roster: &str, action: &str) -> Value {
        let ended = self.run(&["plan", roster, "--action", action, "--json"]);
        assert!(matches!(ended.code, 0 | 4), "{}\n{}", ended.stdout, ended.stderr);
        ended.json()
    }

    /// `apply` with the confirmation that `plan` gave.
    pub(crate) fn apply(&self, plan: &Value) -> Ended {
        let confirm = plan["confirm"].as_str().unwrap().to_owned();
        let job = plan["job"].to_string();
        self.run(&["apply", &job, "--confirm", &confirm, "--json"])
    }

    pub(crate) fn status(&self) -> Value {
        self.run(&["status", "--json"]).expect(0).json()
    }

    pub(crate) fn journal(&self) -> JournalFile {
        JournalFile::open(&self.database()).unwrap()
    }

    /// What the journal tells, in order: every event as JSON.
    pub(crate) fn story(&self) -> Vec<Value> {
        self.journal()
            .view()
            .bodies()
            .unwrap()
            .iter()
            .map(|body| serde_json::from_str(body).unwrap())
            .collect()
    }

    /// The workflows whose action ended like this.
    pub(crate) fn workflows_in(&self, states: &[&str]) -> BTreeSet<String> {
        let file = self.journal();
        let view = file.view();
        let jobs = view.jobs().unwrap();
        let actions = jobs.iter().flat_map(|job| view.actions(job.job).unwrap());
        actions
            .filter(|action| states.contains(&action.state.as_str()))
            .map(|action| action.workflow.to_string())
            .collect()
    }

    /// What must hold after everything that can happen: the projections are the fold of the events, states partition the plan, and the
    /// token is nowhere.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        assert_eq!(
            self.journal().view().projection_differences().unwrap(),
            Vec::<&str>::new()
        );
        let status = self.status();
        for counts in [&status["actions"], &status["rows"]] {
            let counts = counts.as_object().unwrap();
            let parts = counts
                .iter()
                .filter(|(state, _)| *state != "total")
                .map(|(_, number)| number.as_u64().unwrap());
            let unresolved = status["state"] == "planning" || status["plan_hash"].is_null();
            assert!(
                unresolved || parts.sum::<u64>() == counts["total"].as_u64().unwrap(),
                "{counts:?}"
            );
        }
        self.assert_no_secret();
    }

    /// What reached the portal was on record before: no workflow got more destroying commands than there are intents for it, and none
    /// after one that was answered with yes.
    #[track_caller]
    pub(crate) fn assert_every_command_was_intended(&self, portal: &Portal) {
        let mut intents: BTreeMap<String, u32> = BTreeMap::new();
        let mut answered: BTreeMap<u64, String> = BTreeMap::new();
        for event in self.story() {
            let data = &event["data"];
            match event["kind"].as_str() {
                Some("attempt_intended") => {
                    let workflow = data["workflow"].as_str().unwrap().to_owned();
                    let action = data["action"].as_u64().unwrap();
                    assert_ne!(
                        answered.get(&action).map(String::as_str),
                        Some("yes"),
                        "sent again after a yes: {event}"
                    );
                    *intents.entry(workflow).or_default() += 1;
                }
                Some("attempt_answered") => {
                    let action = data["action"].as_u64().unwrap();
                    answered.insert(action, data["answer"].as_str().unwrap().to_owned());
                }
                _ => {}
            }
        }
        let mut commands: BTreeMap<String, u32> = BTreeMap::new();
        for command in portal
            .requests()
            .iter()
            .flat_map(|request| &request.commands)
            .filter(|command| command.destroys())
        {
            *commands
                .entry(command.params["ID"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
        assert!(!commands.is_empty(), "nothing was sent at all");
        for (workflow, sent) in commands {
            let intended = intents.get(&workflow).copied().unwrap_or_default();
            assert!(sent <= intended, "{workflow}: {sent} commands and {intended} intents");
        }
    }

    /// Looks for the token in everything that was written and printed here.
    #[track_caller]
    pub(crate) fn assert_no_secret(&self) {
        let holds = |bytes: &[u8]| bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
        assert!(!holds(&self.printed.borrow()), "the token was printed");
        let mut folders = vec![self.folder().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    assert!(
                        !holds(&std::fs::read(entry.path()).unwrap()),
                        "the token is in {}",
                        entry.path().display()
                    );
                }
            }
        }
    }
}

impl Drop for Desk {
    /// Whatever a test was about: what it wrote and printed is searched for the token.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_no_secret();
        }
    }
}

/// The number under a path such as `/actions/confirmed`.
#[track_caller]
pub(crate) fn number(json: &Value, path: &str) -> u64 {
    json.pointer(path)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no number at {path} in {json}"))
}

/// What may be destroyed, computed from the stand-in's own data and from nothing of ours: a running workflow in which somebody of the
/// roster waits, and nobody else.
pub(crate) fn oracle(world: &World, roster: &BTreeSet<u32>) -> BTreeSet<String> {
    let mut waiting: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for user in world.users() {
        for task in world.waiting_for(user.id) {
            waiting.entry(task.workflow.clone()).or_default().insert(user.id);
        }
    }
    let ours = |(workflow, users): (String, BTreeSet<u32>)| {
        (world.running(&workflow).is_some() && users.is_subset(roster)).then_some(workflow)
    };
    waiting.into_iter().filter_map(ours).collect()
}

/// The ids in the first column of a roster.
pub(crate) fn ids_of(csv: &str) -> BTreeSet<u32> {
    csv.lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect()
}

/// Numbers that look random and are the same for the same seed: `SplitMix64`.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
