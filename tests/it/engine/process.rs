//! One process: the loop of `run` over the state machine, with a journal in memory. It does what the real loop does, in the same
//! order, and dies anywhere on the way. It can also be made to do it wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use offboard24::domain::{ActionState, JobId, StopReason};
use offboard24::journal::{Entry, Event};
use offboard24::portal::{Answer, Delays, Doubt, NotExecuted};
use offboard24::run::action::Action;
use offboard24::run::machine::{Along, Command, Key, Machine, Step, action_of};

use super::auditor::{Auditor, Broken};
use super::world::{Sending, Unreadable, World};

/// No run takes more steps.
const STEPS_MAX: usize = 20_000;

/// No run takes longer.
const RUN_MAX: Duration = Duration::from_hours(12);

/// The quiet time that a process without patience pretends to have waited.
const QUIET: Duration = Duration::from_secs(90);

/// Mistakes that are planted on purpose: what the simulation has to catch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mistake {
    /// The intent is recorded after the call.
    IntentAfterCall,
    /// Nobody waits until an unanswered attempt can no longer take effect.
    NoQuietTime,
    /// An answer that broke off is read as success.
    BrokenAnswerIsYes,
    /// An attempt in doubt is taken for a failed one.
    DoubtIsFailure,
    /// An attempt in doubt is taken for one that was not executed.
    DoubtIsNotExecuted,
    /// A resumed run takes an intent without an answer for not sent.
    ForgetsAtRestart,
    /// A look at the portal is used for as long as one likes.
    OldLook,
    /// Held actions are done as well.
    IgnoresHolds,
    /// An effect is acted upon in memory before it is on disk.
    AnswerNotRecorded,
}

impl Mistake {
    pub(super) const ALL: [Self; 9] = [
        Self::IntentAfterCall,
        Self::NoQuietTime,
        Self::BrokenAnswerIsYes,
        Self::DoubtIsFailure,
        Self::DoubtIsNotExecuted,
        Self::ForgetsAtRestart,
        Self::OldLook,
        Self::IgnoresHolds,
        Self::AnswerNotRecorded,
    ];
}

/// Why a run is over.
#[derive(Debug)]
pub(super) enum Over {
    /// Nothing was left to do, or it stopped for a reason.
    Ended(Option<StopReason>),
    /// It was killed.
    Killed,
}

/// Why a step was not the last thing that a process did.
enum Interruption {
    Killed,
    Unreadable(StopReason),
    Broken(Broken),
}

impl From<Broken> for Interruption {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<Unreadable> for Interruption {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable.0)
    }
}

type Performed = Result<(), Interruption>;

pub(super) struct Process<'a> {
    pub(super) world: &'a mut World,
    pub(super) journal: &'a mut Vec<Entry>,
    pub(super) auditor: &'a mut Auditor,
    pub(super) mistake: Option<Mistake>,
}

impl Process<'_> {
    /// One run of a job, as `run::execute` does it.
    pub(super) fn run(&mut self, job: JobId, may_send: bool) -> Result<Over, Broken> {
        let began = self.world.now;
        self.world.blocked.clear();
        self.auditor.run_begins(job, may_send);
        let actions = self.replay(job);
        let delays = Delays::transient(self.world.random.next());
        let mut machine = Machine::new(job, may_send, actions, delays);
        let mut asked_to_stop = false;
        for _ in 0..STEPS_MAX {
            if !asked_to_stop && self.world.random.chance(self.world.weather.stop) {
                asked_to_stop = true;
                self.auditor.run_stops("the signal");
            }
            if asked_to_stop {
                machine.stop(StopReason::Signal);
            }
            let performed = match machine.next(self.world.now) {
                Step::Finish => {
                    self.auditor.effects(self.world)?;
                    return Ok(Over::Ended(machine.stop_reason()));
                }
                Step::Wait(_) if asked_to_stop => return Err("it waits although it was asked to stop".to_owned()),
                Step::Wait(until) => self.wait(until),
                Step::Ask(keys) => self.ask(&mut machine, &keys),
                Step::Recheck(keys) => self.recheck(&mut machine, &keys),
                Step::Send => self.send(&mut machine, asked_to_stop),
            };
            match performed {
                Ok(()) => {}
                Err(Interruption::Killed) => return Ok(Over::Killed),
                Err(Interruption::Unreadable(reason)) => {
                    machine.stop_blind(reason);
                    self.auditor.run_stops("a question that stayed without an answer");
                }
                Err(Interruption::Broken(broken)) => return Err(broken),
            }
            self.auditor.effects(self.world)?;
            if self.world.now > began + RUN_MAX {
                return Err(format!(
                    "a run takes more than {RUN_MAX:?}: {:?}",
                    machine.next(self.world.now)
                ));
            }
        }
        Err(format!(
            "a run takes more than {STEPS_MAX} steps: {:?}",
            machine.next(self.world.now)
        ))
    }

    /// What `run::replay` does.
    fn replay(&self, job: JobId) -> BTreeMap<Key, Action> {
        let mut actions = BTreeMap::new();
        let forgotten = |index: usize, entry: &Entry| {
            let answered = |later: &Entry| {
                matches!(&later.event, Event::AttemptAnswered(answered)
                    if later.job == entry.job && Some(answered.action) == action_of(&entry.event))
            };
            self.mistake == Some(Mistake::ForgetsAtRestart)
                && matches!(entry.event, Event::AttemptIntended(_))
                && !self.journal[index..].iter().any(answered)
        };
        for (index, entry) in self.journal.iter().enumerate() {
            let (Some(job), Some(action)) = (entry.job, action_of(&entry.event)) else {
                continue;
            };
            let key = Key { job, action };
            if let Event::ActionPlanned(planned) = &entry.event {
                let mut planned = planned.clone();
                if self.mistake == Some(Mistake::IgnoresHolds) {
                    planned.holds.clear();
                }
                actions.insert(key, Action::new(&planned));
            } else if let Some(action) = actions.get_mut(&key)
                && !forgotten(index, entry)
            {
                action.apply(&entry.event, self.world.now);
            }
        }
        actions.retain(|key, action| key.job == job || action.state == ActionState::Sent);
        actions.values_mut().for_each(Action::recovered);
        actions
    }

    fn may_die(&mut self) -> Performed {
        if self.world.crashes() {
            Err(Interruption::Killed)
        } else {
            Ok(())
        }
    }

    /// One transaction: all of it, or nothing.
    fn record(&mut self, entries: &[Entry]) -> Performed {
        self.may_die()?;
        self.world.pass(Duration::from_millis(1));
        self.auditor.effects(self.world)?;
        for entry in entries {
            self.auditor.recorded(entry, self.world)?;
        }
        self.journal.extend_from_slice(entries);
        self.world.pass(Duration::from_millis(1));
        self.may_die()
    }

    /// The real loop looks up every two seconds.
    fn wait(&mut self, until: Duration) -> Performed {
        let left = until.saturating_sub(self.world.now);
        if left.is_zero() {
            return Err(Interruption::Broken("a wait for a moment that has passed".to_owned()));
        }
        let slice = if self.world.random.chance(300) {
            Duration::from_secs(2)
        } else {
            left
        };
        self.world.pass(left.min(slice));
        self.may_die()
    }

    fn ask(&mut self, machine: &mut Machine, keys: &[Key]) -> Performed {
        let workflows: Vec<_> = keys.iter().map(|key| machine.action(*key).workflow.clone()).collect();
        let mut asked_at = self.world.now;
        let listed = self.world.listed(&workflows)?;
        self.may_die()?;
        if self.mistake == Some(Mistake::NoQuietTime) {
            asked_at += QUIET;
        }
        let entries = machine.listed(keys, &listed, asked_at);
        self.record(&entries)?;
        machine.apply(&entries, self.world.now);
        Ok(())
    }

    fn recheck(&mut self, machine: &mut Machine, keys: &[Key]) -> Performed {
        let mut began = self.world.now;
        let workflows: Vec<_> = keys.iter().map(|key| machine.action(*key).workflow.clone()).collect();
        let seen = self.world.look(&workflows)?;
        let sightings: Vec<_> = keys.iter().copied().zip(seen).collect();
        self.may_die()?;
        if self.mistake == Some(Mistake::OldLook) {
            began = self.world.now;
        }
        let entries = machine.rechecked(&sightings, began);
        self.record(&entries)?;
        machine.apply(&entries, self.world.now);
        Ok(())
    }

    fn send(&mut self, machine: &mut Machine, asked_to_stop: bool) -> Performed {
        let longest_ms = self.world.random.pick(&[10, 1_000, 10_000]);
        let turn = self.world.random.millis(longest_ms);
        self.world.pass(turn);
        let now = self.world.now;
        if machine.next(now) != Step::Send || asked_to_stop {
            return Ok(());
        }
        let (intents, commands) = machine.intents(now);
        let job = machine_job(&commands);
        let intents: Vec<Entry> = intents.into_iter().map(|event| Entry::of(job, event)).collect();
        let batch = sendings(&intents, &commands);
        if self.mistake != Some(Mistake::IntentAfterCall) {
            self.record(&intents)?;
        }
        machine.apply(&intents, self.world.now);
        machine.sending(&commands);

        if self.mistake != Some(Mistake::IntentAfterCall) {
            self.auditor.sent(&batch, self.world)?;
        }
        if self.world.crashes() {
            self.world.send_and_die(&batch);
            return Err(Interruption::Killed);
        }
        let asked_at = self.world.now;
        let along = machine.along(asked_at, |_| true);
        let sent = self.world.send(&batch);
        if self.mistake == Some(Mistake::IntentAfterCall) {
            self.record(&intents)?;
        }

        let now = self.world.now;
        let took = sent.took / u32::try_from(commands.len()).unwrap();
        let answers: Vec<Answer> = sent.answers.into_iter().map(|answer| self.misread(answer)).collect();
        let entries = machine.answered(&commands, &answers, took, now);
        if self.mistake != Some(Mistake::AnswerNotRecorded) {
            self.record(&entries)?;
        }
        machine.apply(&entries, now);
        if let Some(reason) = sent.stop {
            machine.stop(reason);
            self.auditor.run_stops("a refusal of everything");
        }
        if answers.iter().all(|answer| *answer == Answer::Yes) {
            self.take_along(machine, &along, asked_at)?;
        }
        Ok(())
    }

    /// What was asked along. An answer that leaves it out is no answer, and not the end of anything.
    fn take_along(&mut self, machine: &mut Machine, along: &Along, asked_at: Duration) -> Performed {
        let workflows =
            |keys: &[Key]| -> Vec<_> { keys.iter().map(|key| machine.action(*key).workflow.clone()).collect() };
        let (asked, next) = (workflows(&along.asked), workflows(&along.next));
        let mut entries = Vec::new();
        if !asked.is_empty()
            && let Ok(listed) = self.world.listed(&asked)
        {
            entries.extend(machine.listed(&along.asked, &listed, asked_at));
        }
        if !next.is_empty()
            && let Ok(seen) = self.world.look(&next)
        {
            let sightings: Vec<_> = along.next.iter().copied().zip(seen).collect();
            entries.extend(machine.rechecked(&sightings, asked_at));
        }
        self.may_die()?;
        self.record(&entries)?;
        machine.apply(&entries, self.world.now);
        Ok(())
    }

    fn misread(&self, answer: Answer) -> Answer {
        match (self.mistake, answer) {
            (Some(Mistake::BrokenAnswerIsYes), Answer::Doubt { why: Doubt::Truncated }) => Answer::Yes,
            (Some(Mistake::DoubtIsFailure), Answer::Doubt { .. }) => Answer::Refused {
                code: String::new(),
                text: offboard24::personal::Personal::new(""),
            },
            (Some(Mistake::DoubtIsNotExecuted), Answer::Doubt { .. }) => Answer::NotExecuted {
                why: NotExecuted::NotConnected,
            },
            (_, answer) => answer,
        }
    }
}

fn machine_job(commands: &[Command]) -> JobId {
    commands[0].key.job
}

fn sendings(intents: &[Entry], commands: &[Command]) -> Vec<Sending> {
    let attempt = |entry: &Entry| match &entry.event {
        Event::AttemptIntended(intended) => intended.attempt,
        other => panic!("{other:?} is no intent"),
    };
    intents
        .iter()
        .zip(commands)
        .map(|(entry, command)| Sending {
            key: command.key,
            attempt: attempt(entry),
            kind: command.kind,
            workflow: command.workflow.clone(),
        })
        .collect()
}
