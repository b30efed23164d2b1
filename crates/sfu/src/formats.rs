//! Formats between signaling and the media plane: what a viewer's decoders take, spelled out for every format that a
//! publisher may turn up with.

use xrtc_forward::{Feedback, Format, IngestCodec, ViewerCodec};
use xrtc_rtp::Codec;
use xrtc_sdp::{FormatKey, H264Profile, NegotiatedCodec, Profile};

/// The media plane compares numbers; equal ones are the same format. Never 0, which would fit everything.
pub(crate) fn format(key: FormatKey) -> Format {
    let profile = match key.profile {
        Profile::Any => 1,
        Profile::H264Unspecified => 2,
        Profile::Vp9 { profile } => 0x100 | u32::from(profile),
        Profile::H264 { profile, mode } => 0x200 | h264(profile) << 12 | u32::from(mode),
        Profile::H265 {
            space,
            profile,
            tier,
        } => 0x300 | u32::from(space) << 24 | u32::from(profile) << 16 | u32::from(tier) << 12,
        Profile::Av1 { profile, tier } => 0x400 | u32::from(profile) << 16 | u32::from(tier) << 12,
    };
    Format {
        codec: key.codec,
        profile,
    }
}

const fn h264(profile: H264Profile) -> u32 {
    match profile {
        H264Profile::ConstrainedBaseline => 1,
        H264Profile::Baseline => 2,
        H264Profile::Main => 3,
        H264Profile::ConstrainedHigh => 4,
        H264Profile::High => 5,
        H264Profile::PredictiveHigh444 => 6,
        H264Profile::Other(idc, iop) => 8 | (idc as u32) << 12 | (iop as u32) << 4,
    }
}

/// What a publisher may send.
pub(crate) fn ingest_codec(codec: &NegotiatedCodec) -> IngestCodec {
    let feedback = codec.feedback;
    IngestCodec {
        format: format(codec.key),
        payload_type: codec.payload_type,
        clock_rate: codec.clock_rate,
        rtx_payload_type: codec.rtx,
        feedback: Feedback {
            nack: feedback.nack,
            pli: feedback.pli,
            fir: feedback.fir,
            transport_cc: feedback.transport_cc,
            remb: feedback.remb,
        },
    }
}

/// What a viewer may be sent: one entry for every format that one of its decoders takes, under the payload type of
/// the decoder that is closest to it.
pub(crate) fn viewer_codecs(codecs: &[NegotiatedCodec]) -> Vec<ViewerCodec> {
    let mut sources: Vec<FormatKey> = Vec::new();
    for codec in codecs {
        let exact = std::iter::once(codec.key);
        for key in exact.chain(profiles(codec.codec).into_iter().map(|profile| FormatKey {
            codec: codec.codec,
            profile,
        })) {
            if !sources.contains(&key) {
                sources.push(key);
            }
        }
    }
    let closest = |source: FormatKey| {
        let able = codecs
            .iter()
            .filter_map(|codec| Some((source.distance(codec.key)?, codec)));
        able.min_by_key(|(distance, _)| *distance)
            .map(|(_, codec)| codec)
    };
    let mut taken: Vec<_> = sources
        .into_iter()
        .filter_map(|source| Some((source, closest(source)?)))
        .collect();
    taken.truncate(xrtc_forward::Limits::MAX_CODECS);
    taken
        .into_iter()
        .map(|(source, codec)| ViewerCodec {
            format: format(source),
            payload_type: codec.payload_type,
            rtx_payload_type: codec.rtx,
            nack: codec.feedback.nack,
        })
        .collect()
}

/// The profiles of a codec that publishers send.
fn profiles(codec: Codec) -> Vec<Profile> {
    match codec {
        Codec::Vp9 => (0..=3).map(|profile| Profile::Vp9 { profile }).collect(),
        Codec::Av1 => product(0..=2, |profile, tier| Profile::Av1 { profile, tier }),
        Codec::H265 => product(1..=2, |profile, tier| Profile::H265 {
            space: 0,
            profile,
            tier,
        }),
        Codec::H264 => {
            let known = [
                H264Profile::ConstrainedBaseline,
                H264Profile::Baseline,
                H264Profile::Main,
                H264Profile::ConstrainedHigh,
                H264Profile::High,
                H264Profile::PredictiveHigh444,
            ];
            let modes = |profile| [0, 1].map(|mode| Profile::H264 { profile, mode });
            known
                .into_iter()
                .flat_map(modes)
                .chain([Profile::H264Unspecified])
                .collect()
        }
        Codec::Opus | Codec::Red | Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::Vp8 => {
            vec![Profile::Any]
        }
    }
}

/// A profile of every number in both tiers.
fn product(
    numbers: std::ops::RangeInclusive<u8>,
    profile: impl Fn(u8, u8) -> Profile,
) -> Vec<Profile> {
    numbers
        .flat_map(|number| [profile(number, 0), profile(number, 1)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use xrtc_rtp::PayloadType;
    use xrtc_sdp::Fmtp;

    fn codec(codec: Codec, payload_type: u8, fmtp: &str) -> NegotiatedCodec {
        let fmtp = Fmtp::parse(fmtp);
        NegotiatedCodec {
            codec,
            payload_type: PayloadType(payload_type),
            clock_rate: 90_000,
            channels: None,
            key: FormatKey::new(codec, &fmtp).unwrap(),
            fmtp,
            rtx: Some(PayloadType(payload_type + 1)),
            feedback: xrtc_sdp::Feedback::default(),
        }
    }

    fn payload_type(codecs: &[ViewerCodec], name: Codec, fmtp: &str) -> Option<u8> {
        let sent = format(FormatKey::new(name, &Fmtp::parse(fmtp)).unwrap());
        codecs
            .iter()
            .find(|codec| codec.format.accepts(sent))
            .map(|codec| codec.payload_type.0)
    }

    #[test]
    fn different_formats_have_different_numbers_and_none_is_zero() {
        let mut numbers = BTreeSet::new();
        let mut keys = 0;
        for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::H265, Codec::Av1] {
            for profile in profiles(codec) {
                keys += 1;
                numbers.insert(format(FormatKey { codec, profile }).profile);
            }
        }
        assert_eq!(numbers.len(), keys);
        assert!(!numbers.contains(&0));
    }

    #[test]
    fn h264_goes_to_the_closest_decoder_that_takes_it() {
        let viewer = viewer_codecs(&[
            codec(
                Codec::H264,
                96,
                "packetization-mode=1;profile-level-id=42e01f",
            ),
            codec(
                Codec::H264,
                98,
                "packetization-mode=0;profile-level-id=42e01f",
            ),
            codec(
                Codec::H264,
                100,
                "packetization-mode=1;profile-level-id=640c1f",
            ),
        ]);
        let rows = [
            ("packetization-mode=1;profile-level-id=42e034", Some(96)),
            ("packetization-mode=0;profile-level-id=42e01f", Some(98)),
            ("packetization-mode=1;profile-level-id=42001f", Some(96)),
            ("packetization-mode=1;profile-level-id=4d001f", Some(100)),
            ("packetization-mode=1;profile-level-id=64001f", Some(100)),
            ("packetization-mode=1;profile-level-id=f4001f", None),
            ("", Some(96)),
        ];
        for (sent, expected) in rows {
            assert_eq!(payload_type(&viewer, Codec::H264, sent), expected, "{sent}");
        }
    }

    #[test]
    fn a_baseline_viewer_takes_no_high_profile() {
        let viewer = viewer_codecs(&[codec(
            Codec::H264,
            96,
            "packetization-mode=1;profile-level-id=42e01f",
        )]);
        assert_eq!(
            payload_type(
                &viewer,
                Codec::H264,
                "packetization-mode=1;profile-level-id=640c1f"
            ),
            None
        );
        assert_eq!(payload_type(&viewer, Codec::Vp8, ""), None);
    }
}
