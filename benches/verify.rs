//! How long verification takes, and how much memory: `cargo bench --bench verify -- 1000000`.
//!
//! Makes a journal of that many events (100,000 without a number) by the program's own way to write, signed, in transactions of the
//! size that a run has, and verifies it five times, each in a process of its own. Prints the median, the peak of memory, and how that
//! compares with reading and hashing alone. `OFFBOARD24_BENCH_DB=FILE` keeps the journal, and uses it when it is there.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends at the first surprise, and prints"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use offboard24::clock::{Clock, Sleep};
use offboard24::domain::{ActionKind, JobId, Outcome, Portal, RowNumber, RowState, RunId, TaskId, UserId, WorkflowId};
use offboard24::journal::key::Keys;
use offboard24::journal::verify::{Against, verify};
use offboard24::journal::{
    About, ActionEnded, ActionPlanned, AnswerKind, AttemptAnswered, AttemptIntended, Empty, Entry, Event, JobClosed,
    JobCreated, Journal, Operator, PlanConfirmed, RosterRead, RowRead, RowResolved, RunFinished, RunStarted, Stamp,
    TaskRecorded, UserDiscovered, UserRecorded, WorkflowRecorded,
};
use offboard24::personal::Personal;
use offboard24::plan::freeze_into;
use offboard24::plan::policy::Policy;
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest as _, Sha256};

/// Times that it is verified.
const TIMES: usize = 5;

/// People of a job, and workflows that wait for each.
const PEOPLE: u32 = 400;
const WORKFLOWS: u32 = 5;

/// Events of such a job: nine of its own, four a person, seven a workflow.
const EVENTS_OF_JOB: u64 = 9 + PEOPLE as u64 * (4 + 7 * WORKFLOWS as u64);

/// Actions of a batch.
const BATCH: usize = 20;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["child", what, file] => child(what, Path::new(file)),
        [] => measure(100_000),
        [events] => measure(events.parse().unwrap()),
        other => panic!("give a number of events, not {other:?}"),
    }
}

fn measure(events: u64) {
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("OFFBOARD24_BENCH_DB").map(PathBuf::from);
    let file = kept.unwrap_or_else(|| folder.path().join("audit.db"));
    if !file.exists() {
        let began = Instant::now();
        make(&file, folder.path(), events);
        println!("made in {:.1} s", began.elapsed().as_secs_f64());
    }
    let bytes = std::fs::metadata(&file).unwrap().len();
    let verified = runs("verify", &file);
    let hashed = runs("hash", &file);
    println!("{} events, {} MiB", verified.events, bytes >> 20);
    println!(
        "verified in {:.2} s (median of {TIMES}), {:.0} events/s, {} MiB of memory at most",
        verified.seconds,
        per_second(verified.events, verified.seconds),
        verified.memory_kib >> 10
    );
    println!(
        "reading and hashing alone: {:.2} s, {} MiB; verification takes {:.1} times as long",
        hashed.seconds,
        hashed.memory_kib >> 10,
        verified.seconds / hashed.seconds
    );
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn per_second(events: u64, seconds: f64) -> f64 {
    events as f64 / seconds
}

/// What the children told.
struct Measured {
    events: u64,
    seconds: f64,
    memory_kib: u64,
}

fn runs(what: &str, file: &Path) -> Measured {
    let mut all: Vec<Measured> = (0..TIMES).map(|_| run(what, file)).collect();
    all.sort_by(|left, right| left.seconds.total_cmp(&right.seconds));
    Measured {
        events: all[0].events,
        seconds: all[TIMES / 2].seconds,
        memory_kib: all.iter().map(|one| one.memory_kib).max().unwrap(),
    }
}

fn run(what: &str, file: &Path) -> Measured {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["child", what, file.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.split_whitespace();
    Measured {
        events: numbers.next().unwrap().parse().unwrap(),
        seconds: numbers.next().unwrap().parse().unwrap(),
        memory_kib: numbers.next().unwrap().parse().unwrap(),
    }
}

fn child(what: &str, file: &Path) {
    let began = Instant::now();
    let events = match what {
        "verify" => {
            let report = verify(file, &Against::default()).unwrap();
            assert!(report.is_intact(), "{:?}", report.findings);
            report.events
        }
        _ => hash(file),
    };
    let seconds = began.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let memory = peak.and_then(|line| line.split_whitespace().next()).unwrap_or("0");
    println!("{events} {seconds} {memory}");
}

/// The least that any check of the record has to do.
fn hash(file: &Path) -> u64 {
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = db.prepare("SELECT body FROM event ORDER BY seq").unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut events = 0;
    while let Some(row) = rows.next().unwrap() {
        let body = row.get_ref(0).unwrap().as_str().unwrap();
        let leaf = Sha256::new().chain_update([0]).chain_update(body).finalize();
        assert_ne!(leaf[..], [0; 32]);
        events += 1;
    }
    events
}

/// Every reading is a second later than the one before.
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn utc(&self) -> DateTime<Utc> {
        let seconds = self.0.fetch_add(1, Ordering::Relaxed);
        DateTime::from_timestamp(1_790_000_000 + i64::try_from(seconds).unwrap(), 0).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn sleep(&self, _: Duration) -> Sleep<'_> {
        Box::pin(std::future::ready(()))
    }
}

fn make(file: &Path, folder: &Path, events: u64) {
    let clock: Arc<dyn Clock> = Arc::new(Ticking(AtomicU64::new(0)));
    let keys = Keys::read(&folder.join("key")).unwrap();
    let mut journal = Journal::open_signed(file, clock, keys, &folder.join("heads")).unwrap();
    for job in 1..=events.div_ceil(EVENTS_OF_JOB) {
        Making::new(&mut journal, JobId(u32::try_from(job).unwrap())).job();
    }
    journal.close().unwrap();
}

/// One job on its way into the journal.
struct Making<'a> {
    journal: &'a mut Journal,
    job: JobId,
    run: RunId,
    portal: Portal,
    policy: Policy,
}

impl<'a> Making<'a> {
    fn new(journal: &'a mut Journal, job: JobId) -> Self {
        Self {
            journal,
            job,
            run: RunId(job.0 * 2 - 1),
            portal: Portal("acme.bitrix24.com".to_owned()),
            policy: Policy::default(),
        }
    }

    fn append(&mut self, events: impl IntoIterator<Item = Event>) {
        let stamp = Stamp {
            run: Some(self.run),
            requests: 0,
        };
        let job = self.job;
        self.journal
            .append(stamp, events.into_iter().map(|event| Entry::of(job, event)))
            .unwrap();
    }

    fn job(&mut self) {
        self.begin_run("plan");
        self.append(self.rows().collect::<Vec<_>>());
        self.append(Self::found().collect::<Vec<_>>());
        for people in (1..=PEOPLE).collect::<Vec<_>>().chunks(50) {
            self.append(
                people
                    .iter()
                    .flat_map(|person| self.discovered(*person))
                    .collect::<Vec<_>>(),
            );
        }
        let actions = self.freeze();
        self.end_run();
        self.run = RunId(self.run.0 + 1);
        self.begin_run("apply");
        let confirm = self.journal.view().job(self.job).unwrap().unwrap().plan_hash.unwrap();
        let confirm = format!("{}:{}:{}", self.portal, actions.len(), &confirm[..8]);
        let by = "--confirm".to_owned();
        self.append([Event::PlanConfirmed(PlanConfirmed { confirm, by })]);
        for batch in actions.chunks(BATCH) {
            self.append(batch.iter().map(intended).collect::<Vec<_>>());
            self.append(batch.iter().map(answered).collect::<Vec<_>>());
            self.append(batch.iter().map(ended).collect::<Vec<_>>());
        }
        self.append([Event::JobClosed(JobClosed {
            actions: self.totals(),
            relisted: Vec::new(),
        })]);
        self.end_run();
    }

    fn begin_run(&mut self, command: &str) {
        let operator = Operator {
            os_user: "ann".to_owned(),
            login_user: None,
            host: "desk".to_owned(),
        };
        let beginning = self.journal.beginning(&self.portal, &operator).unwrap();
        let started = RunStarted {
            command: command.to_owned(),
            os_user: operator.os_user,
            login_user: None,
            host: operator.host,
            process: 1,
            version: "0".to_owned(),
            portal: self.portal.clone(),
            webhook_owner: UserId(1),
            credential: "0".repeat(64),
            policy_hash: self.policy_hash(),
            clock_offset_ms: 0,
        };
        let stamp = Stamp {
            run: Some(self.run),
            requests: 0,
        };
        let started = Entry::of(self.job, Event::RunStarted(Box::new(started)));
        self.journal
            .append(stamp, std::iter::once(started).chain(beginning.entries))
            .unwrap();
    }

    fn end_run(&mut self) {
        let finished = RunFinished {
            stop_reason: None,
            actions: self.totals(),
        };
        self.append([Event::RunFinished(finished)]);
    }

    fn totals(&self) -> Vec<(String, u32)> {
        offboard24::run::totals(self.journal.view(), self.job).unwrap()
    }

    fn policy_hash(&self) -> String {
        Policy::hash(&self.policy.canonical(&[]).unwrap())
    }

    fn rows(&self) -> impl Iterator<Item = Event> + use<> {
        let created = JobCreated {
            portal: self.portal.clone(),
            policy_hash: self.policy_hash(),
            policy: self.policy.canonical(&[]).unwrap(),
            default_action: Some(ActionKind::Kill),
            begun_by: "plan".to_owned(),
            actions_max: None,
            roster: RosterRead {
                sha256: "0".repeat(64),
                encoding: "UTF-8".to_owned(),
                byte_order_mark: false,
                delimiter: Some(",".to_owned()),
                header_line: 1,
                columns: Vec::new(),
                rows: PEOPLE,
                rows_ignored: 0,
            },
            policy_emails: Vec::new(),
            reason: None,
            ticket: None,
        };
        let rows = (1..=PEOPLE).map(|person| {
            let whom = About::User(UserId(person));
            Event::RowRead(Box::new(RowRead {
                row: RowNumber(person),
                line: u64::from(person) + 1,
                id: Some(UserId(person)),
                email: Some(text(&format!("person.{person}@example.com")).about(whom)),
                first_name: None,
                last_name: None,
                second_name: None,
                full_name: None,
                kind: ActionKind::Kill,
                note: None,
                other: Vec::new(),
            }))
        });
        std::iter::once(Event::JobCreated(Box::new(created))).chain(rows)
    }

    fn found() -> impl Iterator<Item = Event> + use<> {
        let users = (1..=PEOPLE).map(|person| {
            let whom = About::User(UserId(person));
            Event::UserRecorded(Box::new(UserRecorded {
                user: UserId(person),
                active: false,
                first_name: Some(text("Ann").about(whom)),
                last_name: Some(text(&format!("Lee {person}")).about(whom)),
                second_name: None,
                email: Some(text(&format!("person.{person}@example.com")).about(whom)),
                user_type: Some("employee".to_owned()),
                departments: None,
            }))
        });
        let rows = (1..=PEOPLE).map(|person| {
            Event::RowResolved(RowResolved {
                row: RowNumber(person),
                state: RowState::Matched,
                reason: None,
                user: Some(UserId(person)),
                same_as: None,
                candidates: vec![UserId(person)],
            })
        });
        users.chain(rows).chain([Event::RowsResolved(Empty {})])
    }

    fn discovered(&self, person: u32) -> Vec<Event> {
        let mut events = Vec::new();
        for number in 0..WORKFLOWS {
            let of_job = person * WORKFLOWS + number;
            let workflow = self.workflow(of_job);
            for (user, status) in [(person, 0), (PEOPLE + 1 + of_job % 50, 1)] {
                let whom = About::User(UserId(user));
                events.push(Event::TaskRecorded(Box::new(TaskRecorded {
                    task: TaskId(of_job),
                    workflow: workflow.clone(),
                    user: UserId(user),
                    status: 0,
                    user_status: status,
                    name: Some(text("Approve the invoice").about(whom)),
                    document_name: Some(text(&format!("Invoice {of_job} of a supplier")).about(whom)),
                    modified: Some("2026-11-22T10:00:00+03:00".to_owned()),
                    overdue: None,
                })));
            }
            let whom = About::User(UserId(person));
            events.push(Event::WorkflowRecorded(Box::new(WorkflowRecorded {
                workflow,
                running: true,
                module: Some("crm".to_owned()),
                entity: Some("CCrmDocumentDeal".to_owned()),
                document: Some(format!("DEAL_{of_job}")),
                document_name: Some(text(&format!("Invoice {of_job} of a supplier")).about(whom)),
                template: Some("17".to_owned()),
                started: Some("2026-11-20T10:00:00+03:00".to_owned()),
                started_by: Some(UserId(PEOPLE + 1)),
                started_by_active: Some(false),
                document_name_about: Some(UserId(person)),
            })));
        }
        events.push(Event::UserDiscovered(UserDiscovered {
            user: UserId(person),
            tasks: WORKFLOWS,
        }));
        events
    }

    /// As the portal writes them: hexadecimal time, a point, eight digits.
    fn workflow(&self, number: u32) -> WorkflowId {
        let mixed = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
        format!("{:04x}{mixed:010x}.{number:08}", self.job.0).parse().unwrap()
    }

    fn freeze(&mut self) -> Vec<ActionPlanned> {
        let mut events = Vec::new();
        let mut keep = |event| {
            events.push(event);
            Ok(())
        };
        let oldest = chrono::DateTime::UNIX_EPOCH;
        freeze_into(self.journal.view(), self.job, &self.policy, None, oldest, &mut keep).unwrap();
        self.append(events.clone());
        let planned = events.into_iter().filter_map(|event| match event {
            Event::ActionPlanned(action) => Some(action),
            _ => None,
        });
        planned.collect()
    }
}

fn text(text: &str) -> Personal {
    Personal::new(text)
}

fn intended(action: &ActionPlanned) -> Event {
    Event::AttemptIntended(AttemptIntended {
        action: action.action,
        attempt: 1,
        kind: ActionKind::Kill,
        workflow: action.workflow.clone(),
        key: format!("a{}", action.action),
        waiting: action.participants.clone(),
        rechecked_ms_ago: 812,
    })
}

fn answered(action: &ActionPlanned) -> Event {
    Event::AttemptAnswered(AttemptAnswered {
        action: action.action,
        attempt: 1,
        answer: AnswerKind::Yes,
        code: None,
        text: None,
    })
}

fn ended(action: &ActionPlanned) -> Event {
    Event::ActionEnded(ActionEnded {
        action: action.action,
        outcome: Outcome::Confirmed,
        attempt: Some(1),
        listed: false,
        detail: None,
        waiting: Vec::new(),
    })
}
