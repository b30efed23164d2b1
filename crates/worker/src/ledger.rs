//! What a worker owes the application: replies to commands, the ends of peers and streams.

use std::collections::{HashMap, HashSet};

use xrtc_sfu::{Command, Ended, Event, PeerId, Refused, RequestId, StreamName};

/// Open requests, peers and streams of one worker, kept outside its state machine: when that meets a bug, nothing it
/// knows can be trusted, and still each of them must come to its end.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Open requests, and the peer that each is to open.
    requests: HashMap<RequestId, Option<PeerId>>,
    peers: HashSet<PeerId>,
    streams: HashSet<StreamName>,
    peers_over: u64,
}

impl Ledger {
    /// A command has arrived.
    pub(crate) fn note_command(&mut self, command: &Command) {
        let opens = match command {
            Command::Push { peer, .. } | Command::Pull { peer, .. } => Some(*peer),
            _ => None,
        };
        if let Some(request) = command.request() {
            self.requests.insert(request, opens);
        }
    }

    /// An event is on its way to the application.
    pub(crate) fn note_event(&mut self, event: &Event) {
        match event {
            Event::Answer { request, peer, .. } | Event::Offer { request, peer, .. } => {
                self.requests.remove(request);
                self.peers.insert(*peer);
            }
            Event::Refused { request, .. } => {
                let opened_none = self.requests.remove(request).flatten().is_some();
                self.peers_over += u64::from(opened_none);
            }
            Event::Accepted { request, .. }
            | Event::Restarted { request, .. }
            | Event::Stats { request, .. }
            | Event::Counters { request, .. }
            | Event::Held { request, .. }
            | Event::ShutDown { request } => {
                self.requests.remove(request);
            }
            Event::PeerClosed { peer, .. } => self.peers_over += u64::from(self.peers.remove(peer)),
            Event::StreamAdded { stream } => {
                self.streams.insert(stream.clone());
            }
            Event::StreamRemoved { stream, .. } => {
                self.streams.remove(stream);
            }
            Event::PeerState { .. }
            | Event::CandidateError { .. }
            | Event::StreamChanged { .. } => {}
        }
    }

    /// The ends of everything that is open, for a state machine that is no more. They are noted like any event when
    /// they are on their way.
    pub(crate) fn ends(&self) -> Vec<Event> {
        let refused = self.requests.keys().map(|request| Event::Refused {
            request: *request,
            refused: Refused::InternalError,
        });
        let closed = self.peers.iter().map(|peer| Event::PeerClosed {
            peer: *peer,
            reason: Ended::InternalError,
            detail: String::new(),
        });
        let removed = self.streams.iter().map(|stream| Event::StreamRemoved {
            stream: stream.clone(),
            reason: Ended::InternalError,
        });
        refused.chain(closed).chain(removed).collect()
    }

    /// How many peers have been opened and are over, since the start.
    pub(crate) const fn peers_over(&self) -> u64 {
        self.peers_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(number: u64) -> Command {
        Command::Pull {
            request: RequestId(number),
            peer: PeerId(number),
            stream: StreamName::parse("s").unwrap(),
            options: Default::default(),
        }
    }

    fn answer(number: u64) -> Event {
        let (sdp, ice_session) = (String::new(), String::new());
        Event::Answer {
            request: RequestId(number),
            peer: PeerId(number),
            sdp,
            ice_session,
        }
    }

    #[test]
    fn what_is_open_is_ended_and_what_is_over_is_not() {
        let mut ledger = Ledger::default();
        for number in 1..=4 {
            ledger.note_command(&pull(number));
        }
        ledger.note_event(&answer(1));
        ledger.note_event(&answer(2));
        ledger.note_event(&Event::PeerClosed {
            peer: PeerId(1),
            reason: Ended::Closed,
            detail: String::new(),
        });
        ledger.note_event(&Event::Refused {
            request: RequestId(3),
            refused: Refused::UnknownStream,
        });
        let [lobby, gone] = ["lobby", "gone"].map(|name| StreamName::parse(name).unwrap());
        for stream in [&lobby, &gone] {
            let stream = stream.clone();
            ledger.note_event(&Event::StreamAdded { stream });
        }
        ledger.note_event(&Event::StreamRemoved {
            stream: gone,
            reason: Ended::StreamClosed,
        });
        assert_eq!(ledger.peers_over(), 2);
        let ends = ledger.ends();
        assert_eq!(
            ends,
            [
                Event::Refused {
                    request: RequestId(4),
                    refused: Refused::InternalError
                },
                Event::PeerClosed {
                    peer: PeerId(2),
                    reason: Ended::InternalError,
                    detail: String::new()
                },
                Event::StreamRemoved {
                    stream: lobby,
                    reason: Ended::InternalError
                },
            ]
        );
        for event in &ends {
            ledger.note_event(event);
        }
        assert_eq!((ledger.ends(), ledger.peers_over()), (Vec::new(), 4));
    }
}
