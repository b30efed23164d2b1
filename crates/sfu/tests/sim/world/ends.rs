//! Who is at the other end, and the sockets that a peer has alone.

use std::net::SocketAddr;

use xrtc_ice::Mode;
use xrtc_sfu::{Candidate, Gather, Ice, OwnAddresses, RelayedAddress};
use xrtc_testkit::{Browser, Side};

use super::{RELAY, World, browser_settings};

impl World {
    /// A browser at an address of its own.
    pub(crate) fn browser(&mut self, side: Side) -> Browser {
        let number = self.next_id();
        let address = SocketAddr::from(([192, 0, 2, 1], 20_000 + number as u16));
        Browser::new(
            address,
            side,
            &browser_settings(),
            self.rng.u64(..),
            self.now,
        )
    }

    /// A peer that does this part of ICE.
    pub(crate) fn browser_with_ice(&mut self, side: Side, ice: Mode) -> Browser {
        let number = self.next_id();
        let address = SocketAddr::from(([192, 0, 2, 1], 20_000 + number as u16));
        let seed = self.rng.u64(..);
        Browser::with_ice(address, side, &browser_settings(), (seed, ice), self.now)
    }

    /// An address on a TURN server for a peer of that worker, and nothing else.
    pub(crate) fn relayed_ice(&mut self, worker: usize) -> Ice {
        let number = self.next_id();
        let address = SocketAddr::from((RELAY, 50_000 + number as u16));
        self.workers[worker].own.push(address);
        let url = "turn:relay.example".into();
        Ice::full(OwnAddresses {
            gather: Gather {
                relay_only: true,
                ..Gather::default()
            },
            relayed: vec![RelayedAddress { address, url }],
            candidates: vec![Candidate::relayed(address, u16::MAX)],
            ..OwnAddresses::default()
        })
    }

    /// Sockets of its own for a peer of that worker, as its driver would open them.
    pub(crate) fn full_ice(&mut self, worker: usize) -> Ice {
        let number = self.next_id();
        let address = SocketAddr::from(([10, 0, 0, 1], 30_000 + number as u16));
        self.workers[worker].own.push(address);
        Ice::full(OwnAddresses {
            bases: vec![address],
            candidates: vec![Candidate::host(address, u16::MAX)],
            ..OwnAddresses::default()
        })
    }
}
