//! One process's connection to one portal: the webhook, the pace, the limits, and the count of requests.
//!
//! [`super::Reader`] and [`super::Destroyer`] share it, so that all that the process sends counts against one bucket.
//! Not responsible for what is sent, nor for repeating anything.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::answer::{Failure, Reply};
use super::array::Arrays;
use super::error::PortalError;
use super::exchange::Exchange;
use super::flow::Flow;
use super::http::{Deadlines, Http};
use super::limit::Limits;
use super::method::{Method, ReadMethod};
use super::pace::{Bucket, Rate};
use super::webhook::Webhook;
use crate::clock::Clock;
use crate::domain::Portal;

/// How a portal is spoken to.
pub struct Settings {
    /// Requests a second after the burst.
    pub rate: Rate,
    /// Requests that may go out at once. 45 is right for all plans but Enterprise.
    pub burst: u32,
    /// The most questions under way at once; destroying requests go one at a time.
    pub concurrency: u32,
    /// A PEM file with certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What decides the jitter of delays.
    pub jitter_seed: u64,
    /// Is told before each pause that is longer than ordinary pacing.
    pub notices: Arc<dyn Fn(&Notice) + Send + Sync>,
    /// Where the level of the bucket outlives the process.
    pub level: Box<dyn LevelStore>,
    /// Whether two texts are the same to a person: what was asked for and what a row says.
    pub same: fn(&str, &str) -> bool,
    /// Whether two texts can be the same to the portal's database. Tells its collation from a condition that it dropped.
    pub loosely_same: fn(&str, &str) -> bool,
}

impl Settings {
    /// The burst to use where nothing else is asked for.
    pub const BURST: u32 = super::pace::BURST;

    /// The concurrency to use where nothing else is asked for.
    pub const CONCURRENCY: u32 = super::flow::CONCURRENCY;
}

/// Keeps the level of the bucket between processes. A failure to keep it is the implementor's affair: pacing never stops a job.
pub trait LevelStore: Send + Sync {
    /// The requests in the bucket, and when that was.
    fn load(&self) -> Option<(f64, DateTime<Utc>)>;
    /// Keeps a level. Called for every request.
    fn store(&self, level: f64, at: DateTime<Utc>);
}

/// Something that the journal and the progress line should know. Holds no personal value and no secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    /// A pause begins.
    Waiting {
        /// Why.
        reason: WaitReason,
        /// The method that is waited for.
        method: Option<Method>,
        /// How long.
        wait: Duration,
        /// The failures in a row so far.
        attempt: u32,
    },
}

/// Why nothing is sent for a while, and what the last attempt ran into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WaitReason {
    /// Too many requests.
    QueryLimit,
    /// The portal has blocked a method for a while.
    OperationLimit,
    /// No connection.
    NotConnected,
    /// The connection ended, or the deadline passed, without an answer.
    NoAnswer,
    /// An answer that is none: broken off, HTML, a server error.
    BadAnswer,
    /// The portal refused the question for a reason of its own.
    Refused,
    /// The answer leaves out a question.
    Incomplete,
    /// A list changed while it was read.
    Changed,
}

impl WaitReason {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueryLimit => "too many requests",
            Self::OperationLimit => "operating time used up",
            Self::NotConnected => "no connection",
            Self::NoAnswer => "no answer",
            Self::BadAnswer => "an answer that is none",
            Self::Refused => "an error of the portal",
            Self::Incomplete => "an incomplete answer",
            Self::Changed => "a list that changed while it was read",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A portal, reachable through one webhook. Opening it sends nothing.
pub struct Connection {
    portal: Portal,
    exchange: Arc<dyn Exchange>,
    settings: Settings,
    bucket: Mutex<Bucket>,
    limits: Mutex<Limits>,
    flow: Flow,
    arrays: Mutex<BTreeMap<ReadMethod, Arrays>>,
    requests: AtomicU64,
    jitters: AtomicU64,
    /// Held while a destroying batch is in flight: they go one at a time.
    destroying: tokio::sync::Mutex<()>,
}

impl Connection {
    /// Prepares to speak to the webhook's portal. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`PortalError::Settings`] when the rate is no rate, when `ca_file` cannot be used, or when this machine has no
    /// certificates at all.
    pub fn open(webhook: Webhook, settings: Settings) -> Result<Arc<Self>, PortalError> {
        Self::open_with(webhook, settings, Deadlines::default())
    }

    pub(super) fn open_with(
        webhook: Webhook,
        settings: Settings,
        deadlines: Deadlines,
    ) -> Result<Arc<Self>, PortalError> {
        if let Rate::PerSecond(rate) = settings.rate
            && !(rate.is_finite() && rate > 0.0)
        {
            return Err(PortalError::Settings {
                problem: "the rate has to be above 0 requests a second".to_owned(),
            });
        }
        if settings.burst == 0 {
            return Err(PortalError::Settings {
                problem: "the burst has to be at least 1 request".to_owned(),
            });
        }
        let portal = webhook.portal();
        let http = Http::new(webhook, settings.ca_file.as_deref(), deadlines)?;
        Ok(Self::over(Arc::new(http), portal, settings))
    }

    /// Speaks to a portal through something else than HTTP.
    #[cfg(feature = "rigs")]
    pub fn through(exchange: Arc<dyn Exchange>, portal: Portal, settings: Settings) -> Arc<Self> {
        Self::over(exchange, portal, settings)
    }

    fn over(exchange: Arc<dyn Exchange>, portal: Portal, settings: Settings) -> Arc<Self> {
        let bucket = bucket_from_before(&settings);
        Arc::new(Self {
            portal,
            exchange,
            flow: Flow::new(settings.rate, settings.concurrency),
            arrays: Mutex::default(),
            settings,
            bucket: Mutex::new(bucket),
            limits: Mutex::default(),
            requests: AtomicU64::new(0),
            jitters: AtomicU64::new(0),
            destroying: tokio::sync::Mutex::new(()),
        })
    }

    /// The portal.
    pub fn portal(&self) -> Portal {
        self.portal.clone()
    }

    /// HTTP requests sent so far. One that found no connection is none.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The end of the time of the certificate that the portal, or whoever answers for it, showed last.
    pub fn certificate_end(&self) -> Option<DateTime<Utc>> {
        self.exchange.certificate_end()
    }

    /// How many requests could go out at once now; none where there is no limit.
    pub fn room(&self) -> Option<u32> {
        lock(&self.bucket).room(self.now())
    }

    /// For how long the portal is known to refuse a method; `None` when it may be called.
    pub fn blocked_for(&self, method: Method) -> Option<Duration> {
        let wait = self.limits().wait(method, self.now());
        (!wait.is_zero()).then_some(wait)
    }

    /// Sends one request, when the pace allows it. Returns what came, and how long it took on the way.
    pub(super) async fn exchange(&self, method: Method, body: &Value) -> (Result<Reply, Failure>, Duration) {
        self.await_pace().await;
        let began = self.now();
        let exchange = self.exchange.post(method, body).await;
        let took = self.now().saturating_sub(began);
        if !matches!(exchange, Err(Failure::NotConnected | Failure::Tls)) {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(
            method = method.as_str(),
            status = exchange.as_ref().map_or(0, |reply| reply.status),
            bytes = exchange.as_ref().map_or(0, |reply| reply.body.len()),
            failure = ?exchange.as_ref().err(),
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "exchange"
        );
        (exchange, took)
    }

    /// Waits until one more request fits into the bucket, without counting one.
    pub(super) async fn await_turn(&self) {
        loop {
            let wait = lock(&self.bucket).wait(self.now());
            if wait.is_zero() {
                return;
            }
            self.settings.clock.sleep(wait).await;
        }
    }

    /// Waits until one more request fits into the bucket, and counts it.
    async fn await_pace(&self) {
        loop {
            let wait = {
                let mut bucket = lock(&self.bucket);
                let now = self.now();
                let wait = bucket.wait(now);
                if wait.is_zero() {
                    bucket.fill(now);
                    self.settings.level.store(bucket.level(now), self.settings.clock.utc());
                    return;
                }
                wait
            };
            self.settings.clock.sleep(wait).await;
        }
    }

    /// Pauses, and says so first.
    pub(super) async fn pause(&self, reason: WaitReason, method: Method, wait: Duration, attempt: u32) {
        (self.settings.notices)(&Notice::Waiting {
            reason,
            method: Some(method),
            wait,
            attempt,
        });
        self.settings.clock.sleep(wait).await;
    }

    /// The portal said that its bucket is full.
    pub(super) fn overflowed(&self) {
        lock(&self.bucket).overflowed(self.now());
    }

    /// A seed for one more sequence of delays.
    pub(super) fn jitter(&self) -> u64 {
        self.settings
            .jitter_seed
            .wrapping_add(self.jitters.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn limits(&self) -> MutexGuard<'_, Limits> {
        lock(&self.limits)
    }

    pub(super) const fn flow(&self) -> &Flow {
        &self.flow
    }

    /// What is known of a method's arrays.
    pub(super) fn arrays(&self, method: ReadMethod) -> Arrays {
        lock(&self.arrays).get(&method).copied().unwrap_or_default()
    }

    /// Something was learned of a method's arrays.
    pub(super) fn learned(&self, method: ReadMethod, arrays: Arrays) {
        lock(&self.arrays).insert(method, arrays);
    }

    pub(super) fn now(&self) -> Duration {
        self.settings.clock.monotonic()
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) const fn destroying(&self) -> &tokio::sync::Mutex<()> {
        &self.destroying
    }
}

/// What an earlier process left in the bucket, drained since. A clock that was set back drains nothing.
fn bucket_from_before(settings: &Settings) -> Bucket {
    let now = settings.clock.monotonic();
    let level = settings.level.load().map_or(0.0, |(level, at)| {
        let since = settings
            .clock
            .utc()
            .signed_duration_since(at)
            .to_std()
            .unwrap_or(Duration::ZERO);
        Bucket::new(settings.rate, settings.burst, level, Duration::ZERO).level(since)
    });
    Bucket::new(settings.rate, settings.burst, level, now)
}

/// A panic elsewhere leaves these counters usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Pauses, Server, ok, settings};
    use super::*;

    /// A level that an earlier process left, and what this one left.
    #[derive(Clone)]
    struct Kept {
        before: (f64, DateTime<Utc>),
        stored: Arc<Mutex<Vec<f64>>>,
    }

    impl LevelStore for Kept {
        fn load(&self) -> Option<(f64, DateTime<Utc>)> {
            Some(self.before)
        }

        fn store(&self, level: f64, _: DateTime<Utc>) {
            lock(&self.stored).push(level);
        }
    }

    fn webhook(server: &Server) -> Webhook {
        Webhook::parse(&format!("http://{}/rest/1/x/", server.address)).unwrap()
    }

    #[tokio::test]
    async fn what_an_earlier_process_sent_counts_until_it_has_drained() {
        let server = Server::start(|_, _| ok(&json!({})));
        // 45 requests in the bucket; at 2 a second 10 s drain 20 of them. A level from the future drains nothing.
        for (seconds_ago, first_level) in [(0, 45.0), (10, 26.0), (60, 1.0), (-3600, 45.0)] {
            let pauses = Arc::new(Pauses::default());
            let before = (45.0, pauses.utc() - chrono::TimeDelta::seconds(seconds_ago));
            let kept = Kept {
                before,
                stored: Arc::default(),
            };
            let settings = Settings {
                level: Box::new(kept.clone()),
                ..settings(&pauses)
            };
            let connection = Connection::open(webhook(&server), settings).unwrap();
            assert!(connection.exchange(Method::Profile, &json!({})).await.0.is_ok());
            assert_eq!(*lock(&kept.stored), [first_level], "{seconds_ago}");
            let waited = if first_level > 44.0 {
                Duration::from_millis(500)
            } else {
                Duration::ZERO
            };
            assert_eq!(pauses.monotonic(), waited, "{seconds_ago}");
        }
    }

    #[tokio::test]
    async fn all_requests_share_one_pace_and_ordinary_pacing_is_not_told() {
        let server = Server::start(|_, _| ok(&json!({})));
        let pauses = Arc::new(Pauses::default());
        let connection = Connection::open(
            webhook(&server),
            Settings {
                burst: 2,
                ..settings(&pauses)
            },
        )
        .unwrap();
        for _ in 0..6 {
            assert!(connection.exchange(Method::Profile, &json!({})).await.0.is_ok());
        }
        assert_eq!((pauses.monotonic(), connection.requests()), (Duration::from_secs(2), 6));
        assert_eq!(pauses.notices(), []);
    }

    #[test]
    fn a_rate_that_is_none_is_refused() {
        let server = Server::start(|_, _| ok(&json!({})));
        let pauses = Arc::new(Pauses::default());
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let settings = Settings {
                rate: Rate::PerSecond(rate),
                ..settings(&pauses)
            };
            assert!(matches!(
                Connection::open(webhook(&server), settings),
                Err(PortalError::Settings { .. })
            ));
        }
        let settings = Settings {
            burst: 0,
            ..settings(&pauses)
        };
        assert!(matches!(
            Connection::open(webhook(&server), settings),
            Err(PortalError::Settings { .. })
        ));
    }
}
