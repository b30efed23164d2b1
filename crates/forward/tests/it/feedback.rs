//! Reports, bandwidth and arrivals to the publisher.

use xrtc_forward::RtcpTarget;
use xrtc_rtp::rtcp::{self, Packet, ReportBlock};
use xrtc_rtp::{Bitrate, ExtensionKind, Ssrc, Time};

use crate::rig::*;

fn upstream(rig: &mut Rig, now: Time) -> Vec<Vec<u8>> {
    let all = rig.rtcp(now).into_iter();
    all.filter(|(target, _)| *target == RtcpTarget::Publisher)
        .map(|(_, bytes)| bytes)
        .collect()
}

fn blocks(datagrams: &[Vec<u8>]) -> Vec<ReportBlock> {
    let packets = datagrams
        .iter()
        .flat_map(|bytes| rtcp::packets(bytes))
        .map(Result::unwrap);
    let reports = packets.filter_map(|packet| match packet {
        Packet::ReceiverReport(report) => Some(report.report_blocks().collect::<Vec<_>>()),
        _ => None,
    });
    reports.flatten().collect()
}

#[test]
fn receiver_reports_tell_losses_jitter_and_the_last_sender_report() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    for n in 0..30 {
        let mut packets = picture.vp8((n == 0).then_some((64, 36)), 10);
        packets.remove(5);
        rig.rtp(at(33 * n), &packets);
    }
    rig.stream
        .handle_rtcp(at(900), &picture.sender_report(at(900), 5));
    let blocks = blocks(&upstream(&mut rig, at(1_000)));
    assert_eq!(blocks.len(), 1);
    let block = blocks[0];
    assert_eq!((block.ssrc, block.cumulative_lost), (VIDEO, 30));
    assert_eq!(block.fraction_lost, 25);
    assert_eq!(block.extended_highest_sequence_number, 2_299);
    assert_eq!(
        block.last_sender_report,
        PUBLISHER_WALL.ntp(at(900)).middle()
    );
    assert_eq!(block.delay_since_last_sender_report, 6_553);
    let stats = rig.stream.stats(at(1_000));
    assert_eq!(stats.inbound[0].packets_lost, 30);
    assert_eq!(stats.inbound[0].packets_received, 270);
    assert_eq!(stats.inbound[0].frames_received, 30);
}

#[test]
fn reports_come_every_second_while_packets_come() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    let mut times = Vec::new();
    for time in (0..3_500).step_by(50) {
        rig.rtp(at(time), &picture.vp8(None, 1));
        if !blocks(&upstream(&mut rig, at(time))).is_empty() {
            times.push(time);
        }
    }
    assert_eq!(times, [200, 1_200, 2_200, 3_200]);
    for time in (3_500..20_000).step_by(50) {
        assert_eq!(
            blocks(&upstream(&mut rig, at(time))).len(),
            usize::from(time == 4_200)
        );
    }
    assert_eq!(rig.stream.poll_timeout(), None);
}

#[test]
fn a_publisher_without_reduced_size_gets_a_report_first() {
    let mut rig = Rig::new();
    let mut config = ingest(vec![video_track()]);
    config.reduced_size = false;
    rig.stream.publish(at(0), config).unwrap();
    let packets = Sender::video().vp8(Some((64, 36)), 3);
    rig.rtp(at(0), &[packets[0].clone(), packets[2].clone()]);
    let datagrams = upstream(&mut rig, at(1));
    let kinds: Vec<_> = rtcp::packets(&datagrams[0]).map(Result::unwrap).collect();
    assert!(matches!(
        kinds.as_slice(),
        [Packet::ReceiverReport(_), Packet::Sdes(_), Packet::Nack(_)]
    ));
    assert_eq!(blocks(&datagrams), [], "the report itself is not due yet");
}

#[test]
fn f79_remb_is_sent_only_with_a_configured_rate() {
    let rate = |rig: &mut Rig| {
        let mut picture = Sender::video();
        rig.rtp(at(0), &picture.vp8(Some((64, 36)), 1));
        let datagrams = upstream(rig, at(250));
        let packets = datagrams
            .iter()
            .flat_map(|bytes| rtcp::packets(bytes))
            .map(Result::unwrap);
        let mut rates = packets.filter_map(|packet| match packet {
            Packet::Remb(remb) => Some((remb.bitrate, remb.ssrcs().collect::<Vec<_>>())),
            _ => None,
        });
        rates.next()
    };
    assert_eq!(rate(&mut Rig::published()), None);
    let mut rig = Rig::new();
    let mut config = ingest(vec![video_track()]);
    config.max_bitrate = Some(Bitrate(2_000_000));
    rig.stream.publish(at(0), config).unwrap();
    assert_eq!(rate(&mut rig), Some((Bitrate(2_000_000), vec![VIDEO])));
}

#[test]
fn f79_a_publisher_without_transport_wide_feedback_gets_remb_and_no_reports_of_arrivals() {
    let mut track = video_track();
    for codec in &mut track.codecs {
        codec.feedback.transport_cc = false;
    }
    track.extensions.remove(ExtensionKind::TransportCc);
    let mut config = ingest(vec![track]);
    config.max_bitrate = Some(Bitrate(1_000_000));
    let mut rig = Rig::new();
    rig.stream.publish(at(0), config).unwrap();
    let (mut rembs, mut reports) = (0, 0);
    let mut picture = Sender::video();
    for n in 0..60 {
        rig.rtp(at(33 * n), &picture.vp8((n == 0).then_some((64, 36)), 2));
        for datagram in upstream(&mut rig, at(33 * n)) {
            for packet in rtcp::packets(&datagram).map(Result::unwrap) {
                rembs += usize::from(matches!(packet, Packet::Remb(_)));
                reports += usize::from(matches!(packet, Packet::TransportFeedback(_)));
            }
        }
    }
    assert!(rembs >= 2, "{rembs} in two seconds");
    assert_eq!(reports, 0);
}

#[test]
fn f79_arrivals_are_reported_for_the_whole_transport() {
    let mut rig = Rig::published();
    let (mut sound, mut picture) = (Sender::audio(), Sender::video());
    let mut number = 65_530_u16;
    let mut lost = Vec::new();
    let mut reported = Vec::new();
    for n in 0..40_u64 {
        let now = at(20 * n);
        for sender in [&mut sound, &mut picture] {
            sender.extensions = vec![(3, number.to_be_bytes().to_vec())];
            let packet = if sender.ssrc == AUDIO {
                sender.opus()
            } else {
                sender.padding()
            };
            if n % 7 == 3 && sender.ssrc == AUDIO {
                lost.push(number);
            } else {
                rig.rtp(now, &[packet]);
            }
            number = number.wrapping_add(1);
        }
        for datagram in upstream(&mut rig, now) {
            for packet in rtcp::packets(&datagram) {
                if let Packet::TransportFeedback(feedback) = packet.unwrap() {
                    assert_eq!(feedback.header.sender, Ssrc(0xff));
                    reported.extend(feedback.arrivals());
                }
            }
        }
    }
    assert!(reported.len() > 60);
    let missing: Vec<u16> = reported
        .iter()
        .filter(|arrival| arrival.ticks.is_none())
        .map(|arrival| arrival.sequence_number)
        .collect();
    assert_eq!(missing, lost[..missing.len()]);
    assert!(missing.len() >= 5);
}

#[test]
fn arrivals_are_not_reported_to_who_did_not_agree() {
    let mut track = video_track();
    track
        .codecs
        .iter_mut()
        .for_each(|codec| codec.feedback.transport_cc = false);
    let mut rig = Rig::publishing(vec![track]);
    let mut picture = Sender::video().with(3, &[0, 1]);
    rig.rtp(at(0), &picture.vp8(Some((64, 36)), 1));
    assert_eq!(upstream(&mut rig, at(190)), Vec::<Vec<u8>>::new());
}
