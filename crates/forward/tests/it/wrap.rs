//! Numbers that wrap.

use crate::rig::*;

#[test]
fn two_hundred_thousand_packets_wrap_everything_and_lose_nothing() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::new(VIDEO, VP8, 65_000, u32::MAX - 100_000);
    picture.picture = 32_700;
    let mut last: Option<(u64, u32)> = None;
    let mut sent = 0;
    for n in 0..4_000_u64 {
        let keyframe = (n == 0).then_some((640, 360));
        for got in rig.send(at(33 * n), &picture.vp8(keyframe, 50)) {
            if let Some((index, timestamp)) = last {
                assert_eq!(got.index, index + 1);
                assert!(got.rtp().timestamp().wrapping_sub(timestamp) <= 3_000);
            }
            last = Some((got.index, got.rtp().timestamp()));
            sent += 1;
        }
        rig.asks(at(33 * n));
    }
    assert_eq!(sent, 200_000);
    assert!(last.unwrap().0 > 3 << 16);
    assert_eq!(rig.stream.stats(at(0)).inbound[0].packets_lost, 0);
}

#[test]
fn a_request_over_the_wrap_finds_its_packet() {
    let mut rig = Rig::published();
    let viewer = rig.stream.subscribe(at(0), viewer_without_rtx()).unwrap();
    let mut picture = Sender::video();
    let mut got = rig.send(at(0), &picture.vp8(Some((640, 360)), 50));
    while got.last().unwrap().index < (1 << 16) + 10 {
        got = rig.send(at(1), &picture.vp8(None, 50));
    }
    let wanted: Vec<&Got> = got
        .iter()
        .filter(|got| (65_530..65_540).contains(&got.index))
        .collect();
    let numbers: Vec<u16> = wanted.iter().map(|got| got.index as u16).collect();
    rig.stream
        .handle_viewer_rtcp(at(2), viewer, &nack(OUT_VIDEO, &numbers));
    let mut again: Vec<u64> = rig.drain(at(2)).iter().map(|got| got.index).collect();
    again.sort_unstable();
    assert_eq!(
        again,
        wanted.iter().map(|got| got.index).collect::<Vec<_>>()
    );
}
