//! What this worker's peers have at TURN servers: asking for it, sending by way of it, and giving it back.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use slab::Slab;
use xrtc_rtp::Time;
use xrtc_sfu::{
    Batch, Candidate, CandidateError, Event, OwnAddresses, Path, PeerId, Protocol, RelayedAddress,
    Train, TurnAccess,
};
use xrtc_turn::{Received, TurnClient, TurnClientConfig, TurnEvent, TurnFailure};

use crate::counters::Counters;
use crate::own_sockets::{Place, place};
use crate::udp::Outgoing;

/// The allocations of one worker's peers. Costs nothing where there are none.
#[derive(Debug)]
pub(crate) struct Allocations {
    all: Slab<Allocation>,
    /// By the socket and the server that it talks to; sorted.
    by_server: Vec<((Place, SocketAddr), usize)>,
    /// By the relayed address; sorted.
    by_relayed: Vec<(SocketAddr, usize)>,
    /// When one of them has something to do.
    next_at: Option<Time>,
    /// The batch's datagrams that go by way of servers, as they go there; made with the first allocation.
    wrapped: Option<Batch>,
    /// What the batch has for them is in `wrapped`.
    is_wrapped: bool,
    /// What the application has to hear of.
    news: VecDeque<Event>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Allocation {
    client: TurnClient,
    peer: PeerId,
    /// What its socket is bound to.
    local: SocketAddr,
    server: SocketAddr,
    url: Arc<str>,
    mapped: Option<SocketAddr>,
    progress: Progress,
}

/// How far an allocation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The peer's command waits for it.
    Asked,
    /// There is one, or there will be none.
    Settled(Option<TurnFailure>),
    /// The peer has it.
    Used,
    /// It is being given back.
    Leaving,
}

impl Allocations {
    pub(crate) const fn new(counters: Arc<Counters>) -> Self {
        Self {
            all: Slab::new(),
            by_server: Vec::new(),
            by_relayed: Vec::new(),
            next_at: None,
            wrapped: None,
            is_wrapped: false,
            news: VecDeque::new(),
            counters,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Asks a server for an allocation of the socket bound to `local`. `false`: it has been asked already.
    pub(crate) fn open(
        &mut self,
        now: Time,
        peer: PeerId,
        (local, access): (SocketAddr, &TurnAccess),
        seed: u64,
    ) -> bool {
        let key = (place(local), access.address);
        if self.by_server.iter().any(|(other, _)| *other == key) {
            return false;
        }
        let config = TurnClientConfig {
            username: access.username.clone(),
            password: access.credential.clone(),
            wants_ipv6: access.address.is_ipv6(),
        };
        self.all.insert(Allocation {
            client: TurnClient::new(config, seed, now),
            peer,
            local,
            server: access.address,
            url: Arc::clone(&access.url),
            mapped: None,
            progress: Progress::Asked,
        });
        self.wrapped
            .get_or_insert_with(|| Batch::with_capacity(WRAPPED_BYTES));
        self.note_change();
        true
    }

    fn note_change(&mut self) {
        let all = self.all.iter();
        self.by_server = all
            .map(|(key, one)| ((place(one.local), one.server), key))
            .collect();
        self.by_server.sort_unstable();
        let all = self.all.iter();
        let relayed = all.filter_map(|(key, one)| Some((one.client.relayed()?, key)));
        self.by_relayed = relayed.collect();
        self.by_relayed.sort_unstable();
        self.counters.relayed_addresses.set(self.all.len() as u64);
        if self.all.is_empty() {
            self.wrapped = None;
        }
        self.note_times();
    }

    fn note_times(&mut self) {
        let times = self.all.iter();
        self.next_at = times.filter_map(|(_, one)| one.client.poll_timeout()).min();
    }

    /// What came from a server: of which peer and what, if it is a peer's datagram; `None` in it if it was an answer.
    /// Nothing: it came from elsewhere.
    pub(crate) fn unwrap(
        &mut self,
        now: Time,
        path: Path,
        datagram: &[u8],
    ) -> Option<Option<(Path, Range<usize>)>> {
        let wanted = (place(path.local), path.remote);
        let found = (self.by_server).binary_search_by_key(&wanted, |(key, _)| *key);
        let (_, key) = *self.by_server.get(found.ok()?)?;
        let one = self.all.get_mut(key)?;
        match one.client.handle_datagram(now, datagram) {
            Received::Data { peer, data } => {
                let relayed = one.client.relayed();
                Some(relayed.map(|relayed| (Path::relayed(relayed, peer), data)))
            }
            Received::Taken => {
                self.next_at = Some(now);
                Some(None)
            }
            Received::Foreign => None,
        }
    }

    /// Does what is due, and sends the requests by `send`, from the socket bound to the first address to the second.
    /// Says for which peers' commands one has been settled.
    pub(crate) fn ask(
        &mut self,
        now: Time,
        mut send: impl FnMut(SocketAddr, &[u8], SocketAddr),
        mut settled: impl FnMut(PeerId),
    ) {
        if self.next_at.is_none_or(|at| now < at) {
            return;
        }
        let mut out = [0; MAX_REQUEST];
        let mut changed = false;
        for (_, one) in &mut self.all {
            one.client.handle_timeout(now);
            while let Some(len) = one.client.poll_transmit(now, &mut out) {
                send(one.local, out.get(..len).unwrap_or_default(), one.server);
            }
            while let Some(event) = one.client.poll_event() {
                changed = true;
                if one.progress == Progress::Asked {
                    settled(one.peer);
                }
                one.note(event, &mut self.news);
            }
        }
        let before = self.all.len();
        self.all
            .retain(|_, one| one.progress != Progress::Leaving || !one.client.is_over());
        if changed || self.all.len() != before {
            self.note_change();
        } else {
            self.note_times();
        }
    }

    /// Gives a peer what its servers have given, and tells what they have not. What comes later is not wanted.
    pub(crate) fn furnish(&mut self, now: Time, peer: PeerId, addresses: &mut OwnAddresses) {
        let taken: Vec<SocketAddr> = self
            .by_relayed
            .iter()
            .map(|(relayed, _)| *relayed)
            .collect();
        for (_, one) in self.all.iter_mut().filter(|(_, one)| one.peer == peer) {
            let relayed = one.client.relayed();
            // Two servers behind translators may name the same address.
            let is_alone =
                |relayed: &SocketAddr| taken.iter().filter(|other| *other == relayed).count() == 1;
            let Some(address) = relayed.filter(is_alone) else {
                let failure = match one.progress {
                    Progress::Settled(Some(failure)) => failure,
                    _ if relayed.is_some() => TurnFailure::Malformed,
                    _ => one.client.failure_so_far(),
                };
                addresses.errors.push(one.error(failure));
                one.leave(now);
                continue;
            };
            one.progress = Progress::Used;
            let preference = u16::MAX - addresses.relayed.len() as u16;
            let url = Arc::clone(&one.url);
            addresses.relayed.push(RelayedAddress { address, url });
            add_mapped(addresses, one.mapped);
            let candidate = Candidate::relayed(address, preference);
            addresses.candidates.push(candidate);
        }
        self.note_change();
    }

    /// Gives back what these peers have. Their sockets are needed as long as [`Self::needs`] says so.
    pub(crate) fn leave(&mut self, now: Time, is_gone: impl Fn(PeerId) -> bool) {
        let mut any = false;
        for (_, one) in self.all.iter_mut().filter(|(_, one)| is_gone(one.peer)) {
            one.leave(now);
            any = true;
        }
        if any {
            self.note_change();
            self.next_at = Some(now);
        }
    }

    /// Whether the socket bound to `local` still has a farewell to say.
    pub(crate) fn needs(&self, local: SocketAddr) -> bool {
        self.all.iter().any(|(_, one)| one.local == local)
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.rewind();
        self.note_change();
    }

    /// What the application has to hear of.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.news.pop_front()
    }

    pub(crate) const fn poll_timeout(&self) -> Option<Time> {
        self.next_at
    }

    /// Wraps what the batch has for servers, once. Requests that are due then go before it.
    pub(crate) fn wrap(&mut self, out: &Outgoing<'_>) {
        let Some(wrapped) = &mut self.wrapped else {
            return;
        };
        if std::mem::replace(&mut self.is_wrapped, true) {
            return;
        }
        let trains = out.batch.trains();
        for train in trains.filter(|train| train.path.protocol == Protocol::Relayed) {
            let found =
                (self.by_relayed).binary_search_by_key(&train.path.local, |(relayed, _)| *relayed);
            let key = found.ok().and_then(|index| self.by_relayed.get(index));
            let one = key.and_then(|(_, key)| self.all.get_mut(*key));
            let sent = one.map_or(0, |one| one.wrap(out.now, &train, wrapped));
            self.counters.send_dropped.add((train.len() - sent) as u64);
            self.next_at = Some(out.now);
        }
    }

    /// What goes to the servers.
    pub(crate) const fn wrapped(&self) -> Option<&Batch> {
        self.wrapped.as_ref()
    }

    /// The batch is empty again.
    pub(crate) fn rewind(&mut self) {
        self.is_wrapped = false;
        if let Some(wrapped) = &mut self.wrapped {
            wrapped.clear();
        }
    }
}

impl Allocation {
    fn note(&mut self, event: TurnEvent, news: &mut VecDeque<Event>) {
        match event {
            TurnEvent::Allocated { mapped, .. } => {
                self.mapped = mapped;
                self.progress = Progress::Settled(None);
            }
            TurnEvent::Failed(failure) if self.progress == Progress::Used => {
                news.push_back(Event::CandidateError {
                    peer: self.peer,
                    error: self.error(failure),
                });
            }
            TurnEvent::Failed(failure) if self.progress == Progress::Asked => {
                self.progress = Progress::Settled(Some(failure));
            }
            TurnEvent::Failed(_) => {}
        }
    }

    fn error(&self, failure: TurnFailure) -> CandidateError {
        CandidateError {
            url: Arc::clone(&self.url),
            code: failure.code(),
            text: failure.to_string(),
        }
    }

    fn leave(&mut self, now: Time) {
        self.client.close(now);
        self.progress = Progress::Leaving;
    }

    /// Wraps the datagrams of one train; says how many.
    fn wrap(&mut self, now: Time, train: &Train<'_>, wrapped: &mut Batch) -> usize {
        // Checks alone are not worth a channel: most paths are checked a few times and never used.
        let is_check = train.bytes.first().is_some_and(|first| *first < 4);
        let route = self.client.route(now, train.path.remote, !is_check);
        let Some(route) = route else { return 0 };
        let path = Path::udp(self.local, self.server);
        let mut sent = 0;
        for (index, datagram) in train.datagrams().enumerate() {
            let Some(space) = wrapped.space() else { break };
            let Some(len) = self.client.frame(route, datagram, space) else {
                continue;
            };
            let is_last = index + 1 == train.len();
            let class = if is_last { train.last } else { train.tag.class };
            wrapped.commit(path, xrtc_sfu::Tag { class, ..train.tag }, len);
            sent += 1;
        }
        sent
    }
}

/// Offers how a TURN server sees our socket, as a STUN server would (RFC 8445 §5.1.1.2).
fn add_mapped(addresses: &mut OwnAddresses, mapped: Option<SocketAddr>) {
    let Some(mapped) = mapped.filter(|_| !addresses.gather.relay_only) else {
        return;
    };
    let is_known = |candidate: &Candidate| candidate.udp_address() == Some(mapped);
    if addresses.candidates.iter().any(is_known) || addresses.bases.contains(&mapped) {
        return;
    }
    let preference = u16::MAX - addresses.candidates.len() as u16;
    let candidate = Candidate::server_reflexive(mapped, preference);
    addresses.candidates.push(candidate);
}

/// A slab of the state machine with what Send indications put around small datagrams.
const WRAPPED_BYTES: usize = 256 * 1024;
/// A request with the longest name, realm and nonce.
const MAX_REQUEST: usize = 2_304;
