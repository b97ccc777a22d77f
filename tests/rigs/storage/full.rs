//! A disk that is full at a size that a seed draws: somebody else fills it while the run is under way, after the check for room.
//!
//! Whatever was sent and answered has to be on record when the run stops, by means of the reserve, also when it is resumed on the full
//! disk; with room the job is finished.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::faults::{Worker, is_honest};
use super::site::{Ended, Site};
use super::{Checked, Dice, each, judge, number, option, truth};

/// Bytes that are more than enough.
const ENOUGH: usize = 64 << 20;

/// Bytes between two sizes that are tried when looking how much a command needs.
const STEP: usize = 16 << 10;

/// `disk-full N [--seed S] [--at SCENE:BYTES]`.
pub(crate) fn disk_full(arguments: &[String]) -> Checked {
    let began = Instant::now();
    let times = number(arguments, 0, 20)?;
    let seed = option(arguments, "--seed")
        .map_or(Ok(24), str::parse)
        .map_err(|_| "--seed takes a number")?;
    let needs = {
        let mut worker = Worker::new(super::WORKERS)?;
        ["plan", "apply"].map(|scene| (scene, need(&mut worker, scene)))
    };
    let cases: Vec<(&str, usize)> = if let Some(at) = option(arguments, "--at") {
        let (scene, bytes) = at.split_once(':').ok_or("write --at SCENE:BYTES")?;
        let bytes = bytes.parse().map_err(|_| "write --at SCENE:BYTES")?;
        vec![(if scene == "plan" { "plan" } else { "apply" }, bytes)]
    } else {
        let mut dice = Dice(seed);
        let mut draw = |_| {
            // Planning sends nothing: a case in four.
            let (scene, need) = &needs[usize::from(dice.below(4) > 0)];
            (*scene, dice.below(*need + STEP))
        };
        (0..times).map(&mut draw).collect()
    };
    let (stopped, in_flight) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let found = each(
        &cases,
        |number| Worker::new(number).unwrap(),
        |worker, (scene, bytes)| {
            let (was_stopped, reserve_was_used) = check(worker, scene, *bytes)
                .map_err(|finding| format!("disk-full 1 --at {scene}:{bytes}\n  {finding}"))?;
            stopped.fetch_add(usize::from(was_stopped), Ordering::Relaxed);
            in_flight.fetch_add(usize::from(reserve_was_used), Ordering::Relaxed);
            Ok(())
        },
    );
    let (stopped, in_flight) = (stopped.into_inner(), in_flight.into_inner());
    println!(
        "disk-full: {} sizes (plan needs {} KiB, apply {} KiB), {stopped} stopped the command, {in_flight} of them with the reserve, {} findings, {} s",
        cases.len(),
        needs[0].1 >> 10,
        needs[1].1 >> 10,
        found.len(),
        began.elapsed().as_secs()
    );
    judge(&found)?;
    if times >= 20 && (stopped == 0 || in_flight == 0) {
        return Err("the disk was never full at the wrong moment: nothing was tested".to_owned());
    }
    Ok(())
}

/// Bytes in a folder.
fn used(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let sizes = entries.map(|entry| {
        if entry.file_type().unwrap().is_dir() {
            used(&entry.path())
        } else {
            usize::try_from(entry.metadata().unwrap().len()).unwrap()
        }
    });
    sizes.sum()
}

fn home_before(scene: &str) -> &'static str {
    if scene == "plan" { "empty" } else { "planned" }
}

/// Runs the command with so much room beyond what is there.
fn with_room(worker: &Worker, words: &[String], limit: usize) -> Ended {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = worker.site.shimmed(&words);
    worker.site.end(command.env("RIG_LIMIT", limit.to_string()))
}

fn words(worker: &Worker, scene: &str) -> Vec<String> {
    if scene == "plan" {
        worker.site.words_to_plan().to_vec()
    } else {
        ["apply", "--confirm", &worker.confirm].map(str::to_owned).to_vec()
    }
}

/// The least room with which a command succeeds, found by halving.
fn need(worker: &mut Worker, scene: &str) -> usize {
    let (mut too_little, mut enough) = (0, ENOUGH);
    while enough - too_little > STEP {
        let middle = usize::midpoint(too_little, enough);
        worker.begin(home_before(scene));
        let limit = used(&worker.site.home()) + middle;
        if with_room(worker, &words(worker, scene), limit).code == Some(0) {
            enough = middle;
        } else {
            too_little = middle;
        }
    }
    enough
}

/// Whether the command was stopped, and whether the reserve was needed.
fn check(worker: &mut Worker, scene: &str, room: usize) -> Checked<(bool, bool)> {
    worker.begin(home_before(scene));
    let limit = used(&worker.site.home()) + room;
    let ended = with_room(worker, &words(worker, scene), limit);
    let told = |finding: String| format!("it ended with {:?}: {}\n  {finding}", ended.code, ended.words());
    is_told(&worker.site, &ended).map_err(told)?;
    answers_are_recorded(&worker.site).map_err(told)?;
    if ended.code == Some(0) {
        if scene == "apply" {
            truth::job_is_done(&worker.site).map_err(told)?;
        }
        return Ok((false, false));
    }
    let reserve = worker.site.database().with_extension("db.reserve");
    let reserve_was_used = scene == "apply" && !reserve.exists();

    // Nobody made room.
    if scene == "apply" {
        let again = with_room(worker, &["resume".to_owned()], limit);
        let told = |finding: String| {
            format!(
                "once more on the full disk it ended with {:?}: {}\n  {finding}",
                again.code,
                again.words()
            )
        };
        // Before anything was confirmed there is nothing to resume.
        if again.code != Some(6) {
            is_told(&worker.site, &again).map_err(told)?;
        }
        answers_are_recorded(&worker.site).map_err(told)?;
    }
    worker.site.finish()?;
    truth::job_is_done(&worker.site)?;
    Ok((true, reserve_was_used))
}

/// Done, or stopped for want of room.
fn is_told(site: &Site, ended: &Ended) -> Checked {
    is_honest(site, ended)?;
    match ended.code {
        Some(0 | 9) => Ok(()),
        _ => Err("a full disk is temporary: 9".to_owned()),
    }
}

/// Every command that the portal answered has its answer on record.
fn answers_are_recorded(site: &Site) -> Checked {
    let mut recorded: BTreeMap<String, usize> = BTreeMap::new();
    let story = site.story()?;
    let workflow_of = |action: u64| {
        let planned = story
            .iter()
            .find(|event| event["kind"] == "action_planned" && event["data"]["action"] == action);
        planned
            .and_then(|event| event["data"]["workflow"].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    for event in story.iter().filter(|event| event["kind"] == "attempt_answered") {
        *recorded
            .entry(workflow_of(event["data"]["action"].as_u64().unwrap_or_default()))
            .or_default() += 1;
    }
    let answered: Vec<_> = site
        .requests()
        .into_iter()
        .filter(|request| request.status == Some(200))
        .collect();
    for (workflow, _) in truth::destroying(&answered) {
        if recorded.get(&workflow).is_none_or(|times| *times == 0) {
            return Err(format!(
                "{workflow}: the portal answered, and the answer is not on record"
            ));
        }
    }
    Ok(())
}
