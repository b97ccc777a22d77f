//! A journal that no portal was needed for: a job of any size in which everything that can become of an action has become of one. Its
//! times are made up and always the same.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use offboard24::clock::{Clock, Sleep};
use offboard24::domain::{
    ActionId, ActionKind, Decision, HoldReason, JobId, Outcome, Portal, RowNumber, RowState, RunId, StopReason, TaskId,
    UserId, WorkflowId,
};
use offboard24::journal::{
    About, ActionEnded, ActionPlanned, ActionReopened, ActionReturned, AnswerKind, AttemptAnswered, AttemptIntended,
    Empty, Entry, Event, JobClosed, JobCreated, Journal, Operator, OtherCell, Paused, PlanApproved, PlanConfirmed,
    PlanDecided, PlanFrozen, Recorded, ResidueRecorded, Returned, RosterColumn, RosterRead, RowRead, RowResolved,
    RunAbandoned, RunFinished, RunStarted, Stamp, TaskRecorded, UserDiscovered, UserRecorded, WorkflowDecided,
    WorkflowRecorded,
};
use offboard24::personal::Personal;

/// What becomes of an action.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Ended(Outcome),
    Sent,
    Planned,
    Held(HoldReason),
}

/// A clock that goes on when it is told to.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn utc(&self) -> DateTime<Utc> {
        // 2026-11-22 10:00:00
        DateTime::from_timestamp_millis(1_795_341_600_000 + self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }

    fn sleep(&self, _: Duration) -> Sleep<'_> {
        Box::pin(std::future::ready(()))
    }
}

/// How a job is made up.
pub(crate) struct Archive {
    pub(crate) people: u32,
    /// Workflows of each.
    pub(crate) each: u32,
    /// What becomes of the n-th action, from 0.
    pub(crate) fate: fn(u32) -> Fate,
    /// What stands before every text of others: that of the n-th person and of their actions, from 0, and of the job itself, with 0.
    pub(crate) before: fn(u32) -> &'static str,
}

/// The portal's owner, and a colleague.
const OWNER: UserId = UserId(1);
const COLLEAGUE: UserId = UserId(2);
/// The first of the people.
const FIRST: u32 = 100;
/// Actions in a batch.
const BATCH: u32 = 20;

struct Writer {
    journal: Journal,
    clock: Arc<Hand>,
    run: u32,
    requests: u64,
}

impl Writer {
    fn pass(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    fn write(&mut self, events: impl IntoIterator<Item = Event>) {
        let stamp = Stamp {
            run: Some(RunId(self.run)),
            requests: self.requests,
        };
        let entries: Vec<Entry> = events.into_iter().map(|event| Entry::of(JobId(1), event)).collect();
        self.journal.append(stamp, entries).unwrap();
    }

    fn begin(&mut self, command: &str, os_user: &str) {
        self.run += 1;
        self.requests = 1;
        self.pass(60_000);
        self.write([Event::RunStarted(Box::new(RunStarted {
            command: command.to_owned(),
            os_user: os_user.to_owned(),
            login_user: Some("a.morgan".to_owned()),
            host: "office-7".to_owned(),
            process: 4242,
            version: "0.1.0".to_owned(),
            portal: Portal("acme.bitrix24.com".to_owned()),
            webhook_owner: OWNER,
            credential: "f".repeat(64),
            policy_hash: "a".repeat(64),
            clock_offset_ms: -2000,
        }))]);
    }

    fn pause(&mut self, reason: &str, method: Option<&str>, seconds: u32) {
        self.pass(i64::from(seconds) * 1000);
        self.write([Event::Paused(Paused {
            reason: reason.to_owned(),
            method: method.map(str::to_owned),
            wait_ms: u64::from(seconds) * 1000,
        })]);
    }

    fn finish(&mut self, stop_reason: Option<StopReason>) {
        self.write([Event::RunFinished(RunFinished {
            stop_reason,
            actions: Vec::new(),
        })]);
    }
}

fn about(user: UserId, text: impl Into<String>) -> Recorded {
    Personal::new(text).about(About::User(user))
}

/// The portal's own form of an id.
pub(crate) fn workflow(number: u32) -> WorkflowId {
    format!("68e2{number:08x}af.{:08}", number * 7 % 100_000_000)
        .parse()
        .unwrap()
}

const FIRST_NAMES: [&str; 6] = ["Anna", "Boris", "Вера", "Глеб", "Hannah", "Пётр"];
const LAST_NAMES: [&str; 7] = [
    "Weiss",
    "Ковалёва",
    "Okafor",
    "Шмидт",
    "Lindqvist",
    "Dubois",
    "Петренко",
];
const TITLES: [&str; 5] = [
    "Approve outgoing invoice",
    "Согласовать командировку",
    "Check the contract",
    "Approve the purchase of monitors",
    "Ознакомиться с запиской",
];

fn pick<'a>(from: &[&'a str], number: u32) -> &'a str {
    from[number as usize % from.len()]
}

impl Archive {
    /// Twelve people, and everything that there is.
    pub(crate) const EVERYTHING: Self = Self {
        people: 12,
        each: 3,
        fate: |number| match number {
            3 => Fate::Ended(Outcome::Presumed),
            7 => Fate::Ended(Outcome::AlreadyGone),
            11 => Fate::Ended(Outcome::Unattributed),
            13 => Fate::Ended(Outcome::Drifted),
            17 => Fate::Ended(Outcome::Failed),
            19 => Fate::Ended(Outcome::Survived),
            23 => Fate::Sent,
            25..=27 => Fate::Planned,
            29 => Fate::Held(HoldReason::Shared),
            30 => Fate::Held(HoldReason::Conflict),
            31 => Fate::Held(HoldReason::OtherJob),
            32 => Fate::Held(HoldReason::Protected),
            33 => Fate::Held(HoldReason::Foreign),
            _ => Fate::Ended(Outcome::Confirmed),
        },
        before: |_| "",
    };

    /// A text of others.
    fn text(&self, number: u32, text: &str) -> String {
        format!("{}{text}", (self.before)(number))
    }

    fn user(&self, action: u32) -> UserId {
        UserId(FIRST + action / self.each)
    }

    fn actions(&self) -> impl Iterator<Item = (u32, Fate)> + use<'_> {
        (0..self.people * self.each).map(|number| (number, (self.fate)(number)))
    }

    /// Writes it.
    pub(crate) fn write(&self, path: &Path) {
        let clock = Arc::new(Hand(AtomicI64::new(0)));
        let journal = Journal::open(path, Arc::<Hand>::clone(&clock)).unwrap();
        let mut writer = Writer {
            journal,
            clock,
            run: 0,
            requests: 0,
        };
        writer.begin("plan", &self.text(0, "alex"));
        self.write_roster(&mut writer);
        self.write_found(&mut writer);
        self.write_plan(&mut writer, &"d".repeat(64));
        writer.finish(None);
        self.write_review(&mut writer);
        writer.begin("apply", &self.text(0, "alex"));
        writer.write([Event::PlanConfirmed(PlanConfirmed {
            confirm: format!("acme.bitrix24.com:{}:{}", self.people * self.each, "c".repeat(8)),
            by: "terminal".to_owned(),
        })]);
        let actions: Vec<(u32, Fate)> = self.actions().collect();
        let half = actions.len() / 2;
        self.carry_out(&mut writer, &actions[..half]);
        writer.pause("operating time used up", Some("bizproc.workflow.kill"), 63);
        writer.begin("resume", &self.text(0, "alex"));
        writer.write([Event::RunAbandoned(RunAbandoned {
            abandoned: RunId(2),
            in_doubt: 0,
        })]);
        writer.pause("no connection", None, 4);
        self.carry_out(&mut writer, &actions[half..]);
        if actions
            .iter()
            .all(|(_, fate)| !matches!(fate, Fate::Sent | Fate::Planned))
        {
            writer.write([Event::JobClosed(JobClosed {
                actions: Vec::new(),
                relisted: Vec::new(),
            })]);
            writer.finish(None);
        } else {
            writer.write([Event::ResidueRecorded(ResidueRecorded {
                workflow: workflow(1),
                tasks: 2,
            })]);
            writer.finish(Some(StopReason::Limit));
        }
        writer.journal.close().unwrap();
    }

    fn write_roster(&self, writer: &mut Writer) {
        let column = |name: &str, field: Option<&str>| RosterColumn {
            name: Personal::new(self.text(0, name)).about(About::Nobody),
            field: field.map(str::to_owned),
        };
        writer.write([Event::JobCreated(Box::new(JobCreated {
            portal: Portal("acme.bitrix24.com".to_owned()),
            policy_hash: "a".repeat(64),
            policy: "{\"approval\":\"always\"}".to_owned(),
            default_action: Some(ActionKind::Kill),
            begun_by: "plan".to_owned(),
            actions_max: None,
            roster: RosterRead {
                sha256: "b".repeat(64),
                encoding: "windows-1251".to_owned(),
                byte_order_mark: false,
                delimiter: Some("semicolon".to_owned()),
                header_line: 1,
                columns: vec![column("ФИО", Some("full_name")), column("E-mail", Some("email"))],
                rows: self.people + 1,
                rows_ignored: 0,
            },
            policy_emails: Vec::new(),
            reason: Some(Personal::new(self.text(0, "=Closing of the <b>Lyon</b> office")).about(About::Nobody)),
            ticket: Some(Personal::new(self.text(0, "HR-12")).about(About::Nobody)),
        }))]);
        for number in 0..=self.people {
            let row = RowNumber(number + 1);
            let user = UserId(FIRST + number);
            let text = |text: String| Some(Personal::new(self.text(number, &text)).about(About::Row(row)));
            let full_name = format!("{} {}", pick(&LAST_NAMES, number), pick(&FIRST_NAMES, number));
            let last = number == self.people;
            writer.write([
                Event::RowRead(Box::new(RowRead {
                    row,
                    line: u64::from(number) + 2,
                    id: None,
                    email: text(format!("u{}@example.com", user.0)),
                    first_name: None,
                    last_name: None,
                    second_name: None,
                    full_name: text(full_name),
                    kind: ActionKind::Kill,
                    note: (number == 3).then(|| text("left in \"May\"".to_owned())).flatten(),
                    other: self.other(number, row),
                })),
                Event::UserRecorded(Box::new(UserRecorded {
                    user,
                    active: last,
                    first_name: Some(about(user, self.text(number, pick(&FIRST_NAMES, number)))),
                    last_name: Some(about(user, self.text(number, pick(&LAST_NAMES, number)))),
                    second_name: None,
                    email: Some(about(user, format!("u{}@example.com", user.0))),
                    user_type: Some("employee".to_owned()),
                    departments: None,
                })),
                Event::RowResolved(RowResolved {
                    row,
                    state: if last { RowState::StillActive } else { RowState::Matched },
                    reason: last.then(|| "not dismissed in the portal".to_owned()),
                    user: Some(user),
                    same_as: None,
                    candidates: vec![user],
                }),
            ]);
        }
        for (user, first, last) in [(OWNER, "Alex", "Morgan"), (COLLEAGUE, "Grace", "Chen")] {
            writer.write([Event::UserRecorded(Box::new(UserRecorded {
                user,
                active: true,
                first_name: Some(about(user, first)),
                last_name: Some(about(user, last)),
                second_name: None,
                email: None,
                user_type: None,
                departments: None,
            }))]);
        }
        writer.write([Event::RowsResolved(Empty {})]);
    }

    /// A column that the program does not know, where texts of others are not what they should be.
    fn other(&self, number: u32, row: RowNumber) -> Vec<OtherCell> {
        let cell = |text: &str| Personal::new(self.text(number, text)).about(About::Row(row));
        let other = OtherCell {
            column: cell("Office"),
            value: cell("Lyon"),
        };
        if (self.before)(number).is_empty() {
            Vec::new()
        } else {
            vec![other]
        }
    }

    fn write_found(&self, writer: &mut Writer) {
        for person in 0..self.people {
            let user = UserId(FIRST + person);
            writer.requests += 2;
            writer.pass(700);
            let found = (person * self.each..(person + 1) * self.each).flat_map(|number| {
                let title = self.text(person, &format!("{} {number}", pick(&TITLES, number)));
                let document = self.text(person, &format!("Document {number}"));
                let task = Event::TaskRecorded(Box::new(TaskRecorded {
                    task: TaskId(1000 + number),
                    workflow: workflow(number),
                    user,
                    status: 0,
                    user_status: 0,
                    name: Some(about(user, &*title)),
                    document_name: Some(about(user, &*document)),
                    modified: None,
                    overdue: None,
                }));
                let workflow = Event::WorkflowRecorded(Box::new(WorkflowRecorded {
                    workflow: workflow(number),
                    running: true,
                    module: Some(self.text(person, if number % 9 == 5 { "crm" } else { "lists" })),
                    entity: Some("BizprocDocument".to_owned()),
                    document: Some((2000 + number).to_string()),
                    document_name: Some(about(user, document)),
                    document_name_about: Some(user),
                    template: Some("7".to_owned()),
                    started: None,
                    started_by: Some(if number % 11 == 4 { COLLEAGUE } else { user }),
                    started_by_active: Some(number % 11 == 4),
                }));
                [task, workflow]
            });
            let end = Event::UserDiscovered(UserDiscovered { user, tasks: self.each });
            writer.write(found.chain([end]));
        }
    }

    /// A plan that was approved, decided about, and approved anew.
    fn write_review(&self, writer: &mut Writer) {
        let approved = |plan_hash: &str| {
            Event::PlanApproved(PlanApproved {
                plan_hash: plan_hash.repeat(64),
                operator: operator(&self.text(0, "vera"), None, &self.text(0, "office-9")),
                by: "terminal".to_owned(),
            })
        };
        writer.pass(120_000);
        writer.write([approved("d")]);
        writer.pass(120_000);
        let included = |number: u32| {
            Event::WorkflowDecided(WorkflowDecided {
                workflow: workflow(number),
                decision: Decision::Include,
                released: vec![HoldReason::Shared],
                kind: None,
            })
        };
        let decided = Event::PlanDecided(Box::new(PlanDecided {
            plan_hash: "d".repeat(64),
            operator: operator(&self.text(0, "alex"), Some("a.morgan"), "office-7"),
            row: Some(RowNumber(2)),
            user: Some(UserId(FIRST + 1)),
        }));
        writer.write([decided, included(1), included(2)]);
        self.write_plan(writer, &"c".repeat(64));
        writer.pass(120_000);
        writer.write([approved("c")]);
    }

    fn write_plan(&self, writer: &mut Writer, plan_hash: &str) {
        let planned: Vec<Event> = self
            .actions()
            .map(|(number, fate)| {
                let user = self.user(number);
                let holds = match fate {
                    Fate::Held(reason) => vec![reason],
                    _ => Vec::new(),
                };
                let shared = holds.contains(&HoldReason::Shared);
                Event::ActionPlanned(ActionPlanned {
                    action: ActionId(number + 1),
                    workflow: workflow(number),
                    kind: (!holds.contains(&HoldReason::Conflict)).then_some(ActionKind::Kill),
                    people: vec![user],
                    participants: if shared { vec![COLLEAGUE, user] } else { vec![user] },
                    holds,
                })
            })
            .collect();
        let held = self.actions().filter(|(_, fate)| matches!(fate, Fate::Held(_))).count();
        let held = u32::try_from(held).unwrap();
        let colleagues = self
            .actions()
            .filter(|(number, fate)| number % 11 == 4 && !matches!(fate, Fate::Held(_)))
            .count();
        writer.write(planned);
        writer.write([Event::PlanFrozen(PlanFrozen {
            plan_hash: plan_hash.to_owned(),
            planned: self.people * self.each - held,
            held,
            orphans: 0,
            started_by_colleagues: u32::try_from(colleagues).unwrap(),
            running_workflows: None,
        })]);
    }

    fn carry_out(&self, writer: &mut Writer, actions: &[(u32, Fate)]) {
        for batch in actions.chunks(BATCH as usize) {
            let sent: Vec<(u32, Fate)> = batch
                .iter()
                .copied()
                .filter(|(_, fate)| {
                    !matches!(
                        fate,
                        Fate::Planned | Fate::Held(_) | Fate::Ended(Outcome::AlreadyGone | Outcome::Drifted)
                    )
                })
                .collect();
            writer.requests += 2;
            writer.pass(1300);
            writer.write(sent.iter().map(|(number, _)| self.intended(*number, 1)));
            writer.pass(2100);
            writer.write(
                sent.iter()
                    .filter(|(_, fate)| *fate != Fate::Sent)
                    .map(|(number, fate)| self.answered(*number, 1, *fate)),
            );
            writer.pass(900);
            let endings = batch.iter().filter_map(|(number, fate)| match fate {
                Fate::Ended(outcome) => Some(ended(*number, *outcome)),
                _ => None,
            });
            writer.write(endings);
            for (number, _) in batch.iter().filter(|(_, fate)| *fate == Fate::Ended(Outcome::Failed)) {
                writer.write([
                    Event::ActionReopened(ActionReopened {
                        action: ActionId(number + 1),
                        outcome: Outcome::Failed,
                        reason: Some(Personal::new(self.text(0, "the owner asked for it")).about(About::Nobody)),
                    }),
                    self.intended(*number, 2),
                    self.answered(*number, 2, Fate::Ended(Outcome::Presumed)),
                    Event::ActionReturned(ActionReturned {
                        action: ActionId(number + 1),
                        attempt: 2,
                        why: Returned::StillListed,
                    }),
                    self.intended(*number, 3),
                    self.answered(*number, 3, Fate::Ended(Outcome::Failed)),
                    ended(*number, Outcome::Failed),
                ]);
            }
            if batch[0].0 % 40 == 0 {
                writer.pause("too many requests", Some("batch"), 2);
            }
        }
    }

    fn answered(&self, number: u32, attempt: u32, fate: Fate) -> Event {
        let (answer, code, text) = match fate {
            Fate::Ended(Outcome::Presumed) => (AnswerKind::InDoubt, Some("no answer"), None),
            Fate::Ended(Outcome::Failed | Outcome::Unattributed) => (
                AnswerKind::Refused,
                Some("ERROR_CORE"),
                Some("Действие бизнес-процесса не выполнено | <b>\"x\"</b>"),
            ),
            _ => (AnswerKind::Yes, None, None),
        };
        Event::AttemptAnswered(AttemptAnswered {
            action: ActionId(number + 1),
            attempt,
            answer,
            code: code.map(|code| self.text(number / self.each, code)),
            text: text.map(|text| Personal::new(self.text(number / self.each, text)).about(About::Nobody)),
        })
    }

    fn intended(&self, number: u32, attempt: u32) -> Event {
        Event::AttemptIntended(AttemptIntended {
            action: ActionId(number + 1),
            attempt,
            kind: ActionKind::Kill,
            workflow: workflow(number),
            key: format!("k{number}"),
            waiting: vec![self.user(number)],
            rechecked_ms_ago: 900,
        })
    }
}

fn operator(os_user: &str, login_user: Option<&str>, host: &str) -> Operator {
    Operator {
        os_user: os_user.to_owned(),
        login_user: login_user.map(str::to_owned),
        host: host.to_owned(),
    }
}

fn ended(number: u32, outcome: Outcome) -> Event {
    let nothing_sent = matches!(outcome, Outcome::AlreadyGone | Outcome::Drifted);
    Event::ActionEnded(ActionEnded {
        action: ActionId(number + 1),
        outcome,
        attempt: (!nothing_sent).then_some(1),
        listed: matches!(outcome, Outcome::Drifted | Outcome::Failed | Outcome::Survived),
        detail: (outcome == Outcome::Drifted).then(|| "somebody new waits in it".to_owned()),
        waiting: Vec::new(),
    })
}
