//! English.

use super::{Standing, Words, duration};
use crate::domain::{ActionKind, ActionState, Decision, HoldReason, Outcome, RowState, StopReason};
use crate::journal::{AnswerKind, Returned};

/// `1 workflow`, `2 workflows`, `12,000 workflows`.
fn n(number: impl Into<u64>, one: &str, many: &str) -> String {
    let number = number.into();
    let word = if number == 1 { one } else { many };
    format!("{} {word}", super::grouped(number, ','))
}

fn be(number: u32) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

pub(super) const WORDS: Words = Words {
    tag: "en",
    thousands: ',',

    kind_plan: "Plan for review",
    kind_report: "Report",
    job: |job| format!("job {job}"),

    headline_planning: "The plan is not finished. Nothing has been ended.",
    headline_empty: "There was nothing to end: no running workflow waits for the people on this list.",
    headline_planned: |planned, total| match (planned, total) {
        (1, 1) => {
            "Nothing has been ended yet. The one workflow in the plan will be, once the plan is confirmed.".to_owned()
        }
        (planned, total) if planned == total => format!(
            "Nothing has been ended yet. All {} in the plan will be, once it is confirmed.",
            n(total, "workflow", "workflows")
        ),
        (planned, total) => format!(
            "Nothing has been ended yet. {} of {} in the plan will be, once it is confirmed.",
            super::grouped(planned.into(), ','),
            n(total, "workflow", "workflows")
        ),
    },
    clause_in_doubt: |number, total| {
        let total = n(total, "workflow", "workflows");
        format!(
            "{} of {total} {} in doubt",
            super::grouped(number.into(), ','),
            be(number)
        )
    },
    clause_not_ended: |number, total, after| {
        let was = if number == 1 { "was" } else { "were" };
        let number = super::grouped(number.into(), ',');
        if after {
            format!("{number} {was} not ended")
        } else {
            format!("{number} of {} {was} not ended", n(total, "workflow", "workflows"))
        }
    },
    clause_gone: |number, total, after| match (after, number == total) {
        (true, _) => format!("{} {} gone", super::grouped(number.into(), ','), be(number)),
        (false, true) if total == 1 => "The one workflow in the plan is gone".to_owned(),
        (false, true) => format!("All {} are gone", n(total, "workflow", "workflows")),
        (false, false) => {
            let total = n(total, "workflow", "workflows");
            format!("{} of {total} {} gone", super::grouped(number.into(), ','), be(number))
        }
    },

    first: "What to know first",
    plan_invitation: "If one of these workflows has to go on, say so before the plan is confirmed. Nothing can be undone afterwards. The plan was made by",
    note_open_run: |run| {
        format!(
            "Run {run} has no end on record: when this report was made it was still at work, or its process had died."
        )
    },
    note_stopped: |reason| format!("The last run stopped before the end: {}.", stop_reason(reason)),
    note_in_doubt: |number| {
        format!(
            "{} sent, and what came of that is not known yet: offboard24 resume asks the portal.",
            n(number, "action was", "actions were")
        )
    },
    note_not_ended: |number| {
        n(
            number,
            "workflow is still there although the portal was asked to end it.",
            "workflows are still there although the portal was asked to end them.",
        )
    },
    note_drifted: |number| {
        format!(
            "{} since the plan was made, and left alone.",
            n(number, "workflow changed", "workflows changed")
        )
    },
    note_not_begun: |number| {
        format!(
            "{} not begun: offboard24 resume goes on.",
            n(number, "action is", "actions are")
        )
    },
    note_unapproved: "The policy asks for the approval of a second person, and nobody who had no hand in this plan has approved it.",
    note_held: |number| {
        format!(
            "{} held: not done, until a person decides.",
            n(number, "workflow is", "workflows are")
        )
    },
    note_unmatched: |number, total| {
        let (was, them) = if number == 1 { ("was", "it") } else { ("were", "them") };
        let total = n(total, "row", "rows");
        let number = super::grouped(number.into(), ',');
        format!(
            "{number} of {total} of the roster {was} not matched to a dismissed person: nothing was done for {them}."
        )
    },
    note_relisted: |number| {
        format!(
            "{} gone, and listed again at the end. Somebody has to look.",
            n(number, "workflow was", "workflows were")
        )
    },
    note_colleagues: |number, of| {
        let of = n(of, "workflow", "workflows");
        format!(
            "{} of {of} in the plan {} started by colleagues who still worked here.",
            super::grouped(number.into(), ','),
            if number == 1 { "was" } else { "were" }
        )
    },
    note_robots: |number| {
        format!(
            "{} to the CRM or to RPA: ending such a one may stop the robots of a deal or an item for everybody.",
            n(number, "workflow belongs", "workflows belong")
        )
    },
    note_orphans: |number| {
        format!(
            "{} of a workflow that no longer runs: nothing here can remove it.",
            n(number, "open task is left", "open tasks are left")
        )
    },
    note_residue: |number| {
        format!(
            "The portal still lists {} of killed workflows.",
            n(number, "task row", "task rows")
        )
    },
    note_erased: "Some personal values were erased from the database. Where they stood, this report says so.",
    note_nothing: "Nothing waits for a decision.",

    state: |_| "",
    state_claim: |state| match state {
        ActionState::Planned => "To be done, and not begun.",
        ActionState::Held => "Not done: a person has to decide.",
        ActionState::Sent => "Sent. What came of it is not known yet.",
        ActionState::Ended(Outcome::Confirmed) => {
            "The portal said yes, and when asked again it no longer lists the workflow."
        }
        ActionState::Ended(Outcome::Presumed) => "An attempt went unanswered, and afterwards the workflow was gone.",
        ActionState::Ended(Outcome::AlreadyGone) => "It was gone before anything was sent.",
        ActionState::Ended(Outcome::Unattributed) => {
            "Every attempt was refused, and the workflow is gone: somebody else ended it, or it ended itself."
        }
        ActionState::Ended(Outcome::Drifted) => "It changed since the plan. Not done.",
        ActionState::Ended(Outcome::Failed) => "The portal refused, and the workflow is still listed.",
        ActionState::Ended(Outcome::Survived) => {
            "The portal said yes, or did not answer three times, and the workflow is still listed."
        }
    },
    state_todo: |state| match state {
        ActionState::Ended(Outcome::Drifted) => {
            Some("Look at the workflow in the portal. Then offboard24 resume --retry drifted, or plan again.")
        }
        ActionState::Ended(Outcome::Failed) => {
            Some("Read what the portal said, settle it there, then offboard24 resume --retry failed.")
        }
        ActionState::Ended(Outcome::Survived) => {
            Some("Look at the workflow in the portal, then offboard24 resume --retry survived.")
        }
        ActionState::Sent => Some("offboard24 resume asks the portal what came of it."),
        ActionState::Planned => Some("offboard24 resume goes on."),
        _ => None,
    },
    row_state: |_| "",
    row_todo: |state| match state {
        RowState::Matched | RowState::Duplicate => "Nothing.",
        RowState::NotFound => "Correct the row, best with the user's id, and plan again.",
        RowState::Ambiguous => "Add the user's id to the row, and plan again.",
        RowState::StillActive => "Dismiss the person in Bitrix24 first, and plan again; or take the row out.",
        RowState::Protected => "Take the row out, or change the policy, and plan again.",
        RowState::Invalid => "Make the rows of this person agree, and plan again.",
    },
    hold: |reason| match reason {
        HoldReason::Shared => "Somebody who is not a matched person of this job waits in it too.",
        HoldReason::Conflict => "The rows of its people ask for different actions.",
        HoldReason::OtherJob => "Another unfinished job has it.",
        HoldReason::Protected => "The policy protects it, or somebody who waits in it.",
        HoldReason::Dropped => "The operator dropped it.",
        HoldReason::Foreign => "A colleague who still works here started it, and the policy holds such workflows.",
    },
    hold_todo: |reason| match reason {
        HoldReason::Shared => "Ask who else waits. When they have answered, or the task is handed over, plan again.",
        HoldReason::Conflict => "Make the rows ask for one action, and plan again.",
        HoldReason::OtherJob => "Finish that job first (offboard24 jobs), then plan again.",
        HoldReason::Protected => "Change the policy if it is to be ended all the same, and plan again.",
        HoldReason::Dropped => "Nothing, unless it is to be ended after all: plan again.",
        HoldReason::Foreign => {
            "Ask who started it; if it can end, settle it in the portal, or plan again with another policy."
        }
    },
    kind: |kind| match kind {
        ActionKind::Kill => "erases the workflow with all its tasks and its log",
        ActionKind::Terminate => "ends the workflow; its state and log stay",
    },
    kind_undecided: "undecided",
    answer: |answer| match answer {
        AnswerKind::Yes => "answered yes",
        AnswerKind::Refused => "refused",
        AnswerKind::NotExecuted => "not executed",
        AnswerKind::InDoubt => "no usable answer",
    },
    answer_none: "no answer on record",
    returned: |why| match why {
        Returned::NotExecuted => "planned again: it was not executed",
        Returned::StillListed => "planned again: it was still listed",
    },
    stop_reason,
    consent_by: |by| match by {
        "terminal" => Some("typed at a terminal, with portal and number of actions"),
        "--confirm" => Some("given with --confirm"),
        "--max-actions" => Some("given beforehand with --max-actions"),
        "demo" => Some("given by the demonstration itself"),
        _ => None,
    },
    phrase: |_| None,
    field: |field| match field {
        "id" => "id",
        "email" => "e-mail",
        "first_name" => "first name",
        "second_name" => "second name",
        "last_name" => "last name",
        "full_name" => "full name",
        "action" => "action",
        "note" => "note",
        _ => "",
    },

    outcomes: "Outcomes",
    timeline: "Timeline",
    timeline_about: "Each run, what it sent, and where it paused and why.",
    not_done: "Not ended, though asked for",
    held: "Held, and what to do about each",
    unmatched: "Rows that were not matched",
    colleagues: "Started by colleagues who still worked here",
    colleagues_about: "Only people on the roster are waited for in these, so they go ahead. Their starters may want to know.",
    robots: "Workflows of the CRM and of RPA",
    robots_about: "Ending one of these may stop the automation of a deal or an item for everybody.",
    people: "People",
    people_about: "Each person on the roster who was matched, what was found, and what became of it.",
    orphans: "Tasks without a running workflow",
    orphans_about: "These tasks are still open, and their workflow no longer runs. The portal's interface for programs cannot remove them.",
    residue: "Residue of killed workflows",
    residue_about: "The portal still lists task rows of workflows that were killed.",
    relisted: "Listed again",
    relisted_about: "These workflows were gone, and the portal listed them again when everything was read back at the end.",
    unrecorded: "What is not recorded",
    unrecorded_items: [
        "The tracking log and the variables of a killed workflow: the portal does not show them to programs, and a kill erases them.",
        "What people did in the portal, or another copy of offboard24 on another machine, while this job ran.",
        "What became of the documents themselves: a deal, a request or a list item stays when its workflow is ended.",
        "What happened after the last run's end.",
    ],
    review: "Decisions and approval",
    approval_worth: "An approval proves that another account gave it, and no more: where several people share an account, or one of them can take on another's, it does not prove that a second person looked.",
    who: "Who did it",
    verify: "How to verify this report",
    verify_about: "This report is a copy for reading. The evidence is the database that it was made from, with a receipt that was kept elsewhere.",
    contents: "Contents",

    c_state: "State",
    c_count: "Number",
    c_claim: "What it claims",
    c_row: "Row",
    c_person: "Person",
    c_written: "As written",
    c_workflows: "Found",
    c_became: "What became of it",
    c_becomes: "What is planned",
    c_workflow: "Workflow",
    c_others: "Others in it",
    c_attempts: "What was sent",
    c_record: "Record",
    c_why: "Why",
    c_todo: "What to do",
    c_candidates: "Who was considered",
    c_waits_for: "Waits for",
    c_started_by: "Started by",
    c_task: "Task",
    c_task_rows: "Task rows",
    c_run: "Run",
    c_command: "Command",
    c_operator: "Operator",
    c_webhook: "Webhook's owner",
    c_version: "Version",
    c_started: "Began",
    c_ended: "Ended",
    c_end: "How it ended",
    c_requests: "Requests",
    c_method: "Waited for",
    c_times: "Times",
    c_waited: "In all",
    c_first: "First",
    c_last: "Last",
    c_action: "Action",
    c_when: "When",
    c_by_whom: "By whom",
    c_how: "How",
    c_decided: "What was decided",
    c_void_plan: "About plan",
    c_plan: "Plan",
    c_standing: "What it is for",
    plan_list: "Workflows",
    l_planned: "Planned",
    l_confirmed: "Confirmed",
    l_approved: "Approved",
    l_closed: "Closed",
    l_plan_hash: "Plan hash",
    l_policy_hash: "Policy hash",
    l_policy: "Policy",
    l_reason: "Reason",
    l_ticket: "Ticket",
    l_database: "Database id",
    l_roster: "Roster",
    l_roster_hash: "Roster's SHA-256",
    l_consent: "Consent",
    l_last_event: "Last event of the job",
    l_checkpoint: "Checkpoint",
    l_commands: "Commands",
    l_note: "Note",
    l_also_waits: "also waits:",
    l_started_by: "started by",
    l_document: "document",
    l_portal_said: "The portal said:",
    clock_ahead: |ms| match ms {
        -1000..=1000 => "the portal's clock agreed".to_owned(),
        ms if ms > 0 => format!("the portal's clock was {} ahead", duration(ms.unsigned_abs(), UNITS)),
        ms => format!("the portal's clock was {} behind", duration(ms.unsigned_abs(), UNITS)),
    },
    pauses: "Pauses",
    no_pauses: "No run had to pause.",
    decisions: "Decisions. Each gave a new plan, and the plan that it was about was void",
    approvals: "Approvals",
    runs: "Runs",

    no_workflow: "no workflow waits",
    works_here: "works here",
    starter_unknown: "nobody whom the portal shows",
    as_rows: |rows| format!("rows {rows}"),
    line: |line| format!("line {line}"),
    user: |user| format!("user {user}"),
    task: |task| format!("task {task}"),
    event: |seq| format!("event {}", super::grouped(seq, ',')),
    attempt: |number| format!("attempt {number}"),
    never_sent: "nothing was sent",
    sent_at: |at| format!("sent {at}"),
    ended_at: |at| format!("ended {at}"),
    reopened: |at, outcome| format!("was {outcome}, tried once more from {at}"),
    erased_on: |date| format!("erased on {date}"),
    erased: "erased",
    workflows: |number| n(number, "workflow", "workflows"),
    requests: |number| n(number, "request", "requests"),
    sent_in: |commands, requests| {
        format!(
            "sent {} in {}",
            n(commands, "action", "actions"),
            n(requests, "request", "requests")
        )
    },
    took: |duration| format!("took {duration}"),
    paused_for: |duration, times| format!("paused {}, {duration} in all", n(times, "time", "times")),
    only_read: "only read",
    end_in_order: "to the end",
    end_open: "no end on record",
    unconfirmed: "nobody has confirmed it",
    unapproved: "nobody has approved it, and the policy asks for it",
    decided: |decision| match decision {
        Decision::Include => "included",
        Decision::Drop => "dropped",
    },
    decided_actions: |actions| {
        let word = if actions.contains(',') { "actions" } else { "action" };
        format!("{word} {actions}")
    },
    decided_released: "released:",
    decided_do: "to be done:",
    decided_row: |row| format!("row {row} is about"),
    approval_standing: |standing, is_confirmed| match (standing, is_confirmed) {
        (Standing::Holds, true) => "the plan that was confirmed, and carried out as far as this report says",
        (Standing::Holds, false) => "this plan, as it stands",
        (Standing::OtherPlan, _) => "an earlier plan: void since something else was decided",
        (Standing::OfMaker, _) => "this plan, and by somebody who had a hand in it: it does not count",
    },
    strip_about: |ended, duration| format!("{} over {duration}", n(ended, "action ended", "actions ended")),
    strip_ended: "actions that ended",
    strip_pause: "pause",
    roster_read: |rows, encoding| format!("{}, {encoding}", n(rows, "row", "rows")),
    duration: |ms| duration(ms, UNITS),
    checkpoint_covers: |size| format!("covers the first {}", n(size, "event", "events")),
    checkpoint_lags: "It does not cover all events of this job.",
    checkpoint_none: "none was signed",
    verify_steps: [
        (
            "Check the database: that no event was changed, taken out or put in. This works on a copy, without the portal.",
            "offboard24 audit verify",
        ),
        (
            "With the receipt of the run, kept in another place, it also shows that nothing was cut off at the end.",
            "offboard24 audit verify --receipt FILE",
        ),
        (
            "Each action names the event that gave it its state, and the beginning of that event's hash. The whole hash is in the reports as csv and json.",
            "",
        ),
    ],
    utc: "All times are UTC.",
    made_by: "Made by offboard24 from its journal alone. The same journal gives the same report.",

    filter: "Find",
    filter_state: "State",
    filter_any: "any state",
    filter_clear: "Clear",
    filter_shown: "{n} of {of} lines shown",
    filter_none: "Nothing fits.",
    open_all: "Open all",
    close_all: "Close all",
    fold_more: |more| {
        format!(
            "{} more",
            n(u64::try_from(more).unwrap_or(u64::MAX), "character", "characters")
        )
    },
    skip: "Go to the people",
    sort_hint: "sort",
};

const UNITS: [&str; 3] = ["h", "min", "s"];

fn stop_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Signal => "it was interrupted",
        StopReason::Requested => "it was asked to stop",
        StopReason::Limit => "the portal's limits, or it could not be reached",
        StopReason::Auth => "the portal refused the webhook",
        StopReason::Breaker => "too many errors in a row",
        StopReason::Disk => "the disk was full",
        StopReason::Crash => "its process ended without a word",
    }
}
