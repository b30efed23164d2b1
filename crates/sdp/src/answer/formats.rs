//! Which payload types an answer takes up.

use xrtc_rtp::{Codec, MediaKind, PayloadType};

use crate::capabilities::Capabilities;
use crate::description::Section;
use crate::format::{Feedback, Fmtp, PayloadFormat};
use crate::key::FormatKey;
use crate::negotiated::NegotiatedCodec;

/// The payload types of a BUNDLE group: no number stands for two formats (RFC 9143 §9.1).
#[derive(Default)]
pub(crate) struct PayloadTypes(u128);

impl PayloadTypes {
    /// Takes a number. `false` if another section has it, or if it would be RTCP's: 64 to 95 (RFC 5761 §4).
    fn take(&mut self, payload_type: PayloadType) -> bool {
        let bit = 1u128.checked_shl(u32::from(payload_type.0)).unwrap_or(0);
        let is_free = self.is_free(payload_type);
        self.0 |= bit;
        is_free
    }

    fn is_free(&self, payload_type: PayloadType) -> bool {
        let bit = 1u128.checked_shl(u32::from(payload_type.0)).unwrap_or(0);
        self.0 & bit == 0 && !(64..96).contains(&payload_type.0)
    }
}

/// An offered format that is taken up.
pub(crate) struct Accepted<'a> {
    pub(crate) format: &'a PayloadFormat,
    pub(crate) key: FormatKey,
    pub(crate) rtx: Option<&'a PayloadFormat>,
    pub(crate) feedback: Feedback,
}

impl Accepted<'_> {
    pub(crate) fn negotiated(&self) -> NegotiatedCodec {
        NegotiatedCodec {
            codec: self.key.codec,
            payload_type: self.format.payload_type,
            clock_rate: self.format.clock_rate,
            channels: self.format.channels,
            fmtp: self.format.fmtp.clone(),
            key: self.key,
            rtx: self.rtx.map(|rtx| rtx.payload_type),
            feedback: self.feedback,
        }
    }

    /// The format, and the one for its retransmissions, as the answer writes them: the offer's number, name and
    /// channels, our parameters.
    pub(crate) fn answer(&self, fmtp: Fmtp) -> impl Iterator<Item = PayloadFormat> {
        let main = PayloadFormat {
            fmtp,
            feedback: self.feedback,
            ..self.format.clone()
        };
        let apt = format!("apt={}", self.format.payload_type.0);
        let rtx = self.rtx.map(|rtx| PayloadFormat {
            fmtp: Fmtp::parse(&apt),
            feedback: Feedback::default(),
            ..rtx.clone()
        });
        std::iter::once(main).chain(rtx)
    }
}

/// The formats of a section that are forwarded, in the order offered, each with its retransmission format.
///
/// ULPFEC, FlexFEC, comfort noise and telephone events are left out, and so is a retransmission format whose main
/// format is gone. RED stays only around an Opus that is taken too.
pub(crate) fn accept_formats<'a>(
    section: &'a Section,
    kind: MediaKind,
    capabilities: &Capabilities,
    taken: &mut PayloadTypes,
) -> Vec<Accepted<'a>> {
    let mut accepted: Vec<Accepted<'a>> = Vec::new();
    for format in &section.formats {
        let key = capabilities.key(format).filter(|key| key.kind() == kind);
        let Some(key) = key.filter(|_| taken.take(format.payload_type)) else {
            continue;
        };
        accepted.push(Accepted {
            format,
            key,
            rtx: None,
            feedback: format.feedback,
        });
    }
    let opus: Vec<PayloadType> = accepted
        .iter()
        .filter(|accepted| accepted.key.codec == Codec::Opus)
        .map(|accepted| accepted.format.payload_type)
        .collect();
    accepted
        .retain(|accepted| accepted.key.codec != Codec::Red || wraps(&accepted.format.fmtp, &opus));
    for rtx in &section.formats {
        let Some(apt) = rtx.apt() else { continue };
        let main = accepted
            .iter_mut()
            .find(|accepted| accepted.format.payload_type == apt);
        let Some(main) = main.filter(|main| main.rtx.is_none()) else {
            continue;
        };
        if rtx.clock_rate == main.format.clock_rate && taken.take(rtx.payload_type) {
            main.rtx = Some(rtx);
        }
    }
    accepted
}

/// Whether RED's `111/111` holds nothing but these payload types (RFC 2198 §5).
fn wraps(fmtp: &Fmtp, inner: &[PayloadType]) -> bool {
    !fmtp.is_empty()
        && fmtp.as_str().split('/').all(|number| {
            number
                .trim()
                .parse()
                .is_ok_and(|number| inner.contains(&PayloadType(number)))
        })
}

/// What the answer says about a format: the parameters that name it, and for Opus what its receiver asks for.
///
/// What the offerer declares about its own receiving or sending (`max-fs`, `sprop-…`) is not ours to repeat.
pub(crate) fn answer_fmtp(codec: Codec, offered: &Fmtp) -> Fmtp {
    match codec {
        Codec::Opus => offered.filter(|name| OPUS_RECEIVER.contains(&name)),
        Codec::Red => offered.clone(),
        Codec::H264 => offered.filter(|name| H264_FORMAT.contains(&name)),
        Codec::H265 => offered.filter(|name| H265_FORMAT.contains(&name)),
        Codec::Vp9 => offered.filter(|name| name == "profile-id"),
        Codec::Av1 => offered.filter(|name| AV1_FORMAT.contains(&name)),
        Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::Vp8 => Fmtp::default(),
    }
}

/// What a viewer is told of a stream's Opus: the publisher's own words, without which browsers decode mono.
pub(crate) fn live_opus_fmtp(live: &Fmtp) -> Fmtp {
    live.filter(|name| OPUS_RECEIVER.contains(&name) || OPUS_SENDER.contains(&name))
}

/// RFC 7587 §6.1.
const OPUS_RECEIVER: [&str; 7] = [
    "minptime",
    "useinbandfec",
    "stereo",
    "usedtx",
    "cbr",
    "maxaveragebitrate",
    "maxplaybackrate",
];
/// RFC 7587 §6.1.
const OPUS_SENDER: [&str; 2] = ["sprop-stereo", "sprop-maxcapturerate"];
/// RFC 6184 §8.1.
const H264_FORMAT: [&str; 3] = [
    "level-asymmetry-allowed",
    "packetization-mode",
    "profile-level-id",
];
/// RFC 7798 §7.1.
const H265_FORMAT: [&str; 6] = [
    "profile-space",
    "profile-id",
    "tier-flag",
    "level-id",
    "interop-constraints",
    "tx-mode",
];
/// AV1's RTP payload format, §7.2.1.
const AV1_FORMAT: [&str; 3] = ["profile", "level-idx", "tier"];
