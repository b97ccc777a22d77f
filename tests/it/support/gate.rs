//! A gate in front of a stand-in portal: it lets connections through, one after another, until it closes. Then there is no listener at
//! all, as with a portal that cannot be reached.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::Portal;

/// See the module.
pub(crate) struct Gate {
    address: SocketAddr,
    webhook: String,
    orders: Sender<usize>,
}

impl Gate {
    /// In front of this portal, and open for that many connections.
    pub(crate) fn before(portal: &Portal, connections: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let behind: SocketAddr = portal.host().parse().unwrap();
        let (orders, ordered) = channel();
        orders.send(connections).unwrap();
        std::thread::spawn(move || keep(listener, behind, &ordered));
        Self {
            address,
            webhook: portal.url().replace(&portal.host(), &address.to_string()),
            orders,
        }
    }

    /// Where it stands.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// The portal's webhook, through this gate.
    pub(crate) fn webhook(&self) -> &str {
        &self.webhook
    }

    /// Opens for that many connections more, once those before are used up.
    pub(crate) fn open(&self, connections: usize) {
        self.orders.send(connections).unwrap();
    }
}

/// Lets as many connections through as each order says, and closes in between.
fn keep(listener: TcpListener, behind: SocketAddr, orders: &Receiver<usize>) {
    let address = listener.local_addr().unwrap();
    let mut listening = Some(listener);
    while let Ok(connections) = orders.recv() {
        let listener = listening.take().unwrap_or_else(|| TcpListener::bind(address).unwrap());
        for _ in 0..connections {
            let (client, _) = listener.accept().unwrap();
            std::thread::spawn(move || drop(pass(&client, behind)));
        }
    }
}

fn pass(client: &TcpStream, behind: SocketAddr) -> io::Result<()> {
    let portal = TcpStream::connect(behind)?;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            drop(io::copy(&mut &*client, &mut &portal));
            drop(portal.shutdown(Shutdown::Write));
        });
        drop(io::copy(&mut &portal, &mut &*client));
        drop(client.shutdown(Shutdown::Both));
    });
    Ok(())
}
