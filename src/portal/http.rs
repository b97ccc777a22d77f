//! One HTTP exchange. The only file that names `reqwest`.
//!
//! Sends once, follows no redirect, repeats nothing, keeps no connection: each request has a fresh one, so that a failure to
//! connect proves that nothing was sent, and nothing below this file has a reason to send a request twice. No error of the
//! HTTP library leaves this file, since its texts hold the URL and so the token.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, Response};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{Failure, Reply};
use super::error::PortalError;
use super::method::Method;
use super::webhook::Webhook;

/// Longest answer that is read. Fifty full pages of tasks stay far below it.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long each part of an exchange may take, from its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// Name, connection and TLS.
    pub(super) connect: Duration,
    /// Until the answer begins. The portal cuts its own work at 60 s.
    pub(super) first_byte: Duration,
    /// Until the answer is complete.
    pub(super) total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(65),
            total: Duration::from_secs(75),
        }
    }
}

/// The HTTP client of one webhook.
pub(super) struct Http {
    client: Client,
    webhook: Webhook,
    deadlines: Deadlines,
}

impl Http {
    /// Prepares a client. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`PortalError::Settings`] when the certificates cannot be used.
    pub(super) fn new(webhook: Webhook, ca_file: Option<&Path>, deadlines: Deadlines) -> Result<Self, PortalError> {
        let certificates = ca_file.map(read_certificates).transpose()?.unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // The portal reads a body as JSON for exactly this type, and otherwise runs without conditions (protocol section 1).
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let builder = Client::builder()
            .user_agent(concat!("offboard24/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(deadlines.connect);
        let builder = if webhook.is_loopback() {
            // No proxy leads back to this machine, and it needs none of the system's certificates.
            builder.no_proxy().tls_certs_only(certificates)
        } else {
            builder.tls_certs_merge(certificates)
        };
        let client = builder.build().map_err(|_| PortalError::Settings {
            problem: "the system's certificates cannot be used, or there are none. Install the package that has them \
                      (often `ca-certificates`), or name a PEM file with --ca-file"
                .to_owned(),
        })?;
        Ok(Self {
            client,
            webhook,
            deadlines,
        })
    }

    pub(super) const fn webhook(&self) -> &Webhook {
        &self.webhook
    }

    /// Sends one request and reads its answer.
    pub(super) async fn post(&self, method: Method, body: &Value) -> Result<Reply, Failure> {
        let end = Instant::now() + self.deadlines.total;
        let url = self.webhook.url(method.as_str());
        let request = self.client.post(url.expose_secret()).body(body.to_string()).send();
        let response = match timeout(self.deadlines.first_byte, request).await {
            Ok(response) => response.map_err(failure)?,
            Err(_) => return Err(Failure::NoAnswer),
        };
        let status = response.status().as_u16();
        let redirect_host = response.headers().get(LOCATION).and_then(host_of);
        let body = timeout_at(end, read_body(response))
            .await
            .unwrap_or(Err(Failure::Truncated))?;
        Ok(Reply {
            status,
            redirect_host,
            body,
        })
    }
}

/// Reads a body up to the cap.
async fn read_body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Failure::Truncated)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(Failure::Truncated);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What an error of the HTTP library means. The one place that sees it.
fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if error.is_builder() || error.is_connect() {
        if is_tls(&error) {
            Failure::Tls
        } else {
            Failure::NotConnected
        }
    } else {
        Failure::NoAnswer
    }
}

/// TLS reports what it does not accept as invalid data.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(error) = source {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
        {
            return true;
        }
        source = error.source();
    }
    false
}

/// The host of an absolute `Location`. Path and user part may hold the token and are dropped.
fn host_of(location: &HeaderValue) -> Option<String> {
    let (_, rest) = location.to_str().ok()?.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    (!host.is_empty() && host.bytes().all(known)).then(|| host.to_ascii_lowercase())
}

/// Reads the certificates of a PEM file.
fn read_certificates(file: &Path) -> Result<Vec<Certificate>, PortalError> {
    let settings = |problem: String| PortalError::Settings { problem };
    let pem = fs::read(file).map_err(|error| settings(format!("--ca-file {}: {error}", file.display())))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(settings(format!(
            "--ca-file {}: no certificate in it. It has to be a PEM file, with lines `-----BEGIN CERTIFICATE-----`",
            file.display()
        ))),
    }
}
