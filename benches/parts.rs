//! What the parts of a run cost: `cargo bench --bench parts --features rigs`.
//!
//! Each in one run with the least that anybody would do in its place, as a ratio; medians of five. How fast the whole record is folded and
//! verified is in `verify`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends at the first surprise, and prints"
)]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use offboard24::clock::SystemClock;
use offboard24::domain::{ActionId, ActionKind, JobId, Portal, RunId, UserId, WorkflowId};
use offboard24::journal::key::Keys;
use offboard24::journal::verify::fold_anew;
use offboard24::journal::{ActionPlanned, AttemptIntended, Entry, Event, Journal, Stamp};
use offboard24::portal::{
    self, Answering, Connection, Destroy, Destroyer, Exchange, LevelStore, Look, Method, Rate, Reply, Settings,
};
use offboard24::roster::compare;
use rusqlite::Connection as Database;
use serde_json::{Map, Value, json};

/// Times that each is measured.
const TIMES: usize = 5;

/// Actions of a batch.
const BATCH: u32 = 47;

/// Batches of one measurement.
const BATCHES: u32 = 200;

fn main() {
    measure(
        "encoding a kill",
        f64::from(BATCH * BATCHES),
        "writing it as JSON",
        encode,
        write_json,
    );
    measure(
        "a batch of 47, encoded, answered and judged",
        f64::from(BATCHES),
        "reading the answer as JSON",
        exchange,
        read_json,
    );
    measure(
        "appending an intent, 47 in a transaction that is on disk, signed and chained",
        f64::from(BATCH * BATCHES),
        "inserting its text with SQLite, as durable",
        append,
        insert,
    );
    measure(
        "folding an event, planned or intended",
        f64::from(2 * BATCH * BATCHES),
        "reading it as JSON",
        fold,
        read_bodies,
    );
}

/// Measures a part and the least in its place, one after the other, and prints the medians.
fn measure(what: &str, number: f64, least: &str, part: fn() -> Duration, floor: fn() -> Duration) {
    let mut measured: Vec<(Duration, Duration)> = (0..TIMES).map(|_| (part(), floor())).collect();
    let mut median = |of: fn(&(Duration, Duration)) -> Duration| {
        measured.sort_by_key(of);
        of(&measured[TIMES / 2]).as_secs_f64() / number * 1e6
    };
    let (took, floor) = (median(|pair| pair.0), median(|pair| pair.1));
    println!(
        "{what}: {took:.1} us; {least}: {floor:.1} us; {:.1} times",
        took / floor
    );
}

fn timed(doing: impl FnOnce()) -> Duration {
    let began = Instant::now();
    doing();
    began.elapsed()
}

fn workflow(number: u32) -> WorkflowId {
    format!("{number:08x}1a2b3.{number:08}").parse().unwrap()
}

fn parameters() -> Vec<Value> {
    (0..BATCH)
        .map(|number| json!({"ID": workflow(number).as_str()}))
        .collect()
}

fn encode() -> Duration {
    let all = parameters();
    timed(|| {
        for _ in 0..BATCHES {
            for parameters in &all {
                black_box(portal::encoded(Method::Kill, parameters).unwrap());
            }
        }
    })
}

fn write_json() -> Duration {
    let all = parameters();
    timed(|| {
        for _ in 0..BATCHES {
            for parameters in &all {
                black_box(serde_json::to_string(parameters).unwrap());
            }
        }
    })
}

fn key(number: u32) -> String {
    format!("a{number}")
}

/// What a portal answers to a batch in which everything went well.
fn answer() -> Vec<u8> {
    let of_each =
        |value: Value| -> Map<String, Value> { (0..BATCH).map(|number| (key(number), value.clone())).collect() };
    let time = json!({
        "start": 1_790_000_000.5, "finish": 1_790_000_000.6, "duration": 0.1, "processing": 0.05,
        "date_start": "2026-11-23T10:00:00+03:00", "date_finish": "2026-11-23T10:00:00+03:00",
        "operating_reset_at": 1_790_000_600, "operating": 1.5,
    });
    let body = json!({
        "result": {
            "result": of_each(Value::Bool(true)), "result_error": [], "result_total": [], "result_next": [],
            "result_time": of_each(time.clone()),
        },
        "time": time,
    });
    serde_json::to_vec(&body).unwrap()
}

/// A portal at which everything goes well, at once.
struct Willing(Vec<u8>);

impl Exchange for Willing {
    fn post<'a>(&'a self, _: Method, body: &'a Value) -> Answering<'a> {
        black_box(serde_json::to_vec(body).unwrap());
        let reply = Reply {
            status: 200,
            body: self.0.clone(),
            redirect_host: None,
        };
        Box::pin(std::future::ready(Ok(reply)))
    }
}

struct NoLevel;

impl LevelStore for NoLevel {
    fn load(&self) -> Option<(f64, DateTime<Utc>)> {
        None
    }

    fn store(&self, _: f64, _: DateTime<Utc>) {}
}

fn exchange() -> Duration {
    let settings = Settings {
        rate: Rate::Unlimited,
        burst: Settings::BURST,
        concurrency: Settings::CONCURRENCY,
        ca_file: None,
        clock: Arc::new(SystemClock),
        jitter_seed: 1,
        notices: Arc::new(|_| {}),
        level: Box::new(NoLevel),
        same: compare::same,
        loosely_same: compare::loosely_same,
    };
    let connection = Connection::through(
        Arc::new(Willing(answer())),
        Portal("portal.example".to_owned()),
        settings,
    );
    let destroyer = Destroyer::new(connection);
    let kills: Vec<Destroy> = (0..BATCH)
        .map(|number| Destroy {
            key: key(number),
            kind: ActionKind::Kill,
            workflow: workflow(number),
            status: None,
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    timed(|| {
        for _ in 0..BATCHES {
            let sent = runtime.block_on(destroyer.send(&kills, &Look::default()));
            assert!(sent.stop.is_none() && sent.answers.len() == kills.len());
        }
    })
}

fn read_json() -> Duration {
    let answer = answer();
    timed(|| {
        for _ in 0..BATCHES {
            black_box(serde_json::from_slice::<Value>(&answer).unwrap());
        }
    })
}

const STAMP: Stamp = Stamp {
    run: Some(RunId(1)),
    requests: 1,
};

fn planned(number: u32) -> Event {
    Event::ActionPlanned(ActionPlanned {
        action: ActionId(number),
        workflow: workflow(number),
        kind: Some(ActionKind::Kill),
        people: vec![UserId(number)],
        participants: vec![UserId(number)],
        holds: Vec::new(),
    })
}

fn intended(number: u32) -> Event {
    Event::AttemptIntended(AttemptIntended {
        action: ActionId(number),
        attempt: 1,
        kind: ActionKind::Kill,
        workflow: workflow(number),
        key: key(number),
        waiting: vec![UserId(number)],
        rechecked_ms_ago: 200,
    })
}

/// The numbers of each batch.
fn batches() -> impl Iterator<Item = std::ops::Range<u32>> {
    (0..BATCHES).map(|batch| batch * BATCH..(batch + 1) * BATCH)
}

fn append() -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let (_, took) = appended(folder.path());
    took
}

/// A journal with all actions planned, then sent; and how long the second took.
fn appended(folder: &Path) -> (Vec<String>, Duration) {
    let keys = Keys::read(&folder.join("key")).unwrap();
    let file = folder.join("audit.db");
    let mut journal = Journal::open_signed(&file, Arc::new(SystemClock), keys, &folder.join("heads")).unwrap();
    let entry = |event| Entry::of(JobId(1), event);
    journal
        .append(STAMP, (0..BATCH * BATCHES).map(planned).map(entry))
        .unwrap();
    let took = timed(|| {
        for batch in batches() {
            journal.append(STAMP, batch.map(intended).map(entry)).unwrap();
        }
    });
    journal.close().unwrap();
    let db = Database::open(&file).unwrap();
    let mut statement = db
        .prepare("SELECT body FROM event WHERE action IS NOT NULL ORDER BY seq")
        .unwrap();
    let bodies = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap);
    (bodies.collect(), took)
}

fn bodies() -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    appended(folder.path()).0
}

fn fold() -> Duration {
    let bodies = bodies();
    timed(|| fold_anew(&bodies).unwrap())
}

fn read_bodies() -> Duration {
    let bodies = bodies();
    timed(|| {
        for body in &bodies {
            black_box(serde_json::from_str::<Value>(body).unwrap());
        }
    })
}

fn insert() -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let bodies = appended(folder.path())
        .0
        .split_off(usize::try_from(BATCH * BATCHES).unwrap());
    let mut db = Database::open(folder.path().join("plain.db")).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT);")
        .unwrap();
    timed(|| {
        for batch in batches() {
            let transaction = db.transaction().unwrap();
            for number in batch {
                let body = &bodies[usize::try_from(number).unwrap()];
                transaction
                    .prepare_cached("INSERT INTO event (body) VALUES (?1)")
                    .unwrap()
                    .execute([body])
                    .unwrap();
            }
            transaction.commit().unwrap();
        }
    })
}
