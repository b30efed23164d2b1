//! What a worker drops before any transport or stream could say so, and the sums over all that came and went.

use enum_map::{Enum, EnumArray, EnumMap};
use strum::IntoStaticStr;
use xrtc_forward::Stream;
use xrtc_rtp::Counters;
use xrtc_transport::Transport;

/// Why a datagram or a message between workers was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
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

/// All counters of a worker, by crate. Those of a transport or stream are added when it goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    demux: EnumMap<Discard, u64>,
    ice: EnumMap<xrtc_ice::Discard, u64>,
    transport: EnumMap<xrtc_transport::Discard, u64>,
    srtp: EnumMap<xrtc_srtp::Discard, u64>,
    forward: EnumMap<xrtc_forward::Discard, u64>,
}

impl Totals {
    pub(crate) fn count(&mut self, reason: Discard) {
        self.count_many(reason, 1);
    }

    pub(crate) fn count_many(&mut self, reason: Discard, times: usize) {
        self.demux[reason] += times as u64;
    }

    pub(crate) fn add_transport(&mut self, transport: &Transport) {
        add(&mut self.ice, transport.ice().counters());
        add(&mut self.transport, transport.counters());
        add(&mut self.srtp, transport.srtp_counters());
    }

    pub(crate) fn add_stream(&mut self, stream: &Stream, now: xrtc_rtp::Time) {
        add(&mut self.forward, &stream.stats(now).discards);
    }

    /// Every counter as `crate.reason`.
    pub(crate) fn list(&self) -> Vec<(String, u64)> {
        let mut list = Vec::new();
        named("demux", &self.demux, &mut list);
        named("ice", &self.ice, &mut list);
        named("transport", &self.transport, &mut list);
        named("srtp", &self.srtp, &mut list);
        named("forward", &self.forward, &mut list);
        list
    }
}

fn add<R: EnumArray<u32> + EnumArray<u64>>(sums: &mut EnumMap<R, u64>, counters: &Counters<R>) {
    for (reason, times) in counters.iter() {
        sums[reason] += u64::from(times);
    }
}

fn named<R>(group: &str, sums: &EnumMap<R, u64>, list: &mut Vec<(String, u64)>)
where
    R: EnumArray<u64> + Into<&'static str>,
{
    list.extend(sums.iter().map(|(reason, sum)| {
        let name: &str = reason.into();
        (format!("{group}.{name}"), *sum)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_name() {
        let mut totals = Totals::default();
        for place in 0..Discard::LENGTH {
            totals.count_many(Discard::from_usize(place), place + 1);
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
