//! Offers and answers: session descriptions turned into negotiated parameters and back, as pure functions.
//!
//! The text codec is webrtc-rs's `rtc-sdp`; what stands here is the meaning. [`Description`] is the semantic
//! model of any offer or answer, [`answer_push`] and [`answer_pull`] answer a publisher's and a viewer's offer,
//! [`offer_push`] and [`offer_pull`] make the server's own offers, and [`Fragment`] is the body of a trickle or
//! restart request. Nothing here keeps state, reads a clock or draws randomness: ids, credentials and sources
//! come in as [`LocalParams`].
//!
//! ```
//! use xrtc_sdp::{Capabilities, Description, Fingerprint, IceCredentials, LocalParams, answer_push};
//!
//! let offer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
//!     m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
//!     a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\n\
//!     a=fingerprint:sha-256 00:11:22:33\r\na=rtpmap:111 opus/48000/2\r\n";
//! # let credentials = IceCredentials::new("serv", "wxyzabcdefghijklmnopqrst").unwrap();
//! # let local = LocalParams::new(credentials, Fingerprint::parse("sha-256 AA:BB:CC:DD").unwrap());
//! let offer = Description::parse(offer)?;
//! let (sdp, negotiated) = answer_push(&offer, &Capabilities::default(), &local)?;
//! assert!(sdp.starts_with("v=0\r\n") && sdp.contains("a=recvonly\r\n"));
//! assert_eq!(negotiated.tracks[0].codecs[0].payload_type.0, 111);
//! # Ok::<(), xrtc_sdp::NegotiationError>(())
//! ```
//!
//! Covered: RFC 8866 (SDP), RFC 3264 and RFC 9429 (offer and answer of the shapes above), RFC 9143 (BUNDLE),
//! RFC 8839 and RFC 8840 (ICE attributes, fragments), RFC 8842 and RFC 8122 (setup, fingerprints), RFC 8285
//! (`extmap`), RFC 8851 and RFC 8853 (`rid`, `simulcast`), RFC 5576 (`ssrc`), RFC 4588 (`rtx`), RFC 9725 (WHIP),
//! the WHEP draft, and the formats' own parameters (RFC 6184, RFC 7587, RFC 7798, RFC 9628, AV1's RTP format).
//! Later offers of a session begin with its [`Agreement`].
//! Left out: data channels (such a section is rejected), SDES keys, more than one audio and one
//! video track to a transport.

#![forbid(unsafe_code)]

mod agreement;
mod answer;
mod capabilities;
mod description;
mod error;
mod format;
mod fragment;
mod key;
pub mod limits;
mod local;
mod negotiated;
mod offer;
mod transport;
#[cfg(not(feature = "count-work"))]
mod work;
#[cfg(feature = "count-work")]
pub mod work;

pub use agreement::Agreement;
pub use answer::{answer_pull, answer_pull_again, answer_push};
pub use capabilities::{Capabilities, LiveTrack};
pub use description::{
    Description, Direction, Extension, MediaLine, Msid, Origin, RidDescription, RidDirection,
    RtcpAttributes, Section, SectionKind, Simulcast, SimulcastRid, SourceDescription, SourceGroup,
};
pub use error::{InvalidDescription, InvalidReason, NegotiationError, Unsupported};
pub use format::{Feedback, Fmtp, PayloadFormat};
pub use fragment::{Fragment, FragmentSection};
pub use key::{FormatKey, H264Profile, Profile};
pub use local::{LocalParams, LocalTrack};
pub use negotiated::{DeclaredSource, Negotiated, NegotiatedCodec, NegotiatedTrack};
pub use offer::{ServerOffer, offer_pull, offer_pull_again, offer_push, offer_push_again};
pub use transport::{
    DtlsRole, Fingerprint, IceCredentials, RemoteTransport, Setup, TransportDescription,
};
