//! Every limit of this crate.

/// How many SSRCs an [`Opener`](crate::Opener) or [`Sealer`](crate::Sealer) keeps state for, RTP and RTCP apart.
/// Only authenticated packets can add one.
pub const MAX_SSRCS: usize = 256;

/// How far, in packets, an RTP packet may lie behind the newest of its SSRC and still be told from a replay.
/// RFC 3711 §3.3.2 asks for at least 64; this covers about a second of 8 Mbit/s video, the time in which a
/// retransmission under the original sequence number may come.
pub const REPLAY_WINDOW: u64 = 1024;

/// The last RTP packet index a key may protect: 2^48 packets (RFC 3711 §9.2).
pub const MAX_RTP_INDEX: u64 = (1 << 48) - 1;

/// The last SRTCP index a key may protect: 2^31 packets (RFC 3711 §9.2).
pub const MAX_RTCP_INDEX: u32 = (1 << 31) - 1;

/// As [`REPLAY_WINDOW`], for SRTCP: reports come a few times a second.
pub(crate) const RTCP_REPLAY_WINDOW: u64 = 128;
