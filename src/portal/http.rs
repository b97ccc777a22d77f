//! One HTTP exchange. The only file that names `reqwest`.
//!
//! Sends once, follows no redirect, repeats nothing, keeps no connection: each request has a fresh one, so that a failure to
//! connect proves that nothing was sent, and nothing below this file has a reason to send a request twice. No error of the
//! HTTP library leaves this file, since its texts hold the URL and so the token.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::tls::TlsInfo;
use reqwest::{Certificate, Client, Response};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{Failure, Reply};
use super::certificate;
use super::error::PortalError;
use super::exchange::{Answering, Exchange};
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
    certificate_end: Mutex<Option<DateTime<Utc>>>,
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
            .tls_info(true)
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
            certificate_end: Mutex::default(),
        })
    }

    async fn exchange(&self, method: Method, body: &Value) -> Result<Reply, Failure> {
        let end = Instant::now() + self.deadlines.total;
        let url = self.webhook.url(method.as_str());
        let request = self.client.post(url.expose_secret()).body(body.to_string()).send();
        let response = match timeout(self.deadlines.first_byte, request).await {
            Ok(response) => response.map_err(failure)?,
            Err(_) => return Err(Failure::NoAnswer),
        };
        self.note_certificate(&response);
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

impl Http {
    fn note_certificate(&self, response: &Response) {
        let shown = response.extensions().get::<TlsInfo>();
        let end = shown.and_then(TlsInfo::peer_certificate).and_then(certificate::end);
        *self.certificate_end.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }
}

impl Exchange for Http {
    fn post<'a>(&'a self, method: Method, body: &'a Value) -> Answering<'a> {
        Box::pin(self.exchange(method, body))
    }

    fn certificate_end(&self) -> Option<DateTime<Utc>> {
        *self.certificate_end.lock().unwrap_or_else(PoisonError::into_inner)
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

/// TLS reports what it does not accept as invalid data, inside of another I/O error.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::InvalidData => true,
        // The source of an I/O error is not the error that it wraps, but that one's source.
        Some(error) => error.get_ref().is_some_and(|inner| is_tls(inner)),
        None => error.source().is_some_and(is_tls),
    }
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

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use serde_json::json;

    use super::super::testing::{HASTY_FOR_ANSWER, HASTY_FOR_BODY, PATIENT, Server, Step, TOKEN, connection_to, ok};
    use super::*;

    async fn exchange(step: fn() -> Step, deadlines: Deadlines) -> Result<Reply, Failure> {
        let server = Server::start(move |_, _| step());
        let (connection, _) = server.connection_within(deadlines);
        let (exchange, _) = connection.exchange(Method::Profile, &json!({})).await;
        assert_eq!(connection.requests(), 1);
        exchange
    }

    #[tokio::test]
    async fn a_request_says_who_asks_and_what_its_body_is() {
        let server = Server::start(|_, _| ok(&json!({"result": "Имя"})));
        let (connection, _) = server.connection();
        let (reply, _) = connection
            .exchange(Method::UserGet, &json!({"FILTER": {"=NAME": "Имя"}}))
            .await;
        let reply = reply.unwrap();
        assert_eq!((reply.status, reply.redirect_host), (200, None));
        assert_eq!(
            serde_json::from_slice::<Value>(&reply.body).unwrap(),
            json!({"result": "Имя"})
        );

        let arrived = &server.arrived()[0];
        let head = arrived.head.to_ascii_lowercase();
        assert!(head.starts_with(&format!("post /rest/1/{TOKEN}/user.get http/1.1\r\n")));
        assert!(head.contains("\r\ncontent-type: application/json\r\n"));
        assert!(head.contains("\r\naccept: application/json\r\n"));
        assert!(head.contains(&format!("\r\nuser-agent: offboard24/{}\r\n", env!("CARGO_PKG_VERSION"))));
        assert_eq!(arrived.body, json!({"FILTER": {"=NAME": "Имя"}}));
    }

    #[tokio::test]
    async fn every_exchange_has_one_of_four_failures_or_a_whole_answer() {
        assert_eq!(exchange(|| Step::Close, PATIENT).await, Err(Failure::NoAnswer));
        assert_eq!(
            exchange(|| Step::Silence, HASTY_FOR_ANSWER).await,
            Err(Failure::NoAnswer)
        );
        assert_eq!(
            exchange(|| Step::SilentBody, HASTY_FOR_BODY).await,
            Err(Failure::Truncated)
        );
        assert_eq!(
            exchange(|| Step::Truncated("{}".to_owned()), PATIENT).await,
            Err(Failure::Truncated)
        );
        assert_eq!(exchange(|| Step::Huge, PATIENT).await, Err(Failure::Truncated));
        let reply = exchange(|| Step::Reply(502, "<html>".to_owned()), PATIENT)
            .await
            .unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (502, b"<html>".as_slice()));
    }

    #[tokio::test]
    async fn a_redirect_is_told_without_its_path_and_not_followed() {
        let server = Server::start(|_, _| Step::Redirect("https://New.example:8443/rest/1/s3cr3tt0ken/profile"));
        let (connection, _) = server.connection();
        let (reply, _) = connection.exchange(Method::Profile, &json!({})).await;
        let reply = reply.unwrap();
        assert_eq!(
            (reply.status, reply.redirect_host.as_deref()),
            (302, Some("new.example:8443"))
        );
        assert_eq!(server.arrived().len(), 1);
    }

    #[tokio::test]
    async fn a_connection_that_is_reset_after_a_byte_is_an_unanswered_request() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/rest/1/{TOKEN}/", listener.local_addr().unwrap());
        let accepted = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The rest is unread when the stream is dropped, which resets the connection. A second attempt would find nobody.
            stream.read_exact(&mut [0]).unwrap();
        });
        let (connection, _) = connection_to(&url, PATIENT);
        let (exchange, _) = connection
            .exchange(Method::Batch, &json!({"cmd": "x".repeat(1_000_000)}))
            .await;
        assert_eq!(exchange, Err(Failure::NoAnswer));
        accepted.join().unwrap();
    }

    #[tokio::test]
    async fn without_a_listener_nothing_was_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let (connection, _) = connection_to(&format!("http://{address}/rest/1/{TOKEN}/"), PATIENT);
        let (exchange, _) = connection.exchange(Method::Batch, &json!({})).await;
        assert_eq!((exchange, connection.requests()), (Err(Failure::NotConnected), 0));
    }

    #[tokio::test]
    async fn a_peer_that_does_not_speak_tls_gets_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 5]).unwrap();
            std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap_or_default();
            rest
        });
        let (connection, _) = connection_to(&format!("https://{address}/rest/1/{TOKEN}/"), PATIENT);
        let (exchange, _) = connection.exchange(Method::Batch, &json!({})).await;
        assert_eq!((exchange, connection.requests()), (Err(Failure::Tls), 0));
        assert!(!String::from_utf8_lossy(&peer.join().unwrap()).contains(TOKEN));
    }

    #[tokio::test]
    async fn every_request_has_a_connection_of_its_own() {
        let server = Server::start(|_, _| ok(&json!({})));
        let (connection, _) = server.connection();
        for _ in 0..3 {
            // The server answers once on each connection and keeps it open: on it the next request would wait in vain.
            assert!(connection.exchange(Method::Profile, &json!({})).await.0.is_ok());
        }
    }

    #[test]
    fn a_location_without_a_host_is_not_quoted() {
        for (location, host) in [
            ("https://acme.example/rest/1/x/", Some("acme.example")),
            ("https://user:word@acme.example", Some("acme.example")),
            ("https://acme.example?x=y", Some("acme.example")),
            ("/rest/1/s3cr3tt0ken/", None),
            ("https:///x", None),
            ("https://ac me/x", None),
        ] {
            assert_eq!(
                host_of(&HeaderValue::from_static(location)).as_deref(),
                host,
                "{location}"
            );
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "nothing of the kind").unwrap();
        let webhook = || Webhook::parse("https://acme.example/rest/1/x/").unwrap();
        for path in [file.path(), Path::new("/nowhere/ca.pem")] {
            let error = Http::new(webhook(), Some(path), Deadlines::default()).err().unwrap();
            let PortalError::Settings { problem } = error else {
                panic!("{error}")
            };
            assert!(
                problem.starts_with(&format!("--ca-file {}: ", path.display())),
                "{problem}"
            );
        }
    }
}
