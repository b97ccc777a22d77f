//! The state machine of a run: what to do next, and what to record of what was observed.
//!
//! Pure: no I/O, no clock, no randomness of its own. The loop in `run` performs a [`Step`], hands back what it observed, records the
//! entries that come out, and only then gives them to [`Machine::apply`]. Nothing here changes an action's state but through an
//! event that is on disk.
//!
//! The order of a batch is fixed: re-check, intents, send, answers, read-back, outcomes. Rules are design section 5's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::action::{ATTEMPTS_MAX, Action, Pending, QUIET};
use super::answers::describe;
use super::batch::BatchSize;
use super::breaker::{Breaker, Canaries, Canary};
use super::recheck::{Sighting, Verdict, judge};
use crate::domain::{ActionId, ActionKind, ActionState, JobId, Outcome, StopReason, UserId, WorkflowId};
use crate::journal::{
    ActionEnded, ActionRecord, ActionReturned, AttemptAnswered, AttemptIntended, Entry, Event, Returned,
};
#[cfg(feature = "rigs")]
use crate::mistake::{Mistake, is_planted};
use crate::portal::{Answer, BATCH_COMMANDS_MAX, Budget, Delays, Method, NotExecuted};

/// How old a re-check may be when a batch is handed to the client: design section 5 allows 60 s until the first byte leaves, and the
/// client may take 10 s of it to connect.
const READY_AGE_MAX: Duration = Duration::from_secs(45);

/// Batches in a row of which the portal executed nothing, before the run gives up for now: with the delays between them about four minutes.
const IDLE_BATCHES_MAX: u32 = 10;

/// Looks in a row that were too old before anything could be sent. Each took longer than a look may be old: a portal this slow is not
/// fit for it now.
const UNUSED_LOOKS_MAX: u32 = 5;

/// An action of a job. A run works on one job, and settles what others left in doubt.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Key {
    /// The job.
    pub job: JobId,
    /// The action.
    pub action: ActionId,
}

/// Why a run waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lull {
    /// The portal has blocked a method for a while, or is about to.
    Blocked(Method),
    /// It executed nothing of the last batch.
    Refused,
    /// An attempt without an answer may still take effect.
    Unsettled,
}

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Ask which of these workflows are still listed.
    Ask(Vec<Key>),
    /// Look again at what is to be sent next.
    Recheck(Vec<Key>),
    /// Record the intents of what was re-checked, then send it.
    Send,
    /// Nothing to do before this moment.
    Wait(Duration),
    /// The run is over.
    Finish,
}

/// What is only known while the run lasts.
#[derive(Clone, Debug, Default)]
struct Watch {
    /// Not to be asked about before this moment.
    ask_at: Duration,
    /// Whether it has been asked about since it was sent.
    asked: bool,
    /// It changed, while an unanswered attempt may still take effect: what changed, and who waits now.
    drift: Option<(&'static str, Vec<UserId>)>,
}

/// An action that passed the re-check.
#[derive(Clone, Debug)]
struct Ready {
    key: Key,
    waiting: Vec<UserId>,
}

/// A command that is about to be sent, with the place that its answer belongs to.
#[derive(Clone, Debug)]
pub struct Command {
    /// The action.
    pub key: Key,
    /// What to do.
    pub kind: ActionKind,
    /// To which workflow.
    pub workflow: WorkflowId,
    /// The key in the batch.
    pub batch_key: String,
}

/// What may be asked in the same request as a batch, which weakens no rule: what was asked about is asked about again by itself where the
/// answer leaves a doubt, and what is looked at for the next batch counts only when this one went well.
#[derive(Clone, Debug, Default)]
pub struct Along {
    /// The batch before, if all of it was answered with `true`: it is read back.
    pub asked: Vec<Key>,
    /// The next batch: it is re-checked.
    pub next: Vec<Key>,
}

/// The state machine of one run.
#[derive(Debug)]
pub struct Machine {
    job: JobId,
    may_send: bool,
    /// What is under way or next; what has its outcome is forgotten.
    actions: BTreeMap<Key, Action>,
    /// The kinds of which there may be more behind the last action that was brought.
    more: BTreeMap<ActionKind, ActionId>,
    watches: BTreeMap<Key, Watch>,
    ready: Vec<Ready>,
    ready_since: Duration,
    /// The last action of each kind that travelled alone, until it has its outcome. It may be planned again in between: what becomes of it
    /// then still tells whether answers arrive.
    travelling: BTreeMap<ActionKind, Key>,
    canaries: Canaries,
    breaker: Breaker,
    size: BatchSize,
    delays: Delays,
    idle_batches: u32,
    unused_looks: u32,
    /// Nothing is sent before this moment.
    paused_until: Duration,
    /// Methods that the portal refuses for a while.
    blocked_until: BTreeMap<Method, Duration>,
    /// What is left of the operating time of methods, as it was known at this moment.
    budgets: Vec<Budget>,
    budgeted_at: Duration,
    stop: Option<StopReason>,
    /// Somebody wants to leave, and does not wait for what only time settles.
    leaving: bool,
    blind: bool,
}

impl Machine {
    /// For a run of a job. `actions` are those of the job, and those of other jobs that are in doubt, replayed at `now`.
    pub fn new(job: JobId, may_send: bool, actions: BTreeMap<Key, Action>, delays: Delays) -> Self {
        Self {
            job,
            may_send,
            actions,
            more: BTreeMap::new(),
            watches: BTreeMap::new(),
            ready: Vec::new(),
            ready_since: Duration::ZERO,
            travelling: BTreeMap::new(),
            canaries: Canaries::default(),
            breaker: Breaker::default(),
            size: BatchSize::default(),
            delays,
            idle_batches: 0,
            unused_looks: 0,
            paused_until: Duration::ZERO,
            blocked_until: BTreeMap::new(),
            budgets: Vec::new(),
            budgeted_at: Duration::ZERO,
            stop: None,
            leaving: false,
            blind: false,
        }
    }

    /// Says that the job may have actions beside those that it was made with: see [`Self::wants`].
    pub fn expect_more(&mut self) {
        if self.may_send {
            self.more = ActionKind::ALL.iter().map(|kind| (*kind, ActionId(0))).collect();
        }
    }

    /// The kind of which too few actions are here to fill two batches, and the last one that was brought.
    pub fn wants(&self) -> Option<(ActionKind, ActionId)> {
        let mut here: BTreeMap<ActionKind, usize> = BTreeMap::new();
        for (_, kind) in self.free() {
            *here.entry(kind).or_default() += 1;
        }
        let scarce = |kind: &ActionKind| here.get(kind).copied().unwrap_or_default() < 2 * BATCH_COMMANDS_MAX;
        self.more
            .iter()
            .find(|(kind, _)| scarce(kind))
            .map(|(kind, after)| (*kind, *after))
    }

    /// Takes the next actions of a kind in their order; none when there are no more.
    pub fn bring(&mut self, kind: ActionKind, actions: &[ActionRecord]) {
        match actions.last() {
            Some(last) => self.more.insert(kind, last.action),
            None => self.more.remove(&kind),
        };
        for action in actions {
            let key = Key {
                job: self.job,
                action: action.action,
            };
            self.actions.entry(key).or_insert_with(|| Action::untouched(action));
        }
    }

    /// Lets go of actions that have their outcome.
    pub fn forget_ended(&mut self) {
        self.actions
            .retain(|_, action| !matches!(action.state, ActionState::Ended(_) | ActionState::Held));
    }

    /// The action behind a key.
    pub fn action(&self, key: Key) -> &Action {
        &self.actions[&key]
    }

    /// Why the run stops before the job is complete.
    ///
    /// A breaker that opened on the last batch stopped nothing.
    pub fn stop_reason(&self) -> Option<StopReason> {
        let open = |action: &Action| matches!(action.state, ActionState::Planned | ActionState::Sent);
        let work_left = self
            .actions
            .iter()
            .any(|(key, action)| key.job == self.job && open(action))
            || !self.more.is_empty();
        self.stop.filter(|reason| *reason != StopReason::Breaker || work_left)
    }

    /// Asks the run to stop: what was sent is still asked about, once. The first reason stays, but the breaker, which has all the time that
    /// settling takes, does not keep anybody else.
    pub fn stop(&mut self, reason: StopReason) {
        self.stop.get_or_insert(reason);
        self.leaving |= reason != StopReason::Breaker;
    }

    /// The portal cannot be asked: the run stops where it is.
    pub fn stop_blind(&mut self, reason: StopReason) {
        self.stop(reason);
        self.blind = true;
    }

    /// What to do now. The same answer until something is observed or time passes.
    pub fn next(&self, now: Duration) -> Step {
        if self.blind {
            return Step::Finish;
        }
        let open = self.open_questions();
        let due: Vec<Key> = open
            .iter()
            .filter(|(_, ask_at)| **ask_at <= now)
            .map(|(key, _)| *key)
            .collect();
        if self.leaving {
            let unasked: Vec<Key> = due.into_iter().filter(|key| !self.was_asked(*key)).collect();
            return if unasked.is_empty() {
                Step::Finish
            } else {
                Step::Ask(unasked)
            };
        }
        if !due.is_empty() {
            // The questions travel along with the batch that is ready.
            return if self.can_send(now) && self.can_be_asked_along(&due) {
                Step::Send
            } else {
                Step::Ask(due)
            };
        }
        let next_question = open.values().min().copied();
        if self.stop.is_some() || !self.may_send {
            return next_question.map_or(Step::Finish, Step::Wait);
        }
        self.next_batch(now, next_question)
    }

    /// Why there is nothing to do for now: a method that the portal has blocked, if that is it.
    pub fn lull(&self, now: Duration) -> Lull {
        let sendable = self.sendable();
        let methods = sendable
            .iter()
            .map(|(_, kind)| Method::from(*kind))
            .chain([Method::Batch]);
        let blocked = methods.filter_map(|method| Some((self.closed_until(method)?, method)));
        let last = blocked
            .filter(|(until, _)| *until > now)
            .max_by_key(|(until, _)| *until);
        match last {
            _ if sendable.is_empty() || self.stop.is_some() || !self.may_send => Lull::Unsettled,
            Some((_, method)) => Lull::Blocked(method),
            None => Lull::Refused,
        }
    }

    /// Whether what was looked at may go.
    fn can_send(&self, now: Duration) -> bool {
        let fresh = now.saturating_sub(self.ready_since) <= READY_AGE_MAX;
        let kind = self.ready.first().and_then(|ready| self.actions[&ready.key].kind);
        let is_free = kind.is_some_and(|kind| self.free_at(kind) <= now);
        is_free && fresh && self.stop.is_none() && self.may_send
    }

    /// Whether questions can go along with the batch that is ready: only about a batch that went well, and not about a canary, since
    /// what comes of those decides about the next batch. With two more to be looked at, whose rows prove the answer.
    fn can_be_asked_along(&self, due: &[Key]) -> bool {
        let is_ready = |key: &Key| self.ready.iter().any(|ready| ready.key == *key);
        due.iter().all(|key| self.went_well(*key))
            && self.sendable().iter().filter(|(key, _)| !is_ready(key)).count() > 1
    }

    /// Whether an action was sent, answered with `true`, and not asked about since.
    fn went_well(&self, key: Key) -> bool {
        let action = &self.actions[&key];
        action.state == ActionState::Sent
            && action.pending == Pending::Yes
            && !self.was_asked(key)
            && !self.travelling.values().any(|canary| *canary == key)
    }

    /// What to ask along with a batch that is on record and about to leave. `fits`: whether so much has room in the request.
    pub fn along(&self, now: Duration, fits: impl Fn(&Along) -> bool) -> Along {
        let planned = self.sendable();
        let kind = planned
            .iter()
            .find(|(_, kind)| self.free_at(*kind) <= now)
            .map(|(_, kind)| *kind);
        let size = self.size.after_next();
        let mut along = Along {
            asked: self
                .open_questions()
                .into_iter()
                .filter(|(key, ask_at)| *ask_at <= now && self.went_well(*key))
                .map(|(key, _)| key)
                .collect(),
            next: kind.map(|kind| self.batch_of(&planned, kind, size)).unwrap_or_default(),
        };
        while !along.next.is_empty() && !fits(&along) {
            along.next.pop();
        }
        if along.next.len() < 2 {
            along.asked.clear();
        }
        along
    }

    /// Until when a method is not called: the portal refuses it, or would refuse one more call.
    fn closed_until(&self, method: Method) -> Option<Duration> {
        let resting = match self.budget(method) {
            Some(Budget { calls: 0, lasts, .. }) => Some(self.budgeted_at + *lasts),
            _ => None,
        };
        self.blocked_until.get(&method).copied().max(resting)
    }

    /// From when on a kind may be sent.
    fn free_at(&self, kind: ActionKind) -> Duration {
        [Method::from(kind), Method::Batch]
            .into_iter()
            .filter_map(|method| self.closed_until(method))
            .chain([self.paused_until])
            .max()
            .unwrap_or_default()
    }

    /// Takes what is left of the operating time of methods, by the portal's last word.
    pub fn budgeted(&mut self, budgets: Vec<Budget>, now: Duration) {
        self.budgets = budgets;
        self.budgeted_at = now;
    }

    fn budget(&self, method: Method) -> Option<&Budget> {
        self.budgets.iter().find(|budget| budget.method == method)
    }

    /// How many commands of a kind fit into its operating time.
    fn affordable(&self, kind: ActionKind, now: Duration) -> usize {
        let calls = |budget: &Budget| {
            if now < self.budgeted_at + budget.lasts {
                budget.calls
            } else {
                budget.calls_max
            }
        };
        self.budget(Method::from(kind)).map_or(usize::MAX, calls)
    }

    fn next_batch(&self, now: Duration, next_question: Option<Duration>) -> Step {
        if self.can_send(now) {
            return Step::Send;
        }
        let planned = self.sendable();
        if let Some((_, kind)) = planned.iter().find(|(_, kind)| self.free_at(*kind) <= now) {
            let size = self.size.get().min(self.affordable(*kind, now));
            return Step::Recheck(self.batch_of(&planned, *kind, size));
        }
        let next_batch = planned.iter().map(|(_, kind)| self.free_at(*kind)).min();
        let next = next_question.into_iter().chain(next_batch).min();
        next.map_or(Step::Finish, Step::Wait)
    }

    fn batch_of(&self, planned: &[(Key, ActionKind)], kind: ActionKind, size: usize) -> Vec<Key> {
        let size = if self.canaries.is_open(kind) { size } else { 1 };
        planned
            .iter()
            .filter(|(_, other)| *other == kind)
            .map(|(key, _)| *key)
            .take(size)
            .collect()
    }

    /// Planned actions of the job that nothing stands in the way of, in order. A canary that is not settled keeps its kind at home.
    fn sendable(&self) -> Vec<(Key, ActionKind)> {
        self.free()
            .filter(|(_, kind)| !self.has_unsettled_canary(*kind))
            .collect()
    }

    /// Planned actions of the job, in order. A workflow that another job has in doubt waits.
    fn free(&self) -> impl Iterator<Item = (Key, ActionKind)> {
        let unsettled: BTreeSet<&WorkflowId> = self
            .actions
            .values()
            .filter(|action| action.state == ActionState::Sent)
            .map(|action| &action.workflow)
            .collect();
        self.actions
            .iter()
            .filter(|(key, action)| key.job == self.job && action.state == ActionState::Planned)
            .filter(move |(key, action)| !self.is_drifting(**key) && !unsettled.contains(&action.workflow))
            .filter_map(|(key, action)| Some((*key, action.kind?)))
    }

    fn has_unsettled_canary(&self, kind: ActionKind) -> bool {
        let canary = self.travelling.get(&kind);
        canary.is_some_and(|key| self.actions[key].state == ActionState::Sent)
    }

    /// Actions that only asking can settle, and from when on to ask.
    fn open_questions(&self) -> BTreeMap<Key, Duration> {
        self.actions
            .iter()
            .filter(|(key, action)| action.state == ActionState::Sent || self.is_drifting(**key))
            .map(|(key, _)| (*key, self.watches.get(key).map_or(Duration::ZERO, |watch| watch.ask_at)))
            .collect()
    }

    fn is_drifting(&self, key: Key) -> bool {
        self.watches.get(&key).is_some_and(|watch| watch.drift.is_some())
    }

    fn was_asked(&self, key: Key) -> bool {
        self.watches.get(&key).is_some_and(|watch| watch.asked)
    }

    /// Takes what asking brought: of those asked about, which workflows are listed. `asked_at` is when the question was sent.
    pub fn listed(&mut self, asked: &[Key], listed: &BTreeSet<WorkflowId>, asked_at: Duration) -> Vec<Entry> {
        asked
            .iter()
            .filter_map(|key| {
                let is_listed = listed.contains(&self.actions[key].workflow);
                self.watches.entry(*key).or_default().asked = true;
                if is_listed {
                    self.still_listed(*key, asked_at)
                } else {
                    Some(self.ended(*key, self.actions[key].gone(), false))
                }
            })
            .collect()
    }

    fn still_listed(&mut self, key: Key, asked_at: Duration) -> Option<Entry> {
        let action = &self.actions[&key];
        let survives_from = action.sent_at + QUIET;
        let (from, outcome) = match (action.state, action.pending) {
            (ActionState::Sent, Pending::Refused) => (action.quiet_from(), Outcome::Failed),
            (ActionState::Sent, Pending::InDoubt) if action.counted < ATTEMPTS_MAX => {
                let returned = ActionReturned {
                    action: key.action,
                    attempt: action.attempt,
                    why: Returned::StillListed,
                };
                return Some(Entry::of(key.job, Event::ActionReturned(returned)));
            }
            (ActionState::Sent, Pending::InDoubt | Pending::Yes) => {
                (survives_from.max(action.quiet_from()), Outcome::Survived)
            }
            _ => (action.quiet_from(), Outcome::Drifted),
        };
        #[cfg(feature = "rigs")]
        let from = if is_planted(Mistake::NoQuietTime) {
            asked_at
        } else {
            from
        };
        if asked_at < from {
            self.watches.entry(key).or_default().ask_at = from;
            return None;
        }
        Some(self.ended(key, outcome, true))
    }

    fn ended(&self, key: Key, outcome: Outcome, listed: bool) -> Entry {
        let action = &self.actions[&key];
        let drift = self.watches.get(&key).and_then(|watch| watch.drift.as_ref());
        let (detail, waiting) = match (outcome, drift) {
            (Outcome::Drifted, Some((detail, waiting))) => (Some((*detail).to_owned()), waiting.clone()),
            _ => (None, Vec::new()),
        };
        let attempt = (action.attempt > 0).then_some(action.attempt);
        let ended = ActionEnded {
            action: key.action,
            outcome,
            attempt,
            listed,
            detail,
            waiting,
        };
        Entry::of(key.job, Event::ActionEnded(ended))
    }

    /// Takes what the re-check brought. `began` is when its first question was sent.
    pub fn rechecked(&mut self, sightings: &[(Key, Sighting)], began: Duration) -> Vec<Entry> {
        self.unused_looks = if self.ready.is_empty() {
            0
        } else {
            self.unused_looks + 1
        };
        if self.unused_looks >= UNUSED_LOOKS_MAX {
            self.stop(StopReason::Limit);
        }
        self.ready.clear();
        self.ready_since = began;
        let mut entries = Vec::new();
        for (key, seen) in sightings {
            let action = &self.actions[key];
            let waiting = || seen.waiting.iter().copied().collect::<Vec<_>>();
            match judge(action, seen) {
                Verdict::GoAhead => self.ready.push(Ready {
                    key: *key,
                    waiting: waiting(),
                }),
                Verdict::Gone => entries.push(self.ended(*key, action.gone(), false)),
                Verdict::Changed(detail) => {
                    let quiet_from = action.quiet_from();
                    let watch = self.watches.entry(*key).or_default();
                    watch.drift = Some((detail, waiting()));
                    watch.ask_at = quiet_from;
                    watch.asked = false;
                    if began >= quiet_from {
                        entries.push(self.ended(*key, Outcome::Drifted, true));
                    }
                }
            }
        }
        entries
    }

    /// The intents of what is ready, to be on disk before the first byte, and the commands to send after that.
    pub fn intents(&self, now: Duration) -> (Vec<Event>, Vec<Command>) {
        let age = u64::try_from(now.saturating_sub(self.ready_since).as_millis()).unwrap_or(u64::MAX);
        let kind = self.ready.first().and_then(|ready| self.actions[&ready.key].kind);
        let affordable = kind.map_or(0, |kind| self.affordable(kind, now));
        let commands = self.ready.iter().take(affordable).filter_map(|ready| {
            let action = &self.actions[&ready.key];
            let kind = action.kind?;
            let batch_key = format!("a{}", ready.key.action);
            let intended = AttemptIntended {
                action: ready.key.action,
                attempt: action.attempt + 1,
                kind,
                workflow: action.workflow.clone(),
                key: batch_key.clone(),
                waiting: ready.waiting.clone(),
                rechecked_ms_ago: age,
            };
            let command = Command {
                key: ready.key,
                kind,
                workflow: action.workflow.clone(),
                batch_key,
            };
            Some((Event::AttemptIntended(intended), command))
        });
        commands.unzip()
    }

    /// The intents are on disk and the commands are on their way.
    pub fn sending(&mut self, commands: &[Command]) {
        self.ready.clear();
        for command in commands {
            self.watches.insert(command.key, Watch::default());
        }
        if let [only] = commands
            && !self.canaries.is_open(only.kind)
        {
            self.travelling.insert(only.kind, only.key);
        }
    }

    /// Takes the answers to a batch, in command order.
    pub fn answered(
        &mut self,
        commands: &[Command],
        answers: &[Answer],
        command_took: Duration,
        now: Duration,
    ) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (command, answer) in commands.iter().zip(answers) {
            let (kind, code, text) = describe(answer);
            let (action, attempt) = (command.key.action, self.actions[&command.key].attempt);
            let answered = AttemptAnswered {
                action,
                attempt,
                answer: kind,
                code,
                text,
            };
            entries.push(Entry::of(command.key.job, Event::AttemptAnswered(answered)));
            #[cfg(feature = "rigs")]
            entries.extend(self.mistaken(command.key, answer));
            if let Answer::NotExecuted { why } = answer {
                let returned = ActionReturned {
                    action,
                    attempt,
                    why: Returned::NotExecuted,
                };
                entries.push(Entry::of(command.key.job, Event::ActionReturned(returned)));
                self.hold_back(why, now);
            }
        }
        self.judge_batch(commands, answers, command_took, now);
        entries
    }

    /// Mistakes that are planted on purpose: for a rig, which has to find them.
    #[cfg(feature = "rigs")]
    fn mistaken(&self, key: Key, answer: &Answer) -> Option<Entry> {
        match answer {
            Answer::Doubt { .. } if is_planted(Mistake::SentWhileUnsettled) => {
                let returned = ActionReturned {
                    action: key.action,
                    attempt: self.actions[&key].attempt,
                    why: Returned::StillListed,
                };
                Some(Entry::of(key.job, Event::ActionReturned(returned)))
            }
            Answer::Yes if is_planted(Mistake::OutcomeBeforeReadBack) => {
                Some(self.ended(key, Outcome::Confirmed, false))
            }
            _ => None,
        }
    }

    /// What a command that was not executed means for the next ones.
    fn hold_back(&mut self, why: &NotExecuted, now: Duration) {
        match why {
            NotExecuted::OperationLimit { blocked, wait } => {
                let until = self.blocked_until.entry(*blocked).or_default();
                *until = (*until).max(now + *wait);
            }
            NotExecuted::Overload | NotExecuted::Auth { .. } | NotExecuted::Permission { .. } => {
                self.stop(StopReason::Auth);
            }
            NotExecuted::NotConnected | NotExecuted::QueryLimit | NotExecuted::Batch { .. } => {}
        }
    }

    fn judge_batch(&mut self, commands: &[Command], answers: &[Answer], command_took: Duration, now: Duration) {
        let definite: Vec<bool> = answers
            .iter()
            .filter_map(|answer| match answer {
                Answer::Yes => Some(false),
                Answer::Refused { .. } => Some(true),
                Answer::NotExecuted { .. } | Answer::Doubt { .. } => None,
            })
            .collect();
        let is_canary = matches!(commands, [only] if self.travelling.get(&only.kind) == Some(&only.key));
        if answers.iter().any(|answer| matches!(answer, Answer::Doubt { .. })) {
            self.size.in_doubt();
        } else if is_canary && !definite.is_empty() {
            self.size.measured(command_took);
        } else if !definite.is_empty() {
            self.size.answered(command_took);
        }
        let executed = answers
            .iter()
            .any(|answer| !matches!(answer, Answer::NotExecuted { .. }));
        if executed {
            self.idle_batches = 0;
            self.delays.reset();
        } else {
            self.idle_batches += 1;
            let only_blocked = answers.iter().all(|answer| {
                matches!(
                    answer,
                    Answer::NotExecuted {
                        why: NotExecuted::OperationLimit { .. }
                    }
                )
            });
            if !only_blocked {
                self.paused_until = now + self.delays.next();
            }
            if self.idle_batches >= IDLE_BATCHES_MAX {
                self.stop(StopReason::Limit);
            }
        }
        if !is_canary && self.breaker.is_opened_by(&definite) {
            self.stop(StopReason::Breaker);
        }
    }

    /// Takes entries that are on disk.
    pub fn apply(&mut self, entries: &[Entry], now: Duration) {
        for entry in entries {
            let (Some(job), Some(action)) = (entry.job, action_of(&entry.event)) else {
                continue;
            };
            let key = Key { job, action };
            let Some(action) = self.actions.get_mut(&key) else {
                continue;
            };
            action.apply(&entry.event, now);
            match &entry.event {
                Event::ActionEnded(ended) => self.after_end(key, ended.outcome),
                Event::ActionReturned(_) => {
                    self.watches.remove(&key);
                }
                _ => {}
            }
        }
    }

    fn after_end(&mut self, key: Key, outcome: Outcome) {
        self.watches.remove(&key);
        if key.job == self.job && outcome == Outcome::Failed {
            self.size.failed();
            // A late outcome can find a larger batch already looked at.
            self.ready.truncate(self.size.get());
        }
        let kind = self
            .travelling
            .iter()
            .find(|(_, canary)| **canary == key)
            .map(|(kind, _)| *kind);
        if let Some(kind) = kind {
            self.travelling.remove(&kind);
            if self.canaries.ended(kind, outcome) == Canary::Stops {
                self.stop(StopReason::Breaker);
            }
        }
    }
}

/// The action that an event is about.
pub fn action_of(event: &Event) -> Option<ActionId> {
    match event {
        Event::ActionPlanned(event) => Some(event.action),
        Event::AttemptIntended(event) => Some(event.action),
        Event::AttemptAnswered(event) => Some(event.action),
        Event::ActionReturned(event) => Some(event.action),
        Event::ActionEnded(event) => Some(event.action),
        Event::ActionReopened(event) => Some(event.action),
        _ => None,
    }
}
