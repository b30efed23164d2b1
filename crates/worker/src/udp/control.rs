//! Control messages: what travels beside a datagram between us and the kernel.

#![expect(
    unsafe_code,
    reason = "control messages are C structs in a byte buffer"
)]

use std::net::{IpAddr, Ipv6Addr};
use std::ptr;

use super::address::{in_addr, ipv4};

/// Room for the control messages of one datagram, aligned as their headers are.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control([u8; CONTROL_BYTES]);

impl Control {
    pub(super) const EMPTY: Self = Self([0; CONTROL_BYTES]);

    /// The address of the room, for a message header.
    pub(super) const fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        self.0.as_mut_ptr().cast()
    }
}

/// Control messages that the kernel sent with a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// The local address that the datagram was sent to, and for link-local ones its interface.
    pub(super) local: Option<(IpAddr, u32)>,
    /// The size of each datagram of a coalesced message.
    pub(super) segment: Option<usize>,
    /// Datagrams that the socket has dropped since it was opened, modulo 2^32.
    pub(super) drops: Option<u32>,
}

/// Puts the source address and the segment size beside an outgoing message: sets `msg_control` and
/// `msg_controllen` of `header`.
pub(super) fn write(
    header: &mut libc::msghdr,
    control: &mut Control,
    source: Option<(IpAddr, u32)>,
    segment: Option<u16>,
) {
    *control = Control::EMPTY;
    header.msg_control = control.as_mut_ptr();
    header.msg_controllen = CONTROL_BYTES as _;
    let mut writer = Writer { used: 0, header };
    match source {
        Some((IpAddr::V4(ip), _)) => writer.push(
            libc::IPPROTO_IP,
            libc::IP_PKTINFO,
            libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr(ip),
                ipi_addr: libc::in_addr { s_addr: 0 },
            },
        ),
        Some((IpAddr::V6(ip), scope)) => writer.push(
            libc::IPPROTO_IPV6,
            libc::IPV6_PKTINFO,
            libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: ip.octets(),
                },
                ipi6_ifindex: scope as _,
            },
        ),
        None => {}
    }
    if let Some(segment) = segment {
        writer.push(libc::SOL_UDP, UDP_SEGMENT, segment);
    }
    let used = writer.used;
    header.msg_controllen = used as _;
    if used == 0 {
        header.msg_control = ptr::null_mut();
    }
}

struct Writer<'a> {
    header: &'a libc::msghdr,
    used: usize,
}

impl Writer<'_> {
    fn push<T: Copy>(&mut self, level: libc::c_int, kind: libc::c_int, value: T) {
        let size = size_of::<T>() as libc::c_uint;
        // SAFETY: these two only compute sizes.
        let (space, len) = unsafe { (libc::CMSG_SPACE(size) as usize, libc::CMSG_LEN(size)) };
        if self.used + space > CONTROL_BYTES {
            return;
        }
        // SAFETY: `msg_control` points to a `Control` of CONTROL_BYTES bytes, aligned for `cmsghdr`; `used` is a sum
        // of CMSG_SPACEs and so keeps that alignment, and `used + space` was checked to lie inside.
        unsafe {
            let message = self
                .header
                .msg_control
                .cast::<u8>()
                .add(self.used)
                .cast::<libc::cmsghdr>();
            (*message).cmsg_level = level;
            (*message).cmsg_type = kind;
            (*message).cmsg_len = len as _;
            ptr::write_unaligned(libc::CMSG_DATA(message).cast::<T>(), value);
        }
        self.used += space;
    }
}

/// Reads what the kernel put beside a received message.
///
/// # Safety
///
/// `header` is as `recvmmsg` left it: `msg_control` points to `msg_controllen` readable bytes of control messages.
pub(super) unsafe fn read(header: &libc::msghdr) -> Received {
    let mut received = Received::default();
    // SAFETY: as the caller promises.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give null or a header that lies inside the control messages.
    while let Some(message) = unsafe { next.as_ref() } {
        // SAFETY: `message` is a valid header; the kernel wrote `cmsg_len` bytes of it, header included.
        let data = unsafe { libc::CMSG_DATA(message) };
        // The field's type differs from one C library to the next.
        let len: usize = message.cmsg_len as _;
        let room = len.saturating_sub(data as usize - ptr::from_ref(message) as usize);
        match (message.cmsg_level, message.cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // SAFETY: `data` has `room` bytes; `in_pktinfo` is plain integers.
                let info: Option<libc::in_pktinfo> = unsafe { read_data(data, room) };
                // The address to answer from, which for a broadcast is not the one it was sent to.
                received.local = info.map(|info| (IpAddr::V4(ipv4(info.ipi_spec_dst)), 0));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // SAFETY: `data` has `room` bytes; `in6_pktinfo` is plain integers.
                let info: Option<libc::in6_pktinfo> = unsafe { read_data(data, room) };
                received.local = info.map(|info| {
                    let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    let scope = if ip.is_unicast_link_local() {
                        info.ipi6_ifindex as _
                    } else {
                        0
                    };
                    (IpAddr::V6(ip), scope)
                });
            }
            (libc::SOL_UDP, UDP_GRO) => {
                // SAFETY: `data` has `room` bytes; the kernel writes a C int here.
                let size: Option<libc::c_int> = unsafe { read_data(data, room) };
                received.segment = size
                    .and_then(|size| usize::try_from(size).ok())
                    .filter(|size| *size > 0);
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                // SAFETY: `data` has `room` bytes; the kernel writes 32 bits here.
                received.drops = unsafe { read_data(data, room) };
            }
            _ => {}
        }
        // SAFETY: as the caller promises, and `message` came from the same control messages.
        next = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    received
}

/// # Safety
///
/// `data` points to `room` readable bytes, and every bit pattern is a valid `T`.
unsafe fn read_data<T: Copy>(data: *const u8, room: usize) -> Option<T> {
    // SAFETY: there are enough bytes, and an unaligned read asks for nothing else.
    (room >= size_of::<T>()).then(|| unsafe { ptr::read_unaligned(data.cast::<T>()) })
}

/// Enough for a packet info, a segment size and a drop counter with their headers, in either direction.
pub(super) const CONTROL_BYTES: usize = 96;
/// `linux/udp.h`.
pub(super) const UDP_SEGMENT: libc::c_int = 103;
/// `linux/udp.h`.
pub(super) const UDP_GRO: libc::c_int = 104;

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(source: Option<(IpAddr, u32)>, segment: Option<u16>) -> (Received, usize) {
        // SAFETY: a message header is plain integers and pointers; all zeroes is an empty one.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        let mut control = Control::EMPTY;
        write(&mut header, &mut control, source, segment);
        // SAFETY: `write` has set both fields to what it wrote.
        (unsafe { read(&header) }, header.msg_controllen as usize)
    }

    #[test]
    fn the_source_address_is_written_as_the_kernel_reads_it() {
        let v4 = IpAddr::from([192, 0, 2, 7]);
        assert_eq!(round_trip(Some((v4, 0)), None).0.local, Some((v4, 0)));
        let global: IpAddr = "2001:db8::5".parse().unwrap();
        assert_eq!(
            round_trip(Some((global, 0)), Some(1200)).0.local,
            Some((global, 0))
        );
        let local: IpAddr = "fe80::5".parse().unwrap();
        assert_eq!(
            round_trip(Some((local, 4)), Some(1200)).0.local,
            Some((local, 4))
        );
    }

    #[test]
    fn nothing_to_say_takes_no_room() {
        assert_eq!(round_trip(None, None), (Received::default(), 0));
    }
}
