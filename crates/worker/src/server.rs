//! The whole: workers, their queues and threads, seen from the application.

use std::net::SocketAddr;

use xrtc_sfu::{Command, Event, PeerId, StreamName, WorkerId};

use crate::{SendError, ServerConfig, SocketCounters, StartError};

/// Running workers. Dropping it shuts them down.
pub struct Server {
    workers: Vec<WorkerInfo>,
}

/// What a worker tells the application.
#[derive(Debug)]
pub enum WorkerEvent {
    /// From its state machine.
    Sfu(Event),
    /// It met a bug and has started again; its peers, streams and requests are over, each with its own event before
    /// this one.
    Failed {
        /// The panic's message and place.
        message: String,
    },
}

/// Where a worker can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerInfo {
    /// The addresses it is bound to.
    pub bound: Vec<SocketAddr>,
    /// The addresses that its descriptions offer, best first.
    pub candidates: Vec<SocketAddr>,
}

impl Server {
    /// Binds the sockets and starts the workers. `doorbell` is called from any worker's thread when there is
    /// something to [`drain`](Self::drain) and was nothing before.
    pub fn start(
        config: ServerConfig,
        doorbell: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        todo!()
    }

    /// The workers, by their index.
    pub fn workers(&self) -> &[WorkerInfo] {
        &self.workers
    }

    /// The number for a new peer that publishes `stream`: at the stream's home.
    pub fn new_publisher(&mut self, stream: &StreamName) -> PeerId {
        todo!()
    }

    /// The number for a new peer that views a stream: on the worker with the fewest peers.
    pub fn new_viewer(&mut self) -> PeerId {
        todo!()
    }

    /// The worker that a peer is on.
    pub fn worker_of(&self, peer: PeerId) -> WorkerId {
        todo!()
    }

    /// The worker that owns a stream.
    pub fn home_of(&self, stream: &StreamName) -> WorkerId {
        todo!()
    }

    /// Hands `command` to `worker`.
    pub fn send(&mut self, worker: WorkerId, command: Command) -> Result<(), SendError> {
        todo!()
    }

    /// Takes what the workers have told since the last call, in order for each worker. Never more than their queues
    /// hold; the doorbell rings again if there is more.
    pub fn drain(&mut self, take: impl FnMut(WorkerId, WorkerEvent)) {
        todo!()
    }

    /// The socket and queue figures of every worker.
    pub fn counters(&self) -> impl Iterator<Item = SocketCounters> {
        std::iter::empty()
    }

    /// What the server holds beside its state machines, by stable camelCase name.
    pub fn held(&self) -> [(&'static str, u64); 4] {
        todo!()
    }

    /// Ends everything: peers are told, sockets closed, threads joined. Takes 200 ms at most, unless a worker hangs.
    /// What is left to [`drain`](Self::drain) can be drained afterwards. Further calls do nothing.
    pub fn shutdown(&mut self) {
        todo!()
    }
}
