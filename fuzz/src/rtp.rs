//! RTP: what is parsed is all of the datagram, and a header that we write with its extension elements reads the same.

use xrtc_rtp::{HeaderFields, RtpPacket, is_rtcp, value, write_header};

/// A packet of each form: bare, CSRCs, both forms of extensions, padding.
pub fn seeds() -> Vec<Vec<u8>> {
    const FIXED: &[u8] = b"\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03";
    let packet = |first: u8, rest: &[u8]| [&[first], FIXED, rest].concat();
    vec![
        packet(0x80, b"payload"),
        packet(0x82, b"\x00\x00\x00\x07\x00\x00\x00\x08payload"),
        packet(
            0x90,
            b"\xbe\xde\x00\x03\x10\x85\x42\x01\x02\x03\x00\x31\x00\x02payload",
        ),
        packet(0x90, b"\x10\x00\x00\x02\x01\x00\x02\x03abc\x00payload"),
        packet(0xb0, b"\xbe\xde\x00\x01\x40\x31\x00\x00\x00\x00\x03"),
        packet(0xa0, b"payload\x00\x02"),
    ]
}

/// One datagram.
pub fn run(datagram: &[u8]) -> String {
    let Ok(packet) = RtpPacket::parse(datagram).inspect_err(|_| {}) else {
        return format!("{:?}", RtpPacket::parse(datagram).err());
    };
    let read = packet.header_len() + packet.payload().len() + packet.padding_len();
    assert_eq!(read, datagram.len());
    assert!(packet.csrcs().count() <= 15);
    let elements: Vec<_> = packet.extensions().collect();
    for (id, data) in &elements {
        assert!(*id != 0 && data.len() <= 255);
        let _ = value::audio_level(data);
        let _ = value::transport_sequence_number(data);
        let _ = value::abs_send_time_units(data);
    }
    rewrite(&packet, &elements);
    let large = elements
        .iter()
        .filter(|(id, data)| *id > 14 || data.len() > 16);
    format!(
        "{} {} {} {} {}",
        is_rtcp(datagram),
        packet.csrcs().count(),
        elements.len(),
        large.count().min(3),
        packet.padding_len().min(2)
    )
}

/// As a forwarder does: another header before the same payload.
fn rewrite(packet: &RtpPacket<'_>, elements: &[(u8, &[u8])]) {
    let fields = HeaderFields {
        marker: packet.marker(),
        payload_type: packet.payload_type(),
        sequence_number: packet.sequence_number().wrapping_add(1),
        timestamp: packet.timestamp().wrapping_add(1),
        ssrc: packet.ssrc(),
    };
    let mut out = vec![0; 12 + 4 + elements.len() * 257 + 3];
    let written = write_header(&mut out, &fields, elements.iter().copied());
    let len = written.expect("what was read in some form can be written in one");
    let rewritten = [&out[..len], packet.payload()].concat();
    let again = RtpPacket::parse(&rewritten).expect("what we write can be read");
    assert!(again.extensions().eq(elements.iter().copied()));
    assert_eq!(again.payload(), packet.payload());
    assert_eq!(again.sequence_number(), fields.sequence_number);
    assert_eq!((again.header_len(), again.padding_len()), (len, 0));
    // One byte less is refused, not cut off.
    assert_eq!(
        write_header(&mut out[..len - 1], &fields, elements.iter().copied()),
        None
    );
}
