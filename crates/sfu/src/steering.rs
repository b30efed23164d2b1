//! Whose datagrams a worker receives when all workers share one port.
//!
//! The kernel hands each remote address to one of the workers, by a hash that nobody else knows, and signaling has
//! chosen the peer's worker before. So most peers' datagrams arrive at another worker than their own, which passes them
//! on: by the address once an authentic check has come from it, and only then.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use xrtc_ice::{OwnerKey, peek_username};

use crate::addresses::PathKey;
use crate::{Path, WorkerId};

/// The detours of one worker. It belongs to the driver and not to the state machine, so that a bug in that leaves the
/// other workers' peers alone.
#[derive(Debug)]
pub struct Steering {
    own: WorkerId,
    workers: u16,
    key: Arc<OwnerKey>,
    detours: HashMap<PathKey, WorkerId, FixedState>,
    limit: usize,
}

/// Where a datagram belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To the worker that received it.
    Own,
    /// To another one.
    Other(WorkerId),
    /// To nobody: it claims to be another worker's, and is not authentic.
    Nobody,
}

/// A path whose datagrams another worker wants no more, or all paths of that worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetourEnd {
    /// Whose detour it is.
    pub(crate) owner: WorkerId,
    /// Which one; `None`: all of them.
    pub(crate) path: Option<Path>,
}

impl Steering {
    /// Of worker `own` among `workers`, with room for `limit` detours. `seed` keeps others from choosing addresses
    /// that fall into one bucket.
    pub fn new(
        own: WorkerId,
        workers: u16,
        key: Arc<OwnerKey>,
        (limit, seed): (usize, u64),
    ) -> Self {
        Self {
            own,
            workers,
            key,
            detours: HashMap::with_hasher(FixedState::with_seed(seed)),
            limit,
        }
    }

    /// Where a datagram belongs that came on `path`. An authentic check makes its path a detour, or ends one.
    pub fn route(&mut self, path: &Path, datagram: &[u8]) -> Route {
        let key = PathKey::from(path);
        let known = self.detours.get(&key).copied();
        let claimed = match datagram.first() {
            Some(0..=3) => peek_username(datagram).and_then(OwnerKey::owner_of),
            _ => None,
        };
        let known_or_own = known.unwrap_or(self.own);
        match claimed.map(|owner| WorkerId(owner.into())) {
            // It is where it belongs, and its owner will authenticate it.
            Some(owner) if owner == known_or_own => self.to(owner),
            None => self.to(known_or_own),
            Some(owner) if owner.0 < self.workers && self.key.authenticate(datagram).is_some() => {
                if owner == self.own {
                    self.detours.remove(&key);
                } else if known.is_some() || self.detours.len() < self.limit {
                    self.detours.insert(key, owner);
                }
                self.to(owner)
            }
            Some(_) => Route::Nobody,
        }
    }

    /// The owner wants no more of these.
    pub fn end(&mut self, end: DetourEnd) {
        match end.path {
            Some(path) => {
                let key = PathKey::from(&path);
                if self.detours.get(&key) == Some(&end.owner) {
                    self.detours.remove(&key);
                }
            }
            None => self.detours.retain(|_, owner| *owner != end.owner),
        }
    }

    /// How many paths there are whose datagrams are passed on.
    pub fn detours(&self) -> usize {
        self.detours.len()
    }

    fn to(&self, owner: WorkerId) -> Route {
        if owner == self.own {
            Route::Own
        } else {
            Route::Other(owner)
        }
    }
}

#[cfg(test)]
mod tests {
    use xrtc_ice::Credentials;
    use xrtc_ice::stun::{Builder, Class, IntegrityKey, TransactionId};

    use super::*;

    const OWN: WorkerId = WorkerId(1);
    const OTHER: WorkerId = WorkerId(2);

    fn key() -> Arc<OwnerKey> {
        Arc::new(OwnerKey::new(&[7; 32]))
    }

    fn steering(limit: usize) -> Steering {
        Steering::new(OWN, 3, key(), (limit, 1))
    }

    fn credentials(owner: WorkerId) -> Credentials {
        key().credentials(owner.0 as u8, |bytes| bytes.fill(3))
    }

    fn check(ufrag: &str, pwd: &str) -> Vec<u8> {
        let mut out = [0; 256];
        let len = Builder::new(&mut out, Class::Request, TransactionId::default())
            .username(ufrag, "them")
            .integrity(&IntegrityKey::new(pwd))
            .fingerprint()
            .finish();
        out[..len.unwrap()].to_vec()
    }

    fn check_of(owner: WorkerId) -> Vec<u8> {
        let credentials = credentials(owner);
        check(credentials.ufrag(), credentials.pwd())
    }

    fn path(port: u16) -> Path {
        Path::udp(([10, 0, 0, 1], 8800).into(), ([192, 0, 2, 1], port).into())
    }

    const MEDIA: [u8; 12] = [0x80; 12];

    #[test]
    fn media_takes_the_detour_that_an_authentic_check_has_made() {
        let mut steering = steering(10);
        assert_eq!(steering.route(&path(1), &MEDIA), Route::Own);
        let route = steering.route(&path(1), &check_of(OTHER));
        assert_eq!(route, Route::Other(OTHER));
        assert_eq!(steering.route(&path(1), &MEDIA), Route::Other(OTHER));
        assert_eq!(steering.route(&path(2), &MEDIA), Route::Own);
        // The same client has come back as a peer of this worker.
        assert_eq!(steering.route(&path(1), &check_of(OWN)), Route::Own);
        assert_eq!(steering.route(&path(1), &MEDIA), Route::Own);
        assert_eq!(steering.detours(), 0);
    }

    #[test]
    fn what_is_not_authentic_goes_nowhere_and_changes_nothing() {
        let mut steering = steering(10);
        let ufrag = credentials(OTHER).ufrag().to_owned();
        let forged = check(&ufrag, "not-the-password-at-all");
        assert_eq!(steering.route(&path(1), &forged), Route::Nobody);
        assert_eq!(steering.route(&path(1), &MEDIA), Route::Own);
        // Worker 3 of three does not exist.
        assert_eq!(
            steering.route(&path(1), &check_of(WorkerId(3))),
            Route::Nobody
        );
        // An established detour cannot be turned by a forged check for somebody else.
        steering.route(&path(1), &check_of(OTHER));
        let own = credentials(OWN).ufrag().to_owned();
        let forged = check(&own, "not-the-password-at-all");
        assert_eq!(steering.route(&path(1), &forged), Route::Nobody);
        assert_eq!(steering.route(&path(1), &MEDIA), Route::Other(OTHER));
    }

    #[test]
    fn detours_are_bounded_and_end_when_their_owner_says_so() {
        let mut steering = steering(2);
        for port in 1..=3 {
            // Beyond the limit the check is passed on all the same.
            let route = steering.route(&path(port), &check_of(OTHER));
            assert_eq!(route, Route::Other(OTHER));
        }
        assert_eq!(steering.detours(), 2);
        assert_eq!(steering.route(&path(3), &MEDIA), Route::Own);
        let end = |owner, path| DetourEnd { owner, path };
        steering.end(end(WorkerId(0), Some(path(1))));
        assert_eq!(steering.detours(), 2, "somebody else's detour stays");
        steering.end(end(OTHER, Some(path(1))));
        assert_eq!(steering.route(&path(1), &MEDIA), Route::Own);
        steering.end(end(OTHER, None));
        assert_eq!(steering.detours(), 0);
    }
}
