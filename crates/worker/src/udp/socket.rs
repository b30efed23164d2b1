//! One UDP socket of a worker.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::UdpSocket;
use socket2::{Domain, SockRef, Type};
use xrtc_rtp::Time;
use xrtc_sfu::{Batch, Class, Path, Protocol, Tag};

use super::buffer::ReceiveBuffer;
use super::cursor::Cursor;
#[cfg(target_os = "linux")]
use super::linux::{Linux, SendArrays};
use super::portable;
use crate::counters::Counters;

/// How datagrams pass between us and the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The best way the platform has: batches on Linux, the portable one elsewhere.
    #[default]
    Native,
    /// One system call a datagram. Replies leave from the address that the system chooses.
    Portable,
}

/// A non-blocking UDP socket for one address family.
#[derive(Debug)]
pub(crate) struct Socket {
    io: UdpSocket,
    local: SocketAddr,
    counters: Arc<Counters>,
    engine: Engine,
    /// Bytes of its buffers as they stand in the gauges.
    granted: (u64, u64),
}

#[derive(Debug)]
enum Engine {
    #[cfg(target_os = "linux")]
    Linux(Linux),
    Portable,
}

/// Who else receives on a socket's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Nobody.
    Alone,
    /// Those that join it. It is bound like one that is alone, so that a port in use is an error even if its user
    /// would share it.
    First,
    /// Those that are there already. The kernel hands each remote address to one of them.
    Joins,
}

impl Socket {
    /// Binds `address`; port 0 takes a free one.
    pub(crate) fn bind(
        address: SocketAddr,
        share: Share,
        backend: Backend,
        counters: Arc<Counters>,
    ) -> io::Result<Self> {
        let socket = socket2::Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(socket2::Protocol::UDP),
        )?;
        if address.is_ipv6() {
            // The IPv4 socket beside it has the same port.
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        if share == Share::Joins {
            share_port(&socket)?;
        }
        socket.bind(&address.into())?;
        if share == Share::First {
            share_port(&socket)?;
        }
        let granted = size_buffers(&socket);
        let io = UdpSocket::from_std(socket.into());
        let local = io.local_addr()?;
        let engine = match backend {
            #[cfg(target_os = "linux")]
            Backend::Native => Engine::Linux(Linux::prepare(&io, local)?),
            _ => Engine::Portable,
        };
        let (receive, send) = (&counters.receive_buffer_bytes, &counters.send_buffer_bytes);
        receive.add(granted.0);
        send.add(granted.1);
        Ok(Self {
            io,
            local,
            counters,
            engine,
            granted,
        })
    }

    pub(crate) const fn local(&self) -> SocketAddr {
        self.local
    }

    /// For the poller.
    pub(crate) const fn source(&mut self) -> &mut UdpSocket {
        &mut self.io
    }

    /// Receives one batch into the free `buffer`. `false`: there is nothing more for now.
    pub(crate) fn receive(&mut self, buffer: &mut ReceiveBuffer) -> bool {
        let link = Link {
            io: &self.io,
            local: self.local,
            counters: &self.counters,
        };
        let received = match &mut self.engine {
            #[cfg(target_os = "linux")]
            Engine::Linux(linux) => linux.receive(&link, buffer),
            Engine::Portable => portable::receive(&link, buffer),
        };
        let (datagrams, bytes) = buffer.size();
        if datagrams > 0 {
            self.counters.datagrams_received.add(datagrams as u64);
            self.counters.bytes_received.add(bytes as u64);
            self.counters.receive_batches.add(1);
        }
        match received {
            Ok(more) => more,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            // An error of an earlier datagram (ICMP): it is taken off the socket by being told, so there may be more.
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.counters.receive_errors.add(1);
                }
                true
            }
        }
    }

    /// Sends what `out` has for this socket's family from `cursor` on.
    pub(crate) fn send(
        &mut self,
        out: &Outgoing<'_>,
        cursor: &mut Cursor,
        buffer: &mut SendBuffer,
    ) -> Sent {
        let link = Link {
            io: &self.io,
            local: self.local,
            counters: &self.counters,
        };
        let sent = match &mut self.engine {
            #[cfg(target_os = "linux")]
            Engine::Linux(linux) => linux.send(&link, out, cursor, &mut buffer.linux),
            Engine::Portable => portable::send(&link, out, cursor, buffer),
        };
        if sent == Sent::Blocked {
            self.counters.send_blocked.add(1);
        }
        sent
    }

    /// Sends one datagram beside the batches, from the address that the system chooses. What fails is counted.
    pub(crate) fn send_alone(&self, datagram: &[u8], remote: SocketAddr) {
        let counter = match self.io.send_to(datagram, remote) {
            Ok(_) => &self.counters.datagrams_sent,
            Err(_) => &self.counters.send_errors,
        };
        counter.add(1);
    }

    /// Gives up what is left for this socket behind `cursor`, of the classes that `drops` names.
    pub(crate) fn drop_rest(
        &self,
        batch: &Batch,
        mut cursor: Cursor,
        drops: impl Fn(Class) -> bool,
        mut dropped: impl FnMut(Tag, usize),
    ) {
        while let Some((train, left)) = cursor.rest(batch) {
            if carries(self.local, &train.path) {
                for (class, left) in left
                    .into_iter()
                    .filter(|&(class, left)| left > 0 && drops(class))
                {
                    self.counters.send_dropped.add(left as u64);
                    dropped(Tag { class, ..train.tag }, left);
                }
            }
            cursor = cursor.next_train();
        }
    }

    /// Whether it is told to which of this machine's addresses a datagram came.
    pub(crate) const fn knows_destinations(&self) -> bool {
        !matches!(self.engine, Engine::Portable)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.counters.receive_buffer_bytes.subtract(self.granted.0);
        self.counters.send_buffer_bytes.subtract(self.granted.1);
    }
}

/// Whether the socket bound to `local` is the one for `path`: one of its family, and by its port the peer's own or the
/// one that all share.
const fn carries(local: SocketAddr, path: &Path) -> bool {
    matches!(path.protocol, Protocol::Udp)
        && path.remote.is_ipv4() == local.is_ipv4()
        && path.local.port() == local.port()
}

/// A socket as its backend sees it.
pub(super) struct Link<'a> {
    pub(super) io: &'a UdpSocket,
    pub(super) local: SocketAddr,
    pub(super) counters: &'a Counters,
}

impl Link<'_> {
    /// Whether this socket is the one for `path`.
    pub(super) const fn carries(&self, path: &Path) -> bool {
        carries(self.local, path)
    }
}

/// What to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) batch: &'a Batch,
    pub(crate) now: Time,
}

/// How far a call to [`Socket::send`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// To the end.
    All,
    /// The socket takes no more for the moment.
    Blocked,
}

/// Preallocated room for what a send call needs; lives on the worker's thread.
pub(crate) struct SendBuffer {
    #[cfg(target_os = "linux")]
    linux: SendArrays,
}

impl SendBuffer {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            linux: SendArrays::new(),
        }
    }
}

#[cfg(unix)]
fn share_port(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(unix))]
fn share_port(_: &socket2::Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Asks for large buffers and says what was granted, to receive and to send: the system has a maximum, and a refusal is
/// no error.
fn size_buffers(socket: &socket2::Socket) -> (u64, u64) {
    let socket = SockRef::from(socket);
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
    let bytes = |granted: io::Result<usize>| granted.unwrap_or(0) as u64;
    (
        bytes(socket.recv_buffer_size()),
        bytes(socket.send_buffer_size()),
    )
}

/// A second of 32 Mbit/s while the worker is not scheduled; Linux grants up to `net.core.rmem_max` and doubles it.
const RECEIVE_BUFFER: usize = 4 << 20;
/// A key frame to a thousand viewers.
const SEND_BUFFER: usize = 4 << 20;
