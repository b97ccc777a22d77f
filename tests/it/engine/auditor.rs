//! Watches a simulation and knows better than the engine: it sees the journal, the portal's inside and every request, and checks the
//! promises of design section 5 against them. It folds the journal in its own way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offboard24::domain::{ActionKind, ActionState, JobId, Outcome, UserId};
use offboard24::journal::{ActionEnded, ActionPlanned, AnswerKind, Entry, Event, Returned};
use offboard24::portal::Method;
use offboard24::run::machine::Key;

use super::world::{Effect, Looked, Sending, Shown, World};

/// Attempts that count.
const ATTEMPTS_MAX: usize = 3;

/// The quiet time before a word that says "not destroyed".
const QUIET: Duration = Duration::from_secs(90);

/// The age of a re-check when the first byte leaves.
const RECHECK_AGE_MAX: Duration = Duration::from_mins(1);

/// What connecting may take of it.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Commands in a batch.
const BATCH_MAX: usize = 47;

/// Commands in the batch after a `failed`.
const BATCH_AFTER_FAILED_MAX: usize = 5;

/// What was promised and not kept.
pub(super) type Broken = String;

/// Says what was promised and not kept.
macro_rules! hold {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+));
        }
    };
}

#[derive(Debug)]
struct Attempt {
    at: Duration,
    answer: Option<AnswerKind>,
    returned: Option<Returned>,
}

impl Attempt {
    /// Its effect may come, or have come, without anybody knowing.
    fn is_unanswered(&self) -> bool {
        matches!(self.answer, None | Some(AnswerKind::InDoubt))
    }
}

/// A word that said "not destroyed".
#[derive(Debug)]
struct Denial {
    shown_at: Duration,
    attempts: usize,
}

impl Denial {
    fn denies(&self, effect: &Effect) -> bool {
        effect.at >= self.shown_at && effect.attempt as usize <= self.attempts
    }
}

/// One action, as the journal has it.
#[derive(Debug)]
struct Case {
    plan: ActionPlanned,
    state: ActionState,
    attempts: Vec<Attempt>,
    /// Attempts before the last `reopened`.
    earlier: usize,
    denials: Vec<Denial>,
}

impl Case {
    fn answered(&self, with: AnswerKind) -> bool {
        self.attempts.iter().any(|attempt| attempt.answer == Some(with))
    }

    fn counted(&self) -> usize {
        let counts = |attempt: &&Attempt| attempt.answer != Some(AnswerKind::NotExecuted);
        self.attempts[self.earlier..].iter().filter(counts).count()
    }
}

/// The first action of its kind in a run.
#[derive(Debug, Default)]
struct Gate {
    open: bool,
    canary: Option<Key>,
    presumed: usize,
}

/// What one run did so far.
#[derive(Debug, Default)]
struct Run {
    job: Option<JobId>,
    may_send: bool,
    gates: BTreeMap<ActionKind, Gate>,
    /// The last batch, when it is not a canary.
    batch: Vec<Key>,
    errors_in_a_row: usize,
    stopped: Option<&'static str>,
    failed_since_batch: bool,
}

#[derive(Default)]
pub(super) struct Auditor {
    cases: BTreeMap<Key, Case>,
    effects_seen: usize,
    run: Run,
}

impl Auditor {
    /// The state of an action.
    pub(super) fn state(&self, key: Key) -> ActionState {
        self.cases[&key].state
    }

    /// The actions of a job.
    pub(super) fn keys(&self, job: JobId) -> Vec<Key> {
        self.cases.keys().filter(|key| key.job == job).copied().collect()
    }

    /// Whether nothing of a job is left to do.
    pub(super) fn is_complete(&self, job: JobId) -> bool {
        let states = self.keys(job).into_iter().map(|key| self.state(key));
        let mut open = states.filter(|state| matches!(state, ActionState::Planned | ActionState::Sent));
        open.next().is_none()
    }

    pub(super) fn run_begins(&mut self, job: JobId, may_send: bool) {
        self.run = Run {
            job: Some(job),
            may_send,
            ..Run::default()
        };
    }

    /// The run was told to stop, or had reason to.
    pub(super) fn run_stops(&mut self, why: &'static str) {
        self.run.stopped.get_or_insert(why);
    }

    /// An event is on disk.
    pub(super) fn recorded(&mut self, entry: &Entry, world: &World) -> Result<(), Broken> {
        let job = entry.job.unwrap();
        let key = |action| Key { job, action };
        match &entry.event {
            Event::ActionPlanned(plan) => {
                let state = if plan.holds.is_empty() {
                    ActionState::Planned
                } else {
                    ActionState::Held
                };
                let case = Case {
                    plan: plan.clone(),
                    state,
                    attempts: Vec::new(),
                    earlier: 0,
                    denials: Vec::new(),
                };
                hold!(self.cases.insert(key(plan.action), case).is_none(), "planned twice");
            }
            Event::AttemptIntended(event) => {
                let case = self.case(key(event.action))?;
                hold!(
                    case.state == ActionState::Planned,
                    "intent for an action that is {}",
                    case.state
                );
                hold!(
                    event.attempt as usize == case.attempts.len() + 1,
                    "attempt {} is not the next",
                    event.attempt
                );
                hold!(
                    Some(event.kind) == case.plan.kind && event.workflow == case.plan.workflow,
                    "not as planned"
                );
                hold!(case.counted() < ATTEMPTS_MAX, "more than {ATTEMPTS_MAX} attempts");
                case.attempts.push(Attempt {
                    at: world.now,
                    answer: None,
                    returned: None,
                });
                case.state = ActionState::Sent;
            }
            Event::AttemptAnswered(event) => {
                let case = self.case(key(event.action))?;
                hold!(
                    case.state == ActionState::Sent,
                    "an answer for an action that is {}",
                    case.state
                );
                hold!(
                    event.attempt as usize == case.attempts.len(),
                    "an answer to an earlier attempt"
                );
                let attempt = case.attempts.last_mut().unwrap();
                hold!(attempt.answer.is_none(), "a second answer");
                attempt.answer = Some(event.answer);
            }
            Event::ActionReturned(event) => {
                let case = self.case(key(event.action))?;
                hold!(case.state == ActionState::Sent, "returned while {}", case.state);
                hold!(
                    event.attempt as usize == case.attempts.len(),
                    "returned for an earlier attempt"
                );
                let shown = world.shown.get(&case.plan.workflow).copied();
                let attempt = case.attempts.last_mut().unwrap();
                match event.why {
                    Returned::NotExecuted => {
                        hold!(
                            attempt.answer == Some(AnswerKind::NotExecuted),
                            "returned as not executed"
                        );
                    }
                    Returned::StillListed => {
                        let asked = shown.is_some_and(|shown| shown.at > attempt.at && shown.listed);
                        hold!(
                            attempt.is_unanswered() && asked,
                            "returned as still listed without asking"
                        );
                    }
                }
                attempt.returned = Some(event.why);
                case.state = ActionState::Planned;
            }
            Event::ActionEnded(event) => self.ended(key(event.action), event, world)?,
            Event::ActionReopened(event) => {
                let case = self.case(key(event.action))?;
                hold!(
                    case.state == ActionState::Ended(event.outcome),
                    "reopened while {}",
                    case.state
                );
                case.state = ActionState::Planned;
                case.earlier = case.attempts.len();
            }
            _ => return Err("an event that is not about an action".to_owned()),
        }
        Ok(())
    }

    fn case(&mut self, key: Key) -> Result<&mut Case, Broken> {
        self.cases
            .get_mut(&key)
            .ok_or_else(|| format!("{key:?} is not in the plan"))
    }

    fn ended(&mut self, key: Key, event: &ActionEnded, world: &World) -> Result<(), Broken> {
        let case = self.case(key)?;
        let outcome = event.outcome;
        hold!(
            matches!(case.state, ActionState::Planned | ActionState::Sent),
            "{outcome} for an action that is {}",
            case.state
        );
        hold!(
            event.attempt.unwrap_or(0) as usize == case.attempts.len(),
            "{outcome} names another attempt"
        );
        let shown = world.shown.get(&case.plan.workflow).copied();
        let shown = shown.ok_or_else(|| format!("{outcome}, and nobody asked"))?;
        check_claim(case, key, outcome, shown, world).map_err(|broken| format!("{key:?} {outcome}: {broken}"))?;
        if shown.listed {
            let denial = Denial {
                shown_at: shown.at,
                attempts: case.attempts.len(),
            };
            let denied = world
                .effects
                .iter()
                .any(|effect| effect.key == key && denial.denies(effect));
            hold!(!denied, "{key:?}: {outcome}, and an effect since it was last listed");
            case.denials.push(denial);
        }
        case.state = ActionState::Ended(outcome);

        if outcome == Outcome::Failed && Some(key.job) == self.run.job {
            self.run.failed_since_batch = true;
        }
        let Some(gate) = self.run.gates.values_mut().find(|gate| gate.canary == Some(key)) else {
            return Ok(());
        };
        gate.canary = None;
        match outcome {
            Outcome::Confirmed => gate.open = true,
            Outcome::Presumed => gate.presumed += 1,
            Outcome::Failed | Outcome::Survived => self.run_stops("the canary failed"),
            Outcome::AlreadyGone | Outcome::Unattributed | Outcome::Drifted => {}
        }
        Ok(())
    }

    /// A request leaves.
    pub(super) fn sent(&mut self, batch: &[Sending], world: &World) -> Result<(), Broken> {
        self.judge_last_batch();
        hold!(self.run.may_send, "sent by a run that only settles");
        hold!(self.run.stopped.is_none(), "sent after {:?}", self.run.stopped);
        hold!(
            !batch.is_empty() && batch.len() <= BATCH_MAX,
            "a batch of {}",
            batch.len()
        );
        let limit = if self.run.failed_since_batch {
            BATCH_AFTER_FAILED_MAX
        } else {
            BATCH_MAX
        };
        hold!(batch.len() <= limit, "a batch of {} right after a failed", batch.len());
        let keys: BTreeSet<Key> = batch.iter().map(|sending| sending.key).collect();
        hold!(keys.len() == batch.len(), "a key twice in a batch");
        for sending in batch {
            self.check_sending(sending, world)
                .map_err(|broken| format!("{:?}: {broken}", sending.key))?;
        }

        let kind = batch[0].kind;
        hold!(batch.iter().all(|sending| sending.kind == kind), "two kinds in a batch");
        for method in [Method::from(kind), Method::Batch] {
            let until = world.blocked.get(&method).copied().unwrap_or_default();
            hold!(until <= world.now, "{method} is blocked until {until:?}");
        }
        let gate = self.run.gates.entry(kind).or_default();
        if gate.open {
            self.run.batch = batch.iter().map(|sending| sending.key).collect();
        } else {
            hold!(batch.len() == 1, "the first {kind} does not travel alone");
            let unsettled = gate
                .canary
                .filter(|canary| self.cases[canary].state == ActionState::Sent);
            hold!(
                unsettled.is_none_or(|canary| canary == batch[0].key),
                "sent before the first {kind} is settled"
            );
            hold!(gate.presumed < 2, "sent after two {kind} that were only presumed");
            gate.canary = Some(batch[0].key);
        }
        self.run.failed_since_batch = false;
        Ok(())
    }

    fn check_sending(&self, sending: &Sending, world: &World) -> Result<(), Broken> {
        let case = self.cases.get(&sending.key).ok_or("sent without a plan")?;
        hold!(Some(sending.key.job) == self.run.job, "sent for another job");
        hold!(
            case.state == ActionState::Sent,
            "sent while the journal has it {}",
            case.state
        );
        hold!(
            case.attempts.len() == sending.attempt as usize,
            "sent without an intent"
        );
        let (last, before) = case.attempts.split_last().ok_or("sent without an intent")?;
        hold!(last.answer.is_none(), "sent for an intent that is answered");
        let settled = |attempt: &Attempt| {
            matches!(
                attempt.answer,
                Some(AnswerKind::Yes | AnswerKind::Refused | AnswerKind::NotExecuted)
            ) || attempt.returned == Some(Returned::StillListed)
        };
        let before_reopened = |index: usize| index < case.earlier;
        hold!(
            before
                .iter()
                .enumerate()
                .all(|(index, attempt)| before_reopened(index) || settled(attempt)),
            "sent while an earlier attempt is unsettled"
        );
        let mut others = self.cases.iter().filter(|(key, _)| **key != sending.key);
        hold!(
            !others.any(|(_, other)| other.state == ActionState::Sent && other.plan.workflow == sending.workflow),
            "sent while another action has this workflow in doubt"
        );
        let looked = world.looked.get(&sending.workflow).ok_or("sent without a look")?;
        let age = (world.now + CONNECT_MAX).saturating_sub(looked.began);
        hold!(
            age <= RECHECK_AGE_MAX,
            "the first byte may leave {age:?} after the look"
        );
        hold!(is_as_planned(&case.plan, looked), "sent although it changed");
        Ok(())
    }

    /// The breaker, by its sentence in the design.
    fn judge_last_batch(&mut self) {
        let batch = std::mem::take(&mut self.run.batch);
        let answers = batch.iter().filter_map(|key| self.cases[key].attempts.last()?.answer);
        let errors: Vec<bool> = answers
            .filter(|answer| matches!(answer, AnswerKind::Yes | AnswerKind::Refused))
            .map(|answer| answer == AnswerKind::Refused)
            .collect();
        for error in &errors {
            self.run.errors_in_a_row = if *error { self.run.errors_in_a_row + 1 } else { 0 };
        }
        let failed = errors.iter().filter(|error| **error).count();
        if self.run.errors_in_a_row >= 5 || 2 * failed > errors.len() {
            self.run_stops("the breaker");
        }
    }

    /// What happened at the portal since the last look.
    pub(super) fn effects(&mut self, world: &World) -> Result<(), Broken> {
        for (index, effect) in world.effects.iter().enumerate().skip(self.effects_seen) {
            let (key, attempt) = (effect.key, effect.attempt as usize);
            let case = self.case(key)?;
            let intended = case
                .attempts
                .get(attempt - 1)
                .is_some_and(|attempt| attempt.at < effect.at);
            hold!(
                intended,
                "{key:?}: an effect of attempt {attempt} without an intent on disk before it"
            );
            let again = world.effects[..index]
                .iter()
                .any(|other| other.workflow == effect.workflow);
            hold!(!again, "{key:?}: a second effect");
            let denied = self.cases[&key].denials.iter().any(|denial| denial.denies(effect));
            hold!(!denied, "{key:?}: an effect after an outcome that denied it");
        }
        self.effects_seen = world.effects.len();
        Ok(())
    }

    /// The last words.
    pub(super) fn closes(&mut self, world: &World) -> Result<(), Broken> {
        self.effects(world)?;
        for (key, case) in &self.cases {
            let is_final = matches!(case.state, ActionState::Held | ActionState::Ended(_));
            hold!(is_final, "{key:?} is {} at the end", case.state);
            hold!(
                case.state != ActionState::Held || case.attempts.is_empty(),
                "{key:?} is held and was sent"
            );
        }
        Ok(())
    }
}

/// The claim that each outcome makes: the table of design section 1.
fn check_claim(case: &Case, key: Key, outcome: Outcome, shown: Shown, world: &World) -> Result<(), Broken> {
    let last = case.attempts.last();
    let last_answer = last.and_then(|attempt| attempt.answer);
    let unanswered_at = case
        .attempts
        .iter()
        .rfind(|attempt| attempt.is_unanswered())
        .map(|attempt| attempt.at);
    let asked_since = last.is_none_or(|attempt| shown.at > attempt.at);
    hold!(asked_since, "nobody asked since the last attempt");
    match outcome {
        Outcome::Confirmed | Outcome::Presumed | Outcome::AlreadyGone | Outcome::Unattributed => {
            hold!(!shown.listed, "it was still listed");
        }
        Outcome::Drifted | Outcome::Failed | Outcome::Survived => {
            hold!(shown.listed, "it was not listed");
            let quiet = unanswered_at.is_none_or(|at| shown.at >= at + QUIET);
            hold!(quiet, "an attempt may still take effect");
        }
    }
    match outcome {
        Outcome::Confirmed => {
            hold!(case.answered(AnswerKind::Yes), "no yes on record");
            let said = |attempt: usize| world.said_true.contains(&(key, u32::try_from(attempt).unwrap()));
            hold!((1..=case.attempts.len()).any(said), "the portal never said true");
            hold!(!world.is_running(&case.plan.workflow), "it runs");
        }
        Outcome::Presumed => hold!(unanswered_at.is_some(), "every attempt was answered"),
        Outcome::AlreadyGone => {
            let nothing_sent = case
                .attempts
                .iter()
                .all(|attempt| attempt.answer == Some(AnswerKind::NotExecuted));
            hold!(nothing_sent, "something was sent before");
        }
        Outcome::Unattributed => {
            hold!(unanswered_at.is_none(), "an attempt is unanswered");
            hold!(case.answered(AnswerKind::Refused), "nothing was refused");
            hold!(!case.answered(AnswerKind::Yes), "the portal said yes");
        }
        Outcome::Drifted => {
            hold!(case.state == ActionState::Planned, "it is in flight");
        }
        Outcome::Failed => hold!(last_answer == Some(AnswerKind::Refused), "no error on record"),
        Outcome::Survived => {
            let unanswered = last.is_some_and(Attempt::is_unanswered) && case.counted() >= ATTEMPTS_MAX;
            hold!(
                last_answer == Some(AnswerKind::Yes) || unanswered,
                "neither a yes nor three attempts"
            );
            hold!(last.is_some_and(|attempt| shown.at >= attempt.at + QUIET), "too early");
        }
    }
    Ok(())
}

/// The sentence of design section 5.
fn is_as_planned(plan: &ActionPlanned, looked: &Looked) -> bool {
    let seen = &looked.sighting;
    let ours: Vec<&UserId> = plan.people.iter().filter(|user| seen.waiting.contains(user)).collect();
    seen.listed
        && !ours.is_empty()
        && seen.waiting.iter().all(|user| plan.participants.contains(user))
        && ours.iter().all(|user| seen.dismissed.contains(user))
}
