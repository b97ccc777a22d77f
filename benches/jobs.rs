//! Whole jobs against the stand-in portal, over HTTP, by the real binary in two processes (`plan`, `apply`), with every check on:
//! `cargo bench --bench jobs -- SCENARIO [TIMES]`; without a scenario all of the small ones.
//!
//! Prints requests, the wall, the processor, the peak of memory, refusals for want of pace, and how the wall compares with the floor
//! of that many requests: (requests - burst) / the rate that others leave, and what an operating limit adds. The medians of TIMES runs, five without a number.
//! The scenarios are in [`SCENARIOS`]; the formula of the number of requests is in BENCHMARKS.md.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends at the first surprise, and prints"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use offboard24::sandbox::{Options, RequestRecord, Sandbox, World, WorldOptions};

/// The first dismissed user; the webhook's owner and a colleague have the ids before.
const DISMISSED_FROM: u32 = 1000;

/// A job and the portal that it meets.
struct Scenario {
    name: &'static str,
    people: u32,
    tasks_each: u32,
    /// Requests a second after the burst; none for no limit.
    rate: Option<f64>,
    burst: f64,
    latency: Duration,
    /// What each command of a batch takes.
    command: Duration,
    /// Requests a second that somebody else sends from the same address.
    neighbour: f64,
    /// Seconds of kills that the portal allows in ten minutes.
    operating: f64,
    /// Whether the plan is all that is of interest.
    is_plan_only: bool,
    /// Flags that are given to both commands.
    flags: &'static [&'static str],
}

const fn plain(name: &'static str, people: u32, rate: Option<f64>, latency_ms: u64, command_ms: u64) -> Scenario {
    Scenario {
        name,
        people,
        tasks_each: 10,
        rate,
        burst: 50.0,
        latency: Duration::from_millis(latency_ms),
        command: Duration::from_millis(command_ms),
        neighbour: 0.0,
        operating: f64::INFINITY,
        is_plan_only: false,
        flags: if rate.is_some() { &[] } else { &["--rate", "unlimited"] },
    }
}

const SCENARIOS: [Scenario; 7] = [
    plain("cloud", 500, Some(2.0), 100, 5),
    plain("unlimited", 500, None, 0, 0),
    Scenario {
        neighbour: 1.0,
        ..plain("neighbour", 500, Some(2.0), 100, 5)
    },
    // Fifty questions take 3 s.
    Scenario {
        is_plan_only: true,
        ..plain("slow", 5000, Some(2.0), 0, 60)
    },
    // 25 s of kills, of which the portal allows 15 in ten minutes.
    Scenario {
        operating: 15.0,
        ..plain("operating", 500, Some(2.0), 100, 5)
    },
    plain("10000", 10_000, None, 0, 0),
    plain("100000", 100_000, None, 0, 0),
];

/// What a job took.
#[derive(Clone, Copy)]
struct Took {
    requests: [usize; 2],
    refused: usize,
    wall: [f64; 2],
    processor: [f64; 2],
    memory_kib: u64,
    database: u64,
    events: u64,
    /// Requests a second of the plan, without its first and last tenth.
    steady: f64,
    /// Attempts beyond one an action, and how many of all were refused by an operating limit.
    repeated: u64,
    blocked: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["child", log, program, rest @ ..] => child(Path::new(log), program, rest),
        [] => SCENARIOS[..3].iter().for_each(|scenario| measure(scenario, 5)),
        [name] => measure(named(name), 5),
        [name, times] => measure(named(name), times.parse().unwrap()),
        other => panic!("give a scenario and a number of times, not {other:?}"),
    }
}

fn named(name: &str) -> &'static Scenario {
    let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
    found.unwrap_or_else(|| panic!("no scenario {name}"))
}

fn measure(scenario: &Scenario, times: usize) {
    let mut all: Vec<Took> = (0..times).map(|_| once(scenario)).collect();
    all.sort_by(|left, right| left.wall().total_cmp(&right.wall()));
    let took = all[times / 2];
    let actions = f64::from(scenario.people * scenario.tasks_each);
    let requests: usize = took.requests.iter().sum();
    println!(
        "{}: {} x {}: {requests} requests ({} + {}), {:.1} s ({:.1} + {:.1}), {:.2} s of CPU ({:.0} us an action), {} MiB, {} refused",
        scenario.name,
        scenario.people,
        scenario.tasks_each,
        took.requests[0],
        took.requests[1],
        took.wall(),
        took.wall[0],
        took.wall[1],
        took.processor.iter().sum::<f64>(),
        took.processor.iter().sum::<f64>() / actions * 1e6,
        took.memory_kib >> 10,
        took.refused,
    );
    println!(
        "    {} events, {} bytes each; {:.2} requests for 50 actions",
        took.events,
        took.database / took.events.max(1),
        requests_per_fifty(requests, actions)
    );
    if let Some(rate) = scenario.rate {
        let left = rate - scenario.neighbour;
        let floor = (requests_of(requests) - scenario.burst).max(0.0) / left + scenario.waits() * FORGOTTEN_AFTER;
        println!(
            "    floor of these requests {floor:.1} s: {:.2} times",
            took.wall() / floor
        );
        println!(
            "    {:.2} requests a second in the middle of the plan: {:.0} % of the rate",
            took.steady,
            took.steady / rate * 100.0
        );
    }
    if scenario.operating.is_finite() {
        println!(
            "    {} attempts more than actions, {} blocked",
            took.repeated, took.blocked
        );
    }
}

/// Seconds after which a portal forgets operating time.
const FORGOTTEN_AFTER: f64 = 600.0;

impl Scenario {
    /// How often the portal has to forget before all kills are allowed.
    fn waits(&self) -> f64 {
        let seconds = self.command.as_secs_f64() * f64::from(self.people * self.tasks_each);
        ((seconds / self.operating).ceil() - 1.0).max(0.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn requests_of(requests: usize) -> f64 {
    requests as f64
}

fn requests_per_fifty(requests: usize, actions: f64) -> f64 {
    requests_of(requests) * 50.0 / actions
}

impl Took {
    fn wall(&self) -> f64 {
        self.wall.iter().sum()
    }
}

/// One job from an empty database, with a portal of its own.
fn once(scenario: &Scenario) -> Took {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let sandbox = runtime.block_on(Sandbox::start(options(scenario))).unwrap();
    let (over, is_over) = tokio::sync::oneshot::channel::<()>();
    let took = std::thread::scope(|threads| {
        threads.spawn(|| runtime.block_on(is_over));
        let took = job(scenario, &sandbox);
        drop(over);
        took
    });
    runtime.block_on(sandbox.stop());
    took
}

fn job(scenario: &Scenario, sandbox: &Sandbox) -> Took {
    let folder = tempfile::tempdir().unwrap();
    let roster = folder.path().join("roster.csv");
    std::fs::write(&roster, roster_of(scenario)).unwrap();
    let webhook = sandbox.webhook_url();
    let planned = run(
        folder.path(),
        &webhook,
        &["plan", roster.to_str().unwrap(), "--action", "kill"],
        scenario,
    );
    let plan_requests = sandbox.requests();
    let between = plan_requests.len();
    if scenario.is_plan_only {
        return took(folder.path(), &plan_requests, between, &planned, &Finished::default());
    }
    let confirm = planned.status["confirm"].as_str().unwrap().to_owned();
    let applied = run(folder.path(), &webhook, &["apply", "--confirm", &confirm], scenario);
    assert_eq!(
        applied.status["actions"]["confirmed"].as_u64(),
        Some(u64::from(scenario.people * scenario.tasks_each)),
        "{}",
        applied.status
    );
    took(folder.path(), &sandbox.requests(), between, &planned, &applied)
}

fn took(folder: &Path, requests: &[RequestRecord], between: usize, planned: &Finished, applied: &Finished) -> Took {
    let refused = |request: &&RequestRecord| request.status == Some(503);
    let database = folder.join("audit.db");
    let db = rusqlite::Connection::open(&database).unwrap();
    let count = |what: &str| {
        let number: i64 = db.query_row(what, [], |row| row.get(0)).unwrap();
        number.unsigned_abs()
    };
    let attempts = count("SELECT count(*) FROM event WHERE body ->> 'kind' = 'attempt_intended'");
    Took {
        requests: [between, requests.len() - between],
        refused: requests.iter().filter(refused).count(),
        wall: [planned.wall, applied.wall],
        processor: [planned.processor, applied.processor],
        memory_kib: planned.memory_kib.max(applied.memory_kib),
        database: std::fs::metadata(&database).unwrap().len(),
        events: count("SELECT count(*) FROM event"),
        steady: steady(&requests[..between]),
        repeated: attempts.saturating_sub(count("SELECT count(*) FROM action WHERE attempts > 0")),
        blocked: count("SELECT count(*) FROM event WHERE body ->> '$.data.code' LIKE 'OPERATION_TIME_LIMIT%'"),
    }
}

/// Requests a second, without the first and the last tenth.
fn steady(requests: &[RequestRecord]) -> f64 {
    let tenth = requests.len() / 10;
    let middle = &requests[tenth..requests.len() - tenth];
    let took = middle[middle.len() - 1].at.saturating_sub(middle[0].at);
    requests_of(middle.len() - 1) / took.as_secs_f64()
}

fn options(scenario: &Scenario) -> Options {
    Options {
        world: WorldOptions::Given(Box::new(world(scenario))),
        rate_per_second: scenario.rate.unwrap_or(f64::INFINITY),
        burst: scenario.burst,
        neighbour_rate: scenario.neighbour,
        latency: scenario.latency,
        command_duration: scenario.command,
        question_duration: scenario.command,
        operating_limit_seconds: scenario.operating,
        ..Options::default()
    }
}

/// Everybody waits alone in workflows of their own, and the colleague has one that nobody touches.
fn world(scenario: &Scenario) -> World {
    let mut world = World::empty();
    let user = |id: u32| offboard24::sandbox::world::User::new(id, "Ann", "Lee", &email(id));
    world.add_user(user(2));
    for _ in 0..2 {
        let workflow = world.start_workflow(2, "Memo");
        world.ask(&workflow, "Read the memo", &[2]);
    }
    for id in DISMISSED_FROM..DISMISSED_FROM + scenario.people {
        world.add_user(user(id).dismissed());
        for _ in 0..scenario.tasks_each {
            let workflow = world.start_workflow(id, "Vacation");
            world.ask(&workflow, "Approve the vacation", &[id]);
        }
    }
    world
}

fn email(id: u32) -> String {
    format!("user{id}@example.com")
}

fn roster_of(scenario: &Scenario) -> String {
    let rows = (DISMISSED_FROM..DISMISSED_FROM + scenario.people).map(|id| format!("{}\n", email(id)));
    std::iter::once("email\n".to_owned()).chain(rows).collect()
}

/// What one command took.
#[derive(Default)]
struct Finished {
    status: serde_json::Value,
    wall: f64,
    processor: f64,
    memory_kib: u64,
}

fn run(folder: &Path, webhook: &str, arguments: &[&str], scenario: &Scenario) -> Finished {
    let log = folder.join("log");
    let began = Instant::now();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["child", log.to_str().unwrap(), env!("CARGO_BIN_EXE_offboard24")])
        .args(arguments)
        .args(["--json", "--quiet", "--db"])
        .arg(folder.join("audit.db"))
        .args(scenario.flags)
        .env("OFFBOARD24_WEBHOOK", webhook)
        .env("HOME", folder)
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("XDG_RUNTIME_DIR", folder)
        .output()
        .unwrap();
    let wall = began.elapsed().as_secs_f64();
    let text = String::from_utf8(output.stdout).unwrap();
    let status =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    let measured = std::fs::read_to_string(&log).unwrap();
    let mut numbers = measured.split_whitespace();
    Finished {
        status,
        wall,
        processor: numbers.next().unwrap().parse().unwrap(),
        memory_kib: numbers.next().unwrap().parse().unwrap(),
    }
}

/// Runs a program, and writes down what it took of the processor and of memory: what the kernel says of it.
fn child(log: &Path, program: &str, arguments: &[&str]) {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(&status_file).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        memory = memory.max(peak.unwrap_or_default());
        std::thread::sleep(Duration::from_millis(5));
    }
    // Clock ticks of children that were waited for, in user and kernel mode: fields 16 and 17, 100 a second on Linux.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[13].parse::<f64>().unwrap() + fields[14].parse::<f64>().unwrap();
    std::fs::write(log, format!("{} {memory}", ticks / 100.0)).unwrap();
}
