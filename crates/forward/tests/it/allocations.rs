//! After warm-up the packet path allocates nothing.

use allocation_counter::measure;
use xrtc_forward::{Stream, StreamConfig, ViewerId};
use xrtc_rtp::{RtpPacket, Time};

use crate::rig::*;

/// One publisher with losses, viewers that ask for packets, a mirror.
struct Plant {
    home: Stream,
    mirror: Stream,
    viewers: Vec<ViewerId>,
    mirrored: Vec<ViewerId>,
    newest: u16,
}

impl Plant {
    fn drain(&mut self, now: Time) -> usize {
        let mut sent = 0;
        while let Some(item) = self.home.poll_relay() {
            self.mirror.handle_relay(now, item);
        }
        for stream in [&mut self.home, &mut self.mirror] {
            while let Some(out) = stream.poll_rtp(now) {
                sent += 1;
                if out.ssrc == OUT_VIDEO {
                    self.newest = out.index as u16;
                }
            }
            let mut out = [0; 1_200];
            stream.handle_timeout(now);
            while stream.poll_rtcp(now, &mut out).is_some() {}
            while stream.poll_event().is_some() {}
        }
        sent
    }

    fn frame(
        &mut self,
        now: Time,
        packets: &[Vec<u8>],
        repair: &[u8],
        request: &mut [u8],
    ) -> usize {
        for packet in packets {
            self.home.handle_rtp(now, packet);
        }
        let mut sent = self.drain(now);
        if !repair.is_empty() {
            self.home.handle_rtp(now, repair);
        }
        request[12..14].copy_from_slice(&self.newest.wrapping_sub(3).to_be_bytes());
        self.home.handle_viewer_rtcp(now, self.viewers[0], request);
        self.mirror
            .handle_viewer_rtcp(now, self.mirrored[0], request);
        sent += self.drain(now);
        sent
    }
}

#[test]
fn forwarding_resending_and_relaying_allocate_nothing() {
    let mut plant = Plant {
        home: Stream::new(config(), at(0)),
        mirror: Stream::new(
            StreamConfig {
                mirror: true,
                ..config()
            },
            at(0),
        ),
        viewers: Vec::new(),
        mirrored: Vec::new(),
        newest: 0,
    };
    plant.home.set_relaying(true);
    plant
        .home
        .publish(at(0), ingest(vec![audio_track(), video_track()]))
        .unwrap();
    plant.drain(at(0));
    for _ in 0..5 {
        plant
            .viewers
            .push(plant.home.subscribe(at(0), viewer_config()).unwrap());
        plant
            .mirrored
            .push(plant.mirror.subscribe(at(0), viewer_without_rtx()).unwrap());
    }
    let mut sound = Sender::audio().with(1, &[0x85]).with(3, &[0, 0]);
    let mut picture = Sender::video().with(3, &[0, 0]).with(4, b"1");
    let mut frames = Vec::new();
    for n in 0..400_u16 {
        let mut packets = picture.vp8((n % 60 == 0).then_some((640, 360)), 8);
        let lost = (n % 5 == 2).then(|| packets.remove(4));
        let repair = lost
            .map(|lost| rtx(&lost, VIDEO_RTX, VP8_RTX, n))
            .unwrap_or_default();
        packets.push(sound.opus());
        frames.push((packets, repair));
    }
    assert!(RtpPacket::parse(&frames[0].0[0]).is_ok());
    let mut request = nack(OUT_VIDEO, &[0]);
    let mut sent = 0;
    let mut forward = |from: usize, until: usize| {
        sent = 0;
        for (n, (packets, repair)) in (0..).zip(&frames).take(until).skip(from) {
            sent += plant.frame(at(33 * n), packets, repair, &mut request);
        }
    };
    forward(0, 150);
    let counted = measure(|| forward(150, 400));
    assert!(sent > 250 * 90, "{sent}");
    assert_eq!(counted.count_total, 0);
}
