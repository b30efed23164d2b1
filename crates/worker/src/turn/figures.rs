//! What the application may read of the TURN server while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

use xrtc_turn::TurnCounters;

/// The state machine's figures as they were when its thread last went to sleep, and those of its sockets.
#[derive(Debug)]
pub(crate) struct Figures {
    machine: [AtomicU64; TurnCounters::COUNT],
    own: [AtomicU64; OWN.len()],
}

/// The figures of the sockets, by name and in their order.
const OWN: [&str; 6] = [
    "connections",
    "connectionsRefused",
    "connectionsBroken",
    "sendDropped",
    "sockets",
    "restarts",
];

/// What happens at the sockets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OwnFigures {
    /// Connections; a gauge.
    pub(super) connections: u64,
    /// Connections closed at once because there were too many.
    pub(super) connections_refused: u64,
    /// Connections closed because of what came on them, or because nothing did.
    pub(super) connections_broken: u64,
    /// Datagrams and messages that a socket or a connection did not take.
    pub(super) send_dropped: u64,
    /// Sockets of every kind; a gauge.
    pub(super) sockets: u64,
    /// Bugs met: all allocations were lost.
    pub(super) restarts: u64,
}

impl Figures {
    /// Those of a server that has so many sockets and has done nothing.
    pub(super) fn new(sockets: usize) -> Self {
        let figures = Self {
            machine: std::array::from_fn(|_| AtomicU64::new(0)),
            own: Default::default(),
        };
        let own = OwnFigures {
            sockets: sockets as u64,
            ..OwnFigures::default()
        };
        figures.publish(&TurnCounters::default(), &own);
        figures
    }

    pub(super) fn publish(&self, machine: &TurnCounters, own: &OwnFigures) {
        for (to, (_, value)) in self.machine.iter().zip(machine.named()) {
            to.store(value, Ordering::Relaxed);
        }
        let values = [
            own.connections,
            own.connections_refused,
            own.connections_broken,
            own.send_dropped,
            own.sockets,
            own.restarts,
        ];
        for (to, value) in self.own.iter().zip(values) {
            to.store(value, Ordering::Relaxed);
        }
    }

    /// Every figure with its stable camelCase name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let machine = TurnCounters::default().named().into_iter();
        let machine = machine
            .zip(&self.machine)
            .map(|((name, _), value)| (name, value));
        let all = machine.chain(OWN.into_iter().zip(&self.own));
        all.map(|(name, value)| (name, value.load(Ordering::Relaxed)))
    }

    /// The figure of this name.
    pub(crate) fn get(&self, wanted: &str) -> u64 {
        let found = self.named().find(|(name, _)| *name == wanted);
        found.map_or(0, |(_, value)| value)
    }
}
