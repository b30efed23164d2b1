//! Sender reports to viewers, and what their receiver reports tell.

use std::time::Duration;

use xrtc_rtp::rtcp::{self, ReportBlock, SenderInfo};
use xrtc_rtp::{NtpTime, Time, WallClock};

use crate::RemoteInboundStats;
use crate::compound::Compound;
use crate::rewrite::Segment;
use crate::subscription::{Subscription, ticks};
use crate::track::Track;
use crate::viewer::{Viewer, track_of};

/// A measured round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RoundTrip(pub(crate) Duration);

/// What sender reports need of the stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReportContext<'a> {
    pub(crate) now: Time,
    pub(crate) wall: WallClock,
    pub(crate) tracks: &'a [Track],
    /// What moves the publisher's wall clock to ours, in nanoseconds.
    pub(crate) clock_offset: Option<i64>,
}

impl RoundTrip {
    /// From a report block that answers one of our sender reports (RFC 3550 §6.4.1).
    pub(crate) fn of(block: &ReportBlock, now: NtpTime) -> Option<Self> {
        if block.last_sender_report == 0 {
            return None;
        }
        let passed = now.middle().wrapping_sub(block.last_sender_report);
        // A negative or absurd result comes of a report that is not of ours.
        let rtt = passed.checked_sub(block.delay_since_last_sender_report)?;
        let rtt = Duration::from_nanos((u64::from(rtt) * 1_000_000_000) >> 16);
        (rtt < Duration::from_secs(30)).then_some(Self(rtt))
    }
}

/// Puts a viewer's report block into its statistics.
pub(crate) fn note_block(
    remote: &mut Option<RemoteInboundStats>,
    block: &ReportBlock,
    clock_rate: u32,
    rtt: Option<RoundTrip>,
) {
    let stats = remote.get_or_insert_default();
    stats.packets_lost = block.cumulative_lost;
    stats.fraction_lost = f32::from(block.fraction_lost) / 256.0;
    if clock_rate > 0 {
        let nanos = u64::from(block.jitter) * 1_000_000_000 / u64::from(clock_rate);
        stats.jitter = Duration::from_nanos(nanos);
    }
    if let Some(RoundTrip(rtt)) = rtt {
        stats.round_trip_time = Some(rtt);
        stats.total_round_trip_time += rtt;
        stats.round_trip_time_measurements += 1;
    }
}

impl Viewer {
    /// Writes sender reports for everything that was sent lately, and the name they have in common. `None` if
    /// nothing was sent lately.
    pub(crate) fn write_reports(
        &self,
        context: &ReportContext<'_>,
        out: &mut [u8],
    ) -> Option<usize> {
        let recent = |subscription: &&Subscription| {
            let last = subscription.flow.last.as_ref();
            let recent = last.is_some_and(|last| context.now.since(last.received) < RECENT);
            recent && present(context, subscription).is_some()
        };
        let active = || self.subscriptions.iter().filter(recent);
        // Either all tracks are placed on the publisher's clock, or none: the two do not agree.
        let by_clock = active().all(|s| timestamp_by_clock(context, s).is_some());
        let mut compound = Compound::new(out);
        for subscription in active() {
            let info = sender_info(context, subscription, by_clock)?;
            compound
                .put(|out| rtcp::write_sender_report(out, subscription.flow.ssrc, &info, &[]))?;
        }
        for subscription in active() {
            compound.put(|out| rtcp::write_sdes_cname(out, subscription.flow.ssrc, &self.cname))?;
        }
        Some(compound.len()).filter(|&len| len > 0)
    }
}

fn sender_info(
    context: &ReportContext<'_>,
    subscription: &Subscription,
    by_clock: bool,
) -> Option<SenderInfo> {
    let rtp_timestamp = if by_clock {
        timestamp_by_clock(context, subscription)?
    } else {
        let last = subscription.flow.last?;
        let (track, segment) = present(context, subscription)?;
        let clock_rate = track.clock_rate(segment.origin.format());
        last.timestamp
            .wrapping_add(ticks(context.now.since(last.received), clock_rate))
    };
    // Retransmissions have an SSRC of their own.
    let (packets, bytes) = if subscription.rtx_ssrc.is_some() {
        let sent = &subscription.flow.sent;
        (sent.packets - sent.again, sent.bytes - sent.again_bytes)
    } else {
        (subscription.flow.sent.packets, subscription.flow.sent.bytes)
    };
    Some(SenderInfo {
        ntp: context.wall.ntp(context.now),
        rtp_timestamp,
        packet_count: packets as u32,
        octet_count: bytes as u32,
    })
}

/// The outgoing timestamp at this moment of the publisher's clock, moved to ours.
fn timestamp_by_clock(context: &ReportContext<'_>, subscription: &Subscription) -> Option<u32> {
    let (track, segment) = present(context, subscription)?;
    let ours = context.wall.ntp(context.now).as_nanos() as i64;
    let theirs = ours - context.clock_offset?;
    let layer = track.layer(segment.origin.layer())?;
    let rate = track.clock_rate(segment.origin.format());
    Some(
        layer
            .timestamp_at(theirs, rate)?
            .wrapping_add(segment.clock.shift),
    )
}

/// What a subscription forwards, unless that is of a publisher that is over.
fn present<'a>(
    context: &ReportContext<'a>,
    subscription: &'a Subscription,
) -> Option<(&'a Track, &'a Segment)> {
    let segment = subscription.segments.current()?;
    let track = track_of(context.tracks, subscription.source)?;
    (track.publisher == segment.origin.publisher()).then_some((track, segment))
}

/// A source that sent nothing for so long is no sender any more.
const RECENT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reception::in_65536ths;

    #[test]
    fn the_round_trip_is_what_the_receiver_did_not_wait() {
        let wall = WallClock {
            unix_nanos_at_zero: 1_700_000_000_000_000_000,
        };
        let sent = wall.ntp(Time::from_millis(1_000));
        let now = wall.ntp(Time::from_millis(1_250));
        let block = ReportBlock {
            last_sender_report: sent.middle(),
            delay_since_last_sender_report: in_65536ths(Duration::from_millis(200)),
            ..ReportBlock::default()
        };
        let RoundTrip(rtt) = RoundTrip::of(&block, now).unwrap();
        assert!(rtt.as_micros().abs_diff(50_000) < 50, "{rtt:?}");
        let never = ReportBlock {
            last_sender_report: 0,
            ..block
        };
        assert_eq!(RoundTrip::of(&never, now), None);
        let early = ReportBlock {
            delay_since_last_sender_report: 1 << 20,
            ..block
        };
        assert_eq!(RoundTrip::of(&early, now), None);
    }
}
