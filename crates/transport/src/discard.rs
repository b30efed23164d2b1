//! Why a datagram had no effect, before ICE or SRTP could say so themselves.

/// Why a datagram was dropped. The transport counts each; nothing else changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
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

impl Discard {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 10] = [
        Self::UnknownProtocol,
        Self::DtlsFromStranger,
        Self::TooManyEarlyDatagrams,
        Self::TooMuchHandshake,
        Self::HandshakeOutOfOrder,
        Self::ApplicationData,
        Self::MediaFromStranger,
        Self::MediaBeforeKeys,
        Self::Closed,
        Self::NotConnected,
    ];

    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The key under which the counter appears in statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownProtocol => "unknownProtocol",
            Self::DtlsFromStranger => "dtlsFromStranger",
            Self::TooManyEarlyDatagrams => "tooManyEarlyDatagrams",
            Self::TooMuchHandshake => "tooMuchHandshake",
            Self::HandshakeOutOfOrder => "handshakeOutOfOrder",
            Self::ApplicationData => "applicationData",
            Self::MediaFromStranger => "mediaFromStranger",
            Self::MediaBeforeKeys => "mediaBeforeKeys",
            Self::Closed => "closed",
            Self::NotConnected => "notConnected",
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
    fn every_reason_has_its_own_counter_and_name() {
        for (place, reason) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
            assert_eq!(
                Discard::ALL
                    .iter()
                    .filter(|other| other.name() == reason.name())
                    .count(),
                1
            );
        }
    }
}
