//! Whom a client talks to: permissions by address, and channels (RFC 8656 §9, §12).
//!
//! What is used is kept: whoever sends to a peer asks again in time for what will end. So there is no timer, and what
//! nobody uses ends by itself here and at the server.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use xrtc_rtp::Time;

use super::transaction::Question;
use crate::limits::{CHANNEL_LIFETIME, MAX_CLIENT_PEERS, PERMISSION_LIFETIME};

/// How datagrams get to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// By a channel: four bytes in front.
    Channel(u16),
    /// By Send indications to this address.
    Indication(SocketAddr),
}

/// What [`Peers::plan`] has found.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) route: Option<Route>,
    /// What is to be asked for besides, unless it is already.
    pub(super) questions: [Option<Question>; 2],
}

#[derive(Debug, Default)]
pub(super) struct Peers {
    permissions: Vec<Permission>,
    /// All that were ever asked for: a number may not change its peer for a while (RFC 8656 §12), so none does.
    channels: Vec<Channel>,
}

#[derive(Debug)]
struct Permission {
    ip: IpAddr,
    state: PermissionState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PermissionState {
    Asked,
    Granted { at: Time },
    Refused { at: Time },
}

#[derive(Debug)]
struct Channel {
    peer: SocketAddr,
    number: u16,
    /// When it was bound last; `None`: not yet, or not any more.
    bound: Option<Time>,
    /// The server did not want to.
    is_refused: bool,
}

impl Peers {
    /// How to get to `peer`, and what is to be asked for that.
    pub(super) fn plan(&mut self, now: Time, peer: SocketAddr, much: bool) -> Plan {
        let Some(state) = self.permission(now, peer.ip()) else {
            return Plan::default();
        };
        let permit = match state {
            PermissionState::Refused { .. } => return Plan::default(),
            PermissionState::Asked => true,
            PermissionState::Granted { at } => at + PERMISSION_USE <= now,
        };
        let is_granted = matches!(state, PermissionState::Granted { .. });
        let (route, bind) = self.channel(now, peer, much && is_granted);
        Plan {
            route: Some(route.unwrap_or(Route::Indication(peer))),
            questions: [permit.then_some(Question::Permit(peer.ip())), bind],
        }
    }

    /// The permission for `ip`, made if there is room.
    fn permission(&mut self, now: Time, ip: IpAddr) -> Option<PermissionState> {
        self.permissions
            .retain(|one| one.ends_at().is_none_or(|end| now < end));
        if let Some(known) = self.permissions.iter().find(|one| one.ip == ip) {
            return Some(known.state);
        }
        if self.permissions.len() >= MAX_CLIENT_PEERS {
            return None;
        }
        let state = PermissionState::Asked;
        self.permissions.push(Permission { ip, state });
        Some(state)
    }

    /// The channel to `peer` if it is bound, and the request that binds it or keeps it so.
    fn channel(
        &mut self,
        now: Time,
        peer: SocketAddr,
        wanted: bool,
    ) -> (Option<Route>, Option<Question>) {
        if let Some(known) = self.channels.iter_mut().find(|one| one.peer == peer) {
            if known.is_refused {
                return (None, None);
            }
            known.bound.take_if(|at| *at + CHANNEL_LIFETIME <= now);
            let is_due = known.bound.is_none_or(|at| at + CHANNEL_USE <= now);
            let question = Question::Bind(peer, known.number);
            let route = known.bound.map(|_| Route::Channel(known.number));
            return (route, is_due.then_some(question));
        }
        let number = CHANNELS.clone().nth(self.channels.len()).filter(|_| wanted);
        let Some(number) = number else {
            return (None, None);
        };
        self.channels.push(Channel {
            peer,
            number,
            bound: None,
            is_refused: false,
        });
        (None, Some(Question::Bind(peer, number)))
    }

    /// The server lets this address through, for a while.
    pub(super) fn permitted(&mut self, now: Time, ip: IpAddr) {
        if let Some(one) = self.permissions.iter_mut().find(|one| one.ip == ip) {
            one.state = PermissionState::Granted { at: now };
        }
    }

    /// It does not, or has not answered: it is not asked again for a while.
    pub(super) fn refused(&mut self, now: Time, ip: IpAddr) {
        if let Some(one) = self.permissions.iter_mut().find(|one| one.ip == ip) {
            one.state = PermissionState::Refused { at: now };
        }
    }

    /// The channel works, and the permission with it (RFC 8656 §12.3).
    pub(super) fn bound(&mut self, now: Time, peer: SocketAddr) {
        if let Some(one) = self.channels.iter_mut().find(|one| one.peer == peer) {
            one.bound = Some(now);
        }
        self.permitted(now, peer.ip());
    }

    /// There is no channel for this peer: its datagrams go by indications.
    pub(super) fn unbound(&mut self, peer: SocketAddr) {
        if let Some(one) = self.channels.iter_mut().find(|one| one.peer == peer) {
            one.bound = None;
            one.is_refused = true;
        }
    }

    pub(super) fn of_channel(&self, number: u16) -> Option<SocketAddr> {
        let channel = self.channels.iter().find(|one| one.number == number);
        channel.map(|channel| channel.peer)
    }

    pub(super) fn has_permission(&self, ip: IpAddr) -> bool {
        self.permissions.iter().any(|one| one.ip == ip)
    }
}

impl Permission {
    fn ends_at(&self) -> Option<Time> {
        match self.state {
            PermissionState::Asked => None,
            PermissionState::Granted { at } | PermissionState::Refused { at } => {
                Some(at + PERMISSION_LIFETIME)
            }
        }
    }
}

/// A minute to ask again in.
const PERMISSION_USE: Duration = Duration::from_secs(240);
/// A minute, and the lifetime of the permission with it.
const CHANNEL_USE: Duration = Duration::from_secs(540);
/// The first of those that there are (RFC 8656 §12), one for each peer.
const CHANNELS: Range<u16> = 0x4000..0x4000 + MAX_CLIENT_PEERS as u16;
