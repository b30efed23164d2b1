//! This machine's addresses, and which of them a worker offers.

#![cfg_attr(
    unix,
    expect(unsafe_code, reason = "the list of interfaces is a C list")
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{Announced, ServerConfig};

/// This machine's addresses at which others may reach it, best first: those of the default routes, then the other
/// interfaces', then those of bridges to containers and virtual machines. Loopback only if there is nothing else;
/// no link-local addresses, which mean nothing without an interface's name.
pub fn local_addresses(filter: &InterfaceFilter) -> Vec<IpAddr> {
    let routes = [
        default_route(Ipv4Addr::UNSPECIFIED.into()),
        default_route(Ipv6Addr::UNSPECIFIED.into()),
    ];
    let mut found = interfaces(filter);
    // Where names are asked for, an address without one is nobody's.
    for ip in routes.iter().flatten().filter(|_| filter.is_empty()) {
        if !found.iter().any(|interface| interface.ip == *ip) {
            found.push(Interface {
                ip: *ip,
                is_bridge: false,
            });
        }
    }
    rank(found, &routes)
}

/// Which interfaces' addresses are offered, by their names. An empty one takes all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceFilter {
    only: Vec<String>,
    except: Vec<String>,
}

impl InterfaceFilter {
    /// Takes names; `*` at the end of one stands for any rest, and `!` before it takes those away. With names to take away
    /// alone, all others are taken.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut filter = Self::default();
        for name in names {
            match name.strip_prefix('!') {
                Some(name) => filter.except.push(name.to_owned()),
                None => filter.only.push(name.to_owned()),
            }
        }
        filter
    }

    fn is_empty(&self) -> bool {
        self.only.is_empty() && self.except.is_empty()
    }

    fn takes(&self, name: &str) -> bool {
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == pattern,
        };
        (self.only.is_empty() || self.only.iter().any(matches)) && !self.except.iter().any(matches)
    }
}

/// The addresses that worker number `worker` offers, which is bound to `bound`.
pub(crate) fn candidates(
    config: &ServerConfig,
    worker: u16,
    bound: &[SocketAddr],
) -> Vec<SocketAddr> {
    let offset = if config.shares_port() { 0 } else { worker };
    if !config.announce.is_empty() {
        return config
            .announce
            .iter()
            .filter_map(|announced| announce(announced, offset, bound))
            .collect();
    }
    let mut machine = None;
    let mut offered = Vec::new();
    for address in bound {
        if !address.ip().is_unspecified() {
            offered.push(*address);
            continue;
        }
        let all: &Vec<IpAddr> = machine.get_or_insert_with(|| local_addresses(&config.interfaces));
        let family = all.iter().filter(|ip| ip.is_ipv4() == address.is_ipv4());
        offered.extend(family.map(|ip| SocketAddr::new(*ip, address.port())));
    }
    // Someone who can be reached from elsewhere is not asked for on the loopback.
    if offered.iter().any(|address| !address.ip().is_loopback()) {
        offered.retain(|address| !address.ip().is_loopback() || !is_wildcard(bound, *address));
    }
    offered.truncate(MAX_CANDIDATES);
    offered
}

fn is_wildcard(bound: &[SocketAddr], address: SocketAddr) -> bool {
    bound
        .iter()
        .any(|bound| bound.ip().is_unspecified() && bound.is_ipv4() == address.is_ipv4())
}

fn announce(announced: &Announced, offset: u16, bound: &[SocketAddr]) -> Option<SocketAddr> {
    let same_family = |bound: &&SocketAddr| bound.is_ipv4() == announced.ip.is_ipv4();
    let port = match announced.port {
        Some(port) => port.checked_add(offset)?,
        // A translator may speak the other family on its outside.
        None => bound
            .iter()
            .find(same_family)
            .or_else(|| bound.first())?
            .port(),
    };
    Some(SocketAddr::new(announced.ip, port))
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    ip: IpAddr,
    is_bridge: bool,
}

fn rank(mut found: Vec<Interface>, routes: &[Option<IpAddr>]) -> Vec<IpAddr> {
    found.retain(|interface| !is_link_local(interface.ip) && !interface.ip.is_unspecified());
    if found.iter().any(|interface| !interface.ip.is_loopback()) {
        found.retain(|interface| !interface.ip.is_loopback());
    }
    // Stable: equals stay in the system's order.
    found.sort_by_key(|interface| {
        let off_route = !routes.contains(&Some(interface.ip));
        (interface.is_bridge, off_route, interface.ip.is_ipv6())
    });
    let mut addresses: Vec<IpAddr> = Vec::with_capacity(found.len());
    for interface in found {
        if !addresses.contains(&interface.ip) {
            addresses.push(interface.ip);
        }
    }
    addresses
}

const fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// The address that packets to strangers leave from. Connecting a UDP socket asks the routing table and sends nothing.
fn default_route(unspecified: IpAddr) -> Option<IpAddr> {
    // Documentation addresses (RFC 5737, RFC 3849): routed like any stranger, and nobody's.
    let stranger: SocketAddr = match unspecified {
        IpAddr::V4(_) => (Ipv4Addr::new(203, 0, 113, 1), 9).into(),
        IpAddr::V6(_) => (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into(),
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the worker is where sockets are opened"
    )]
    let socket = std::net::UdpSocket::bind(SocketAddr::new(unspecified, 0)).ok()?;
    socket.connect(stranger).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(unix)]
fn interfaces(filter: &InterfaceFilter) -> Vec<Interface> {
    let mut list = std::ptr::null_mut();
    // SAFETY: on success `list` is the head of a list that is ours until `freeifaddrs`.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    // SAFETY: each entry is valid until `freeifaddrs`, and `ifa_next` is null or the next one.
    let mut next = unsafe { list.as_ref() };
    while let Some(entry) = next {
        let is_up = entry.ifa_flags & libc::IFF_UP as libc::c_uint != 0;
        // SAFETY: `ifa_addr` is null or a socket address with the size of its family.
        if let Some(ip) = unsafe { ip_of(entry.ifa_addr) }.filter(|_| is_up) {
            // SAFETY: `ifa_name` is a string that ends with a zero byte.
            let name = unsafe { std::ffi::CStr::from_ptr(entry.ifa_name) }.to_string_lossy();
            if filter.takes(&name) {
                let is_bridge = is_bridge(&name);
                found.push(Interface { ip, is_bridge });
            }
        }
        // SAFETY: as above.
        next = unsafe { entry.ifa_next.as_ref() };
    }
    // SAFETY: `list` came from `getifaddrs`, and nothing of it is used any more.
    unsafe { libc::freeifaddrs(list) };
    found
}

/// # Safety
///
/// `address` is null or points to a socket address as long as its family says.
#[cfg(unix)]
unsafe fn ip_of(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: as the caller promises; every socket address begins with its family.
    let family = unsafe { address.as_ref() }?.sa_family;
    match libc::c_int::from(family) {
        libc::AF_INET => {
            // SAFETY: the family says that this is a `sockaddr_in`; an unaligned read asks for nothing else.
            let address = unsafe { std::ptr::read_unaligned(address.cast::<libc::sockaddr_in>()) };
            Some(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that this is a `sockaddr_in6`; an unaligned read asks for nothing else.
            let address = unsafe { std::ptr::read_unaligned(address.cast::<libc::sockaddr_in6>()) };
            Some(Ipv6Addr::from(address.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

/// Elsewhere only the addresses of the default routes are known.
#[cfg(not(unix))]
fn interfaces(_: &InterfaceFilter) -> Vec<Interface> {
    Vec::new()
}

/// Whether an interface of this name leads to containers or virtual machines on this machine.
fn is_bridge(name: &str) -> bool {
    [
        "docker", "br-", "veth", "virbr", "cni", "lxc", "podman", "vmnet", "bridge",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}

/// Browsers check every pair; more addresses only make that slower.
const MAX_CANDIDATES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(ip: &str, name: &str) -> Interface {
        Interface {
            ip: ip.parse().unwrap(),
            is_bridge: is_bridge(name),
        }
    }

    fn ranked(interfaces: &[(&str, &str)], route: Option<&str>) -> Vec<String> {
        let found = interfaces
            .iter()
            .map(|(ip, name)| interface(ip, name))
            .collect();
        let route = route.map(|ip| ip.parse().unwrap());
        rank(found, &[route, None])
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_default_route_comes_first_and_bridges_last() {
        let found = [
            ("127.0.0.1", "lo"),
            ("172.17.0.1", "docker0"),
            ("10.8.0.2", "tun0"),
            ("192.168.1.5", "wlan0"),
            ("fe80::1", "wlan0"),
            ("169.254.3.3", "eth1"),
            ("2001:db8::5", "wlan0"),
            ("192.168.1.5", "wlan0"),
        ];
        let expected = ["192.168.1.5", "10.8.0.2", "2001:db8::5", "172.17.0.1"];
        assert_eq!(ranked(&found, Some("192.168.1.5")), expected);
    }

    #[test]
    fn loopback_is_there_only_if_nothing_else_is() {
        assert_eq!(
            ranked(&[("127.0.0.1", "lo"), ("::1", "lo")], None),
            ["127.0.0.1", "::1"]
        );
    }

    #[test]
    fn a_worker_offers_what_it_is_bound_to_or_what_is_announced() {
        let bound: Vec<SocketAddr> = vec![
            "127.0.0.1:8801".parse().unwrap(),
            "[::1]:8801".parse().unwrap(),
        ];
        let mut config = ServerConfig::default();
        assert_eq!(candidates(&config, 1, &bound), bound);
        config.announce = vec![
            Announced {
                ip: "198.51.100.7".parse().unwrap(),
                port: None,
            },
            Announced {
                ip: "198.51.100.8".parse().unwrap(),
                port: Some(9000),
            },
        ];
        let announced: Vec<SocketAddr> = vec![
            "198.51.100.7:8801".parse().unwrap(),
            "198.51.100.8:9001".parse().unwrap(),
        ];
        assert_eq!(candidates(&config, 1, &bound), announced);
    }

    #[test]
    fn interfaces_are_taken_and_taken_away_by_name() {
        let taken = |filter: &[&str]| -> Vec<&str> {
            let filter = InterfaceFilter::new(filter.iter().copied());
            let names = ["lo", "eth0", "eth1", "docker0", "eth10"];
            names
                .into_iter()
                .filter(|name| filter.takes(name))
                .collect()
        };
        assert_eq!(taken(&[]).len(), 5);
        assert_eq!(taken(&["eth1"]), ["eth1"]);
        assert_eq!(taken(&["eth*", "!eth1"]), ["eth0", "eth10"]);
        assert_eq!(taken(&["!docker*", "!lo"]), ["eth0", "eth1", "eth10"]);
        assert!(taken(&["wlan*"]).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn the_loopback_is_offered_where_it_alone_is_asked_for() {
        let names = interfaces(&InterfaceFilter::default());
        let loopback = names.iter().find(|interface| interface.ip.is_loopback());
        assert!(loopback.is_some());
        let all = local_addresses(&InterfaceFilter::new(["lo*"]));
        assert!(
            all.iter().all(IpAddr::is_loopback) && !all.is_empty(),
            "{all:?}"
        );
        assert_eq!(
            local_addresses(&InterfaceFilter::new(["!*"])),
            Vec::<IpAddr>::new()
        );
    }

    #[test]
    fn this_machine_has_an_address() {
        let addresses = local_addresses(&InterfaceFilter::default());
        assert!(!addresses.is_empty());
        assert!(addresses.iter().all(|ip| !is_link_local(*ip)));
    }
}
