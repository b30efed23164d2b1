//! Counters that any thread may read while a worker counts.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident => $name:literal,)*) => {
        /// What one worker's sockets and queues did. Only the worker writes; anyone reads, each figure by itself.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $field: Counter,)*
        }

        /// A snapshot of one worker's socket and queue figures.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct SocketCounters {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> SocketCounters {
                SocketCounters { $($field: self.$field.get(),)* }
            }
        }

        impl SocketCounters {
            /// Every figure with its stable camelCase name.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$(($name, self.$field),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Datagrams received.
    datagrams_received => "datagramsReceived",
    /// Bytes of them.
    bytes_received => "bytesReceived",
    /// Calls that received something.
    receive_batches => "receiveBatches",
    /// Messages that were longer than their slot and are lost.
    datagrams_truncated => "datagramsTruncated",
    /// Receive calls that failed (an ICMP error for an earlier datagram, mostly).
    receive_errors => "receiveErrors",
    /// Datagrams that the kernel dropped because the socket's receive buffer was full.
    kernel_drops => "kernelDrops",
    /// Datagrams sent.
    datagrams_sent => "datagramsSent",
    /// Bytes of them.
    bytes_sent => "bytesSent",
    /// Messages of two or more datagrams that the kernel took as one train.
    trains_sent => "trainsSent",
    /// Calls that sent something.
    send_batches => "sendBatches",
    /// Datagrams that the kernel refused to send (no route, no permission, no such local address).
    send_errors => "sendErrors",
    /// Datagrams larger than the route takes.
    datagrams_oversize => "datagramsOversize",
    /// Trains that had to be sent one datagram at a time because the route does not segment.
    trains_split => "trainsSplit",
    /// Times that the socket took no more for the moment.
    send_blocked => "sendBlocked",
    /// Datagrams dropped because the socket took none for too long.
    send_dropped => "sendDropped",
    /// The receive buffers' bytes, as the kernel granted them; a gauge.
    receive_buffer_bytes => "receiveBufferBytes",
    /// The send buffers' bytes, as the kernel granted them; a gauge.
    send_buffer_bytes => "sendBufferBytes",
    /// Sockets that one peer has alone, because it does full ICE; a gauge.
    own_sockets => "ownSockets",
    /// Allocations of such peers at TURN servers; a gauge.
    relayed_addresses => "relayedAddresses",
    /// TCP connections of peers; a gauge.
    tcp_connections => "tcpConnections",
    /// TCP connections that have not shown yet whose they are; a gauge.
    tcp_waiting => "tcpWaiting",
    /// TCP connections taken.
    tcp_accepted => "tcpAccepted",
    /// Those of them that were closed because they were too many, too slow, or began with no authentic check.
    tcp_refused => "tcpRefused",
    /// Frames received on TCP connections.
    tcp_frames_received => "tcpFramesReceived",
    /// Frames sent on TCP connections, or waiting there.
    tcp_frames_sent => "tcpFramesSent",
    /// Frames dropped because the connection took none for too long.
    tcp_frames_dropped => "tcpFramesDropped",
    /// TCP connections closed because they announced a frame longer than any datagram.
    tcp_frames_too_long => "tcpFramesTooLong",
    /// Datagrams received for other workers, with which the port is shared, and passed on to them.
    passed_on => "passedOn",
    /// Such datagrams that the other worker had no room for.
    pass_dropped => "passDropped",
    /// Connectivity checks that named another worker's peer and were not authentic.
    checks_refused => "checksRefused",
    /// Addresses whose datagrams are passed on to other workers; a gauge.
    detours => "detours",
    /// Turns of the worker's loop.
    turns => "turns",
    /// Times that the worker let datagrams gather, for 100 µs at most, because they came one by one and often.
    pauses => "pauses",
    /// Times that the ring of events to the application was full, and events waited in the state machine.
    event_ring_full => "eventRingFull",
    /// Times that the worker met a bug and started again.
    restarts => "restarts",
}

/// One figure with a single writer.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more. A load and a store instead of a locked addition: there is one writer.
    pub(crate) fn add(&self, n: u64) {
        let sum = self.0.load(Ordering::Relaxed).wrapping_add(n);
        self.0.store(sum, Ordering::Relaxed);
    }

    /// Takes `n` off a gauge.
    pub(crate) fn subtract(&self, n: u64) {
        self.set(self.get().saturating_sub(n));
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
