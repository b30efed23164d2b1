//! Zero-copy views and in-place writers for RTP, RTCP, header extensions and codec descriptors, and the few
//! words (time, ids, counters) that every layer above shares.
//!
//! It is not a session: nothing here keeps time, counts losses or remembers a stream, except the two
//! unwrappers of wire counters. Views borrow the datagram, writers fill the caller's buffer and say how much
//! they wrote (`None`: no room), and nothing allocates. Bytes from the network never panic: what cannot be
//! read is a [`Discard`] or simply absent.
//!
//! ```
//! use xrtc_rtp::{HeaderFields, PayloadType, RtpPacket, Ssrc, write_header};
//!
//! let fields = HeaderFields {
//!     marker: true,
//!     payload_type: PayloadType(111),
//!     sequence_number: 7,
//!     timestamp: 960,
//!     ssrc: Ssrc(0x1234),
//! };
//! let mut out = [0; 64];
//! let len = write_header(&mut out, &fields, [(1, &b"0"[..])].into_iter()).unwrap();
//! let packet = RtpPacket::parse(&out[..len]).unwrap();
//! assert_eq!(packet.ssrc(), Ssrc(0x1234));
//! assert_eq!(packet.extension(1), Some(&b"0"[..]));
//! ```
//!
//! Covered: RFC 3550 (headers, SR, RR, SDES, BYE), RFC 4585 (generic NACK, PLI), RFC 4588 (the original
//! sequence number), RFC 5104 (FIR), RFC 5506 (reduced size), RFC 5761 (telling RTCP from RTP), RFC 8285
//! (both extension forms), REMB, transport-wide congestion control feedback, and what a forwarder must know of
//! VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184), H.265 (RFC 7798) and AV1 (AOM's payload format).
//! Left out: RTP profiles other than AVP(F), XR blocks, TMMBR, and encrypted headers (RFC 6904, RFC 9335).

#![forbid(unsafe_code)]

mod bits;
mod bytes;
mod codec;
mod counters;
mod discard;
mod extension;
mod header;
mod id;
mod packet;
pub mod rtcp;
pub mod rtx;
mod sequence;
mod time;

pub use codec::{Codec, MediaKind, PayloadInfo, PictureId, dependency, inspect, vp8, vp9};
pub use counters::Counters;
pub use discard::Discard;
pub use extension::{ExtensionKind, ExtensionMap, Extensions, value};
pub use header::{HeaderFields, write_header};
pub use id::{Bitrate, Mid, PayloadType, Rid, Ssrc};
pub use packet::{RtpPacket, is_rtcp};
pub use sequence::{SequenceUnwrapper, TimestampUnwrapper};
pub use time::{NtpTime, Time, WallClock};
