//! The formats of the server's offers, under the numbers that browsers and the course use.

use xrtc_rtp::{Codec, ExtensionKind, MediaKind, PayloadType};

use crate::answer::Leg;
use crate::capabilities::LiveTrack;
use crate::format::{Feedback, Fmtp, PayloadFormat, clock_rate};

/// A codec, its payload type and that of its retransmissions (0: none), and its parameters.
const FORMATS: [(Codec, u8, u8, &str); 13] = [
    (Codec::Opus, 111, 0, "minptime=10;useinbandfec=1"),
    (Codec::Pcmu, 0, 0, ""),
    (Codec::Pcma, 8, 0, ""),
    (Codec::G722, 9, 0, ""),
    (
        Codec::H264,
        96,
        97,
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    ),
    (
        Codec::H264,
        102,
        103,
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
    ),
    (
        Codec::H264,
        104,
        105,
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f",
    ),
    (
        Codec::H264,
        106,
        107,
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f",
    ),
    (Codec::Vp8, 98, 99, ""),
    (Codec::Vp9, 100, 101, "profile-id=0"),
    (Codec::Vp9, 112, 113, "profile-id=2"),
    (
        Codec::H265,
        108,
        109,
        "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST",
    ),
    (Codec::Av1, 45, 46, "level-idx=5;profile=0;tier=0"),
];

/// The numbers for a live format that is not in the table.
const EXTRA: (u8, u8) = (114, 115);

/// The formats of one section with their retransmission formats: the live one first, then the codecs in the order of
/// the capabilities.
pub(super) fn standard_formats(
    kind: MediaKind,
    live: Option<&LiveTrack>,
    leg: &Leg<'_>,
    has_transport_cc: bool,
) -> Vec<PayloadFormat> {
    let feedback = Feedback {
        transport_cc: has_transport_cc,
        ..leg.feedback
    };
    let mut mains: Vec<(PayloadFormat, u8)> = Vec::new();
    let codecs = leg
        .capabilities
        .codecs
        .iter()
        .filter(|codec| codec.kind() == kind);
    for codec in codecs {
        let rows = FORMATS.iter().filter(|(other, ..)| other == codec);
        mains.extend(rows.map(|(codec, number, rtx, fmtp)| {
            (main_format(*codec, *number, fmtp, feedback), *rtx)
        }));
    }
    if let Some(live) = live {
        let is_live =
            |format: &PayloadFormat| format.key().is_some_and(|key| live.key.matches(key));
        if mains.iter().all(|(format, _)| !is_live(format)) {
            let extra = main_format(live.key.codec, EXTRA.0, live.fmtp.as_str(), feedback);
            mains.push((extra, if kind == MediaKind::Video { EXTRA.1 } else { 0 }));
        }
        mains.sort_by_key(|(format, _)| !is_live(format));
    }
    mains
        .into_iter()
        .flat_map(|(main, rtx)| with_rtx(main, rtx))
        .collect()
}

fn main_format(codec: Codec, number: u8, fmtp: &str, feedback: Feedback) -> PayloadFormat {
    let is_video = codec.kind() == MediaKind::Video;
    let feedback = if is_video {
        feedback
    } else {
        // A picture cannot be lost in sound. NACK for Opus is not offered: browsers do not, and conceal instead.
        Feedback {
            transport_cc: feedback.transport_cc,
            ..Feedback::default()
        }
    };
    PayloadFormat {
        payload_type: PayloadType(number),
        name: codec.name().to_owned(),
        clock_rate: clock_rate(codec),
        channels: (codec == Codec::Opus).then_some(2),
        fmtp: Fmtp::parse(fmtp),
        feedback,
    }
}

fn with_rtx(main: PayloadFormat, number: u8) -> impl Iterator<Item = PayloadFormat> {
    let rtx = (number != 0).then(|| PayloadFormat {
        payload_type: PayloadType(number),
        name: "rtx".to_owned(),
        clock_rate: main.clock_rate,
        channels: None,
        fmtp: Fmtp::parse(&format!("apt={}", main.payload_type.0)),
        feedback: Feedback::default(),
    });
    std::iter::once(main).chain(rtx)
}

/// Whether an extension belongs into an offer's section of this kind, without simulcast.
pub(super) const fn is_for(extension: ExtensionKind, kind: MediaKind) -> bool {
    use ExtensionKind as E;
    match extension {
        E::Mid | E::TransportCc | E::AbsSendTime => true,
        E::AudioLevel | E::CsrcAudioLevel => matches!(kind, MediaKind::Audio),
        E::Rid | E::RepairedRid | E::VideoLayersAllocation => false,
        // Browsers offer these only when told to, but would send them in every packet once they are offered.
        E::AbsCaptureTime | E::DependencyDescriptor => false,
        E::VideoOrientation
        | E::PlayoutDelay
        | E::VideoContentType
        | E::VideoTiming
        | E::ColorSpace
        | E::TransmissionOffset => matches!(kind, MediaKind::Video),
    }
}
