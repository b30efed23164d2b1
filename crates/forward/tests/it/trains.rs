//! What lets the packets of one viewer leave in long trains: equal sizes, and sound behind the pictures.

use xrtc_forward::{ViewerConfig, ViewerId};
use xrtc_rtp::rtx;

use crate::rig::*;

/// A rig that has been sent a key frame, which its viewer got.
fn playing(config: ViewerConfig) -> (Rig, ViewerId, Sender) {
    let mut rig = Rig::published();
    let viewer = rig.stream.subscribe(at(0), config).unwrap();
    let mut picture = Sender::video();
    assert_eq!(rig.send(at(0), &picture.vp8(Some((640, 360)), 1)).len(), 1);
    (rig, viewer, picture)
}

/// The packets of a frame that are so much longer than the least.
fn cut(sender: &mut Sender, lens: &[usize]) -> Vec<Vec<u8>> {
    let mut packets = sender.vp8(None, lens.len());
    for (packet, len) in packets.iter_mut().zip(lens) {
        packet.resize(packet.len() + len, 0xaa);
    }
    packets
}

fn sizes(got: &[Got]) -> Vec<usize> {
    got.iter().map(|got| got.rtp().payload().len()).collect()
}

fn paddings(got: &[Got]) -> Vec<usize> {
    got.iter().map(|got| got.rtp().padding_len()).collect()
}

#[test]
fn packets_a_byte_shorter_than_those_behind_them_are_padded() {
    let (mut rig, viewer, mut picture) = playing(viewer_config());
    let before = rig.stream.viewer_stats(viewer).unwrap().outbound[1].clone();
    let packets = cut(&mut picture, &[500, 500, 500, 501, 501]);
    let plain: Vec<usize> = packets.iter().map(|packet| packet.len() - 12).collect();
    let got = rig.send(at(33), &packets);
    assert_eq!(sizes(&got), plain, "padding is no payload");
    assert_eq!(paddings(&got), [1, 1, 1, 0, 0]);
    let first = got[0].bytes.len() - got[0].rtp().header_len();
    assert!(
        got.iter()
            .all(|got| got.bytes.len() - got.rtp().header_len() == first)
    );
    let stats = rig.stream.viewer_stats(viewer).unwrap();
    let video = &stats.outbound[1];
    let bytes = plain.iter().sum::<usize>() as u64;
    assert_eq!(video.bytes_sent - before.bytes_sent, bytes);
    let headers: usize = got.iter().map(|got| got.rtp().header_len()).sum();
    let headers = headers as u64 + 3;
    assert_eq!(video.header_bytes_sent - before.header_bytes_sent, headers);

    // RFC 4588 §4: a retransmission has no padding.
    let number = got[1].rtp().sequence_number();
    rig.stream
        .handle_viewer_rtcp(at(50), viewer, &nack(OUT_VIDEO, &[number]));
    let again = rig.drain(at(50));
    let packet = again[0].rtp();
    assert_eq!(packet.padding_len(), 0);
    assert_eq!(
        rtx::split(packet.payload()),
        Some((number, got[1].rtp().payload()))
    );
}

#[test]
fn nothing_is_padded_that_may_have_to_be_repeated_bit_by_bit() {
    let (mut rig, viewer, mut picture) = playing(viewer_without_rtx());
    let got = rig.send(at(33), &cut(&mut picture, &[500, 500, 501, 501]));
    assert_eq!(paddings(&got), [0; 4]);
    let numbers: Vec<u16> = got.iter().map(|got| got.rtp().sequence_number()).collect();
    rig.stream
        .handle_viewer_rtcp(at(50), viewer, &nack(OUT_VIDEO, &numbers));
    // The rig compares every repeat with its original.
    assert_eq!(rig.drain(at(50)).len(), 4);
}

#[test]
fn other_frames_and_other_differences_are_not_padded() {
    let (mut rig, _, mut picture) = playing(viewer_config());
    let mut packets = cut(&mut picture, &[499]);
    packets.extend(cut(&mut picture, &[500, 502, 500]));
    assert_eq!(paddings(&rig.send(at(33), &packets)), [0; 4]);
}

#[test]
fn a_packet_that_went_out_before_the_larger_ones_came_is_as_it_was() {
    let (mut rig, _, mut picture) = playing(viewer_config());
    let packets = cut(&mut picture, &[500, 500, 501]);
    assert_eq!(paddings(&rig.send(at(33), &packets[..1])), [0]);
    assert_eq!(paddings(&rig.send(at(34), &packets[1..])), [1, 0]);
}

#[test]
fn sound_goes_behind_the_pictures_that_came_with_it() {
    let (mut rig, _, mut picture) = playing(viewer_config());
    rig.subscribe(at(1));
    rig.drain(at(1));
    let mut sound = Sender::audio();
    let frame = cut(&mut picture, &[500, 500, 501, 501]);
    let mixed = [
        sound.opus(),
        frame[0].clone(),
        frame[1].clone(),
        sound.opus(),
        frame[2].clone(),
        frame[3].clone(),
        sound.opus(),
    ];
    let got = rig.send(at(33), &mixed);
    for own in got.chunks(7) {
        let order: Vec<bool> = own.iter().map(|got| got.ssrc == OUT_VIDEO).collect();
        assert_eq!(order, [true, true, true, true, false, false, false]);
        assert!(own.iter().all(|got| got.viewer == own[0].viewer));
        assert_eq!(
            paddings(&own[..4]),
            [1, 1, 0, 0],
            "sound between does not matter"
        );
        let numbers: Vec<u64> = own[4..]
            .iter()
            .map(|got| got.index - own[4].index)
            .collect();
        assert_eq!(numbers, [0, 1, 2], "sound stays in its order");
    }
    assert_eq!(got.len(), 14);
}
