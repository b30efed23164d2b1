//! What one client holds: a relayed address, and whom it talks to by it.

use std::net::{IpAddr, SocketAddr};

use xrtc_ice::stun::{IntegrityKey, TransactionId};
use xrtc_rtp::Time;

use crate::bucket::Bucket;
use crate::limits::{CHANNEL_LIFETIME, PERMISSION_LIFETIME};
use crate::peers::Verdict;
use crate::{Client, TurnLimits};

/// One client's relayed address (RFC 8656 §3.2).
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) client: Client,
    /// What the relayed address is told to be.
    pub(crate) relayed: SocketAddr,
    pub(crate) username: String,
    /// The key that it was made with: it stays good for this allocation after the credentials have ended.
    pub(crate) key: IntegrityKey,
    /// The request that made it, to know it again.
    pub(crate) made_by: TransactionId,
    pub(crate) expires: Time,
    permissions: Vec<Permission>,
    channels: Vec<Channel>,
    /// To peers and to the client.
    rates: [Bucket; 2],
}

/// A peer address that may send, whatever its port (RFC 8656 §9).
#[derive(Clone, Copy, Debug)]
struct Permission {
    ip: IpAddr,
    verdict: Verdict,
    expires: Time,
}

/// A number for a peer (RFC 8656 §12).
#[derive(Clone, Copy, Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    expires: Time,
}

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToPeer,
    ToClient,
}

/// Why a permission or a channel was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotGiven {
    /// There are too many.
    Full,
    /// The number has another peer, or the peer another number.
    Taken,
}

impl Allocation {
    pub(crate) fn new(
        client: Client,
        relayed: SocketAddr,
        (username, key): (String, IntegrityKey),
        (made_by, expires): (TransactionId, Time),
    ) -> Self {
        Self {
            client,
            relayed,
            username,
            key,
            made_by,
            expires,
            permissions: Vec::new(),
            channels: Vec::new(),
            rates: [Bucket::default(); 2],
        }
    }

    /// Permissions and channels, those included that are over and not yet swept away.
    pub(crate) const fn sizes(&self) -> (usize, usize) {
        (self.permissions.len(), self.channels.len())
    }

    /// Whether data may go to or come from `ip`, and at which ports.
    pub(crate) fn permission(&self, now: Time, ip: IpAddr) -> Option<Verdict> {
        let mut permissions = self.permissions.iter();
        let found = permissions.find(|permission| permission.ip == ip)?;
        (now < found.expires).then_some(found.verdict)
    }

    /// Gives or renews permissions for all of `peers`, or for none.
    pub(crate) fn permit(
        &mut self,
        now: Time,
        peers: &[(IpAddr, Verdict)],
        limits: &TurnLimits,
    ) -> Result<(), NotGiven> {
        self.permissions
            .retain(|permission| now < permission.expires);
        let before = self.permissions.len();
        let expires = now + PERMISSION_LIFETIME;
        for &(ip, verdict) in peers {
            let mut held = self.permissions.iter_mut();
            if let Some(known) = held.find(|permission| permission.ip == ip) {
                known.expires = expires;
            } else if self.permissions.len() < limits.permissions {
                self.permissions.push(Permission {
                    ip,
                    verdict,
                    expires,
                });
            } else {
                self.permissions.truncate(before);
                return Err(NotGiven::Full);
            }
        }
        Ok(())
    }

    /// Gives or renews a channel, and the permission with it.
    pub(crate) fn bind(
        &mut self,
        now: Time,
        (number, peer, verdict): (u16, SocketAddr, Verdict),
        limits: &TurnLimits,
    ) -> Result<(), NotGiven> {
        self.channels.retain(|channel| now < channel.expires);
        let of_number = self.channels.iter().position(|one| one.number == number);
        let of_peer = self.channels.iter().position(|one| one.peer == peer);
        if of_number != of_peer {
            return Err(NotGiven::Taken);
        }
        if of_number.is_none() && self.channels.len() >= limits.channels {
            return Err(NotGiven::Full);
        }
        self.permit(now, &[(peer.ip(), verdict)], limits)?;
        let expires = now + CHANNEL_LIFETIME;
        match of_number.and_then(|index| self.channels.get_mut(index)) {
            Some(channel) => channel.expires = expires,
            None => self.channels.push(Channel {
                number,
                peer,
                expires,
            }),
        }
        Ok(())
    }

    pub(crate) fn peer_of(&self, now: Time, number: u16) -> Option<SocketAddr> {
        let channel = self.channels.iter().find(|one| one.number == number)?;
        (now < channel.expires).then_some(channel.peer)
    }

    pub(crate) fn channel_to(&self, now: Time, peer: SocketAddr) -> Option<u16> {
        let channel = self.channels.iter().find(|one| one.peer == peer)?;
        (now < channel.expires).then_some(channel.number)
    }

    /// Whether `bytes` more may pass.
    pub(crate) fn pass(
        &mut self,
        now: Time,
        direction: Direction,
        bytes: usize,
        limits: &TurnLimits,
    ) -> bool {
        let [to_peer, to_client] = &mut self.rates;
        let bucket = match direction {
            Direction::ToPeer => to_peer,
            Direction::ToClient => to_client,
        };
        let rate = limits.bytes_per_second;
        bucket.take(now, bytes, (rate, rate.into()))
    }

    /// Forgets the permissions and channels that are over.
    pub(crate) fn sweep(&mut self, now: Time) {
        self.permissions
            .retain(|permission| now < permission.expires);
        self.channels.retain(|channel| now < channel.expires);
    }
}
