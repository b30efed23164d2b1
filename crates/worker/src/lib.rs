//! The driver of the state machines: the only threads, sockets, clock and randomness of the operating system.
//!
//! A [`Server`] has one thread per worker. Each worker owns its sockets and one [`Sfu`](xrtc_sfu::Sfu) and speaks to
//! the application and to the other workers through lock-free queues; there is nothing else that workers share but
//! the UDP port: what one of them receives for another crosses to it. The TURN server, where one is wanted, has a thread
//! beside them.
//! The application sends [`Command`](xrtc_sfu::Command)s, is told by a doorbell that there is something, and takes it
//! with [`Server::drain`].

#![deny(unsafe_op_in_unsafe_fn)]

mod allocations;
#[cfg(test)]
mod bug;
mod certificate;
mod clock;
mod config;
mod counters;
mod detour;
mod driver;
mod egress;
mod entropy;
mod error;
mod front;
mod gathering;
mod interface;
mod kept;
mod ledger;
mod moderation;
#[cfg(test)]
#[expect(
    dead_code,
    reason = "the world of the tests outside, of which not all is needed here"
)]
#[path = "../tests/it/outside.rs"]
mod outside;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod own_network;
mod own_sockets;
mod panic;
mod queue;
#[cfg(test)]
#[expect(
    dead_code,
    reason = "the world of the tests outside, of which not all is needed here"
)]
#[path = "../tests/it/scene.rs"]
mod scene;
mod seat;
mod server;
mod slumber;
/// Under this name, so that the model checker can put its own in the place of the standard library's.
mod sync {
    pub(crate) use std::sync::atomic;
}
mod tcp;
mod thread;
mod turn;
mod udp;
#[cfg(test)]
#[path = "../tests/it/wire.rs"]
mod wire;

// The tests outside name this crate, and some of them are used inside.
#[cfg(test)]
extern crate self as xrtc_worker;

pub use certificate::PemCertificate;
pub use config::{Announced, ServerConfig, TcpPort};
pub use counters::SocketCounters;
pub use error::{ReplaceError, SendError, StartError};
pub use interface::{InterfaceFilter, local_addresses};
pub use kept::KeptPeer;
pub use server::{Server, WorkerEvent, WorkerInfo};
pub use turn::{InvalidTurnCertificate, TurnInfo, TurnSettings, TurnTls};
pub use udp::Backend;
pub use xrtc_transport::DtlsVersion;
pub use xrtc_turn::{Subnet, TurnLimits};
