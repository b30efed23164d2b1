//! What a transport tells.

use xrtc_ice::Path;

use crate::ended::Ended;

/// What a datagram turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Nothing for the layer above: ICE, DTLS, or dropped.
    Nothing,
    /// A plain RTP packet. Authentic, but what it contains is still the peer's word.
    Rtp(&'a [u8]),
    /// A plain compound of RTCP.
    Rtcp(&'a [u8]),
}

/// Something the driver of a transport should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Media takes this path from now on. Comes before [`Self::Connected`], and again on every change.
    PathChanged(Path),
    /// The handshake is complete and the peer is who it should be: media may flow.
    Connected,
    /// It is over. The last event.
    Ended(Ended),
}

/// How far a transport has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportState {
    /// No path yet.
    New,
    /// ICE has a path; DTLS waits or shakes hands.
    Connecting,
    /// Media may flow.
    Connected,
    /// Closed by us.
    Closed,
    /// Over for another reason.
    Ended(Ended),
}
