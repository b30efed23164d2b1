//! Which peers a client may reach through us.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Subnet;

/// Which peers may be reached: the public ones, this server's own media addresses, and what is allowed besides. A relay
/// that reached more would be a door into the network that it stands in.
#[derive(Clone, Debug, Default)]
pub struct PeerPolicy {
    /// The server's own media addresses, with their ports: reached even where they are private.
    pub own: Vec<SocketAddr>,
    /// The addresses of its media sockets whose ports come and go.
    pub own_ips: Vec<IpAddr>,
    /// Those ports.
    pub own_ports: Arc<PortSet>,
    /// This machine's addresses: reached at no other port, even where they are public.
    pub machine: Vec<IpAddr>,
    /// Further ranges that may be reached, this machine's addresses in them included.
    pub allowed: Vec<Subnet>,
}

/// Ports that one thread opens and closes while another asks for them.
pub struct PortSet([AtomicU64; 1_024]);

impl PortSet {
    /// Puts a port in.
    pub fn insert(&self, port: u16) {
        let (word, bit) = self.place(port);
        word.fetch_or(bit, Ordering::Relaxed);
    }

    /// Takes a port out.
    pub fn remove(&self, port: u16) {
        let (word, bit) = self.place(port);
        word.fetch_and(!bit, Ordering::Relaxed);
    }

    fn contains(&self, port: u16) -> bool {
        let (word, bit) = self.place(port);
        word.load(Ordering::Relaxed) & bit != 0
    }

    const fn place(&self, port: u16) -> (&AtomicU64, u64) {
        let Self(words) = self;
        // Ten bits always lie within the words.
        (&words[(port >> 6) as usize], 1 << (port & 63))
    }
}

impl Default for PortSet {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; 1_024])
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortSet")
    }
}

/// What the policy says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every port of it may be reached.
    Open,
    /// Only the server's own media ports there.
    OwnPorts,
    Refused,
}

impl PeerPolicy {
    /// Whether this peer may be reached.
    pub fn allows(&self, peer: SocketAddr) -> bool {
        self.allows_by(self.verdict(peer.ip()), peer)
    }

    pub(crate) fn allows_by(&self, verdict: Verdict, peer: SocketAddr) -> bool {
        match verdict {
            Verdict::Open => peer.port() != 0,
            Verdict::OwnPorts => {
                self.own.contains(&peer)
                    || self.own_ips.contains(&peer.ip()) && self.own_ports.contains(peer.port())
            }
            Verdict::Refused => false,
        }
    }

    pub(crate) fn verdict(&self, ip: IpAddr) -> Verdict {
        if self.allowed.iter().any(|range| range.contains(ip)) {
            return Verdict::Open;
        }
        if is_public(ip) && !self.machine.contains(&ip) {
            return Verdict::Open;
        }
        if self.own_ips.contains(&ip) || self.own.iter().any(|own| own.ip() == ip) {
            return Verdict::OwnPorts;
        }
        Verdict::Refused
    }
}

/// Whether an address is one of the public Internet, and so is every address that it carries in itself.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_ipv4(ip),
        IpAddr::V6(ip) => {
            let in_range = |&(start, bits): &(Ipv6Addr, u32)| {
                Subnet::new(start.into(), bits).contains(ip.into())
            };
            !NOT_PUBLIC_IPV6.iter().any(in_range) && embedded(ip).is_none_or(is_public_ipv4)
        }
    }
}

fn is_public_ipv4(ip: Ipv4Addr) -> bool {
    let in_range =
        |&(start, bits): &(Ipv4Addr, u32)| Subnet::new(start.into(), bits).contains(ip.into());
    !NOT_PUBLIC_IPV4.iter().any(in_range)
}

/// The IPv4 address to which a translator or a tunnel would carry what is sent to `ip`.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let ipv4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b) {
        // IPv4-mapped and IPv4-compatible addresses (RFC 4291 §2.5.5), and IPv4-translated ones (RFC 2765 §2.1).
        (0, 0) if [c, d] == [0, 0] && matches!([e, f], [0, 0 | 0xffff] | [0xffff, 0]) => {
            Some(ipv4(g, h))
        }
        // NAT64 (RFC 6052 §2.1).
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => Some(ipv4(g, h)),
        // 6to4 (RFC 3056 §2).
        (0x2002, _) => Some(ipv4(b, c)),
        // Teredo: the client's address, inverted (RFC 4380 §4).
        (0x2001, 0) => Some(ipv4(!g, !h)),
        // ISATAP (RFC 5214 §6.1).
        _ if matches!(e, 0 | 0x200) && f == 0x5efe => Some(ipv4(g, h)),
        _ => None,
    }
}

const fn v4(a: u8, b: u8, c: u8, bits: u32) -> (Ipv4Addr, u32) {
    (Ipv4Addr::new(a, b, c, 0), bits)
}

const fn v6(a: u16, b: u16, c: u16, bits: u32) -> (Ipv6Addr, u32) {
    (Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), bits)
}

/// IANA's registry of special-purpose addresses (RFC 6890), and multicast.
const NOT_PUBLIC_IPV4: [(Ipv4Addr, u32); 16] = [
    v4(0, 0, 0, 8),
    v4(10, 0, 0, 8),
    v4(100, 64, 0, 10),
    v4(127, 0, 0, 8),
    v4(169, 254, 0, 16),
    v4(172, 16, 0, 12),
    v4(192, 0, 0, 24),
    v4(192, 0, 2, 24),
    v4(192, 31, 196, 24),
    v4(192, 52, 193, 24),
    v4(192, 88, 99, 24),
    v4(192, 168, 0, 16),
    v4(198, 18, 0, 15),
    v4(198, 51, 100, 24),
    v4(203, 0, 113, 24),
    // Multicast, reserved and broadcast.
    v4(224, 0, 0, 3),
];

/// Likewise; the first range has the unspecified address, loopback and what RFC 4291 §2.5.5.1 gave up.
const NOT_PUBLIC_IPV6: [(Ipv6Addr, u32); 13] = [
    v6(0, 0, 0, 96),
    // NAT64 within one network (RFC 8215): where the IPv4 address lies in it is that network's choice.
    v6(0x64, 0xff9b, 1, 48),
    v6(0x100, 0, 0, 64),
    v6(0x2001, 2, 0, 48),
    v6(0x2001, 0x10, 0, 28),
    v6(0x2001, 0x20, 0, 28),
    v6(0x2001, 0xdb8, 0, 32),
    v6(0x3fff, 0, 0, 20),
    v6(0x5f00, 0, 0, 16),
    v6(0xfc00, 0, 0, 7),
    v6(0xfe80, 0, 0, 10),
    v6(0xfec0, 0, 0, 10),
    v6(0xff00, 0, 0, 8),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(policy: &PeerPolicy, peer: &str) -> bool {
        policy.allows(peer.parse().unwrap())
    }

    #[test]
    fn public_peers_are_reached() {
        let policy = PeerPolicy::default();
        for peer in [
            "8.8.8.8:53",
            "100.63.255.255:1",
            "172.15.255.255:9",
            "172.32.0.0:9",
            "[2606:4700:4700::1111]:443",
            // 6to4, Teredo and NAT64 of 8.8.8.8.
            "[2002:808:808::1]:9",
            "[2001::f7f7:f7f7]:9",
            "[64:ff9b::808:808]:9",
        ] {
            assert!(allows(&policy, peer), "{peer}");
        }
    }

    #[test]
    fn what_is_not_public_is_refused_in_every_notation() {
        let policy = PeerPolicy::default();
        for ipv4 in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!allows(&policy, &format!("{ipv4}:80")), "{ipv4}");
            let [a, b, c, d] = ipv4.parse::<Ipv4Addr>().unwrap().octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let (not_high, not_low) = (!high, !low);
            for form in [
                format!("[::ffff:{ipv4}]:80"),
                format!("[::{ipv4}]:80"),
                format!("[::ffff:0:{ipv4}]:80"),
                format!("[64:ff9b::{ipv4}]:80"),
                format!("[64:ff9b:1::{ipv4}]:80"),
                format!("[2002:{high:x}:{low:x}::1]:80"),
                format!("[2001::{not_high:x}:{not_low:x}]:80"),
                format!("[2a00::5efe:{high:x}:{low:x}]:80"),
                format!("[2a00::200:5efe:{high:x}:{low:x}]:80"),
            ] {
                assert!(!allows(&policy, &form), "{form}");
            }
        }
        for ipv6 in [
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fdff::1",
            "ff02::1",
            "100::1",
            "2001:db8::1",
        ] {
            assert!(!allows(&policy, &format!("[{ipv6}]:80")), "{ipv6}");
        }
    }

    #[test]
    fn own_media_is_reached_at_its_ports_only() {
        let policy = PeerPolicy {
            own: vec![
                "127.0.0.1:8800".parse().unwrap(),
                "8.8.4.4:8800".parse().unwrap(),
            ],
            machine: vec!["8.8.4.4".parse().unwrap()],
            allowed: vec!["10.1.0.0/16".parse().unwrap()],
            own_ips: vec!["10.9.0.1".parse().unwrap()],
            ..PeerPolicy::default()
        };
        policy.own_ports.insert(40_000);
        assert!(allows(&policy, "10.9.0.1:40000"));
        assert!(!allows(&policy, "10.9.0.1:40001"));
        assert!(!allows(&policy, "127.0.0.1:40000"));
        policy.own_ports.remove(40_000);
        assert!(!allows(&policy, "10.9.0.1:40000"));
        assert!(allows(&policy, "127.0.0.1:8800"));
        assert!(!allows(&policy, "127.0.0.1:22"));
        assert!(!allows(&policy, "127.0.0.2:8800"));
        assert!(!allows(&policy, "[::ffff:127.0.0.1]:8800"));
        // The machine's own public address is a way around its firewall.
        assert!(allows(&policy, "8.8.4.4:8800"));
        assert!(!allows(&policy, "8.8.4.4:22"));
        assert!(allows(&policy, "10.1.2.3:22"));
        assert!(!allows(&policy, "10.2.2.3:22"));
    }
}
