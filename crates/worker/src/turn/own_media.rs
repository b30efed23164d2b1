//! Where the media of this server is received, so that its relays reach it wherever they may not reach others.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use xrtc_turn::PortSet;

use crate::interface::local_addresses;
use crate::{InterfaceFilter, WorkerInfo};

/// Where the media of this server is received.
#[derive(Debug)]
pub(crate) struct OwnMedia {
    /// As peers would see it.
    pub(super) addresses: Vec<SocketAddr>,
    /// The ports of sockets that come and go.
    pub(super) ports: Arc<PortSet>,
    /// Announced addresses that are another machine's (a 1:1 NAT's), and where what comes to them ends up.
    pub(super) announced: Vec<(SocketAddr, SocketAddr)>,
}

impl OwnMedia {
    /// The media of these workers, and of their peers' own sockets, whose `ports` come and go.
    pub(crate) fn of(workers: &[WorkerInfo], ports: Arc<PortSet>) -> Self {
        let machine = machine_addresses();
        Self {
            addresses: addresses(workers, &machine),
            ports,
            announced: announced_elsewhere(workers, &machine),
        }
    }
}

/// Where the workers' media is received, as peers would see it.
fn addresses(workers: &[WorkerInfo], machine: &[IpAddr]) -> Vec<SocketAddr> {
    let mut own: Vec<SocketAddr> = Vec::new();
    for worker in workers {
        own.extend(&worker.candidates);
        for bound in &worker.bound {
            if bound.ip().is_unspecified() {
                let family = machine.iter().filter(|ip| ip.is_ipv4() == bound.is_ipv4());
                own.extend(family.map(|ip| SocketAddr::new(*ip, bound.port())));
            } else {
                own.push(*bound);
            }
        }
    }
    own.sort_unstable();
    own.dedup();
    own
}

/// The announced addresses that are not this machine's, each with the one at which what comes to it is received.
fn announced_elsewhere(
    workers: &[WorkerInfo],
    machine: &[IpAddr],
) -> Vec<(SocketAddr, SocketAddr)> {
    let mut pairs: Vec<(SocketAddr, SocketAddr)> = Vec::new();
    for worker in workers {
        let elsewhere = worker.candidates.iter();
        for outside in elsewhere.filter(|candidate| !machine.contains(&candidate.ip())) {
            let same_family = |bound: &&SocketAddr| bound.is_ipv4() == outside.is_ipv4();
            let Some(mut local) = worker.bound.iter().find(same_family).copied() else {
                continue;
            };
            if local.ip().is_unspecified() {
                let is_loopback =
                    |ip: &&IpAddr| ip.is_loopback() && ip.is_ipv4() == local.is_ipv4();
                if let Some(loopback) = machine.iter().find(is_loopback) {
                    local.set_ip(*loopback);
                }
            }
            // Workers that share a port share it here too.
            if pairs.iter().all(|(known, _)| known != outside) {
                pairs.push((*outside, local));
            }
        }
    }
    pairs
}

/// All addresses that lead to this machine.
pub(super) fn machine_addresses() -> Vec<IpAddr> {
    let mut machine = local_addresses(&InterfaceFilter::default());
    machine.extend([
        IpAddr::from([127, 0, 0, 1]),
        IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16]),
    ]);
    machine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_for_another_machine_is_received_here() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let worker = |bound: &[&str], candidates: &[&str]| WorkerInfo {
            bound: bound.iter().map(|text| address(text)).collect(),
            candidates: candidates.iter().map(|text| address(text)).collect(),
        };
        let here = ["10.0.0.5", "127.0.0.1", "::1"].map(|text| text.parse().unwrap());
        let pairs = |worker: WorkerInfo| announced_elsewhere(&[worker], &here);
        assert_eq!(
            pairs(worker(
                &["0.0.0.0:8800"],
                &["203.0.113.7:9000", "10.0.0.5:8800"]
            )),
            [(address("203.0.113.7:9000"), address("127.0.0.1:8800"))]
        );
        assert_eq!(
            pairs(worker(&["10.0.0.5:8800"], &["203.0.113.7:8800"])),
            [(address("203.0.113.7:8800"), address("10.0.0.5:8800"))]
        );
        assert_eq!(
            pairs(worker(&["10.0.0.5:8800"], &["[2001:db8::1]:8800"])),
            []
        );
    }
}
