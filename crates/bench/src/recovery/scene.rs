//! The networks, as the generator has them (`benches/load/scenes.go`).

use std::time::Duration;

use xrtc_netem::{Burst, LinkConfig};

/// One situation.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// The share of packets that the bad link loses.
    pub(crate) loss: f64,
    /// The publisher's two directions, seen from it.
    pub(crate) publisher: Pair,
    /// The viewer's two directions.
    pub(crate) viewer: Pair,
    /// How late everything is at most that the viewer does: its timer, what it takes from its socket and sends.
    pub(crate) lateness: Duration,
}

/// Both directions of a link, seen from the peer behind it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Pair {
    pub(crate) up: LinkConfig,
    pub(crate) down: LinkConfig,
}

impl Scene {
    /// Those of `npm run bench -- quality`.
    pub(crate) fn all() -> Vec<Self> {
        vec![
            Self::clean(),
            Self::towards_the_viewer("loss5", 0.05),
            Self::towards_the_viewer("loss10", 0.1),
            Self::towards_the_viewer("loss20", 0.2),
            Self::bursts(),
            Self::uplink(),
        ]
    }

    fn clean() -> Self {
        Self {
            name: "clean",
            loss: 0.0,
            publisher: Pair::default(),
            viewer: Pair::default(),
            lateness: LATENESS,
        }
    }

    /// Packets lost one by one on their way to the viewer, at a round trip of 50 ms.
    pub(crate) fn towards_the_viewer(name: &'static str, loss: f64) -> Self {
        let viewer = Pair {
            up: far(),
            down: LinkConfig { loss, ..far() },
        };
        Self {
            name,
            loss,
            viewer,
            publisher: Pair::default(),
            lateness: LATENESS,
        }
    }

    /// 5 % lost in bursts of 8 packets.
    pub(crate) fn bursts() -> Self {
        let (share, packets) = (0.05, 8.0);
        let burst = Burst {
            begin: share / (1.0 - share) / packets,
            end: 1.0 / packets,
            loss: 1.0,
        };
        let down = LinkConfig {
            burst: Some(burst),
            ..far()
        };
        Self {
            name: "burst",
            loss: share,
            publisher: Pair::default(),
            viewer: Pair { up: far(), down },
            lateness: LATENESS,
        }
    }

    /// 5 % lost on the publisher's way to the server.
    pub(crate) fn uplink() -> Self {
        let loss = 0.05;
        let publisher = Pair {
            up: LinkConfig { loss, ..far() },
            down: far(),
        };
        Self {
            name: "uplink5",
            loss,
            publisher,
            viewer: Pair::default(),
            lateness: LATENESS,
        }
    }
}

/// What the generator counts over real sockets: half of it at the median, and no more in 98 of a hundred cases.
pub(crate) const LATENESS: Duration = Duration::from_micros(1_200);

fn far() -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(25),
        ..LinkConfig::default()
    }
}
