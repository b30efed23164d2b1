//! What a worker sits on: its sockets, its poller, its alarm. All that can fail happens here, before any thread starts.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mio::{Interest, Poll, Token, Waker};
use xrtc_rtp::WallClock;
use xrtc_sfu::{OwnerKey, Protocol, SfuConfig, Steering};
use xrtc_transport::DtlsSettings;
use xrtc_turn::PortSet;

use crate::counters::Counters;
use crate::driver::ALARM;
use crate::interface::candidates;
use crate::own_sockets::OwnSockets;
use crate::queue::{Alarm, Shared};
use crate::udp::{Share, Socket};
use crate::{ServerConfig, StartError, WorkerInfo, entropy};

/// A worker's place, ready to be taken by its thread.
pub(crate) struct Seat {
    pub(crate) poll: Poll,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) own: OwnSockets,
    pub(crate) shared: Arc<Shared>,
    pub(crate) info: WorkerInfo,
}

impl Seat {
    /// Binds the sockets of worker number `worker`.
    fn prepare(
        config: &ServerConfig,
        own_ports: &Arc<PortSet>,
        worker: u16,
        place: &Place<'_>,
    ) -> Result<Self, StartError> {
        let failed = |source| StartError::Worker { worker, source };
        let counters = Arc::new(Counters::default());
        let mut sockets = bind(config, place, &counters)?;
        let poll = Poll::new().map_err(failed)?;
        watch(&poll, &mut sockets).map_err(failed)?;
        let alarm = Alarm::new(Waker::new(poll.registry(), ALARM).map_err(failed)?);
        let bound: Vec<SocketAddr> = sockets.iter().map(Socket::local).collect();
        let candidates = candidates(config, worker, &bound);
        if candidates.is_empty() && config.announce.is_empty() {
            return Err(StartError::NoInterface);
        }
        let own = OwnSockets::new(config, Arc::clone(&counters), Arc::clone(own_ports));
        Ok(Self {
            poll,
            sockets,
            own,
            shared: Arc::new(Shared::new(alarm, counters)),
            info: WorkerInfo { bound, candidates },
        })
    }
}

/// The seats of all workers: around one port, or with a port each. The ports of sockets that peers have alone stand in
/// `own_ports`.
pub(crate) fn seats(
    config: &ServerConfig,
    own_ports: &Arc<PortSet>,
) -> Result<Vec<Seat>, StartError> {
    let workers = config.workers;
    if !(1..=ServerConfig::MAX_WORKERS).contains(&workers) {
        return Err(StartError::WorkerCount { workers });
    }
    if !config.shares_port() {
        let ports = (0..).zip(ports(config)?);
        let seats = ports.map(|(worker, port)| {
            let place = Place::Alone(port);
            Seat::prepare(config, own_ports, worker, &place)
        });
        return seats.collect();
    }
    let first = Seat::prepare(config, own_ports, 0, &Place::First(config.udp_port))?;
    let bound = first.info.bound.clone();
    let place = Place::Beside(&bound);
    let others = (1..workers).map(|worker| Seat::prepare(config, own_ports, worker, &place));
    std::iter::once(Ok(first)).chain(others).collect()
}

/// Where a worker's sockets are bound. Port 0 takes a free one.
enum Place<'a> {
    /// A port of its own.
    Alone(u16),
    /// The port that the others will share.
    First(u16),
    /// The addresses of the first worker.
    Beside(&'a [SocketAddr]),
}

/// The port of each worker; zeroes where free ones are to be taken.
fn ports(config: &ServerConfig) -> Result<Vec<u16>, StartError> {
    let workers = config.workers;
    if config.udp_port == 0 {
        return Ok(vec![0; workers.into()]);
    }
    let port_of = |worker| config.udp_port.checked_add(worker);
    let ports: Option<Vec<u16>> = (0..workers).map(port_of).collect();
    ports.ok_or(StartError::PortRange {
        port: config.udp_port,
        workers,
    })
}

/// What the state machines of all workers have in common; each has its number and its candidates besides.
pub(crate) fn sfu_config(
    config: &ServerConfig,
    dtls: Arc<DtlsSettings>,
    owner_key: OwnerKey,
    wall: WallClock,
) -> SfuConfig {
    SfuConfig {
        workers: config.workers,
        limits: config.limits,
        consent_timeout: config.consent_timeout,
        connect_timeout: config.connect_timeout,
        answer_timeout: config.answer_timeout,
        publisher_grace: config.publisher_grace,
        publisher_silence: config.publisher_silence,
        max_ingest_bitrate: config.max_ingest_bitrate,
        ..SfuConfig::new(dtls, Arc::new(owner_key), Vec::new(), wall)
    }
}

/// The detours of a worker that shares its port.
pub(crate) fn steering(config: &SfuConfig) -> Result<Steering, StartError> {
    // As many as all peers of the other workers can have.
    let limit = config.limits.peers * usize::from(config.workers);
    let entropy = entropy::seed()?;
    let seed = entropy
        .iter()
        .fold(0, |seed: u64, byte| seed << 8 | u64::from(*byte));
    let bounds = (limit, seed);
    let key = Arc::clone(&config.owner_key);
    Ok(Steering::new(config.worker, config.workers, key, bounds))
}

/// One socket for each family that is asked for.
fn bind(
    config: &ServerConfig,
    place: &Place<'_>,
    counters: &Arc<Counters>,
) -> Result<Vec<Socket>, StartError> {
    let bind_one = |address: SocketAddr, share| {
        Socket::bind(address, share, config.backend, Arc::clone(counters))
            .map_err(|error| StartError::bind(Protocol::Udp, address, error))
    };
    let (port, share) = match place {
        Place::Alone(port) => (*port, Share::Alone),
        Place::First(port) => (*port, Share::First),
        Place::Beside(bound) => {
            let sockets = bound.iter().map(|address| bind_one(*address, Share::Joins));
            return sockets.collect();
        }
    };
    let bind_one = |ip: IpAddr, port| bind_one(SocketAddr::new(ip, port), share);
    let mut sockets = Vec::new();
    if let Some(ip) = config.ipv4 {
        sockets.push(bind_one(ip.into(), port)?);
    }
    if let Some(ip) = config.ipv6 {
        // The same free port in both families, if it is free in both.
        let wished = sockets.first().map_or(port, |first| first.local().port());
        let socket = bind_one(ip.into(), wished).or_else(|error| {
            let taken = matches!(error, StartError::AddressInUse { .. });
            if taken && port != wished {
                bind_one(ip.into(), port)
            } else {
                Err(error)
            }
        });
        match socket {
            Ok(socket) => sockets.push(socket),
            // "Everywhere" does not mean a family that this machine does not have.
            Err(error) if ip.is_unspecified() && is_absent(&error) => {}
            Err(error) => return Err(error),
        }
    }
    if sockets.is_empty() {
        Err(StartError::NoAddress)
    } else {
        Ok(sockets)
    }
}

/// Whether the machine lacks the whole address family.
fn is_absent(error: &StartError) -> bool {
    match error {
        StartError::AddressNotAvailable { .. } => true,
        StartError::Socket { source, .. } => {
            source.kind() == io::ErrorKind::Unsupported || source.raw_os_error() == NO_SUCH_FAMILY
        }
        _ => false,
    }
}

#[cfg(unix)]
const NO_SUCH_FAMILY: Option<i32> = Some(libc::EAFNOSUPPORT);
/// `winsock2.h`: WSAEAFNOSUPPORT.
#[cfg(not(unix))]
const NO_SUCH_FAMILY: Option<i32> = Some(10_047);

/// Makes the poller watch the sockets.
fn watch(poll: &Poll, sockets: &mut [Socket]) -> io::Result<()> {
    for (number, socket) in sockets.iter_mut().enumerate() {
        poll.registry()
            .register(socket.source(), Token(number), Interest::READABLE)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_has_the_next_port_and_there_must_be_enough() {
        let mut config = ServerConfig {
            workers: 3,
            udp_port: 8800,
            ..ServerConfig::default()
        };
        assert_eq!(ports(&config).unwrap(), [8800, 8801, 8802]);
        config.udp_port = 0;
        assert_eq!(ports(&config).unwrap(), [0, 0, 0]);
        config.udp_port = 65_534;
        assert!(matches!(
            ports(&config),
            Err(StartError::PortRange {
                port: 65_534,
                workers: 3
            })
        ));
        for workers in [0, 65] {
            config.workers = workers;
            assert!(matches!(
                seats(&config, &Arc::default()),
                Err(StartError::WorkerCount { .. })
            ));
        }
    }
}
