//! Why a packet was not opened or not sealed, and how often.

use enum_map::Enum;
use strum::IntoStaticStr;

/// Why a packet was dropped. Nothing but a counter changes when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum Discard {
    /// Too short, or its header points past its end (RFC 3550 §5.1, §6.1).
    Malformed,
    /// The header extension is Cryptex (RFC 9335), which was not negotiated. Sealing: it has none of the two forms that
    /// Cryptex knows.
    Cryptex,
    /// The index was seen before: a replay, or a copy that the network made (RFC 3711 §3.3.2).
    Replayed,
    /// The index lies behind the replay window, or before the first packet of its SSRC.
    TooOld,
    /// The authentication tag is wrong (RFC 3711 §4.2, RFC 7714 §5.2).
    NotAuthentic,
    /// The peer uses more than [`MAX_SSRCS`](crate::MAX_SSRCS) SSRCs.
    TooManySsrcs,
    /// Sealing: the index was used before and the packet is not marked as its repeat.
    IndexReused,
    /// The index has reached what one key may protect (RFC 3711 §9.2).
    IndexExhausted,
    /// Sealing: the header's SSRC or sequence number is not the one of the index.
    HeaderMismatch,
    /// Sealing: the caller's buffer is too small.
    BufferTooSmall,
}

/// How often each [`Discard`] was met.
pub type Counters = xrtc_rtp::Counters<Discard>;
