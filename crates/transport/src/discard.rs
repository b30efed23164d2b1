//! Why a datagram had no effect, before ICE or SRTP could say so themselves.

use enum_map::Enum;
use strum::IntoStaticStr;

/// Why a datagram was dropped. The transport counts each; nothing else changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum Discard {
    /// Its first byte belongs to no protocol that we speak (RFC 7983 §7), or there is none.
    UnknownProtocol,
    /// DTLS from an address that has not passed an authenticated check.
    DtlsFromStranger,
    /// DTLS that came before the handshake could start, and no room to keep it.
    TooManyEarlyDatagrams,
    /// More handshake than a peer may send.
    TooMuchHandshake,
    /// A part of the server's answer that came before its beginning, to a client that speaks two versions.
    HandshakeOutOfOrder,
    /// Data over DTLS, which nobody has negotiated.
    ApplicationData,
    /// RTP or RTCP from an address that has not passed an authenticated check.
    MediaFromStranger,
    /// RTP or RTCP before the handshake gave its keys.
    MediaBeforeKeys,
    /// The transport is closed.
    Closed,
    /// Sending: there are no keys yet, or the transport is closed.
    NotConnected,
}

/// How often each [`Discard`] was met.
pub type Counters = xrtc_rtp::Counters<Discard>;
