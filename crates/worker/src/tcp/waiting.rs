//! Connections that have not shown yet whose they are.

use std::io::{self, Read};
use std::time::Duration;

use mio::net::TcpStream;
use slab::Slab;
use xrtc_rtp::Time;
use xrtc_sfu::framing::{PREFIX, announced};
use xrtc_sfu::{OwnerKey, Path};

use super::prefix::Prefix;

/// The connections without a check, within limits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    connections: Slab<Newcomer>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) stream: TcpStream,
    pub(super) path: Path,
    pub(super) first: Vec<u8>,
    since: Time,
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// More has to come.
    Wait,
    /// It belongs to a peer of this worker.
    Owner(u8),
    /// Its first frame is no authentic check, or it is over.
    Refuse,
}

impl Waiting {
    /// Takes a connection, and gives its number. One party too many of the same network is refused; where all places are
    /// taken the one that has been silent longest goes, since a browser sends its check with the first round trip.
    pub(super) fn add(&mut self, now: Time, stream: TcpStream, path: Path) -> Admission {
        let prefix = Prefix::from(path.remote.ip());
        let same = self.connections.iter();
        let same = same.filter(|(_, other)| Prefix::from(other.path.remote.ip()) == prefix);
        if same.count() >= MAX_WAITING_OF_A_PREFIX {
            return Admission::Refused;
        }
        let evicted = if self.connections.len() >= MAX_WAITING {
            let oldest = self.connections.iter().min_by_key(|(_, other)| other.since);
            oldest.map(|(key, _)| key)
        } else {
            None
        };
        let evicted = evicted.and_then(|key| self.connections.try_remove(key));
        let key = self.connections.insert(Newcomer {
            stream,
            path,
            first: Vec::new(),
            since: now,
        });
        Admission::Taken { key, evicted }
    }

    pub(super) fn get_mut(&mut self, key: usize) -> Option<&mut Newcomer> {
        self.connections.get_mut(key)
    }

    pub(super) fn remove(&mut self, key: usize) -> Option<Newcomer> {
        self.connections.try_remove(key)
    }

    /// Takes out one that has waited too long.
    pub(super) fn pop_expired(&mut self, now: Time) -> Option<Newcomer> {
        let mut connections = self.connections.iter();
        let expired = connections
            .find(|(_, newcomer)| newcomer.since + PATIENCE <= now)?
            .0;
        self.remove(expired)
    }

    /// When [`Self::pop_expired`] has something.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        let since = self.connections.iter().map(|(_, newcomer)| newcomer.since);
        since.min().map(|since| since + PATIENCE)
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn clear(&mut self) {
        self.connections.clear();
    }
}

/// What [`Waiting::add`] did.
#[derive(Debug)]
pub(super) enum Admission {
    Taken {
        key: usize,
        /// Who had to go for it.
        evicted: Option<Newcomer>,
    },
    Refused,
}

impl Newcomer {
    /// Reads what there is of the first frame, and judges it once it is whole.
    pub(super) fn read(&mut self, key: &OwnerKey) -> Verdict {
        let mut chunk = [0; PREFIX + MAX_FIRST_FRAME];
        loop {
            match judge(&self.first, key) {
                Verdict::Wait => {}
                verdict => return verdict,
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Verdict::Refuse,
                Ok(len) => self
                    .first
                    .extend_from_slice(chunk.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Verdict::Wait,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Verdict::Refuse,
            }
        }
    }
}

/// What the first bytes of a connection say.
pub(super) fn judge(first: &[u8], key: &OwnerKey) -> Verdict {
    match announced(first) {
        Ok(None) => Verdict::Wait,
        Ok(Some(len)) if (1..=MAX_FIRST_FRAME).contains(&len) => {
            let Some(frame) = first.get(PREFIX..PREFIX + len) else {
                return Verdict::Wait;
            };
            key.authenticate(frame)
                .map_or(Verdict::Refuse, Verdict::Owner)
        }
        _ => Verdict::Refuse,
    }
}

/// Connections without a check, of all.
const MAX_WAITING: usize = 1_024;
/// And of one network: a hundred viewers behind one address, that join in the same round trip.
const MAX_WAITING_OF_A_PREFIX: usize = 128;
/// How long a connection may take to show whose it is: a round trip, and a lost packet or two.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest check: browsers' have about 100 bytes, and grow with certificates and keys that ride on them.
const MAX_FIRST_FRAME: usize = 1_500;
