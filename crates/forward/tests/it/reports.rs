//! Sender reports to viewers: the publisher's clock, moved by one number.

use xrtc_forward::{RtcpTarget, ViewerId};
use xrtc_rtp::rtcp::{self, SenderInfo};
use xrtc_rtp::{RtpPacket, Ssrc, Time};

use crate::layers::Simulcast;
use crate::rig::*;

#[derive(Debug, Default)]
struct Reports {
    audio: Option<SenderInfo>,
    video: Option<SenderInfo>,
    cnames: Vec<(Ssrc, String)>,
}

fn read(rig: &mut Rig, now: Time, viewer: ViewerId) -> Reports {
    read_all(&rig.rtcp(now), viewer)
}

fn read_all(all: &[(RtcpTarget, Vec<u8>)], viewer: ViewerId) -> Reports {
    let mut reports = Reports::default();
    for (target, bytes) in all {
        if *target != RtcpTarget::Viewer(viewer) {
            continue;
        }
        for packet in rtcp::packets(bytes) {
            match packet.unwrap() {
                rtcp::Packet::SenderReport(report) if report.ssrc == OUT_AUDIO => {
                    reports.audio = Some(report.info);
                }
                rtcp::Packet::SenderReport(report) => {
                    assert_eq!(report.ssrc, OUT_VIDEO);
                    reports.video = Some(report.info);
                }
                rtcp::Packet::Sdes(sdes) => reports.cnames.extend(sdes.chunks().map(|chunk| {
                    let name = String::from_utf8_lossy(chunk.cname().unwrap()).into_owned();
                    (chunk.ssrc, name)
                })),
                other => panic!("{other:?}"),
            }
        }
    }
    reports
}

/// When a packet was captured by the viewer's reckoning, in microseconds of our wall clock.
fn captured(report: &SenderInfo, timestamp: u32, clock_rate: i64) -> i64 {
    let ticks = i64::from(timestamp.wrapping_sub(report.rtp_timestamp) as i32);
    (report.ntp.as_nanos() / 1_000) as i64 + ticks * 1_000_000 / clock_rate
}

#[test]
fn f80_reports_come_early_and_name_both_tracks_alike() {
    let mut rig = Rig::published();
    let viewer = rig.subscribe(at(0));
    let (mut sound, mut picture) = (Sender::audio(), Sender::video());
    let mut packets = picture.vp8(Some((640, 360)), 4);
    packets.push(sound.opus());
    rig.send(at(0), &packets);
    assert_eq!(rig.stream.poll_timeout(), Some(at(100)));
    let reports = read(&mut rig, at(100), viewer);
    assert_eq!(reports.audio.unwrap().packet_count, 1);
    let video = reports.video.unwrap();
    assert_eq!((video.packet_count, video.octet_count > 160), (4, true));
    assert_eq!(video.ntp, WALL.ntp(at(100)));
    let name = "viewer".to_owned();
    assert_eq!(
        reports.cnames,
        [(OUT_AUDIO, name.clone()), (OUT_VIDEO, name)]
    );
    assert!(read(&mut rig, at(1_099), viewer).video.is_none());
    assert!(read(&mut rig, at(1_100), viewer).video.is_some());
}

#[test]
fn a_viewer_that_is_sent_nothing_gets_no_reports() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    assert_eq!(rig.stream.poll_timeout(), None);
    rig.send(at(0), &[Sender::audio().opus()]);
    for time in (0..20_000).step_by(100) {
        rig.rtcp(at(time));
    }
    assert_eq!(
        rig.stream.poll_timeout(),
        None,
        "an idle stream has no timers"
    );
}

/// Sound that takes 10 ms and pictures that take 80 ms, of which the viewer must learn nothing.
#[test]
#[expect(clippy::too_many_lines, reason = "one story with a clock")]
fn f80_sound_and_picture_stay_in_step_through_layer_switches() {
    let mut rig = Rig::publishing(vec![audio_track(), simulcast_track()]);
    let viewer = rig.subscribe(at(0));
    let mut sound = Sender::audio();
    let mut publisher = Simulcast::new();
    publisher.active[1] = false;
    let (mut heard, mut seen) = (Vec::new(), Vec::new());
    let mut reports = Reports::default();
    let (mut skew, mut checks, mut switches, mut switched) = (0, 0, 0, 0);
    let mut layer = None;
    // In steps of 1/300 s: sound every 6 (20 ms), pictures every 10 (33 ms).
    let mut under_way: Vec<(u64, Vec<u8>, u64)> = Vec::new();
    for step in 0..3_000_u64 {
        let micros = step * 10_000 / 3;
        let now = Time::from_nanos(at(0).as_nanos() + micros * 1_000);
        if step % 6 == 0 {
            under_way.push((micros + 10_000, sound.opus(), micros));
        }
        if step % 10 == 0 {
            match step {
                700 | 1_900 => publisher.active[2] = false,
                1_200 | 2_400 => (publisher.active[2], publisher.keyframe[2]) = (true, true),
                _ => {}
            }
            let top = Ssrc(0x903);
            for packet in publisher.frame() {
                let late = if RtpPacket::parse(&packet).unwrap().ssrc() == top {
                    80
                } else {
                    30
                };
                under_way.push((micros + 1_000 * late, packet, micros));
            }
        }
        if step % 150 == 0 {
            for report in publisher.reports(now) {
                rig.stream.handle_rtcp(now, &report);
            }
            rig.stream
                .handle_rtcp(now, &sound.sender_report(now, sound.timestamp - 960));
        }
        let arrived: Vec<_> = under_way
            .extract_if(.., |(due, ..)| *due <= micros)
            .collect();
        for (_, packet, captured_at) in arrived {
            for got in rig.send(now, &[packet]) {
                let timestamp = got.rtp().timestamp();
                let list = if got.ssrc == OUT_AUDIO {
                    &mut heard
                } else {
                    &mut seen
                };
                list.push((captured_at as i64, timestamp));
            }
        }
        let all = rig.rtcp(now);
        publisher.obey(&Asks::of(&all));
        let stats = rig.stream.viewer_stats(viewer).unwrap();
        if stats.outbound[1].layer != layer {
            layer = stats.outbound[1].layer;
            switched = step;
            switches += 1;
        }
        let new = read_all(&all, viewer);
        if new.audio.is_some() {
            reports = new;
        }
        if let (Some(audio), Some(video)) = (reports.audio, reports.video)
            && step > 450
            // A frame or two catch up then, which nobody could show in time.
            && step > switched + 20
            && let (Some(&(sound_at, sound)), Some(&(picture_at, picture))) =
                (heard.last(), seen.last())
        {
            let sound_off = captured(&audio, sound, 48_000) - sound_at;
            let picture_off = captured(&video, picture, 90_000) - picture_at;
            skew = skew.max((sound_off - picture_off).abs());
            checks += 1;
        }
    }
    assert!(
        checks > 2_000 && switches >= 4,
        "{checks} checks, {switches} switches"
    );
    assert!(skew < 20_000, "{skew} µs apart");
}

#[test]
fn f80_without_the_publishers_reports_arrivals_are_the_clock() {
    let mut rig = Rig::published();
    let viewer = rig.subscribe(at(0));
    let (mut sound, mut picture) = (Sender::audio(), Sender::video());
    let (mut last_sound, mut last_picture) = (0, 0);
    for n in 0..30 {
        let now = at(40 * n);
        let got = rig.send(now, &[sound.opus(), sound.opus()]);
        last_sound = got[1].rtp().timestamp();
        let got = rig.send(now, &picture.vp8((n == 0).then_some((64, 36)), 1));
        last_picture = got[0].rtp().timestamp();
    }
    // Only the sound has a clock: then neither may use it.
    rig.stream
        .handle_rtcp(at(1_160), &sound.sender_report(at(0), 5));
    let reports = read(&mut rig, at(1_160), viewer);
    let sound = captured(&reports.audio.unwrap(), last_sound, 48_000);
    let picture = captured(&reports.video.unwrap(), last_picture, 90_000);
    assert!((sound - picture).abs() < 1_000);
}
