//! Preallocated room for one receive batch.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use xrtc_sfu::Path;

/// Slots for the datagrams of one receive call; lives on the worker's thread and is used by all its sockets in turn.
pub(crate) struct ReceiveBuffer {
    bytes: Box<[u8]>,
    /// What the slots hold, by the slot's number; `filled` of them, in order of arrival.
    messages: [(usize, Message); SLOTS],
    filled: usize,
    #[cfg(target_os = "linux")]
    pub(super) linux: Box<super::linux::ReceiveArrays>,
}

/// Where a received message lies and whence it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) path: Path,
    pub(super) len: usize,
    /// The size of each datagram in the message; the last one may be shorter. Equal to `len` without coalescing.
    pub(super) segment: usize,
}

impl ReceiveBuffer {
    pub(crate) fn new() -> Self {
        Self {
            // Zeroed by the allocator: pages that no datagram ever reaches are never resident.
            bytes: vec![0; SLOTS * SLOT_BYTES].into_boxed_slice(),
            messages: [(
                0,
                Message {
                    path: NOWHERE,
                    len: 0,
                    segment: 1,
                },
            ); SLOTS],
            filled: 0,
            #[cfg(target_os = "linux")]
            linux: Box::new(super::linux::ReceiveArrays::new()),
        }
    }

    /// Hands every received datagram to `take`, in order of arrival, coalesced ones split again. Then all slots are
    /// free again.
    pub(crate) fn for_each(&mut self, mut take: impl FnMut(Path, &mut [u8])) {
        let filled = std::mem::take(&mut self.filled);
        for &(slot, message) in self.messages.iter().take(filled) {
            let start = slot * SLOT_BYTES;
            let received = self
                .bytes
                .get_mut(start..start + message.len.min(SLOT_BYTES));
            let received = received.unwrap_or_default();
            if received.is_empty() {
                // A datagram without a byte is one all the same.
                take(message.path, received);
            }
            for datagram in received.chunks_mut(message.segment.max(1)) {
                take(message.path, datagram);
            }
        }
    }

    /// Shows every received datagram to `look`, in the order of [`for_each`](Self::for_each), and keeps them.
    pub(crate) fn look(&self, mut look: impl FnMut(Path, &[u8])) {
        for &(slot, message) in self.messages.iter().take(self.filled) {
            let start = slot * SLOT_BYTES;
            let received = self.bytes.get(start..start + message.len.min(SLOT_BYTES));
            let received = received.unwrap_or_default();
            if received.is_empty() {
                look(message.path, received);
            }
            for datagram in received.chunks(message.segment.max(1)) {
                look(message.path, datagram);
            }
        }
    }

    /// How many datagrams and bytes are there.
    pub(crate) fn size(&self) -> (usize, usize) {
        let filled = self.messages.iter().take(self.filled);
        filled.fold((0, 0), |(datagrams, bytes), (_, message)| {
            let here = message.len.div_ceil(message.segment.max(1)).max(1);
            (datagrams + here, bytes + message.len)
        })
    }

    pub(super) fn slot(&mut self, index: usize) -> &mut [u8] {
        let start = index * SLOT_BYTES;
        self.bytes
            .get_mut(start..start + SLOT_BYTES)
            .unwrap_or_default()
    }

    /// All slots, side by side, and the kernel's view of them.
    #[cfg(target_os = "linux")]
    pub(super) fn bytes_and_arrays(&mut self) -> (&mut [u8], &mut super::linux::ReceiveArrays) {
        (&mut self.bytes, &mut self.linux)
    }

    /// Notes that slot `slot` holds `message`.
    pub(super) fn push(&mut self, slot: usize, message: Message) {
        if let Some(next) = self.messages.get_mut(self.filled) {
            *next = (slot, message);
            self.filled += 1;
        }
    }
}

const NOWHERE: Path = Path::udp(
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
);
/// Messages a receive call can bring.
pub(super) const SLOTS: usize = 16;
/// A coalesced message (`UDP_GRO`) may have the size of the largest UDP datagram.
pub(super) const SLOT_BYTES: usize = 65_536;
