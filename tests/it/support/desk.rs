//! The real binary in an environment of its own, and what to ask of it afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use offboard24::clock::Clock;
use offboard24::journal::key::Keys;
use offboard24::journal::verify::{Against, verify};
use offboard24::journal::{Journal, JournalFile};
use offboard24::lock::holder;
use offboard24::paths::database_lock;
use offboard24::sandbox::World;
use serde_json::Value;
use tempfile::TempDir;

use super::{Portal, Seen, TOKEN, schemas};

/// An administrator's place of work: a folder, a database, an environment in which only the webhook is set.
///
/// When it is left, whatever the test was about: nothing was destroyed that its journal had not intended before, nothing that is called
/// gone still runs, and the webhook's token is in nothing that was written or printed.
pub(crate) struct Desk {
    folder: TempDir,
    webhook: String,
    /// What the portal saw, unless the desk has none.
    portal: Option<Seen>,
    /// Everything that any command printed here.
    printed: std::cell::RefCell<Vec<u8>>,
    /// Who took the account on with `sudo`, if anybody did.
    pub(crate) typed_by: Option<&'static str>,
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
        Self::through(portal, &portal.url())
    }

    /// A desk that reaches the portal at another address.
    pub(crate) fn through(portal: &Portal, webhook: &str) -> Self {
        let mut desk = Self::with_webhook(webhook);
        desk.portal = Some(portal.seen());
        desk
    }

    /// The sample portal, and a job on it that is planned and carried out, both ending with this code.
    pub(crate) fn finished(roster: &[u8], code: i32) -> (Portal, Self) {
        let portal = Portal::of(World::sample());
        let desk = Self::at(&portal);
        let plan = desk.run(&["plan", &desk.roster(roster), "--action", "kill", "--json"]);
        desk.apply(&plan.expect(code).json()).expect(code);
        (portal, desk)
    }

    /// A desk without a portal of its own.
    pub(crate) fn with_webhook(webhook: &str) -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            folder,
            webhook: webhook.to_owned(),
            portal: None,
            printed: std::cell::RefCell::default(),
            typed_by: None,
        }
    }

    /// The same, with everything typed by somebody who took the account on with `sudo`.
    pub(crate) fn typed_by(mut self, login: &'static str) -> Self {
        self.typed_by = Some(login);
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder().join("state/offboard24/audit.db")
    }

    /// The random id of the database.
    pub(crate) fn database_id(&self) -> String {
        self.journal().view().database().unwrap()
    }

    /// The head of the database on this machine.
    pub(crate) fn head(&self) -> PathBuf {
        self.folder().join("state/offboard24/heads").join(self.database_id())
    }

    /// The file of signing keys.
    pub(crate) fn key(&self) -> PathBuf {
        self.folder().join(".local/share/offboard24/key")
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
            .envs(self.typed_by.map(|login| ("SUDO_USER", login)))
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
        let ended = self.ended(self.command(arguments).output().unwrap());
        schemas::check(&ended.stdout, Some(arguments));
        ended
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
        let ended = self.ended(child.wait_with_output().unwrap());
        schemas::check(&ended.stdout, None);
        ended
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

    /// Erases, with the number of values that a script is told.
    pub(crate) fn redact(&self, arguments: &[&str]) -> Ended {
        let asked = self.run(&[&["audit", "redact", "--json"], arguments].concat());
        let values = asked.expect(6).json()["values"].to_string();
        self.run(&[&["audit", "redact", "--json", "--confirm", &values], arguments].concat())
    }

    pub(crate) fn status(&self) -> Value {
        self.run(&["status", "--json"]).expect(0).json()
    }

    pub(crate) fn journal(&self) -> JournalFile {
        JournalFile::open(&self.database()).unwrap()
    }

    /// The journal in this process's hands, signed as the program does.
    pub(crate) fn open_journal(&self, clock: Arc<dyn Clock>) -> Journal {
        let keys = Keys::read(&self.folder().join(".local/share/offboard24/key")).unwrap();
        Journal::open_signed(&self.database(), clock, keys, &self.database().with_file_name("heads")).unwrap()
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

    /// How many actions of the latest job are in each state: `planned 4, confirmed 5`.
    pub(crate) fn states(&self) -> String {
        let status = self.status();
        let counts = status["actions"].as_object().unwrap().iter();
        let there: Vec<String> = counts
            .filter(|(state, count)| *state != "total" && **count != 0)
            .map(|(state, count)| format!("{state} {count}"))
            .collect();
        there.join(", ")
    }

    /// Every answer on record: what it was taken for, and the word for it.
    pub(crate) fn answers(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let events = self.story();
        let answered = events.iter().filter(|event| event["kind"] == "attempt_answered");
        answered
            .map(|event| (text(&event["data"]["answer"]), text(&event["data"]["code"])))
            .collect()
    }

    /// How many answers were taken for this.
    pub(crate) fn answered(&self, answer: &str) -> usize {
        let answers = self.answers();
        answers.iter().filter(|(taken_for, _)| taken_for == answer).count()
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

    /// Nothing is found by whoever verifies the journal, with the head of this machine at hand.
    #[track_caller]
    fn assert_verifies(&self) {
        let against = Against {
            is_live: holder(&database_lock(&self.database())).unwrap().is_some(),
            heads: Some(self.database().with_file_name("heads")),
            ..Against::default()
        };
        let report = verify(&self.database(), &against).unwrap();
        assert!(report.is_intact(), "{:#?}", report.findings);
    }

    /// What must hold after everything that can happen: the journal verifies, states partition the plan, and the token is nowhere.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        self.assert_verifies();
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

    /// What reached the portal was on record before: no workflow got more destroying commands of a kind than there are intents for it, and
    /// none after one that was answered with yes.
    #[track_caller]
    fn assert_every_command_was_intended(&self, portal: &Seen) {
        let mut intents: BTreeMap<(String, String), u32> = BTreeMap::new();
        let mut answered: BTreeMap<(u64, u64), String> = BTreeMap::new();
        for event in self.story() {
            let data = &event["data"];
            let action = || (event["job"].as_u64().unwrap(), data["action"].as_u64().unwrap());
            match event["kind"].as_str() {
                Some("attempt_intended") => {
                    let workflow = data["workflow"].as_str().unwrap().to_owned();
                    let action = action();
                    assert_ne!(
                        answered.get(&action).map(String::as_str),
                        Some("yes"),
                        "sent again after a yes: {event}"
                    );
                    let kind = data["do"].as_str().unwrap().to_owned();
                    *intents.entry((workflow, kind)).or_default() += 1;
                }
                Some("attempt_answered") => {
                    answered.insert(action(), data["answer"].as_str().unwrap().to_owned());
                }
                Some("action_reopened") => drop(answered.remove(&action())),
                _ => {}
            }
        }
        let mut commands: BTreeMap<(String, String), u32> = BTreeMap::new();
        for command in portal
            .requests()
            .iter()
            .flat_map(|request| &request.commands)
            .filter(|command| command.destroys())
        {
            let workflow = command.params["ID"].as_str().unwrap().to_owned();
            let kind = command.method.rsplit('.').next().unwrap().to_owned();
            *commands.entry((workflow, kind)).or_default() += 1;
        }
        for (command, sent) in commands {
            let intended = intents.get(&command).copied().unwrap_or_default();
            assert!(sent <= intended, "{command:?}: {sent} commands and {intended} intents");
        }
    }

    /// Whatever is called gone does not run; and whatever is called untouched was not destroyed, unless by another job.
    #[track_caller]
    fn assert_outcomes_are_true(&self, portal: &Seen) {
        let gone = self.workflows_in(&["confirmed", "presumed", "already_gone", "unattributed"]);
        for workflow in &gone {
            assert!(!portal.runs(workflow), "{workflow} is called gone and runs");
        }
        // What is planned again may still meet a late effect of an attempt without an answer.
        let ours = self.workflows_in(&["confirmed", "presumed", "unattributed", "sent"]);
        let untouched = self.workflows_in(&["held", "drifted", "failed", "survived", "already_gone"]);
        for effect in portal.effects() {
            let is_denied = untouched.contains(&effect.workflow) && !ours.contains(&effect.workflow);
            assert!(!is_denied, "{} was destroyed and is called untouched", effect.workflow);
        }
    }

    /// Looks for the token in everything that was written and printed here.
    #[track_caller]
    pub(crate) fn assert_no_secret(&self) {
        let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(TOKEN);
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
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.assert_no_secret();
        let recorded = JournalFile::open(&self.database()).is_ok();
        match &self.portal {
            Some(portal) if recorded => {
                self.assert_every_command_was_intended(portal);
                self.assert_outcomes_are_true(portal);
            }
            Some(portal) => assert!(portal.effects().is_empty(), "something was destroyed without a journal"),
            None => {}
        }
    }
}
