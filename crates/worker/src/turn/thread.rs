//! The TURN server's thread, seen from outside.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use mio::{Poll, Registry, Token, Waker};
use xrtc_turn::{TurnConfig, TurnServer};

use super::TurnSettings;
use super::figures::Figures;
use super::listen::Listeners;
use super::own_media::OwnMedia;
use super::relays::Relays;
use super::service::{ALARM_TOKEN, Bounds, Parts, Service};
use super::tls::TlsSource;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::panic::{contain, silence_this_thread};
use crate::{PemCertificate, ReplaceError, ServerConfig, StartError, entropy};

/// A running TURN server. Dropping it ends it.
pub(crate) struct TurnThread {
    pub(crate) info: TurnInfo,
    tls: Option<Arc<TlsSource>>,
    figures: Arc<Figures>,
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

/// Where a TURN server can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnInfo {
    /// The addresses for UDP and TCP: one for each family.
    pub bound: Vec<SocketAddr>,
    /// Those for TLS.
    pub tls: Vec<SocketAddr>,
}

impl TurnThread {
    /// Binds the sockets and starts the thread. `own` is where the media of this server is received.
    pub(crate) fn start(
        settings: &TurnSettings,
        config: &ServerConfig,
        own: OwnMedia,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let started = Self::try_start(settings, config, own, clock);
        started.map_err(|error| StartError::Turn(Box::new(error)))
    }

    fn try_start(
        settings: &TurnSettings,
        config: &ServerConfig,
        own: OwnMedia,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let counters = Arc::new(Counters::default());
        let tls = settings.tls.as_ref();
        let tls = tls.map(|tls| TlsSource::new(&tls.pem, clock).map(Arc::new));
        let tls = tls.transpose().map_err(StartError::TurnCertificate)?;
        let listeners = Listeners::bind((settings, tls.as_ref()), config, &counters)?;
        let info = TurnInfo {
            bound: listeners
                .udp
                .iter()
                .map(crate::udp::Socket::local)
                .collect(),
            tls: listeners
                .tcp
                .iter()
                .filter(|acceptor| acceptor.tls.is_some())
                .map(|acceptor| acceptor.local)
                .collect(),
        };
        let machine = settings.machine(config, &own, clock);
        let server = fresh(&machine, clock)?;
        let failed = |source| StartError::TurnThread { source };
        let poll = Poll::new().map_err(failed)?;
        let waker = Waker::new(poll.registry(), Token(ALARM_TOKEN)).map_err(failed)?;
        let [a, b, c, d, e, f, g, h, ..] = entropy::seed()?;
        let relays = Relays::new(
            (homes(config), own.announced),
            settings.relay_ports.clone(),
            config.backend,
            counters,
            u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
        );
        // What is held is told from the first moment on, however late the thread comes to its turn.
        let figures = Figures::new(listeners.udp.len() + listeners.tcp.len());
        let (figures, stop) = (Arc::new(figures), Arc::new(AtomicBool::new(false)));
        let mut parts = Parts {
            clock,
            poll,
            listeners,
            relays,
            figures: Arc::clone(&figures),
            stop: Arc::clone(&stop),
            bounds: Bounds {
                connections: settings.connections,
                connections_per_address: settings.connections_per_address,
            },
        };
        let registry = parts.watch().map_err(failed)?;
        let thread = spawn((parts, registry, server), machine).map_err(failed)?;
        Ok(Self {
            info,
            tls,
            figures,
            stop,
            waker,
            thread: Some(thread),
        })
    }

    /// What it did and what it holds; nothing is held after its end.
    pub(crate) fn figures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.figures.named()
    }

    /// Connections over TLS that come from now on are shown this certificate.
    pub(crate) fn replace_certificate(&self, pem: &PemCertificate) -> Result<(), ReplaceError> {
        let tls = self.tls.as_ref().ok_or(ReplaceError::NoTurnTls)?;
        Ok(tls.replace(pem)?)
    }

    /// How many of a thing it holds.
    pub(crate) fn held(&self, name: &str) -> u64 {
        if self.thread.is_some() {
            self.figures.get(name)
        } else {
            0
        }
    }

    /// Ends it: connections and sockets are closed when this returns.
    pub(crate) fn shutdown(&mut self) {
        self.stop.store(true, Ordering::Release);
        // It can only fail when the poller is gone, and the thread with it.
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            // Its panics are contained; there is nothing to learn from its end.
            let _ = thread.join();
        }
    }
}

impl Drop for TurnThread {
    fn drop(&mut self) {
        self.shutdown();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the worker is where threads are started"
)]
fn spawn(
    (parts, registry, server): (Parts, Registry, TurnServer),
    machine: TurnConfig,
) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name("xrtc-turn".to_owned()).spawn(move || {
        silence_this_thread();
        let mut service = Service::new(parts, registry, server);
        while contain(|| service.run()).is_err() {
            // Without randomness nonces could be foretold: there is no use in going on.
            let Ok(server) = fresh(&machine, service.clock) else {
                return;
            };
            service.recover(server);
        }
    })
}

fn fresh(machine: &TurnConfig, clock: Clock) -> Result<TurnServer, StartError> {
    let server = TurnServer::new(machine.clone(), &entropy::seed()?, clock.now());
    server.map_err(StartError::TurnRealm)
}

/// Where relayed addresses are bound, and what they are told to be.
fn homes(config: &ServerConfig) -> [Option<(IpAddr, IpAddr)>; 2] {
    let [ipv4, ipv6] = TurnSettings::relay_addresses(config);
    [
        config.ipv4.map(IpAddr::from).zip(ipv4),
        config.ipv6.map(IpAddr::from).zip(ipv6),
    ]
}
