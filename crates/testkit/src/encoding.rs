//! One source that is being sent: numbering, history, retransmission and reports.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use xrtc_rtp::rtcp::{self, SenderInfo};
use xrtc_rtp::{HeaderFields, PayloadType, Ssrc, Time, WallClock, rtx, write_header};

/// A packet to be sealed and sent.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) ssrc: Ssrc,
    pub(crate) index: u64,
    pub(crate) repeat: bool,
    pub(crate) header: Vec<u8>,
    pub(crate) prefix: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

/// The ids and values of header extensions for one packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExtensionValues {
    pub(crate) elements: Vec<(u8, Vec<u8>)>,
}

/// One source.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) ssrc: Ssrc,
    pub(crate) payload_type: PayloadType,
    /// SSRC and payload type of retransmissions.
    pub(crate) rtx: Option<(Ssrc, PayloadType)>,
    pub(crate) clock_rate: u32,
    next: u64,
    next_rtx: u64,
    timestamp_base: u32,
    history: VecDeque<Sent>,
    packets: u32,
    octets: u32,
    pub(crate) resent: u64,
}

#[derive(Debug)]
struct Sent {
    packet: Outgoing,
    timestamp: u32,
    marker: bool,
    resent_at: Option<Time>,
}

impl Encoding {
    pub(crate) fn new(
        rng: &mut Rng,
        payload_type: PayloadType,
        rtx: Option<PayloadType>,
        clock_rate: u32,
    ) -> Self {
        let ssrc = Ssrc(rng.u32(1..));
        Self {
            ssrc,
            payload_type,
            rtx: rtx.map(|payload_type| (Ssrc(rng.u32(1..)), payload_type)),
            clock_rate,
            // libwebrtc starts below 2^15, so that the first packets cannot wrap.
            next: rng.u64(1..0x7fff),
            next_rtx: rng.u64(1..0x7fff),
            timestamp_base: rng.u32(..),
            history: VecDeque::new(),
            packets: 0,
            octets: 0,
            resent: 0,
        }
    }

    /// The timestamp at this time.
    pub(crate) fn timestamp(&self, now: Time) -> u32 {
        let ticks = u128::from(now.as_nanos()) * u128::from(self.clock_rate) / 1_000_000_000;
        self.timestamp_base.wrapping_add(ticks as u32)
    }

    /// The next packet.
    pub(crate) fn send(
        &mut self,
        (timestamp, marker): (u32, bool),
        payload: Vec<u8>,
        extensions: &ExtensionValues,
    ) -> Outgoing {
        let index = self.next;
        self.next += 1;
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        let fields = HeaderFields {
            marker,
            payload_type: self.payload_type,
            sequence_number: (index & 0xffff) as u16,
            timestamp,
            ssrc: self.ssrc,
        };
        let packet = Outgoing {
            ssrc: self.ssrc,
            index,
            repeat: false,
            header: header(&fields, extensions),
            prefix: Vec::new(),
            payload,
        };
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Sent {
            packet: packet.clone(),
            timestamp,
            marker,
            resent_at: None,
        });
        packet
    }

    /// A lost packet once more: as RTX, or without that bit by bit. Nothing if it is unknown, or was sent again less
    /// than `rtt` ago (libwebrtc `modules/rtp_rtcp/source/rtp_packet_history.cc`).
    pub(crate) fn resend(
        &mut self,
        now: Time,
        sequence_number: u16,
        rtt: Duration,
        extensions: &ExtensionValues,
    ) -> Option<Outgoing> {
        let sent = self
            .history
            .iter_mut()
            .rev()
            .find(|sent| (sent.packet.index & 0xffff) as u16 == sequence_number)?;
        if sent.resent_at.is_some_and(|at| now.since(at) < rtt) {
            return None;
        }
        sent.resent_at = Some(now);
        self.resent += 1;
        let Some((ssrc, payload_type)) = self.rtx else {
            return Some(Outgoing {
                repeat: true,
                ..sent.packet.clone()
            });
        };
        let index = self.next_rtx;
        self.next_rtx += 1;
        let fields = HeaderFields {
            marker: sent.marker,
            payload_type,
            sequence_number: (index & 0xffff) as u16,
            timestamp: sent.timestamp,
            ssrc,
        };
        Some(Outgoing {
            ssrc,
            index,
            repeat: false,
            header: header(&fields, extensions),
            prefix: rtx::prefix(sequence_number).to_vec(),
            payload: sent.packet.payload.clone(),
        })
    }

    /// A sender report with the CNAME; nothing before the first packet.
    pub(crate) fn report(&self, now: Time, wall: WallClock, cname: &str) -> Option<Vec<u8>> {
        if self.packets == 0 {
            return None;
        }
        let info = SenderInfo {
            ntp: wall.ntp(now),
            rtp_timestamp: self.timestamp(now),
            packet_count: self.packets,
            octet_count: self.octets,
        };
        let mut out = vec![0; 200];
        let len = rtcp::write_sender_report(&mut out, self.ssrc, &info, &[])?;
        let sdes = rtcp::write_sdes_cname(out.get_mut(len..)?, self.ssrc, cname)?;
        out.truncate(len + sdes);
        Some(out)
    }
}

fn header(fields: &HeaderFields, extensions: &ExtensionValues) -> Vec<u8> {
    let mut out = vec![0; 256];
    let elements = extensions
        .elements
        .iter()
        .map(|(id, value)| (*id, value.as_slice()));
    let len = write_header(&mut out, fields, elements).unwrap_or_default();
    out.truncate(len);
    out
}

/// Packets that can be sent again; libwebrtc keeps about a second.
const HISTORY: usize = 1_000;
