//! The state machine: what it holds, and who does what with it.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;
use slab::Slab;
use xrtc_rtp::Time;
use xrtc_transport::Transport;

use crate::addresses::{Addresses, PeerKey};
use crate::discard::Totals;
use crate::kept::RecentTerms;
use crate::opening::OwnLines;
use crate::peer::Peer;
use crate::queue::{EventQueue, Queued};
use crate::relay::Message;
use crate::relays::Relays;
use crate::secrets::Secrets;
use crate::steering::DetourEnd;
use crate::streams::{StreamKey, Streams};
use crate::timers::{TimerKey, Timers};
use crate::{
    Batch, Command, Ended, Event, PeerId, Refused, RelayMessage, RequestId, SfuConfig, WorkerId,
};

/// One worker's state machine.
#[derive(Debug)]
pub struct Sfu {
    pub(crate) config: SfuConfig,
    pub(crate) secrets: Secrets,
    /// Boxed, so that finding one touches nothing but the list: the next ones are loaded ahead of their turns.
    pub(crate) peers: Slab<Box<Peer>>,
    pub(crate) peer_ids: HashMap<PeerId, PeerKey, FixedState>,
    pub(crate) pending_offers: usize,
    pub(crate) recent_terms: RecentTerms,
    pub(crate) own_lines: OwnLines,
    /// Transports that are closed and have not said goodbye yet.
    pub(crate) farewells: VecDeque<(PeerId, Transport)>,
    pub(crate) addresses: Addresses,
    /// Detours of this worker's that others have ended.
    pub(crate) detour_ends: VecDeque<DetourEnd>,
    pub(crate) streams: Streams,
    pub(crate) relays: Relays,
    pub(crate) timers: Timers,
    /// Peers whose transports may have something to send.
    pub(crate) dirty_peers: VecDeque<PeerKey>,
    /// Streams that may have something to send or to tell.
    pub(crate) dirty_streams: VecDeque<StreamKey>,
    pub(crate) events: EventQueue,
    pub(crate) totals: Totals,
    /// Where a compound RTCP packet is written before it is sealed.
    pub(crate) scratch: Box<[u8; Batch::MAX_DATAGRAM]>,
    /// When the streams were last looked after.
    pub(crate) settled_at: Time,
    /// A stream may have something to tell since then.
    pub(crate) is_unsettled: bool,
    /// No new peers.
    pub(crate) is_closed: bool,
    /// The commands to close, until it is done.
    pub(crate) shutdown: Vec<RequestId>,
}

impl Sfu {
    /// A worker without peers. All randomness grows from `seed` (but DTLS's own, which the crypto library draws):
    /// outside of simulations it must come from the operating system.
    ///
    /// It greets the other workers, so that they forget what an earlier one with its number held.
    pub fn new(config: SfuConfig, seed: [u8; 32], now: Time) -> Self {
        let mut secrets = Secrets::new(seed);
        let mut sfu = Self {
            peers: Slab::new(),
            peer_ids: HashMap::with_hasher(FixedState::with_seed(secrets.u64())),
            pending_offers: 0,
            recent_terms: RecentTerms::default(),
            own_lines: OwnLines::new(&config),
            farewells: VecDeque::new(),
            addresses: Addresses::new(config.worker, secrets.u64()),
            detour_ends: VecDeque::new(),
            streams: Streams::new(secrets.u64()),
            relays: Relays::new(config.worker, config.workers, secrets.u64()),
            timers: Timers::default(),
            dirty_peers: VecDeque::new(),
            dirty_streams: VecDeque::new(),
            events: EventQueue::default(),
            totals: Totals::default(),
            scratch: Box::new([0; Batch::MAX_DATAGRAM]),
            settled_at: now,
            is_unsettled: false,
            is_closed: false,
            shutdown: Vec::new(),
            secrets,
            config,
        };
        sfu.broadcast(|| Message::Hello);
        sfu
    }

    /// Does what the application asks. What it cannot do is told by an event.
    pub fn handle_command(&mut self, now: Time, command: Command) {
        let request = command.request();
        if let (Err(refused), Some(request)) = (self.execute(now, command), request) {
            self.events.push(Event::Refused { request, refused });
        }
    }

    fn execute(&mut self, now: Time, command: Command) -> Result<(), Refused> {
        match command {
            Command::Push {
                request,
                peer,
                stream,
                options,
            } => self.push(now, (request, peer), stream, options),
            Command::Pull {
                request,
                peer,
                stream,
                options,
            } => self.pull(now, (request, peer), stream, options),
            Command::SetAnswer { request, peer, sdp } => {
                self.set_answer(now, (request, peer), &sdp)
            }
            Command::SetOffer { request, peer, sdp } => self.set_offer((request, peer), &sdp),
            Command::OfferAgain {
                request,
                peer,
                media,
                restart_ice,
            } => self.offer_again(now, (request, peer), media, restart_ice),
            Command::Commit { request, peer } => self.commit(now, (request, peer)),
            Command::RollBack { request, peer } => self.roll_back((request, peer)),
            Command::Trickle {
                request,
                peer,
                fragment,
            } => self.trickle(now, (request, peer), &fragment),
            Command::SetLayer {
                request,
                peer,
                wish,
            } => self.set_layer(now, (request, peer), wish),
            Command::ClosePeer { peer, reason } => {
                let reason = self.bounded_text(reason);
                if let Some(key) = self.peer_ids.get(&peer).copied() {
                    self.close_peer(now, key, Ended::Closed, reason);
                }
                Ok(())
            }
            Command::CloseStream { stream, reason } => {
                let reason = self.bounded_text(reason);
                if let Some(key) = self.streams.by_name(&stream) {
                    self.close_stream(now, key, Ended::StreamClosed, &reason);
                }
                Ok(())
            }
            Command::GetStats { request, peer } => self.get_stats(now, request, peer),
            Command::GetCounters { request } => {
                let counters = self.counters(now);
                self.events.push(Event::Counters { request, counters });
                Ok(())
            }
            Command::GetHeld { request } => {
                let held = self.held();
                self.events.push(Event::Held { request, held });
                Ok(())
            }
            Command::SetDtls { dtls } => {
                self.config.dtls = dtls;
                self.own_lines = OwnLines::new(&self.config);
                Ok(())
            }
            Command::Shutdown { request } => {
                self.shut_down(now, request);
                Ok(())
            }
        }
    }

    /// To be called when the time of [`Sfu::poll_timeout`] has come; earlier and later calls do no harm.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(key) = self.timers.pop_due(now) {
            match key {
                TimerKey::Peer(key) => self.peer_is_due(now, key),
                TimerKey::Stream(key) => self.stream_is_due(now, key),
            }
        }
    }

    /// Takes a message of another worker.
    pub fn handle_relay(&mut self, now: Time, from: WorkerId, message: RelayMessage) {
        self.take_relay(now, from, message.0);
    }

    /// A detour that another worker wants no more; to be asked after [`Sfu::handle_relay`], until `None`.
    pub fn poll_detour_end(&mut self) -> Option<DetourEnd> {
        self.detour_ends.pop_front()
    }

    /// The next event, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            let event = match self.events.pop()? {
                Queued::Event(event) => Some(event),
                Queued::PeerState(peer) => self.peer_state_event(peer),
                Queued::StreamChanged(stream) => self.stream_changed_event(stream),
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// Whether there is an event.
    pub fn has_event(&self) -> bool {
        self.events.len() > 0
    }

    /// Whether there is an event that somebody may be waiting for. The others, states of peers, are
    /// better left for a moment: they may change again, and are told as they are when they are fetched.
    pub fn has_pressing_event(&self) -> bool {
        self.events.has_pressing()
    }

    /// When [`Sfu::handle_timeout`] wants to be called; `None`: never, unless something arrives. Right after
    /// [`Sfu::poll_transmit`] has given `false`.
    pub fn poll_timeout(&self) -> Option<Time> {
        [self.timers.next(), self.relays.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn shut_down(&mut self, now: Time, request: RequestId) {
        self.is_closed = true;
        self.shutdown.push(request);
        for key in self.streams.keys() {
            self.close_stream(now, key, Ended::ServerClosed, "");
        }
        // Those that have not answered our offer to publish have no stream yet.
        let left: Vec<_> = self.peers.iter().map(|(key, _)| key).collect();
        for key in left {
            self.close_peer(now, key, Ended::ServerClosed, String::new());
        }
    }

    /// The application's words, cut at the limit.
    fn bounded_text(&self, mut text: String) -> String {
        let mut end = text.len().min(self.config.limits.text_bytes);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text
    }
}
