//! A state machine driven by hand: each call is one step of the loop, answered as the test says.
//!
//! Actions are named by their number, and action 7 is about workflow `w.7`. One dismissed person waits in each, together with a
//! colleague in the plan. What is recorded is kept, so that a run can be resumed from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offboard24::domain::{ActionId, ActionKind, ActionState, HoldReason, JobId, StopReason, UserId, WorkflowId};
use offboard24::journal::{ActionPlanned, ActionReopened, Entry, Event};
use offboard24::personal::Personal;
use offboard24::portal::{Answer, Delays, Doubt, Method, NotExecuted};
use offboard24::run::action::Action;
use offboard24::run::machine::{Key, Lull, Machine, Step, action_of};
use offboard24::run::recheck::Sighting;

pub(super) const OURS: JobId = JobId(2);
pub(super) const OTHER: JobId = JobId(1);
const DISMISSED: UserId = UserId(10);
const COLLEAGUE: UserId = UserId(3);

/// What a command usually takes.
const COMMAND: Duration = Duration::from_millis(100);

pub(super) fn yes(_: u32) -> Answer {
    Answer::Yes
}

pub(super) fn refused(_: u32) -> Answer {
    Answer::Refused {
        code: "ERROR_CORE".to_owned(),
        text: Personal::new("text"),
    }
}

pub(super) fn doubt(_: u32) -> Answer {
    Answer::Doubt { why: Doubt::NoAnswer }
}

pub(super) fn not_executed(_: u32) -> Answer {
    Answer::NotExecuted {
        why: NotExecuted::NotConnected,
    }
}

pub(super) fn blocked(blocked: Method, seconds: u64) -> impl Fn(u32) -> Answer {
    move |_| Answer::NotExecuted {
        why: NotExecuted::OperationLimit {
            blocked,
            wait: Duration::from_secs(seconds),
        },
    }
}

/// What a re-check usually shows.
pub(super) fn as_planned(_: u32) -> Sighting {
    Sighting {
        listed: true,
        waiting: BTreeSet::from([DISMISSED]),
        dismissed: BTreeSet::from([DISMISSED]),
    }
}

pub(super) fn gone(_: u32) -> Sighting {
    Sighting::default()
}

/// Somebody new waits.
pub(super) fn changed(_: u32) -> Sighting {
    Sighting {
        waiting: BTreeSet::from([DISMISSED, UserId(11)]),
        ..as_planned(0)
    }
}

/// An action of a job, as planned.
pub(super) fn planned(job: JobId, number: u32, kind: ActionKind) -> Entry {
    let planned = ActionPlanned {
        action: ActionId(number),
        workflow: workflow(number),
        kind: Some(kind),
        people: vec![DISMISSED],
        participants: vec![DISMISSED, COLLEAGUE],
        holds: Vec::new(),
    };
    Entry::of(job, Event::ActionPlanned(planned))
}

/// The same, held.
pub(super) fn held(job: JobId, number: u32, kind: ActionKind) -> Entry {
    let mut entry = planned(job, number, kind);
    if let Event::ActionPlanned(planned) = &mut entry.event {
        planned.holds.push(HoldReason::Shared);
    }
    entry
}

fn workflow(number: u32) -> WorkflowId {
    format!("w.{number}").parse().unwrap()
}

pub(super) struct Hand {
    machine: Machine,
    journal: Vec<Entry>,
    now: Duration,
    command_took: Duration,
}

impl Hand {
    /// A run of a job with so many kills.
    pub(super) fn kills(number: u32) -> Self {
        Self::of((1..=number).map(|number| planned(OURS, number, ActionKind::Kill)))
    }

    /// The same, when the gate for kills is open: action 1 is confirmed.
    pub(super) fn kills_after_canary(number: u32) -> Self {
        let mut hand = Self::kills(number);
        assert_eq!(hand.look_and_send(yes), [1]);
        assert_eq!(hand.ask(&[]), [1]);
        hand
    }

    /// A run from what is on record.
    pub(super) fn of(journal: impl IntoIterator<Item = Entry>) -> Self {
        Self::resumed(journal.into_iter().collect(), Duration::from_secs(1000), OURS, true)
    }

    fn resumed(journal: Vec<Entry>, now: Duration, job: JobId, may_send: bool) -> Self {
        let mut actions = BTreeMap::new();
        for entry in &journal {
            let (Some(job), Some(action)) = (entry.job, action_of(&entry.event)) else {
                continue;
            };
            let key = Key { job, action };
            if let Event::ActionPlanned(planned) = &entry.event {
                actions.insert(key, Action::new(planned));
            } else if let Some(action) = actions.get_mut(&key) {
                action.apply(&entry.event, now);
            }
        }
        actions.retain(|key, action| key.job == job || action.state == ActionState::Sent);
        actions.values_mut().for_each(Action::recovered);
        let machine = Machine::new(job, may_send, actions, Delays::transient(1));
        Self {
            machine,
            journal,
            now,
            command_took: COMMAND,
        }
    }

    /// The process dies here; another goes on with the job.
    pub(super) fn resume(self) -> Self {
        Self::resumed(self.journal, self.now, OURS, true)
    }

    /// The process dies here; another goes on with another job.
    pub(super) fn resume_other(self) -> Self {
        Self::resumed(self.journal, self.now, OTHER, true)
    }

    /// The process dies here; another only settles what is in doubt.
    pub(super) fn settle_only(self) -> Self {
        Self::resumed(self.journal, self.now, OURS, false)
    }

    /// An operator wants an ended action tried once more.
    pub(super) fn reopen(mut self, number: u32) -> Self {
        let ActionState::Ended(outcome) = self.state(number) else {
            panic!("{number} is not ended")
        };
        let reopened = ActionReopened {
            action: ActionId(number),
            outcome,
            reason: None,
        };
        self.journal.push(Entry::of(OURS, Event::ActionReopened(reopened)));
        self.resume()
    }

    pub(super) fn next(&self) -> Step {
        self.machine.next(self.now)
    }

    pub(super) fn later(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Commands take so long from now on.
    pub(super) fn commands_take(&mut self, seconds: u64) {
        self.command_took = Duration::from_secs(seconds);
    }

    pub(super) fn stop(&mut self, reason: StopReason) {
        self.machine.stop(reason);
    }

    pub(super) fn stop_blind(&mut self, reason: StopReason) {
        self.machine.stop_blind(reason);
    }

    pub(super) fn stop_reason(&self) -> Option<StopReason> {
        self.machine.stop_reason()
    }

    pub(super) fn lull(&self) -> Lull {
        self.machine.lull(self.now)
    }

    pub(super) fn state(&self, number: u32) -> ActionState {
        self.state_in(OURS, number)
    }

    pub(super) fn state_in(&self, job: JobId, number: u32) -> ActionState {
        self.machine
            .action(Key {
                job,
                action: ActionId(number),
            })
            .state
    }

    /// For how many seconds there is nothing to do.
    pub(super) fn waits(&self) -> u64 {
        match self.next() {
            Step::Wait(until) => (until.checked_sub(self.now).unwrap()).as_secs(),
            other => panic!("{other:?} instead of waiting"),
        }
    }

    fn record(&mut self, entries: Vec<Entry>) {
        self.machine.apply(&entries, self.now);
        self.journal.extend(entries);
    }

    /// Looks again at what is to be sent next, and returns what that is.
    pub(super) fn look(&mut self, see: impl Fn(u32) -> Sighting) -> Vec<u32> {
        let Step::Recheck(keys) = self.next() else {
            panic!("{:?} instead of looking", self.next())
        };
        let sightings: Vec<_> = keys.iter().map(|key| (*key, see(key.action.0))).collect();
        let entries = self.machine.rechecked(&sightings, self.now);
        self.record(entries);
        numbers(&keys)
    }

    /// Records the intents and sends; the process may die before there is an answer.
    pub(super) fn send_only(&mut self) -> Vec<offboard24::run::machine::Command> {
        assert_eq!(self.next(), Step::Send);
        let (intents, commands) = self.machine.intents(self.now);
        let entries = intents
            .into_iter()
            .map(|event| Entry::of(commands[0].key.job, event))
            .collect();
        self.record(entries);
        self.machine.sending(&commands);
        commands
    }

    /// Sends what was looked at, and returns what that was.
    pub(super) fn send(&mut self, answer: impl Fn(u32) -> Answer) -> Vec<u32> {
        let commands = self.send_only();
        let answers: Vec<Answer> = commands.iter().map(|command| answer(command.key.action.0)).collect();
        let entries = self.machine.answered(&commands, &answers, self.command_took, self.now);
        self.record(entries);
        commands.iter().map(|command| command.key.action.0).collect()
    }

    /// Looks, finds all as planned, and sends.
    pub(super) fn look_and_send(&mut self, answer: impl Fn(u32) -> Answer) -> Vec<u32> {
        let looked = self.look(as_planned);
        let sent = self.send(answer);
        assert_eq!(looked, sent);
        sent
    }

    /// Asks, and returns about what. Of those, `listed` are still listed.
    pub(super) fn ask(&mut self, listed: &[u32]) -> Vec<u32> {
        let Step::Ask(keys) = self.next() else {
            panic!("{:?} instead of asking", self.next())
        };
        let listed = listed.iter().copied().map(workflow).collect();
        let entries = self.machine.listed(&keys, &listed, self.now);
        self.record(entries);
        numbers(&keys)
    }
}

fn numbers(keys: &[Key]) -> Vec<u32> {
    keys.iter().map(|key| key.action.0).collect()
}
