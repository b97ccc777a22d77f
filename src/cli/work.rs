//! What commands that append have in common: the database with its lock, the portal with its lock, and a run between them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::failure::Failure;
use super::language::said;
use super::preflight::{Needs, clocks_differ, preflight};
use super::settings::{Common, Place, PortalAccess};
use super::signals::Signals;
use super::surroundings::Surroundings;
use super::terminal::Terminal;
use crate::clock::Clock;
use crate::domain::{JobId, RunId, StopReason, UserId};
use crate::exit::Exit;
use crate::files::make_private_folder;
use crate::journal::key::Keys;
use crate::journal::{
    Beginning, Entry, Event, JobRecord, Journal, JournalError, Operator, RunAbandoned, RunFinished, RunStarted, Stamp,
};
use crate::lock::Lock;
use crate::paths::{database_lock, stop_file};
use crate::plan::record::{Notices, Recorder};
use crate::portal::{Connection, LevelStore, Notice, Reader, Settings, Webhook};
use crate::report::status::JobStatus;
use crate::roster::compare;

/// How long a pause has to be to be told of.
pub(crate) const PAUSE_TOLD_MIN: Duration = Duration::from_secs(1);

/// The database in the hands of this process.
pub(crate) struct Work {
    pub(crate) terminal: Terminal,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) place: Place,
    pub(crate) journal: Journal,
    /// Whether this process has a run under way.
    is_running: bool,
    _lock: Lock,
}

impl Work {
    /// Takes the database's lock, then opens the database.
    pub(crate) fn open(common: &Common, terminal: &Terminal) -> Result<Self, Failure> {
        Self::open_at(common.place()?, terminal)
    }

    pub(crate) fn open_at(place: Place, terminal: &Terminal) -> Result<Self, Failure> {
        let mut work = Self::open_uncleaned(place, terminal)?;
        if let Err(cause) = work.journal.finish_redactions() {
            work.tell_lingering(cause)?;
        }
        Ok(work)
    }

    /// The same, without finishing an erasure that is not finished.
    pub(crate) fn open_uncleaned(place: Place, terminal: &Terminal) -> Result<Self, Failure> {
        if let Some(folder) = place.database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_private_folder(folder).map_err(|cause| {
                Failure::usage(said(|words| (words.unmade)(folder, &cause))).next(said(|words| words.where_to_write))
            })?;
        }
        let lock = Lock::take(&database_lock(&place.database))?;
        let clock = place.surroundings.clock();
        let keys = Keys::read(&place.key)?;
        let journal = Journal::open_signed(&place.database, Arc::clone(&clock), keys, &place.paths.heads())?;
        // A wish from before this run is not about this run.
        let stop = stop_file(&place.database);
        match std::fs::remove_file(&stop) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::usage(said(|words| (words.stop_stuck)(&cause)))
                    .next(said(|words| (words.stop_stuck_next)(&stop))));
            }
            _ => {}
        }
        Ok(Self {
            terminal: terminal.clone(),
            clock,
            place,
            journal,
            is_running: false,
            _lock: lock,
        })
    }

    /// That bytes of what was erased are left somewhere: no reason to stop whatever else is to be done.
    pub(crate) fn tell_lingering(&self, cause: JournalError) -> Result<(), Failure> {
        let is_lingering = matches!(cause, JournalError::Lingering { .. });
        let failure = Failure::from(cause);
        if !is_lingering {
            return Err(failure);
        }
        let (message, next) = (failure.message, failure.next.unwrap_or_else(|| "".into()));
        let (message, next) = (self.terminal.said(&message), self.terminal.said(&next));
        self.terminal.note(&(self.terminal.words().to_do)(message, next));
        Ok(())
    }

    /// The job that was named, or the latest.
    pub(crate) fn job(&self, named: Option<JobId>) -> Result<JobRecord, Failure> {
        super::find_job(self.journal.view(), named)
    }

    /// The status of a job: nobody works on it but this process.
    pub(crate) fn status(&self, job: JobId) -> Result<JobStatus, Failure> {
        let record = self.job(Some(job))?;
        Ok(JobStatus::read(self.journal.view(), &record, self.is_running)?)
    }

    /// Begins a run: closes what dead processes left open, and records who works, with what and where, before everything else.
    pub(crate) fn begin_run(
        &mut self,
        link: &Link,
        command: &str,
        job: JobId,
        policy_hash: &str,
        first: impl IntoIterator<Item = Event>,
    ) -> Result<RunId, Failure> {
        let operator = self.operator();
        let beginning = self.journal.beginning(&link.connection.portal(), &operator)?;
        self.tell_signing(&beginning);
        let view = self.journal.view();
        let run = view.next_run()?;
        let mut entries = vec![Entry::of(
            job,
            Event::RunStarted(Box::new(link.run_started(command, policy_hash, operator))),
        )];
        entries.extend(beginning.entries);
        for open in view.open_runs()? {
            let in_doubt = view
                .action_counts(open.job)?
                .get(&crate::domain::ActionState::Sent)
                .copied();
            let abandoned = RunAbandoned {
                abandoned: open.run,
                in_doubt: in_doubt.unwrap_or_default(),
            };
            entries.push(Entry::of(open.job, Event::RunAbandoned(abandoned)));
        }
        let first = first.into_iter().map(|event| Entry::of(job, event));
        self.journal.append(
            Stamp {
                run: Some(run),
                requests: link.connection.requests(),
            },
            entries.into_iter().chain(first),
        )?;
        self.is_running = true;
        Ok(run)
    }

    /// Has the database signed from here on, where no run did that yet.
    pub(crate) fn begin_signing(&mut self) -> Result<(), Failure> {
        let first = self.journal.view().jobs()?.into_iter().next();
        let portal = first.ok_or(JournalError::Unsigned)?.portal;
        let beginning = self.journal.beginning(&portal, &self.operator())?;
        self.tell_signing(&beginning);
        Ok(self.journal.append(Stamp::default(), beginning.entries)?)
    }

    /// What a person has to know about the signing: a key is worth something only to whom it was given beforehand.
    fn tell_signing(&self, beginning: &Beginning) {
        let words = self.terminal.words();
        if let Some(key) = &beginning.new_key {
            self.terminal
                .note(&(words.signed_from_here)(&self.place.key, &key.to_string()));
        }
        if beginning.is_head_missing {
            self.terminal.note(words.head_missing);
        }
    }

    /// The journal for a run.
    pub(crate) fn recorder(&mut self, link: &Link, run: RunId, job: JobId) -> Recorder<'_> {
        Recorder::new(
            &mut self.journal,
            run,
            job,
            Arc::clone(&link.connection),
            link.notices.clone(),
        )
    }

    /// Ends a run in order.
    pub(crate) fn end_run(
        &mut self,
        link: &Link,
        run: RunId,
        job: JobId,
        stop_reason: Option<StopReason>,
    ) -> Result<(), Failure> {
        let actions = crate::run::totals(self.journal.view(), job)?;
        let finished = Event::RunFinished(RunFinished { stop_reason, actions });
        self.is_running = false;
        Ok(self.recorder(link, run, job).settle([Entry::of(job, finished)])?)
    }

    /// Who is typing, as far as is known: the account, and who took it on with `sudo`, by a variable that whoever is at work there can set.
    pub(crate) fn operator(&self) -> Operator {
        let os_user = whoami::username().unwrap_or_else(|_| rustix::process::getuid().as_raw().to_string());
        let login_user = self.place.surroundings.login_user();
        Operator {
            login_user: login_user.filter(|login| *login != os_user),
            os_user,
            host: whoami::hostname().unwrap_or_default(),
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.utc()
    }

    /// Brings everything into the database file and lets go of it. When that fails nothing is lost: the next opening does it.
    pub(crate) fn close(self) {
        if let Err(cause) = self.journal.close() {
            self.terminal.note(&(self.terminal.words().log_stays)(&cause));
        }
    }
}

/// The portal in the hands of this process.
pub(crate) struct Link {
    pub(crate) connection: Arc<Connection>,
    pub(crate) reader: Reader,
    pub(crate) notices: Notices,
    pub(crate) signals: Signals,
    pub(crate) owner: UserId,
    credential: String,
    clock_offset_ms: i64,
    _lock: Arc<Lock>,
}

impl Link {
    /// Takes the portal's lock and looks whether the webhook can do what is needed. Only asks.
    pub(crate) async fn open(work: &Work, access: PortalAccess, needs: &Needs) -> Result<Self, Failure> {
        // Only from here on: at a prompt, with nothing under way, a signal simply ends the process.
        let signals = work
            .place
            .surroundings
            .listen(&work.terminal, stop_file(&work.place.database))
            .map_err(|cause| Failure::new("signals", Exit::Bug, said(|words| (words.signals_unheard)(&cause))))?;
        let signals = match access.time_limit.deadline(work.clock.as_ref())? {
            Some(deadline) => signals.until(Arc::clone(&work.clock), deadline),
            None => signals,
        };
        let portal = access.webhook.portal();
        let path = work.place.paths.portal_lock(&portal).map_err(|cause| {
            Failure::usage(said(|words| (words.locks_unmade)(&cause))).next(said(|words| words.where_to_write))
        })?;
        let lock = Arc::new(Lock::take(&path)?);
        let database = work.journal.view().database()?;
        let credential = access.webhook.fingerprint(&fingerprint_key(&database));
        let notices = Notices::default();
        let level = Box::new(Level(Arc::clone(&lock)));
        let connection = connect(
            &work.terminal,
            &work.place.surroundings,
            &work.clock,
            access,
            &notices,
            level,
        )?;
        let reader = Reader::new(Arc::clone(&connection));
        let stop = signals.stop();
        let (owner, clock_offset_ms) = tokio::select! {
            biased;
            looked = preflight(&reader, needs, work.clock.as_ref()) => looked?,
            () = stop.asked() => return Err(signals.stopped(said(|words| words.stopped_before))),
        };
        if let Some(note) = clocks_differ(clock_offset_ms) {
            work.terminal.note(work.terminal.said(&note));
        }
        Ok(Self {
            connection,
            reader,
            notices,
            signals,
            owner,
            credential,
            clock_offset_ms,
            _lock: lock,
        })
    }

    fn run_started(&self, command: &str, policy_hash: &str, operator: Operator) -> RunStarted {
        RunStarted {
            command: command.to_owned(),
            login_user: operator.login_user,
            os_user: operator.os_user,
            host: operator.host,
            process: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            portal: self.connection.portal(),
            webhook_owner: self.owner,
            credential: self.credential.clone(),
            policy_hash: policy_hash.to_owned(),
            clock_offset_ms: self.clock_offset_ms,
        }
    }
}

/// The key of the credential's fingerprint: the database's random id, so that fingerprints of two databases cannot be compared.
fn fingerprint_key(database: &str) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(database).into()
}

/// Prepares to speak to the portal. Sends nothing.
pub(crate) fn connect(
    terminal: &Terminal,
    surroundings: &Surroundings,
    clock: &Arc<dyn Clock>,
    access: PortalAccess,
    notices: &Notices,
    level: Box<dyn LevelStore>,
) -> Result<Arc<Connection>, Failure> {
    let (kept, terminal, told_by) = (notices.clone(), terminal.clone(), Arc::clone(clock));
    let jitter_seed = surroundings
        .jitter_seed()
        .map_err(|cause| Failure::new("random", Exit::Bug, cause.to_string()))?;
    let settings = Settings {
        rate: access.rate,
        burst: access.burst,
        concurrency: access.concurrency,
        ca_file: access.ca_file,
        clock: Arc::clone(clock),
        jitter_seed,
        notices: Arc::new(move |notice: &Notice| {
            let Notice::Waiting {
                reason, method, wait, ..
            } = notice;
            if *wait >= PAUSE_TOLD_MIN {
                let reason = (terminal.words().wait_reason)(*reason, *method);
                terminal.pause(&reason, *wait, &told_by);
            }
            kept.push(notice.clone());
        }),
        level,
        same: compare::same,
        loosely_same: compare::loosely_same,
    };
    let webhook: Webhook = access.webhook;
    Ok(surroundings.connect(webhook, settings)?)
}

/// The level of the bucket, kept in the file of the portal's lock, so that `apply` right after `plan` does not overrun.
pub(crate) struct Level(pub(crate) Arc<Lock>);

impl LevelStore for Level {
    fn load(&self) -> Option<(f64, DateTime<Utc>)> {
        let text = self.0.read()?;
        read_level(&text)
    }

    fn store(&self, level: f64, at: DateTime<Utc>) {
        self.0.write(&format!("{level:.3} {}\n", at.to_rfc3339()));
    }
}

/// The level that somebody else keeps, as it was written last: looked at, and left alone.
pub(crate) struct LevelOfOthers(pub(crate) Option<String>);

impl LevelStore for LevelOfOthers {
    fn load(&self) -> Option<(f64, DateTime<Utc>)> {
        read_level(self.0.as_deref()?)
    }

    fn store(&self, _level: f64, _at: DateTime<Utc>) {}
}

fn read_level(text: &str) -> Option<(f64, DateTime<Utc>)> {
    // A process that was killed while it wrote may have left the end of a longer line behind.
    let (level, at) = text.lines().next()?.split_once(' ')?;
    Some((level.parse().ok()?, DateTime::parse_from_rfc3339(at).ok()?.to_utc()))
}
