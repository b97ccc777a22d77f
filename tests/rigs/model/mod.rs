//! The state machine, exhaustively, over small jobs.
//!
//! The real machine, with the world, the loop and the auditor of the simulation (`tests/it/engine`), and every execution that has at most
//! so many troubles: a crash anywhere, a request or an answer that is lost, late, doubled, cut off or odd, a definite error, a limit, a
//! colleague who ends a workflow, joins it or is hired again, a wish to stop. First all executions without trouble, then all with one, with
//! two, and so on, as far as the number of executions goes.
//!
//! `model 800000` does that; `model --job two-kills --troubles 2/2 --path 12:1,30:2` replays one execution.

#![expect(
    clippy::unwrap_used,
    reason = "a rig ends at the first surprise, which is told as a finding"
)]

#[path = "../../it/engine/auditor.rs"]
mod auditor;
mod job;
#[path = "../../it/engine/process.rs"]
mod process;
mod random;
#[path = "../../it/engine/world.rs"]
mod world;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use offboard24::mistake;

use self::job::{JOBS, Job, Play};
use self::process::Mistake;
use self::random::{Bound, Random};

/// What is looked at, one after the other. More troubles than that come at random: see the simulation.
const BOUNDS: &[Bound] = &[
    bound(0, 0),
    bound(1, 1),
    bound(3, 0),
    bound(2, 2),
    bound(3, 1),
    bound(4, 1),
    bound(3, 3),
    bound(4, 4),
];

const fn bound(all: usize, others: usize) -> Bound {
    Bound { all, others }
}

/// Jobs at a time.
const WORKERS: usize = 2;

/// Executions in which a planted mistake has to show.
const EXECUTIONS_UNTIL_CAUGHT: u64 = 300_000;

/// What was asked for.
#[derive(Default)]
struct Order {
    executions: u64,
    mistake: Option<mistake::Mistake>,
    job: Option<&'static Job>,
    bound: Bound,
    path: Vec<(usize, usize)>,
}

/// Runs the rig.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let order = parse(arguments)?;
    std::panic::set_hook(Box::new(|_| {}));
    mistake::plant(order.mistake);
    if let Some(job) = order.job {
        let mut random = Random::at(&order.path);
        random.begin(order.bound);
        return one(job, &random, None).map(|()| println!("model: nothing found"));
    }
    let began = Instant::now();
    let left = AtomicU64::new(order.executions);
    let mut looked = 0;
    for bound in BOUNDS {
        let jobs = explore_all(*bound, &left, order.mistake)?;
        let executions: u64 = jobs.iter().map(|looked| looked.executions).sum();
        let whole = jobs.iter().filter(|looked| looked.is_whole).count();
        looked += executions;
        println!(
            "model: up to {} troubles, {} of them other than deaths: {executions} executions, {whole} of {} jobs exhausted",
            bound.all,
            bound.others,
            jobs.len()
        );
        if whole < jobs.len() {
            break;
        }
    }
    if order.mistake.is_none() {
        println!("model: {}", controls()?);
    }
    println!("model: {looked} executions, {} s", began.elapsed().as_secs());
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Order, String> {
    const USAGE: &str = "model EXECUTIONS [--mistake NAME], or model --job NAME --troubles 2/2 --path 12:1,…";
    let mut order = Order::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(USAGE);
        match word.as_str() {
            "--mistake" => {
                let name = value()?;
                let known = mistake::Mistake::ALL.into_iter().find(|mistake| mistake.name() == name);
                order.mistake = Some(known.ok_or("no such mistake")?);
            }
            "--job" => {
                let name = value()?;
                order.job = Some(JOBS.iter().find(|job| job.name == name).ok_or("no such job")?);
            }
            "--troubles" => {
                let (all, others) = value()?.split_once('/').ok_or(USAGE)?;
                let number = |text: &str| text.parse().map_err(|_| USAGE);
                order.bound = bound(number(all)?, number(others)?);
            }
            "--path" => {
                let place = |text: &str| {
                    let (place, chosen) = text.split_once(':')?;
                    Some((place.parse().ok()?, chosen.parse().ok()?))
                };
                let path: Option<Vec<_>> = value()?.split(',').map(place).collect();
                order.path = path.ok_or(USAGE)?;
            }
            number => order.executions = number.parse().map_err(|_| USAGE)?,
        }
    }
    Ok(order)
}

/// What was looked at of one job.
struct Looked {
    executions: u64,
    /// Whether nothing is left to look at.
    is_whole: bool,
}

/// Looks at executions of all jobs, two jobs at a time.
fn explore_all(bound: Bound, left: &AtomicU64, mistake: Option<mistake::Mistake>) -> Result<Vec<Looked>, String> {
    let next = AtomicUsize::new(0);
    let work = || {
        mistake::plant(mistake);
        let mut looked = Vec::new();
        while let Some(job) = JOBS.get(next.fetch_add(1, Ordering::SeqCst)) {
            looked.push(explore(job, bound, left, None)?);
        }
        Ok(looked)
    };
    std::thread::scope(|scope| {
        let workers = [(); WORKERS].map(|()| scope.spawn(work));
        let looked = workers.map(|worker| worker.join().unwrap_or_else(|_| Err("a panic".to_owned())));
        Ok(looked
            .into_iter()
            .collect::<Result<Vec<_>, String>>()?
            .into_iter()
            .flatten()
            .collect())
    })
}

/// Looks at the executions of a job with at most so many troubles, as long as any are left.
fn explore(job: &Job, bound: Bound, left: &AtomicU64, mistake: Option<Mistake>) -> Result<Looked, String> {
    let mut looked = Looked {
        executions: 0,
        is_whole: false,
    };
    let mut random = Random::first();
    while left
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
        .is_ok()
    {
        looked.executions += 1;
        random.begin(bound);
        one(job, &random, mistake).map_err(|broken| {
            let (path, number) = (random.path(), looked.executions);
            let replay = replay(job, bound, &path);
            format!("execution {number}: {broken}\nreplay: model {replay}")
        })?;
        if !random.next_execution() {
            looked.is_whole = true;
            break;
        }
    }
    Ok(looked)
}

/// What to type to see an execution again.
fn replay(job: &Job, bound: Bound, path: &str) -> String {
    let path = if path.is_empty() {
        String::new()
    } else {
        format!(" --path {path}")
    };
    format!("--job {} --troubles {}/{}{path}", job.name, bound.all, bound.others)
}

/// One execution. A panic is a finding too.
fn one(job: &Job, random: &Random, mistake: Option<Mistake>) -> Result<(), String> {
    let play = || Play::new(job, random.clone(), mistake)?.play();
    let played = std::panic::catch_unwind(AssertUnwindSafe(play));
    played.unwrap_or_else(|cause| {
        let words = cause.downcast_ref::<String>().cloned();
        Err(words.unwrap_or_else(|| "a panic".to_owned()))
    })
}

/// The mistakes that a process can be made to make, each of which has to be found.
fn controls() -> Result<String, String> {
    let mut caught = Vec::new();
    for mistake in Mistake::ALL {
        let mut all = BOUNDS.iter().flat_map(|bound| JOBS.iter().map(|job| (*bound, job)));
        let left = AtomicU64::new(EXECUTIONS_UNTIL_CAUGHT);
        let found = all.find_map(|(bound, job)| {
            let found = explore(job, bound, &left, Some(mistake)).err()?;
            let (_, replay) = found.rsplit_once("replay: model ")?;
            Some(format!("{mistake:?} ({replay})"))
        });
        caught.push(found.ok_or_else(|| format!("{mistake:?} goes unnoticed"))?);
    }
    Ok(format!(
        "{} planted mistakes caught: {}",
        caught.len(),
        caught.join(", ")
    ))
}
