//! The client: one allocation at one server, asked for, kept, used and given back.
//!
//! What it asks is in `request.rs`, what becomes of the answers in `response.rs`, whom it talks to in `peers.rs`.

mod config;
mod peers;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod transaction;

use std::net::SocketAddr;
use std::ops::Range;

use xrtc_ice::stun::{AttributeType, Builder, Class, IntegrityKey, Message, Method, TransactionId};
use xrtc_rtp::Time;

use self::peers::Peers;
use self::transaction::{Question, Transaction};
use crate::framing::write_channel_data;
use crate::message::value;

pub use self::config::{TurnClientConfig, TurnClientCounters, TurnEvent, TurnFailure};
pub use self::peers::Route;

/// A client of a TURN server, over UDP and with one allocation (RFC 8656).
///
/// Its driver hands it what comes from the server with [`Self::handle_datagram`], calls [`Self::handle_timeout`] when
/// [`Self::poll_timeout`] is due, and after either, and after [`Self::route`] and [`Self::close`], sends what
/// [`Self::poll_transmit`] writes to the server. Nothing changes before a response's MESSAGE-INTEGRITY is verified, but
/// for the challenges that cannot have one.
#[derive(Debug)]
pub struct TurnClient {
    username: Box<str>,
    password: Box<str>,
    rng: fastrand::Rng,
    /// Whether the relayed address is to be one of IPv6.
    wants_ipv6: bool,
    /// What the server wants to see of us; nothing before its first answer.
    challenge: Option<Challenge>,
    state: State,
    /// The requests without an answer: one for the allocation, and one for each permission and channel at most.
    transactions: Vec<Transaction>,
    peers: Peers,
    event: Option<TurnEvent>,
    counters: TurnClientCounters,
}

/// RFC 8489 §9.2.
#[derive(Debug)]
struct Challenge {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: IntegrityKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Allocating,
    Allocated {
        relayed: SocketAddr,
        /// Never while that is being asked for: the answer says when the next time is.
        refresh_at: Time,
        expires: Time,
    },
    /// We have asked for its end.
    Closing,
    Over,
}

/// What a datagram of the server was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A peer's datagram.
    Data {
        /// Who sent it to the relayed address.
        peer: SocketAddr,
        /// Which bytes of the server's datagram it is.
        data: Range<usize>,
    },
    /// An answer to one of our requests, or something that is dropped and counted.
    Taken,
    /// Nothing of ours: the socket's other user may know it.
    Foreign,
}

impl TurnClient {
    /// A client that asks for an allocation at once. `seed` has to be unpredictable: who knows a transaction can answer
    /// it.
    pub fn new(config: TurnClientConfig, seed: u64, now: Time) -> Self {
        let mut client = Self {
            username: config.username.into(),
            password: config.password.into(),
            rng: fastrand::Rng::with_seed(seed),
            wants_ipv6: config.wants_ipv6,
            challenge: None,
            state: State::Allocating,
            transactions: Vec::new(),
            peers: Peers::default(),
            event: None,
            counters: TurnClientCounters::default(),
        };
        client.ask(now, Question::Allocate);
        client
    }

    /// The relayed address, while there is one.
    pub const fn relayed(&self) -> Option<SocketAddr> {
        match self.state {
            State::Allocated { relayed, .. } => Some(relayed),
            _ => None,
        }
    }

    /// Whether nothing is left to do: it failed, or the allocation was given back.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Takes a datagram that has come from the server.
    pub fn handle_datagram(&mut self, now: Time, datagram: &[u8]) -> Received {
        // RFC 8656 §12: the first two bits tell.
        if datagram.first().is_some_and(|first| first >> 6 == 1) {
            return self.channel_data(datagram);
        }
        let Ok(message) = Message::parse_any(datagram) else {
            return Received::Foreign;
        };
        match (message.class(), message.method()) {
            (Class::Success | Class::Error, _) => self.handle_response(now, &message),
            (Class::Indication, Method::DATA) => self.data_indication(&message, datagram),
            _ => Received::Foreign,
        }
    }

    /// RFC 8656 §12.7.
    fn channel_data(&mut self, datagram: &[u8]) -> Received {
        let Some(([n0, n1, l0, l1], rest)) = datagram.split_first_chunk::<4>() else {
            return self.drop_data();
        };
        let len = usize::from(u16::from_be_bytes([*l0, *l1]));
        let peer = self.peers.of_channel(u16::from_be_bytes([*n0, *n1]));
        let is_used = self.relayed().is_some();
        match peer.filter(|_| is_used && len <= rest.len()) {
            Some(peer) => Received::Data {
                peer,
                data: 4..4 + len,
            },
            None => self.drop_data(),
        }
    }

    /// RFC 8656 §11.4.
    fn data_indication(&mut self, message: &Message<'_>, datagram: &[u8]) -> Received {
        let peer = value(message, AttributeType::XOR_PEER_ADDRESS)
            .and_then(|value| message.xor_address(value))
            .filter(|peer| self.relayed().is_some() && self.peers.has_permission(peer.ip()));
        let data = value(message, AttributeType::DATA);
        // The value lies in the datagram.
        let start =
            data.and_then(|data| (data.as_ptr() as usize).checked_sub(datagram.as_ptr() as usize));
        match (peer, data, start) {
            (Some(peer), Some(data), Some(start)) => Received::Data {
                peer,
                data: start..start + data.len(),
            },
            _ => self.drop_data(),
        }
    }

    const fn drop_data(&mut self) -> Received {
        self.counters.data_discarded += 1;
        Received::Taken
    }

    /// How datagrams get to a peer now. Asks the server for what is missing: for the peer's permission, which lets them
    /// through a round trip later at the latest, and for a channel if there is `much` to send. `None`: the server lets
    /// nothing through to it, or there are too many peers.
    pub fn route(&mut self, now: Time, peer: SocketAddr, much: bool) -> Option<Route> {
        if !matches!(self.state, State::Allocated { .. }) {
            return None;
        }
        let plan = self.peers.plan(now, peer, much);
        for question in plan.questions.into_iter().flatten() {
            let is_asked = |other: &Transaction| other.question == question;
            if !self.transactions.iter().any(is_asked) {
                self.ask(now, question);
            }
        }
        if plan.route.is_none() {
            self.counters.datagrams_refused += 1;
        }
        plan.route
    }

    /// Writes `data` for a peer into `out`, as it goes to the server; its length. `None`: it does not fit.
    pub fn frame(&mut self, route: Route, data: &[u8], out: &mut [u8]) -> Option<usize> {
        match route {
            Route::Channel(number) => write_channel_data(number, data, out),
            Route::Indication(peer) => {
                let id = TransactionId::random(&mut self.rng);
                Builder::of(out, Method::SEND, Class::Indication, id)
                    .xor_address(AttributeType::XOR_PEER_ADDRESS, peer)
                    .attribute(AttributeType::DATA, data)
                    .finish()
            }
        }
    }

    /// Gives the allocation back (RFC 8656 §8): asks for that, up to three times. Then it [is over](Self::is_over).
    pub fn close(&mut self, now: Time) {
        if matches!(self.state, State::Closing | State::Over) {
            return;
        }
        self.event = None;
        self.transactions.clear();
        // Without a challenge no request can have been granted. One whose answer is still to come may have been.
        if self.challenge.is_some() {
            self.state = State::Closing;
            self.ask(now, Question::Release);
        } else {
            self.state = State::Over;
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(index) = (self.transactions.iter()).position(|one| one.is_given_up(now)) {
            let transaction = self.transactions.swap_remove(index);
            self.unanswered(now, transaction);
        }
        if let State::Allocated { refresh_at, .. } = &mut self.state
            && *refresh_at <= now
        {
            *refresh_at = Time::MAX;
            self.ask(now, Question::Refresh);
        }
    }

    fn unanswered(&mut self, now: Time, transaction: Transaction) {
        match (transaction.question, self.state) {
            (Question::Release, _) => self.state = State::Over,
            // Whoever still sends to that peer asks again.
            (Question::Permit(_) | Question::Bind(..), _) => {}
            (Question::Refresh, State::Allocated { expires, .. }) if now < expires => {
                self.ask(now, Question::Refresh);
            }
            (Question::Allocate | Question::Refresh, _) => {
                let refused = |code| TurnFailure::Refused { code };
                self.fail(transaction.refusal.map_or(TurnFailure::Timeout, refused));
            }
        }
    }

    fn fail(&mut self, failure: TurnFailure) {
        self.state = State::Over;
        self.transactions.clear();
        self.event = Some(TurnEvent::Failed(failure));
    }

    fn ask(&mut self, now: Time, question: Question) {
        let id = TransactionId::random(&mut self.rng);
        self.transactions.push(Transaction::new(now, id, question));
    }

    /// Writes the next request that is due into `out`, which should hold 1,500 bytes; its length. Call until it is
    /// `None`.
    pub fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<usize> {
        let mut transactions = self.transactions.iter_mut();
        let transaction = transactions.find(|transaction| transaction.is_due(now))?;
        transaction.sent(now);
        let (id, question) = (transaction.id, transaction.question);
        self.write(id, question, out)
    }

    /// The next thing that happened. Call until it is `None`.
    pub const fn poll_event(&mut self) -> Option<TurnEvent> {
        self.event.take()
    }

    /// When [`Self::handle_timeout`] and [`Self::poll_transmit`] are due next; in the past while there is something to
    /// send.
    pub fn poll_timeout(&self) -> Option<Time> {
        let refresh = match self.state {
            State::Allocated { refresh_at, .. } => Some(refresh_at),
            _ => None,
        };
        let transactions = self.transactions.iter().map(Transaction::due);
        transactions.chain(refresh).min()
    }

    /// What was dropped.
    pub const fn counters(&self) -> TurnClientCounters {
        self.counters
    }
}
