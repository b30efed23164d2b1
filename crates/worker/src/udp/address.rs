//! Socket addresses as the kernel writes them.

#![expect(
    unsafe_code,
    reason = "the kernel's address types are C unions by convention"
)]

use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for an IPv4 or IPv6 socket address in the kernel's layout.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) union Name {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl Name {
    /// Room for the kernel to write into.
    pub(super) const fn empty() -> Self {
        // SAFETY: `sockaddr_in6` is plain integers and arrays of them; all zeroes is a valid value of each field.
        Self {
            v6: unsafe { mem::zeroed() },
        }
    }

    /// Writes `address` and says how many bytes of the name it takes.
    pub(super) const fn write(&mut self, address: SocketAddr) -> libc::socklen_t {
        *self = Self::empty();
        match address {
            SocketAddr::V4(address) => {
                self.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: address.port().to_be(),
                    sin_addr: in_addr(*address.ip()),
                    sin_zero: [0; 8],
                };
                size_of::<libc::sockaddr_in>() as libc::socklen_t
            }
            SocketAddr::V6(address) => {
                self.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: address.port().to_be(),
                    sin6_flowinfo: 0,
                    sin6_addr: libc::in6_addr {
                        s6_addr: address.ip().octets(),
                    },
                    sin6_scope_id: address.scope_id(),
                };
                size_of::<libc::sockaddr_in6>() as libc::socklen_t
            }
        }
    }

    /// The address, if `len` bytes of the name hold one.
    pub(super) fn read(&self, len: libc::socklen_t) -> Option<SocketAddr> {
        let len = usize::try_from(len).ok()?;
        // SAFETY: both variants start with the family and are plain integers: every bit pattern is valid in both.
        let (v4, v6) = unsafe { (self.v4, self.v6) };
        match libc::c_int::from(v4.sin_family) {
            libc::AF_INET if len >= size_of::<libc::sockaddr_in>() => {
                let ip = ipv4(v4.sin_addr);
                Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 if len >= size_of::<libc::sockaddr_in6>() => {
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                Some(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

/// An IPv4 address as the kernel keeps it: in network order.
pub(super) const fn in_addr(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr {
        s_addr: u32::from_ne_bytes(ip.octets()),
    }
}

/// The address back.
pub(super) const fn ipv4(address: libc::in_addr) -> Ipv4Addr {
    let [a, b, c, d] = address.s_addr.to_ne_bytes();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_kernels_layout() {
        for text in [
            "127.0.0.1:80",
            "255.1.2.3:65535",
            "[::1]:1",
            "[2001:db8::7]:8800",
        ] {
            let address: SocketAddr = text.parse().unwrap();
            let mut name = Name::empty();
            let len = name.write(address);
            assert_eq!(name.read(len), Some(address));
            assert_eq!(name.read(len - 1), None);
        }
        let scoped = SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 0, 3).into();
        let mut name = Name::empty();
        let len = name.write(scoped);
        assert_eq!(name.read(len), Some(scoped));
    }
}
