//! Batches on Linux: `recvmmsg` with coalescing, `sendmmsg` with segmentation, source addresses on both.

#![expect(
    unsafe_code,
    reason = "the batched system calls have no safe wrapper with per-message control data"
)]

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

use xrtc_rtp::Time;
use xrtc_sfu::{Path, Train};

use super::address::Name;
use super::buffer::{Message, ReceiveBuffer, SLOT_BYTES, SLOTS};
use super::control::{self, CONTROL_BYTES, Control, UDP_GRO, UDP_SEGMENT};
use super::cursor::Cursor;
use super::route::PlainRoutes;
use super::socket::{Link, Outgoing, Sent};

/// What the kernel keeps a socket's state in, as far as batches need it.
#[derive(Debug, Default)]
pub(super) struct Linux {
    /// Whether this kernel knows `UDP_SEGMENT` at all (4.18).
    segments: bool,
    plain_routes: PlainRoutes,
    /// The kernel's drop counter when it was last seen.
    drops: u32,
}

impl Linux {
    /// Switches on what the batches rely on. Coalescing, segmentation and the drop counter are optional.
    pub(super) fn prepare(socket: &impl AsRawFd, local: SocketAddr) -> io::Result<Self> {
        let fd = socket.as_raw_fd();
        // What comes to a socket of one address came to that address, which need not be said with each message.
        if local.ip().is_unspecified() {
            match local {
                SocketAddr::V4(_) => set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?,
                SocketAddr::V6(_) => set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?,
            }
        }
        // Without these the batches are smaller, or the drops unknown; nothing else changes.
        let _ = set_option(fd, libc::SOL_UDP, UDP_GRO, 1);
        let _ = set_option(fd, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1);
        // A kernel that does not know the option would send a train as one large datagram, so it is asked first.
        let segments = set_option(fd, libc::SOL_UDP, UDP_SEGMENT, 0).is_ok();
        Ok(Self {
            segments,
            ..Self::default()
        })
    }

    /// Receives one batch into `buffer`. `false`: there was room for more than there was.
    pub(super) fn receive(
        &mut self,
        link: &Link<'_>,
        buffer: &mut ReceiveBuffer,
    ) -> io::Result<bool> {
        let (bytes, arrays) = buffer.bytes_and_arrays();
        let count = arrays.receive(link.io.as_raw_fd(), bytes)?;
        for index in 0..count {
            let (message, beside) = buffer.linux.message(index, link.local);
            if let Some(drops) = beside.drops {
                let new = drops.wrapping_sub(mem::replace(&mut self.drops, drops));
                link.counters.kernel_drops.add(u64::from(new));
            }
            match message {
                Some(message) => buffer.push(index, message),
                None => link.counters.datagrams_truncated.add(1),
            }
        }
        Ok(count == SLOTS)
    }

    /// Sends from `cursor` on until everything of this socket's family is out or the socket takes no more.
    pub(super) fn send(
        &mut self,
        link: &Link<'_>,
        out: &Outgoing<'_>,
        cursor: &mut Cursor,
        arrays: &mut SendArrays,
    ) -> Sent {
        loop {
            let (count, end) = self.fill(link, out, *cursor, arrays);
            if count == 0 {
                *cursor = end;
                return Sent::All;
            }
            match arrays.send(link.io.as_raw_fd(), count) {
                Ok(sent) => {
                    let marks = arrays.marks.get(..sent).unwrap_or_default();
                    self.account(link, out, marks);
                    // Behind the last message there may be trains of the other family only.
                    *cursor = marks.last().map_or(end, |mark| mark.after);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Sent::Blocked,
                Err(error) => *cursor = refuse(link, &arrays.marks[0], &error),
            }
        }
    }

    /// Describes the next messages to the kernel, and says how many there are and where they end.
    fn fill(
        &self,
        link: &Link<'_>,
        out: &Outgoing<'_>,
        mut cursor: Cursor,
        arrays: &mut SendArrays,
    ) -> (usize, Cursor) {
        let mut count = 0;
        while count < SEND_MESSAGES {
            let Some(train) = out.batch.train(cursor.train) else {
                break;
            };
            let left = train.bytes.get(cursor.offset..).unwrap_or_default();
            if left.is_empty() || !link.carries(&train.path) {
                cursor = cursor.next_train();
                continue;
            }
            let wanted = cursor.past_given_up(&train);
            if wanted != cursor {
                cursor = wanted;
                continue;
            }
            let alone = left.len() <= train.segment_size;
            let whole =
                alone || self.segments && cursor.split.is_none() && !self.is_plain(&train, out.now);
            let bytes = if whole {
                left
            } else {
                left.get(..train.segment_size).unwrap_or(left)
            };
            let mark = Mark {
                at: cursor,
                len: bytes.len(),
                segment: train.segment_size,
                after: cursor.after(&train, bytes.len()),
            };
            let source = source(link.local, train.path.local);
            arrays.describe(count, bytes, (source, train.path.remote), mark);
            cursor = mark.after;
            count += 1;
        }
        (count, cursor)
    }

    fn is_plain(&self, train: &Train<'_>, now: Time) -> bool {
        self.plain_routes.contains(train.path.remote.ip(), now)
    }

    fn account(&mut self, link: &Link<'_>, out: &Outgoing<'_>, marks: &[Mark]) {
        let counters = link.counters;
        let (mut datagrams, mut bytes, mut trains) = (0, 0, 0);
        for mark in marks {
            datagrams += mark.datagrams();
            bytes += mark.len;
            trains += usize::from(mark.is_train());
        }
        counters.datagrams_sent.add(datagrams as u64);
        counters.bytes_sent.add(bytes as u64);
        counters.trains_sent.add(trains as u64);
        counters.send_batches.add(1);
        // A datagram alone went where its train did not. If it fits every route, its size was not the cause.
        if let Some(first) = marks.first()
            && let Some(libc::EIO | libc::EINVAL | libc::EOPNOTSUPP) = first.at.split
            && let Some(train) = out.batch.train(first.at.train)
            && train.segment_size <= FITS_ANY_ROUTE
        {
            self.plain_routes.insert(train.path.remote.ip(), out.now);
        }
    }
}

/// The kernel did not take a message: it goes in pieces, or not at all. Says where to go on.
fn refuse(link: &Link<'_>, mark: &Mark, error: &io::Error) -> Cursor {
    let code = error.raw_os_error().unwrap_or_default();
    let may_be_segmentation = matches!(
        code,
        libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP
    );
    if mark.is_train() && may_be_segmentation {
        link.counters.trains_split.add(1);
        return mark.at.splitting(code);
    }
    if code == libc::EMSGSIZE {
        link.counters.datagrams_oversize.add(1);
    } else {
        link.counters.send_errors.add(mark.datagrams() as u64);
    }
    mark.after
}

/// What one message of a send call stands for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    at: Cursor,
    len: usize,
    segment: usize,
    after: Cursor,
}

impl Mark {
    const fn is_train(&self) -> bool {
        self.len > self.segment
    }

    const fn datagrams(&self) -> usize {
        if self.segment == 0 {
            0
        } else {
            self.len.div_ceil(self.segment)
        }
    }
}

/// The kernel's view of the messages of one send call. Holds pointers, so it stays on its thread.
pub(super) struct SendArrays {
    headers: Box<[libc::mmsghdr; SEND_MESSAGES]>,
    pieces: Box<[libc::iovec; SEND_MESSAGES]>,
    names: Box<[Name; SEND_MESSAGES]>,
    controls: Box<[Control; SEND_MESSAGES]>,
    marks: Box<[Mark; SEND_MESSAGES]>,
}

impl SendArrays {
    pub(super) fn new() -> Self {
        Self {
            headers: Box::new([empty_header(); SEND_MESSAGES]),
            pieces: Box::new([EMPTY_PIECE; SEND_MESSAGES]),
            names: Box::new([Name::empty(); SEND_MESSAGES]),
            controls: Box::new([Control::EMPTY; SEND_MESSAGES]),
            marks: Box::new([Mark::default(); SEND_MESSAGES]),
        }
    }

    /// Describes message `index`: `bytes` from an address, if that is to be said, to another. The bytes must stay where
    /// they are until [`send`](Self::send).
    fn describe(
        &mut self,
        index: usize,
        bytes: &[u8],
        (source, remote): (Option<(IpAddr, u32)>, SocketAddr),
        mark: Mark,
    ) {
        let header = &mut self.headers[index].msg_hdr;
        let name = &mut self.names[index];
        header.msg_namelen = name.write(remote);
        header.msg_name = ptr::from_mut(name).cast();
        // The kernel only reads from the piece of a message that is sent.
        self.pieces[index] = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        header.msg_iov = &raw mut self.pieces[index];
        header.msg_iovlen = 1;
        let segment = if mark.is_train() {
            u16::try_from(mark.segment).ok()
        } else {
            None
        };
        control::write(header, &mut self.controls[index], source, segment);
        self.marks[index] = mark;
    }

    /// Sends the first `count` described messages and says how many the kernel took; an error is the first one's.
    fn send(&mut self, fd: RawFd, count: usize) -> io::Result<usize> {
        let count = count.min(SEND_MESSAGES) as libc::c_uint;
        // SAFETY: `count` headers are there, each with pointers into the other arrays (boxed, so they stay where
        // they are) and to bytes that `send`'s caller borrows; the kernel writes `msg_len` only.
        let sent = unsafe {
            libc::sendmmsg(
                fd,
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT as _,
            )
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

/// The kernel's view of the slots of one receive call. Holds pointers, so it stays on its thread.
pub(super) struct ReceiveArrays {
    headers: [libc::mmsghdr; SLOTS],
    pieces: [libc::iovec; SLOTS],
    names: [Name; SLOTS],
    controls: [Control; SLOTS],
}

impl ReceiveArrays {
    pub(super) fn new() -> Self {
        Self {
            headers: [empty_header(); SLOTS],
            pieces: [EMPTY_PIECE; SLOTS],
            names: [Name::empty(); SLOTS],
            controls: [Control::EMPTY; SLOTS],
        }
    }

    /// Receives into the slots of `bytes` and says how many were filled.
    fn receive(&mut self, fd: RawFd, bytes: &mut [u8]) -> io::Result<usize> {
        let slots = bytes.chunks_exact_mut(SLOT_BYTES).take(SLOTS);
        let mut count: libc::c_uint = 0;
        for (index, slot) in slots.enumerate() {
            self.pieces[index] = libc::iovec {
                iov_base: slot.as_mut_ptr().cast(),
                iov_len: slot.len(),
            };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = size_of::<Name>() as libc::socklen_t;
            header.msg_iov = &raw mut self.pieces[index];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[index].as_mut_ptr();
            header.msg_controllen = CONTROL_BYTES as _;
            header.msg_flags = 0;
            count += 1;
        }
        // SAFETY: `count` headers are there, each with pointers to one slot, one name and one control room, with
        // their sizes; all of them live in `self` and `bytes`, which are borrowed until the call returns.
        let received = unsafe {
            libc::recvmmsg(
                fd,
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    }

    /// What the last receive call put in slot `index`; nothing if it is no whole message from an IP address.
    fn message(&self, index: usize, bound: SocketAddr) -> (Option<Message>, control::Received) {
        let header = &self.headers[index];
        let len = header.msg_len as usize;
        // SAFETY: the receive call has just filled this header; its control room is in `self`.
        let beside = unsafe { control::read(&header.msg_hdr) };
        let whole = header.msg_hdr.msg_flags & libc::MSG_TRUNC == 0;
        let remote = self.names[index]
            .read(header.msg_hdr.msg_namelen)
            .filter(|_| whole);
        let message = remote.map(|remote| Message {
            path: Path::udp(local(bound, beside.local), remote),
            len,
            segment: beside.segment.unwrap_or(len),
        });
        (message, beside)
    }
}

/// The address a message was sent to: the bound port at the address that the kernel names, if the socket has several.
fn local(bound: SocketAddr, destination: Option<(IpAddr, u32)>) -> SocketAddr {
    match destination {
        Some((IpAddr::V4(ip), _)) => SocketAddr::new(ip.into(), bound.port()),
        Some((IpAddr::V6(ip), scope)) => SocketAddrV6::new(ip, bound.port(), 0, scope).into(),
        None => bound,
    }
}

/// The address a message is to leave from, where the kernel must be told: it takes that of the socket by itself, and
/// where the path does not know one the choice is the kernel's. Each control message beside a datagram costs time, the
/// second one an allocation in the kernel.
fn source(bound: SocketAddr, local: SocketAddr) -> Option<(IpAddr, u32)> {
    let address = |local: SocketAddr| match local {
        SocketAddr::V4(local) => (IpAddr::V4(*local.ip()), 0),
        SocketAddr::V6(local) => (IpAddr::V6(*local.ip()), local.scope_id()),
    };
    let source = address(local);
    (!local.ip().is_unspecified() && source != address(bound)).then_some(source)
}

/// Sets an option of a socket that is a C int.
pub(crate) fn set_option(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value is a C int that lives until the call returns, and `size` is its size.
    let result = unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

const fn empty_header() -> libc::mmsghdr {
    // SAFETY: plain integers and pointers; all zeroes is a header without name, pieces and control data.
    unsafe { mem::zeroed() }
}

const EMPTY_PIECE: libc::iovec = libc::iovec {
    iov_base: ptr::null_mut(),
    iov_len: 0,
};
/// Messages that a send call carries. More gained nothing in the measurement of 64 on loopback.
const SEND_MESSAGES: usize = 64;
/// The UDP payload that fits the least link of IPv6 (RFC 8200 §5): 1280 less the IPv6 and UDP headers.
const FITS_ANY_ROUTE: usize = 1232;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use xrtc_sfu::{Batch, Class, PeerId, Tag};

    use super::*;
    use crate::counters::Counters;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "both ends of a test")]
    fn a_kernel_that_knows_no_segments_gets_datagrams_one_by_one() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let local = socket.local_addr().unwrap();
        let mut linux = Linux {
            segments: false,
            ..Linux::prepare(&socket, local).unwrap()
        };
        socket.set_nonblocking(true).unwrap();
        let (io, counters) = (mio::net::UdpSocket::from_std(socket), Counters::default());
        let mut batch = Batch::with_capacity(8_000);
        let tag = Tag {
            peer: PeerId(1),
            class: Class::Video,
        };
        for size in [500, 500, 500, 20] {
            assert!(batch.space().is_some());
            batch.commit(Path::udp(local, client.local_addr().unwrap()), tag, size);
        }
        let out = Outgoing {
            batch: &batch,
            now: Time::ZERO,
        };
        let link = Link {
            io: &io,
            local,
            counters: &counters,
        };
        let mut arrays = SendArrays::new();
        let sent = linux.send(&link, &out, &mut Cursor::default(), &mut arrays);
        assert_eq!(sent, Sent::All);
        let sizes = [0; 4].map(|_| client.recv(&mut [0; 1500]).unwrap());
        assert_eq!(sizes, [500, 500, 500, 20]);
        let counters = counters.snapshot();
        assert_eq!((counters.trains_sent, counters.trains_split), (0, 0));
        assert_eq!((counters.datagrams_sent, counters.send_batches), (4, 1));
    }
}
