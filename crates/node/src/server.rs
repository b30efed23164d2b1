//! The server, from JavaScript.

use std::collections::HashMap;
use std::net::SocketAddr;

use napi::Status;
use napi::bindgen_prelude::{Buffer, Function};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use xrtc_sfu::{Command, PeerId, RequestId, StreamName, WorkerId};
use xrtc_worker::{InterfaceFilter, Server, ServerConfig, WorkerInfo};

use crate::command::{
    BindingLayerWish, BindingOfferOptions, BindingPullOptions, BindingPushOptions,
};
use crate::error::{
    BindingError, doorbell_failed, invalid_argument, invalid_stream_name, not_replaced, not_sent,
    start_failed,
};
use crate::event::BindingEvent;
use crate::options::{BindingCertificate, BindingServerOptions};
use crate::stats::counts;
use crate::turn::BindingTurn;

/// Running workers.
#[napi]
pub struct BindingServer {
    pub(crate) server: Server,
}

/// Where a worker, or the port that takes TCP connections, can be reached.
#[napi(object, object_from_js = false)]
pub struct BindingWorker {
    /// The addresses it is bound to.
    pub bound: Vec<BindingAddress>,
    /// The addresses that it offers, best first.
    pub candidates: Vec<BindingAddress>,
}

/// An IP address and a port.
#[napi(object, object_from_js = false)]
pub struct BindingAddress {
    /// The IP address.
    pub address: String,
    /// The port.
    pub port: u16,
}

#[napi]
impl BindingServer {
    /// Binds the sockets and starts the workers. `doorbell` is called when there is something to drain and was
    /// nothing before; it does not keep the process alive.
    #[napi(factory, catch_unwind)]
    pub fn start(
        options: BindingServerOptions,
        doorbell: Function<'_, (), ()>,
    ) -> Result<Self, BindingError> {
        let config = ServerConfig::try_from(options)?;
        let doorbell = doorbell
            .build_threadsafe_function::<()>()
            .callee_handled::<false>()
            .weak::<true>()
            .max_queue_size::<1>()
            .build()
            .map_err(|error| doorbell_failed(&error))?;
        let ring = move || {
            // Refused: one call is waiting already and will drain everything, or JavaScript is gone.
            let _: Status = doorbell.call((), ThreadsafeFunctionCallMode::NonBlocking);
        };
        let server = Server::start(config, ring).map_err(|error| start_failed(&error))?;
        Ok(Self { server })
    }

    /// Opens a peer that publishes a stream and gives its number. Replied to by `answer` or `offer`.
    #[napi(catch_unwind)]
    pub fn push(
        &mut self,
        request: i64,
        stream: String,
        options: BindingPushOptions,
    ) -> Result<i64, BindingError> {
        let stream = stream_name(&stream)?;
        let options = options.try_into()?;
        let peer = self.server.new_publisher(&stream);
        let request = request_id(request)?;
        self.send_to(
            peer,
            Command::Push {
                request,
                peer,
                stream,
                options,
            },
        )?;
        Ok(peer.0.cast_signed())
    }

    /// Opens a peer that views a stream and gives its number. Replied to by `answer` or `offer`.
    #[napi(catch_unwind)]
    pub fn pull(
        &mut self,
        request: i64,
        stream: String,
        options: BindingPullOptions,
    ) -> Result<i64, BindingError> {
        let stream = stream_name(&stream)?;
        let options = options.try_into()?;
        let peer = self.server.new_viewer();
        let request = request_id(request)?;
        self.send_to(
            peer,
            Command::Pull {
                request,
                peer,
                stream,
                options,
            },
        )?;
        Ok(peer.0.cast_signed())
    }

    /// The remote peer's answer to our offer. Replied to by `accepted`.
    #[napi(catch_unwind)]
    pub fn set_answer(&mut self, request: i64, peer: i64, sdp: String) -> Result<(), BindingError> {
        let (request, peer) = (request_id(request)?, peer_id(peer)?);
        self.send_to(peer, Command::SetAnswer { request, peer, sdp })
    }

    /// A later offer of the remote peer. Replied to by `answer`, which holds from `commit` on.
    #[napi(catch_unwind)]
    pub fn set_offer(&mut self, request: i64, peer: i64, sdp: String) -> Result<(), BindingError> {
        let (request, peer) = (request_id(request)?, peer_id(peer)?);
        self.send_to(peer, Command::SetOffer { request, peer, sdp })
    }

    /// Offers again. Replied to by `offer`.
    #[napi(catch_unwind)]
    pub fn offer_again(
        &mut self,
        request: i64,
        peer: i64,
        options: BindingOfferOptions,
    ) -> Result<(), BindingError> {
        let (request, peer) = (request_id(request)?, peer_id(peer)?);
        self.send_to(
            peer,
            Command::OfferAgain {
                request,
                peer,
                media: options.media(),
                restart_ice: options.restart_ice,
            },
        )
    }

    /// The answer to a later offer holds. Replied to by `accepted`.
    #[napi(catch_unwind)]
    pub fn commit(&mut self, request: i64, peer: i64) -> Result<(), BindingError> {
        let (request, peer) = (request_id(request)?, peer_id(peer)?);
        self.send_to(peer, Command::Commit { request, peer })
    }

    /// A later offer is dropped. Replied to by `accepted`.
    #[napi(catch_unwind)]
    pub fn roll_back(&mut self, request: i64, peer: i64) -> Result<(), BindingError> {
        let (request, peer) = (request_id(request)?, peer_id(peer)?);
        self.send_to(peer, Command::RollBack { request, peer })
    }

    /// A trickle fragment: candidates (replied to by `accepted`) or an ICE restart (`restarted`).
    #[napi(catch_unwind)]
    pub fn trickle(
        &mut self,
        request: i64,
        peer: i64,
        fragment: String,
    ) -> Result<(), BindingError> {
        let (request, peer) = (request_id(request)?, peer_id(peer)?);
        self.send_to(
            peer,
            Command::Trickle {
                request,
                peer,
                fragment,
            },
        )
    }

    /// Which simulcast layer a viewer's pictures are to be of. Replied to by `accepted`.
    #[napi(catch_unwind)]
    pub fn set_layer(
        &mut self,
        request: i64,
        peer: i64,
        wish: BindingLayerWish,
    ) -> Result<(), BindingError> {
        let (request, peer) = (request_id(request)?, peer_id(peer)?);
        let wish = wish.wish().ok_or_else(|| invalid_argument("rid"))?;
        self.send_to(
            peer,
            Command::SetLayer {
                request,
                peer,
                wish,
            },
        )
    }

    /// Ends a peer. Replied to by `peerClosed` alone, if the peer is there.
    #[napi(catch_unwind)]
    pub fn close_peer(&mut self, peer: i64, reason: String) -> Result<(), BindingError> {
        let peer = peer_id(peer)?;
        self.send_to(peer, Command::ClosePeer { peer, reason })
    }

    /// Ends a stream with its publisher and its viewers.
    #[napi(catch_unwind)]
    pub fn close_stream(&mut self, stream: String, reason: String) -> Result<(), BindingError> {
        let stream = stream_name(&stream)?;
        let worker = self.server.home_of(&stream);
        self.server
            .send(worker, Command::CloseStream { stream, reason })
            .map_err(not_sent)
    }

    /// Peers that are opened from now on get this certificate. No reply.
    #[napi(catch_unwind)]
    pub fn replace_dtls_certificate(
        &mut self,
        certificate: BindingCertificate,
    ) -> Result<(), BindingError> {
        self.server
            .replace_dtls_certificate(&certificate.into())
            .map_err(not_replaced)
    }

    /// Clients of TURN over TLS that connect from now on are shown this certificate. No reply.
    #[napi(catch_unwind)]
    pub fn replace_turn_certificate(
        &mut self,
        certificate: BindingCertificate,
    ) -> Result<(), BindingError> {
        self.server
            .replace_turn_certificate(&certificate.into())
            .map_err(not_replaced)
    }

    /// Asks for a peer's figures. Replied to by `stats`.
    #[napi(catch_unwind)]
    pub fn get_stats(&mut self, request: i64, peer: i64) -> Result<(), BindingError> {
        let (request, peer) = (request_id(request)?, peer_id(peer)?);
        self.send_to(peer, Command::GetStats { request, peer })
    }

    /// Asks for a worker's counters of discarded packets. Replied to by `counters`.
    #[napi(catch_unwind)]
    pub fn get_counters(&mut self, request: i64, worker: u16) -> Result<(), BindingError> {
        let request = request_id(request)?;
        self.server
            .send(WorkerId(worker), Command::GetCounters { request })
            .map_err(not_sent)
    }

    /// Asks for what a worker's state machine holds. Replied to by `held`.
    #[napi(catch_unwind)]
    pub fn get_held(&mut self, request: i64, worker: u16) -> Result<(), BindingError> {
        let request = request_id(request)?;
        self.server
            .send(WorkerId(worker), Command::GetHeld { request })
            .map_err(not_sent)
    }

    /// Takes what has happened since the last call. A long list comes in pieces, with another ring of the doorbell.
    #[napi(catch_unwind)]
    pub fn drain(&mut self) -> Vec<BindingEvent> {
        let mut events = Vec::new();
        self.server
            .drain(|worker, event| events.extend(BindingEvent::new(worker, event)));
        events
    }

    /// The workers, by their number.
    #[napi(catch_unwind)]
    pub fn workers(&self) -> Vec<BindingWorker> {
        self.server
            .workers()
            .iter()
            .map(BindingWorker::from)
            .collect()
    }

    /// Where TCP connections are taken; no address where they are not.
    #[napi(catch_unwind)]
    pub fn tcp(&self) -> BindingWorker {
        let addresses = |list: &[SocketAddr]| list.iter().map(BindingAddress::from).collect();
        BindingWorker {
            bound: addresses(self.server.tcp_bound()),
            candidates: addresses(self.server.tcp_candidates()),
        }
    }

    /// Takes the connection behind a file descriptor, which begins with `first`, and leaves the descriptor as it is.
    /// `false`: it is none, or too many are waiting.
    #[cfg(unix)]
    #[napi(catch_unwind)]
    pub fn take_connection(&self, descriptor: i32, first: Buffer) -> bool {
        duplicate(descriptor)
            .is_some_and(|stream| self.server.take_connection(stream, first.to_vec()))
    }

    /// Windows has no descriptors to pass.
    #[cfg(not(unix))]
    #[napi(catch_unwind)]
    pub fn take_connection(&self, _descriptor: i32, _first: Buffer) -> bool {
        false
    }

    /// What became of TCP connections before they were a worker's: `accepted`, `refused`, and the gauge `waiting`.
    #[napi(catch_unwind)]
    pub fn tcp_counters(&self) -> HashMap<String, f64> {
        let counters = self.server.acceptor_counters();
        counts([
            ("accepted", counters.tcp_accepted),
            ("refused", counters.tcp_refused),
            ("waiting", counters.tcp_waiting),
        ])
    }

    /// Every worker's socket and queue figures, by their number.
    #[napi(catch_unwind)]
    pub fn socket_counters(&self) -> Vec<HashMap<String, f64>> {
        self.server
            .counters()
            .map(|counters| counts(counters.named()))
            .collect()
    }

    /// Where the TURN server can be reached, if there is one.
    #[napi(catch_unwind)]
    pub fn turn(&self) -> Option<BindingTurn> {
        self.server.turn().map(BindingTurn::from)
    }

    /// The TURN server's figures; none without one.
    #[napi(catch_unwind)]
    pub fn turn_counters(&self) -> HashMap<String, f64> {
        counts(self.server.turn_figures())
    }

    /// What is held beside the state machines: `workers`, `sockets`, `detours`, `commandSlots`, `toldSlots`,
    /// `kept`, `turnAllocations`, `turnConnections`.
    #[napi(catch_unwind)]
    pub fn held(&self) -> HashMap<String, f64> {
        counts(self.server.held())
    }

    /// Ends everything: peers are told, sockets are closed and threads gone when it returns, within 200 ms.
    /// What has happened until then is still to be drained. Further calls do nothing.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.server.shutdown();
    }

    pub(crate) fn send_to(&mut self, peer: PeerId, command: Command) -> Result<(), BindingError> {
        let worker = self.server.worker_of(peer);
        self.server.send(worker, command).map_err(not_sent)
    }
}

/// This machine's addresses that others may reach it at, best first: what a server that listens everywhere offers.
#[napi(catch_unwind)]
pub fn local_addresses() -> Vec<String> {
    xrtc_worker::local_addresses(&InterfaceFilter::default())
        .iter()
        .map(ToString::to_string)
        .collect()
}

impl From<&WorkerInfo> for BindingWorker {
    fn from(worker: &WorkerInfo) -> Self {
        let addresses = |list: &[SocketAddr]| list.iter().map(BindingAddress::from).collect();
        Self {
            bound: addresses(&worker.bound),
            candidates: addresses(&worker.candidates),
        }
    }
}

impl From<&SocketAddr> for BindingAddress {
    fn from(address: &SocketAddr) -> Self {
        Self {
            address: address.ip().to_string(),
            port: address.port(),
        }
    }
}

/// A descriptor of our own for the connection behind one of Node's.
#[cfg(unix)]
#[expect(unsafe_code, reason = "a descriptor is a number in JavaScript")]
fn duplicate(descriptor: i32) -> Option<std::net::TcpStream> {
    if descriptor < 0 {
        return None;
    }
    // SAFETY: the facade calls with the descriptor of a socket that it holds open until this returns.
    let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) };
    borrowed.try_clone_to_owned().ok().map(Into::into)
}

pub(crate) fn stream_name(text: &str) -> Result<StreamName, BindingError> {
    StreamName::parse(text).map_err(invalid_stream_name)
}

pub(crate) fn request_id(number: i64) -> Result<RequestId, BindingError> {
    natural(number, "request").map(RequestId)
}

pub(crate) fn peer_id(number: i64) -> Result<PeerId, BindingError> {
    natural(number, "peer").map(PeerId)
}

/// A number that JavaScript holds exactly.
fn natural(number: i64, name: &str) -> Result<u64, BindingError> {
    u64::try_from(number)
        .ok()
        .filter(|number| *number < 1 << 53)
        .ok_or_else(|| invalid_argument(&format!("{name} is no number: {number}")))
}
