//! Transport-wide congestion control: our feedback to the publisher.

use xrtc_bwe::ArrivalLog;
use xrtc_prefetch::prefetch;
use xrtc_rtp::{ExtensionKind, RtpPacket, Ssrc, Time};

use crate::IngestConfig;

/// Reports the arrivals of all the publisher's packets, if it negotiated that.
pub(crate) struct TransportFeedbackSender {
    /// The id of the extension and the log; nothing if it was not negotiated.
    active: Option<(u8, Box<ArrivalLog>)>,
    /// Any SSRC of the publisher: feedback concerns the transport.
    media: Ssrc,
}

impl TransportFeedbackSender {
    pub(crate) fn new(config: &IngestConfig) -> Self {
        // One id means the same extension in all sections of a bundle (RFC 9143 §9.2).
        let id = config.tracks.iter().find_map(|track| {
            let agreed = track.codecs.iter().any(|codec| codec.feedback.transport_cc);
            track
                .extensions
                .id(ExtensionKind::TransportCc)
                .filter(|_| agreed)
        });
        let active = id.map(|id| (id, Box::new(ArrivalLog::new())));
        Self {
            active,
            media: Ssrc(0),
        }
    }

    /// Notes a packet, whatever becomes of it.
    pub(crate) fn note(&mut self, now: Time, packet: &RtpPacket<'_>) {
        if let Some((id, log)) = &mut self.active
            && let Some(&[high, low]) = packet.extension(*id)
        {
            self.media = packet.ssrc();
            log.record(now, u16::from_be_bytes([high, low]));
        }
    }

    /// Loads the log, and in a second step what the next packet changes in it.
    pub(crate) fn prefetch(&self, is_second: bool) {
        match &self.active {
            Some((_, log)) if is_second => log.prefetch(),
            Some((_, log)) => prefetch(&**log),
            None => {}
        }
    }

    pub(crate) fn due(&self) -> Option<Time> {
        self.active.as_ref()?.1.poll_timeout()
    }

    /// Writes the next feedback packet, if it is due.
    pub(crate) fn write(&mut self, now: Time, sender: Ssrc, out: &mut [u8]) -> Option<usize> {
        self.active
            .as_mut()?
            .1
            .poll_feedback(now, sender, self.media, out)
    }
}

impl std::fmt::Debug for TransportFeedbackSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransportFeedbackSender")
            .field("media", &self.media)
            .finish_non_exhaustive()
    }
}
