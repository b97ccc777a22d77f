//! `offboard24 decide`: what a person decides about a frozen plan, before it is confirmed. Every decision gives a new plan with a new
//! hash, so that whoever confirmed or approved the old one has to look again.

use clap::Args;

use super::failure::Failure;
use super::language::{Unfit, said};
use super::preflight::Needs;
use super::settings::{Common, JobArgument, PortalArguments};
use super::terminal::Terminal;
use super::work::{Link, Work};
use super::{Ending, consent, planning, show, text};
use crate::domain::{ActionId, ActionKind, HoldReason, JobId, RowNumber, RowState, UserId};
use crate::journal::{Entry, Event, JobRecord, PlanDecided, RowRecord, RowResolved, Stamp};
use crate::plan::decide::{DecideError, Selector, Wish, decide as decide_wish};
use crate::plan::policy::{Policy, Protection};
use crate::plan::{self, PLAN_AGE_MAX, user_recorded};
use crate::portal::{UserQuery, UserRow};

pub(crate) const EXAMPLES: &str = "\
Examples: offboard24 decide --include person:17 --drop template:45
          offboard24 decide --include hold:conflict --action terminate
          offboard24 decide --row 3 --user 1017

A selector is person:ID, workflow:ID, template:ID or hold:REASON. What is protected is never released.";

#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("decision").required(true).multiple(true).args(["include", "drop", "row"]))]
pub(crate) struct DecideArguments {
    #[command(flatten)]
    job: JobArgument,
    /// Release the holds of these actions, so that they are carried out
    #[arg(long, value_name = "SELECTOR", conflicts_with = "row")]
    include: Vec<Selector>,
    /// Hold these actions, so that they are not carried out
    #[arg(long, value_name = "SELECTOR", conflicts_with = "row")]
    drop: Vec<Selector>,
    /// What to do with included workflows whose rows ask for different actions
    #[arg(long, value_enum, requires = "include")]
    action: Option<super::settings::ActionArgument>,
    /// Say who an ambiguous row, or one that nobody was found for, is about
    #[arg(long, value_name = "N", requires = "user", value_parser = clap::value_parser!(u32).range(1..))]
    row: Option<u32>,
    /// That person's user id
    #[arg(long, value_name = "ID", requires = "row", value_parser = clap::value_parser!(u32).range(1..))]
    user: Option<u32>,
    #[command(flatten)]
    portal: PortalArguments,
}

pub(crate) async fn decide(common: &Common, terminal: &Terminal, arguments: DecideArguments) -> Ending {
    let named = arguments.job.id();
    if let (Some(row), Some(user)) = (arguments.row, arguments.user) {
        return decide_row(common, terminal, named, RowNumber(row), UserId(user), arguments.portal).await;
    }
    let wish = Wish {
        include: arguments.include,
        drop: arguments.drop,
        kind: arguments.action.map(ActionKind::from),
    };
    decide_holds(common, terminal, named, &wish)
}

/// Releases and drops, from what is recorded: the portal is not asked.
fn decide_holds(common: &Common, terminal: &Terminal, named: Option<JobId>, wish: &Wish) -> Ending {
    let mut work = Work::open(common, terminal)?;
    let record = work.job(named)?;
    let job = record.job;
    let plan_hash = open_to_decisions(&work, &record)?;
    let view = work.journal.view();
    let actions = view.each_action(job).map(|action| {
        let action = action?;
        let workflow = if wish.goes_by_templates() {
            view.workflow(job, &action.workflow)?
        } else {
            None
        };
        Ok((action, workflow))
    });
    let decided = decide_wish(wish, actions).map_err(|error| match error {
        DecideError::Wish(cause) => {
            Failure::usage(said(|words| (words.wish)(&cause))).next(format!("offboard24 show {job} --by hold"))
        }
        DecideError::Journal(cause) => cause.into(),
    })?;
    if decided.events.is_empty() {
        return Err(nothing_decided(job, &decided.stays).into());
    }
    let oldest = work.now() - PLAN_AGE_MAX;
    let running = view.running_workflows(job)?;
    let policy = policy(&work, job)?;
    let made = Event::PlanDecided(Box::new(PlanDecided {
        plan_hash,
        operator: work.operator(),
        row: None,
        user: None,
    }));
    let number = decided.events.len();
    let decisions = decided.events.into_iter().map(Event::WorkflowDecided);
    work.begin_signing()?;
    work.journal.append_with(Stamp::default(), |view, take| {
        let mut take = |event| take(&Entry::of(job, event));
        std::iter::once(made).chain(decisions).try_for_each(&mut take)?;
        plan::freeze_into(view, job, &policy, running, oldest, &mut take)
    })?;
    let ending = show::tell_plan(&work, job);
    let words = terminal.words();
    terminal.note(&(words.decided)(number));
    if !decided.stays.is_empty() {
        terminal.note(&(words.stays_held)(&decided.stays));
    }
    work.close();
    ending
}

/// Says who a row is about, and reads what hangs on that person, and only on them.
async fn decide_row(
    common: &Common,
    terminal: &Terminal,
    named: Option<JobId>,
    row: RowNumber,
    user: UserId,
    portal: PortalArguments,
) -> Ending {
    let access = portal.access(common)?;
    let mut work = Work::open(common, terminal)?;
    let record = work.job(named)?;
    let job = record.job;
    let plan_hash = open_to_decisions(&work, &record)?;
    consent::check_portal(&record, &access.webhook.portal())?;
    let rows = work.journal.view().rows(job)?;
    let open = open_row(&rows, job, row)?;
    let policy = policy(&work, job)?;
    let needs = Needs {
        kinds: [open.action].into(),
        reads_emails: policy.reads_emails(),
    };
    let link = Link::open(&work, access, &needs).await?;
    let found = link.reader.users(&[UserQuery::Id(user)]).await.map_err(Failure::from)?;
    let found = found.into_iter().flatten().find(|found| found.id == user);
    let person = fit_to_be_dismissed(found, user, link.owner, &policy)?;
    let resolved = resolve(&rows, open, user)?;
    let first = vec![
        Event::PlanDecided(Box::new(PlanDecided {
            plan_hash,
            operator: work.operator(),
            row: Some(row),
            user: Some(user),
        })),
        user_recorded(&person, &policy),
        Event::RowResolved(resolved),
    ];
    let run = work.begin_run(&link, "decide", job, &record.policy_hash, first)?;
    if let Err(failure) = planning::make_plan(&mut work, &link, run, job, &policy).await {
        return Err(failure.with(&work.status(job)?));
    }
    work.end_run(&link, run, job, None)?;
    let ending = show::tell_plan(&work, job);
    let users = work.journal.view().users(job)?;
    terminal.note(&(terminal.words().row_is_now)(
        row,
        &text::person(user, users.get(&user)),
        user,
    ));
    work.close();
    ending
}

/// The hash of a plan that can still be decided about.
fn open_to_decisions(work: &Work, record: &JobRecord) -> Result<String, Failure> {
    let job = record.job;
    let Some(plan_hash) = record.plan_hash.clone().filter(|_| record.frozen_at.is_some()) else {
        return Err(
            Failure::refused(said(|words| (words.undecidable_yet)(job))).next(format!("offboard24 resume {job}"))
        );
    };
    if record.confirmed_at.is_some() {
        return Err(Failure::refused(said(|words| (words.undecidable_any_more)(job)))
            .next(said(|words| words.undecidable_next)));
    }
    if consent::is_too_old(record, work.now()) {
        return Err(consent::too_old(job));
    }
    Ok(plan_hash)
}

/// The policy of the job, as long as all of it is there.
fn policy(work: &Work, job: JobId) -> Result<Policy, Failure> {
    let view = work.journal.view();
    if view.policy_emails(job)?.contains(&None) {
        return Err(
            Failure::refused(said(|words| (words.email_erased)(job))).next(said(|words| words.email_erased_next))
        );
    }
    consent::policy(view, job)
}

fn nothing_decided(job: JobId, stays: &[(ActionId, Vec<HoldReason>)]) -> Failure {
    let next = format!("offboard24 show {job} --by hold");
    if stays.is_empty() {
        return Failure::refused(said(|words| words.nothing_decided)).next(next);
    }
    Failure::refused(said(|words| (words.nothing_released)(stays))).next(next)
}

/// A row that nobody was found for, or more than one.
fn open_row(rows: &[RowRecord], job: JobId, row: RowNumber) -> Result<&RowRecord, Failure> {
    let next = format!("offboard24 show {job}");
    let found = rows
        .iter()
        .find(|found| found.row == row)
        .ok_or_else(|| Failure::usage(said(|words| (words.no_row)(job, row))).next(next.clone()))?;
    match found.state {
        Some(RowState::Ambiguous | RowState::NotFound) => Ok(found),
        state => Err(Failure::refused(said(|words| (words.row_not_open)(row, state))).next(next)),
    }
}

/// Somebody whom the portal shows, who no longer works here, and whom nothing protects.
fn fit_to_be_dismissed(
    found: Option<UserRow>,
    user: UserId,
    owner: UserId,
    policy: &Policy,
) -> Result<UserRow, Failure> {
    let refused = |why: Unfit| {
        Failure::refused(said(|words| (words.unfit)(user, why))).next(said(|words| (words.unfit_next)(why)))
    };
    let person = found.ok_or_else(|| refused(Unfit::NotShown))?;
    if person.active {
        return Err(refused(Unfit::WorksHere));
    }
    if user == owner {
        return Err(refused(Unfit::Owner));
    }
    match policy.person((&person).into()) {
        Protection::None => Ok(person),
        Protection::By(rule) => Err(refused(Unfit::Protected(rule))),
        Protection::Unknown(rule) => Err(refused(Unfit::Unknown(rule))),
    }
}

/// What becomes of the row: its person's actions, or a share in those of the row that has them already.
fn resolve(rows: &[RowRecord], open: &RowRecord, user: UserId) -> Result<RowResolved, Failure> {
    let other = rows
        .iter()
        .find(|row| row.state == Some(RowState::Matched) && row.user == Some(user));
    if let Some(other) = other.filter(|other| other.action != open.action) {
        return Err(
            Failure::refused(said(|words| (words.other_row)(other.row, user))).next(said(|words| words.other_row_next))
        );
    }
    Ok(RowResolved {
        row: open.row,
        state: if other.is_some() {
            RowState::Duplicate
        } else {
            RowState::Matched
        },
        reason: None,
        user: Some(user),
        same_as: other.map(|other| other.row),
        candidates: Vec::new(),
    })
}
