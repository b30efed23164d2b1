//! Why a description cannot be read or agreed on.

use std::fmt;

use thiserror::Error;
use xrtc_rtp::{MediaKind, Mid};

use crate::description::Direction;

/// A text that is no session description (or fragment) that we can read: the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {reason}")]
pub struct InvalidDescription {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: InvalidReason,
}

/// What is wrong with a line.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidReason {
    /// The text exceeds [`limits::MAX_BYTES`](crate::limits::MAX_BYTES).
    #[error("the text is longer than 65536 bytes")]
    TooLong,
    /// The text exceeds [`limits::MAX_LINES`](crate::limits::MAX_LINES).
    #[error("more than 4096 lines")]
    TooManyLines,
    /// The text exceeds [`limits::MAX_SECTIONS`](crate::limits::MAX_SECTIONS).
    #[error("more than 32 m-sections")]
    TooManySections,
    /// The text has no lines.
    #[error("empty")]
    Empty,
    /// The first line is not `v=0` (RFC 8866 §5.1).
    #[error("a session description begins with v=0")]
    Version,
    /// The line has not the form `type=value` (RFC 8866 §5).
    #[error("not of the form type=value")]
    Syntax,
    /// A malformed m-line (RFC 8866 §5.14).
    #[error("malformed m-line")]
    MediaLine,
    /// No m-section at all.
    #[error("no m-section")]
    NoSection,
    /// A mid that is not a token of at most 32 characters.
    #[error("mid is not a token of 1 to 32 characters")]
    Mid,
    /// A mid that an earlier m-section has.
    #[error("mid is used twice")]
    DuplicateMid,
    /// An `ice-ufrag` outside RFC 8839 §5.4: 4 to 256 ice-chars.
    #[error("ice-ufrag is not 4 to 256 letters, digits, + or /")]
    IceUfrag,
    /// An `ice-pwd` outside RFC 8839 §5.4: 22 to 256 ice-chars.
    #[error("ice-pwd is not 22 to 256 letters, digits, + or /")]
    IcePwd,
    /// One of `ice-ufrag` and `ice-pwd` without the other.
    #[error("ice-ufrag and ice-pwd come together")]
    IceCredentials,
    /// An `a=setup` that RFC 4145 §4 does not know.
    #[error("unknown setup role")]
    Setup,
    /// A fragment with nothing in it that ICE could use.
    #[error("neither credentials nor candidates")]
    NothingForIce,
}

/// Why an offer or answer is refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NegotiationError {
    /// The text cannot be read: HTTP 400.
    #[error("invalid description: {0}")]
    Invalid(#[from] InvalidDescription),
    /// The description lacks `ice-ufrag` and `ice-pwd`: HTTP 400.
    #[error("no ice-ufrag and ice-pwd")]
    NoIceCredentials,
    /// The description lacks a usable `fingerprint`: media without DTLS is refused. HTTP 400.
    #[error("no fingerprint: media goes over DTLS-SRTP only")]
    NoFingerprint,
    /// What the peer wants is legal, but not done here: HTTP 422.
    #[error("unsupported: {0}")]
    Unsupported(#[from] Unsupported),
    /// The peer's direction does not fit its role (RFC 9725 §4.2: a publisher's offer is sendonly or sendrecv; the
    /// WHEP draft: a viewer's is recvonly or sendrecv): HTTP 422.
    #[error("section {mid} is {direction}, which does not fit a {role}")]
    Direction {
        /// The section's mid, or its number if it has none.
        mid: Mid,
        /// The direction offered.
        direction: Direction,
        /// `publisher` or `viewer`.
        role: &'static str,
    },
    /// No codec of a section is forwarded here: HTTP 422.
    #[error(
        "no common {} codec: the peer has {}; this server takes {}",
        kind.name(), List(offered), List(supported)
    )]
    NoCommonCodec {
        /// Audio or video.
        kind: MediaKind,
        /// What the peer has.
        offered: Vec<String>,
        /// What this server takes.
        supported: Vec<String>,
    },
    /// The viewer cannot take what the stream sends now: HTTP 422.
    #[error(
        "the {} cannot be decoded: the stream sends {}; the viewer takes {}",
        kind.name(), List(live), List(offered)
    )]
    NotDecodable {
        /// Audio or video.
        kind: MediaKind,
        /// What the viewer takes.
        offered: Vec<String>,
        /// What the stream sends.
        live: Vec<String>,
    },
    /// The answer does not belong to the offer: another number, order or kind of m-sections (RFC 3264 §6). HTTP 400.
    #[error("the answer's m-sections are not those of the offer")]
    AnswerMismatch,
    /// The answer accepts no m-section in the direction that was offered: HTTP 422.
    #[error("the answer accepts no m-section")]
    NothingAccepted,
}

impl NegotiationError {
    /// Whether the description is malformed (HTTP 400), rather than readable but impossible (HTTP 422).
    pub const fn is_malformed(&self) -> bool {
        matches!(
            self,
            Self::Invalid(_) | Self::NoIceCredentials | Self::NoFingerprint | Self::AnswerMismatch
        )
    }
}

/// A legal wish that this server does not fulfil.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unsupported {
    /// Two live m-sections of one kind (RFC 9725 §4.4.2).
    #[error("more than one {} track", .0.name())]
    TwoTracks(MediaKind),
    /// Neither an audio nor a video section.
    #[error("no audio and no video section")]
    NoMedia,
    /// Media sections outside one BUNDLE group (RFC 9725 §4.4.1).
    #[error("the media sections are not in one BUNDLE group")]
    NotBundled,
    /// `a=setup:holdconn`, or a role that does not follow from the offer's.
    #[error("this DTLS setup role")]
    Setup,
    /// The peer is ICE-lite, and so is this side: nobody would send checks.
    #[error("ICE-lite on both sides: one must send checks")]
    BothLite,
    /// A later offer without the sections of the ones before, in their order (RFC 3264 §8).
    #[error("a section that is missing or another one than in the description before")]
    SectionMoved,
    /// A header extension under the id of another one of the session (RFC 8285 §6).
    #[error("a header extension with the id of another")]
    ExtensionIdReused,
    /// All payload types of a section are taken by another one of the BUNDLE group (RFC 9143 §9.1), or look like RTCP
    /// (64 to 95, RFC 5761 §4).
    #[error("payload types that stand for two codecs or for RTCP")]
    PayloadTypeConflict,
}

/// Prints a list as `a, b, c`, or `nothing`.
struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (index, item) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(item)?;
        }
        Ok(())
    }
}
