//! English.

use super::{Part, Stays, Unfit, Words};
use crate::cli::text::printable;
use crate::domain::{ActionState, Outcome, RowState};
use crate::journal::JournalError;
use crate::journal::head::HeadError;
use crate::journal::key::KeyError;
use crate::lock::LockError;
use crate::plan::caps::{Cap, Over};
use crate::plan::decide::WishError;
use crate::portal::WaitReason;
use crate::report::language::Language;
use crate::report::words::count;
use crate::roster::Detected;
use crate::run::Lull;

const WHERE_TO_WRITE: &str =
    "name a database in a folder of your own with --db FILE, and one for the locks with XDG_STATE_HOME";

pub(super) const WORDS: Words = Words {
    report: Language::English.words(),

    next: |next| format!("next: {next}"),
    and: " and ",
    job_state: |_| "",
    stopped_by: |reason| reason.to_string(),
    database: |path| format!("database: {}", path.display()),
    to_do: |message, next| format!("{message}. To do: {next}"),
    no_job: |job| match job {
        Some(job) => format!("there is no job {job} in this database"),
        None => "there is no job in this database".to_owned(),
    },
    no_job_next: "offboard24 jobs lists what there is; offboard24 plan makes one",
    no_language: |named| format!("OFFBOARD24_LANG names the language {named:?}, which is not known. Nothing was asked"),
    no_language_next: "set it to en or ru, or unset it",

    headline: |told| {
        format!(
            "job {} on {}: {}, plan {}, {}, {}: {}",
            told.job,
            told.portal,
            told.state,
            told.plan,
            count(told.rows, "row"),
            count(told.actions, "action"),
            told.states
        )
    },
    status_rows: |rows| format!("  rows: {rows}"),
    status_counts: |orphans, requests| format!("  orphans: {orphans}, requests: {requests}"),
    warning: |planned, total, portal| {
        format!(
            "{} of {total} will be carried out on {portal}. There is no undo.",
            count(planned, "action")
        )
    },
    carry_out: |job, confirm| format!("to carry it out: offboard24 apply {job} --confirm {confirm}"),
    nothing_planned: "nothing to do: no action is planned",
    held_first: "held, and not done unless a person decides so:",
    kill_erases: "a kill erases a workflow with all its tasks and its log. Tasks, people and answers are recorded here; what REST\n\
                  does not show is not: the tracking log and the workflow's variables",
    more_lines: |left, job| {
        format!("... and {left} more: `offboard24 show {job}` and `offboard24 report {job}` list them all")
    },
    orphans_about: "orphans, tasks of a workflow that no longer runs: the portal's REST cannot remove them",
    first_shared: |first, of| {
        format!(
            "{first} of {of} {} also waited for by somebody who is no matched person of this job:",
            be(first)
        )
    },
    first_colleagues: |first, of| {
        let was = if first == 1 { "was" } else { "were" };
        format!("{first} of {of} {was} started by colleagues who still work here:")
    },
    first_robots: |first, of| {
        if first == 1 {
            format!(
                "1 of {of} belongs to the CRM or to RPA, and may run the robots of a deal or an item, which would stop for everybody:"
            )
        } else {
            format!(
                "{first} of {of} belong to the CRM or to RPA, and may run the robots of deals or items, which would stop for everybody:"
            )
        }
    },
    c_orphans: ["TASK", "TITLE", "PERSON", "WORKFLOW"],
    c_people: ["ROW", "AS WRITTEN", "STATE", "PERSON", "ACTIONS"],
    c_workflows: [
        "ACTION",
        "WORKFLOW",
        "TASK",
        "DOCUMENT",
        "DO",
        "STATE",
        "WAITS FOR",
        "STARTED BY",
    ],
    c_holds: ["ACTION", "WORKFLOW", "TASK", "HELD", "WHY"],
    c_jobs: ["JOB", "PORTAL", "MADE", "STATE", "ROWS", "PLANNED", "HELD", "ENDED"],
    one_of: |people| format!("one of: {people}"),
    why_shared: |people| format!("{people} also waits in it"),
    why_conflict: |people| format!("the rows of {people} ask for different actions"),
    why_other_job: "another unfinished job has it",
    why_protected: "the policy protects it, or somebody who waits in it",
    why_dropped: "dropped by the operator",
    why_foreign: |starter| format!("started by {starter}"),
    starter_unknown: "somebody whom the portal does not show",

    meaning: |state| match state {
        ActionState::Planned => "not begun",
        ActionState::Held => "not done: a person has to decide",
        ActionState::Sent => "in doubt: resume asks the portal",
        ActionState::Ended(outcome) => match outcome {
            Outcome::Confirmed => "the portal said yes, and it is gone",
            Outcome::Presumed => "an attempt went unanswered, and it is gone",
            Outcome::AlreadyGone => "gone before anything was sent",
            Outcome::Unattributed => "the portal refused, and it is gone: somebody else, or by itself",
            Outcome::Drifted => "changed since the plan; not done",
            Outcome::Failed => "the portal refused, and it still runs",
            Outcome::Survived => "no refusal, and it still runs",
        },
    },
    action_said: |action, said| format!("  action {action}: {said}"),
    residue: |rows| {
        format!(
            "  {} of killed workflows are still listed by the portal",
            count(rows, "task row")
        )
    },
    relisted: |workflows| {
        format!(
            "  {} listed again after it was gone: look at it in the portal",
            count(workflows, "workflow")
        )
    },
    next_breaker: |job| format!("offboard24 show {job} --by workflow; when the cause is gone: offboard24 resume {job}"),
    next_held: |job| {
        format!("offboard24 show {job} --by hold; what is held is taken up by a new plan: offboard24 plan ROSTER")
    },
    watched_nobody: |job| format!("nobody works on job {job} now: it stands as it stands"),
    row_is_now: |row, person, user| {
        format!("row {row} is {person} now; without their workflows: offboard24 decide --drop person:{user}")
    },
    how_to_decide: |job| {
        format!(
            "to say who a row is about: offboard24 decide {job} --row N --user ID\n\
             to release or drop actions: offboard24 decide {job} --include workflow:ID, or --drop person:ID"
        )
    },
    next_read_back: |job| format!("offboard24 resume {job} reads everything back once more"),
    next_retry: |job, states| {
        format!("offboard24 show {job} --by workflow; to try once more: offboard24 resume {job} --retry {states}")
    },
    people_read: "people read",
    actions_settled: |failed, held| format!("settled, {failed} failed, {held} held"),
    pace: |rate, seconds| {
        let left = if seconds < 90.0 {
            format!("{seconds:.0} s")
        } else {
            format!("{:.0} min", seconds / 60.0)
        };
        format!(", {rate:.1} a second, {left} left")
    },
    waiting: |wait, until, reason| format!("waiting {} s, until {until}: {reason}", wait.as_secs()),
    wait_reason: |reason, method| {
        let of = method.map(|method| format!(" ({method})")).unwrap_or_default();
        format!("{reason}{of}")
    },
    lull: |lull| match lull {
        Lull::Blocked(method) => (WORDS.wait_reason)(WaitReason::OperationLimit, Some(method)),
        Lull::Refused => "the portal executed nothing".to_owned(),
        Lull::Unsettled => "what was not answered may still take effect".to_owned(),
    },
    stopping: "stopping after what is in flight; press again to stop at once. Either way nothing is lost",
    stopped_before: "stopped before anything was done",
    stopped_planning: "stopped before the plan was made; what was read is kept",
    receipt: |file| {
        let place = file.map(|file| format!(", also in {}", file.display()));
        format!(
            "the receipt{}; with a copy elsewhere, such as in the ticket, nobody can change what is recorded unnoticed:",
            place.unwrap_or_default()
        )
    },
    receipt_unwritten: |path, cause| format!("the receipt could not be written to {}: {cause}", path.display()),
    signed_from_here: |file, key| {
        format!(
            "what is recorded is signed from here on with the key in {}. Its public part, for whoever checks it later:\n  {key}",
            file.display()
        )
    },
    head_missing: "this machine has no head of this database: whether something was cut off its end before today cannot be told \
                   here. It is recorded, and a head is kept from now on",
    log_stays: |cause| format!("the write-ahead log stays beside the database: {cause}"),
    stop_asked: |job| format!("job {job}: asked to stop after the batch in flight"),
    stop_nothing: |job| format!("job {job}: nothing runs in this database; another one is named with --db"),
    stop_other: |job, other| format!("job {job} is not at work: job {other} is"),
    stop_unmade: |cause| format!("the stop file cannot be made: {cause}"),
    stop_stuck: |cause| format!("the request to stop from before cannot be taken back: {cause}"),
    stop_stuck_next: |path| format!("remove {} and type the same command again", path.display()),
    signals_unheard: |cause| format!("cannot listen for signals: {cause}"),
    unmade: |folder, cause| format!("cannot make {}: {cause}", folder.display()),
    locks_unmade: |cause| format!("the folder of the locks cannot be made: {cause}"),
    where_to_write: WHERE_TO_WRITE,
    clocks_differ: |seconds, portal_is_ahead| {
        let by = if seconds < 120 {
            format!("{seconds} seconds")
        } else {
            format!("{} minutes", (seconds + 30) / 60)
        };
        let side = if portal_is_ahead { "behind" } else { "ahead of" };
        format!(
            "this machine's clock is {by} {side} the portal's: times in the journal are this machine's; how long a limit lasts goes \
             by the portal's"
        )
    },

    detected,
    roster_warning: |warning| {
        format!(
            "        line {}, column {}: {}",
            warning.line, warning.column, warning.kind
        )
    },
    roster_unreadable: |path, cause| {
        format!(
            "the roster {} cannot be read: {cause}. Nothing was asked",
            path.display()
        )
    },
    roster_unreadable_next: "name a CSV file that this user can read",
    roster_unusable: |errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        format!(
            "the roster cannot be used; nothing was asked:\n  {}",
            lines.join("\n  ")
        )
    },
    roster_unusable_next: "correct the file and run the same command again",
    action_missing: |missing| missing.to_string(),
    action_missing_next: "say what to do with --action kill or --action terminate, or give every row an action",
    policy_unreadable: |path, cause| {
        format!(
            "the policy {} cannot be read: {cause}. Nothing was asked",
            path.display()
        )
    },
    policy_unreadable_next: "name a policy file that this user can read with --policy, or leave it out",
    policy_unusable: |path, cause| format!("{}: {cause}. Nothing was asked", path.display()),
    policy_unusable_next: "correct the policy file and run the same command again",
    unevaluable: |error| format!("{error}. The plan is not made, and nothing was sent"),
    unevaluable_next: |rule| {
        format!("find out why the portal does not tell that, or take {rule} out of the policy, and plan again")
    },
    required: |flags| format!("the policy requires {flags}. Nothing was asked"),
    required_next: |flags| format!("type the same command again with {flags}"),

    plan_unfinished: |job| format!("the plan of job {job} is not finished"),
    plan_used: |job| format!("the plan of job {job} was confirmed before; a plan is used once"),
    plan_too_old: |job| {
        format!("the plan of job {job} is older than seven days, or from a clock that was set back. Nothing was sent")
    },
    plan_again: "offboard24 plan ROSTER makes a new one",
    taken: |other| format!("job {other} was confirmed since and has workflows of this plan"),
    taken_next: |other| format!("offboard24 resume {other}, then plan again"),
    over_cap: |job, over| {
        let said: Vec<String> = over.iter().map(over_said).collect();
        format!(
            "the plan of job {job} is over a cap: {}. Nothing was sent",
            said.join("; ")
        )
    },
    over_cap_next: |job, flags| format!("offboard24 show {job}; if that is what is meant, plan again with {flags}"),
    not_approved: |job| {
        format!(
            "the policy of job {job} asks for the approval of a second person, and nobody approved this plan. Nothing was sent"
        )
    },
    not_approved_next: |job| {
        format!("another person, from their own account: offboard24 approve {job}; then: offboard24 apply {job}")
    },
    other_portal: |job, portal, other| {
        format!("job {job} belongs to {portal}, and the webhook to {other}; nothing was asked")
    },
    other_portal_next: "use a webhook of the job's portal",
    mismatch: |part| {
        let part = match part {
            Part::Portal => "the portal",
            Part::Count => "the number of actions",
            Part::Hash => "the hash",
        };
        format!("not confirmed: {part} in --confirm is not this plan's. Nothing was sent")
    },
    mismatch_next: |job, confirm| format!("offboard24 show {job}, then --confirm {confirm}"),
    no_terminal: "not confirmed, and there is no terminal to ask on. Nothing was sent",
    ask_portal: "Type the portal to confirm: ",
    ask_count: "Type the number of actions to confirm: ",
    wrong_answer: "not confirmed: that is not this plan's portal and number. Nothing was sent",
    over_max: |planned, allowed| {
        format!("the plan has {planned} actions, and --max-actions allows {allowed}. Nothing was sent")
    },
    over_max_next: |job| format!("offboard24 show {job}, then: offboard24 apply {job}"),

    nothing_to_retry: |job, states| format!("job {job} has no {} actions to try once more", states.join(" or ")),
    row_erased: |job, row| {
        format!("row {row} of job {job} was erased, so its plan can no longer be made. Nothing was asked")
    },
    row_erased_next: "offboard24 plan ROSTER, with a roster without that person",
    never_confirmed: |job| format!("the plan of job {job} was never confirmed"),
    email_erased: |job| {
        format!(
            "an e-mail that the policy of job {job} protects was erased, so its plan can no longer be made. Nothing was changed"
        )
    },
    email_erased_next: "offboard24 plan ROSTER --policy FILE makes a new job",
    undecidable_yet: |job| format!("the plan of job {job} is not finished, so there is nothing to decide about yet"),
    undecidable_any_more: |job| {
        format!("the plan of job {job} was confirmed, and never changes from then on. Nothing was decided")
    },
    undecidable_next: "offboard24 plan ROSTER makes a new plan, with what was held in this one",
    wish: |error| match error {
        WishError::Nothing(_) | WishError::Both(_) => format!("{error}. Nothing was decided"),
    },
    decided: |workflows| {
        format!(
            "{} decided; the plan has a new hash, and whoever confirmed or approved the old one has to look again",
            count(workflows as u64, "workflow")
        )
    },
    nothing_decided: "nothing was decided: what was selected for release is not held, and what was to be dropped is dropped",
    nothing_released: |stays| format!("nothing was decided. {}", staying(stays)),
    stays_held: staying,
    no_row: |job, row| format!("there is no row {row} in job {job}"),
    row_not_open: |row, state| {
        format!(
            "row {row} is {}, and only a row that is ambiguous or not_found can be given a person. Nothing was asked",
            state.map_or("not resolved", RowState::as_str)
        )
    },
    unfit: |user, why| {
        let why = match why {
            Unfit::NotShown => "is not shown by the portal".to_owned(),
            Unfit::WorksHere => "still works here".to_owned(),
            Unfit::Owner => "is the webhook's owner, who is never a target".to_owned(),
            Unfit::Protected(rule) => format!("is protected by the policy ({rule})"),
            Unfit::Unknown(rule) => format!(
                "may be protected: the policy's rule {rule} cannot be evaluated, since the portal does not tell {}",
                rule.asks_for()
            ),
        };
        format!("user {user} {why}. Nothing was decided")
    },
    unfit_next: |why| match why {
        Unfit::NotShown => "look the id up in the address of the person's profile page",
        Unfit::WorksHere => "dismiss the person in the portal first, then plan again",
        Unfit::Owner => "use another administrator's webhook",
        Unfit::Protected(_) => "change the policy file and plan again",
        Unfit::Unknown(_) => "give the webhook the scope `user`, or change the policy file, and plan again",
    },
    other_row: |row, user| {
        format!("row {row} is about user {user} too, and asks for another action. Nothing was decided")
    },
    other_row_next: "correct the roster and plan again",
    nothing_to_approve: |job| format!("the plan of job {job} has nothing to be carried out"),
    own_plan: |who| format!("{who} made this plan or decided about it, and somebody else has to approve it"),
    own_plan_next: |job| format!("another person, from their own account: offboard24 approve {job}"),
    approved: |who, job, confirm| format!("{who} approved the plan of job {job}; it can be carried out as {confirm}"),

    no_home: "this account has no home directory",
    no_home_next: "set XDG_STATE_HOME to a folder for the database and the locks",
    database_is_address: "what is named as the database is an address and no file (it is not shown here, since it may be a password)",
    database_is_address_next: "name a file with --db FILE or OFFBOARD24_DB; the webhook's place is OFFBOARD24_WEBHOOK",
    no_webhook: "no webhook",
    no_webhook_next: "put the inbound webhook's URL into OFFBOARD24_WEBHOOK, or into a file named by --webhook-file; or name a portal \
                      of the configuration file with --portal",
    webhook_unreadable: |cause| format!("the webhook file cannot be read: {cause}. Nothing was asked"),
    webhook_unreadable_next: "put the webhook's URL, and nothing else, into a text file that this user can read",
    webhook_wrong: |cause| cause.to_string(),
    webhook_wrong_next: "copy the URL from the webhook's page in the portal",
    webhook_public: |path| {
        format!(
            "everybody on this machine can read the webhook in {}. Nothing was asked",
            path.display()
        )
    },
    webhook_elsewhere: |[origin, leads_to, name, name_origin, expected]| {
        format!(
            "the webhook ({origin}) leads to {leads_to}, and the portal {name} ({name_origin}) is {expected}. Nothing was asked"
        )
    },
    webhook_elsewhere_next: "offboard24 config explain shows who says what; unset what is of another portal",
    time_skipped: |time| format!("the clocks of this machine pass over {time} on that day"),
    time_skipped_next: "name another time with --until, or say how long with --max-duration",

    portal_error: ToString::to_string,
    portal_next: |error| error.next(),
    journal_error: |error| match error {
        JournalError::Key(error) => (WORDS.key_error)(error),
        JournalError::Head(error) => (WORDS.head_error)(error),
        error if error.is_damage() => format!("{error}. Nothing is done with it"),
        error => error.to_string(),
    },
    journal_next,
    key_error: |error| match error {
        KeyError::Missing { .. } => format!("{error}. Nothing was recorded"),
        error => error.to_string(),
    },
    key_next: |error| {
        match error {
        KeyError::Missing { .. } => {
            "bring the key file from the machine that signed it, and name it with --key-file FILE; reading commands need no key"
                .to_owned()
        }
        KeyError::Open(path) => format!("chmod 600 {}", path.display()),
        KeyError::File { .. } | KeyError::Unreadable { .. } => {
            "name another key file with --key-file FILE, or a folder for it with XDG_DATA_HOME".to_owned()
        }
        KeyError::Random(_) => "type the same command again".to_owned(),
    }
    },
    head_error: |error| match error {
        HeadError::Locked(error) => (WORDS.lock_error)(error),
        HeadError::File { .. } => error.to_string(),
        HeadError::Unreadable(_) | HeadError::Foreign(_) => format!("{error}. Nothing was recorded"),
        HeadError::Longer { .. } | HeadError::Differs { .. } => format!("{error}. Nothing is done with it"),
    },
    head_next: |error| {
        match error {
        HeadError::Locked(error) => (WORDS.lock_next)(error).to_owned(),
        HeadError::File { .. } => WHERE_TO_WRITE.to_owned(),
        HeadError::Unreadable(path) | HeadError::Foreign(path) => format!(
            "find out who changed it; without it what was cut off the journal's end goes unnoticed: mv {0} {0}.bad",
            path.display()
        ),
        HeadError::Longer { .. } | HeadError::Differs { .. } => {
            "put the whole database back where it was, with the file that ends in -wal; or keep both as evidence, see what `offboard24 audit verify` \
             says, and plan anew in another database with --db FILE"
                .to_owned()
        }
    }
    },
    lock_error: |error| match error {
        LockError::Held { .. } => format!("another run is at work: {error}"),
        LockError::File { .. } => error.to_string(),
    },
    lock_next: |error| match error {
        LockError::Held { .. } => "offboard24 status shows how far it is; wait for it, or: offboard24 stop",
        LockError::File { .. } => WHERE_TO_WRITE,
    },

    check_state: |_| "",
    check_to_do: "to do",
    check_failures: |number, names| format!("{number} things keep plan from being made: {names}. Nothing was changed"),
    no_policy: "none is given; name one with --policy FILE",
    policy_usable: |path| format!("{} can be used", path.display()),
    folder_unwritable: |folder| format!("this user cannot write in {}", folder.display()),
    folder_to_be_made: |folder| format!("{} is not there yet, and will be made for you alone", folder.display()),
    folder_open: |folder| format!("others can write in {}, and replace what is in it", folder.display()),
    folder_shown: |folder| format!("others can look into {}, or write there", folder.display()),
    folder_private: |folder| format!("{} is for you alone", folder.display()),
    room: |megabytes, database| format!("{megabytes} MB free for {}", database.display()),
    room_next: "make room before a large job: it stops when the disk is full",
    database_to_be_made: |database| format!("{} is not there yet: plan makes it", database.display()),
    database_with: |database, jobs| format!("{}, {}", database.display(), count(jobs as u64, "job")),
    key_there: |file| format!("it is in {}", file.display()),
    key_to_be_made: |file| format!("none is in {} yet: the first run makes it", file.display()),
    encrypted: "trusted, valid, and the portal's own",
    not_encrypted: "none: plain http, which does not leave this machine",
    certificate_ends: |end, days| format!("trusted and valid, but only until {end}: {} left", count(days, "day")),
    certificate_next: "have it renewed: once it has ended, no request reaches the portal, and a job stops half-way",
    head_agrees: "the journal holds all that this machine signed",
    head_unsigned: "none yet: nothing was signed",
    head_not_here: "this machine has no head of this database: whether something was cut off its end cannot be told here",
    head_not_here_next: "compare it with what was kept elsewhere: offboard24 audit verify --receipt FILE",
    portal_answers: |portal| format!("{portal} answers"),
    owner: |user| format!("user {user}, who works here"),
    no_other_run: "no run is at work on this portal",
    other_run: |process, portal| {
        format!("process {process} works on {portal}; plan, apply, run and resume have to wait for it")
    },
    other_run_next: "offboard24 status shows how far it is; offboard24 stop ends it; with --db FILE where it works on another database",
    has_workflows: "has business processes",
    administrator: |user| format!("user {user} may end workflows"),
    no_emails: |scopes| format!("{scopes}: nobody can be found by e-mail"),
    no_emails_next: "tick the scope `user` in the webhook's settings, or have an id in every row of the roster and no e-mails",
    clocks_agree: "as the portal's, within a minute",
    clocks_next: "set this machine's clock, for instance by NTP",
    requests_unlimited: "without limit, as --rate says",
    requests_none: "none can go out at once: others were sent a moment ago",
    requests_none_next: "wait a minute, or let the job wait",
    requests: |room| format!("{} can go out at once now", count(u64::from(room), "request")),

    written: |files| format!("written, for you alone to read:\n  {files}"),
    file_exists: |path| {
        format!(
            "{} exists, and nothing is written over it. Nothing was written",
            path.display()
        )
    },
    file_exists_next: |path| {
        format!(
            "name another file with -o, or move that one away: mv {0} {0}.old",
            path.display()
        )
    },
    file_unwritable: |path, cause| format!("{} cannot be written: {cause}. Nothing was written", path.display()),
    file_unwritable_next: "name a file in a folder of your own with -o, on a disk with room",
    demo_listens: |address| format!("a stand-in portal listens on {address}; nothing leaves this machine\n"),
    demo_plan: "— the plan: only reading so far —",
    demo_confirmed: |confirm| format!("— confirmed with {confirm}, and carried out —"),
    demo_end: |workflows, requests| {
        format!("— the stand-in portal's own list: {workflows} workflows destroyed, {requests} requests —")
    },
};

fn be(number: u32) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

fn detected(found: &Detected) -> String {
    let columns: Vec<String> = found
        .columns
        .iter()
        .map(|column| match column.field {
            Some(field) => format!("{} = {}", printable(&column.name), field.as_str()),
            None => format!("{} (kept)", printable(&column.name)),
        })
        .collect();
    let delimiter = found
        .delimiter
        .map_or_else(|| "none, one column".to_owned(), |delimiter| delimiter.to_string());
    let mark = if found.byte_order_mark {
        " with byte order mark"
    } else {
        ""
    };
    format!(
        "roster: {}{mark}, delimiter {delimiter}, header in line {}\n        columns: {}\n        {}, {} passed over",
        found.encoding,
        found.header_line,
        columns.join(", "),
        count(found.rows as u64, "row"),
        count(found.rows_ignored as u64, "empty or title line")
    )
}

fn over_said(over: &Over) -> String {
    let Over { cap, found, allowed } = over;
    match cap {
        Cap::People if *found == 1 => format!("1 person are matched, and {allowed} are allowed"),
        Cap::People => format!("{found} people are matched, and {allowed} are allowed"),
        Cap::Actions => format!("it has {}, and {allowed} are allowed", count(*found, "action")),
        Cap::ActionsPerPerson(user) => format!(
            "user {user} has {}, and {allowed} are allowed for one person",
            count(*found, "action")
        ),
        Cap::PercentOfRunning => {
            format!("it would end {found} % of the workflows that run on the portal, and {allowed} % are allowed")
        }
    }
}

/// `action 3 stays held: protected`.
fn staying(stays: &Stays) -> String {
    let lines = stays.iter().map(|(action, holds)| {
        let holds: Vec<&str> = holds.iter().map(|hold| hold.as_str()).collect();
        format!("action {action} stays held: {}", holds.join(", "))
    });
    let why = "what is protected is never released, and a conflict only with --action kill or --action terminate";
    format!("{}\n{why}", lines.collect::<Vec<_>>().join("\n"))
}

fn journal_next(error: &JournalError) -> String {
    let next = match error {
        JournalError::Missing(_) => {
            "name the database with --db FILE, or make one: offboard24 plan ROSTER --action terminate"
        }
        JournalError::File { .. } | JournalError::Foreign(_) => "name another file with --db FILE",
        JournalError::Place { .. } => {
            "run it as the user whose database it is, or let this user write in its folder. A copy without the \
             file that ends in -wal is not the whole journal"
        }
        JournalError::Newer { .. } => "use the version of offboard24 that wrote it",
        JournalError::NetworkFileSystem(_) => "put the database on a local disk with --db FILE",
        error if error.is_damage() => "keep the file as evidence, and plan anew in another one with --db FILE",
        JournalError::DiskFull | JournalError::ReserveUsed => "make room, then: offboard24 resume",
        JournalError::Commit(_) | JournalError::Broken => {
            "check the disk, then: offboard24 resume; it reads what was recorded and asks the portal"
        }
        JournalError::Changed(_) => {
            "verify it again when nothing writes to it, or verify a copy made by: offboard24 audit export"
        }
        JournalError::Busy => {
            "another program has the database open for writing: close it there and type the same command again"
        }
        JournalError::Lingering {
            path, cause, is_copy, ..
        } => {
            let place = path.display();
            let first = match **cause {
                JournalError::Busy => "wait until nothing reads it".to_owned(),
                JournalError::DiskFull => "make room on the disk".to_owned(),
                _ if *is_copy => {
                    format!("let this user write {place}, or delete it: it is a copy from before an update")
                }
                _ => format!("let this user write {place} and its folder"),
            };
            return format!(
                "{first}; every later command that writes tries it again, and so does the same offboard24 audit redact --person ID"
            );
        }
        JournalError::Export(_) => "name a new folder with -o, in a folder of your own, on a disk with room",
        JournalError::Key(error) => return (WORDS.key_next)(error),
        JournalError::Head(error) => return (WORDS.head_next)(error),
        JournalError::HeadUnwritten(_) => {
            "let this user write there, then: offboard24 audit checkpoint; a run goes on with: offboard24 resume"
        }
        JournalError::Unsigned => "offboard24 plan ROSTER records the key with its first run",
        _ => "check disk and memory, then: offboard24 resume; what was recorded is safe",
    };
    next.to_owned()
}
