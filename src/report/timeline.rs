//! The runs of a job over time: who ran, what was sent when, where it paused and why.

use std::collections::BTreeMap;

use chrono::DateTime;

use crate::domain::{RunId, StopReason};
use crate::journal::{Event, RunRecord, RunStarted, Told};

/// A run, and what happened in it.
pub struct Run {
    /// As recorded.
    pub record: RunRecord,
    /// Who ran it, with what, where; none only in a journal that is not ours.
    pub started: Option<RunStarted>,
    /// The run that found it without an end, when its process had died.
    pub abandoned_by: Option<RunId>,
    /// What was sent, batch by batch.
    pub batches: Vec<Batch>,
    /// The pauses.
    pub pauses: Vec<Pause>,
    /// When each action ended that ended in this run, in order.
    pub ended: Vec<String>,
}

/// The intents of one request.
pub struct Batch {
    /// When they were recorded; the request left after that.
    pub at: String,
    /// How many commands.
    pub commands: u32,
    /// Sequence number of the last of them.
    last: u64,
}

/// A time in which nothing was sent.
pub struct Pause {
    /// When it was recorded, which is when the run went on.
    pub at: String,
    /// Why, as a fixed phrase.
    pub reason: String,
    /// The REST method that was waited for.
    pub method: Option<String>,
    /// For how long.
    pub wait_ms: u64,
}

/// Pauses of one kind in one run.
pub struct PauseSum<'a> {
    /// Why.
    pub reason: &'a str,
    /// The method that was waited for.
    pub method: Option<&'a str>,
    /// How often.
    pub times: u32,
    /// For how long in all.
    pub wait_ms: u64,
    /// The first of them.
    pub first: &'a str,
    /// The last of them.
    pub last: &'a str,
}

impl Run {
    /// The pauses by reason and method, those that took longest first.
    pub fn pause_sums(&self) -> Vec<PauseSum<'_>> {
        let mut sums: BTreeMap<(&str, Option<&str>), PauseSum<'_>> = BTreeMap::new();
        for pause in &self.pauses {
            let key = (pause.reason.as_str(), pause.method.as_deref());
            let sum = sums.entry(key).or_insert(PauseSum {
                reason: key.0,
                method: key.1,
                times: 0,
                wait_ms: 0,
                first: &pause.at,
                last: &pause.at,
            });
            sum.times += 1;
            sum.wait_ms += pause.wait_ms;
            sum.last = &pause.at;
        }
        let mut sums: Vec<_> = sums.into_values().collect();
        sums.sort_by_key(|sum| std::cmp::Reverse(sum.wait_ms));
        sums
    }

    /// Commands sent.
    pub fn commands(&self) -> u32 {
        self.batches.iter().map(|batch| batch.commands).sum()
    }

    /// Whether it stopped before there was nothing left to do.
    pub fn stopped(&self) -> Option<StopReason> {
        self.record.stop_reason
    }

    /// From its start to its end, or to the last thing known of it, in milliseconds.
    pub fn length_ms(&self) -> u64 {
        let known = self.batches.iter().map(|batch| &batch.at);
        let known = known
            .chain(self.pauses.iter().map(|pause| &pause.at))
            .chain(&self.ended);
        let last = self.record.finished_at.as_ref().or_else(|| known.max());
        last.map_or(0, |end| between_ms(&self.record.started_at, end))
    }
}

/// Milliseconds from one recorded time to another; nothing where the wall clock ran backwards.
pub fn between_ms(from: &str, to: &str) -> u64 {
    let parse = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    let (Some(from), Some(to)) = (parse(from), parse(to)) else {
        return 0;
    };
    u64::try_from((to - from).num_milliseconds()).unwrap_or(0)
}

/// The runs with what happened in each.
pub(super) fn runs(records: Vec<RunRecord>, told: &[Told]) -> Vec<Run> {
    let mut runs: Vec<Run> = records
        .into_iter()
        .map(|record| Run {
            record,
            started: None,
            abandoned_by: None,
            batches: Vec::new(),
            pauses: Vec::new(),
            ended: Vec::new(),
        })
        .collect();
    for told in told {
        if let Event::RunAbandoned(event) = &told.event
            && let Some(dead) = runs.iter_mut().find(|run| run.record.run == event.abandoned)
        {
            dead.abandoned_by = told.run;
        }
        // An action that another job's run settled is on record under that run.
        let Some(run) = runs.iter_mut().find(|run| Some(run.record.run) == told.run) else {
            continue;
        };
        match &told.event {
            Event::RunStarted(event) => run.started = Some((**event).clone()),
            Event::AttemptIntended(_) => run.intended(told),
            Event::ActionEnded(_) => run.ended.push(told.at.clone()),
            Event::Paused(event) => run.pauses.push(Pause {
                at: told.at.clone(),
                reason: event.reason.clone(),
                method: event.method.clone(),
                wait_ms: event.wait_ms,
            }),
            _ => {}
        }
    }
    runs
}

impl Run {
    /// The intents of one request are recorded in one transaction: neighbours, with one time.
    fn intended(&mut self, told: &Told) {
        match self.batches.last_mut() {
            Some(batch) if batch.at == told.at && batch.last + 1 == told.seq => {
                batch.commands += 1;
                batch.last = told.seq;
            }
            _ => self.batches.push(Batch {
                at: told.at.clone(),
                commands: 1,
                last: told.seq,
            }),
        }
    }
}
