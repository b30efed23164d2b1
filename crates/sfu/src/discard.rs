//! What a worker drops before any transport or stream could say so, and the sums over all that came and went.

use xrtc_forward::Stream;
use xrtc_transport::Transport;

/// Why a datagram or a message between workers was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Discard {
    /// Its first byte belongs to no protocol that we speak (RFC 7983 §7), or there is none.
    UnknownProtocol,
    /// STUN with a USERNAME that is none of ours.
    UnknownUfrag,
    /// STUN without a USERNAME from an address that has not passed an authenticated check.
    StunFromStranger,
    /// DTLS from such an address.
    DtlsFromStranger,
    /// RTP or RTCP from such an address.
    MediaFromStranger,
    /// RTP from a viewer, which has nothing to send.
    MediaFromViewer,
    /// A packet for another worker whose queue was full, or one that followed it before the next key frame.
    RelayFull,
    /// A packet from another worker for a stream that has gone.
    RelayStale,
    /// A control message for another worker that has not taken any for very long.
    RelayControlFull,
    /// A datagram that the driver could not send in time.
    TransmitDropped,
}

impl Discard {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 10] = [
        Self::UnknownProtocol,
        Self::UnknownUfrag,
        Self::StunFromStranger,
        Self::DtlsFromStranger,
        Self::MediaFromStranger,
        Self::MediaFromViewer,
        Self::RelayFull,
        Self::RelayStale,
        Self::RelayControlFull,
        Self::TransmitDropped,
    ];

    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The stable camelCase name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownProtocol => "unknownProtocol",
            Self::UnknownUfrag => "unknownUfrag",
            Self::StunFromStranger => "stunFromStranger",
            Self::DtlsFromStranger => "dtlsFromStranger",
            Self::MediaFromStranger => "mediaFromStranger",
            Self::MediaFromViewer => "mediaFromViewer",
            Self::RelayFull => "relayFull",
            Self::RelayStale => "relayStale",
            Self::RelayControlFull => "relayControlFull",
            Self::TransmitDropped => "transmitDropped",
        }
    }
}

/// All counters of a worker, by crate. Those of a transport or stream are added when it goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    sfu: [u64; Discard::COUNT],
    ice: [u64; xrtc_ice::Discard::COUNT],
    transport: [u64; xrtc_transport::Discard::COUNT],
    srtp: [u64; xrtc_srtp::Discard::COUNT],
    forward: [u64; xrtc_forward::Discard::COUNT],
}

impl Totals {
    pub(crate) fn count(&mut self, reason: Discard) {
        self.count_many(reason, 1);
    }

    pub(crate) fn count_many(&mut self, reason: Discard, times: usize) {
        add(&mut self.sfu, reason as usize, times as u64);
    }

    pub(crate) fn add_transport(&mut self, transport: &Transport) {
        for (reason, times) in transport.ice().counters().iter() {
            add(&mut self.ice, reason as usize, times.into());
        }
        for (reason, times) in transport.counters().iter() {
            add(&mut self.transport, reason as usize, times.into());
        }
        for (reason, times) in transport.srtp_counters().iter() {
            add(&mut self.srtp, reason as usize, times.into());
        }
    }

    pub(crate) fn add_stream(&mut self, stream: &Stream, now: xrtc_rtp::Time) {
        for (reason, times) in stream.stats(now).discards.iter() {
            add(&mut self.forward, reason as usize, times);
        }
    }

    /// Every counter as `crate.reason`.
    pub(crate) fn list(&self) -> Vec<(String, u64)> {
        let own =
            Discard::ALL.map(|reason| ("demux", reason.name(), self.sfu.get(reason as usize)));
        let ice = xrtc_ice::Discard::ALL
            .map(|reason| ("ice", reason.name(), self.ice.get(reason as usize)));
        let transport = xrtc_transport::Discard::ALL.map(|reason| {
            (
                "transport",
                reason.name(),
                self.transport.get(reason as usize),
            )
        });
        let srtp = xrtc_srtp::Discard::ALL
            .map(|reason| ("srtp", reason.name(), self.srtp.get(reason as usize)));
        let forward = xrtc_forward::Discard::ALL
            .map(|reason| ("forward", reason.name(), self.forward.get(reason as usize)));
        own.into_iter()
            .chain(ice)
            .chain(transport)
            .chain(srtp)
            .chain(forward)
            .map(|(group, name, value)| {
                (
                    format!("{group}.{name}"),
                    value.copied().unwrap_or_default(),
                )
            })
            .collect()
    }
}

fn add(counters: &mut [u64], index: usize, times: u64) {
    if let Some(counter) = counters.get_mut(index) {
        *counter = counter.saturating_add(times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_name() {
        let mut totals = Totals::default();
        for (place, reason) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
            totals.count_many(reason, place + 1);
        }
        let list = totals.list();
        let names: std::collections::BTreeSet<_> = list.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), list.len());
        assert!(
            list.contains(&("demux.unknownUfrag".to_owned(), 2)),
            "{list:?}"
        );
    }
}
