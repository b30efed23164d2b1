//! What becomes of header fields and header extensions.

use xrtc_forward::Format;
use xrtc_rtp::rtcp::{self, ReportBlock};
use xrtc_rtp::{Codec, ExtensionKind, PayloadType, Ssrc};

use crate::rig::*;

fn elements(got: &Got) -> Vec<(u8, Vec<u8>)> {
    got.rtp()
        .extensions()
        .map(|(id, data)| (id, data.to_vec()))
        .collect()
}

fn report(ssrc: Ssrc) -> Vec<u8> {
    let mut out = vec![0; 100];
    let block = ReportBlock {
        ssrc,
        ..ReportBlock::default()
    };
    let len = rtcp::write_receiver_report(&mut out, Ssrc(1), &[block]).unwrap();
    out.truncate(len);
    out
}

#[test]
fn f77_ssrc_payload_type_and_numbers_are_the_viewers_own() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::video();
    let packets = picture.vp8(Some((640, 360)), 2);
    let got = rig.send(at(0), &packets);
    let (first, last) = (got[0].rtp(), got[1].rtp());
    assert_eq!(first.ssrc(), OUT_VIDEO);
    assert_eq!(first.payload_type().0, OUT_VP8);
    assert_eq!((first.marker(), last.marker()), (false, true));
    assert_eq!(last.sequence_number(), first.sequence_number() + 1);
    assert_eq!(first.timestamp(), last.timestamp());
    assert_eq!(
        first.payload(),
        xrtc_rtp::RtpPacket::parse(&packets[0]).unwrap().payload()
    );
}

#[test]
fn f77_extensions_of_one_hop_are_stripped_and_the_others_forwarded_under_the_viewers_ids() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut sound = Sender::audio()
        .with(4, b"0")
        .with(3, &[1, 2])
        .with(2, &[1, 2, 3])
        .with(1, &[0x85])
        .with(14, &[0, 0, 9]);
    let got = rig.send(at(0), &[sound.opus()]);
    assert_eq!(elements(&got[0]), [(1, b"a".to_vec()), (5, vec![0x85])]);
    let mut picture = Sender::video()
        .with(4, b"1")
        .with(10, b"f")
        .with(9, &[1; 12])
        .with(13, &[2])
        .with(12, &[0x80, 0, 7]);
    let got = rig.send(at(0), &picture.vp8(Some((640, 360)), 1));
    let expected = [(1, b"v".to_vec()), (2, vec![2]), (3, vec![0x80, 0, 7])];
    assert_eq!(elements(&got[0]), expected);
}

#[test]
fn f83_a_long_extension_goes_out_in_the_two_byte_form_byte_by_byte() {
    let descriptor: Vec<u8> = (0..90).collect();
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::video().with(12, &descriptor).with(3, &[0, 1]);
    let got = rig.send(at(0), &picture.vp8(Some((640, 360)), 1));
    assert_eq!(
        elements(&got[0]),
        [(1, b"v".to_vec()), (3, descriptor.clone())]
    );
    // Without a=extmap-allow-mixed the viewer does not read that form.
    let mut config = viewer_config();
    config.tracks[1].extmap_allow_mixed = false;
    rig.stream.subscribe(at(1), config).unwrap();
    let got = rig.drain(at(1));
    assert_eq!(elements(&got[0]), [(1, b"v".to_vec())]);
}

#[test]
fn f83_capture_times_pass_byte_by_byte_and_beside_extensions_of_the_two_byte_form() {
    // With the offset of the capture's clock (abs-capture-time §"Data layout"), which makes it 16 bytes.
    let captured: Vec<u8> = (0..16).collect();
    let color_space = vec![9; 28];
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::video().with(7, &captured);
    let got = rig.send(at(0), &picture.vp8(Some((640, 360)), 1));
    assert!(elements(&got[0]).contains(&(9, captured.clone())));
    let mut picture = picture.with(8, &color_space);
    let got = rig.send(at(33), &picture.vp8(None, 1));
    let kept = elements(&got[0]);
    assert!(kept.contains(&(9, captured)) && kept.contains(&(8, color_space)));
}

#[test]
fn the_mid_is_sent_until_the_viewer_reports() {
    let mut rig = Rig::published();
    let viewer = rig.subscribe(at(0));
    let mut picture = Sender::video();
    let got = rig.send(at(0), &picture.vp8(Some((640, 360)), 2));
    assert_eq!(elements(&got[1]), [(1, b"v".to_vec())]);
    rig.stream
        .handle_viewer_rtcp(at(10), viewer, &report(OUT_VIDEO));
    let got = rig.send(at(33), &picture.vp8(None, 1));
    assert_eq!(elements(&got[0]), []);
    assert_eq!(got[0].rtp().header_len(), 12);
}

#[test]
fn a_repeat_from_before_the_report_still_has_its_mid() {
    let mut rig = Rig::published();
    let viewer = rig.stream.subscribe(at(0), viewer_without_rtx()).unwrap();
    let mut picture = Sender::video();
    let got = rig.send(at(0), &picture.vp8(Some((640, 360)), 2));
    rig.stream
        .handle_viewer_rtcp(at(10), viewer, &report(OUT_VIDEO));
    let number = got[0].rtp().sequence_number();
    rig.stream
        .handle_viewer_rtcp(at(20), viewer, &nack(OUT_VIDEO, &[number]));
    let again = rig.drain(at(20));
    assert_eq!(again.len(), 1);
    assert!(again[0].repeat, "the rig compared the bytes");
}

#[test]
fn f77_a_packet_of_full_size_does_not_grow() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::video();
    let mut payload = vp8_payload(1, 1, (true, Some((640, 360))), 1);
    payload.resize(1_400, 7);
    let packet = picture.packet(&payload, true);
    let got = rig.send(at(0), std::slice::from_ref(&packet));
    assert_eq!(got[0].bytes.len(), packet.len());
}

#[test]
fn a_viewer_without_extensions_gets_none() {
    let mut rig = Rig::published();
    let mut config = viewer_config();
    config.tracks[0].extensions.remove(ExtensionKind::Mid);
    config.tracks[0]
        .extensions
        .remove(ExtensionKind::AudioLevel);
    rig.stream.subscribe(at(0), config).unwrap();
    let mut sound = Sender::audio().with(1, &[0x85]);
    let got = rig.send(at(0), &[sound.opus()]);
    assert_eq!(got[0].rtp().header_len(), 12);
}

#[test]
fn redundant_audio_is_for_viewers_that_read_it_and_plain_opus_for_the_others() {
    let mut track = audio_track();
    let mut red = track.codecs[0];
    red.format = Format::any(Codec::Red);
    red.payload_type = PayloadType(96);
    track.codecs.push(red);
    let mut rig = Rig::publishing(vec![track]);
    let plain = rig.subscribe(at(0));
    let mut config = viewer_config();
    let mut codec = config.tracks[0].codecs[0];
    codec.format = Format::any(Codec::Red);
    codec.payload_type = PayloadType(64);
    config.tracks[0].codecs.push(codec);
    let reader = rig.stream.subscribe(at(0), config).unwrap();
    let mut sound = Sender::new(AUDIO, 96, 1, 1);
    let payload = [0x80 | OPUS, 0x0f, 0x00, 0x03, OPUS, 1, 2, 3, 8, 9];
    let got = rig.send(at(0), &[sound.packet(&payload, false)]);
    for got in &got {
        let packet = got.rtp();
        if got.viewer == plain {
            assert_eq!(
                (packet.payload_type().0, packet.payload()),
                (OUT_OPUS, &[8, 9][..])
            );
        } else {
            assert_eq!(got.viewer, reader);
            let expected = [0x80 | OUT_OPUS, 0x0f, 0x00, 0x03, OUT_OPUS, 1, 2, 3, 8, 9];
            assert_eq!(
                (packet.payload_type().0, packet.payload()),
                (64, &expected[..])
            );
        }
    }
    assert_eq!(got.len(), 2);
}

#[test]
fn padding_keeps_the_numbering_and_loses_its_weight() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::video();
    let first = rig.send(at(0), &picture.vp8(Some((640, 360)), 1));
    let padding = rig.send(at(5), &[picture.padding()]);
    let next = rig.send(at(33), &picture.vp8(None, 1));
    assert_eq!(padding[0].rtp().payload(), []);
    assert_eq!(padding[0].rtp().padding_len(), 0);
    assert_eq!(padding[0].index, first[0].index + 1);
    assert_eq!(next[0].index, first[0].index + 2);
}
