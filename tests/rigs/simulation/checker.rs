//! Compares the journal with what is true, as it grows and at the end. It reads the database itself and folds the events in its own way:
//! nothing of the engine is in here.
//!
//! The four promises: no effect without an earlier intent on disk; never a false `confirmed`; at most one effect for each action, and
//! nothing sent while an earlier attempt is unsettled; exactly one outcome for each action after it was last opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::portal::{Arrays, Call, PAGE, Truth};
use super::scenario::{Person, Scenario};

/// What was promised and not kept.
pub(super) type Broken = String;

/// Attempts that count.
const ATTEMPTS_MAX: usize = 3;

/// What may still take effect is waited for.
const QUIET: Duration = Duration::from_secs(90);

/// How old a look may be when the first byte leaves.
const LOOK_AGE_MAX: Duration = Duration::from_mins(1);

/// Job and action.
pub(super) type Key = (u64, u64);

/// An attempt that a request carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Carried {
    pub(super) key: Key,
    /// From 1.
    pub(super) attempt: usize,
}

#[derive(Debug)]
struct Attempt {
    at: Duration,
    /// Whether a request has left for it.
    sent: bool,
    /// Whether the portal's literal `true` arrived, whole.
    heard_true: bool,
    answer: Option<String>,
    is_still_listed: bool,
    effects: usize,
}

impl Attempt {
    fn is_unanswered(&self) -> bool {
        matches!(self.answer.as_deref(), None | Some("in_doubt"))
    }

    fn is_settled(&self) -> bool {
        !self.is_unanswered() || self.is_still_listed
    }
}

/// One action, as the journal has it.
#[derive(Debug)]
struct Case {
    workflow: String,
    kind: Option<String>,
    people: BTreeSet<u32>,
    participants: BTreeSet<u32>,
    holds: Vec<String>,
    state: String,
    attempts: Vec<Attempt>,
    /// Attempts before the last `reopened`.
    earlier: usize,
    /// When something was said to be listed still, and attempts until then.
    denied: Vec<(Duration, usize)>,
}

/// A job, as the journal has it.
#[derive(Debug, Default)]
pub(super) struct Job {
    pub(super) frozen: Option<(String, u64)>,
    pub(super) confirmed: bool,
    pub(super) closed: bool,
    pub(super) begun_by: String,
    /// A person decided about its plan.
    pub(super) decided: bool,
    /// The plan that was approved last.
    pub(super) approved: Option<String>,
    /// Rows that nobody was found for.
    open_rows: BTreeSet<u32>,
    /// Whom a person named, besides those whom the roster names.
    named: BTreeSet<u32>,
    pub(super) stop_reason: Option<String>,
    pub(super) open_runs: BTreeSet<u64>,
}

impl Job {
    /// Whether the plan that stands was approved.
    fn is_approved(&self) -> bool {
        let frozen = self.frozen.as_ref().map(|(hash, _)| hash);
        frozen.is_some() && frozen == self.approved.as_ref()
    }
}

/// What was shown of a workflow, when that was true, and when it was asked.
#[derive(Clone, Copy, Debug)]
struct Shown {
    listed: bool,
    at: Duration,
    asked: Duration,
}

#[derive(Default)]
pub(super) struct Checker {
    scenario: Scenario,
    db: Option<Connection>,
    next: i64,
    /// Whether the journal has lost what it had.
    is_shorter: bool,
    pub(super) jobs: BTreeMap<u64, Job>,
    cases: BTreeMap<Key, Case>,
    /// What people said must not be done: job and workflow.
    dropped: BTreeSet<(u64, String)>,
    shown: BTreeMap<String, Shown>,
    waiting: BTreeMap<String, (Duration, BTreeSet<u32>)>,
    active: BTreeMap<u32, (Duration, bool)>,
    effects: usize,
    pub(super) outcomes: BTreeMap<String, u32>,
}

/// One event that was read.
pub(super) struct Read {
    pub(super) kind: String,
    pub(super) line: String,
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_default()
}

fn count(value: &Value, field: &str) -> usize {
    usize::try_from(number(value, field)).unwrap_or(usize::MAX)
}

fn users(value: &Value, field: &str) -> BTreeSet<u32> {
    let found = value[field].as_array().into_iter().flatten();
    found.filter_map(|user| u32::try_from(user.as_u64()?).ok()).collect()
}

impl Checker {
    pub(super) fn of(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.clone(),
            ..Self::default()
        }
    }

    /// The rows of a job's roster.
    fn rows(&self, job: u64) -> &[Person] {
        self.scenario.rows(job > 1)
    }

    /// Lets go of the database.
    pub(super) fn disconnect(&mut self) {
        self.db = None;
    }

    /// Reads what has been committed since. `now` is when it was, as long as this is called before any time passes.
    pub(super) fn sync(&mut self, database: &Path, truth: &Truth, now: Duration) -> Result<Vec<Read>, Broken> {
        let mut news = Vec::new();
        let bodies = self.read(database);
        hold!(!self.is_shorter, "events that were committed are gone");
        for body in bodies.map_err(|cause| format!("the database cannot be read: {cause}"))? {
            let value: Value = serde_json::from_str(&body).map_err(|cause| cause.to_string())?;
            let (kind, job, data) = (text(&value, "kind").to_owned(), number(&value, "job"), &value["data"]);
            self.next += 1;
            self.take(&kind, job, number(&value, "run"), data, truth, now)?;
            news.push(Read {
                line: format!("job {job}: {kind} {data}"),
                kind,
            });
        }
        Ok(news)
    }

    fn read(&mut self, database: &Path) -> rusqlite::Result<Vec<String>> {
        if self.db.is_none() {
            if !database.exists() {
                return Ok(Vec::new());
            }
            let db = Connection::open_with_flags(
                database,
                OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            )?;
            let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'event'", [], |row| {
                row.get(0)
            })?;
            if tables == 0 {
                return Ok(Vec::new());
            }
            let events: i64 = db.query_row("SELECT count(*) FROM event", [], |row| row.get(0))?;
            self.is_shorter = events < self.next;
            self.db = Some(db);
        }
        let Some(db) = &self.db else { return Ok(Vec::new()) };
        let mut statement = db.prepare_cached("SELECT body FROM event WHERE seq >= ?1 ORDER BY seq")?;
        statement.query_map([self.next], |row| row.get(0))?.collect()
    }

    fn take(
        &mut self,
        kind: &str,
        job: u64,
        run: u64,
        data: &Value,
        truth: &Truth,
        now: Duration,
    ) -> Result<(), Broken> {
        let key = (job, number(data, "action"));
        match kind {
            "job_created" => {
                text(data, "begun_by").clone_into(&mut self.jobs.entry(job).or_default().begun_by);
            }
            "run_started" => {
                let found = self.jobs.entry(job).or_default();
                found.open_runs.insert(run);
            }
            "run_finished" => {
                let found = self.jobs.entry(job).or_default();
                hold!(found.open_runs.remove(&run), "run {run} ends and is not open");
                found.stop_reason = data["stop_reason"].as_str().map(str::to_owned);
            }
            "run_abandoned" => {
                let abandoned = number(data, "abandoned");
                let found = self.jobs.entry(job).or_default();
                hold!(
                    found.open_runs.remove(&abandoned),
                    "run {abandoned} is abandoned and not open"
                );
                found.stop_reason = Some("crash".to_owned());
            }
            "job_closed" => self.jobs.entry(job).or_default().closed = true,
            "attempt_intended" => self.intended(key, data, now)?,
            "attempt_answered" => self.answered(key, data)?,
            "action_returned" => self.returned(key, data)?,
            "action_ended" => self.ended(key, data, truth)?,
            "action_reopened" => {
                let case = self.case(key)?;
                hold!(
                    case.state == text(data, "outcome"),
                    "{key:?} is reopened while {}",
                    case.state
                );
                "planned".clone_into(&mut case.state);
                case.earlier = case.attempts.len();
                self.jobs.entry(job).or_default().closed = false;
            }
            _ => self.planning(kind, key, data)?,
        }
        Ok(())
    }

    /// What makes a plan, and what people say about it.
    fn planning(&mut self, kind: &str, key: Key, data: &Value) -> Result<(), Broken> {
        let (job, _) = key;
        match kind {
            "plan_frozen" => {
                let found = self.jobs.entry(job).or_default();
                hold!(found.frozen.is_none(), "job {job} is frozen twice");
                found.frozen = Some((text(data, "plan_hash").to_owned(), number(data, "planned")));
            }
            "plan_decided" => {
                let found = self.jobs.entry(job).or_default();
                hold!(
                    found.frozen.take().is_some() && !found.confirmed,
                    "job {job} is decided about, and was no frozen plan that waits"
                );
                let is_sent = |(key, case): (&Key, &Case)| key.0 == job && !case.attempts.is_empty();
                hold!(
                    !self.cases.iter().any(is_sent),
                    "job {job} is decided about after something was sent"
                );
                found.decided = true;
                if let Some(row) = data["row"].as_u64() {
                    let row = u32::try_from(row).unwrap_or_default();
                    hold!(
                        found.open_rows.contains(&row),
                        "job {job}: row {row} was not open to be decided"
                    );
                    found
                        .named
                        .extend(data["user"].as_u64().and_then(|user| u32::try_from(user).ok()));
                    *self.outcomes.entry("row".to_owned()).or_default() += 1;
                }
                self.cases.retain(|key, _| key.0 != job);
            }
            "row_resolved" => {
                let row = u32::try_from(number(data, "row")).unwrap_or_default();
                let found = self.jobs.entry(job).or_default();
                if text(data, "state") == "not_found" {
                    found.open_rows.insert(row);
                } else {
                    found.open_rows.remove(&row);
                }
            }
            "plan_approved" => {
                let found = self.jobs.entry(job).or_default();
                let hash = text(data, "plan_hash");
                hold!(
                    found.frozen.as_ref().is_some_and(|(frozen, _)| frozen == hash) && !found.confirmed,
                    "job {job}: a plan is approved that is not the one that waits"
                );
                found.approved = Some(hash.to_owned());
                *self.outcomes.entry("approved".to_owned()).or_default() += 1;
            }
            "workflow_decided" => {
                let what = (job, text(data, "workflow").to_owned());
                let decision = text(data, "decision");
                *self.outcomes.entry(decision.to_owned()).or_default() += 1;
                if decision == "drop" {
                    self.dropped.insert(what);
                } else {
                    self.dropped.remove(&what);
                }
            }
            "plan_confirmed" => {
                let found = self.jobs.entry(job).or_default();
                hold!(
                    found.frozen.is_some() && !found.confirmed,
                    "job {job} is confirmed twice, or unfrozen"
                );
                hold!(
                    found.is_approved() || !self.scenario.approval,
                    "job {job} is confirmed, and nobody approved this plan"
                );
                found.confirmed = true;
            }
            "action_planned" => self.planned(key, data)?,
            _ => {}
        }
        Ok(())
    }

    fn planned(&mut self, key: Key, data: &Value) -> Result<(), Broken> {
        let (job, _) = key;
        let holds = data["holds"].as_array().into_iter().flatten();
        let holds: Vec<String> = holds.filter_map(|hold| hold.as_str().map(str::to_owned)).collect();
        let is_dropped = self.dropped.contains(&(job, text(data, "workflow").to_owned()));
        hold!(
            is_dropped == holds.iter().any(|hold| hold == "dropped"),
            "{key:?}: a person's word about it is not in the plan"
        );
        let people = users(data, "people");
        let by_roster = |user: &u32| self.rows(job).iter().any(|row| row.user == *user && !row.moved);
        let by_hand = |user: &u32| self.jobs.get(&job).is_some_and(|job| job.named.contains(user));
        hold!(
            people.iter().all(|user| by_roster(user) || by_hand(user)),
            "{key:?} is planned for somebody whom neither the roster nor a person named"
        );
        let case = Case {
            workflow: text(data, "workflow").to_owned(),
            kind: data["do"].as_str().map(str::to_owned),
            people,
            participants: users(data, "participants"),
            state: if holds.is_empty() { "planned" } else { "held" }.to_owned(),
            holds,
            attempts: Vec::new(),
            earlier: 0,
            denied: Vec::new(),
        };
        hold!(self.cases.insert(key, case).is_none(), "{key:?} is planned twice");
        Ok(())
    }

    fn case(&mut self, key: Key) -> Result<&mut Case, Broken> {
        self.cases.get_mut(&key).ok_or_else(|| format!("{key:?} is in no plan"))
    }

    fn intended(&mut self, key: Key, data: &Value, now: Duration) -> Result<(), Broken> {
        hold!(
            !self.dropped.contains(&(key.0, text(data, "workflow").to_owned())),
            "{key:?}: an intent about what a person dropped"
        );
        hold!(
            self.jobs.get(&key.0).is_some_and(|job| job.confirmed),
            "{key:?}: an intent of a plan that nobody confirmed"
        );
        let unsettled = self
            .cases
            .iter()
            .any(|(other, case)| *other != key && case.state == "sent" && case.workflow == text(data, "workflow"));
        hold!(
            !unsettled,
            "{key:?}: an intent while another action has the workflow in doubt"
        );
        let case = self.case(key)?;
        hold!(case.state == "planned", "{key:?}: an intent while {}", case.state);
        hold!(
            count(data, "attempt") == case.attempts.len() + 1,
            "{key:?}: attempts are not in order"
        );
        hold!(
            case.workflow == text(data, "workflow") && case.kind.as_deref() == Some(text(data, "do")),
            "{key:?}: the intent is not what was planned"
        );
        let counted = case.attempts[case.earlier..].iter();
        let counted = counted
            .filter(|attempt| attempt.answer.as_deref() != Some("not_executed"))
            .count();
        hold!(counted < ATTEMPTS_MAX, "{key:?}: more than {ATTEMPTS_MAX} attempts");
        let open = case.attempts[case.earlier..]
            .iter()
            .find(|attempt| !attempt.is_settled());
        hold!(
            open.is_none(),
            "{key:?}: sent again while an earlier attempt is unsettled"
        );
        case.attempts.push(Attempt {
            at: now,
            sent: false,
            heard_true: false,
            answer: None,
            is_still_listed: false,
            effects: 0,
        });
        "sent".clone_into(&mut case.state);
        Ok(())
    }

    fn answered(&mut self, key: Key, data: &Value) -> Result<(), Broken> {
        let case = self.case(key)?;
        hold!(case.state == "sent", "{key:?}: an answer while {}", case.state);
        hold!(
            count(data, "attempt") == case.attempts.len(),
            "{key:?}: an answer to an earlier attempt"
        );
        let Some(last) = case.attempts.last_mut() else {
            return Err(format!("{key:?}: an answer to nothing"));
        };
        hold!(last.answer.is_none(), "{key:?}: a second answer");
        let answer = text(data, "answer");
        hold!(
            answer != "yes" || last.heard_true,
            "{key:?}: a yes is recorded, and the portal never said true"
        );
        last.answer = Some(answer.to_owned());
        Ok(())
    }

    fn returned(&mut self, key: Key, data: &Value) -> Result<(), Broken> {
        let workflow = self.case(key)?.workflow.clone();
        let shown = self.shown.get(&workflow).copied();
        let case = self.case(key)?;
        hold!(case.state == "sent", "{key:?}: returned while {}", case.state);
        let Some(last) = case.attempts.last_mut() else {
            return Err(format!("{key:?}: nothing to return"));
        };
        if text(data, "why") == "still_listed" {
            let asked = shown.is_some_and(|shown| shown.asked >= last.at && shown.listed);
            hold!(
                last.is_unanswered() && asked,
                "{key:?}: returned as still listed, and nobody asked"
            );
            last.is_still_listed = true;
        } else {
            hold!(
                last.answer.as_deref() == Some("not_executed"),
                "{key:?}: returned as not executed"
            );
        }
        "planned".clone_into(&mut case.state);
        Ok(())
    }

    fn ended(&mut self, key: Key, data: &Value, truth: &Truth) -> Result<(), Broken> {
        let outcome = text(data, "outcome");
        *self.outcomes.entry(outcome.to_owned()).or_default() += 1;
        let workflow = self.case(key)?.workflow.clone();
        let shown = self.shown.get(&workflow).copied();
        let case = self.case(key)?;
        hold!(
            matches!(case.state.as_str(), "planned" | "sent"),
            "{key:?}: {outcome} while {}",
            case.state
        );
        hold!(
            count(data, "attempt") == case.attempts.len(),
            "{key:?}: {outcome} after another attempt"
        );
        case.check_claim(outcome, shown, truth)
            .map_err(|broken| format!("{key:?} {workflow}: {outcome}, but {broken}"))?;
        outcome.clone_into(&mut case.state);
        Ok(())
    }

    /// A request that destroys is about to leave. Everything committed has been read.
    pub(super) fn leaves(&mut self, calls: &[Call], now: Duration) -> Result<Vec<Option<Carried>>, Broken> {
        let mut carried = Vec::new();
        for call in calls {
            let Some(workflow) = call.destroys() else {
                carried.push(None);
                continue;
            };
            let found = self.cases.iter_mut().find(|(_, case)| {
                case.workflow == workflow
                    && case.state == "sent"
                    && case
                        .attempts
                        .last()
                        .is_some_and(|last| !last.sent && last.answer.is_none())
            });
            let (key, case) = found.ok_or_else(|| format!("{workflow} is sent without an intent on disk"))?;
            let kind = case.kind.as_deref().unwrap_or_default();
            hold!(
                call.method.ends_with(kind),
                "{key:?}: {} is sent, and {kind} was planned",
                call.method
            );
            hold!(call.key == format!("a{}", key.1), "{key:?}: another key than intended");
            check_look(
                case,
                self.shown.get(workflow),
                self.waiting.get(workflow),
                &self.active,
                now,
            )
            .map_err(|broken| format!("{key:?} is sent although {broken}"))?;
            let attempt = case.attempts.len();
            if let Some(last) = case.attempts.last_mut() {
                last.sent = true;
            }
            carried.push(Some(Carried { key: *key, attempt }));
        }
        Ok(carried)
    }

    /// The portal's literal `true` has arrived.
    pub(super) fn hears_true(&mut self, carried: Carried) {
        if let Some(attempt) = self
            .cases
            .get_mut(&carried.key)
            .and_then(|case| case.attempts.get_mut(carried.attempt - 1))
        {
            attempt.heard_true = true;
        }
    }

    /// A command has ended its workflow.
    pub(super) fn takes_effect(&mut self, carried: Carried, now: Duration) -> Result<(), Broken> {
        self.effects += 1;
        let (key, number) = (carried.key, carried.attempt);
        let case = self.case(key)?;
        let total: usize = case.attempts.iter().map(|attempt| attempt.effects).sum();
        hold!(total == 0, "{key:?}: a second effect");
        let denied = case
            .denied
            .iter()
            .any(|(at, attempts)| now >= *at && number <= *attempts);
        hold!(!denied, "{key:?}: takes effect after an outcome that denies it");
        let state = case.state.clone();
        let Some(attempt) = case.attempts.get_mut(number - 1) else {
            return Err(format!("{key:?}: an effect of no attempt"));
        };
        attempt.effects += 1;
        hold!(
            attempt.answer.as_deref() != Some("not_executed"),
            "{key:?}: takes effect, and was recorded as not executed"
        );
        hold!(
            !matches!(state.as_str(), "failed" | "survived" | "drifted" | "already_gone"),
            "{key:?}: takes effect, and is recorded as {state}"
        );
        Ok(())
    }

    /// An honest answer to a question has arrived.
    pub(super) fn is_shown(&mut self, call: &Call, rows: &Value, (at, asked): (Duration, Duration), arrays: Arrays) {
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        let user = |row: &Value, field: &str| text(row, field).parse::<u32>().ok();
        // What is left out says something only where the question was understood, and the page has room.
        let all_is_there = |asked: usize| rows.len() < PAGE && (asked == 1 || arrays == Arrays::Honoured);
        match call.method.as_str() {
            "bizproc.workflow.instances" => {
                let ids = call.values("FILTER[=ID]").unwrap_or_default();
                for id in &ids {
                    let listed = rows.iter().any(|row| text(row, "ID") == *id);
                    if listed || all_is_there(ids.len()) {
                        self.shown.insert((*id).to_owned(), Shown { listed, at, asked });
                    }
                }
            }
            "bizproc.task.list" if call.parameter("FILTER[USER_STATUS]") == Some("0") => {
                let ids = call.values("FILTER[WORKFLOW_ID]").unwrap_or_default();
                for id in &ids {
                    let of_it = rows.iter().filter(|row| text(row, "WORKFLOW_ID") == *id);
                    let users: BTreeSet<u32> = of_it.filter_map(|row| user(row, "USER_ID")).collect();
                    if rows.len() < PAGE && (!users.is_empty() || all_is_there(ids.len())) {
                        self.waiting.insert((*id).to_owned(), (asked, users));
                    }
                }
            }
            "user.get" => {
                for row in rows {
                    if let Some(id) = user(row, "ID") {
                        self.active.insert(id, (asked, row["ACTIVE"] == Value::Bool(true)));
                    }
                }
            }
            _ => {}
        }
    }

    /// What a person can decide about the plan of a job, as `decide` takes it.
    pub(super) fn decidable(&self, job: u64) -> Vec<Vec<String>> {
        let mut wishes = BTreeSet::new();
        let of_job = self.cases.iter().filter(|(key, _)| key.0 == job);
        for case in of_job.map(|(_, case)| case) {
            if case.holds.is_empty() {
                wishes.insert(vec!["--drop".to_owned(), format!("workflow:{}", case.workflow)]);
                let people = case.people.iter().map(|user| format!("person:{user}"));
                wishes.extend(people.map(|person| vec!["--drop".to_owned(), person]));
            }
            // What was dropped is released only by its name, or as such.
            let is_dropped = case.holds.iter().any(|hold| hold == "dropped");
            let can_be = |hold: &&String| *hold != "protected" && (!is_dropped || *hold == "dropped");
            for hold in case.holds.iter().filter(can_be) {
                let released = [format!("hold:{hold}"), format!("workflow:{}", case.workflow)];
                for selector in released {
                    let kind = ["--action", "kill"].map(str::to_owned);
                    wishes.insert(["--include".to_owned(), selector].into_iter().chain(kind).collect());
                }
            }
        }
        let open = self.jobs.get(&job).into_iter().flat_map(|job| &job.open_rows);
        let rows = self.rows(job);
        wishes.extend(open.filter_map(|row| {
            let person = rows.get(usize::try_from(*row).ok()?.checked_sub(1)?)?;
            Some(
                [
                    "--row".to_owned(),
                    row.to_string(),
                    "--user".to_owned(),
                    person.user.to_string(),
                ]
                .into(),
            )
        }));
        wishes.into_iter().collect()
    }

    /// Whether a second person has to approve the plan of a job before anything else goes on.
    pub(super) fn waits_for_approval(&self, job: &Job) -> bool {
        let has_actions = job.frozen.as_ref().is_some_and(|(_, planned)| *planned > 0);
        self.scenario.approval && has_actions && !job.confirmed && !job.is_approved()
    }

    /// How many actions of a job are still open.
    pub(super) fn open(&self, job: u64) -> usize {
        let of_job = self.cases.iter().filter(|(key, _)| key.0 == job);
        of_job
            .filter(|(_, case)| matches!(case.state.as_str(), "planned" | "sent"))
            .count()
    }

    /// How many actions of a job are in one of these states.
    pub(super) fn count(&self, job: u64, states: &[&str]) -> usize {
        let of_job = self.cases.iter().filter(|(key, _)| key.0 == job);
        of_job.filter(|(_, case)| states.contains(&case.state.as_str())).count()
    }

    pub(super) fn effects(&self) -> usize {
        self.effects
    }

    /// After everything: what was done is on record as done, and every action has its one final word.
    pub(super) fn closes(&self) -> Result<(), Broken> {
        for (key, case) in &self.cases {
            let state = case.state.as_str();
            hold!(!matches!(state, "planned" | "sent"), "{key:?} is {state} at the end");
            hold!(
                state != "held" || case.attempts.is_empty(),
                "{key:?} is held and was sent"
            );
            for attempt in &case.attempts {
                hold!(
                    attempt.effects == 0 || attempt.answer.as_deref() != Some("not_executed"),
                    "{key:?}: took effect, and is recorded as not executed"
                );
            }
            let took_effect = case.attempts.iter().any(|attempt| attempt.effects > 0);
            hold!(
                !took_effect || matches!(state, "confirmed" | "presumed" | "unattributed"),
                "{key:?}: took effect, and is recorded as {state}"
            );
        }
        for (number, job) in &self.jobs {
            hold!(
                job.open_runs.is_empty(),
                "job {number} has runs that never ended: {:?}",
                job.open_runs
            );
        }
        Ok(())
    }
}

impl Case {
    /// The claim that each outcome makes: the table of design section 1.
    fn check_claim(&mut self, outcome: &str, shown: Option<Shown>, truth: &Truth) -> Result<(), Broken> {
        let last = self.attempts.last();
        let shown = shown.ok_or("nobody asked")?;
        hold!(
            last.is_none_or(|last| shown.asked >= last.at),
            "nobody asked since the last attempt"
        );
        let unanswered = self
            .attempts
            .iter()
            .rfind(|attempt| attempt.is_unanswered())
            .map(|attempt| attempt.at);
        let answered = |with: &str| {
            self.attempts
                .iter()
                .any(|attempt| attempt.answer.as_deref() == Some(with))
        };
        if matches!(outcome, "confirmed" | "presumed" | "already_gone" | "unattributed") {
            hold!(!shown.listed && !truth.is_running(&self.workflow), "it runs");
        } else {
            hold!(shown.listed, "it was gone when it was last asked about");
            hold!(
                unanswered.is_none_or(|at| shown.asked >= at + QUIET),
                "an attempt can still take effect"
            );
            self.denied.push((shown.at, self.attempts.len()));
        }
        match outcome {
            "confirmed" => hold!(
                self.attempts
                    .iter()
                    .any(|attempt| attempt.heard_true && attempt.answer.as_deref() == Some("yes")),
                "the portal never said true"
            ),
            "presumed" => hold!(unanswered.is_some(), "every attempt was answered"),
            "already_gone" => hold!(
                self.attempts
                    .iter()
                    .all(|attempt| attempt.answer.as_deref() == Some("not_executed")),
                "something was sent before"
            ),
            "unattributed" => hold!(
                unanswered.is_none() && answered("refused") && !answered("yes"),
                "not every attempt was refused"
            ),
            "drifted" => hold!(self.state == "planned", "it is in flight"),
            "failed" => hold!(
                last.and_then(|last| last.answer.as_deref()) == Some("refused"),
                "no error is on record"
            ),
            "survived" => {
                let yes = last.and_then(|last| last.answer.as_deref()) == Some("yes");
                hold!(
                    last.is_some_and(|last| shown.asked >= last.at + QUIET),
                    "it is too early"
                );
                hold!(
                    yes || self.attempts.len() - self.earlier >= ATTEMPTS_MAX,
                    "neither a yes nor three attempts"
                );
            }
            other => return Err(format!("{other} is no outcome")),
        }
        let effects: usize = self.attempts.iter().map(|attempt| attempt.effects).sum();
        let denies = !matches!(outcome, "confirmed" | "presumed" | "unattributed");
        hold!(!denies || effects == 0, "it took effect");
        Ok(())
    }
}

/// The re-check, by its sentence in design section 5.
fn check_look(
    case: &Case,
    shown: Option<&Shown>,
    waiting: Option<&(Duration, BTreeSet<u32>)>,
    active: &BTreeMap<u32, (Duration, bool)>,
    now: Duration,
) -> Result<(), Broken> {
    let is_fresh = |asked: Duration| now.saturating_sub(asked) <= LOOK_AGE_MAX;
    hold!(
        shown.is_some_and(|shown| shown.listed && is_fresh(shown.asked)),
        "nobody looked whether it runs"
    );
    let Some((asked, waiting)) = waiting else {
        return Err("nobody looked who waits".to_owned());
    };
    hold!(is_fresh(*asked), "nobody looked lately who waits");
    let ours: Vec<&u32> = waiting.intersection(&case.people).collect();
    hold!(!ours.is_empty(), "none of its people waits any more");
    hold!(waiting.is_subset(&case.participants), "somebody new waits");
    for user in ours {
        let is_dismissed = active
            .get(user)
            .is_some_and(|(asked, active)| !active && is_fresh(*asked));
        hold!(is_dismissed, "user {user} may no longer be dismissed");
    }
    Ok(())
}
