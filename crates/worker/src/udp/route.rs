//! Routes over which the kernel does not segment.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use xrtc_rtp::Time;

/// Remote addresses to which `UDP_SEGMENT` failed: their datagrams go one by one for a while.
///
/// Per route and not per process, because the cause is the interface, the tunnel or the transform on the way.
/// Empty on most machines, and then asking costs nothing.
#[derive(Debug, Default)]
pub(super) struct PlainRoutes {
    until: HashMap<IpAddr, Time>,
}

impl PlainRoutes {
    /// Whether segmentation failed lately on the way to `remote`.
    pub(super) fn contains(&self, remote: IpAddr, now: Time) -> bool {
        !self.until.is_empty() && self.until.get(&remote).is_some_and(|until| now < *until)
    }

    /// Notes that segmentation failed on the way to `remote`.
    pub(super) fn insert(&mut self, remote: IpAddr, now: Time) {
        if self.until.len() >= MAX_ROUTES {
            self.until.retain(|_, until| now < *until);
        }
        // A table that is full of fresh entries stays as it is: the price is one failed system call a train.
        if self.until.len() < MAX_ROUTES {
            self.until.insert(remote, now + RETRY_AFTER);
        }
    }
}

/// Routes remembered at a time.
const MAX_ROUTES: usize = 4096;
/// A route may change (a tunnel goes up or down), so it gets another chance.
const RETRY_AFTER: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_route_gets_another_chance_and_others_are_not_touched() {
        let mut routes = PlainRoutes::default();
        let tunnel = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        let other = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
        routes.insert(tunnel, Time::ZERO);
        assert!(routes.contains(tunnel, Time::ZERO));
        assert!(!routes.contains(other, Time::ZERO));
        assert!(!routes.contains(tunnel, Time::ZERO + RETRY_AFTER));
    }
}
