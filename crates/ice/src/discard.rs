//! Why a datagram had no effect.

/// Why a STUN datagram was dropped. The agent counts each; nothing else changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
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

impl Discard {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 16] = [
        Self::NotStun,
        Self::MalformedAttribute,
        Self::WrongFingerprint,
        Self::UnknownMethod,
        Self::MissingIntegrity,
        Self::UnknownUsername,
        Self::WrongIntegrity,
        Self::UnknownAttribute,
        Self::ReplayedCheck,
        Self::UnmatchedResponse,
        Self::AsymmetricResponse,
        Self::WouldAmplify,
        Self::TooManyReplies,
        Self::TooManyCandidates,
        Self::UnusableCandidate,
        Self::Expired,
    ];

    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The key under which the counter appears in statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotStun => "notStun",
            Self::MalformedAttribute => "malformedAttribute",
            Self::WrongFingerprint => "wrongFingerprint",
            Self::UnknownMethod => "unknownMethod",
            Self::MissingIntegrity => "missingIntegrity",
            Self::UnknownUsername => "unknownUsername",
            Self::WrongIntegrity => "wrongIntegrity",
            Self::UnknownAttribute => "unknownAttribute",
            Self::ReplayedCheck => "replayedCheck",
            Self::UnmatchedResponse => "unmatchedResponse",
            Self::AsymmetricResponse => "asymmetricResponse",
            Self::WouldAmplify => "wouldAmplify",
            Self::TooManyReplies => "tooManyReplies",
            Self::TooManyCandidates => "tooManyCandidates",
            Self::UnusableCandidate => "unusableCandidate",
            Self::Expired => "expired",
        }
    }
}

/// One counter per [`Discard`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters([u32; Discard::COUNT]);

impl Counters {
    /// How often `reason` was met. Saturates.
    pub fn get(&self, reason: Discard) -> u32 {
        self.0.get(reason as usize).copied().unwrap_or_default()
    }

    /// All reasons with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Discard, u32)> + '_ {
        Discard::ALL.into_iter().zip(self.0)
    }

    /// The sum over all reasons.
    pub fn total(&self) -> u64 {
        self.0.iter().copied().map(u64::from).sum()
    }

    pub(crate) fn count(&mut self, reason: Discard) {
        if let Some(counter) = self.0.get_mut(reason as usize) {
            *counter = counter.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_indexes_its_own_counter() {
        for (index, reason) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index, "{}", reason.name());
        }
        let mut counters = Counters::default();
        counters.count(Discard::Expired);
        assert_eq!(counters.get(Discard::Expired), 1);
        assert_eq!(counters.total(), 1);
    }
}
