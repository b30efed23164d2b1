//! Datagrams on their way from the worker that received them to the one that they are for.
//!
//! They cross as bytes in a ring: a box for each of them would be an allocation for each packet of a publisher.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use rtrb::{Consumer, Producer, RingBuffer};
use xrtc_sfu::Path;

/// The write end of a detour.
pub(crate) struct DetourSender(Producer<u8>);

/// The read end of a detour.
pub(crate) struct DetourReceiver(Consumer<u8>);

/// A detour with room for so many bytes.
pub(crate) fn detour(bytes: usize) -> (DetourSender, DetourReceiver) {
    let (producer, consumer) = RingBuffer::new(bytes);
    (DetourSender(producer), DetourReceiver(consumer))
}

impl DetourSender {
    /// Passes a datagram on. `false`: there is no room for it.
    pub(crate) fn push(&mut self, path: &Path, datagram: &[u8]) -> bool {
        let Some(len) = u16::try_from(datagram.len())
            .ok()
            .filter(|len| usize::from(*len) <= MAX_DATAGRAM)
        else {
            return false;
        };
        if self.0.slots() < HEADER + datagram.len() {
            return false;
        }
        let header = write_header(len, path);
        self.0.push_entire_slice(&header).is_ok() && self.0.push_entire_slice(datagram).is_ok()
    }
}

impl DetourReceiver {
    /// Takes the next datagram into `buffer`; gives its path and length.
    pub(crate) fn pop(&mut self, buffer: &mut [u8; MAX_DATAGRAM]) -> Option<(Path, usize)> {
        let chunk = self.0.read_chunk(HEADER).ok()?;
        let mut header = [0; HEADER];
        copy(chunk.as_slices(), 0, &mut header);
        let (len, path) = read_header(&header);
        // The header may be there before the rest.
        let chunk = self.0.read_chunk(HEADER + len).ok()?;
        copy(chunk.as_slices(), HEADER, buffer.get_mut(..len)?);
        chunk.commit_all();
        Some((path, len))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Copies what lies `skip` bytes behind the start of the ring's two halves.
fn copy((first, second): (&[u8], &[u8]), skip: usize, out: &mut [u8]) {
    let head = first.get(skip..).unwrap_or_default();
    let tail = second
        .get(skip.saturating_sub(first.len())..)
        .unwrap_or_default();
    let from_head = head.len().min(out.len());
    let (a, b) = out.split_at_mut(from_head);
    a.copy_from_slice(head.get(..from_head).unwrap_or_default());
    let from_tail = tail.len().min(b.len());
    if let (Some(b), Some(tail)) = (b.get_mut(..from_tail), tail.get(..from_tail)) {
        b.copy_from_slice(tail);
    }
}

/// The length, then both addresses: IPv4 as IPv4-mapped IPv6, port, scope.
fn write_header(len: u16, path: &Path) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let mut rest = &mut header[..];
    let mut put = |bytes: &[u8]| {
        if let Some((place, after)) = std::mem::take(&mut rest).split_at_mut_checked(bytes.len()) {
            place.copy_from_slice(bytes);
            rest = after;
        }
    };
    put(&len.to_ne_bytes());
    for address in [path.local, path.remote] {
        let (ip, scope) = match address {
            SocketAddr::V4(address) => (address.ip().to_ipv6_mapped(), 0),
            SocketAddr::V6(address) => (*address.ip(), address.scope_id()),
        };
        put(&ip.octets());
        put(&address.port().to_ne_bytes());
        put(&scope.to_ne_bytes());
    }
    header
}

fn read_header(header: &[u8; HEADER]) -> (usize, Path) {
    let mut rest = &header[..];
    let len = u16::from_ne_bytes(take(&mut rest));
    let mut address = || {
        let ip = Ipv6Addr::from(take::<16>(&mut rest));
        let port = u16::from_ne_bytes(take(&mut rest));
        let scope = u32::from_ne_bytes(take(&mut rest));
        match ip.to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(IpAddr::V4(ip), port),
            None => SocketAddrV6::new(ip, port, 0, scope).into(),
        }
    };
    let path = Path::udp(address(), address());
    (len.into(), path)
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let Some((bytes, after)) = rest.split_first_chunk::<N>() else {
        return [0; N];
    };
    *rest = after;
    *bytes
}

/// Longer ones are nobody's: SRTP, DTLS and STUN keep below a path's MTU.
pub(crate) const MAX_DATAGRAM: usize = 2_048;
const HEADER: usize = 2 + 2 * (16 + 2 + 4);

#[cfg(test)]
mod tests {
    use super::*;

    fn path(local: &str, remote: &str) -> Path {
        Path::udp(local.parse().unwrap(), remote.parse().unwrap())
    }

    #[test]
    fn datagrams_come_out_as_they_went_in_however_the_ring_is_split() {
        let paths = [
            path("10.0.0.1:8800", "192.0.2.9:65535"),
            path("[2001:db8::1]:8800", "[2001:db8::2]:1"),
            Path {
                remote: SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 0, 3).into(),
                ..path("[fe80::2]:8800", "[::1]:1")
            },
        ];
        let (mut sender, mut receiver) = detour(4_001);
        let mut buffer = [0; MAX_DATAGRAM];
        for round in 0..2_000 {
            let path = paths[round % paths.len()];
            let datagram: Vec<u8> = (0..round % 1_500).map(|n| (n ^ round) as u8).collect();
            assert!(sender.push(&path, &datagram));
            let (from, len) = receiver.pop(&mut buffer).unwrap();
            assert_eq!((from, &buffer[..len]), (path, &datagram[..]));
            assert!(receiver.is_empty());
        }
    }

    #[test]
    fn what_has_no_room_is_refused_whole_and_the_rest_stays_in_order() {
        let path = path("10.0.0.1:8800", "192.0.2.9:5");
        let (mut sender, mut receiver) = detour(3 * (HEADER + 100));
        let mut buffer = [0; MAX_DATAGRAM];
        for round in 0..100u8 {
            for n in 0..3 {
                assert!(sender.push(&path, &[round + n; 100]));
            }
            assert!(!sender.push(&path, &[0; 1]));
            for n in 0..3 {
                let (_, len) = receiver.pop(&mut buffer).unwrap();
                assert_eq!(buffer[..len], [round + n; 100]);
            }
            assert!(receiver.pop(&mut buffer).is_none());
        }
        assert!(!detour(100_000).0.push(&path, &[0; MAX_DATAGRAM + 1]));
    }

    #[test]
    fn datagrams_cross_between_threads_whole_and_in_order() {
        let path = path("10.0.0.1:8800", "192.0.2.9:5");
        let (mut sender, mut receiver) = detour(10_000);
        const MANY: u32 = 50_000;
        #[expect(clippy::disallowed_methods, reason = "the other end of a test")]
        let other = std::thread::spawn(move || {
            let mut buffer = [0; MAX_DATAGRAM];
            for expected in 0..MANY {
                let len = loop {
                    match receiver.pop(&mut buffer) {
                        Some((_, len)) => break len,
                        None => std::thread::yield_now(),
                    }
                };
                assert_eq!(len, 4 + expected as usize % 1_000);
                assert_eq!(buffer[..4], expected.to_ne_bytes());
                assert!(buffer[4..len].iter().all(|byte| *byte == expected as u8));
            }
        });
        for number in 0..MANY {
            let mut datagram = number.to_ne_bytes().to_vec();
            datagram.resize(4 + number as usize % 1_000, number as u8);
            while !sender.push(&path, &datagram) {
                std::thread::yield_now();
            }
        }
        other.join().unwrap();
    }
}
