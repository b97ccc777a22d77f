//! What disks do to a journal: they lose power, fail at one call, fill up, and are somebody else's.
//!
//! - [`power`] rebuilds what could be left after a loss of power at each call of a recorded run, and opens that.
//! - [`faults`] makes the n-th call fail, for every n; [`full`] makes the disk as small as a seed says.
//! - [`places`] puts the files where they cannot be written, takes one away, locks them, flips bits.
//!
//! `shim.c` stands between the real binary and libc's file calls; [`site`] is a job in a folder with a portal of its own; [`truth`] compares
//! what the journal says with what the portal saw; [`disk`] is the model of what a disk keeps.

#![expect(clippy::unwrap_used, reason = "a rig ends when its own surroundings fail it")]

mod disk;
mod faults;
mod full;
mod places;
mod power;
mod shim;
mod site;
mod truth;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub(crate) use faults::file_faults;
pub(crate) use full::disk_full;
pub(crate) use places::places;
pub(crate) use power::power_loss;

/// How many work at once.
const WORKERS: usize = 2;

/// What went wrong, or nothing.
type Checked<T = ()> = Result<T, String>;

/// Findings after which a rig stops looking for more.
const FINDINGS_MAX: usize = 10;

/// Does these cases, some at once, each worker with its own `worker`; gives what went wrong, in the order of the cases.
fn each<W, C: Sync>(
    cases: &[C],
    worker: impl Fn(usize) -> W + Sync,
    check: impl Fn(&mut W, &C) -> Checked + Sync,
) -> Vec<String> {
    let (next, enough, found) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for number in 0..WORKERS {
            let (next, enough, found, worker, check) = (&next, &enough, &found, &worker, &check);
            scope.spawn(move || {
                let mut worker = worker(number);
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(at) else { return };
                    if enough.load(Ordering::Relaxed) {
                        return;
                    }
                    if let Err(finding) = check(&mut worker, case) {
                        let mut found = found.lock().unwrap();
                        found.push((at, finding));
                        enough.store(found.len() >= FINDINGS_MAX, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort();
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// Fails with all that was found.
fn judge(found: &[String]) -> Checked {
    if found.is_empty() {
        Ok(())
    } else {
        Err(format!("{} findings:\n{}", found.len(), found.join("\n")))
    }
}

/// The number that a rig was given, or another.
fn number(arguments: &[String], place: usize, otherwise: u64) -> Checked<u64> {
    match arguments.get(place).filter(|text| !text.starts_with("--")) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| format!("{text:?} is no number")),
    }
}

/// What follows an option such as `--seed`.
fn option<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let place = arguments.iter().position(|argument| argument == name)?;
    arguments.get(place + 1).map(String::as_str)
}

/// Numbers that look random and are the same for the same seed: `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or_default()
    }
}
