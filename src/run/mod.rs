//! The execution of a confirmed plan: one loop that performs what the state machine says and feeds back what was observed.
//!
//! - [`machine`] decides (pure); [`action`] is the fold of an action's events, [`recheck`] the judgement of what the portal shows,
//!   [`batch`] and [`breaker`] how much and how long.
//! - This file performs. The order of writes is the promise of design section 5: intents are on disk before the first byte, answers before
//!   the read-back, outcomes before anything is told.
//! - [`close`](self::close) reads everything back once more at the end.
//!
//! Not here: consent, locks, and what to print.

pub mod action;
mod answers;
pub mod batch;
pub mod breaker;
mod close;
pub mod machine;
pub mod recheck;
mod status;
pub mod stop;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use self::action::Action;
pub use self::machine::Lull;
use self::machine::{Along, Command, Key, Machine, Step, action_of};
use self::recheck::Sighting;
use self::stop::StopRequest;
use crate::clock::Clock;
use crate::crash::{self, Point};
use crate::domain::{JobId, StopReason, WorkflowId};
use crate::journal::{Entry, Event, JournalError, View};
#[cfg(feature = "rigs")]
use crate::mistake::{Mistake, is_planted};
use crate::plan::record::Recorder;
use crate::portal::{Answer, BATCH_COMMANDS_MAX, Delays, Destroy, Destroyer, Look, PortalError, Reader, Seen};

/// After a request to stop, how long the last question may still take.
const FAREWELL: Duration = Duration::from_secs(20);

/// Why a run could not go on. What was recorded stays.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The portal.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// Why it stopped; none when nothing was left to do.
    pub stop: Option<StopReason>,
    /// What the portal said, where that is why.
    pub cause: Option<PortalError>,
}

/// Told after each step that changed something.
pub type Progress<'a> = &'a (dyn Fn(View<'_>) + Send + Sync);

/// What a run needs besides the journal.
pub struct Engine<'a> {
    /// For questions.
    pub reader: Reader,
    /// For the rest.
    pub destroyer: Destroyer,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Seeds the jitter of delays.
    pub jitter_seed: u64,
    /// A person's wish to stop.
    pub stop: StopRequest,
    /// Whether planned actions are sent, or only doubts settled.
    pub may_send: bool,
    /// Told after each step that changed something.
    pub progress: Progress<'a>,
    /// Told before each wait: why, and for how long.
    pub lulls: &'a (dyn Fn(Lull, Duration) + Send + Sync),
}

/// Carries out the plan of the recorder's job, and settles what any job of the portal left in doubt.
///
/// # Errors
/// When the journal fails: the process has to stop. What the portal does is in [`Ended`].
pub async fn execute(engine: &Engine<'_>, recorder: &mut Recorder<'_>, doubts: &[JobId]) -> Result<Ended, RunError> {
    let actions = replay(recorder.view(), recorder.job(), doubts, engine.clock.monotonic())?;
    let delays = Delays::transient(engine.jitter_seed);
    let mut machine = Machine::new(recorder.job(), engine.may_send, actions, delays);
    machine.expect_more();
    let status = status_text(recorder)?;
    let mut cause = None;
    loop {
        refill(&mut machine, recorder.view(), recorder.job())?;
        if let Some(reason) = engine.stop.reason() {
            machine.stop(reason);
        }
        let step = machine.next(engine.clock.monotonic());
        let performed = match step {
            Step::Finish => break,
            Step::Wait(until) => {
                let now = engine.clock.monotonic();
                (engine.lulls)(machine.lull(now), until.saturating_sub(now));
                engine.wait(until).await
            }
            Step::Ask(keys) => engine.ask(recorder, &mut machine, &keys).await,
            Step::Recheck(keys) => engine.recheck(recorder, &mut machine, &keys).await,
            Step::Send => engine.send(recorder, &mut machine, &status, &mut cause).await,
        };
        match performed {
            Ok(()) => {}
            Err(RunError::Portal(error)) => {
                machine.stop_blind(stop_reason(&error));
                // On the way out a question that is cut short is no reason of its own.
                if engine.stop.reason().is_none() {
                    cause.get_or_insert(error);
                }
            }
            Err(RunError::Journal(error)) => return Err(error.into()),
        }
        (engine.progress)(recorder.view());
    }
    Ok(Ended {
        stop: machine.stop_reason(),
        cause,
    })
}

/// Closes the job: reads everything back once more and records totals and residue.
///
/// # Errors
/// When the portal or the journal fails; `resume` closes it then.
pub async fn close(recorder: &mut Recorder<'_>, reader: &Reader) -> Result<(), RunError> {
    close::close(recorder, reader).await
}

/// The actions of a job by state, for an event.
///
/// # Errors
/// When the journal cannot be read.
pub fn totals(view: View<'_>, job: JobId) -> Result<Vec<(String, u32)>, JournalError> {
    Ok(view
        .action_counts(job)?
        .into_iter()
        .map(|(state, count)| (state.as_str().to_owned(), count))
        .collect())
}

/// Why a run stops when the portal fails like this.
pub fn stop_reason(error: &PortalError) -> StopReason {
    match error {
        PortalError::Auth { .. }
        | PortalError::Permission { .. }
        | PortalError::Scope { .. }
        | PortalError::Tariff { .. }
        | PortalError::Overload
        | PortalError::Redirected { .. } => StopReason::Auth,
        PortalError::NoPortal { .. }
        | PortalError::Tls
        | PortalError::Unreachable { .. }
        | PortalError::Temporary { .. }
        | PortalError::Settings { .. } => StopReason::Limit,
        PortalError::Widened { .. } | PortalError::Unexpected { .. } | PortalError::Unsendable { .. } => {
            StopReason::Breaker
        }
    }
}

/// Every action that was sent and has no outcome, from its events: those of the job, and those of others that are in doubt.
fn replay(view: View<'_>, job: JobId, doubts: &[JobId], now: Duration) -> Result<BTreeMap<Key, Action>, JournalError> {
    let mut actions = BTreeMap::new();
    for from in doubts.iter().copied().filter(|other| *other != job).chain([job]) {
        for event in view.events_of_open(from)? {
            let Some(action) = action_of(&event) else { continue };
            let key = Key { job: from, action };
            if let Event::ActionPlanned(planned) = &event {
                actions.insert(key, Action::new(planned));
            } else if let Some(action) = actions.get_mut(&key) {
                action.apply(&event, now);
            }
        }
    }
    actions.retain(|key, action| key.job == job || action.state == crate::domain::ActionState::Sent);
    actions.values_mut().for_each(Action::recovered);
    Ok(actions)
}

/// Lets go of what has its outcome, and brings in what is to be sent next: a job is never in memory as a whole.
fn refill(machine: &mut Machine, view: View<'_>, job: JobId) -> Result<(), JournalError> {
    machine.forget_ended();
    while let Some((kind, after)) = machine.wants() {
        machine.bring(kind, &view.untouched(job, kind, after)?);
    }
    Ok(())
}

impl Engine<'_> {
    /// Waits, or until a person asks to stop.
    async fn wait(&self, until: Duration) -> Result<(), RunError> {
        let left = until.saturating_sub(self.clock.monotonic());
        // Here and below: looked at in this order, so that a run under the same circumstances is the same run.
        tokio::select! {
            biased;
            () = self.clock.sleep(left) => {}
            () = self.stop.asked() => {}
        }
        Ok(())
    }

    /// A question on the way out must not hold the process for minutes.
    async fn before_farewell<T>(
        &self,
        question: impl Future<Output = Result<T, PortalError>>,
    ) -> Result<T, PortalError> {
        let farewell = async {
            self.stop.asked().await;
            // For the person at the keyboard, so by no other clock.
            tokio::time::sleep(FAREWELL).await;
        };
        tokio::select! {
            biased;
            answer = question => answer,
            () = farewell => Err(PortalError::Unreachable { attempts: 1 }),
        }
    }

    async fn ask(&self, recorder: &mut Recorder<'_>, machine: &mut Machine, keys: &[Key]) -> Result<(), RunError> {
        let workflows: Vec<WorkflowId> = keys.iter().map(|key| machine.action(*key).workflow.clone()).collect();
        let asked_at = self.clock.monotonic();
        let instances = self.before_farewell(self.reader.instances_of_sent(&workflows)).await?;
        let listed = workflows
            .into_iter()
            .zip(instances)
            .filter_map(|(id, found)| found.map(|_| id))
            .collect();
        let entries = machine.listed(keys, &listed, asked_at);
        crash::point(Point::C14);
        recorder.settle(entries.clone())?;
        machine.apply(&entries, self.clock.monotonic());
        Ok(())
    }

    async fn recheck(&self, recorder: &mut Recorder<'_>, machine: &mut Machine, keys: &[Key]) -> Result<(), RunError> {
        let began = self.clock.monotonic();
        crash::point_of(|| {
            keys.iter()
                .any(|key| machine.action(*key).attempt > 0)
                .then_some(Point::C15)
        });
        let sightings = tokio::select! {
            biased;
            sightings = self.look(machine, keys) => sightings?,
            // Nothing is in flight that could be lost.
            () = self.stop.asked() => return Ok(()),
        };
        let entries = machine.rechecked(&sightings, began);
        recorder.settle(entries.clone())?;
        machine.apply(&entries, self.clock.monotonic());
        Ok(())
    }

    async fn look(&self, machine: &Machine, keys: &[Key]) -> Result<Vec<(Key, Sighting)>, PortalError> {
        let seen = self.reader.look(&look_at(machine, &[], keys)).await?;
        Ok(sightings(machine, keys, &seen))
    }

    async fn send(
        &self,
        recorder: &mut Recorder<'_>,
        machine: &mut Machine,
        status: &str,
        cause: &mut Option<PortalError>,
    ) -> Result<(), RunError> {
        recorder.check_room()?;
        self.destroyer.await_turn().await;
        // Waiting for the turn took time: what was seen may be too old by now, or somebody asked to stop.
        let now = self.clock.monotonic();
        if machine.next(now) != Step::Send || self.stop.reason().is_some() {
            return Ok(());
        }
        let (intents, commands) = machine.intents(now);
        #[cfg(feature = "rigs")]
        let is_late = is_planted(Mistake::IntentAfterCall);
        #[cfg(not(feature = "rigs"))]
        let is_late = false;
        crash::point(Point::C4);
        if !is_late {
            recorder.record(intents.clone())?;
        }
        crash::point(Point::C6);
        let job = recorder.job();
        let intents: Vec<_> = intents.into_iter().map(|event| Entry::of(job, event)).collect();
        machine.apply(&intents, self.clock.monotonic());
        machine.sending(&commands);

        let asked_at = self.clock.monotonic();
        let fits = |along: &Along| {
            let look = look_at(machine, &along.asked, &along.next);
            commands.len() + look.commands() <= BATCH_COMMANDS_MAX
        };
        let along = machine.along(asked_at, fits);
        let look = look_at(machine, &along.asked, &along.next);
        let sent = self.destroyer.send(&destroy(&commands, status), &look).await;
        #[cfg(feature = "rigs")]
        if is_late {
            recorder.settle(intents)?;
        }
        let now = self.clock.monotonic();
        let took = sent
            .command_took
            .unwrap_or(sent.took / u32::try_from(commands.len().max(1)).unwrap_or(1));
        let mut entries = machine.answered(&commands, &sent.answers, took, now);
        machine.apply(&entries, now);
        machine.budgeted(sent.budgets, now);
        if let Some(error) = sent.stop {
            machine.stop(stop_reason(&error));
            cause.get_or_insert(error);
        }
        crash::point(Point::C10);
        if sent.answers.iter().all(|answer| *answer == Answer::Yes) {
            let seen = seen_along(machine, &along, &sent.seen, asked_at);
            machine.apply(&seen, now);
            entries.extend(seen);
            crash::point(Point::C14);
        }
        // What came in one answer is recorded at once.
        recorder.settle(entries)?;
        Ok(())
    }
}

/// What was asked along with a batch that went well. Keys about which too little was seen stay as they are.
fn seen_along(machine: &mut Machine, along: &Along, seen: &Seen, asked_at: Duration) -> Vec<Entry> {
    let known = |key: &&Key| seen.listed.contains_key(&machine.action(**key).workflow);
    let asked: Vec<Key> = along.asked.iter().filter(known).copied().collect();
    let listed = seen.listed.iter().filter(|(_, listed)| **listed);
    let listed = listed.map(|(workflow, _)| workflow.clone()).collect();
    let mut entries = machine.listed(&asked, &listed, asked_at);
    let sightings = sightings(machine, &along.next, seen);
    if sightings.len() == along.next.len() && !sightings.is_empty() {
        entries.extend(machine.rechecked(&sightings, asked_at));
    }
    entries
}

/// The questions about what was sent and what is next.
fn look_at(machine: &Machine, asked: &[Key], next: &[Key]) -> Look {
    let action = |key: &Key| machine.action(*key);
    Look {
        gone: asked.iter().map(|key| action(key).workflow.clone()).collect(),
        next: next
            .iter()
            .map(|key| (action(key).workflow.clone(), action(key).participants.len().max(1)))
            .collect(),
        people: next.iter().flat_map(|key| action(key).people.iter().copied()).collect(),
    }
}

/// What was seen of these actions, as far as it is known well enough.
fn sightings(machine: &Machine, keys: &[Key], seen: &Seen) -> Vec<(Key, Sighting)> {
    keys.iter()
        .filter_map(|key| Some((*key, Sighting::of(machine.action(*key), seen)?)))
        .collect()
}

fn destroy(commands: &[Command], status: &str) -> Vec<Destroy> {
    commands
        .iter()
        .map(|command| Destroy {
            key: command.batch_key.clone(),
            kind: command.kind,
            workflow: command.workflow.clone(),
            status: Some(status.to_owned()),
        })
        .collect()
}

/// What `terminate` leaves on the workflow's state: it names the job, so that whoever finds it can ask, and what the operator said.
fn status_text(recorder: &Recorder<'_>) -> Result<String, JournalError> {
    let job = recorder.job();
    let view = recorder.view();
    let plan = view.job(job)?.and_then(|job| job.plan_hash).unwrap_or_default();
    let (reason, ticket) = view.reason_and_ticket(job)?;
    let plan = plan.get(..8).unwrap_or(&plan);
    Ok(status::text(job, plan, ticket.as_ref(), reason.as_ref()))
}
