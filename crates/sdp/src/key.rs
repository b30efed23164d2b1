//! What makes two formats the same to a decoder, whatever their payload types and levels.

use std::fmt;

use xrtc_rtp::{Codec, MediaKind};

use crate::format::Fmtp;

/// A codec with the parameters that a decoder cannot negotiate away.
///
/// Levels are not part of it: browsers write the level they prefer, not the one they can decode (Safari offers
/// H.264 at 5.2, Chrome at 3.1, for the same decoder), so it is not compared (`level-idx` and `level-id` neither).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatKey {
    /// The codec.
    pub codec: Codec,
    /// Its profile and packetization.
    pub profile: Profile,
}

impl FormatKey {
    /// The key of a codec with these `a=fmtp` parameters; `None` if they ask for a form that cannot be forwarded:
    /// H.264 interleaved (`packetization-mode=2`), H.265 over several streams (`tx-mode` other than `SRST`), or
    /// values that cannot be read.
    pub fn new(codec: Codec, fmtp: &Fmtp) -> Option<Self> {
        let profile = match codec {
            Codec::Vp9 => Profile::Vp9 {
                profile: number(fmtp, "profile-id", 0, 3)?,
            },
            Codec::H264 => h264(fmtp)?,
            Codec::H265 => h265(fmtp)?,
            Codec::Av1 => Profile::Av1 {
                profile: number(fmtp, "profile", 0, 2)?,
                tier: number(fmtp, "tier", 0, 1)?,
            },
            Codec::Opus | Codec::Red | Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::Vp8 => {
                Profile::Any
            }
        };
        Some(Self { codec, profile })
    }

    /// Audio or video.
    pub const fn kind(self) -> MediaKind {
        self.codec.kind()
    }

    /// Whether both are the same format.
    pub fn matches(self, other: Self) -> bool {
        self == other
    }

    /// Whether a receiver that offered `receiver` decodes a stream of this format, and how far apart the two are:
    /// 0 is the same format, more is a stream that is a subset of what the receiver can do.
    ///
    /// Subsets: a lower H.264, H.265 or AV1 profile or tier in a decoder of a higher one; H.264 single-NAL packets
    /// (mode 0) at a receiver of mode 1, which includes them (RFC 6184 §6.3); and H.264 without any parameter on
    /// either side, as GStreamer offers it, which says nothing.
    pub fn distance(self, receiver: Self) -> Option<u8> {
        if self.codec != receiver.codec {
            return None;
        }
        match (self.profile, receiver.profile) {
            (sent, taken) if sent == taken => Some(0),
            (
                Profile::H264 {
                    profile: sent,
                    mode,
                },
                Profile::H264 {
                    profile: taken,
                    mode: taken_mode,
                },
            ) => {
                let modes = taken_mode.checked_sub(mode)?;
                Some(1 + modes + 2 * taken.rank()?.checked_sub(sent.rank()?)?)
            }
            (Profile::H264 { .. } | Profile::H264Unspecified, Profile::H264Unspecified) => {
                Some(u8::MAX)
            }
            // Constrained baseline in mode 1 is what nearly every encoder sends and every decoder takes.
            (Profile::H264Unspecified, Profile::H264 { profile, mode }) => {
                Some(1 + (1 - mode.min(1)) + 2 * profile.rank()?)
            }
            (
                Profile::H265 {
                    space,
                    profile,
                    tier,
                },
                Profile::H265 {
                    space: taken_space,
                    profile: taken,
                    tier: taken_tier,
                },
            ) if space == taken_space && taken <= 2 => {
                Some(1 + 2 * taken.checked_sub(profile)? + taken_tier.checked_sub(tier)?)
            }
            (
                Profile::Av1 { profile, tier },
                Profile::Av1 {
                    profile: taken,
                    tier: taken_tier,
                },
            ) => Some(1 + 2 * taken.checked_sub(profile)? + taken_tier.checked_sub(tier)?),
            _ => None,
        }
    }
}

impl fmt::Display for FormatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.codec.name())?;
        match self.profile {
            Profile::Any | Profile::H264Unspecified => Ok(()),
            Profile::Vp9 { profile } | Profile::Av1 { profile, .. } => {
                write!(f, " profile {profile}")
            }
            Profile::H264 { profile, mode } => write!(f, " {profile} mode {mode}"),
            Profile::H265 { profile, .. } => write!(f, " profile {profile}"),
        }
    }
}

/// The part of a format that its codec name does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// The codec has but one form.
    Any,
    /// VP9 (RFC 9628 §7).
    Vp9 {
        /// `profile-id`, 0 by default.
        profile: u8,
    },
    /// H.264 (RFC 6184 §8.1).
    H264 {
        /// From `profile-level-id`.
        profile: H264Profile,
        /// `packetization-mode`, 0 by default; 0 or 1.
        mode: u8,
    },
    /// H.264 without `profile-level-id` and `packetization-mode`.
    H264Unspecified,
    /// H.265 (RFC 7798 §7.1).
    H265 {
        /// `profile-space`, 0 by default.
        space: u8,
        /// `profile-id`, 1 (main) by default.
        profile: u8,
        /// `tier-flag`, 0 (main) by default.
        tier: u8,
    },
    /// AV1 (§7.2.1 of its RTP payload format).
    Av1 {
        /// `profile`, 0 (main) by default.
        profile: u8,
        /// `tier`, 0 by default.
        tier: u8,
    },
}

/// An H.264 profile, after RFC 6184 table 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum H264Profile {
    /// `42` with constraint set 1, and its other spellings.
    ConstrainedBaseline,
    /// `42`.
    Baseline,
    /// `4d`.
    Main,
    /// `64` with constraint sets 4 and 5.
    ConstrainedHigh,
    /// `64`.
    High,
    /// `f4`.
    PredictiveHigh444,
    /// Any other: `profile_idc` and `profile-iop`.
    Other(u8, u8),
}

impl H264Profile {
    /// The profile of the first two bytes of `profile-level-id`.
    const fn new(idc: u8, iop: u8) -> Self {
        match (idc, iop) {
            (0x42, iop) if iop & 0x4f == 0x40 => Self::ConstrainedBaseline,
            (0x4d, iop) if iop & 0x8f == 0x80 => Self::ConstrainedBaseline,
            (0x58, iop) if iop & 0xcf == 0xc0 => Self::ConstrainedBaseline,
            (0x42, iop) if iop & 0x4f == 0x00 => Self::Baseline,
            (0x58, iop) if iop & 0xcf == 0x80 => Self::Baseline,
            (0x4d, iop) if iop & 0xaf == 0x00 => Self::Main,
            (0x64, 0x0c) => Self::ConstrainedHigh,
            (0x64, 0x00) => Self::High,
            (0xf4, 0x00) => Self::PredictiveHigh444,
            (idc, iop) => Self::Other(idc, iop),
        }
    }

    /// Where it stands among the profiles that contain each other.
    ///
    /// Constrained and unconstrained forms share a place: what tells them apart (flexible macroblock order,
    /// interlacing, B slices) is sent by no real-time encoder, and FFmpeg writes `42001f` for what every constrained
    /// baseline decoder takes.
    const fn rank(self) -> Option<u8> {
        match self {
            Self::ConstrainedBaseline | Self::Baseline => Some(0),
            Self::Main => Some(1),
            Self::ConstrainedHigh | Self::High => Some(2),
            Self::PredictiveHigh444 => Some(3),
            Self::Other(..) => None,
        }
    }
}

impl fmt::Display for H264Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConstrainedBaseline => f.write_str("constrained baseline"),
            Self::Baseline => f.write_str("baseline"),
            Self::Main => f.write_str("main"),
            Self::ConstrainedHigh => f.write_str("constrained high"),
            Self::High => f.write_str("high"),
            Self::PredictiveHigh444 => f.write_str("high 4:4:4"),
            Self::Other(idc, iop) => write!(f, "profile {idc:02x}{iop:02x}"),
        }
    }
}

fn h264(fmtp: &Fmtp) -> Option<Profile> {
    let level_id = fmtp.get("profile-level-id");
    if level_id.is_none() && fmtp.get("packetization-mode").is_none() {
        return Some(Profile::H264Unspecified);
    }
    let mode = number(fmtp, "packetization-mode", 0, 1)?;
    let profile = match level_id {
        // RFC 6184 §8.1 infers baseline; libwebrtc and everybody after it, constrained baseline.
        None => H264Profile::ConstrainedBaseline,
        Some(text) if text.len() == 6 => {
            let [_, idc, iop, _] = u32::from_str_radix(text, 16).ok()?.to_be_bytes();
            H264Profile::new(idc, iop)
        }
        Some(_) => return None,
    };
    Some(Profile::H264 { profile, mode })
}

fn h265(fmtp: &Fmtp) -> Option<Profile> {
    // RFC 7798 §7.1: SRST when absent; the others need several streams, which BUNDLE with one SSRC has not.
    if fmtp
        .get("tx-mode")
        .is_some_and(|mode| !mode.eq_ignore_ascii_case("SRST"))
    {
        return None;
    }
    Some(Profile::H265 {
        space: number(fmtp, "profile-space", 0, 3)?,
        profile: number(fmtp, "profile-id", 1, 31)?,
        tier: number(fmtp, "tier-flag", 0, 1)?,
    })
}

/// A number of at most `max`; the default if the parameter is absent, `None` if it is anything else.
fn number(fmtp: &Fmtp, name: &str, default: u8, max: u8) -> Option<u8> {
    fmtp.get(name).map_or(Some(default), |value| {
        value.parse().ok().filter(|number| *number <= max)
    })
}
