//! The wire: an HTTP/1.1 server on loopback, and connections that can be cut.
//!
//! What is answered is decided in `portal`; here it becomes bytes, half of the bytes, or a closed connection.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::behaviour::{Choice, RetryAfter};
use super::faults::Fault;
use super::locked;
use super::portal::{Arrival, Portal, Reply, Sent};

/// The largest body that is read, in bytes: far above anything that a client of ours sends.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// Serves until `stopped` is ready.
pub(crate) async fn serve(
    listener: TcpListener,
    portal: Arc<Portal>,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new().fallback(handle).with_state(portal);
    let service = router.into_make_service_with_connect_info::<Scissors>();
    axum::serve(Doors(listener), service)
        .with_graceful_shutdown(stopped)
        .await
}

async fn handle(
    State(portal): State<Arc<Portal>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return response(&page(StatusCode::BAD_REQUEST, "Bad Request"));
    };
    let path = parts.uri.path().to_owned();
    if let Some(control) = path.strip_prefix("/sandbox/") {
        return response(&control_reply(
            &portal,
            &parts.method,
            control,
            &String::from_utf8_lossy(&body),
        ));
    }
    if !path.starts_with("/rest/") {
        return response(&page(StatusCode::NOT_FOUND, "Not Found"));
    }
    let content_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let arrival = Arrival {
        http_method: parts.method.to_string(),
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        content_type: content_type.unwrap_or_default().to_owned(),
        body: body.to_vec(),
    };
    // A task of its own: the portal finishes what it began although the client hangs up.
    let tells_when = portal.behaviour().retry_after == RetryAfter::Present;
    let reply = tokio::spawn(portal.answer(arrival)).await;
    let reply = reply.unwrap_or_else(|_| page(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"));
    match reply.sent {
        Sent::Whole => {}
        Sent::Half => scissors.allow(Allowance::Body {
            header: [0; 4],
            left: reply.body.len() / 2,
        }),
        Sent::Nothing => scissors.allow(Allowance::Nothing),
    }
    let mut response = response(&reply);
    if tells_when && reply.status == 503 {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// What black-box rehearsals see and do under `/sandbox/`.
fn control_reply(portal: &Portal, method: &Method, path: &str, body: &str) -> Reply {
    let json = |value: Value| Reply {
        status: 200,
        content_type: "application/json; charset=utf-8",
        location: None,
        body: value.to_string(),
        sent: Sent::Whole,
    };
    match (method, path) {
        (&Method::GET, "effects") => json(Value::Array(
            portal.effects().iter().map(super::Effect::to_json).collect(),
        )),
        (&Method::GET, "requests") => json(Value::Array(
            portal.requests().iter().map(super::RequestRecord::to_json).collect(),
        )),
        (&Method::GET, "world") => json(locked(&portal.world).to_json()),
        (&Method::POST, "fault") => match body.parse::<Fault>() {
            Ok(fault) => {
                let text = fault.to_string();
                portal.inject(fault);
                json(Value::from(text))
            }
            Err(error) => Reply {
                status: 400,
                ..json(Value::from(error.to_string()))
            },
        },
        (&Method::POST, "behaviour") => match body.parse::<Choice>() {
            Ok(choice) => {
                portal.choose(choice);
                json(Value::from(choice.to_string()))
            }
            Err(error) => Reply {
                status: 400,
                ..json(Value::from(error.to_string()))
            },
        },
        _ => page(StatusCode::NOT_FOUND, "Not Found"),
    }
}

fn page(status: StatusCode, title: &str) -> Reply {
    Reply {
        status: status.as_u16(),
        content_type: "text/html",
        location: None,
        body: format!("<html><head><title>{title}</title></head></html>\n"),
        sent: Sent::Whole,
    }
}

fn response(reply: &Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body.clone()));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    let location = reply
        .location
        .as_deref()
        .and_then(|location| HeaderValue::from_str(location).ok());
    if let Some(location) = location {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// What may still be written on a connection.
#[derive(Clone, Copy, Debug)]
enum Allowance {
    Everything,
    /// The header of the answer, and then so many bytes; `header` holds the last four bytes written.
    Body {
        header: [u8; 4],
        left: usize,
    },
    Nothing,
}

const END_OF_HEADER: [u8; 4] = *b"\r\n\r\n";

impl Allowance {
    /// How many of these bytes may be written.
    fn of(self, bytes: &[u8]) -> usize {
        match self {
            Self::Everything => bytes.len(),
            Self::Nothing => 0,
            Self::Body { mut header, left } => {
                let mut count = 0;
                for byte in bytes {
                    if header == END_OF_HEADER {
                        break;
                    }
                    header.rotate_left(1);
                    header[3] = *byte;
                    count += 1;
                }
                count + left.min(bytes.len() - count)
            }
        }
    }

    /// What is left after these bytes were written.
    fn after(self, written: &[u8]) -> Self {
        let Self::Body { mut header, mut left } = self else {
            return self;
        };
        for byte in written {
            if header == END_OF_HEADER {
                left = left.saturating_sub(1);
            } else {
                header.rotate_left(1);
                header[3] = *byte;
            }
        }
        Self::Body { header, left }
    }
}

/// Cuts one connection.
#[derive(Clone, Debug)]
struct Scissors(Arc<Mutex<Allowance>>);

impl Scissors {
    fn allow(&self, allowance: Allowance) {
        *locked(&self.0) = allowance;
    }
}

impl Connected<IncomingStream<'_, Doors>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        stream.io().scissors.clone()
    }
}

/// Where connections come in.
struct Doors(TcpListener);

impl Listener for Doors {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Small answers must not wait for one another; where that cannot be set they only come later.
        drop(stream.set_nodelay(true));
        (
            Wire {
                stream,
                scissors: Scissors(Arc::new(Mutex::new(Allowance::Everything))),
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl fmt::Debug for Doors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Doors")
    }
}

/// A connection that writes only what it is allowed to.
struct Wire {
    stream: TcpStream,
    scissors: Scissors,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let allowance = *locked(&self.scissors.0);
        let allowed = allowance.of(bytes);
        if allowed == 0 && !bytes.is_empty() {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::BrokenPipe)));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed]);
        if let Poll::Ready(Ok(count)) = &written {
            self.scissors.allow(allowance.after(&bytes[..*count]));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_lets_the_header_through_and_then_half_of_the_body_however_it_is_written() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nabcdefgh";
        for step in 1..=answer.len() {
            let mut allowance = Allowance::Body {
                header: [0; 4],
                left: 4,
            };
            let mut sent = Vec::new();
            let mut rest = &answer[..];
            loop {
                let piece = &rest[..step.min(rest.len())];
                let allowed = allowance.of(piece);
                if allowed == 0 {
                    break;
                }
                sent.extend_from_slice(&piece[..allowed]);
                allowance = allowance.after(&piece[..allowed]);
                rest = &rest[allowed..];
            }
            assert!(
                sent.ends_with(b"\r\n\r\nabcd"),
                "in steps of {step}: {:?}",
                String::from_utf8_lossy(&sent)
            );
        }
    }
}
