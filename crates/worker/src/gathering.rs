//! Commands that wait until STUN servers have told how their peer's sockets look from outside, and TURN servers have given
//! addresses there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use xrtc_rtp::Time;
use xrtc_sfu::{
    CandidateError, Command, Gatherer, Ice, OwnAddresses, Path, PeerId, PullOptions, PushOptions,
    TurnAccess,
};
use xrtc_transport::Transmit;

/// What waits, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    peer: PeerId,
    command: Command,
    /// Until its patience ends or all have answered.
    gatherer: Option<Gatherer>,
    /// TURN servers that have not answered.
    open: usize,
    /// When they are not waited for any more.
    deadline: Time,
}

impl Gathering {
    /// Whether another command may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < MAX_WAITING
    }

    /// Lets a command wait for what it is to gather and for `open` TURN servers; gives it back where there is nobody to
    /// ask.
    pub(crate) fn begin(
        &mut self,
        now: Time,
        (peer, mut command): (PeerId, Command),
        (locals, seed, open): (&[SocketAddr], u64, usize),
    ) -> Option<Command> {
        let Some(own) = own_addresses(&mut command) else {
            return Some(command);
        };
        let servers = std::mem::take(&mut own.gather.stun);
        let (relay_only, longest) = (own.gather.relay_only, own.gather.patience);
        let longest = longest.unwrap_or(Duration::MAX);
        let asks = !relay_only && !servers.is_empty() && !locals.is_empty();
        if !asks && open == 0 {
            return Some(command);
        }
        let patience = if relay_only {
            LONG_PATIENCE
        } else {
            RELAY_PATIENCE
        };
        let (patience, stun_patience) = (patience.min(longest), PATIENCE.min(longest));
        self.waiting.push(Waiting {
            peer,
            command,
            gatherer: asks.then(|| Gatherer::new(locals, &servers, stun_patience, seed, now)),
            open,
            deadline: now + patience,
        });
        None
    }

    /// One of the TURN servers that this peer's command waits for has answered.
    pub(crate) fn settle(&mut self, peer: PeerId) {
        let mut waiting = self.waiting.iter_mut();
        if let Some(waiting) = waiting.find(|waiting| waiting.peer == peer) {
            waiting.open = waiting.open.saturating_sub(1);
        }
    }

    pub(crate) fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        let gatherers = self.waiting.iter_mut();
        gatherers
            .filter_map(|waiting| waiting.gatherer.as_mut())
            .find_map(|gatherer| gatherer.poll_transmit(now, out))
    }

    pub(crate) fn handle_datagram(&mut self, path: Path, datagram: &[u8]) -> bool {
        let gatherers = self.waiting.iter_mut();
        gatherers
            .filter_map(|waiting| waiting.gatherer.as_mut())
            .any(|gatherer| gatherer.handle_datagram(path, datagram))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let times = self.waiting.iter().map(|waiting| match &waiting.gatherer {
            Some(gatherer) => gatherer.poll_timeout(),
            None if waiting.open == 0 => Time::ZERO,
            None => waiting.deadline,
        });
        times.min()
    }

    /// A command that has been answered, or has waited long enough.
    pub(crate) fn release(&mut self, now: Time) -> Option<(PeerId, Command)> {
        for waiting in &mut self.waiting {
            waiting.take_told(now);
        }
        let mut waiting = self.waiting.iter();
        let index = waiting.position(|waiting| {
            waiting.gatherer.is_none() && (waiting.open == 0 || waiting.deadline <= now)
        })?;
        let Waiting { peer, command, .. } = self.waiting.remove(index);
        Some((peer, command))
    }

    /// The command that opens this peer, or the first of all.
    pub(crate) fn release_now(&mut self, peer: Option<PeerId>) -> Option<(PeerId, Command)> {
        let mut waiting = self.waiting.iter();
        let index = waiting.position(|waiting| peer.is_none_or(|peer| peer == waiting.peer))?;
        let mut waiting = self.waiting.remove(index);
        waiting.take_told(Time::MAX);
        Some((waiting.peer, waiting.command))
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}

impl Waiting {
    /// Takes over what the STUN servers have told, once they all have or their time is over.
    fn take_told(&mut self, now: Time) {
        let Some(gatherer) = self.gatherer.take_if(|gatherer| gatherer.is_done(now)) else {
            return;
        };
        if let Some(addresses) = own_addresses(&mut self.command) {
            let told = gatherer.candidates(&addresses.bases);
            addresses.candidates.extend(told);
        }
    }
}

/// The addresses of a command that opens a peer with full ICE.
pub(crate) fn own_addresses(command: &mut Command) -> Option<&mut OwnAddresses> {
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

/// What a peer is told of a TURN server where no further command may wait.
pub(crate) fn not_asked(access: &TurnAccess) -> CandidateError {
    CandidateError {
        url: Arc::clone(&access.url),
        code: 701,
        text: "not asked: too many peers gather at a time".to_owned(),
    }
}

/// A server that is there answers within a round trip; the other side waits meanwhile.
const PATIENCE: Duration = Duration::from_millis(700);
/// A TURN server that is there answers twice; so a lost datagram or two do not matter.
const RELAY_PATIENCE: Duration = Duration::from_secs(3);
/// Where there is no other way.
const LONG_PATIENCE: Duration = Duration::from_secs(10);
/// Commands that wait at a time; further ones go without asking.
const MAX_WAITING: usize = 256;

#[cfg(test)]
mod tests {
    use xrtc_sfu::{Gather, RequestId, StreamName};

    use super::*;

    /// How long a command waits for one TURN server that does not answer.
    fn wait(relay_only: bool, patience: Option<Duration>) -> Duration {
        let gather = Gather {
            relay_only,
            patience,
            ..Gather::default()
        };
        let command = Command::Push {
            request: RequestId(1),
            peer: PeerId(1),
            stream: StreamName::parse("lobby").unwrap(),
            options: PushOptions {
                ice: Ice::full(OwnAddresses {
                    gather,
                    ..OwnAddresses::default()
                }),
                ..PushOptions::default()
            },
        };
        let mut gathering = Gathering::default();
        let given_back = gathering.begin(Time::ZERO, (PeerId(1), command), (&[], 1, 1));
        assert_eq!(given_back, None);
        let until = gathering.poll_timeout().unwrap();
        assert!(gathering.release(until).is_some());
        until.since(Time::ZERO)
    }

    #[test]
    fn a_silent_turn_server_is_waited_for_as_long_as_whoever_opens_the_peer_allows() {
        let second = Duration::from_secs(1);
        assert_eq!(wait(false, None), 3 * second);
        assert_eq!(wait(true, None), 10 * second);
        assert_eq!(wait(false, Some(second)), second);
        assert_eq!(wait(true, Some(second)), second);
        assert_eq!(wait(false, Some(5 * second)), 3 * second);
    }
}
