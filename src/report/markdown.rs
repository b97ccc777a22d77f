//! The report for tickets and wikis: Markdown with tables. Texts of others are escaped, so that none of them makes a table, a link or an
//! element.

use std::fmt::Write as _;

use super::headline;
use super::html::{day, time};
use super::job::{Action, Evidence, Report, Row, states};
use super::language::Words;
use super::review::signature;
use super::text::{Text, fold_at, visible};
use crate::domain::{ActionKind, ActionState, Outcome, UserId};

/// Characters of a text that are shown; the whole is in the other formats.
const CUT_AT: usize = 200;

/// Makes the text.
pub fn markdown(report: &Report, words: &'static Words) -> String {
    let mut page = Page {
        report,
        words,
        text: String::new(),
    };
    page.head();
    page.outcomes();
    page.lists();
    page.unmatched();
    page.people();
    page.actions();
    page.orphans();
    page.rest();
    page.text
}

/// A text with nothing in it that Markdown or HTML would take for markup.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (place, character) in visible(text).chars().enumerate() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '@' | ':' => {
                safe.push('\\');
                safe.push(character);
            }
            // Marks of lists and headings, where a text begins.
            '-' | '+' | '#' | '=' | '!' if place == 0 => {
                safe.push('\\');
                safe.push(character);
            }
            // What begins like an address becomes a link in many places.
            '.' if safe
                .get(safe.len().saturating_sub(3)..)
                .is_some_and(|end| end.eq_ignore_ascii_case("www")) =>
            {
                safe.push_str("\\.");
            }
            character => safe.push(character),
        }
    }
    safe
}

struct Page<'a> {
    report: &'a Report,
    words: &'static Words,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str) {
        self.text.push('\n');
        self.line(&format!("## {title}"));
        self.text.push('\n');
    }

    fn table(&mut self, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        self.line(&format!("| {} |", header.join(" | ")));
        self.line(&format!("|{}", " --- |".repeat(header.len())));
        for row in rows {
            self.line(&format!("| {} |", row.join(" | ")));
        }
    }

    fn shown(&self, text: &Text) -> String {
        match text {
            Text::Nothing => String::new(),
            Text::There(text) => {
                let (head, rest) = fold_at(text, CUT_AT);
                let more = rest.map(|rest| format!("… ({})", (self.words.fold_more)(rest.chars().count())));
                format!("{}{}", escaped(head), more.unwrap_or_default())
            }
            Text::Erased(Some(at)) => format!("*{}*", (self.words.erased_on)(day(at))),
            Text::Erased(None) => format!("*{}*", self.words.erased),
        }
    }

    fn user(&self, user: UserId) -> String {
        let name = self.report.name(user);
        if name.is_nothing() {
            (self.words.user)(user.0)
        } else {
            format!("{user} {}", self.shown(&name))
        }
    }

    fn users<'u>(&self, users: impl IntoIterator<Item = &'u UserId>) -> String {
        let users: Vec<String> = users.into_iter().map(|user| self.user(*user)).collect();
        users.join(", ")
    }

    /// The word, and beside it what it is called in the reader's language.
    fn state(&self, state: ActionState) -> String {
        glossed(state.as_str(), (self.words.state)(state))
    }

    fn written(&self, row: &Row) -> String {
        let cells = row.written.iter().map(|(_, text)| self.shown(text));
        cells.collect::<Vec<_>>().join(" ")
    }

    fn head(&mut self) {
        let (report, words) = (self.report, self.words);
        let kind = if report.is_planned() {
            words.kind_plan
        } else {
            words.kind_report
        };
        let title = format!(
            "# offboard24: {kind}, {}, {}",
            (words.job)(report.record.job.0),
            escaped(&report.record.portal.0)
        );
        self.line(&title);
        self.text.push('\n');
        self.line(&format!("**{}**", headline::headline(report, words)));
        self.text.push('\n');
        let operator = report.runs.first().and_then(|run| run.started.as_ref());
        if let Some(started) = operator.filter(|_| report.is_planned()) {
            let operator = escaped(&format!("{}@{}", started.os_user, started.host));
            self.line(&format!("{} {operator}.", words.plan_invitation));
            self.text.push('\n');
        }
        for note in headline::notes(report, words) {
            self.line(&format!("- {}", note.text));
        }
        self.text.push('\n');
        let mut facts = Vec::new();
        facts.extend(
            report
                .record
                .frozen_at
                .as_ref()
                .map(|at| format!("{}: {}", words.l_planned, time(at))),
        );
        facts.extend(report.review.approved().map(|approval| {
            let by = escaped(&signature(&approval.operator));
            format!("{}: {}, {by}", words.l_approved, time(&approval.at))
        }));
        facts.extend(report.consent.as_ref().map(|consent| {
            let by = (words.consent_by)(&consent.by).map_or_else(|| escaped(&consent.by), str::to_owned);
            format!("{}: {}, {by}", words.l_confirmed, time(&consent.at))
        }));
        facts.extend(
            report
                .record
                .closed_at
                .as_ref()
                .map(|at| format!("{}: {}", words.l_closed, time(at))),
        );
        for (label, said) in [(words.l_ticket, &report.ticket), (words.l_reason, &report.reason)] {
            if !said.is_nothing() {
                facts.push(format!("{label}: {}", self.shown(said)));
            }
        }
        facts.push(words.utc.to_owned());
        self.line(&facts.join("  \n"));
    }

    fn outcomes(&mut self) {
        let (report, words) = (self.report, self.words);
        self.heading(words.outcomes);
        let there = states().filter(|state| report.status.count(*state) > 0);
        let rows: Vec<Vec<String>> = there
            .map(|state| {
                let count = words.number(report.status.count(state));
                vec![count, self.state(state), (words.state_claim)(state).to_owned()]
            })
            .collect();
        self.table(&[words.c_count, words.c_state, words.c_claim], rows);
    }

    /// What was to be done and is not, and what is held.
    fn lists(&mut self) {
        let (report, words) = (self.report, self.words);
        let not_done: Vec<&Action> = report
            .actions
            .iter()
            .filter(|action| report.is_undone(action))
            .collect();
        let held: Vec<&Action> = report.in_states(&[ActionState::Held]).collect();
        for (title, actions) in [(words.not_done, not_done), (words.held, held)] {
            if actions.is_empty() {
                continue;
            }
            self.heading(title);
            let rows: Vec<Vec<String>> = actions
                .into_iter()
                .map(|action| {
                    let todo = if action.record.state == ActionState::Held {
                        action
                            .record
                            .holds
                            .iter()
                            .map(|hold| (words.hold_todo)(*hold))
                            .collect::<Vec<_>>()
                            .join(" ")
                    } else {
                        (words.state_todo)(action.record.state).unwrap_or_default().to_owned()
                    };
                    vec![
                        action.record.action.to_string(),
                        self.shown(action.title()),
                        self.state(action.record.state),
                        self.why(action),
                        self.users(&action.record.others),
                        todo,
                    ]
                })
                .collect();
            self.table(
                &[
                    words.c_action,
                    words.c_workflow,
                    words.c_state,
                    words.c_why,
                    words.c_others,
                    words.c_todo,
                ],
                rows,
            );
        }
    }

    /// Why an action stands as it does: its holds, how it changed, what the portal said.
    fn why(&self, action: &Action) -> String {
        let words = self.words;
        let record = &action.record;
        if record.state == ActionState::Held {
            let holds = record
                .holds
                .iter()
                .map(|hold| format!("{}: {}", hold.as_str(), (words.hold)(*hold)));
            return holds.collect::<Vec<_>>().join(" ");
        }
        if record.state == ActionState::Ended(Outcome::Drifted) {
            return record
                .detail
                .as_deref()
                .map(|detail| escaped(words.phrase_of(detail)))
                .unwrap_or_default();
        }
        action
            .last_answer()
            .map(|attempt| {
                let code = attempt.code.as_deref().map(escaped).unwrap_or_default();
                format!("{code} {}", self.shown(&attempt.text)).trim().to_owned()
            })
            .unwrap_or_default()
    }

    fn unmatched(&mut self) {
        let (report, words) = (self.report, self.words);
        let rows: Vec<Vec<String>> = report
            .unmatched()
            .map(|row| {
                let state = row.record.state;
                vec![
                    row.record.row.to_string(),
                    self.written(row),
                    state
                        .map(|state| glossed(state.as_str(), (words.row_state)(state)))
                        .unwrap_or_default(),
                    row.record
                        .reason
                        .as_deref()
                        .map(|reason| escaped(words.phrase_of(reason)))
                        .unwrap_or_default(),
                    self.users(&row.candidates),
                    state.map_or("", |state| (words.row_todo)(state)).to_owned(),
                ]
            })
            .collect();
        if rows.is_empty() {
            return;
        }
        self.heading(words.unmatched);
        self.table(
            &[
                words.c_row,
                words.c_written,
                words.c_state,
                words.c_why,
                words.c_candidates,
                words.c_todo,
            ],
            rows,
        );
    }

    fn people(&mut self) {
        let (report, words) = (self.report, self.words);
        self.heading(words.people);
        let became = if report.is_planned() {
            words.c_becomes
        } else {
            words.c_became
        };
        let rows: Vec<Vec<String>> = report
            .people
            .iter()
            .map(|person| {
                let rows: Vec<String> = person.rows.iter().map(ToString::to_string).collect();
                let tally = report.tally(&person.actions);
                let tally: Vec<String> = tally
                    .into_iter()
                    .map(|(state, count)| format!("{} {}", words.number(count), self.state(state)))
                    .collect();
                let tally = if tally.is_empty() {
                    words.no_workflow.to_owned()
                } else {
                    tally.join(", ")
                };
                vec![
                    rows.join(", "),
                    self.user(person.user),
                    words.number(person.actions.len() as u64),
                    tally,
                ]
            })
            .collect();
        self.table(&[words.c_row, words.c_person, words.c_workflows, became], rows);
    }

    fn actions(&mut self) {
        let (report, words) = (self.report, self.words);
        if report.actions.is_empty() {
            return;
        }
        self.heading(words.plan_list);
        let rows: Vec<Vec<String>> = report
            .actions
            .iter()
            .map(|action| {
                let record = &action.record;
                let starter = action.workflow.as_ref().and_then(|view| view.started_by);
                let document = action
                    .workflow
                    .as_ref()
                    .and_then(|view| view.document.as_deref())
                    .map(escaped);
                vec![
                    record.action.to_string(),
                    format!("{} {}", self.shown(action.title()), document.unwrap_or_default())
                        .trim()
                        .to_owned(),
                    format!("`{}`", record.workflow),
                    record.kind.map_or(words.kind_undecided, ActionKind::as_str).to_owned(),
                    self.state(record.state),
                    self.users(record.people.iter().chain(&record.others)),
                    starter.map(|user| self.user(user)).unwrap_or_default(),
                    format!(
                        "{} `{}`",
                        action.evidence.seq,
                        action.evidence.leaf.get(..12).unwrap_or_default()
                    ),
                ]
            })
            .collect();
        self.table(
            &[
                words.c_action,
                words.c_task,
                words.c_workflow,
                words.c_action,
                words.c_state,
                words.c_waits_for,
                words.c_started_by,
                words.c_record,
            ],
            rows,
        );
    }

    fn orphans(&mut self) {
        let (report, words) = (self.report, self.words);
        if report.orphans.is_empty() {
            return;
        }
        self.heading(words.orphans);
        self.line(words.orphans_about);
        self.text.push('\n');
        let rows: Vec<Vec<String>> = report
            .orphans
            .iter()
            .map(|orphan| {
                let task = format!("{} {}", self.shown(&orphan.title), orphan.task);
                vec![task, self.user(orphan.user), format!("`{}`", orphan.workflow)]
            })
            .collect();
        self.table(&[words.c_task, words.c_waits_for, words.c_workflow], rows);
    }

    /// What people decided about the plan, and who approved it.
    fn review(&mut self) {
        let (review, words) = (&self.report.review, self.words);
        if review.is_empty() {
            return;
        }
        self.heading(words.review);
        let short = |hash: &str| format!("`{}`", escaped(hash.get(..8).unwrap_or(hash)));
        let record = |evidence: &Evidence| {
            let leaf = evidence.leaf.get(..12).unwrap_or_default();
            format!("{} `{leaf}`", evidence.seq)
        };
        let numbers = self.report.numbers();
        let decisions: Vec<Vec<String>> = review
            .decisions
            .iter()
            .map(|decided| {
                let row = decided.row;
                let row = row.map(|(row, user)| format!("{} {}", (words.decided_row)(row.0), self.user(user)));
                let groups = decided.groups(&numbers);
                let about = groups.iter().map(|group| group.text(words));
                vec![
                    time(&decided.at),
                    escaped(&signature(&decided.operator)),
                    row.into_iter().chain(about).collect::<Vec<_>>().join("; "),
                    short(&decided.plan_hash),
                    record(&decided.evidence),
                ]
            })
            .collect();
        let approvals: Vec<Vec<String>> = review
            .approvals
            .iter()
            .map(|approval| {
                let by = (words.consent_by)(&approval.by).map_or_else(|| escaped(&approval.by), str::to_owned);
                vec![
                    time(&approval.at),
                    escaped(&signature(&approval.operator)),
                    by,
                    short(&approval.plan_hash),
                    (words.approval_standing)(approval.standing, self.report.consent.is_some()).to_owned(),
                    record(&approval.evidence),
                ]
            })
            .collect();
        if !decisions.is_empty() {
            let header = [
                words.c_when,
                words.c_by_whom,
                words.c_decided,
                words.c_void_plan,
                words.c_record,
            ];
            self.table(&header, decisions);
            self.text.push('\n');
        }
        if !approvals.is_empty() {
            let header = [
                words.c_when,
                words.c_by_whom,
                words.c_how,
                words.c_plan,
                words.c_standing,
                words.c_record,
            ];
            self.table(&header, approvals);
            self.text.push('\n');
        }
        if review.is_missing() {
            self.line(words.note_unapproved);
        }
        if !review.approvals.is_empty() || review.is_needed {
            self.line(words.approval_worth);
        }
    }

    /// Runs, what is not recorded, and how to verify it.
    fn rest(&mut self) {
        let (report, words) = (self.report, self.words);
        self.heading(words.who);
        let rows: Vec<Vec<String>> = report
            .runs
            .iter()
            .map(|run| {
                let started = run.started.as_ref();
                let end = match (&run.record.finished_at, run.stopped()) {
                    (None, _) => words.end_open,
                    (Some(_), None) => words.end_in_order,
                    (Some(_), Some(reason)) => (words.stop_reason)(reason),
                };
                let operator = started.map(|started| escaped(&format!("{}@{}", started.os_user, started.host)));
                let sums = run.pause_sums();
                let pauses: Vec<String> = sums
                    .iter()
                    .map(|sum| {
                        let waited = (words.duration)(sum.wait_ms);
                        format!(
                            "{}: {}",
                            escaped(words.phrase_of(sum.reason)),
                            (words.paused_for)(&waited, sum.times)
                        )
                    })
                    .collect();
                vec![
                    run.record.run.to_string(),
                    escaped(&run.record.command),
                    operator.unwrap_or_default(),
                    started
                        .map(|started| self.user(started.webhook_owner))
                        .unwrap_or_default(),
                    started.map(|started| escaped(&started.version)).unwrap_or_default(),
                    time(&run.record.started_at),
                    run.record.finished_at.as_deref().map(time).unwrap_or_default(),
                    end.to_owned(),
                    pauses.join("; "),
                ]
            })
            .collect();
        self.table(
            &[
                words.c_run,
                words.c_command,
                words.c_operator,
                words.c_webhook,
                words.c_version,
                words.c_started,
                words.c_ended,
                words.c_end,
                words.pauses,
            ],
            rows,
        );
        self.review();
        self.heading(words.unrecorded);
        let kills = report
            .actions
            .iter()
            .any(|action| action.record.kind == Some(ActionKind::Kill));
        for item in words.unrecorded_items.into_iter().skip(usize::from(!kills)) {
            self.line(&format!("- {item}"));
        }
        self.heading(words.verify);
        self.line(words.verify_about);
        self.text.push('\n');
        let mut facts = format!("- {}: `{}`\n", words.l_database, report.database);
        // Writing into a String cannot fail.
        if let Some(hash) = &report.record.plan_hash {
            _ = writeln!(facts, "- {}: `{hash}`", words.l_plan_hash);
        }
        _ = writeln!(facts, "- {}: `{}`", words.l_policy_hash, report.record.policy_hash);
        if let Some(last) = &report.anchor.last_event {
            _ = writeln!(facts, "- {}: {} `{}`", words.l_last_event, last.seq, last.leaf);
        }
        let checkpoint = report.anchor.checkpoint.as_ref();
        let covers = checkpoint.map_or_else(
            || words.checkpoint_none.to_owned(),
            |checkpoint| (words.checkpoint_covers)(checkpoint.size),
        );
        _ = writeln!(facts, "- {}: {covers}", words.l_checkpoint);
        self.text.push_str(&facts);
        self.text.push('\n');
        for (step, command) in words.verify_steps {
            let command = if command.is_empty() {
                String::new()
            } else {
                format!(" `{command}`")
            };
            self.line(&format!("1. {step}{command}"));
        }
        self.text.push('\n');
        self.line(words.made_by);
    }
}

fn glossed(word: &str, gloss: &str) -> String {
    if gloss.is_empty() {
        word.to_owned()
    } else {
        format!("{word} ({gloss})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_others_becomes_markup() {
        assert_eq!(
            escaped("a|b`c<script>[x](http://y)"),
            r"a\|b\`c&lt;script&gt;\[x\](http\://y)"
        );
        assert_eq!(escaped("# a\nb\r\n# c"), r"\# a⏎b⏎# c");
        assert_eq!(escaped("www.example.com _a_ 1.5"), r"www\.example.com \_a\_ 1.5");
    }
}
