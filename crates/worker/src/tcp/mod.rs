//! ICE over TCP: connections that peers open to one port (RFC 6544, passive), with their datagrams framed (RFC 4571).
//!
//! One thread takes the connections and reads their first frame, so that whoever floods the port costs the workers
//! nothing. From then on a connection belongs to the worker of the peer that the frame's check is for.

mod acceptor;
mod backlog;
mod connection;
mod connections;
mod listener;
mod prefix;
mod waiting;

pub(crate) use acceptor::{Acceptor, AcceptorHandle};
pub(crate) use connections::Connections;
pub(crate) use listener::{Doors, listen_at};

use std::net::TcpStream;

use rtrb::{Consumer, Producer, RingBuffer};
use xrtc_sfu::Path;

/// A connection on its way to its worker.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) stream: TcpStream,
    pub(crate) path: Path,
    /// What has been read: an authentic check with its prefix, and perhaps more.
    pub(crate) first: Vec<u8>,
}

/// A queue of connections for one worker.
pub(crate) fn handover() -> (Producer<Handed>, Consumer<Handed>) {
    RingBuffer::new(HANDOVER_SLOTS)
}

/// Connections that wait for one worker: it takes all in a turn.
const HANDOVER_SLOTS: usize = 256;
