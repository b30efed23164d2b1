//! Why a datagram had no effect.

use enum_map::Enum;
use strum::IntoStaticStr;

/// Why a STUN datagram was dropped. The agent counts each; nothing else changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum Discard {
    /// Not a STUN message: too short, wrong magic cookie, or a length that disagrees with the datagram's.
    NotStun,
    /// An attribute runs over the end of the message or has an impossible length.
    MalformedAttribute,
    /// The FINGERPRINT does not match.
    WrongFingerprint,
    /// Neither a Binding request, nor its responses, nor a Binding indication.
    UnknownMethod,
    /// A request without USERNAME or MESSAGE-INTEGRITY (answered with 400 where that is not longer).
    MissingIntegrity,
    /// The USERNAME is not one of ours.
    UnknownUsername,
    /// The MESSAGE-INTEGRITY does not match (a request is answered with 401 where that is not longer).
    WrongIntegrity,
    /// A comprehension-required attribute that we do not know (answered with 420).
    UnknownAttribute,
    /// A check that was seen before, from an address that was not.
    ReplayedCheck,
    /// A response to nothing we asked, or from a credential we no longer use.
    UnmatchedResponse,
    /// A response that came on another path than its request left on (RFC 8445 §7.2.5.2.1).
    AsymmetricResponse,
    /// An error reply that would have been longer than its unauthenticated request, so none was sent.
    WouldAmplify,
    /// More replies were waiting than the driver had fetched.
    TooManyReplies,
    /// No room for another candidate or pair.
    TooManyCandidates,
    /// A candidate that no check can go to: a name (those of mDNS above all), another transport than UDP, another component
    /// than 1, an address of nobody. Dropped quietly (RFC 9725 §4.3.2).
    UnusableCandidate,
    /// Consent is over and no restart has begun.
    Expired,
}

/// How often each [`Discard`] was met.
pub type Counters = xrtc_rtp::Counters<Discard>;
