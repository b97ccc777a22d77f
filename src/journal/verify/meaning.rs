//! What the events mean together: whether each thing that was done had been planned, confirmed and intended, and whether each outcome
//! has on record what it claims.
//!
//! Pure, and written from the design's sentences, not from `run` or `plan`: it has to be able to contradict them. It goes on after a
//! finding as if the event were right, so that one wrong event gives one finding and not a hundred.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::finding::{Code, Findings, Place};
use super::rules::{Confirmed, Rules};
use crate::domain::{
    ActionId, ActionKind, ActionState, Decision, HoldReason, JobId, Outcome, RowState, RunId, TaskId, UserId,
    WorkflowId,
};
use crate::hex::hex;
use crate::journal::event::{
    ActionEnded, ActionPlanned, ActionReopened, ActionReturned, AnswerKind, AttemptAnswered, AttemptIntended, Envelope,
    Event, JobClosed, JobCreated, Operator, PlanConfirmed, PlanDecided, PlanFrozen, ResidueRecorded, Returned,
    RowResolved, RunStarted, TaskRecorded, WorkflowDecided, WorkflowRecorded,
};
use crate::journal::personal::Recorded;
use crate::journal::receipt::Receipt;
use crate::journal::review::{Review, Word};

/// Attempts that count, after the plan and after each `reopened` (design section 5).
const ATTEMPTS_MAX: usize = 3;

/// Milliseconds for which the effect of an attempt may still be under way (design section 5).
const QUIET_MS: u64 = 90_000;

/// Milliseconds that a look at a workflow may be old when something is sent (design section 5).
const LOOK_AGE_MS_MAX: u64 = 60_000;

/// One sending of an action.
struct Attempt {
    answer: Option<AnswerKind>,
    run: Option<RunId>,
    monotonic_ms: u64,
}

impl Attempt {
    /// Its effect may come, or have come, without anybody knowing.
    fn is_unanswered(&self) -> bool {
        matches!(self.answer, None | Some(AnswerKind::InDoubt))
    }
}

/// An action as the record has it so far.
struct Action {
    workflow: WorkflowId,
    kind: Option<ActionKind>,
    people: Box<[UserId]>,
    participants: Box<[UserId]>,
    state: ActionState,
    attempts: Vec<Attempt>,
    /// Attempts before the last `reopened`.
    earlier: usize,
}

impl Action {
    fn was_answered(&self, with: AnswerKind) -> bool {
        self.attempts.iter().any(|attempt| attempt.answer == Some(with))
    }

    /// Attempts that count towards the three.
    fn counted(&self) -> usize {
        let counts = |attempt: &&Attempt| attempt.answer != Some(AnswerKind::NotExecuted);
        self.attempts[self.earlier..].iter().filter(counts).count()
    }

    /// How many there were, as an event says it.
    fn last_attempt(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }
}

/// A workflow as it was found for a plan.
#[derive(Default)]
struct Found {
    runs: bool,
    /// Why it has to be held, by the policy.
    hold: Option<HoldReason>,
    /// Whether a colleague started it who still works here.
    is_by_colleague: bool,
    /// Who waits in it, by the open tasks on record.
    waiting: Vec<(TaskId, UserId)>,
}

/// A job as the record has it so far.
struct Job {
    portal: String,
    policy_hash: String,
    /// The rules of its policy, where they can be read.
    rules: Option<Rules>,
    /// `--max-actions` of the command that began it.
    actions_max: Option<u32>,
    /// What was found, until the plan is confirmed.
    found: BTreeMap<WorkflowId, Found>,
    /// The departments of people, where a rule asks for them: the last word.
    departments: BTreeMap<UserId, Option<Vec<u32>>>,
    /// Who began it, and went on with it until its plan was frozen.
    planners: Vec<Operator>,
    rows_declared: u32,
    rows: BTreeMap<u32, (Option<RowState>, Option<UserId>)>,
    /// The users of the matched rows, once asked for.
    matched: Option<BTreeSet<UserId>>,
    /// The hash of the plan so far; taken when it is frozen.
    plan: Option<Sha256>,
    frozen: Option<PlanFrozen>,
    is_confirmed: bool,
    /// Whether a person decided about the plan.
    is_decided: bool,
    /// What they decided about each workflow, in order.
    decisions: BTreeMap<WorkflowId, Vec<WorkflowDecided>>,
    /// Who decided about its plans.
    decided: Vec<Word>,
    /// Who approved which plan.
    approved: Vec<(String, Word)>,
    actions: Vec<Action>,
    counts: BTreeMap<ActionState, u32>,
    by_workflow: BTreeMap<WorkflowId, usize>,
}

impl Job {
    fn new(created: &JobCreated, rules: Option<Rules>, planner: Option<Operator>) -> Self {
        Self {
            portal: created.portal.0.clone(),
            policy_hash: created.policy_hash.clone(),
            rules,
            actions_max: created.actions_max,
            found: BTreeMap::new(),
            departments: BTreeMap::new(),
            planners: planner.into_iter().collect(),
            rows_declared: created.roster.rows,
            rows: BTreeMap::new(),
            matched: None,
            plan: Some(Self::no_plan()),
            frozen: None,
            is_confirmed: false,
            is_decided: false,
            decisions: BTreeMap::new(),
            decided: Vec::new(),
            approved: Vec::new(),
            actions: Vec::new(),
            counts: BTreeMap::new(),
            by_workflow: BTreeMap::new(),
        }
    }

    /// The plan's canonical JSON begins with its actions, which are hashed as they are recorded.
    fn no_plan() -> Sha256 {
        Sha256::new().chain_update(b"{\"actions\":[")
    }

    /// What was said about the plan as it stands.
    fn review(&self) -> Review {
        let plan = self.frozen.as_ref().map(|frozen| &frozen.plan_hash);
        let of_plan = self.approved.iter().filter(|(hash, _)| Some(hash) == plan);
        Review::of(&self.decided, of_plan.map(|(_, word)| word))
    }

    fn action(&mut self, action: ActionId) -> Option<&mut Action> {
        let place = usize::try_from(action.0).ok()?.checked_sub(1)?;
        self.actions.get_mut(place)
    }

    fn set_state(&mut self, action: ActionId, state: ActionState) {
        let Some(found) = self.action(action) else { return };
        let before = std::mem::replace(&mut found.state, state);
        *self.counts.entry(before).or_default() -= 1;
        *self.counts.entry(state).or_default() += 1;
    }

    fn to_be_done(&self) -> impl Iterator<Item = &Action> {
        let is_planned = |action: &&Action| action.state == ActionState::Planned;
        self.actions.iter().filter(is_planned)
    }

    fn count(&self, state: ActionState) -> u32 {
        self.counts.get(&state).copied().unwrap_or_default()
    }

    /// Where it stands when no run works on it.
    fn state(&self) -> &'static str {
        let left = self.count(ActionState::Planned) + self.count(ActionState::Sent);
        match (&self.frozen, self.is_confirmed) {
            (Some(_), _) if left == 0 => "complete",
            (_, true) => "stopped",
            (Some(_), false) => "planned",
            (None, false) => "planning",
        }
    }

    /// Whether totals in an event are those on record.
    fn adds_up(&self, told: &[(String, u32)]) -> bool {
        let here: BTreeMap<&str, u32> = self
            .counts
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(state, count)| (state.as_str(), *count))
            .collect();
        let told_map: BTreeMap<&str, u32> = told.iter().map(|(state, count)| (state.as_str(), *count)).collect();
        told_map.len() == told.len() && told_map == here
    }

    /// The hash over ids, actions, states, participants and the policy's hash (design section 2), from what is on record.
    fn plan_hash(&mut self) -> Option<String> {
        let mut hash = self.plan.take()?;
        let quoted = |text: &String| serde_json_canonicalizer::to_string(text).ok();
        hash.update(format!(
            "],\"policy\":{},\"portal\":{},\"rows\":[",
            quoted(&self.policy_hash)?,
            quoted(&self.portal)?
        ));
        for (index, (row, (state, user))) in self.rows.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let state = state.map_or_else(|| "null".to_owned(), |state| format!("\"{state}\""));
            let user = user.map_or_else(|| "null".to_owned(), |user| user.to_string());
            hash.update(format!("{comma}[{row},{state},{user}]"));
        }
        hash.update(b"]}");
        Some(hex(&hash.finalize()))
    }
}

/// A run as the record has it so far.
struct Run {
    job: JobId,
    command: String,
    operator: Operator,
    webhook_owner: UserId,
    began: i64,
    is_over: bool,
    finished: Option<Finished>,
}

/// How things stood when a run finished: what its receipt says.
struct Finished {
    seq: i64,
    at: String,
    state: &'static str,
    plan_hash: Option<String>,
    review: Option<Review>,
    actions: Vec<(String, u32)>,
}

/// An attempt whose outcome is not on record. No damage: a run may still be at work, or `resume` settles it.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct OpenIntent {
    /// The job.
    pub job: JobId,
    /// The action.
    pub action: ActionId,
    /// The attempt.
    pub attempt: u32,
}

/// What the events told so far.
#[derive(Default)]
pub(crate) struct Story {
    jobs: BTreeMap<JobId, Job>,
    runs: BTreeMap<RunId, Run>,
    /// Workflows with an open attempt, by portal.
    in_flight: BTreeSet<(String, WorkflowId)>,
    database: Option<String>,
    /// The portal of the first run.
    portal: Option<String>,
    /// The events that erase personal values.
    redactions: BTreeSet<u64>,
}

/// The event at hand, and where to say what is wrong with it.
struct Told<'a> {
    seq: i64,
    envelope: &'a Envelope,
    findings: &'a mut Findings,
}

impl Told<'_> {
    fn find(&mut self, code: Code, message: impl Into<String>) {
        self.findings.add(code, Place::Event(self.seq), message);
    }

    /// Finds, unless it holds.
    fn hold(&mut self, holds: bool, code: Code, message: impl FnOnce() -> String) {
        if !holds {
            self.find(code, message());
        }
    }

    /// The event as somebody's word on the plan.
    fn word(&self, operator: &Operator) -> Word {
        Word {
            event: self.seq.unsigned_abs(),
            at: self.envelope.at.clone(),
            operator: operator.clone(),
        }
    }
}

impl Story {
    /// The random id of the database.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    pub(crate) fn jobs(&self) -> usize {
        self.jobs.len()
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// What a receipt says about its run that is not on record, in words.
    pub(crate) fn contradictions(&self, receipt: &Receipt) -> Vec<String> {
        let run = self.runs.get(&receipt.run);
        let Some((run, finished)) = run.and_then(|run| Some((run, run.finished.as_ref()?))) else {
            return vec![format!("run {} is not on record as finished", receipt.run)];
        };
        let portal = self
            .jobs
            .get(&run.job)
            .map(|job| job.portal.as_str())
            .unwrap_or_default();
        let events = (run.began.unsigned_abs(), finished.seq.unsigned_abs());
        let hash = |hash: Option<&String>| hash.cloned().unwrap_or_else(|| "none".to_owned());
        let actions = |actions: &[(String, u32)]| {
            let parts: Vec<String> = actions
                .iter()
                .map(|(state, count)| format!("{count} {state}"))
                .collect();
            parts.join(", ")
        };
        let range = |(first, last): (u64, u64)| format!("{first}-{last}");
        // A receipt of an earlier version says nothing about them.
        let review = |review: Option<&Review>| {
            let told = review.filter(|_| receipt.review.is_some());
            told.map(|review| [review.decided.clone(), review.approved.clone()])
                .unwrap_or_default()
        };
        let [decided_said, approved_said] = review(receipt.review.as_ref());
        let [decided_there, approved_there] = review(finished.review.as_ref());
        [
            ("portal", receipt.portal.0.clone(), portal.to_owned()),
            ("job", receipt.job.to_string(), run.job.to_string()),
            ("command", receipt.command.clone(), run.command.clone()),
            ("state", receipt.state.clone(), finished.state.to_owned()),
            (
                "plan",
                hash(receipt.plan_hash.as_ref()),
                hash(finished.plan_hash.as_ref()),
            ),
            ("decided", decided_said, decided_there),
            ("approved", approved_said, approved_there),
            ("events", range(receipt.events), range(events)),
            ("actions", actions(&receipt.actions), actions(&finished.actions)),
            ("at", receipt.at.clone(), finished.at.clone()),
        ]
        .into_iter()
        .filter(|(_, said, there)| said != there)
        .map(|(name, said, there)| format!("it says {name}: {said}, and on record is {there}"))
        .collect()
    }

    /// Attempts without an outcome.
    pub(crate) fn open_intents(&self) -> Vec<OpenIntent> {
        let mut open = Vec::new();
        for (job, found) in &self.jobs {
            for (number, action) in (1..).zip(&found.actions) {
                if action.state == ActionState::Sent {
                    open.push(OpenIntent {
                        job: *job,
                        action: ActionId(number),
                        attempt: action.last_attempt(),
                    });
                }
            }
        }
        open
    }

    /// Takes the next event. `data` is its JSON as recorded.
    pub(crate) fn take(&mut self, seq: i64, envelope: &Envelope, data: &str, findings: &mut Findings) {
        let mut told = Told {
            seq,
            envelope,
            findings,
        };
        self.check_place(&mut told);
        match &envelope.event {
            Event::DatabaseCreated(event) => {
                told.hold(seq == 0, Code::OutOfPlace, || {
                    "a database is made once, at the beginning".to_owned()
                });
                self.database.get_or_insert_with(|| event.database.clone());
            }
            Event::RunStarted(event) => self.run_started(&mut told, event),
            Event::RunAbandoned(event) => self.run_abandoned(&mut told, event.abandoned, event.in_doubt),
            Event::RunFinished(event) => self.run_finished(&mut told, &event.actions),
            Event::JobCreated(event) => self.job_created(&mut told, event),
            Event::SigningKeyRecorded(event) => {
                let expected = [self.portal.as_deref(), self.database.as_deref()]
                    .map(Option::unwrap_or_default)
                    .join("/");
                told.hold(event.origin == expected, Code::CheckpointOrigin, || {
                    format!(
                        "{} is named as the origin, and the journal is that of {expected}",
                        event.origin
                    )
                });
            }
            Event::PersonalRedacted(_) => drop(self.redactions.insert(seq.unsigned_abs())),
            Event::RedactionFinished(event) => {
                told.hold(self.redactions.contains(&event.redaction), Code::OutOfPlace, || {
                    format!("event {} erases nothing", event.redaction)
                });
            }
            _ => {
                if let Some(job) = envelope.job {
                    self.in_job(&mut told, job, data);
                }
            }
        }
    }

    /// Every event names a run that is under way, and a job that is there.
    fn check_place(&mut self, told: &mut Told<'_>) {
        let Envelope { run, job, event, .. } = told.envelope;
        if told.seq == 0 {
            let first = matches!(event, Event::DatabaseCreated(_));
            told.hold(first, Code::OutOfPlace, || {
                "the first event is not the making of the database".to_owned()
            });
        }
        let begins_run = matches!(event, Event::RunStarted(_));
        let begins_job = matches!(event, Event::RunStarted(_) | Event::JobCreated(_));
        // The clock is set back before the run that noticed it begins.
        if let Some(run) = run
            && !begins_run
            && !matches!(event, Event::ClockSetBack(_))
        {
            let last = self.runs.last_key_value();
            let is_on = last.is_some_and(|(last, state)| last == run && !state.is_over);
            told.hold(is_on, Code::OutOfPlace, || format!("run {run} is not under way"));
        }
        if let Some(job) = job {
            let known = self.jobs.contains_key(job);
            told.hold(begins_job || known, Code::OutOfPlace, || {
                format!("there is no job {job}")
            });
        }
        // A decision that asks the portal nothing has no run, and the plan is frozen with it.
        let is_decided = job
            .and_then(|job| self.jobs.get(&job))
            .is_some_and(|job| job.is_decided);
        let is_plan = matches!(event, Event::ActionPlanned(_) | Event::PlanFrozen(_));
        let needs_both = is_of_run(event) && !(is_plan && is_decided && run.is_none());
        told.hold(
            !needs_both || (run.is_some() && job.is_some()),
            Code::OutOfPlace,
            || "it names no run or no job".to_owned(),
        );
    }

    fn run_started(&mut self, told: &mut Told<'_>, event: &RunStarted) {
        let portal = &event.portal.0;
        self.portal.get_or_insert_with(|| portal.clone());
        let (Some(run), Some(job)) = (told.envelope.run, told.envelope.job) else {
            return;
        };
        let next = self
            .runs
            .last_key_value()
            .map_or(1, |(last, _)| last.0.saturating_add(1));
        told.hold(run.0 == next, Code::OutOfPlace, || {
            format!("run {run} is not the next, which is run {next}")
        });
        let operator = event.operator();
        match self.jobs.get_mut(&job) {
            Some(found) => {
                told.hold(found.portal == *portal, Code::OutOfPlace, || {
                    format!(
                        "run {run} speaks to {portal}, and job {job} belongs to {}",
                        found.portal
                    )
                });
                if found.frozen.is_none() && !found.is_decided {
                    found.planners.push(operator.clone());
                }
            }
            None => told.hold(job == self.next_job(), Code::OutOfPlace, || {
                format!("there is no job {job}")
            }),
        }
        let started = Run {
            job,
            command: event.command.clone(),
            operator,
            webhook_owner: event.webhook_owner,
            began: told.seq,
            is_over: false,
            finished: None,
        };
        self.runs.insert(run, started);
    }

    fn next_job(&self) -> JobId {
        JobId(
            self.jobs
                .last_key_value()
                .map_or(1, |(last, _)| last.0.saturating_add(1)),
        )
    }

    fn run_abandoned(&mut self, told: &mut Told<'_>, abandoned: RunId, in_doubt: u32) {
        let open = self
            .runs
            .get_mut(&abandoned)
            .filter(|run| !run.is_over && Some(abandoned) != told.envelope.run);
        told.hold(open.is_some(), Code::OutOfPlace, || {
            format!("run {abandoned} is not one that was left open")
        });
        let Some(run) = open else { return };
        run.is_over = true;
        let sent = self.jobs.get(&run.job).map_or(0, |job| job.count(ActionState::Sent));
        told.hold(sent == in_doubt, Code::Totals, || {
            format!("{in_doubt} actions are said to be in doubt, and {sent} are")
        });
    }

    fn run_finished(&mut self, told: &mut Told<'_>, totals: &[(String, u32)]) {
        let (Some(run), Some(job)) = (told.envelope.run, told.envelope.job) else {
            return;
        };
        if let Some(state) = self.runs.get_mut(&run) {
            let job = self.jobs.get(&job);
            state.is_over = true;
            state.finished = Some(Finished {
                seq: told.seq,
                at: told.envelope.at.clone(),
                state: job.map_or("planning", Job::state),
                plan_hash: job.and_then(|job| Some(job.frozen.as_ref()?.plan_hash.clone())),
                review: job.map(Job::review),
                actions: totals.to_vec(),
            });
        }
        let adds_up = self.jobs.get(&job).is_none_or(|job| job.adds_up(totals));
        told.hold(adds_up, Code::Totals, || {
            format!("the totals of run {run} are not those of job {job} at that time")
        });
    }

    fn job_created(&mut self, told: &mut Told<'_>, event: &JobCreated) {
        let Some(job) = told.envelope.job else { return };
        let next = self.next_job();
        told.hold(job == next, Code::OutOfPlace, || {
            format!("job {job} is not the next, which is job {next}")
        });
        let policy_hash = hex(&Sha256::digest(&event.policy));
        told.hold(policy_hash == event.policy_hash, Code::PlanHash, || {
            format!("the policy of job {job} does not match its hash")
        });
        let rules = Rules::of(event);
        let named = rules.as_ref().map_or(&[][..], Rules::emails);
        let named = named.iter().map(|email| Some(email.as_str()));
        let is_beside = named.eq(event.policy_emails.iter().map(Recorded::commitment));
        told.hold(is_beside, Code::PlanHash, || {
            format!("the e-mails beside the policy of job {job} are not those that it names")
        });
        match &rules {
            Ok(rules) => {
                for unsaid in rules.unsaid(event) {
                    told.find(
                        Code::PlanNotAllowed,
                        format!("job {job} was begun without {unsaid}, which its policy asks for"),
                    );
                }
            }
            Err(cause) => told.find(
                Code::PlanNotAllowed,
                format!("the policy of job {job} cannot be read: {cause}"),
            ),
        }
        let run = told.envelope.run.and_then(|run| self.runs.get(&run));
        let planner = run.map(|run| run.operator.clone());
        self.jobs.insert(job, Job::new(event, rules.ok(), planner));
    }

    fn in_job(&mut self, told: &mut Told<'_>, number: JobId, data: &str) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        match &told.envelope.event {
            Event::RowRead(event) => {
                job.check_open(told);
                job.rows.insert(event.row.0, (None, None));
            }
            Event::RowResolved(event) => {
                let run = told.envelope.run.and_then(|run| self.runs.get(&run));
                job.row_resolved(told, event, run.map(|run| run.webhook_owner));
            }
            Event::UserRecorded(event) if job.rules.as_ref().is_some_and(Rules::reads_departments) => {
                job.departments.insert(event.user, event.departments.clone());
            }
            Event::DiscoveryRestarted(_) => {
                job.check_open(told);
                job.matched = None;
                job.found.clear();
                job.rows.values_mut().for_each(|row| *row = (None, None));
            }
            Event::WorkflowRecorded(event) => job.workflow_recorded(told, event),
            Event::TaskRecorded(event) => job.task_recorded(told, event),
            Event::RowsResolved(_) | Event::UserDiscovered(_) => job.check_open(told),
            Event::ActionPlanned(event) => job.action_planned(told, event, data),
            Event::PlanFrozen(event) => job.plan_frozen(told, event),
            Event::PlanDecided(event) => job.plan_decided(told, event),
            Event::WorkflowDecided(event) => job.workflow_decided(told, event),
            Event::PlanApproved(event) => {
                let frozen = job.frozen.as_ref().map(|frozen| frozen.plan_hash.as_str());
                told.hold(
                    frozen == Some(&event.plan_hash) && !job.is_confirmed,
                    Code::PlanChanged,
                    || "what was approved is not the plan, or the plan was confirmed before".to_owned(),
                );
                let approved = (event.plan_hash.clone(), told.word(&event.operator));
                job.approved.push(approved);
            }
            Event::PlanConfirmed(event) => job.plan_confirmed(told, event),
            Event::AttemptIntended(event) => {
                let of_run = told.envelope.run.and_then(|run| self.runs.get(&run)).map(|run| run.job);
                told.hold(
                    of_run.is_none_or(|of_run| of_run == number),
                    Code::IntentOutOfTurn,
                    || format!("it belongs to job {number}, and its run works on another"),
                );
                let flight = (job.portal.clone(), event.workflow.clone());
                told.hold(!self.in_flight.contains(&flight), Code::IntentOutOfTurn, || {
                    format!("workflow {} has an attempt that is not settled", event.workflow)
                });
                job.attempt_intended(told, event);
                self.in_flight.insert(flight);
            }
            Event::AttemptAnswered(event) => job.attempt_answered(told, event),
            Event::ActionReturned(event) => {
                job.action_returned(told, event);
                self.landed(number, event.action);
            }
            Event::ActionEnded(event) => {
                job.action_ended(told, event);
                self.landed(number, event.action);
            }
            Event::ActionReopened(event) => job.action_reopened(told, event),
            Event::ResidueRecorded(event) => job.residue_recorded(told, event),
            Event::JobClosed(event) => job.job_closed(told, event),
            _ => {}
        }
    }

    /// An attempt of this action is settled.
    fn landed(&mut self, job: JobId, action: ActionId) {
        let Some(job) = self.jobs.get_mut(&job) else { return };
        let portal = job.portal.clone();
        if let Some(action) = job.action(action) {
            self.in_flight.remove(&(portal, action.workflow.clone()));
        }
    }
}

/// Whether an event is recorded by a run about its job, and never otherwise.
fn is_of_run(event: &Event) -> bool {
    matches!(
        event,
        Event::JobCreated(_)
            | Event::RowRead(_)
            | Event::RunStarted(_)
            | Event::RunAbandoned(_)
            | Event::RunFinished(_)
            | Event::UserRecorded(_)
            | Event::RowResolved(_)
            | Event::RowsResolved(_)
            | Event::TaskRecorded(_)
            | Event::WorkflowRecorded(_)
            | Event::UserDiscovered(_)
            | Event::DiscoveryRestarted(_)
            | Event::ActionPlanned(_)
            | Event::PlanFrozen(_)
            | Event::PlanConfirmed(_)
            | Event::AttemptIntended(_)
            | Event::AttemptAnswered(_)
            | Event::ActionReturned(_)
            | Event::ActionEnded(_)
            | Event::ActionReopened(_)
            | Event::Paused(_)
            | Event::ResidueRecorded(_)
            | Event::JobClosed(_)
    )
}

/// Until the plan is frozen.
impl Job {
    fn check_open(&self, told: &mut Told<'_>) {
        told.hold(self.frozen.is_none(), Code::PlanChanged, || {
            "it comes after the plan was frozen".to_owned()
        });
    }

    fn row_resolved(&mut self, told: &mut Told<'_>, event: &RowResolved, owner: Option<UserId>) {
        self.check_open(told);
        self.matched = None;
        if let Some(user) = event.user.filter(|_| event.state == RowState::Matched) {
            told.hold(!self.is_protected(user), Code::PlanNotAllowed, || {
                format!("row {} is about user {user}, whom the policy protects", event.row)
            });
            told.hold(owner != Some(user), Code::PlanUnfounded, || {
                format!("row {} is about user {user}, who owns the webhook", event.row)
            });
        }
        let known = self.rows.insert(event.row.0, (Some(event.state), event.user)).is_some();
        told.hold(known || self.is_confirmed, Code::OutOfPlace, || {
            format!("there is no row {}", event.row)
        });
    }

    fn workflow_recorded(&mut self, told: &mut Told<'_>, event: &WorkflowRecorded) {
        self.check_open(told);
        let found = self.found.entry(event.workflow.clone()).or_default();
        found.runs = event.running;
        found.hold = self.rules.as_ref().and_then(|rules| rules.hold(event));
        found.is_by_colleague = event.started_by_active == Some(true);
    }

    fn task_recorded(&mut self, told: &mut Told<'_>, event: &TaskRecorded) {
        self.check_open(told);
        let task = (event.task, event.user);
        let waiting = &mut self.found.entry(event.workflow.clone()).or_default().waiting;
        waiting.retain(|known| *known != task);
        if event.status == 0 && event.user_status == 0 {
            waiting.push(task);
        }
    }

    /// Whether a person is never touched, for all that is on record.
    fn is_protected(&self, user: UserId) -> bool {
        let departments = self.departments.get(&user).and_then(Option::as_ref);
        self.rules
            .as_ref()
            .is_some_and(|rules| rules.protects(user, departments))
    }

    fn action_planned(&mut self, told: &mut Told<'_>, event: &ActionPlanned, data: &str) {
        self.check_open(told);
        if let Some(plan) = &mut self.plan {
            if !self.actions.is_empty() {
                plan.update(b",");
            }
            plan.update(data);
        }
        let next = self.actions.len() + 1;
        told.hold(
            usize::try_from(event.action.0).is_ok_and(|action| action == next),
            Code::OutOfPlace,
            || format!("action {} is not the next, which is action {next}", event.action),
        );
        let matched = self.matched.get_or_insert_with(|| matched(&self.rows));
        let stranger = event.people.iter().find(|user| !matched.contains(user));
        if self.frozen.is_none()
            && let Some(user) = stranger
        {
            told.find(
                Code::PlanUnfounded,
                format!(
                    "user {user} is no matched person of the roster, and action {} is about them",
                    event.action
                ),
            );
        }
        let outsiders = event.participants.iter().any(|user| !event.people.contains(user));
        let goes_ahead = event.holds.is_empty();
        let decisions = self
            .decisions
            .get(&event.workflow)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let is_released = |hold| decisions.iter().any(|decided| decided.released.contains(&hold));
        let with_outsiders = is_released(HoldReason::Shared);
        let is_dropped = decisions.last().is_some_and(|last| last.decision == Decision::Drop);
        told.hold(
            !goes_ahead
                || ((!outsiders || with_outsiders || self.rules.as_ref().is_none_or(Rules::includes_shared))
                    && event.kind.is_some()
                    && !event.people.is_empty()),
            Code::PlanUnfounded,
            || {
                format!(
                    "action {} is not held, although others wait in its workflow or nobody does",
                    event.action
                )
            },
        );
        told.hold(!goes_ahead || !is_dropped, Code::PlanUnfounded, || {
            format!("action {} is not held, although it was dropped", event.action)
        });
        told.hold(
            self.frozen.is_some() || self.is_as_found(event),
            Code::PlanUnfounded,
            || {
                format!(
                    "the workflow of action {} is not on record as running, or others wait in it by its tasks",
                    event.action
                )
            },
        );
        let hold = self.hold_of_policy(event);
        let hold = hold.filter(|hold| *hold == HoldReason::Protected || !is_released(*hold));
        if let Some(hold) = hold.filter(|_| goes_ahead) {
            told.find(
                Code::PlanNotAllowed,
                format!(
                    "action {} is not held as `{}`, as the policy has it",
                    event.action,
                    hold.as_str()
                ),
            );
        }
        let state = if goes_ahead {
            ActionState::Planned
        } else {
            ActionState::Held
        };
        self.by_workflow.insert(event.workflow.clone(), self.actions.len());
        self.actions.push(Action {
            workflow: event.workflow.clone(),
            kind: event.kind,
            people: event.people.as_slice().into(),
            participants: event.participants.as_slice().into(),
            state,
            attempts: Vec::new(),
            earlier: 0,
        });
        *self.counts.entry(state).or_default() += 1;
    }

    /// Whether an action is about a workflow that runs, and about those who wait in it.
    fn is_as_found(&self, event: &ActionPlanned) -> bool {
        self.found.get(&event.workflow).is_some_and(|found| {
            let waiting: BTreeSet<&UserId> = found.waiting.iter().map(|(_, user)| user).collect();
            found.runs && waiting.iter().copied().eq(&event.participants)
        })
    }

    /// Why the policy has an action held.
    fn hold_of_policy(&self, event: &ActionPlanned) -> Option<HoldReason> {
        let is_protected = event.participants.iter().any(|user| self.is_protected(*user));
        let protected = is_protected.then_some(HoldReason::Protected);
        protected.or_else(|| self.found.get(&event.workflow)?.hold)
    }

    fn plan_frozen(&mut self, told: &mut Told<'_>, event: &PlanFrozen) {
        self.check_open(told);
        if let Some(hash) = self.plan_hash() {
            told.hold(hash == event.plan_hash, Code::PlanHash, || {
                format!(
                    "the plan on record has the hash {}…, not {:.12}…",
                    &hash[..12],
                    event.plan_hash
                )
            });
        }
        let (planned, held) = (self.count(ActionState::Planned), self.count(ActionState::Held));
        told.hold(planned == event.planned && held == event.held, Code::Totals, || {
            format!(
                "{} planned and {} held are said, and {planned} and {held} are on record",
                event.planned, event.held
            )
        });
        let by_colleagues = self
            .to_be_done()
            .filter_map(|action| self.found.get(&action.workflow))
            .filter(|found| found.is_by_colleague)
            .count();
        let told_by_colleagues = event.started_by_colleagues;
        told.hold(
            usize::try_from(told_by_colleagues).is_ok_and(|told| told == by_colleagues),
            Code::Totals,
            || format!("{told_by_colleagues} are said to be started by colleagues, and {by_colleagues} are"),
        );
        let rows = self.rows.len();
        if self.frozen.is_none() {
            told.hold(
                usize::try_from(self.rows_declared).is_ok_and(|told| told == rows),
                Code::Totals,
                || format!("the roster had {} rows, and {rows} are on record", self.rows_declared),
            );
            self.frozen = Some(event.clone());
        }
        self.matched = None;
    }

    /// The plan is open again, as it was before it was frozen.
    fn plan_decided(&mut self, told: &mut Told<'_>, event: &PlanDecided) {
        let frozen = self.frozen.take().map(|frozen| frozen.plan_hash);
        told.hold(
            frozen.as_deref() == Some(&event.plan_hash) && !self.is_confirmed,
            Code::PlanChanged,
            || "what was decided about is not the plan, or the plan was confirmed before".to_owned(),
        );
        self.is_decided = true;
        self.decided.push(told.word(&event.operator));
        self.plan = Some(Self::no_plan());
        self.actions.clear();
        self.counts.clear();
        self.by_workflow.clear();
    }

    fn workflow_decided(&mut self, told: &mut Told<'_>, event: &WorkflowDecided) {
        self.check_open(told);
        told.hold(self.is_decided, Code::OutOfPlace, || {
            "nobody decided about the plan".to_owned()
        });
        told.hold(
            !event.released.contains(&HoldReason::Protected),
            Code::PlanUnfounded,
            || format!("workflow {} is protected, which nobody can release", event.workflow),
        );
        self.decisions
            .entry(event.workflow.clone())
            .or_default()
            .push(event.clone());
    }

    fn plan_confirmed(&mut self, told: &mut Told<'_>, event: &PlanConfirmed) {
        told.hold(!self.is_confirmed, Code::PlanChanged, || {
            "the plan was confirmed before".to_owned()
        });
        self.check_allowed(told, event);
        self.is_confirmed = true;
        self.rows = BTreeMap::new();
        self.found = BTreeMap::new();
        self.departments = BTreeMap::new();
        self.decisions = BTreeMap::new();
        let Some(frozen) = &self.frozen else {
            told.find(Code::PlanChanged, "the plan was not frozen when it was confirmed");
            return;
        };
        let hash = frozen.plan_hash.get(..8).unwrap_or_default();
        let expected = format!("{}:{}:{hash}", self.portal, frozen.planned);
        told.hold(event.confirm == expected, Code::PlanHash, || {
            format!("{} was confirmed, and the plan is {expected}", event.confirm)
        });
    }
}

/// What was confirmed, held against the policy and the command.
impl Job {
    fn check_allowed(&self, told: &mut Told<'_>, event: &PlanConfirmed) {
        let planned = self.count(ActionState::Planned);
        let is_capped = event.by == "--max-actions";
        told.hold(
            !is_capped || (!self.is_decided && self.actions_max.is_some_and(|most| planned <= most)),
            Code::PlanNotAllowed,
            || format!("{planned} actions were confirmed by --max-actions, which is less, was not given, or was given for another plan"),
        );
        let Some(rules) = &self.rules else { return };
        let mut of_people: BTreeMap<UserId, u32> = BTreeMap::new();
        for user in self.to_be_done().flat_map(|action| action.people.iter()) {
            *of_people.entry(*user).or_default() += 1;
        }
        let passed = rules.passed(&Confirmed {
            people: matched(&self.rows).len(),
            actions: planned,
            of_people: &of_people,
            running: self.frozen.as_ref().and_then(|frozen| frozen.running_workflows),
        });
        for passed in passed {
            told.find(
                Code::PlanNotAllowed,
                format!("a plan over a cap was confirmed: {passed}"),
            );
        }
        told.hold(
            !rules.needs_approval(planned) || self.is_approved(),
            Code::PlanNotAllowed,
            || "a plan was confirmed that a second person had to approve, and none had".to_owned(),
        );
    }

    /// Whether somebody else approved the plan as it stands: decisions before it count as the plan's making, and void what was approved.
    fn is_approved(&self) -> bool {
        let plan = self.frozen.as_ref().map(|frozen| &frozen.plan_hash);
        let last_decided = self.decided.last().map(|word| word.event);
        let made = |operator: &Operator| {
            let decided = self.decided.iter().map(|word| &word.operator);
            self.planners.iter().chain(decided).any(|maker| maker.may_be(operator))
        };
        let of_plan = self.approved.iter().filter(|(hash, _)| Some(hash) == plan);
        let mut valid = of_plan.filter(|(_, word)| Some(word.event) > last_decided);
        valid.any(|(_, word)| !made(&word.operator))
    }
}

/// The users of the matched rows.
fn matched(rows: &BTreeMap<u32, (Option<RowState>, Option<UserId>)>) -> BTreeSet<UserId> {
    let matched = rows.values().filter(|(state, _)| *state == Some(RowState::Matched));
    matched.filter_map(|(_, user)| *user).collect()
}

/// From the confirmation on.
impl Job {
    fn attempt_intended(&mut self, told: &mut Told<'_>, event: &AttemptIntended) {
        told.hold(self.is_confirmed, Code::IntentUnconfirmed, || {
            format!("action {} was sent, and nobody had confirmed the plan", event.action)
        });
        let Some(action) = self.action(event.action) else {
            told.find(
                Code::ActionNotInPlan,
                format!("action {} is not in the plan", event.action),
            );
            return;
        };
        told.hold(
            action.workflow == event.workflow && action.kind == Some(event.kind),
            Code::ActionNotInPlan,
            || {
                format!(
                    "{} of workflow {} is not what action {} plans",
                    event.kind, event.workflow, event.action
                )
            },
        );
        match action.state {
            ActionState::Planned => {}
            ActionState::Held => told.find(Code::ActionNotInPlan, format!("action {} is held", event.action)),
            ActionState::Sent => {
                told.find(
                    Code::IntentOutOfTurn,
                    format!("an earlier attempt of action {} is not settled", event.action),
                );
            }
            ActionState::Ended(outcome) => {
                told.find(
                    Code::IntentOutOfTurn,
                    format!("action {} had ended as {outcome}", event.action),
                );
            }
        }
        let next = action.last_attempt().saturating_add(1);
        told.hold(event.attempt == next, Code::IntentOutOfTurn, || {
            format!(
                "attempt {} of action {} is not the next, which is {next}",
                event.attempt, event.action
            )
        });
        told.hold(action.counted() < ATTEMPTS_MAX, Code::IntentOutOfTurn, || {
            format!("action {} had its {ATTEMPTS_MAX} attempts", event.action)
        });
        let expected = |user: &UserId| action.participants.contains(user);
        let ours = event.waiting.iter().any(|user| action.people.contains(user));
        told.hold(
            ours && event.waiting.iter().all(expected),
            Code::IntentUnfounded,
            || {
                format!(
                    "those who waited when action {} was sent are not those of the plan",
                    event.action
                )
            },
        );
        told.hold(event.rechecked_ms_ago <= LOOK_AGE_MS_MAX, Code::IntentUnfounded, || {
            format!(
                "what action {} rests on was {} ms old",
                event.action, event.rechecked_ms_ago
            )
        });
        action.attempts.push(Attempt {
            answer: None,
            run: told.envelope.run,
            monotonic_ms: told.envelope.monotonic_ms,
        });
        self.set_state(event.action, ActionState::Sent);
    }

    fn attempt_answered(&mut self, told: &mut Told<'_>, event: &AttemptAnswered) {
        let open = self
            .action(event.action)
            .filter(|action| action.state == ActionState::Sent);
        let last = open.filter(|action| action.last_attempt() == event.attempt);
        let unanswered = last
            .and_then(|action| action.attempts.last_mut())
            .filter(|attempt| attempt.answer.is_none());
        match unanswered {
            Some(attempt) => attempt.answer = Some(event.answer),
            None => told.find(
                Code::AnswerWithoutIntent,
                format!("attempt {} of action {} was not open", event.attempt, event.action),
            ),
        }
    }

    fn action_returned(&mut self, told: &mut Told<'_>, event: &ActionReturned) {
        let founded = self.action(event.action).is_some_and(|action| {
            let last = action
                .attempts
                .last()
                .filter(|_| action.last_attempt() == event.attempt);
            action.state == ActionState::Sent
                && last.is_some_and(|attempt| match event.why {
                    Returned::NotExecuted => attempt.answer == Some(AnswerKind::NotExecuted),
                    Returned::StillListed => attempt.is_unanswered(),
                })
        });
        told.hold(founded, Code::ReturnUnfounded, || {
            format!(
                "attempt {} of action {} gives no reason to plan it again",
                event.attempt, event.action
            )
        });
        self.set_state(event.action, ActionState::Planned);
    }

    fn action_ended(&mut self, told: &mut Told<'_>, event: &ActionEnded) {
        let (outcome, number) = (event.outcome, event.action);
        let Some(action) = self.action(number) else {
            told.find(Code::ActionNotInPlan, format!("action {number} is not in the plan"));
            return;
        };
        match action.state {
            ActionState::Planned | ActionState::Sent => {}
            ActionState::Held => told.find(Code::ActionNotInPlan, format!("action {number} is held")),
            ActionState::Ended(before) => {
                told.find(
                    Code::OutcomeRepeated,
                    format!("action {number} had ended as {before} before"),
                );
            }
        }
        let last = Some(action.last_attempt()).filter(|attempts| *attempts > 0);
        if event.attempt == last {
            if let Err(missing) = check_claim(action, event, told.envelope) {
                told.find(
                    Code::OutcomeUnfounded,
                    format!("action {number} is called {outcome}, and {missing}"),
                );
            }
        } else {
            let named = event
                .attempt
                .map_or_else(|| "none".to_owned(), |attempt| attempt.to_string());
            let there = last.map_or_else(|| "none".to_owned(), |attempt| attempt.to_string());
            told.find(
                Code::OutcomeWithoutIntent,
                format!("action {number} is called {outcome} after attempt {named}, and the last on record is {there}"),
            );
        }
        self.set_state(number, ActionState::Ended(outcome));
    }

    fn action_reopened(&mut self, told: &mut Told<'_>, event: &ActionReopened) {
        let may = matches!(event.outcome, Outcome::Failed | Outcome::Drifted | Outcome::Survived);
        let Some(action) = self.action(event.action) else {
            told.find(
                Code::ActionNotInPlan,
                format!("action {} is not in the plan", event.action),
            );
            return;
        };
        told.hold(
            may && action.state == ActionState::Ended(event.outcome),
            Code::OutcomeRepeated,
            || {
                format!(
                    "action {} was tried again as {}, and is {}",
                    event.action, event.outcome, action.state
                )
            },
        );
        action.earlier = action.attempts.len();
        self.set_state(event.action, ActionState::Planned);
    }

    fn residue_recorded(&mut self, told: &mut Told<'_>, event: &ResidueRecorded) {
        let action = self.by_workflow.get(&event.workflow).map(|place| &self.actions[*place]);
        let killed = action.is_some_and(|action| {
            action.kind == Some(ActionKind::Kill)
                && matches!(action.state, ActionState::Ended(Outcome::Confirmed | Outcome::Presumed))
        });
        told.hold(killed, Code::ResidueUnfounded, || {
            format!("workflow {} was not killed", event.workflow)
        });
    }

    fn job_closed(&mut self, told: &mut Told<'_>, event: &JobClosed) {
        told.hold(self.adds_up(&event.actions), Code::Totals, || {
            "the totals of the job are not those on record".to_owned()
        });
        let open = self.count(ActionState::Planned) + self.count(ActionState::Sent);
        told.hold(open == 0, Code::Totals, || {
            format!("the job was closed with {open} actions not done")
        });
        let is_gone = |workflow: &WorkflowId| {
            let action = self.by_workflow.get(workflow).map(|place| &self.actions[*place]);
            action.is_some_and(|action| matches!(action.state, ActionState::Ended(outcome) if says_gone(outcome)))
        };
        told.hold(event.relisted.iter().all(is_gone), Code::Totals, || {
            "a workflow is said to be listed again that was never gone".to_owned()
        });
    }
}

/// Whether an outcome says that the workflow is not there any more.
fn says_gone(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Confirmed | Outcome::Presumed | Outcome::AlreadyGone | Outcome::Unattributed => true,
        Outcome::Drifted | Outcome::Failed | Outcome::Survived => false,
    }
}

/// Whether the record bears an outcome out: the table of design section 1. All attempts are looked at, those before a `reopened` too.
/// What is missing comes back in words.
fn check_claim(action: &Action, event: &ActionEnded, envelope: &Envelope) -> Result<(), &'static str> {
    let last = action.attempts.last();
    let last_answer = last.and_then(|attempt| attempt.answer);
    let unanswered = action.attempts.iter().rfind(|attempt| attempt.is_unanswered());
    // Two readings can be compared within one run. A later run waits anew.
    let is_quiet_since = |attempt: &Attempt| {
        attempt.run != envelope.run || envelope.monotonic_ms.saturating_sub(attempt.monotonic_ms) >= QUIET_MS
    };
    let claim = |holds: bool, missing: &'static str| if holds { Ok(()) } else { Err(missing) };
    if says_gone(event.outcome) {
        claim(!event.listed, "it was still listed")?;
    } else {
        claim(event.listed, "it was not listed")?;
        claim(
            unanswered.is_none_or(is_quiet_since),
            "an attempt could still take effect",
        )?;
    }
    match event.outcome {
        Outcome::Confirmed => claim(
            action.was_answered(AnswerKind::Yes),
            "no attempt was answered with true",
        ),
        Outcome::Presumed => claim(unanswered.is_some(), "every attempt was answered"),
        Outcome::AlreadyGone => claim(
            action
                .attempts
                .iter()
                .all(|attempt| attempt.answer == Some(AnswerKind::NotExecuted)),
            "something was sent before",
        ),
        Outcome::Unattributed => {
            claim(unanswered.is_none(), "an attempt went unanswered")?;
            claim(
                !action.was_answered(AnswerKind::Yes),
                "an attempt was answered with true",
            )?;
            claim(action.was_answered(AnswerKind::Refused), "no attempt was refused")
        }
        Outcome::Drifted => claim(action.state != ActionState::Sent, "an attempt was not settled"),
        Outcome::Failed => claim(
            last_answer == Some(AnswerKind::Refused),
            "the last attempt was not refused",
        ),
        Outcome::Survived => {
            let tried = last.is_some_and(Attempt::is_unanswered) && action.counted() >= ATTEMPTS_MAX;
            claim(
                last_answer == Some(AnswerKind::Yes) || tried,
                "neither a true nor three unanswered attempts are on record",
            )?;
            claim(last.is_some_and(is_quiet_since), "it was sent less than 90 s before")
        }
    }
}
