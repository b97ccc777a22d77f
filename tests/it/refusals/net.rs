//! What stands between these tests and a stand-in: TLS, proxies, sites that are no portal.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use chrono::{Datelike as _, TimeDelta, Utc};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// An authority that nobody trusts unless told to.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A certificate with its key, as a server uses it.
pub(super) struct Identity {
    certificate: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    /// Writes the file for `--ca-file`, and gives its path.
    pub(super) fn file(&self, folder: &Path) -> String {
        written(folder, "authority.pem", &self.certificate.pem())
    }

    /// A certificate for this name.
    pub(super) fn sign(&self, name: &str) -> Identity {
        self.sign_until(name, 4000)
    }

    /// A certificate that ends with this year.
    pub(super) fn sign_until(&self, name: &str, year: i32) -> Identity {
        self.sign_to(name, year, 12, 31)
    }

    /// A certificate that ends with the day so many days from today.
    pub(super) fn sign_for(&self, name: &str, days: i64) -> Identity {
        let last = Utc::now() + TimeDelta::days(days);
        let part = |number: u32| u8::try_from(number).unwrap();
        self.sign_to(name, last.year(), part(last.month()), part(last.day()))
    }

    fn sign_to(&self, name: &str, year: i32, month: u8, day: u8) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(year, month, day);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        }
    }
}

impl Identity {
    /// A certificate that vouches for itself.
    pub(super) fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        }
    }

    /// Writes the file for `--ca-file`, and gives its path.
    pub(super) fn file(&self, folder: &Path) -> String {
        written(folder, "itself.pem", &self.pem)
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key.into())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A TLS server that hands on what it is told to a server without TLS. Lives as long as the tests.
pub(super) struct Front {
    pub(super) address: SocketAddr,
    acceptor: Arc<Mutex<TlsAcceptor>>,
}

impl Front {
    pub(super) fn before(server: &str, identity: &Identity) -> Self {
        let acceptor = Arc::new(Mutex::new(identity.acceptor()));
        let (started, starting) = mpsc::channel();
        let (shown, server) = (Arc::clone(&acceptor), server.to_owned());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                started.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (acceptor, server) = (shown.lock().unwrap().clone(), server.clone());
                    tokio::spawn(async move {
                        // A client that does not like the certificate hangs up.
                        let Ok(mut inside) = acceptor.accept(stream).await else {
                            return;
                        };
                        let mut behind = tokio::net::TcpStream::connect(server).await.unwrap();
                        drop(tokio::io::copy_bidirectional(&mut inside, &mut behind).await);
                    });
                }
            });
        });
        Self {
            address: starting.recv().unwrap(),
            acceptor,
        }
    }

    /// Shows another certificate from now on.
    pub(super) fn show(&self, identity: &Identity) {
        *self.acceptor.lock().unwrap() = identity.acceptor();
    }
}

/// A proxy that connects to one place, whatever it is asked for, or refuses everybody. Lives as long as the tests.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    /// All that clients said to it and through it.
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    pub(super) fn to(place: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = Arc::clone(&heard);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let heard = Arc::clone(&hearing);
                std::thread::spawn(move || tunnel(client.unwrap(), place, &heard));
            }
        });
        Self { address, heard }
    }

    pub(super) fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}

fn tunnel(mut client: TcpStream, place: Option<SocketAddr>, heard: &Arc<Mutex<Vec<u8>>>) {
    heard.lock().unwrap().extend(head(&mut client));
    let Some(place) = place else {
        drop(client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"));
        return;
    };
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .unwrap();
    let mut server = TcpStream::connect(place).unwrap();
    let (mut answers, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || {
        drop(std::io::copy(&mut answers, &mut to_client));
        drop(to_client.shutdown(Shutdown::Write));
    });
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = client.read(&mut bytes) {
        heard.lock().unwrap().extend(&bytes[..length]);
        if server.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    drop(server.shutdown(Shutdown::Write));
}

/// What a client says up to the empty line.
fn head(client: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let mut byte = [0];
    while !said.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|length| length == 1) {
        said.push(byte[0]);
    }
    said
}

/// A web site that gives everybody the same answer. Counts who asks.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    asked: Arc<AtomicBool>,
}

impl Site {
    pub(super) fn saying(status: &str, content_type: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        let asked = Arc::new(AtomicBool::new(false));
        let asking = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                drop(head(&mut client));
                // `{}` is the whole question of who the owner is.
                drop(client.read(&mut [0; 2]));
                asking.store(true, Ordering::Relaxed);
                drop(client.write_all(answer.as_bytes()));
            }
        });
        Self { address, asked }
    }

    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

/// An address at which nobody listens, and nobody else will: below the ports that systems give out. Each caller gets another one.
pub(super) fn nobody() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 20_000).unwrap();
    let mut addresses = std::iter::repeat_with(|| {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000;
        SocketAddr::from(([127, 0, 0, 1], port))
    });
    addresses.find(|address| TcpListener::bind(address).is_ok()).unwrap()
}
