//! One port for all workers: a kernel that spreads addresses over them, and what each of them receives for the others.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use fastrand::Rng;
use xrtc_sfu::{Path, Route, SfuConfig, Steering, WorkerId};

use super::{RELAY, World};

/// Where every worker is reached.
pub(crate) const PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 8_800);

/// Hands each remote address to one worker, and nobody knows which.
pub(crate) struct Kernel(u64);

impl Kernel {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn receiver(&self, path: &Path, workers: usize) -> usize {
        let (ip, port) = (path.remote.ip(), path.remote.port());
        let bits = match ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits() as u64,
        };
        Rng::with_seed(self.0 ^ bits << 16 ^ u64::from(port)).usize(..workers)
    }
}

/// What a worker's driver has before its state machine; it survives the worker's bugs.
pub(crate) struct Front {
    pub(crate) steering: Steering,
    /// What others have received for this worker.
    detoured: VecDeque<(WorkerId, Path, Vec<u8>)>,
    /// Checks for others that were not authentic.
    pub(crate) refused: usize,
}

impl Front {
    pub(super) fn new(config: &SfuConfig) -> Self {
        let key = Arc::clone(&config.owner_key);
        Self {
            steering: Steering::new(config.worker, config.workers, key, (1_000, 7)),
            detoured: VecDeque::new(),
            refused: 0,
        }
    }
}

impl World {
    /// From now on the kernel spreads addresses otherwise, as it does when a socket joins or leaves the port.
    pub(crate) fn resteer(&mut self) {
        self.kernel.0 = self.kernel.0.wrapping_add(1 << 48);
    }

    /// The worker that receives what this end sends.
    pub(crate) fn receiver_of(&self, end: super::EndId) -> usize {
        let path = Path::udp(PORT, self.ends[end].nat);
        self.kernel.receiver(&path, self.workers.len())
    }

    /// A datagram reaches the server: the worker that the kernel chooses.
    pub(crate) fn deliver_up(&mut self, path: Path, datagram: &mut [u8]) {
        if path.local != PORT {
            let path = if path.local.ip() == IpAddr::V4(RELAY) {
                Path::relayed(path.local, path.remote)
            } else {
                path
            };
            let own = self.workers.iter_mut();
            for worker in own.filter(|worker| worker.own.contains(&path.local)) {
                (self.meter)(&mut || worker.sfu.handle_datagram(self.now, path, datagram));
            }
            return;
        }
        let index = self.kernel.receiver(&path, self.workers.len());
        let worker = &mut self.workers[index];
        let mut other = None;
        (self.meter)(&mut || match worker.front.steering.route(&path, datagram) {
            Route::Own => worker.sfu.handle_datagram(self.now, path, datagram),
            Route::Other(owner) => other = Some(owner),
            Route::Nobody => worker.front.refused += 1,
        });
        if let Some(WorkerId(owner)) = other {
            let detoured = (WorkerId(index as u16), path, datagram.to_vec());
            self.workers[usize::from(owner)]
                .front
                .detoured
                .push_back(detoured);
            self.take_detoured(owner.into());
        }
    }

    /// A worker takes what others have received for it, and what they have to say of its detours.
    pub(super) fn take_detoured(&mut self, index: usize) -> bool {
        let worker = &mut self.workers[index];
        while let Some(end) = worker.sfu.poll_detour_end() {
            worker.front.steering.end(end);
        }
        let mut any = false;
        while let Some((via, path, mut datagram)) = worker.front.detoured.pop_front() {
            any = true;
            (self.meter)(&mut || {
                worker
                    .sfu
                    .handle_detoured(self.now, via, path, &mut datagram);
            });
        }
        any
    }

    /// How many detours there are on all workers.
    pub(crate) fn detours(&self) -> usize {
        let fronts = self.workers.iter().map(|worker| &worker.front);
        fronts.map(|front| front.steering.detours()).sum()
    }
}
