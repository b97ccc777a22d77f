//! The report for spreadsheets and scripts: CSV, one line a record.
//!
//! A line is an `action` of the plan, an `orphan`, or a `row` of the roster; the columns are the same for all, so that files can be put
//! together. Free text and whatever was echoed is guarded against being taken for a formula (CWE-1236); what offboard24 writes itself is not.
//! Nothing is ever read back from here.

use super::job::{Action, Orphan, Report, Row};
use super::review::signature;
use super::text::Text;
use crate::domain::{ActionKind, ActionState, Outcome, RowNumber, UserId, WorkflowId};
use crate::journal::{Operator, WorkflowView};

/// The version of the columns, in the first of them. Columns are only appended.
const FORMAT: &str = "1";

/// The header.
pub const COLUMNS: &[&str] = &[
    "format",
    "record",
    "job",
    "rows",
    "written",
    "user_ids",
    "users",
    "workflow",
    "tasks",
    "document",
    "started_by",
    "also_waiting",
    "action",
    "do",
    "state",
    "reason",
    "portal_code",
    "portal_error",
    "attempts",
    "planned_at",
    "sent_at",
    "last_sent_at",
    "ended_at",
    "event",
    "evidence",
    "note",
    "job_reason",
    "job_ticket",
    "decided",
    "approved",
];

/// Between the values of a cell that has several.
const AND: &str = "; ";

/// How a file is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// RFC 4180: commas, UTF-8.
    Rfc4180,
    /// For Excel: the same with a byte order mark, and ids that stay text.
    Excel,
    /// For Excel where the decimal sign is a comma, as in Russia: semicolons.
    ExcelRussian,
}

impl Dialect {
    fn delimiter(self) -> u8 {
        match self {
            Self::Rfc4180 | Self::Excel => b',',
            Self::ExcelRussian => b';',
        }
    }

    fn is_for_excel(self) -> bool {
        self != Self::Rfc4180
    }
}

/// A file of the split.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub text: String,
}

/// Everything in one file: the actions, the orphans, and the rows of the roster.
///
/// # Errors
/// Never, unless there is a bug: it is written into memory.
pub fn whole(report: &Report, dialect: Dialect) -> Result<String, csv::Error> {
    let mut file = File::begin(dialect)?;
    for action in &report.actions {
        file.action(report, action)?;
    }
    file.rest(report)?;
    file.end()
}

/// The plan in three files that partition it, and the rows of the roster in a fourth.
///
/// # Errors
/// As [`whole`].
pub fn split(report: &Report, dialect: Dialect) -> Result<Vec<Named>, csv::Error> {
    let mut files = Vec::new();
    for (part, name) in Part::ALL {
        let mut file = File::begin(dialect)?;
        for action in report
            .actions
            .iter()
            .filter(|action| Part::of(action.record.state) == part)
        {
            file.action(report, action)?;
        }
        files.push(Named {
            name,
            text: file.end()?,
        });
    }
    let mut rows = File::begin(dialect)?;
    rows.rest(report)?;
    files.push(Named {
        name: "rows.csv",
        text: rows.end()?,
    });
    Ok(files)
}

/// A part of the plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Succeeded,
    Failed,
    Unprocessed,
}

impl Part {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Succeeded, "succeeded.csv"),
        (Self::Failed, "failed.csv"),
        (Self::Unprocessed, "unprocessed.csv"),
    ];

    fn of(state: ActionState) -> Self {
        match state {
            ActionState::Planned | ActionState::Held | ActionState::Sent => Self::Unprocessed,
            ActionState::Ended(
                Outcome::Confirmed | Outcome::Presumed | Outcome::AlreadyGone | Outcome::Unattributed,
            ) => Self::Succeeded,
            ActionState::Ended(Outcome::Failed | Outcome::Survived | Outcome::Drifted) => Self::Failed,
        }
    }
}

/// The cells of a line. Those that hold texts of others are guarded when they are set.
#[derive(Default)]
struct Line {
    record: &'static str,
    job: u32,
    rows: String,
    written: String,
    user_ids: String,
    users: String,
    workflow: String,
    tasks: String,
    document: String,
    started_by: String,
    also_waiting: String,
    action: String,
    kind: &'static str,
    state: &'static str,
    reason: String,
    portal_code: String,
    portal_error: String,
    attempts: String,
    planned_at: String,
    sent_at: String,
    last_sent_at: String,
    ended_at: String,
    event: String,
    evidence: String,
    note: String,
    job_reason: String,
    job_ticket: String,
    decided: String,
    approved: String,
}

/// A file on its way.
struct File {
    dialect: Dialect,
    writer: csv::Writer<Vec<u8>>,
}

impl File {
    fn begin(dialect: Dialect) -> Result<Self, csv::Error> {
        let mut bytes = Vec::new();
        if dialect.is_for_excel() {
            bytes.extend_from_slice("\u{feff}".as_bytes());
        }
        let mut writer = csv::WriterBuilder::new()
            .delimiter(dialect.delimiter())
            .terminator(csv::Terminator::CRLF)
            .from_writer(bytes);
        writer.write_record(COLUMNS)?;
        Ok(Self { dialect, writer })
    }

    fn end(self) -> Result<String, csv::Error> {
        let bytes = self.writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
        String::from_utf8(bytes).map_err(|error| std::io::Error::other(error).into())
    }

    fn write(&mut self, line: &Line) -> Result<(), csv::Error> {
        let job = line.job.to_string();
        self.writer.write_record([
            FORMAT,
            line.record,
            &job,
            &line.rows,
            &guarded(&line.written),
            &line.user_ids,
            &guarded(&line.users),
            &line.workflow,
            &guarded(&line.tasks),
            &guarded(&line.document),
            &guarded(&line.started_by),
            &guarded(&line.also_waiting),
            &line.action,
            line.kind,
            line.state,
            &guarded(&line.reason),
            &guarded(&line.portal_code),
            &guarded(&line.portal_error),
            &line.attempts,
            &line.planned_at,
            &line.sent_at,
            &line.last_sent_at,
            &line.ended_at,
            &line.event,
            &line.evidence,
            &guarded(&line.note),
            &guarded(&line.job_reason),
            &guarded(&line.job_ticket),
            &guarded(&line.decided),
            &guarded(&line.approved),
        ])
    }

    /// The id of a workflow is text, also for a program that would rather see a number or a date in it.
    fn workflow(&self, workflow: &WorkflowId) -> String {
        let id = workflow.as_str();
        if self.dialect.is_for_excel() && !is_plainly_text(id) {
            format!("=\"{id}\"")
        } else if self.dialect.is_for_excel() {
            id.to_owned()
        } else {
            guarded(id)
        }
    }

    fn action(&mut self, report: &Report, action: &Action) -> Result<(), csv::Error> {
        let record = &action.record;
        let last = action.last_answer();
        let held = record.state == ActionState::Held;
        let holds: Vec<&str> = record.holds.iter().filter(|_| held).map(|hold| hold.as_str()).collect();
        let drift = record
            .detail
            .as_deref()
            .filter(|_| record.state == ActionState::Ended(Outcome::Drifted));
        let written = action.rows.iter().filter_map(|row| report.row(*row)).map(keys);
        let line = Line {
            record: "action",
            job: report.record.job.0,
            job_reason: plain(&report.reason),
            job_ticket: plain(&report.ticket),
            decided: decided(report, &record.workflow),
            approved: approved(report),
            rows: joined(action.rows.iter().map(ToString::to_string)),
            written: joined(written),
            user_ids: joined(record.people.iter().map(ToString::to_string)),
            users: joined(record.people.iter().map(|user| name(report, *user))),
            workflow: self.workflow(&record.workflow),
            tasks: joined(
                action
                    .tasks
                    .iter()
                    .map(|(task, title)| format!("{}{}", plain(title), behind(&task.to_string()))),
            ),
            document: action
                .workflow
                .as_ref()
                .map(|view| document(view, &action.document))
                .unwrap_or_default(),
            started_by: starter(report, action.workflow.as_ref()),
            also_waiting: joined(record.others.iter().map(|user| named(report, *user))),
            action: record.action.to_string(),
            kind: record.kind.map_or("", ActionKind::as_str),
            state: record.state.as_str(),
            reason: drift.map_or_else(|| holds.join(AND), str::to_owned),
            portal_code: last.and_then(|attempt| attempt.code.clone()).unwrap_or_default(),
            portal_error: last.map(|attempt| plain(&attempt.text)).unwrap_or_default(),
            attempts: record.attempts.to_string(),
            planned_at: action.planned_at.clone(),
            sent_at: action
                .attempts
                .first()
                .map(|attempt| attempt.sent_at.clone())
                .unwrap_or_default(),
            last_sent_at: action
                .attempts
                .last()
                .map(|attempt| attempt.sent_at.clone())
                .unwrap_or_default(),
            ended_at: action.ended_at.clone().unwrap_or_default(),
            event: action.evidence.seq.to_string(),
            evidence: action.evidence.leaf.clone(),
            note: joined(action.reopened.iter().map(|reopened| {
                format!(
                    "{} reopened {} {}",
                    reopened.outcome,
                    reopened.at,
                    plain(&reopened.reason)
                )
                .trim_end()
                .to_owned()
            })),
        };
        self.write(&line)
    }

    /// What is no action: orphans, and every row of the roster.
    fn rest(&mut self, report: &Report) -> Result<(), csv::Error> {
        for orphan in &report.orphans {
            let line = self.orphan(report, orphan);
            self.write(&line)?;
        }
        for row in &report.rows {
            self.write(&self::row(report, row))?;
        }
        Ok(())
    }

    fn orphan(&self, report: &Report, orphan: &Orphan) -> Line {
        let person = report.people.iter().find(|person| person.user == orphan.user);
        Line {
            record: "orphan",
            job: report.record.job.0,
            job_reason: plain(&report.reason),
            job_ticket: plain(&report.ticket),
            approved: approved(report),
            rows: person
                .map(|person| joined(person.rows.iter().map(ToString::to_string)))
                .unwrap_or_default(),
            user_ids: orphan.user.to_string(),
            users: name(report, orphan.user),
            workflow: self.workflow(&orphan.workflow),
            tasks: format!("{}{}", plain(&orphan.title), behind(&orphan.task.to_string())),
            state: "orphan",
            ..Line::default()
        }
    }
}

fn row(report: &Report, row: &Row) -> Line {
    let record = &row.record;
    let (ids, names): (Vec<String>, Vec<String>) = record
        .user
        .into_iter()
        .chain(row.candidates.iter().copied().filter(|_| record.user.is_none()))
        .map(|user| (user.to_string(), name(report, user)))
        .unzip();
    let other = row
        .other
        .iter()
        .map(|(header, cell)| format!("{}: {}", plain(header), plain(cell)));
    let note = (!row.note.is_nothing()).then(|| plain(&row.note));
    Line {
        record: "row",
        job: report.record.job.0,
        job_reason: plain(&report.reason),
        job_ticket: plain(&report.ticket),
        decided: given(report, record.row),
        approved: approved(report),
        rows: record.row.to_string(),
        written: keys(row),
        user_ids: joined(ids),
        users: joined(names),
        kind: record.action.as_str(),
        state: record.state.map_or("", crate::domain::RowState::as_str),
        reason: record.reason.clone().unwrap_or_default(),
        attempts: String::new(),
        note: joined(note.into_iter().chain(other)),
        ..Line::default()
    }
}

/// `include; released: shared; do: kill; 2026-11-22T09:12:00.000Z; alex@office-7`: what was decided about a workflow last.
fn decided(report: &Report, workflow: &WorkflowId) -> String {
    let Some((decided, about)) = report.review.about_workflow(workflow) else {
        return String::new();
    };
    let released: Vec<&str> = about.released.iter().map(|reason| reason.as_str()).collect();
    let released = (!released.is_empty()).then(|| format!("released: {}", released.join(", ")));
    let kind = about.kind.map(|kind| format!("do: {kind}"));
    let what = [Some(about.decision.as_str().to_owned()), released, kind];
    joined(what.into_iter().flatten().chain(signed(&decided.at, &decided.operator)))
}

/// `user 1017; 2026-11-22T09:12:00.000Z; alex@office-7`: who a row is about, by somebody's decision.
fn given(report: &Report, row: RowNumber) -> String {
    let Some(decided) = report.review.about_row(row) else {
        return String::new();
    };
    let user = decided.row.map(|(_, user)| format!("user {user}"));
    joined(user.into_iter().chain(signed(&decided.at, &decided.operator)))
}

/// `2026-11-22T09:40:00.000Z; vera@office-7`: the approval that holds.
fn approved(report: &Report) -> String {
    let approval = report.review.approved();
    approval.map_or(String::new(), |approval| {
        joined(signed(&approval.at, &approval.operator))
    })
}

fn signed(at: &str, operator: &Operator) -> [String; 2] {
    [at.to_owned(), signature(operator)]
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(AND)
}

/// ` (1016)`.
fn behind(text: &str) -> String {
    format!(" ({text})")
}

fn plain(text: &Text) -> String {
    match text {
        Text::Nothing => String::new(),
        Text::There(text) => text.clone(),
        Text::Erased(Some(at)) => format!("erased on {}", super::html::day(at)),
        Text::Erased(None) => "erased".to_owned(),
    }
}

fn name(report: &Report, user: UserId) -> String {
    plain(&report.name(user))
}

/// `29 Ann Lee`.
fn named(report: &Report, user: UserId) -> String {
    format!("{user} {}", name(report, user)).trim_end().to_owned()
}

fn starter(report: &Report, view: Option<&WorkflowView>) -> String {
    view.and_then(|view| view.started_by)
        .map(|user| named(report, user))
        .unwrap_or_default()
}

/// `crm LEAD_1: title`.
fn document(view: &WorkflowView, title: &Text) -> String {
    let parts = [view.module.as_deref(), view.document.as_deref()];
    let id = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    match (id.is_empty(), title.is_nothing()) {
        (_, true) => id,
        (true, false) => plain(title),
        (false, false) => format!("{id}: {}", plain(title)),
    }
}

/// The row's keys as written: `id=29; email=ann@example.com`.
fn keys(row: &Row) -> String {
    let cells = row.written.iter().map(|(field, text)| {
        if field.is_empty() {
            plain(text)
        } else {
            format!("{field}={}", plain(text))
        }
    });
    joined(cells)
}

/// Whether no spreadsheet takes it for a number or a date: the portal's own form, with a letter that no number has.
fn is_plainly_text(id: &str) -> bool {
    let Some((hex, digits)) = id.split_once('.') else {
        return false;
    };
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_letter_of_no_number = |byte: u8| matches!(byte, b'a'..=b'd' | b'f');
    hex.len() == 14
        && digits.len() == 8
        && hex.bytes().all(is_hex)
        && hex.bytes().any(is_letter_of_no_number)
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a spreadsheet could take a text for a formula: by how it begins, blanks, quotes and full-width forms included.
fn needs_guard(text: &str) -> bool {
    const QUOTES: &[char] = &['\'', '"', '`', '´', '‘', '’', '“', '”', '„', '«', '»', '＇', '＂'];
    const STARTS: &[char] = &['=', '+', '-', '@', '＝', '＋', '－', '＠', '−', '﹢', '﹣', '﹦', '﹫'];
    // With the quotes before it: what looks guarded has to be guarded once more, or it would be read back as something else.
    if text.trim_start_matches('\'').starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let hidden = |character: char| {
        character.is_whitespace()
            || character.is_control()
            || QUOTES.contains(&character)
            || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.trim_start_matches(hidden).starts_with(STARTS)
}

/// The text with a `'` before it where a spreadsheet could take it for a formula.
pub fn guarded(text: &str) -> String {
    if needs_guard(text) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// The text that was guarded.
pub fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| needs_guard(text)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_be_a_formula_is_guarded_and_nothing_else() {
        for text in [
            "=1+1",
            "+7 495 000-00-00",
            "-2",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "\nx",
            "  =1",
            "\u{a0}=1",
            "'=1",
            "'\t",
            "\"=1\"",
            "«=1»",
            "＝1",
            " ＋1",
            "－1",
            "＠x",
            "\u{feff}=1",
            "\u{202e}=1",
            "\u{0}=1",
        ] {
            assert_eq!(guarded(text), format!("'{text}"), "{text:?}");
        }
        for text in ["", "Ann Lee", "1-2", "a=b", "'quoted'", " x", "№ 5"] {
            assert_eq!(guarded(text), text);
        }
    }

    #[test]
    fn only_the_portals_own_form_of_an_id_goes_without_protection_into_excel() {
        for (id, text) in [
            ("67a2ffdb2c57a3.35276854", true),
            ("68200123456789.12345678", false),
            ("1234567890123456", false),
            ("1e5", false),
            ("mar1", false),
            ("6820012345678e.12345678", false),
        ] {
            assert_eq!(is_plainly_text(id), text, "{id}");
        }
    }

    /// What lines are read back as.
    fn read_back(text: &str, delimiter: u8) -> Vec<Vec<String>> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let lines = reader
            .records()
            .map(|line| line.unwrap().iter().map(str::to_owned).collect());
        lines.collect()
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(
            texts in prop::collection::vec(
                prop_oneof![".*", "['\"=+@\t\r\n −＝;,-]{0,5}.{0,3}", "(?s).{0,40}"].prop_map(|text: String| text),
                11,
            ),
            dialect in prop_oneof![Just(Dialect::Rfc4180), Just(Dialect::Excel), Just(Dialect::ExcelRussian)],
        ) {
            let line = Line {
                record: "action",
                written: texts[0].clone(),
                users: texts[1].clone(),
                tasks: texts[2].clone(),
                document: texts[3].clone(),
                started_by: texts[4].clone(),
                reason: texts[5].clone(),
                portal_code: texts[6].clone(),
                portal_error: texts[7].clone(),
                note: texts[8].clone(),
                decided: texts[9].clone(),
                approved: texts[10].clone(),
                ..Line::default()
            };
            let mut file = File::begin(dialect).unwrap();
            file.write(&line).unwrap();
            let read = read_back(&file.end().unwrap(), dialect.delimiter());
            prop_assert_eq!(read.len(), 1);
            for (place, text) in [4, 6, 8, 9, 10, 15, 16, 17, 25, 28, 29].into_iter().zip(&texts) {
                let cell = &read[0][place];
                prop_assert_eq!(unguarded(cell), text);
                let first = cell.chars().next();
                prop_assert!(!matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n')), "{:?}", cell);
            }
        }
    }
}
