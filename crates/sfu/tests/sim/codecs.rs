//! What is negotiated decides what flows: codecs, retransmission, roles.

use std::time::Duration;

use xrtc_rtp::{Codec, MediaKind};
use xrtc_testkit::{PublishConfig, ViewConfig};

use crate::world::{World, name_at, network};

/// A second and a half of a session at some loss; every frame of the last second must come.
fn plays(publish: PublishConfig, view: ViewConfig, loss: f64) -> World {
    let mut world = World::new(2, 9);
    let stream = name_at(0, 2);
    let publisher = world.publish(&stream, publish, network(15, 0, loss));
    let viewers =
        [0, 1].map(|worker| world.view(worker, &stream, view.clone(), network(15, 0, loss)));
    world.connect_all();
    world.run_ms(3_000);
    for viewer in viewers {
        let browser = &world.ends[viewer].browser;
        let first = browser.connected_at().expect("connected") + Duration::from_millis(500);
        let due = world.sent(publisher).iter().filter(|sent| sent.at > first);
        let due: Vec<_> = due
            .filter(|sent| sent.at + Duration::from_millis(400) < world.now)
            .collect();
        assert!(due.len() > 50);
        let received = world.frames(viewer);
        let missing = due
            .iter()
            .filter(|sent| received.iter().all(|frame| frame.frame != sent.frame))
            .count();
        assert_eq!(missing, 0, "viewer {viewer}");
        let audio = browser
            .viewer()
            .and_then(|viewer| viewer.source(MediaKind::Audio));
        let least = if loss > 0.0 { 100 } else { 130 };
        assert!(audio.is_some_and(|audio| audio.audio.len() > least && audio.broken_audio == 0));
    }
    world
}

#[test]
fn vp8_and_h264_arrive_as_they_were_sent() {
    for codec in [Codec::Vp8, Codec::H264] {
        plays(
            PublishConfig {
                codec,
                ..PublishConfig::default()
            },
            ViewConfig::default(),
            0.0,
        );
    }
}

#[test]
fn without_rtx_losses_are_repaired_bit_by_bit() {
    let publish = PublishConfig {
        rtx: false,
        ..PublishConfig::default()
    };
    let view = ViewConfig {
        rtx: false,
        ..ViewConfig::default()
    };
    let world = plays(publish, view, 0.03);
    let resent = world.ends[0]
        .browser
        .publisher()
        .expect("publisher")
        .feedback()
        .resent;
    assert!(resent > 2);
}

#[test]
fn a_publisher_that_is_the_dtls_server_is_met_as_a_client() {
    let publish = PublishConfig {
        setup: "passive",
        ..PublishConfig::default()
    };
    plays(publish, ViewConfig::default(), 0.0);
}

#[test]
fn publishers_get_transport_feedback_reports_and_the_configured_limit() {
    let world = plays(PublishConfig::default(), ViewConfig::default(), 0.0);
    let feedback = world.ends[0]
        .browser
        .publisher()
        .expect("publisher")
        .feedback();
    assert!(feedback.transport_feedbacks > 20, "{feedback:?}");
    assert!(feedback.reports >= 2, "{feedback:?}");
    assert_eq!(feedback.rembs, 0, "no estimate, no limit, no REMB");
    assert!(feedback.key_frame_requests <= 3, "{feedback:?}");
    let mut world = World::with_config(1, 1, |config| {
        config.max_ingest_bitrate = Some(xrtc_rtp::Bitrate(2_000_000))
    });
    world.publish("x", PublishConfig::default(), network(10, 0, 0.0));
    world.connect_all();
    world.run_ms(3_000);
    assert!(
        world.ends[0]
            .browser
            .publisher()
            .expect("publisher")
            .feedback()
            .rembs
            > 0
    );
}
