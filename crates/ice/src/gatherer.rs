//! Server-reflexive candidates: how our sockets look from outside (RFC 8445 §5.1.1.1).

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_rtp::Time;

use crate::limits::MAX_STUN_QUERIES;
use crate::stun::{Attribute, Builder, Class, Message, TransactionId};
use crate::{Candidate, Path, Transmit};

/// Asks STUN servers for the addresses of one peer's sockets, once, before the peer's description is written.
///
/// A state machine like the agent. A response counts if it has the transaction of a request that was sent to where it
/// comes from; there is nothing secret to authenticate it with (RFC 8489 §9).
#[derive(Debug)]
pub struct Gatherer {
    queries: Vec<Query>,
    deadline: Time,
}

/// One socket's question to one server.
#[derive(Debug)]
struct Query {
    path: Path,
    id: TransactionId,
    next_at: Time,
    /// The interval after the next request.
    interval: Duration,
    /// The answer: what it is seen as, or nothing usable.
    answer: Option<Option<SocketAddr>>,
}

impl Gatherer {
    /// Asks every server of a socket's family from it; further ones than 16 in all are left out. `locals` are what the
    /// sockets are bound to. Whatever has not answered after `patience` is not waited for.
    pub fn new(
        locals: &[SocketAddr],
        servers: &[SocketAddr],
        patience: Duration,
        seed: u64,
        now: Time,
    ) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let pairs = locals.iter().flat_map(|local| {
            let family = servers
                .iter()
                .filter(|server| server.is_ipv4() == local.is_ipv4());
            family.map(|remote| Path::udp(*local, *remote))
        });
        let queries = pairs.take(MAX_STUN_QUERIES).map(|path| Query {
            path,
            id: TransactionId::random(&mut rng),
            next_at: now,
            interval: FIRST_INTERVAL,
            answer: None,
        });
        Self {
            queries: queries.collect(),
            deadline: now + patience,
        }
    }

    /// Whether there is nothing to wait for any more.
    pub fn is_done(&self, now: Time) -> bool {
        self.deadline <= now || self.queries.iter().all(|query| query.answer.is_some())
    }

    /// Takes a datagram that came to the socket bound to `path.local`. `true`: it was a response to a question of ours.
    pub fn handle_datagram(&mut self, path: Path, datagram: &[u8]) -> bool {
        let Ok(message) = Message::parse(datagram) else {
            return false;
        };
        let asked = |query: &&mut Query| {
            query.id == message.transaction_id()
                && query.path.remote == path.remote
                && query.path.local.port() == path.local.port()
        };
        let is_response = matches!(message.class(), Class::Success | Class::Error);
        let Some(query) = self.queries.iter_mut().find(asked).filter(|_| is_response) else {
            return false;
        };
        let mapped = message.find(|attribute| match attribute {
            Attribute::XorMappedAddress(address) => Some(address),
            _ => None,
        });
        query.answer = Some(mapped.filter(|_| message.class() == Class::Success));
        true
    }

    /// Writes the next request that is due into `out`, which should hold 28 bytes. Call until it is `None`.
    pub fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        let query = self
            .queries
            .iter_mut()
            .find(|query| query.answer.is_none() && query.next_at <= now)?;
        query.next_at = now + query.interval;
        query.interval *= 2;
        let len = Builder::new(out, Class::Request, query.id)
            .fingerprint()
            .finish()?;
        Some(Transmit {
            path: query.path,
            len,
        })
    }

    /// When [`Gatherer::poll_transmit`] or [`Gatherer::is_done`] has news; in the past if it has.
    pub fn poll_timeout(&self) -> Time {
        let open = self.queries.iter().filter(|query| query.answer.is_none());
        let next = open.map(|query| query.next_at).min();
        next.map_or(Time::ZERO, |next| next.min(self.deadline))
    }

    /// The addresses that were told, each once, those of the first servers first; none that is `known` already.
    pub fn candidates(&self, known: &[SocketAddr]) -> Vec<Candidate> {
        let mut mapped: Vec<SocketAddr> = Vec::new();
        for address in self.queries.iter().filter_map(|query| query.answer?) {
            if !known.contains(&address) && !mapped.contains(&address) {
                mapped.push(address);
            }
        }
        let preferences = (0..=u16::MAX).rev();
        let candidates = mapped.into_iter().zip(preferences);
        candidates
            .map(|(address, preference)| Candidate::server_reflexive(address, preference))
            .collect()
    }
}

/// Shorter than RFC 8489 §6.2.1 has it: whoever offers waits for the answer.
const FIRST_INTERVAL: Duration = Duration::from_millis(200);
