//! One payload type of an m-section: `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` together.

use std::fmt;

use xrtc_rtp::{Codec, PayloadType};

use crate::key::FormatKey;
use crate::limits;

/// A format of an m-section (RFC 8866 §5.14): what one payload type stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadFormat {
    /// The number in the RTP header.
    pub payload_type: PayloadType,
    /// The encoding name as written; compare without case (RFC 4855 §3).
    pub name: String,
    /// Ticks per second of the RTP timestamp.
    pub clock_rate: u32,
    /// The third part of `a=rtpmap`, where it is written.
    pub channels: Option<u8>,
    /// `a=fmtp`.
    pub fmtp: Fmtp,
    /// `a=rtcp-fb`.
    pub feedback: Feedback,
}

impl PayloadFormat {
    /// The codec, if it is one that can be forwarded, at the clock rate of its RTP format.
    pub fn codec(&self) -> Option<Codec> {
        Codec::from_name(&self.name).filter(|codec| clock_rate(*codec) == self.clock_rate)
    }

    /// What a decoder must know to take this format; `None` for what cannot be forwarded.
    pub fn key(&self) -> Option<FormatKey> {
        FormatKey::new(self.codec()?, &self.fmtp)
    }

    /// Whether it is a retransmission format (RFC 4588 §8.1).
    pub fn is_rtx(&self) -> bool {
        self.name.eq_ignore_ascii_case("rtx")
    }

    /// The payload type that this `rtx` format retransmits.
    pub fn apt(&self) -> Option<PayloadType> {
        if !self.is_rtx() {
            return None;
        }
        let number = self.fmtp.get("apt")?.parse().ok()?;
        (number < 128).then_some(PayloadType(number))
    }

    /// A short name for messages: `H264 42e01f mode 1`, `VP9 profile 2`, `telephone-event`.
    pub fn describe(&self) -> String {
        self.key()
            .map_or_else(|| self.name.clone(), |key| key.to_string())
    }
}

/// The RTP clock rate of a codec's payload format.
pub(crate) const fn clock_rate(codec: Codec) -> u32 {
    match codec {
        // G.722 samples at 16 kHz, but its RTP clock is 8 kHz by an old mistake (RFC 3551 §4.5.2).
        Codec::Pcmu | Codec::Pcma | Codec::G722 => 8_000,
        Codec::Opus | Codec::Red => 48_000,
        Codec::Vp8 | Codec::Vp9 | Codec::H264 | Codec::H265 | Codec::Av1 => 90_000,
    }
}

/// The feedback messages that both sides may use for a payload type (`a=rtcp-fb`, RFC 4585 §4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Feedback {
    /// `nack`: generic NACK.
    pub nack: bool,
    /// `nack pli`: picture loss indication.
    pub pli: bool,
    /// `ccm fir`: full intra request (RFC 5104).
    pub fir: bool,
    /// `transport-cc`: transport-wide congestion control.
    pub transport_cc: bool,
    /// `goog-remb`: the receiver's estimate of the maximum bit rate.
    pub remb: bool,
}

impl Feedback {
    /// What both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            nack: self.nack && other.nack,
            pli: self.pli && other.pli,
            fir: self.fir && other.fir,
            transport_cc: self.transport_cc && other.transport_cc,
            remb: self.remb && other.remb,
        }
    }

    /// What either has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            nack: self.nack || other.nack,
            pli: self.pli || other.pli,
            fir: self.fir || other.fir,
            transport_cc: self.transport_cc || other.transport_cc,
            remb: self.remb || other.remb,
        }
    }

    /// The feedback that the part of `a=rtcp-fb` after the payload type names; empty if it is none of ours.
    pub(crate) fn parse(text: &str) -> Self {
        let mut words = text.split_ascii_whitespace();
        let mut feedback = Self::default();
        match (words.next(), words.next()) {
            (Some("nack"), None) => feedback.nack = true,
            (Some("nack"), Some("pli")) => feedback.pli = true,
            (Some("ccm"), Some("fir")) => feedback.fir = true,
            (Some("transport-cc"), None) => feedback.transport_cc = true,
            (Some("goog-remb"), None) => feedback.remb = true,
            _ => {}
        }
        feedback
    }

    /// The values of `a=rtcp-fb` for it, without the payload type, in libwebrtc's order.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.remb, "goog-remb"),
            (self.transport_cc, "transport-cc"),
            (self.fir, "ccm fir"),
            (self.nack, "nack"),
            (self.pli, "nack pli"),
        ]
        .into_iter()
        .filter_map(|(is_set, name)| is_set.then_some(name))
    }
}

/// The parameters of `a=fmtp` (RFC 8866 §6.15), in the order of the text.
///
/// Comparing two is comparing texts; [`FormatKey`] compares meanings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fmtp(String);

impl Fmtp {
    /// Takes the parameters: `packetization-mode=1;profile-level-id=42e01f`. Anything beyond visible ASCII and
    /// beyond [`limits::MAX_FMTP_BYTES`] is left out, so that it can be echoed without harm.
    pub fn parse(text: &str) -> Self {
        let mut fmtp = Self::default();
        fmtp.append(text);
        fmtp
    }

    /// The parameters' text, with `;` between them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a parameter (empty if it has none). Names are compared without case (RFC 4855 §3).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The parameters with their values, empty where a parameter has none.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .split(';')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    /// Adds the parameters of another line for the same payload type.
    pub(crate) fn append(&mut self, text: &str) {
        for pair in text.split(';') {
            crate::work::step();
            let pair = pair.trim();
            let fits = self.0.len() + pair.len() < limits::MAX_FMTP_BYTES;
            if pair.is_empty() || !fits || !pair.bytes().all(|byte| byte.is_ascii_graphic()) {
                continue;
            }
            if !self.0.is_empty() {
                self.0.push(';');
            }
            self.0.push_str(pair);
        }
    }

    /// Only the parameters that `keep` wants.
    pub(crate) fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        let mut kept = Self::default();
        for (name, value) in self.iter().filter(|(name, _)| keep(name)) {
            kept.set(name, value);
        }
        kept
    }

    /// Appends a parameter.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.append(name);
        } else {
            self.append(&format!("{name}={value}"));
        }
    }
}

impl fmt::Display for Fmtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
