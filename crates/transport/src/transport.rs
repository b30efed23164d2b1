//! The transport: which protocol a datagram speaks, and what follows from it.

use xrtc_ice::{Agent, Candidate, Credentials, Path, Transmit};
use xrtc_rtp::Time;
use xrtc_srtp::{Plain, Profile};

use crate::config::{RemoteDtls, TransportConfig};
use crate::discard::{Counters, Discard};
use crate::ended::Ended;

/// One peer's secure pipe.
#[derive(Debug)]
pub struct Transport {
    ice: Agent,
    remote_dtls: Option<RemoteDtls>,
    counters: Counters,
    srtp_counters: xrtc_srtp::Counters,
}

impl Transport {
    /// A transport that waits for its peer. `seed` drives what ICE draws; keys come from the crypto library.
    pub fn new(config: TransportConfig, seed: u64, now: Time) -> Self {
        let mut ice = Agent::new(config.ice, seed, now);
        if let Some(remote) = config.remote_ice {
            ice.set_remote(remote);
        }
        Self {
            ice,
            remote_dtls: config.remote_dtls,
            counters: Counters::default(),
            srtp_counters: xrtc_srtp::Counters::default(),
        }
    }

    /// The ICE agent, to read from.
    pub fn ice(&self) -> &Agent {
        &self.ice
    }

    /// Takes the peer's ICE credentials; after [`Self::restart_ice`] those of the new generation.
    pub fn set_remote_ice(&mut self, remote: Credentials) {
        self.ice.set_remote(remote);
    }

    /// Adds an address of ours to send checks from; a lite agent needs none.
    pub fn add_local_candidate(&mut self, candidate: &Candidate) {
        self.ice.add_local_candidate(candidate);
    }

    /// Adds a candidate of the peer; a lite agent ignores it.
    pub fn add_remote_candidate(&mut self, candidate: &Candidate) {
        self.ice.add_remote_candidate(candidate);
    }

    /// Begins a new ICE generation. DTLS and media go on, on the old path until the new one is selected.
    pub fn restart_ice(&mut self, now: Time, local: Credentials) {
        self.ice.restart(now, local);
    }

    /// Takes the peer's part of the handshake. Only the first call counts: a running handshake keeps its role and
    /// fingerprints, and another certificate needs another transport.
    pub fn set_remote_dtls(&mut self, now: Time, remote: RemoteDtls) {
        let _ = now;
        self.remote_dtls.get_or_insert(remote);
    }

    /// Takes a datagram and, if it was media, gives the plain packet back. Decrypts in place.
    pub fn handle_datagram<'a>(
        &mut self,
        now: Time,
        path: Path,
        datagram: &'a mut [u8],
    ) -> Received<'a> {
        self.ice.handle_datagram(now, path, datagram);
        Received::Nothing
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        self.ice.handle_timeout(now);
    }

    /// Writes the next datagram of ICE or DTLS into `out`, which should hold 1200 bytes. Call until it is `None`.
    pub fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        self.ice.poll_transmit(now, out)
    }

    /// The next thing that happened. Call until it is `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When [`Self::handle_timeout`] is due next.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.ice.poll_timeout()
    }

    /// Seals an RTP packet into `out` and returns its length; it leaves on [`Self::path`]. `None` is counted.
    pub fn seal_rtp(&mut self, plain: Plain<'_>, out: &mut [u8]) -> Option<usize> {
        let _ = (plain, out);
        self.counters.count(Discard::NotConnected);
        None
    }

    /// Seals a compound of RTCP into `out` and returns its length; it leaves on [`Self::path`]. `None` is counted.
    pub fn seal_rtcp(&mut self, plain: &[u8], out: &mut [u8]) -> Option<usize> {
        let _ = (plain, out);
        self.counters.count(Discard::NotConnected);
        None
    }

    /// Says goodbye (DTLS close_notify, if there is a connection) and is silent after that. The goodbye still has to
    /// be fetched by [`Self::poll_transmit`].
    pub fn close(&mut self, now: Time) {
        let _ = now;
    }

    /// Where media goes, once ICE has selected a path.
    pub fn path(&self) -> Option<Path> {
        self.ice.selected()
    }

    /// How far the transport has come.
    pub fn state(&self) -> TransportState {
        TransportState::New
    }

    /// The SRTP profile, once connected.
    pub fn profile(&self) -> Option<Profile> {
        None
    }

    /// Whether the peer has proved, by an authenticated check, that it is at the other end of this path.
    pub fn is_acquainted(&self, path: Path) -> bool {
        self.ice.is_validated(path)
    }

    /// What was dropped by the transport itself.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What was dropped by SRTP.
    pub fn srtp_counters(&self) -> &xrtc_srtp::Counters {
        &self.srtp_counters
    }
}

/// What a datagram turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Nothing for the layer above: ICE, DTLS, or dropped.
    Nothing,
    /// A plain RTP packet.
    Rtp(&'a [u8]),
    /// A plain compound of RTCP.
    Rtcp(&'a [u8]),
}

/// Something the driver of a transport should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Media takes this path from now on. Comes before [`Self::Connected`], and again on every change.
    PathChanged(Path),
    /// The handshake is complete and the peer is who it should be: media may flow.
    Connected,
    /// It is over. The last event.
    Ended(Ended),
}

/// How far a transport has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportState {
    /// Nothing was heard of the peer.
    New,
    /// ICE has a path; DTLS shakes hands.
    Connecting,
    /// Media may flow.
    Connected,
    /// Closed by us.
    Closed,
    /// Over for another reason.
    Ended(Ended),
}
