//! The system calls that the yardsticks need, one safe function each.

#![expect(
    unsafe_code,
    reason = "clocks of threads, socket filters and batches have no safe wrapper"
)]

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// The CPU time of the calling thread.
pub(crate) fn thread_cpu() -> Duration {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// The monotonic clock.
pub(crate) fn monotonic() -> Duration {
    clock(libc::CLOCK_MONOTONIC)
}

/// Lets so much time pass without using the CPU.
pub(crate) fn nap(time: Duration) {
    let time = libc::timespec {
        tv_sec: time.as_secs() as libc::time_t,
        tv_nsec: i64::from(time.subsec_nanos()) as _,
    };
    // SAFETY: the kernel reads one timespec, which is ours.
    unsafe { libc::nanosleep(&raw const time, ptr::null_mut()) };
}

fn clock(id: libc::clockid_t) -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one timespec, which is ours.
    unsafe { libc::clock_gettime(id, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Keeps the calling thread on one CPU.
pub(crate) fn pin(cpu: usize) -> io::Result<()> {
    // SAFETY: a set of CPUs is plain bits.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the number lies within the set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set is ours and has the size that is told.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) }).map(drop)
}

/// A UDP socket on loopback with large buffers.
pub(crate) fn udp() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    let _ = socket.set_send_buffer_size(4 << 20);
    socket.bind(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0).into())?;
    Ok(socket)
}

/// A receiver whose filter drops RTP data in the kernel, where it is counted: the one of the load generator's viewers
/// (`benches/load/filter.go`), because on loopback the sender pays for it.
pub(crate) struct Sink {
    socket: Socket,
    /// Where it is.
    pub(crate) address: SocketAddrV4,
}

impl Sink {
    pub(crate) fn new() -> io::Result<Self> {
        let socket = udp()?;
        let mut program = RTP_FILTER;
        let filter = libc::sock_fprog {
            len: program.len() as libc::c_ushort,
            filter: program.as_mut_ptr(),
        };
        set_option(&socket, libc::SO_ATTACH_FILTER, &filter)?;
        let address = address(&socket)?;
        Ok(Self { socket, address })
    }

    /// How many datagrams have reached it.
    pub(crate) fn count(&self) -> io::Result<u32> {
        // linux/sock_diag.h: SK_MEMINFO_DROPS is the last of nine.
        let mut info = [0_u32; 9];
        let mut size = size_of_val(&info) as libc::socklen_t;
        // SAFETY: the kernel writes at most `size` bytes to the array, which is ours.
        check(unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                info.as_mut_ptr().cast(),
                &raw mut size,
            )
        })?;
        Ok(info[8])
    }
}

/// Drops what RFC 5761 §4 takes for RTP data by its first two bytes, behind the UDP header; everything else passes.
const RTP_FILTER: [libc::sock_filter; 9] = [
    instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 8, 0, 0),
    instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 128, 0, 6),
    instruction(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, 191, 5, 0),
    instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 9, 0, 0),
    instruction(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0x7f, 0, 0),
    instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 64, 0, 1),
    instruction(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, 95, 0, 1),
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    instruction(libc::BPF_RET | libc::BPF_K, 1 << 16, 0, 0),
];

const fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

/// Where a socket of ours is.
pub(crate) fn address(socket: &Socket) -> io::Result<SocketAddrV4> {
    let address = socket.local_addr()?.as_socket_ipv4();
    address.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// The messages of one send call.
pub(crate) struct Messages {
    headers: Box<[libc::mmsghdr]>,
    pieces: Box<[libc::iovec]>,
    names: Box<[libc::sockaddr_in]>,
    controls: Box<[Control]>,
}

/// Room for one control message of two bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 24]);

impl Messages {
    /// Room for so many.
    pub(crate) fn new(count: usize) -> Self {
        // SAFETY: integers and pointers, for all of which zeroes are a value.
        let (header, piece, name) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        Self {
            headers: vec![header; count].into(),
            pieces: vec![piece; count].into(),
            names: vec![name; count].into(),
            controls: vec![Control([0; 24]); count].into(),
        }
    }

    /// Sends `bytes`, cut into pieces that begin and end at multiples of `message` bytes, to `receivers` in turn. Each
    /// message leaves as a train of datagrams of `segment` bytes.
    pub(crate) fn send(
        &mut self,
        socket: &Socket,
        (bytes, message, segment): (&[u8], usize, usize),
        receivers: &[SocketAddrV4],
    ) -> io::Result<()> {
        let count = receivers.len().min(self.headers.len());
        for (index, (piece, receiver)) in bytes.chunks(message).zip(receivers).enumerate() {
            self.describe(index, piece, *receiver, segment);
        }
        let mut first = 0;
        while first < count {
            let headers = &mut self.headers[first..count];
            // SAFETY: each header points to a name, a piece and a control room in `self`; the pieces point into
            // `bytes`. All live until the call returns.
            let sent = unsafe {
                if headers.len() == 1 {
                    libc::sendmsg(socket.as_raw_fd(), &raw const headers[0].msg_hdr, 0).min(1)
                } else {
                    let len = headers.len() as libc::c_uint;
                    libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), len, 0) as isize
                }
            };
            match usize::try_from(sent) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => first += sent,
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        }
        Ok(())
    }

    fn describe(&mut self, index: usize, bytes: &[u8], receiver: SocketAddrV4, segment: usize) {
        let header = &mut self.headers[index].msg_hdr;
        let name = &mut self.names[index];
        name.sin_family = libc::AF_INET as libc::sa_family_t;
        name.sin_port = receiver.port().to_be();
        name.sin_addr.s_addr = u32::from(*receiver.ip()).to_be();
        header.msg_name = ptr::from_mut(name).cast();
        header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        self.pieces[index] = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        header.msg_iov = &raw mut self.pieces[index];
        header.msg_iovlen = 1;
        if bytes.len() <= segment {
            header.msg_control = ptr::null_mut();
            header.msg_controllen = 0;
            return;
        }
        header.msg_control = self.controls[index].0.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE of two bytes is 24 on every 64-bit Linux, and the room has that size and alignment.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(2) as _;
            let control = libc::CMSG_FIRSTHDR(header);
            (*control).cmsg_level = libc::SOL_UDP;
            (*control).cmsg_type = libc::UDP_SEGMENT;
            (*control).cmsg_len = libc::CMSG_LEN(2) as _;
            ptr::write_unaligned(libc::CMSG_DATA(control).cast(), segment as u16);
        }
    }
}

/// Room for the datagrams of one receive call.
pub(crate) struct Receiver {
    headers: Box<[libc::mmsghdr]>,
    pieces: Box<[libc::iovec]>,
    names: Box<[libc::sockaddr_in]>,
    bytes: Box<[u8]>,
}

impl Receiver {
    /// Room for so many.
    pub(crate) fn new(count: usize) -> Self {
        // SAFETY: integers and pointers, for all of which zeroes are a value.
        let (header, piece, name) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        Self {
            headers: vec![header; count].into(),
            pieces: vec![piece; count].into(),
            names: vec![name; count].into(),
            bytes: vec![0; count * SLOT_BYTES].into(),
        }
    }

    /// Waits up to 100 ms for datagrams, takes one batch and says how many there are.
    pub(crate) fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        let slots = self.bytes.chunks_exact_mut(SLOT_BYTES);
        for (index, slot) in slots.enumerate() {
            self.pieces[index] = libc::iovec {
                iov_base: slot.as_mut_ptr().cast(),
                iov_len: slot.len(),
            };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_iov = &raw mut self.pieces[index];
            header.msg_iovlen = 1;
        }
        let mut readable = libc::pollfd {
            fd: socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let count = self.headers.len() as libc::c_uint;
        // SAFETY: the kernel writes to one pollfd and to the headers, each of which points to its own slot and name with
        // their sizes; all of them are ours until the calls return.
        let received = unsafe {
            if libc::poll(&raw mut readable, 1, 100) == 0 {
                return Ok(0);
            }
            let flags = libc::MSG_DONTWAIT as _;
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                flags,
                ptr::null_mut(),
            )
        };
        match usize::try_from(received) {
            Ok(received) => Ok(received),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                error => Err(error),
            },
        }
    }

    /// The port that datagram `index` of the last batch came from, and its bytes.
    pub(crate) fn datagram(&mut self, index: usize) -> (u16, &mut [u8]) {
        let len = (self.headers[index].msg_len as usize).min(SLOT_BYTES);
        let begin = index * SLOT_BYTES;
        let bytes = &mut self.bytes[begin..begin + len];
        (u16::from_be(self.names[index].sin_port), bytes)
    }
}

const SLOT_BYTES: usize = 1_600;

fn set_option<T>(socket: &Socket, name: libc::c_int, value: &T) -> io::Result<()> {
    let fd: RawFd = socket.as_raw_fd();
    let size = size_of::<T>() as libc::socklen_t;
    // SAFETY: the value lives until the call returns, and `size` is its size.
    check(unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            name,
            ptr::from_ref(value).cast(),
            size,
        )
    })
    .map(drop)
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
