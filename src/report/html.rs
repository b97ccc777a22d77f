//! The report for people who look rather than read: one HTML file that needs nothing else.
//!
//! Every value goes through the template's escaping; the template is given texts, never markup. Style and script are inline and admitted by
//! their hashes alone, so nothing that slipped through would be applied or run.

use std::fmt::Write as _;

use askama::Template;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::headline::{self, Note};
use super::job::{Action, Report, Row, states};
use super::language::Words;
use super::review::signature;
use super::text::{Text, fold_at, visible};
use super::timeline::{Run, between_ms};
use crate::domain::{ActionKind, ActionState, Outcome, RowState, UserId};

/// The version of the report, in its head.
const FORMAT: u32 = 1;
/// Characters of a text that are shown before it folds.
const FOLD_AT: usize = 160;
/// With more actions than this, what belongs to a person is closed at first.
const OPEN_ACTIONS_MAX: usize = 60;
/// Parts into which the time of a run is cut for its picture.
const SLOTS: u64 = 80;

const STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");

/// Makes the page.
///
/// # Errors
/// When the template cannot be filled, which would be a bug.
pub fn html(report: &Report, words: &'static Words) -> Result<String, askama::Error> {
    Page::of(report, words).render()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    w: &'static Words,
    format: u32,
    style: String,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    title: String,
    kind: &'static str,
    job: String,
    portal: String,
    headline: String,
    invitation: Option<String>,
    notes: Vec<Note>,
    facts: Vec<Fact>,
    sections: Vec<Section>,
    filter_states: Vec<State>,
    bar: Vec<Part>,
    bar_about: String,
    outcomes: Vec<Line>,
    absent: Vec<State>,
    planned: bool,
    lists: Vec<List>,
    unmatched: Vec<RowView>,
    people_count: String,
    people: Vec<PersonView>,
    open: bool,
    actions: Vec<ActionView>,
    orphans: Vec<OrphanView>,
    residue: Vec<Residue>,
    relisted: Vec<String>,
    runs: Vec<RunView>,
    pauses: Vec<PauseView>,
    decisions: Vec<DecisionView>,
    approvals: Vec<ApprovalView>,
    unapproved: bool,
    who: Vec<Fact>,
    unrecorded: Vec<&'static str>,
    verify: Vec<Fact>,
    note_text: Option<String>,
}

/// A text of somebody else's, ready to be shown.
struct Shown {
    head: String,
    rest: Option<String>,
    more: String,
    erased: Option<String>,
}

/// A label and a value.
struct Fact {
    label: &'static str,
    value: String,
    more: String,
    mono: bool,
    wide: bool,
}

struct Section {
    id: &'static str,
    title: &'static str,
    count: String,
}

#[derive(Clone)]
struct State {
    word: &'static str,
    class: &'static str,
    gloss: &'static str,
}

/// A part of the bar, in percent.
struct Part {
    class: &'static str,
    word: &'static str,
    count: String,
    x: String,
    width: String,
    middle: String,
    labelled: bool,
    pattern: &'static str,
}

struct Line {
    state: State,
    count: String,
    claim: &'static str,
}

/// A table of actions that deserve to be seen apart.
struct List {
    id: &'static str,
    title: &'static str,
    about: &'static str,
    count: String,
    actions: Vec<usize>,
}

struct Who {
    /// What stands where there is no name.
    unnamed: String,
    id: String,
    name: Option<Shown>,
    active: bool,
}

struct TaskLine {
    number: String,
    title: Shown,
}

struct Reason {
    word: &'static str,
    text: String,
}

struct Remark {
    text: String,
    reason: Option<Shown>,
}

struct ActionView {
    number: String,
    tasks: Vec<TaskLine>,
    document: Option<Shown>,
    document_id: String,
    workflow: String,
    kind: &'static str,
    kind_gloss: &'static str,
    state: State,
    reasons: Vec<Reason>,
    code: String,
    said: Option<Shown>,
    people: Vec<Who>,
    others: Vec<Who>,
    starter: Option<Who>,
    colleague: bool,
    history: Vec<String>,
    reopened: Vec<Remark>,
    todos: Vec<&'static str>,
    event: String,
    leaf: String,
    leaf_short: String,
}

struct Cell {
    label: &'static str,
    text: Shown,
}

struct Extra {
    header: Shown,
    text: Shown,
}

struct RowView {
    row: u32,
    line: String,
    written: Vec<Cell>,
    extra: Vec<Extra>,
    state: State,
    reason: String,
    candidates: Vec<Who>,
    todo: &'static str,
}

struct TallyPart {
    count: String,
    state: State,
}

struct PersonView {
    first_row: u32,
    rows: String,
    who: Who,
    email: Option<Shown>,
    written: Vec<Cell>,
    extra: Vec<Extra>,
    tally: Vec<TallyPart>,
    summary: String,
    actions: Vec<usize>,
    orphans: Vec<usize>,
}

struct OrphanView {
    task: String,
    title: Shown,
    who: Who,
    workflow: String,
}

struct Residue {
    workflow: String,
    tasks: String,
}

/// A part of the picture of a run.
struct Slot {
    x: String,
    width: String,
    y: u64,
    height: u64,
    about: String,
}

struct RunView {
    number: u32,
    command: String,
    started_iso: String,
    started: String,
    finished_iso: String,
    finished: String,
    summary: String,
    end: String,
    troubled: bool,
    drawn: bool,
    strip_about: String,
    strip_pauses: Vec<Slot>,
    strip_slots: Vec<Slot>,
    operator: String,
    host: String,
    owner: Option<Who>,
    clock: String,
    version: String,
    requests: String,
    requests_plain: u64,
}

struct DecisionView {
    time: String,
    by: String,
    row: Option<(String, Who)>,
    about: Vec<String>,
    plan: String,
    event: String,
    leaf: String,
    leaf_short: String,
}

struct ApprovalView {
    time: String,
    by: String,
    how: String,
    plan: String,
    standing: &'static str,
    event: String,
    leaf: String,
    leaf_short: String,
}

struct PauseView {
    run: u32,
    reason: String,
    method: String,
    times: u32,
    wait_ms: u64,
    waited: String,
    first: String,
    last: String,
}

impl Page {
    /// Actions by their places.
    fn places<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a ActionView> {
        places.iter().filter_map(|place| self.actions.get(*place))
    }

    fn orphans_of<'a>(&'a self, person: &'a PersonView) -> impl Iterator<Item = &'a OrphanView> {
        person.orphans.iter().filter_map(|place| self.orphans.get(*place))
    }

    fn of(report: &Report, words: &'static Words) -> Self {
        let maker = Maker { report, words };
        let planned = report.is_planned();
        let style = STYLE.replace("{{labels}}", &maker.labels(planned));
        let job = (words.job)(report.record.job.0);
        let kind = if planned { words.kind_plan } else { words.kind_report };
        let portal = report.record.portal.0.clone();
        let lists = maker.lists();
        let unmatched: Vec<RowView> = report.unmatched().map(|row| maker.row(row)).collect();
        let sections = maker.sections(&lists);
        Self {
            w: words,
            format: FORMAT,
            style_hash: source_hash(&style),
            style,
            script: SCRIPT,
            script_hash: source_hash(SCRIPT),
            title: format!("offboard24 · {kind} · {job} · {portal}"),
            kind,
            job,
            portal,
            headline: headline::headline(report, words),
            invitation: planned.then(|| maker.operator()).flatten(),
            notes: headline::notes(report, words),
            facts: maker.facts(),
            sections,
            filter_states: maker.filter_states(),
            bar: maker.bar(),
            bar_about: maker.bar_about(),
            outcomes: maker.outcomes(),
            absent: maker.absent(),
            planned,
            lists,
            unmatched,
            people_count: words.number(report.people.len() as u64),
            people: report.people.iter().map(|person| maker.person(person)).collect(),
            open: report.actions.len() <= OPEN_ACTIONS_MAX,
            actions: report.actions.iter().map(|action| maker.action(action)).collect(),
            orphans: report.orphans.iter().map(|orphan| maker.orphan(orphan)).collect(),
            residue: maker.residue(),
            relisted: report.relisted.iter().map(ToString::to_string).collect(),
            runs: report.runs.iter().map(|run| maker.run(run)).collect(),
            pauses: maker.pauses(),
            decisions: maker.decisions(),
            approvals: maker.approvals(),
            unapproved: report.review.is_missing(),
            who: maker.who_did_it(),
            unrecorded: maker.unrecorded(),
            verify: maker.verify(),
            note_text: report
                .anchor
                .checkpoint
                .as_ref()
                .map(|checkpoint| visible_lines(&checkpoint.note)),
        }
    }
}

/// How a content security policy names a source: the base64 of its SHA-256.
fn source_hash(source: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(source))
}

/// A text of several lines that is our own, with everything else visible.
fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// `2026-11-22T10:00:00.000Z` as `2026-11-22 10:00:00`.
pub(super) fn time(recorded: &str) -> String {
    recorded.get(..19).unwrap_or(recorded).replace('T', " ")
}

/// The day alone.
pub(super) fn day(recorded: &str) -> &str {
    recorded.get(..10).unwrap_or(recorded)
}

/// The beginning of a hash.
fn short(hash: &str, length: usize) -> String {
    visible(hash.get(..length).unwrap_or(hash))
}

/// Thousandths as percent: `12.5`.
fn percent(thousandths: u64) -> String {
    format!("{}.{}", thousandths / 10, thousandths % 10)
}

/// Turns what is recorded into what is shown.
struct Maker<'a> {
    report: &'a Report,
    words: &'static Words,
}

impl Maker<'_> {
    fn shown(&self, text: &Text) -> Option<Shown> {
        let words = self.words;
        let shown = |head: &str, rest: Option<&str>, erased: Option<String>| Shown {
            head: visible(head),
            rest: rest.map(visible),
            more: rest
                .map(|rest| (words.fold_more)(rest.chars().count()))
                .unwrap_or_default(),
            erased,
        };
        match text {
            Text::Nothing => None,
            Text::There(text) if text.is_empty() => None,
            Text::There(text) => {
                let (head, rest) = fold_at(text, FOLD_AT);
                Some(shown(head, rest, None))
            }
            Text::Erased(Some(at)) => Some(shown("", None, Some((words.erased_on)(day(at))))),
            Text::Erased(None) => Some(shown("", None, Some(words.erased.to_owned()))),
        }
    }

    fn or_dash(&self, text: &Text) -> Shown {
        self.shown(text).unwrap_or_else(|| Shown {
            head: "–".to_owned(),
            rest: None,
            more: String::new(),
            erased: None,
        })
    }

    fn user(&self, id: UserId) -> Who {
        let user = self.report.users.get(&id);
        Who {
            unnamed: (self.words.user)(id.0),
            id: id.to_string(),
            name: user.and_then(|user| self.shown(&user.name)),
            active: user.is_some_and(|user| user.active),
        }
    }

    fn state(&self, state: ActionState) -> State {
        State {
            word: state.as_str(),
            class: state.as_str(),
            gloss: (self.words.state)(state),
        }
    }

    fn row_state(&self, state: RowState) -> State {
        State {
            word: state.as_str(),
            class: state.as_str(),
            gloss: (self.words.row_state)(state),
        }
    }

    fn operator(&self) -> Option<String> {
        let started = self.report.runs.first()?.started.as_ref()?;
        Some(visible(&format!("{}@{}", started.os_user, started.host)))
    }

    /// A text of the operator's, whole.
    fn said(&self, text: &Text) -> Option<String> {
        match text {
            Text::Nothing => None,
            Text::There(text) => Some(visible(text)),
            Text::Erased(Some(at)) => Some((self.words.erased_on)(day(at))),
            Text::Erased(None) => Some(self.words.erased.to_owned()),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let (report, words) = (self.report, self.words);
        let mut facts = Vec::new();
        if let Some(at) = &report.record.frozen_at {
            facts.push(fact(words.l_planned, time(at)));
        }
        if let Some(hash) = &report.record.plan_hash {
            facts.push(fact(words.l_plan_hash, hash.get(..8).unwrap_or(hash).to_owned()).mono());
        }
        let approved = report.review.approved();
        let approved = approved.map(|approval| {
            let by = visible(&signature(&approval.operator));
            fact(words.l_approved, time(&approval.at)).more(by)
        });
        let missing = report.review.is_missing();
        let unapproved = missing.then(|| fact(words.l_approved, words.unapproved.to_owned()));
        facts.extend(approved.or(unapproved));
        let confirmed = report.consent.as_ref().map(|consent| time(&consent.at));
        let unconfirmed = report.is_planned().then(|| words.unconfirmed.to_owned());
        facts.extend(confirmed.or(unconfirmed).map(|value| fact(words.l_confirmed, value)));
        if let Some(at) = &report.record.closed_at {
            facts.push(fact(words.l_closed, time(at)));
        }
        facts.extend(self.said(&report.ticket).map(|ticket| fact(words.l_ticket, ticket)));
        facts.extend(self.said(&report.reason).map(|reason| fact(words.l_reason, reason)));
        facts
    }

    fn sections(&self, lists: &[List]) -> Vec<Section> {
        let (report, words) = (self.report, self.words);
        let section = |id, title, count: usize| Section {
            id,
            title,
            count: if count == 0 {
                String::new()
            } else {
                words.number(count as u64)
            },
        };
        let mut sections = vec![section("outcomes", words.outcomes, 0)];
        sections.extend(
            lists
                .iter()
                .map(|list| section(list.id, list.title, list.actions.len())),
        );
        let unmatched = report.unmatched().count();
        let optional = |id, title, count| (count > 0).then(|| section(id, title, count));
        sections.extend(optional("unmatched", words.unmatched, unmatched));
        sections.push(section("people", words.people, report.people.len()));
        sections.extend(optional("orphans", words.orphans, report.orphans.len()));
        sections.extend(optional("residue", words.residue, report.residue.len()));
        sections.extend(optional("relisted", words.relisted, report.relisted.len()));
        if !report.review.is_empty() {
            sections.push(section("review", words.review, 0));
        }
        sections.push(section("timeline", words.timeline, 0));
        sections.push(section("who", words.who, 0));
        sections.push(section("unrecorded", words.unrecorded, 0));
        sections.push(section("verify", words.verify, 0));
        sections
    }

    fn filter_states(&self) -> Vec<State> {
        let there = states().filter(|state| self.report.status.count(*state) > 0);
        let mut filter: Vec<State> = there.map(|state| self.state(state)).collect();
        let rows = RowState::ALL.iter().filter(|state| {
            let unmatched = |row: &Row| row.record.state == Some(**state);
            self.report.unmatched().any(unmatched)
        });
        filter.extend(rows.map(|state| self.row_state(*state)));
        filter
    }

    fn bar(&self) -> Vec<Part> {
        /// The least width of a part, and the gap between two, in thousandths.
        const LEAST: u64 = 8;
        const GAP: u64 = 2;
        /// From this width on a number fits into a part.
        const LABELLED: u64 = 45;
        let there: Vec<(ActionState, u64)> = states()
            .map(|state| (state, u64::from(self.report.status.count(state))))
            .filter(|(_, count)| *count > 0)
            .collect();
        let total: u64 = there.iter().map(|(_, count)| count).sum();
        let parts = there.len() as u64;
        let room = 1000 - parts * LEAST - parts.saturating_sub(1) * GAP;
        let mut x = 0;
        let mut bar = Vec::new();
        let mut before = 0;
        for (state, count) in there {
            // The ends are rounded, not the widths, so that the last part ends at the end.
            let width = LEAST + room * (before + count) / total - room * before / total;
            before += count;
            bar.push(Part {
                class: state.as_str(),
                word: state.as_str(),
                count: self.words.number(count),
                x: percent(x),
                width: percent(width),
                middle: percent(x + width / 2),
                labelled: width >= LABELLED,
                pattern: pattern(state),
            });
            x += width + GAP;
        }
        bar
    }

    fn bar_about(&self) -> String {
        let parts: Vec<String> = states()
            .filter(|state| self.report.status.count(*state) > 0)
            .map(|state| format!("{} {state}", self.words.number(self.report.status.count(state))))
            .collect();
        format!("{}: {}", self.words.outcomes, parts.join(", "))
    }

    fn outcomes(&self) -> Vec<Line> {
        let there = states().filter(|state| self.report.status.count(*state) > 0);
        let lines = there.map(|state| Line {
            state: self.state(state),
            count: self.words.number(self.report.status.count(state)),
            claim: (self.words.state_claim)(state),
        });
        lines.collect()
    }

    /// The outcomes that did not come about, once there could be any, so that nobody wonders.
    fn absent(&self) -> Vec<State> {
        let ended = states().filter(|state| matches!(state, ActionState::Ended(_)));
        let absent = ended.filter(|state| self.report.status.is_confirmed() && self.report.status.count(*state) == 0);
        absent.map(|state| self.state(state)).collect()
    }

    fn lists(&self) -> Vec<List> {
        let (report, words) = (self.report, self.words);
        let not_done = |action: &Action| report.is_undone(action);
        let held = |action: &Action| action.record.state == ActionState::Held;
        let all = [
            self.list("not-done", words.not_done, "", &not_done),
            self.list("held", words.held, "", &held),
            self.list(
                "colleagues",
                words.colleagues,
                words.colleagues_about,
                &Action::is_started_by_colleague,
            ),
            self.list("robots", words.robots, words.robots_about, &Action::may_run_robots),
        ];
        all.into_iter().filter(|list| !list.actions.is_empty()).collect()
    }

    fn list(
        &self,
        id: &'static str,
        title: &'static str,
        about: &'static str,
        belongs: &dyn Fn(&Action) -> bool,
    ) -> List {
        let actions: Vec<usize> = (0..)
            .zip(&self.report.actions)
            .filter_map(|(place, action)| belongs(action).then_some(place))
            .collect();
        List {
            id,
            title,
            about,
            count: self.words.number(actions.len() as u64),
            actions,
        }
    }

    fn written(&self, row: &Row) -> Vec<Cell> {
        let cells = row.written.iter().map(|(field, text)| Cell {
            label: (self.words.field)(field),
            text: self.or_dash(text),
        });
        cells.collect()
    }

    fn extra(&self, row: &Row) -> Vec<Extra> {
        let note = Text::There(self.words.l_note.to_owned());
        let note = (!row.note.is_nothing()).then_some((&note, &row.note));
        let other = row.other.iter().map(|(header, cell)| (header, cell));
        note.into_iter()
            .chain(other)
            .filter(|(_, cell)| !cell.is_nothing())
            .map(|(header, cell)| Extra {
                header: self.or_dash(header),
                text: self.or_dash(cell),
            })
            .collect()
    }

    fn row(&self, row: &Row) -> RowView {
        let words = self.words;
        let nothing = State {
            word: "–",
            class: "none",
            gloss: "",
        };
        RowView {
            row: row.record.row.0,
            line: (words.line)(row.record.line),
            written: self.written(row),
            extra: self.extra(row),
            state: row.record.state.map_or(nothing, |state| self.row_state(state)),
            reason: row
                .record
                .reason
                .as_deref()
                .map(|reason| visible(words.phrase_of(reason)))
                .unwrap_or_default(),
            candidates: row.candidates.iter().map(|user| self.user(*user)).collect(),
            todo: row.record.state.map_or("", |state| (words.row_todo)(state)),
        }
    }

    fn person(&self, person: &super::job::Person) -> PersonView {
        let rows: Vec<&Row> = person.rows.iter().filter_map(|row| self.report.row(*row)).collect();
        let numbers: Vec<String> = person.rows.iter().map(ToString::to_string).collect();
        let tally = self
            .report
            .tally(&person.actions)
            .into_iter()
            .map(|(state, count)| TallyPart {
                count: self.words.number(count),
                state: self.state(state),
            });
        let count = u32::try_from(person.actions.len()).unwrap_or(u32::MAX);
        PersonView {
            first_row: person.rows.first().map_or(0, |row| row.0),
            rows: numbers.join(", "),
            who: self.user(person.user),
            email: self
                .report
                .users
                .get(&person.user)
                .and_then(|user| self.shown(&user.email)),
            written: rows.first().map(|row| self.written(row)).unwrap_or_default(),
            extra: rows.iter().flat_map(|row| self.extra(row)).collect(),
            tally: tally.collect(),
            summary: if person.actions.is_empty() {
                self.words.orphans.to_owned()
            } else {
                (self.words.workflows)(count)
            },
            actions: person.actions.clone(),
            orphans: person.orphans.clone(),
        }
    }

    fn orphan(&self, orphan: &super::job::Orphan) -> OrphanView {
        OrphanView {
            task: (self.words.task)(orphan.task.0),
            title: self.or_dash(&orphan.title),
            who: self.user(orphan.user),
            workflow: orphan.workflow.to_string(),
        }
    }

    fn residue(&self) -> Vec<Residue> {
        let lines = self.report.residue.iter().map(|(workflow, tasks)| Residue {
            workflow: workflow.to_string(),
            tasks: self.words.number(*tasks),
        });
        lines.collect()
    }

    fn action(&self, action: &Action) -> ActionView {
        let words = self.words;
        let record = &action.record;
        let workflow = action.workflow.as_ref();
        let document: Vec<String> = workflow
            .into_iter()
            .flat_map(|view| [view.module.as_deref(), view.document.as_deref()])
            .flatten()
            .map(visible)
            .collect();
        let last = action.last_answer();
        let held = record.state == ActionState::Held;
        let todos: Vec<&'static str> = if held {
            record.holds.iter().map(|hold| (words.hold_todo)(*hold)).collect()
        } else {
            (words.state_todo)(record.state).into_iter().collect()
        };
        ActionView {
            number: record.action.to_string(),
            tasks: action
                .tasks
                .iter()
                .map(|(task, title)| TaskLine {
                    number: (words.task)(task.0),
                    title: self.or_dash(title),
                })
                .collect(),
            document: self.shown(&action.document),
            document_id: document.join(" "),
            workflow: record.workflow.to_string(),
            kind: record.kind.map_or(words.kind_undecided, ActionKind::as_str),
            kind_gloss: "",
            state: self.state(record.state),
            reasons: self.reasons(action),
            code: last
                .and_then(|attempt| attempt.code.as_deref())
                .map(visible)
                .unwrap_or_default(),
            said: last.and_then(|attempt| self.shown(&attempt.text)),
            people: record.people.iter().map(|user| self.user(*user)).collect(),
            others: record.others.iter().map(|user| self.user(*user)).collect(),
            starter: workflow.and_then(|view| view.started_by).map(|user| self.user(user)),
            colleague: workflow.is_some_and(|view| view.started_by_active == Some(true)),
            history: self.history(action),
            reopened: action
                .reopened
                .iter()
                .map(|reopened| Remark {
                    text: (words.reopened)(&time(&reopened.at), reopened.outcome.as_str()),
                    reason: self.shown(&reopened.reason),
                })
                .collect(),
            todos,
            event: (words.event)(action.evidence.seq),
            leaf_short: action.evidence.leaf.get(..12).unwrap_or_default().to_owned(),
            leaf: action.evidence.leaf.clone(),
        }
    }

    fn reasons(&self, action: &Action) -> Vec<Reason> {
        let words = self.words;
        let record = &action.record;
        if record.state == ActionState::Held {
            let holds = record.holds.iter().map(|hold| Reason {
                word: hold.as_str(),
                text: (words.hold)(*hold).to_owned(),
            });
            return holds.collect();
        }
        let drift = record
            .detail
            .as_deref()
            .filter(|_| record.state == ActionState::Ended(Outcome::Drifted));
        let drift = drift.map(|detail| Reason {
            word: "",
            text: visible(words.phrase_of(detail)),
        });
        drift.into_iter().collect()
    }

    /// What was sent and came back, and when it was over.
    fn history(&self, action: &Action) -> Vec<String> {
        let words = self.words;
        let mut lines = Vec::new();
        for attempt in &action.attempts {
            let answer = attempt
                .answer
                .map_or(words.answer_none, |answer| (words.answer)(answer));
            let mut line = format!(
                "{}: {}, {answer}",
                (words.attempt)(attempt.number),
                (words.sent_at)(&time(&attempt.sent_at))
            );
            if let Some(why) = attempt.returned {
                // Writing into a String cannot fail.
                _ = write!(line, "; {}", (words.returned)(why));
            }
            lines.push(line);
        }
        if lines.is_empty() {
            lines.push(words.never_sent.to_owned());
        }
        lines.extend(action.ended_at.as_ref().map(|at| (words.ended_at)(&time(at))));
        lines
    }

    fn run(&self, run: &Run) -> RunView {
        let words = self.words;
        let record = &run.record;
        let (commands, batches) = (run.commands(), u32::try_from(run.batches.len()).unwrap_or(u32::MAX));
        let waited: u64 = run.pauses.iter().map(|pause| pause.wait_ms).sum();
        let sent = if commands == 0 {
            words.only_read.to_owned()
        } else {
            (words.sent_in)(commands, batches)
        };
        let mut summary = vec![
            (words.took)(&(words.duration)(run.length_ms())),
            sent,
            (words.requests)(record.requests),
        ];
        if !run.pauses.is_empty() {
            summary.push((words.paused_for)(
                &(words.duration)(waited),
                u32::try_from(run.pauses.len()).unwrap_or(u32::MAX),
            ));
        }
        let end = match (&record.finished_at, run.stopped()) {
            (None, _) => words.end_open,
            (Some(_), None) => words.end_in_order,
            (Some(_), Some(reason)) => (words.stop_reason)(reason),
        };
        let troubled = record.finished_at.is_none() || run.stopped().is_some();
        if !troubled {
            summary.push(end.to_owned());
        }
        let started = run.started.as_ref();
        let who = |text: &str| visible(text);
        let (strip_slots, strip_pauses) = self.strip(run);
        RunView {
            number: record.run.0,
            command: visible(&record.command),
            started_iso: record.started_at.clone(),
            started: time(&record.started_at),
            finished_iso: record.finished_at.clone().unwrap_or_default(),
            finished: record.finished_at.as_deref().map(time).unwrap_or_default(),
            summary: summary.join(" · "),
            end: end.to_owned(),
            troubled,
            drawn: !strip_slots.is_empty() || !strip_pauses.is_empty(),
            strip_about: (words.strip_about)(
                u32::try_from(run.ended.len()).unwrap_or(u32::MAX),
                &(words.duration)(run.length_ms()),
            ),
            strip_slots,
            strip_pauses,
            operator: started
                .map(|started| match &started.login_user {
                    Some(login) => format!("{} ({})", who(&started.os_user), who(login)),
                    None => who(&started.os_user),
                })
                .unwrap_or_default(),
            host: started.map(|started| who(&started.host)).unwrap_or_default(),
            owner: started.map(|started| self.user(started.webhook_owner)),
            clock: started
                .map(|started| (words.clock_ahead)(started.clock_offset_ms))
                .unwrap_or_default(),
            version: started.map(|started| who(&started.version)).unwrap_or_default(),
            requests: words.number(record.requests),
            requests_plain: record.requests,
        }
    }

    /// The picture of a run: how many actions ended in each part of its time, and its pauses.
    fn strip(&self, run: &Run) -> (Vec<Slot>, Vec<Slot>) {
        /// The height of the fullest part.
        const FULL: u64 = 34;
        let length = run.length_ms().max(1);
        let begin = &run.record.started_at;
        let mut counts = vec![0_u64; usize::try_from(SLOTS).unwrap_or_default()];
        for at in &run.ended {
            let place = (between_ms(begin, at) * SLOTS / length).min(SLOTS - 1);
            counts[usize::try_from(place).unwrap_or_default()] += 1;
        }
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        let slots = (0..)
            .zip(&counts)
            .filter(|(_, count)| **count > 0)
            .map(|(place, count)| {
                let height = (count * FULL / most).max(2);
                Slot {
                    x: percent(place * 1000 / SLOTS),
                    width: percent(1000 / SLOTS - 2),
                    y: 40 - height,
                    height,
                    about: self.words.number(*count),
                }
            });
        let pauses = run.pauses.iter().map(|pause| {
            let end = between_ms(begin, &pause.at).min(length);
            let from = end.saturating_sub(pause.wait_ms);
            let x = from * 1000 / length;
            Slot {
                x: percent(x),
                width: percent((end * 1000 / length - x).max(2)),
                y: 4,
                height: 36,
                about: format!(
                    "{}: {}",
                    self.words.phrase_of(&pause.reason),
                    (self.words.duration)(pause.wait_ms)
                ),
            }
        });
        (slots.collect(), pauses.collect())
    }

    fn pauses(&self) -> Vec<PauseView> {
        let words = self.words;
        let runs = self.report.runs.iter();
        let sums = runs.flat_map(|run| run.pause_sums().into_iter().map(move |sum| (run.record.run.0, sum)));
        sums.map(|(run, sum)| PauseView {
            run,
            reason: visible(words.phrase_of(sum.reason)),
            method: sum.method.map(visible).unwrap_or_default(),
            times: sum.times,
            wait_ms: sum.wait_ms,
            waited: (words.duration)(sum.wait_ms),
            first: time(sum.first),
            last: time(sum.last),
        })
        .collect()
    }

    fn decisions(&self) -> Vec<DecisionView> {
        let (review, words) = (&self.report.review, self.words);
        let numbers = self.report.numbers();
        let decisions = review.decisions.iter().map(|decided| {
            let row = decided.row;
            let groups = decided.groups(&numbers);
            DecisionView {
                time: time(&decided.at),
                by: visible(&signature(&decided.operator)),
                row: row.map(|(row, user)| ((words.decided_row)(row.0), self.user(user))),
                about: groups.iter().map(|group| group.text(words)).collect(),
                plan: short(&decided.plan_hash, 8),
                event: (words.event)(decided.evidence.seq),
                leaf_short: short(&decided.evidence.leaf, 12),
                leaf: decided.evidence.leaf.clone(),
            }
        });
        decisions.collect()
    }

    fn approvals(&self) -> Vec<ApprovalView> {
        let words = self.words;
        let is_confirmed = self.report.consent.is_some();
        let approvals = self.report.review.approvals.iter().map(|approval| ApprovalView {
            time: time(&approval.at),
            by: visible(&signature(&approval.operator)),
            how: (words.consent_by)(&approval.by).map_or_else(|| visible(&approval.by), str::to_owned),
            plan: short(&approval.plan_hash, 8),
            standing: (words.approval_standing)(approval.standing, is_confirmed),
            event: (words.event)(approval.evidence.seq),
            leaf_short: short(&approval.evidence.leaf, 12),
            leaf: approval.evidence.leaf.clone(),
        });
        approvals.collect()
    }

    fn who_did_it(&self) -> Vec<Fact> {
        let (report, words) = (self.report, self.words);
        let mut facts = Vec::new();
        if let Some(consent) = &report.consent {
            let by = (words.consent_by)(&consent.by).map_or_else(|| visible(&consent.by), str::to_owned);
            facts.push(
                fact(words.l_consent, visible(&consent.confirm))
                    .mono()
                    .more(format!("{}, {by}", time(&consent.at)))
                    .wide(),
            );
        } else if report.record.frozen_at.is_some() {
            facts.push(fact(words.l_consent, words.unconfirmed.to_owned()).wide());
        }
        if let Some(roster) = &report.roster {
            facts.push(fact(
                words.l_roster,
                (words.roster_read)(roster.rows, &visible(&roster.encoding)),
            ));
            facts.push(fact(words.l_roster_hash, roster.sha256.clone()).mono().wide());
        }
        if let Some(policy) = &report.policy {
            facts.push(fact(words.l_policy, visible(policy)).mono().wide());
        }
        facts
    }

    fn unrecorded(&self) -> Vec<&'static str> {
        let kills = self
            .report
            .actions
            .iter()
            .any(|action| action.record.kind == Some(ActionKind::Kill));
        let skipped = usize::from(!kills);
        self.words.unrecorded_items.into_iter().skip(skipped).collect()
    }

    fn verify(&self) -> Vec<Fact> {
        let (report, words) = (self.report, self.words);
        let mut facts = vec![fact(words.l_database, report.database.clone())];
        facts.extend(
            report
                .record
                .plan_hash
                .clone()
                .map(|hash| fact(words.l_plan_hash, hash)),
        );
        facts.push(fact(words.l_policy_hash, report.record.policy_hash.clone()));
        if let Some(last) = &report.anchor.last_event {
            facts.push(fact(words.l_last_event, last.leaf.clone()).more((words.event)(last.seq)));
        }
        facts.push(match &report.anchor.checkpoint {
            None => fact(words.l_checkpoint, words.checkpoint_none.to_owned()),
            Some(checkpoint) => {
                let lags = if report.anchor.is_covered() {
                    ""
                } else {
                    words.checkpoint_lags
                };
                fact(words.l_checkpoint, (words.checkpoint_covers)(checkpoint.size)).more(lags.to_owned())
            }
        });
        facts
    }

    /// On a narrow screen tables become cards, and their columns' names go before the cells.
    fn labels(&self, planned: bool) -> String {
        let words = self.words;
        let mut rules = String::new();
        let mut rule = |table: &str, column: usize, label: &str| {
            let label = label.replace(['\\', '"', '<'], "");
            _ = write!(
                rules,
                "{table}>tbody>tr>:nth-child({column})::before{{content:\"{label}\";display:block;color:var(--soft);font-size:.78rem}}"
            );
        };
        let last = if planned { 4 } else { 5 };
        rule(".inner", 2, words.c_state);
        rule(".inner", 3, words.c_others);
        if !planned {
            rule(".inner", 4, words.c_attempts);
        }
        rule(".inner", last, words.c_record);
        rule(".actions", 3, words.c_waits_for);
        rule(".actions", 4, words.c_others);
        rule(".actions", 5, words.c_state);
        rule(".actions", 6, words.c_todo);
        rules
    }
}

fn pattern(state: ActionState) -> &'static str {
    match state {
        ActionState::Ended(Outcome::Presumed) => "p1",
        ActionState::Ended(Outcome::AlreadyGone) => "p3",
        ActionState::Ended(Outcome::Unattributed) | ActionState::Held => "p2",
        ActionState::Ended(Outcome::Survived) | ActionState::Sent => "p4",
        _ => "",
    }
}

fn fact(label: &'static str, value: String) -> Fact {
    Fact {
        label,
        value,
        more: String::new(),
        mono: false,
        wide: false,
    }
}

impl Fact {
    fn mono(mut self) -> Self {
        self.mono = true;
        self
    }

    fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    fn more(mut self, more: String) -> Self {
        self.more = more;
        self
    }
}
