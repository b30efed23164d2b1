//! Snapshots of counters, named as W3C names them (webrtc-stats).

use std::time::Duration;

use xrtc_rtp::{Bitrate, MediaKind, Mid, PayloadType, Rid, Ssrc, Time};

use crate::{Counters, Format, LayerId, TrackId, ViewerId};

/// What a publisher sent, per layer.
#[derive(Clone, Debug, Default)]
pub struct StreamStats {
    /// One entry per layer that packets arrived on.
    pub inbound: Vec<InboundStats>,
    /// What was dropped, from the publisher and the viewers.
    pub discards: Counters,
    /// Viewers now.
    pub viewers: usize,
}

/// `inbound-rtp`: one layer of one track of the publisher.
#[derive(Clone, Debug)]
pub struct InboundStats {
    /// The track.
    pub track: TrackId,
    /// The layer within the track.
    pub layer: LayerId,
    /// Audio or video.
    pub kind: MediaKind,
    /// The publisher's mid.
    pub mid: Option<Mid>,
    /// The layer's rid.
    pub rid: Option<Rid>,
    /// The SSRC. On a mirror zero.
    pub ssrc: Ssrc,
    /// The SSRC of retransmissions.
    pub rtx_ssrc: Option<Ssrc>,
    /// The codec of the last packet.
    pub format: Option<Format>,
    /// Its payload type at the publisher.
    pub payload_type: Option<PayloadType>,
    /// The ticks of its timestamp per second.
    pub clock_rate: u32,
    /// Packets received, retransmissions included.
    pub packets_received: u64,
    /// Payload bytes of these, without padding.
    pub bytes_received: u64,
    /// Header bytes and padding of these.
    pub header_bytes_received: u64,
    /// Of these packets, those that came as retransmissions.
    pub retransmitted_packets_received: u64,
    /// Payload bytes of the retransmissions.
    pub retransmitted_bytes_received: u64,
    /// Packets lost, by RFC 3550 appendix A.3; negative if duplicates outnumber losses.
    pub packets_lost: i64,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Frames begun.
    pub frames_received: u64,
    /// Key frames begun.
    pub key_frames: u64,
    /// The resolution of the last key frame, where the codec tells.
    pub resolution: Option<(u16, u16)>,
    /// The rate over about a second.
    pub bitrate: Bitrate,
    /// NACK packets sent for this layer.
    pub nack_count: u64,
    /// PLIs sent for this layer.
    pub pli_count: u64,
    /// FIRs sent for this layer.
    pub fir_count: u64,
    /// When its last packet arrived.
    pub last_packet: Option<Time>,
    /// Whether packets arrive on it now.
    pub live: bool,
}

/// What one viewer was sent.
#[derive(Clone, Debug)]
pub struct ViewerStats {
    /// The viewer.
    pub viewer: ViewerId,
    /// One entry per outgoing track.
    pub outbound: Vec<OutboundStats>,
    /// What was dropped of its requests.
    pub discards: Counters,
}

/// `outbound-rtp` of one track of one viewer, and the `remote-inbound-rtp` that the viewer reports of it.
#[derive(Clone, Debug)]
pub struct OutboundStats {
    /// Audio or video.
    pub kind: MediaKind,
    /// The viewer's mid.
    pub mid: Option<Mid>,
    /// The SSRC.
    pub ssrc: Ssrc,
    /// The SSRC of retransmissions.
    pub rtx_ssrc: Option<Ssrc>,
    /// The codec of the last packet.
    pub format: Option<Format>,
    /// The payload type of the last packet.
    pub payload_type: Option<PayloadType>,
    /// The layer that is being forwarded.
    pub layer: Option<LayerId>,
    /// Packets sent, retransmissions included.
    pub packets_sent: u64,
    /// Payload bytes of these.
    pub bytes_sent: u64,
    /// Header bytes of these.
    pub header_bytes_sent: u64,
    /// Of these packets, the retransmissions.
    pub retransmitted_packets_sent: u64,
    /// Payload bytes of the retransmissions.
    pub retransmitted_bytes_sent: u64,
    /// Frames begun.
    pub frames_sent: u64,
    /// Key frames begun.
    pub key_frames_sent: u64,
    /// The resolution of the layer that is being forwarded, where the codec tells.
    pub resolution: Option<(u16, u16)>,
    /// NACK packets received.
    pub nack_count: u64,
    /// PLIs received.
    pub pli_count: u64,
    /// FIRs received.
    pub fir_count: u64,
    /// The viewer's last report, once there is one.
    pub remote: Option<RemoteInboundStats>,
}

/// `remote-inbound-rtp`: a viewer's last report block about one of our SSRCs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RemoteInboundStats {
    /// Packets lost since the beginning.
    pub packets_lost: i32,
    /// The share lost since the report before, 0 to 1.
    pub fraction_lost: f32,
    /// Interarrival jitter.
    pub jitter: Duration,
    /// The last round trip, once a report answered one of ours.
    pub round_trip_time: Option<Duration>,
    /// The sum of all measured round trips.
    pub total_round_trip_time: Duration,
    /// How many round trips were measured.
    pub round_trip_time_measurements: u64,
}

/// What a stream holds, to be counted and compared after everybody left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Tracks of the present publisher.
    pub tracks: usize,
    /// SSRCs of the present publisher that are routed.
    pub sources: usize,
    /// Packets in the caches.
    pub packets: usize,
    /// Packet buffers that wait to be used again.
    pub spare_packets: usize,
    /// Viewers.
    pub viewers: usize,
    /// Outgoing tracks of all viewers.
    pub subscriptions: usize,
    /// Entries in the timer queue.
    pub timers: usize,
    /// Items on their way to mirrors.
    pub relay_items: usize,
    /// Events nobody took yet.
    pub events: usize,
}
