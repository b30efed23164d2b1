//! Commands that wait until STUN servers have told how their peer's sockets look from outside.

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_rtp::Time;
use xrtc_sfu::{Command, Gatherer, Ice, OwnAddresses, Path, PeerId, PullOptions, PushOptions};
use xrtc_transport::Transmit;

use crate::entropy;

/// What waits, oldest first.
#[derive(Debug)]
pub(crate) struct Gathering {
    servers: Vec<SocketAddr>,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    peer: PeerId,
    command: Command,
    gatherer: Gatherer,
}

impl Gathering {
    pub(crate) const fn new(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            waiting: Vec::new(),
        }
    }

    /// Lets a command wait; gives it back where there is nobody to ask.
    pub(crate) fn begin(
        &mut self,
        now: Time,
        (peer, command): (PeerId, Command),
        locals: &[SocketAddr],
    ) -> Option<Command> {
        if self.servers.is_empty() || locals.is_empty() || self.waiting.len() >= MAX_WAITING {
            return Some(command);
        }
        // Without randomness nobody is asked: a guessed transaction could be answered by a stranger.
        let Ok([a, b, c, d, e, f, g, h, ..]) = entropy::seed() else {
            return Some(command);
        };
        let seed = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        self.waiting.push(Waiting {
            peer,
            command,
            gatherer: Gatherer::new(locals, &self.servers, PATIENCE, seed, now),
        });
        None
    }

    pub(crate) fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        self.waiting
            .iter_mut()
            .find_map(|waiting| waiting.gatherer.poll_transmit(now, out))
    }

    pub(crate) fn handle_datagram(&mut self, path: Path, datagram: &[u8]) -> bool {
        self.waiting
            .iter_mut()
            .any(|waiting| waiting.gatherer.handle_datagram(path, datagram))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let times = self.waiting.iter();
        times.map(|waiting| waiting.gatherer.poll_timeout()).min()
    }

    /// A command that has been answered, or has waited long enough.
    pub(crate) fn release(&mut self, now: Time) -> Option<Command> {
        let mut waiting = self.waiting.iter();
        let index = waiting.position(|waiting| waiting.gatherer.is_done(now))?;
        Some(self.take(index))
    }

    /// The command that opens this peer, or the first of all.
    pub(crate) fn release_now(&mut self, peer: Option<PeerId>) -> Option<Command> {
        let mut waiting = self.waiting.iter();
        let index = waiting.position(|waiting| peer.is_none_or(|peer| peer == waiting.peer))?;
        Some(self.take(index))
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    fn take(&mut self, index: usize) -> Command {
        let Waiting {
            mut command,
            gatherer,
            ..
        } = self.waiting.remove(index);
        if let Some(addresses) = own_addresses(&mut command) {
            let told = gatherer.candidates(&addresses.bases);
            addresses.candidates.extend(told);
        }
        command
    }
}

/// The addresses of a command that opens a peer with full ICE.
pub(crate) const fn own_addresses(command: &mut Command) -> Option<&mut OwnAddresses> {
    let (Command::Push {
        options: PushOptions { ice, .. },
        ..
    }
    | Command::Pull {
        options: PullOptions { ice, .. },
        ..
    }) = command
    else {
        return None;
    };
    match ice {
        Ice::Full(addresses) => Some(addresses),
        Ice::Lite => None,
    }
}

/// A server that is there answers within a round trip; the other side waits meanwhile.
const PATIENCE: Duration = Duration::from_millis(700);
/// Commands that wait at a time; further ones go without asking.
const MAX_WAITING: usize = 256;
