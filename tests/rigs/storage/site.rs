//! A job in a folder of its own: the real binary, and a stand-in portal that can be set back to how it began.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use offboard24::journal::JournalFile;
use offboard24::sandbox::{Effect, Options, Pause, RequestRecord, Sandbox, World, WorldOptions};
use serde_json::Value;
use tempfile::TempDir;

use super::{Checked, shim};

/// One person, who alone is waited for in nine workflows: a first one alone, then five, then three.
pub(super) const ROSTER: &[u8] = include_bytes!("../../../samples/roster-how-to.csv");

/// The name that nobody may find after an erasure.
pub(super) const SURNAME: &[u8] = b"Hargreaves";

/// The person.
pub(super) const PERSON: &str = "29";

/// Nothing here waits: what takes longer than this hangs. Longer than the program waits for an answer that never comes.
const HANGS_AFTER: Duration = Duration::from_secs(100);

/// What takes longer than this is looked at, in case that it hangs.
const SLOW_AFTER: Duration = Duration::from_secs(20);

/// A folder in memory where there is such a thing, so that a sync costs nothing.
pub(super) fn memory_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    builder.prefix("offboard24-rig-");
    if memory.is_dir() {
        builder.tempdir_in(memory).unwrap()
    } else {
        builder.tempdir().unwrap()
    }
}

/// How a command ended; the code of one that a signal ended is none.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// Whether it took so long that it was looked at.
    is_slow: bool,
}

impl Ended {
    /// The one object of `--json`; null where there is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_default()
    }

    pub(super) fn expect(self, code: i32) -> Checked<Self> {
        if self.code == Some(code) {
            Ok(self)
        } else {
            Err(format!("ended with {:?}, not {code}: {}", self.code, self.words()))
        }
    }

    /// What it said, on few lines.
    pub(super) fn words(&self) -> String {
        let error = self.json()["error"].clone();
        if error.is_null() {
            format!("{} {}", self.stdout.trim(), self.stderr.trim())
        } else {
            error.to_string()
        }
    }
}

/// Where a job is.
pub(super) struct Site {
    /// Holds `home`, and beside it what is kept of it.
    folder: TempDir,
    address: SocketAddr,
    portal: Option<Portal>,
    pause: Pause,
    /// What the portal had destroyed for this job before it began anew.
    destroyed_before: BTreeSet<String>,
    /// How many actions the plan has to have.
    pub(super) expected: usize,
}

/// A portal that runs.
struct Portal {
    sandbox: Arc<Sandbox>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Portal {
    fn start(options: Options) -> Self {
        let (started, starting) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(async {
                // A process that another worker is just starting holds the old socket until it is another program.
                let mut sandbox = Sandbox::start(options.clone()).await;
                for _ in 0..1000 {
                    if !sandbox
                        .as_ref()
                        .is_err_and(|cause| cause.kind() == std::io::ErrorKind::AddrInUse)
                    {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                    sandbox = Sandbox::start(options.clone()).await;
                }
                let sandbox = Arc::new(sandbox.unwrap());
                started.send(sandbox).unwrap();
                _ = stopped.await;
            });
        });
        Self {
            sandbox: starting.recv().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Site {
    /// The site of a worker. Each has an address that nobody else's connection takes by chance.
    pub(super) fn new(worker: usize) -> Self {
        Self::pausing(worker, Pause::default())
    }

    /// The same with a portal that waits as it is told.
    pub(super) fn pausing(worker: usize, pause: Pause) -> Self {
        let host = Ipv4Addr::new(127, 24, 0, u8::try_from(worker + 2).unwrap());
        let mut site = Self {
            folder: memory_folder(),
            address: SocketAddr::new(IpAddr::V4(host), 0),
            portal: None,
            pause,
            destroyed_before: BTreeSet::new(),
            expected: 9,
        };
        site.portal_anew(World::sample(), BTreeSet::new());
        std::fs::create_dir(site.home()).unwrap();
        std::fs::write(site.roster(), ROSTER).unwrap();
        site
    }

    /// The same address with another world, of which these were destroyed for this job, and nothing asked yet.
    pub(super) fn portal_anew(&mut self, world: World, destroyed: BTreeSet<String>) {
        self.destroyed_before = destroyed;
        self.portal = None;
        let portal = Portal::start(Options {
            listen: self.address,
            world: WorldOptions::Given(Box::new(world)),
            rate_per_second: f64::INFINITY,
            burst: f64::INFINITY,
            operating_limit_seconds: f64::INFINITY,
            pause: self.pause.clone(),
            ..Options::default()
        });
        self.address = portal.sandbox.address();
        self.portal = Some(portal);
    }

    pub(super) fn sandbox(&self) -> &Sandbox {
        &self.portal.as_ref().unwrap().sandbox
    }

    pub(super) fn requests(&self) -> Vec<RequestRecord> {
        self.sandbox().requests()
    }

    pub(super) fn effects(&self) -> Vec<Effect> {
        self.sandbox().effects()
    }

    /// Everything that was destroyed for this job. Twice is a finding.
    pub(super) fn destroyed(&self) -> Checked<BTreeSet<String>> {
        let mut destroyed = self.destroyed_before.clone();
        for effect in self.effects() {
            if !destroyed.insert(effect.workflow.clone()) {
                return Err(format!("{} was destroyed twice", effect.workflow));
            }
        }
        Ok(destroyed)
    }

    pub(super) fn world(&self) -> World {
        self.sandbox().world().lock().unwrap().clone()
    }

    /// The home of whoever works here: everything that the program keeps is below it.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A file beside the home.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn roster(&self) -> PathBuf {
        self.home().join("roster.csv")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.home().join("state/offboard24")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.state().join("audit.db")
    }

    pub(super) fn heads(&self) -> PathBuf {
        self.state().join("heads")
    }

    /// Keeps the home as it is under a name.
    pub(super) fn keep(&self, name: &str) {
        copy_folder(&self.home(), &self.beside(name));
    }

    /// Puts the home back as it was kept.
    pub(super) fn restore(&self, name: &str) {
        std::fs::remove_dir_all(self.home()).unwrap();
        copy_folder(&self.beside(name), &self.home());
    }

    /// A command with `--json`, in an environment in which only the webhook is set.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offboard24"));
        command
            .env_clear()
            .env("HOME", self.home())
            .env("XDG_STATE_HOME", self.home().join("state"))
            .env("TMPDIR", self.folder.path())
            .env("OFFBOARD24_WEBHOOK", self.sandbox().webhook_url())
            .current_dir(self.home())
            .stdin(Stdio::null())
            .args(arguments)
            .arg("--json");
        if matches!(arguments.first(), Some(&("plan" | "apply" | "run" | "resume"))) {
            command.args(["--rate", "unlimited"]);
        }
        command
    }

    /// The same with the shim before it.
    pub(super) fn shimmed(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        shim::load(&mut command, &self.home());
        command
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Ended {
        self.end(&mut self.command(arguments))
    }

    /// Runs a command of this site to its end; one that hangs is killed, which shows as a signal.
    pub(super) fn end(&self, command: &mut Command) -> Ended {
        Self::wait(self.start(command))
    }

    /// Starts a command of this site.
    pub(super) fn start(&self, command: &mut Command) -> Started {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let files = ["out", "err"].map(|name| self.beside(&format!("{name}-{number}")));
        let [stdout, stderr] = files.each_ref().map(|path| std::fs::File::create(path).unwrap());
        Started {
            child: command.stdout(stdout).stderr(stderr).spawn().unwrap(),
            files,
        }
    }

    pub(super) fn wait(mut started: Started) -> Ended {
        let began = Instant::now();
        let mut seen = String::new();
        let status = loop {
            if let Some(status) = started.child.try_wait().unwrap() {
                break status;
            }
            if seen.is_empty() && began.elapsed() > SLOW_AFTER {
                seen = what_it_does(started.child.id());
            }
            if began.elapsed() > HANGS_AFTER {
                started.child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let took = began.elapsed();
        let [stdout, mut stderr] = started.files.map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::remove_file(path).unwrap();
            text
        });
        if !seen.is_empty() {
            let (took, after) = (took.as_secs(), SLOW_AFTER.as_secs());
            stderr = format!("{stderr}\nit took {took} s; after {after} s: {seen}");
        }
        Ended {
            code: status.code(),
            stdout,
            stderr,
            is_slow: !seen.is_empty(),
        }
    }

    /// Plans the kills of the roster.
    pub(super) fn plan(&self) -> Checked<Value> {
        Ok(self
            .run(&self.words_to_plan().each_ref().map(String::as_str))
            .expect(0)?
            .json())
    }

    pub(super) fn words_to_plan(&self) -> [String; 4] {
        let roster = self.roster().to_str().unwrap().to_owned();
        ["plan".to_owned(), roster, "--action".to_owned(), "kill".to_owned()]
    }

    /// What the journal tells, in order; none while there is no journal.
    pub(super) fn story(&self) -> Checked<Vec<Value>> {
        match JournalFile::open(&self.database()) {
            Err(offboard24::journal::JournalError::Missing(_)) => Ok(Vec::new()),
            Err(cause) => Err(format!("the journal cannot be read: {cause}")),
            Ok(file) => story_of(&file),
        }
    }

    /// What an operator types next; none when the job is over.
    pub(super) fn next_command(&self) -> Checked<Option<Vec<String>>> {
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        let story = self.story()?;
        let has = |kind: &str| story.iter().any(|event| event["kind"] == kind);
        if !has("job_created") {
            return Ok(Some(self.words_to_plan().to_vec()));
        }
        if !has("plan_frozen") {
            return Ok(words(&["resume"]));
        }
        let status = self.run(&["status"]).expect(0)?.json();
        if !has("plan_confirmed") {
            let confirm = status["confirm"].as_str().ok_or("no confirmation to type")?;
            return Ok(words(&["apply", "--confirm", confirm]));
        }
        Ok(if status["state"] == "complete" && has("job_closed") {
            None
        } else {
            words(&["resume"])
        })
    }

    /// Goes on until the job is over, as an operator would after the disk was mended.
    pub(super) fn finish(&self) -> Checked {
        for _ in 0..6 {
            let Some(words) = self.next_command()? else {
                return Ok(());
            };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let ended = self.run(&words);
            // What the roster leaves to a person is left.
            if !matches!(ended.code, Some(0 | 4)) || ended.is_slow {
                let requests = self.requests();
                let last = requests
                    .iter()
                    .rev()
                    .take(3)
                    .map(|request| (&request.method, request.status));
                return Err(format!(
                    "afterwards {} ended with {:?}: {} {}\n  the portal's last requests, backwards: {:?}",
                    words.join(" "),
                    ended.code,
                    ended.words(),
                    ended.stderr,
                    last.collect::<Vec<_>>()
                ));
            }
        }
        Err("afterwards the job does not end".to_owned())
    }
}

/// Where a process is: the system calls of its threads, and its sockets.
fn what_it_does(process: u32) -> String {
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let mut seen = read(format!("/proc/{process}/net/tcp"))
        .lines()
        .filter(|line| line.contains("00187F"))
        .fold(String::new(), |seen, line| seen + "\n  " + line);
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = thread.path();
        let (call, place) = (
            read(format!("{}/syscall", path.display())),
            read(format!("{}/wchan", path.display())),
        );
        let name = thread.file_name();
        seen.extend(["\n  ", &name.to_string_lossy(), ": ", call.trim(), " ", &place]);
    }
    seen
}

/// A command under way.
pub(super) struct Started {
    pub(super) child: Child,
    files: [PathBuf; 2],
}

/// Every event as JSON.
pub(super) fn story_of(file: &JournalFile) -> Checked<Vec<Value>> {
    let bodies = file
        .view()
        .bodies()
        .map_err(|cause| format!("the journal cannot be read: {cause}"))?;
    let parsed = bodies.iter().map(|body| serde_json::from_str(body));
    parsed
        .collect::<Result<_, _>>()
        .map_err(|cause| format!("an event is no JSON: {cause}"))
}

/// Copies a folder with what is in it.
pub(super) fn copy_folder(from: &Path, to: &Path) {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    let mode = std::fs::metadata(from).unwrap().permissions().mode();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(to)
        .unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
