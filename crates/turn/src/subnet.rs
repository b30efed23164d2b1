//! Ranges of addresses.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses: those whose first bits are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    ip: IpAddr,
    bits: u32,
}

/// What is no `ADDRESS/BITS`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ADDRESS/BITS: {0:?}")]
pub struct InvalidSubnet(String);

impl Subnet {
    /// The addresses that share their first `bits` bits with `ip`; more bits than there are mean all.
    pub const fn new(ip: IpAddr, bits: u32) -> Self {
        Self { ip, bits }
    }

    /// Whether `ip` is of this family and in the range.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip, ip) {
            (IpAddr::V4(range), IpAddr::V4(ip)) => {
                let differ = u32::from(range) ^ u32::from(ip);
                differ.leading_zeros() >= self.bits.min(32)
            }
            (IpAddr::V6(range), IpAddr::V6(ip)) => {
                let differ = u128::from(range) ^ u128::from(ip);
                differ.leading_zeros() >= self.bits.min(128)
            }
            _ => false,
        }
    }
}

impl FromStr for Subnet {
    type Err = InvalidSubnet;

    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or an address alone.
    fn from_str(text: &str) -> Result<Self, InvalidSubnet> {
        let invalid = || InvalidSubnet(text.to_owned());
        let (ip, bits) = match text.split_once('/') {
            Some((ip, bits)) => (ip, Some(bits.parse().map_err(|_| invalid())?)),
            None => (text, None),
        };
        let ip: IpAddr = ip.parse().map_err(|_| invalid())?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most {
            return Err(invalid());
        }
        Ok(Self { ip, bits })
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.bits)
    }
}

/// What senders that belong together have in common: a /24, or a /64 of IPv6.
pub(crate) fn prefix(ip: IpAddr, ipv4_bits: u32) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let host_bits = 32 - ipv4_bits.min(32);
            let kept = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & kept).into())
        }
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(u128::from(ip) & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_what_shares_its_bits() {
        let range: Subnet = "172.16.0.0/12".parse().unwrap();
        assert!(range.contains("172.31.255.255".parse().unwrap()));
        assert!(!range.contains("172.32.0.0".parse().unwrap()));
        assert!(!range.contains("::ffff:172.16.0.1".parse().unwrap()));
        let all: Subnet = "::/0".parse().unwrap();
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        let one: Subnet = "192.0.2.1".parse().unwrap();
        assert!(one.contains("192.0.2.1".parse().unwrap()));
        assert!(!one.contains("192.0.2.2".parse().unwrap()));
        for wrong in [
            "",
            "a/8",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/8/8",
        ] {
            assert!(wrong.parse::<Subnet>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_prefix_is_what_neighbours_share() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(prefix(ip("192.0.2.77"), 24), ip("192.0.2.0"));
        assert_eq!(prefix(ip("192.0.2.77"), 32), ip("192.0.2.77"));
        assert_eq!(prefix(ip("2001:db8:1:2:3:4:5:6"), 24), ip("2001:db8:1:2::"));
    }
}
