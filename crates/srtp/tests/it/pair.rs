//! Two ends that share keys, and packets for them.

use proptest::prelude::*;
use xrtc_rtp::Ssrc;
use xrtc_srtp::{Discard, KeyingMaterial, Opener, Plain, Profile, Sealer, contexts};

/// One end's sealer and the other's opener.
pub(crate) fn pair(profile: Profile) -> (Sealer, Opener) {
    let exported: Vec<u8> = (0..profile.keying_material_len())
        .map(|byte| byte as u8 ^ 0x5a)
        .collect();
    let material = KeyingMaterial::new(profile, &exported).unwrap();
    let (_, sealer) = contexts(&material, true);
    let (opener, _) = contexts(&material, false);
    (sealer, opener)
}

pub(crate) fn any_profile() -> impl Strategy<Value = Profile> {
    prop::sample::select(Profile::ALL.to_vec())
}

/// A header without CSRCs, with an extension if there are bytes for one.
pub(crate) fn header(ssrc: Ssrc, sequence_number: u16, extension: &[u8]) -> Vec<u8> {
    let mut header = vec![0x80, 96];
    header.extend(sequence_number.to_be_bytes());
    header.extend(0x0102_0304_u32.to_be_bytes());
    header.extend(ssrc.0.to_be_bytes());
    if !extension.is_empty() {
        header[0] |= 0x10;
        header.extend([0xbe, 0xde]);
        header.extend((extension.len().div_ceil(4) as u16).to_be_bytes());
        header.extend(extension);
        header.resize(header.len().next_multiple_of(4), 0);
    }
    header
}

/// Seals the packet of an index; the payload follows from the index.
pub(crate) fn seal(
    sealer: &mut Sealer,
    ssrc: Ssrc,
    index: u64,
    repeat: bool,
) -> Result<Vec<u8>, Discard> {
    let header = header(ssrc, index as u16, &[]);
    let payload = payload(index);
    let plain = Plain {
        ssrc,
        index,
        repeat,
        header: &header,
        prefix: &[],
        payload: &payload,
    };
    let mut out = vec![0; header.len() + payload.len() + Profile::MAX_RTP_OVERHEAD];
    let len = sealer.seal_rtp(plain, &mut out)?;
    out.truncate(len);
    Ok(out)
}

/// Opens a copy and returns the plain packet.
pub(crate) fn open(opener: &mut Opener, packet: &[u8]) -> Result<Vec<u8>, Discard> {
    let mut packet = packet.to_vec();
    let len = opener.open_rtp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

/// What [`seal`] seals.
pub(crate) fn plain(ssrc: Ssrc, index: u64) -> Vec<u8> {
    let mut packet = header(ssrc, index as u16, &[]);
    packet.extend(payload(index));
    packet
}

fn payload(index: u64) -> Vec<u8> {
    (0..(index % 61) as u8)
        .map(|byte| byte.wrapping_mul(7) ^ index as u8)
        .collect()
}

/// A compound of one receiver report without blocks, followed by as many bytes.
pub(crate) fn report(ssrc: Ssrc, rest: &[u8]) -> Vec<u8> {
    let mut report = vec![0x80, 201, 0, 1];
    report.extend(ssrc.0.to_be_bytes());
    report.extend(rest);
    report
}

pub(crate) fn seal_report(sealer: &mut Sealer, plain: &[u8]) -> Vec<u8> {
    let mut out = vec![0; plain.len() + Profile::MAX_RTCP_OVERHEAD];
    let len = sealer.seal_rtcp(plain, &mut out).unwrap();
    out.truncate(len);
    out
}

pub(crate) fn open_report(opener: &mut Opener, packet: &[u8]) -> Result<Vec<u8>, Discard> {
    let mut packet = packet.to_vec();
    let len = opener.open_rtcp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}
