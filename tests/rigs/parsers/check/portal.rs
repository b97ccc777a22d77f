//! A portal that answers with what is given, at once, and remembers what it was asked.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offboard24::clock::{Clock, Sleep};
use offboard24::domain::Portal;
use offboard24::portal::{Answering, Connection, Exchange, Failure, LevelStore, Method, Rate, Reply, Settings};
use offboard24::roster::compare;
use serde_json::Value;

/// More requests than any question of these needs: whoever sends them goes round in circles.
const REQUESTS_MAX: usize = 2000;

/// What comes back.
pub(super) type Answers = Box<dyn Fn(usize, Method) -> Result<Reply, Failure> + Send + Sync>;

/// One request: its method and its body.
pub(super) type Asked = (Method, Value);

/// The portal.
pub(super) struct Stand {
    answers: Answers,
    asked: Mutex<Vec<Asked>>,
}

impl Stand {
    pub(super) fn new(answers: Answers) -> Arc<Self> {
        Arc::new(Self {
            answers,
            asked: Mutex::default(),
        })
    }

    /// A connection to it, on which time passes at once.
    pub(super) fn connection(self: &Arc<Self>) -> Arc<Connection> {
        let settings = Settings {
            rate: Rate::Unlimited,
            burst: Settings::BURST,
            concurrency: Settings::CONCURRENCY,
            ca_file: None,
            clock: Arc::new(Hasty(Mutex::default())),
            jitter_seed: 1,
            notices: Arc::new(|_| {}),
            level: Box::new(NoLevel),
            same: compare::same,
            loosely_same: compare::loosely_same,
        };
        Connection::through(self.clone(), Portal("portal.example".to_owned()), settings)
    }

    /// What it was asked, in order.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Exchange for Stand {
    fn post<'a>(&'a self, method: Method, body: &'a Value) -> Answering<'a> {
        let number = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push((method, body.clone()));
            asked.len() - 1
        };
        assert!(number < REQUESTS_MAX, "the question is asked without end");
        let answer = (self.answers)(number, method);
        Box::pin(async move { answer })
    }
}

/// Runs what waits for nothing but this portal and this clock, which are always ready.
pub(super) fn run<T>(doing: impl Future<Output = T>) -> Result<T, String> {
    match pin!(doing).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => Err("it waits for something that nobody does".to_owned()),
    }
}

/// A pause is over as soon as it began.
struct Hasty(Mutex<Duration>);

impl Clock for Hasty {
    fn utc(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::from_std(self.monotonic()).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += duration;
        Box::pin(std::future::ready(()))
    }
}

struct NoLevel;

impl LevelStore for NoLevel {
    fn load(&self) -> Option<(f64, DateTime<Utc>)> {
        None
    }

    fn store(&self, _: f64, _: DateTime<Utc>) {}
}
