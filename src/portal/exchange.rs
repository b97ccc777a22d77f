//! One request and its answer, whoever carries them.

use std::pin::Pin;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::answer::{Failure, Reply};
use super::method::Method;

/// An answer that can be awaited.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + 'a>>;

/// What carries requests to a portal: over HTTP, or to a simulated one.
pub trait Exchange: Send + Sync {
    /// Sends one request, once, and reads its answer.
    fn post<'a>(&'a self, method: Method, body: &'a Value) -> Answering<'a>;

    /// The end of the time of the certificate that was shown last; none where none was, or where it cannot be read.
    fn certificate_end(&self) -> Option<DateTime<Utc>> {
        None
    }
}
