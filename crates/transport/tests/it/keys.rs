//! The keys that another implementation has exported, held against ours.

use xrtc_rtp::Ssrc;
use xrtc_srtp::{KeyingMaterial, Opener, Plain, Sealer, contexts};
use xrtc_transport::{Profile, Transport};

use crate::media::REPORT;

/// What the peer seals and opens with.
pub(crate) struct ExportedKeys {
    opener: Opener,
    sealer: Sealer,
}

impl ExportedKeys {
    /// From the exporter's bytes (RFC 5764 §4.2).
    pub(crate) fn new(exported: &[u8], profile: Profile, peer_is_client: bool) -> Self {
        let material = KeyingMaterial::new(profile, exported).unwrap();
        let (opener, sealer) = contexts(&material, peer_is_client);
        Self { opener, sealer }
    }

    /// A packet of `media::rtp` as the peer sends it.
    pub(crate) fn seal(&mut self, packet: &[u8]) -> Vec<u8> {
        let (header, payload) = packet.split_at(12);
        let plain = Plain {
            ssrc: Ssrc(7),
            index: u64::from(u16::from_be_bytes([packet[2], packet[3]])),
            repeat: false,
            header,
            prefix: &[],
            payload,
        };
        let mut out = vec![0; 1500];
        let len = self.sealer.seal_rtp(plain, &mut out).unwrap();
        out.truncate(len);
        out
    }

    /// What we seal is what the peer can open.
    pub(crate) fn assert_opens_a_report_of(&mut self, transport: &mut Transport) {
        let mut out = [0; 100];
        let len = transport.seal_rtcp(&REPORT, &mut out).unwrap();
        assert_eq!(self.opener.open_rtcp(&mut out[..len]), Ok(REPORT.len()));
        assert_eq!(out[..REPORT.len()], REPORT);
    }
}
