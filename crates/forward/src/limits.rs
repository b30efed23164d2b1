//! The bounds of everything that a peer can make grow.

use std::time::Duration;

/// The bounds of one stream; the associated constants are fixed because inline storage depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Viewers of one stream on one worker. Default 16,384.
    pub viewers: usize,
    /// Packets kept per video layer, a power of two. Default 1,024.
    pub video_packets: usize,
    /// Packets kept per audio layer, a power of two. Default 256.
    pub audio_packets: usize,
    /// Bytes kept per layer. Default 4 MiB.
    pub layer_bytes: usize,
    /// How long packets are kept. Default 1,200 ms.
    pub packet_age: Duration,
    /// A joining viewer is served from the cache if the picture group so far has no more packets than this;
    /// 0 never does. Sent at once, so no more than a slow link takes in half a second. Default 96.
    pub join_burst: usize,
    /// Items on their way to mirrors; beyond it packets are dropped and counted. Default 8,192.
    pub relay_items: usize,
}

impl Limits {
    /// Tracks of one publisher or viewer.
    pub const MAX_TRACKS: usize = 8;
    /// Simulcast layers of one track.
    pub const MAX_LAYERS: usize = 4;
    /// Payload formats of one track.
    pub const MAX_CODECS: usize = 64;
    /// SSRCs of one publisher, retransmissions included.
    pub const MAX_SSRCS: usize = 32;
    /// The longest RTP packet taken from a publisher, in bytes.
    pub const MAX_PACKET: usize = 1_500;
    /// The longest header written for a viewer, in bytes.
    pub const MAX_HEADER: usize = 256;
    /// Forwardable header extensions of one packet.
    pub const MAX_EXTENSIONS: usize = 8;
    /// Packets of one layer missing at once; beyond it a key frame is asked for instead.
    pub const MAX_MISSING: usize = 512;
    /// Requests to the publisher for one packet.
    pub const MAX_NACK_TRIES: u8 = 10;
    /// Sequence numbers that one RTCP datagram of a viewer may ask for.
    pub const MAX_NACKED: usize = 1_024;
    /// Packets waiting to be sent to one viewer again.
    pub const MAX_RESENDS: usize = 512;
    /// Past switches of one subscription that can still be answered for.
    pub const MAX_SEGMENTS: usize = 8;
    /// Packets waiting to be forwarded to viewers: five seconds of 1.5 Mbit/s with sound, half a second of 20 Mbit/s.
    pub const MAX_FRESH: usize = 1_024;
    /// Events waiting for the caller.
    pub const MAX_EVENTS: usize = 4_096;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            viewers: 16_384,
            video_packets: 1_024,
            audio_packets: 256,
            layer_bytes: 4 << 20,
            packet_age: Duration::from_millis(1_200),
            join_burst: 96,
            relay_items: 8_192,
        }
    }
}
