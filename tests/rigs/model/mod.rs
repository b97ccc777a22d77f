//! The state machine, exhaustively, over small jobs.
//!
//! The real machine, with the world, the loop and the auditor of the simulation (`tests/it/engine`), and every execution that has at most
//! so many troubles: a crash anywhere, a request or an answer that is lost, late, doubled, cut off or odd, a definite error, a limit, a
//! colleague who ends a workflow, joins it or is hired again, a wish to stop. First all executions without trouble, then all with one, with
//! two, and so on, as far as the number of executions goes.
//!
//! `model 800000` does that; `model --job two-kills --troubles 2 --path 0,1,1` replays one execution.

#[path = "../../it/engine/auditor.rs"]
mod auditor;
mod job;
#[path = "../../it/engine/process.rs"]
mod process;
mod random;
#[path = "../../it/engine/world.rs"]
mod world;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use offboard24::mistake;

use self::job::{JOBS, Job, Play};
use self::process::Mistake;
use self::random::Random;

/// More troubles than that come at random: see the simulation.
const TROUBLES_MAX: usize = 6;

/// Executions in which a planted mistake has to show.
const EXECUTIONS_UNTIL_CAUGHT: u64 = 100_000;

/// What was looked at of one job.
#[derive(Debug, Default)]
struct Looked {
    executions: u64,
    /// The number of troubles up to which nothing is left to look at.
    exhausted: Option<usize>,
}

/// What was asked for.
#[derive(Default)]
struct Order {
    executions: u64,
    mistake: Option<mistake::Mistake>,
    job: Option<&'static Job>,
    troubles: usize,
    path: Vec<usize>,
}

/// Runs the rig.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let order = parse(arguments)?;
    std::panic::set_hook(Box::new(|_| {}));
    mistake::plant(order.mistake);
    if let Some(job) = order.job {
        let mut random = Random::at(&order.path);
        random.begin(order.troubles);
        return one(job, &random, None).map(|()| println!("nothing found"));
    }
    let began = Instant::now();
    let each = order.executions / JOBS.len() as u64;
    let looked: Vec<(&Job, Looked)> = std::thread::scope(|scope| {
        let look = |job| {
            move || {
                mistake::plant(order.mistake);
                explore(job, each, None).map(|looked| (job, looked))
            }
        };
        let workers: Vec<_> = JOBS.iter().map(|job| scope.spawn(look(job))).collect();
        let looked = workers.into_iter().map(|worker| worker.join().unwrap());
        looked.collect::<Result<_, String>>()
    })?;
    let executions: u64 = looked.iter().map(|(_, looked)| looked.executions).sum();
    for (job, looked) in &looked {
        let all = looked
            .exhausted
            .map_or_else(|| "none".to_owned(), |troubles| troubles.to_string());
        println!(
            "model: {}: {} executions, all with up to {all} troubles",
            job.name, looked.executions
        );
    }
    if order.mistake.is_none() {
        println!("model: {}", controls()?);
    }
    println!("model: {executions} executions, {} s", began.elapsed().as_secs());
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Order, String> {
    const USAGE: &str = "model EXECUTIONS [--mistake NAME], or model --job NAME --troubles N --path 0,1,…";
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
            "--troubles" => order.troubles = value()?.parse().map_err(|_| USAGE)?,
            "--path" => {
                let path: Result<Vec<usize>, _> = value()?.split(',').map(str::parse).collect();
                order.path = path.map_err(|_| USAGE)?;
            }
            number => order.executions = number.parse().map_err(|_| USAGE)?,
        }
    }
    Ok(order)
}

/// Looks at executions of a job, those with fewer troubles first.
fn explore(job: &Job, executions: u64, mistake: Option<Mistake>) -> Result<Looked, String> {
    let mut looked = Looked::default();
    for troubles in 0..=TROUBLES_MAX {
        let mut random = Random::first();
        loop {
            if looked.executions == executions {
                return Ok(looked);
            }
            looked.executions += 1;
            random.begin(troubles);
            one(job, &random, mistake).map_err(|broken| {
                let path = random.path();
                let (name, number) = (job.name, looked.executions);
                format!("execution {number}: {broken}\nreplay: model --job {name} --troubles {troubles} --path {path}")
            })?;
            if !random.next_execution() {
                break;
            }
        }
        looked.exhausted = Some(troubles);
    }
    Ok(looked)
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
        let found = JOBS.iter().find_map(|job| {
            let found = explore(job, EXECUTIONS_UNTIL_CAUGHT, Some(mistake)).err()?;
            let number = found.split([' ', ':']).nth(1)?.to_owned();
            Some(format!("{mistake:?} in {} at execution {number}", job.name))
        });
        caught.push(found.ok_or_else(|| format!("{mistake:?} goes unnoticed"))?);
    }
    Ok(format!(
        "{} planted mistakes caught: {}",
        caught.len(),
        caught.join(", ")
    ))
}
