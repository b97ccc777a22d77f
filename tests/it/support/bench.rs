//! The run loop in this process, in virtual time, against a stand-in that shares the clock: ninety seconds of quiet pass at once.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offboard24::clock::{Clock, Sleep};
use offboard24::domain::{JobId, RunId, StopReason, UserId};
use offboard24::journal::{Entry, Event, Journal, PlanConfirmed, RunStarted, Stamp};
use offboard24::plan::make;
use offboard24::plan::policy::Policy;
use offboard24::plan::record::{Notices, Recorder};
use offboard24::portal::{Connection, Destroyer, LevelStore, Rate, Reader, Settings, Webhook};
use offboard24::roster::compare;
use offboard24::run::stop::{Stopper, stop_request};
use offboard24::run::{Engine, execute};
use offboard24::sandbox::{Options, VirtualTime, World, WorldOptions};
use serde_json::Value;

use super::{Desk, Gate, HOW_TO, Portal, unlimited};

/// The stand-in's virtual time as the program's clock.
struct TestClock {
    time: VirtualTime,
    /// By how many seconds this machine's wall clock is wrong.
    ahead: Arc<AtomicI64>,
}

impl Clock for TestClock {
    fn utc(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::seconds(self.ahead.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.time.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(async move {
            self.time.advance(duration);
            tokio::task::yield_now().await;
        })
    }
}

struct NoLevel;

impl LevelStore for NoLevel {
    fn load(&self) -> Option<(f64, DateTime<Utc>)> {
        None
    }

    fn store(&self, _: f64, _: DateTime<Utc>) {}
}

/// The step of a run after which the canary is looked at and not yet sent.
pub(crate) const CANARY_LOOKED_AT: u32 = 1;
/// The step of a run after which the canary was sent, answered or not, and asked about.
pub(crate) const CANARY_ASKED_ABOUT: u32 = 3;

/// A planned job, and a clock that both sides share.
pub(crate) struct Bench {
    pub(crate) portal: Portal,
    pub(crate) desk: Desk,
    pub(crate) time: VirtualTime,
    /// Between the job and the portal, if there is one.
    gate: Option<Gate>,
    plan: Value,
    /// How long a run may take.
    within: Option<Duration>,
    runs: Mutex<u32>,
    clock_ahead: Arc<AtomicI64>,
    /// How fast the program sends.
    rate: Rate,
    /// And how many requests at once.
    burst: u32,
}

impl Bench {
    /// Plans with the real binary.
    pub(crate) fn planned(world: World, options: Options, roster: &[u8], action: &str) -> Self {
        Self::behind(None, world, options, roster, action)
    }

    fn behind(connections: Option<usize>, world: World, options: Options, roster: &[u8], action: &str) -> Self {
        let time = VirtualTime::default();
        let portal = Portal::with(Options {
            world: WorldOptions::Given(Box::new(world)),
            time: time.time(),
            pause: time.pause(),
            ..options
        });
        let gate = connections.map(|connections| Gate::before(&portal, connections));
        let desk = gate
            .as_ref()
            .map_or_else(|| Desk::at(&portal), |gate| Desk::through(&portal, gate.webhook()));
        let plan = desk.plan(&desk.roster(roster), action);
        Self {
            portal,
            desk,
            time,
            gate,
            plan,
            within: None,
            runs: Mutex::new(1),
            clock_ahead: Arc::default(),
            rate: Rate::Unlimited,
            burst: Settings::BURST,
        }
    }

    /// The sample's how-to: nine workflows of one person, to be killed.
    pub(crate) fn how_to() -> Self {
        Self::planned(World::sample(), unlimited(), HOW_TO, "kill")
    }

    /// The same behind a gate that closes after so many connections, those of planning among them.
    pub(crate) fn how_to_behind_a_gate(connections: usize) -> Self {
        Self::behind(Some(connections), World::sample(), unlimited(), HOW_TO, "kill")
    }

    /// The gate.
    pub(crate) fn gate(&self) -> &Gate {
        self.gate.as_ref().unwrap()
    }

    /// The same with these faults.
    pub(crate) fn how_to_with(faults: &[&str]) -> Self {
        let bench = Self::how_to();
        for fault in faults {
            bench.portal.inject(fault);
        }
        bench
    }

    /// The workflow that goes first.
    pub(crate) fn first(&self) -> String {
        let events = self.desk.story();
        let planned = events.iter().find(|event| event["kind"] == "action_planned").unwrap();
        planned["data"]["workflow"].as_str().unwrap().to_owned()
    }

    /// Carries the plan out, and does something to the stand-in's world after the n-th step: each look, batch, question and pause is one.
    pub(crate) fn execute_and_after(&self, nth: u32, change: impl Fn(&mut World) + Send + Sync) -> Option<StopReason> {
        let (portal, steps) = (&self.portal, AtomicU32::new(0));
        self.execute(|_| {
            if steps.fetch_add(1, Ordering::Relaxed) + 1 == nth {
                portal.world(&change);
            }
        })
    }

    /// By how many seconds this machine's wall clock is wrong; can be set while a run is under way.
    pub(crate) fn clock_ahead(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.clock_ahead)
    }

    /// The same, with the pace that is right for portals with limits.
    pub(crate) fn paced(mut self) -> Self {
        self.rate = Rate::default();
        self
    }

    /// The same, with so many requests at once.
    pub(crate) fn with_burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    /// The same, and each run stops after so long.
    pub(crate) fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Carries the plan out, or goes on with it, in virtual time; gives why it stopped. `watch` is called after each step.
    pub(crate) fn execute(&self, watch: impl Fn(&Stopper) + Send + Sync) -> Option<StopReason> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(self.execute_here(watch))
    }

    async fn execute_here(&self, watch: impl Fn(&Stopper) + Send + Sync) -> Option<StopReason> {
        let clock: Arc<dyn Clock> = Arc::new(TestClock {
            time: self.time.clone(),
            ahead: Arc::clone(&self.clock_ahead),
        });
        let mut journal = self.desk.open_journal(Arc::clone(&clock));
        let notices = Notices::default();
        let (webhook, portal) = match &self.gate {
            None => (self.portal.url(), self.portal.host()),
            Some(gate) => (gate.webhook().to_owned(), gate.host()),
        };
        let connection = connect(&webhook, &clock, &notices, (self.rate, self.burst));
        let job = JobId(1);
        let run = {
            let mut runs = self.runs.lock().unwrap();
            *runs += 1;
            RunId(*runs)
        };
        begin(&mut journal, portal, run);
        let mut recorder = Recorder::new(&mut journal, run, job, Arc::clone(&connection), notices);
        if run == RunId(2) {
            let confirm = self.plan["confirm"].as_str().unwrap().to_owned();
            let confirmed = PlanConfirmed {
                confirm,
                by: "--confirm".to_owned(),
            };
            recorder.record([Event::PlanConfirmed(confirmed)]).unwrap();
        }
        let (stopper, stop) = stop_request(self.desk.folder().join("stop"));
        let stop = match self.within {
            Some(time) => stop.until(Arc::clone(&clock), clock.monotonic() + time),
            None => stop,
        };
        let progress = |_: offboard24::journal::View<'_>| watch(&stopper);
        let engine = Engine {
            reader: Reader::new(Arc::clone(&connection)),
            destroyer: Destroyer::new(connection),
            clock,
            jitter_seed: 1,
            stop,
            may_send: true,
            progress: &progress,
            lulls: &|_, _| {},
        };
        let ended = execute(&engine, &mut recorder, &[job]).await.unwrap();
        drop(recorder);
        journal.close().unwrap();
        ended.stop
    }
}

/// The program's clock, going by the stand-in's virtual time.
pub(crate) fn clock(time: &VirtualTime) -> Arc<dyn Clock> {
    Arc::new(TestClock {
        time: time.clone(),
        ahead: Arc::default(),
    })
}

/// A connection by that clock.
pub(crate) fn connect(
    webhook: &str,
    clock: &Arc<dyn Clock>,
    notices: &Notices,
    (rate, burst): (Rate, u32),
) -> Arc<Connection> {
    let kept = notices.clone();
    let settings = Settings {
        rate,
        burst,
        concurrency: Settings::CONCURRENCY,
        ca_file: None,
        clock: Arc::clone(clock),
        jitter_seed: 1,
        notices: Arc::new(move |notice| kept.push(notice.clone())),
        level: Box::new(NoLevel),
        same: compare::same,
        loosely_same: compare::loosely_same,
    };
    Connection::open(Webhook::parse(webhook).unwrap(), settings).unwrap()
}

/// Records that a run of job 1 began.
fn begin(journal: &mut Journal, portal: String, run: RunId) {
    let started = RunStarted {
        command: "apply".to_owned(),
        os_user: "test".to_owned(),
        login_user: None,
        host: "test".to_owned(),
        process: 1,
        version: "0".to_owned(),
        portal: offboard24::domain::Portal(portal),
        webhook_owner: UserId(1),
        credential: String::new(),
        policy_hash: String::new(),
        clock_offset_ms: 0,
    };
    let stamp = Stamp {
        run: Some(run),
        requests: 0,
    };
    journal
        .append(stamp, [Entry::of(JobId(1), Event::RunStarted(Box::new(started)))])
        .unwrap();
}

/// A plan that the portal cut short after the people were found and before their tasks were read.
pub(crate) fn cut_short() -> (Portal, Desk) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    portal.inject("auth-error-401@bizproc.task.list:1");
    let roster = desk.roster(HOW_TO);
    let status = desk
        .run(&["plan", &roster, "--action", "kill", "--json"])
        .expect(7)
        .json();
    assert_eq!(
        (status["state"].as_str(), status["stop_reason"].as_str()),
        (Some("planning"), Some("auth"))
    );
    (portal, desk)
}

/// Goes on with the plan of job 1, so much later.
pub(crate) fn go_on_planning(desk: &Desk, portal: &Portal, later: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let clock = clock(&VirtualTime::default());
    let mut journal = desk.open_journal(Arc::clone(&clock));
    let notices = Notices::default();
    let connection = connect(&portal.url(), &clock, &notices, (Rate::Unlimited, Settings::BURST));
    let run = journal.view().next_run().unwrap();
    begin(&mut journal, portal.host(), run);
    let mut recorder = Recorder::new(&mut journal, run, JobId(1), Arc::clone(&connection), notices);
    let reader = Reader::new(connection);
    let (policy, now) = (Policy::default(), Utc::now() + later);
    runtime
        .block_on(make(&mut recorder, &reader, UserId(1), &policy, now, &|_, _| {}))
        .unwrap();
    journal.close().unwrap();
}
