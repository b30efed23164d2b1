//! One SSRC of the publisher.

use xrtc_rtp::{PayloadType, RtpPacket, Ssrc, Time};

use crate::config::IngestCodec;
use crate::reception::Reception;

/// One SSRC of the publisher: media, or retransmissions of it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) ssrc: Ssrc,
    pub(crate) track: u8,
    pub(crate) layer: u8,
    pub(crate) is_rtx: bool,
    pub(crate) reception: Reception,
    pub(crate) received: Received,
    pub(crate) last_packet: Time,
    pub(crate) payload_type: Option<PayloadType>,
    pub(crate) format: Option<u8>,
    pub(crate) clock_rate: u32,
    /// It said goodbye, and nothing came since.
    pub(crate) bye: bool,
}

/// What arrived under one SSRC.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Received {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) header_bytes: u64,
    /// Of the packets, those that answered requests.
    pub(crate) again: u64,
    pub(crate) again_bytes: u64,
}

impl Source {
    pub(crate) fn new(ssrc: Ssrc, track: u8, layer: u8, is_rtx: bool) -> Self {
        Self {
            ssrc,
            track,
            layer,
            is_rtx,
            reception: Reception::default(),
            received: Received::default(),
            last_packet: Time::ZERO,
            payload_type: None,
            format: None,
            clock_rate: 0,
            bye: false,
        }
    }

    /// Counts a packet and returns the clock rate of its timestamps.
    pub(super) fn note(
        &mut self,
        now: Time,
        packet: &RtpPacket<'_>,
        format: Option<u8>,
        codecs: &[IngestCodec],
    ) -> u32 {
        self.last_packet = now;
        self.bye = false;
        self.received.packets += 1;
        self.received.bytes += packet.payload().len() as u64;
        self.received.header_bytes += (packet.header_len() + packet.padding_len()) as u64;
        if format.is_some() && format != self.format {
            self.format = format;
            self.payload_type = Some(packet.payload_type());
            let codec = format.and_then(|index| codecs.get(usize::from(index)));
            self.clock_rate = codec.map_or(0, |codec| codec.clock_rate);
        }
        self.clock_rate
    }
}
