//! What carries a browser's datagrams: a socket of its own, or a connection.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::{TcpStream, UdpSocket};
use mio::{Interest, Registry, Token};
use xrtc_sfu::framing::{Deframer, prefix};

pub(crate) enum Wire {
    Udp(UdpSocket),
    Tcp(Connection),
}

/// A connection that carries what the browser takes for UDP to the address where it sends first: the network lets nothing
/// else through.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Where the browser believes to send.
    remote: Option<SocketAddr>,
    deframer: Deframer,
    /// What the system has not taken.
    unsent: Vec<u8>,
    /// The browser reads nothing for now.
    pub(crate) is_stalled: bool,
    /// The server has closed it.
    pub(crate) is_closed: bool,
}

impl Connection {
    #[expect(clippy::disallowed_methods, reason = "the other end of a test")]
    pub(crate) fn open(server: SocketAddr, registry: &Registry, number: Token) -> Self {
        let stream = std::net::TcpStream::connect(server).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut stream = TcpStream::from_std(stream);
        registry
            .register(&mut stream, number, Interest::READABLE | Interest::WRITABLE)
            .unwrap();
        Self {
            stream,
            remote: None,
            deframer: Deframer::default(),
            unsent: Vec::new(),
            is_stalled: false,
            is_closed: false,
        }
    }

    fn receive(&mut self, mut take: impl FnMut(SocketAddr, &mut [u8])) {
        let mut buffer = [0; 4096];
        while let (false, Some(remote)) = (self.is_stalled || self.is_closed, self.remote) {
            match self.stream.read(&mut buffer) {
                Ok(len) if len > 0 => {
                    let take = |frame: &mut [u8]| take(remote, frame);
                    self.deframer.push(&mut buffer[..len], take).unwrap();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => self.is_closed = true,
            }
        }
    }

    fn send(&mut self, datagram: &[u8], remote: SocketAddr) {
        // A browser opens a connection with a check.
        let is_check = datagram[0] == 0 && datagram[1] == 1;
        if self.remote.is_none() && !is_check {
            return;
        }
        if *self.remote.get_or_insert(remote) == remote {
            self.unsent.extend(prefix(datagram.len()).unwrap());
            self.unsent.extend(datagram);
            self.flush();
        }
    }

    fn flush(&mut self) {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(len) => drop(self.unsent.drain(..len)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.is_closed = true;
                    return self.unsent.clear();
                }
            }
        }
    }
}

impl Wire {
    pub(crate) fn local(&self) -> SocketAddr {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Tcp(connection) => connection.stream.local_addr(),
        }
        .unwrap()
    }

    pub(crate) fn receive(&mut self, mut take: impl FnMut(SocketAddr, &mut [u8])) {
        match self {
            Self::Udp(socket) => {
                let mut buffer = [0; 2048];
                while let Ok((len, remote)) = socket.recv_from(&mut buffer) {
                    take(remote, &mut buffer[..len]);
                }
            }
            Self::Tcp(connection) => {
                connection.flush();
                connection.receive(take);
            }
        }
    }

    pub(crate) fn send(&mut self, datagram: &[u8], remote: SocketAddr) {
        match self {
            Self::Udp(socket) => drop(socket.send_to(datagram, remote).unwrap()),
            Self::Tcp(connection) => connection.send(datagram, remote),
        }
    }
}
