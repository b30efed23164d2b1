//! Why a packet was not opened or not sealed, and how often.

/// Why a packet was dropped. Nothing but a counter changes when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
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

impl Discard {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::Cryptex,
        Self::Replayed,
        Self::TooOld,
        Self::NotAuthentic,
        Self::TooManySsrcs,
        Self::IndexReused,
        Self::IndexExhausted,
        Self::HeaderMismatch,
        Self::BufferTooSmall,
    ];

    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The name under which statistics show the counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Cryptex => "cryptex",
            Self::Replayed => "replayed",
            Self::TooOld => "tooOld",
            Self::NotAuthentic => "notAuthentic",
            Self::TooManySsrcs => "tooManySsrcs",
            Self::IndexReused => "indexReused",
            Self::IndexExhausted => "indexExhausted",
            Self::HeaderMismatch => "headerMismatch",
            Self::BufferTooSmall => "bufferTooSmall",
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

    /// Counts one packet.
    pub fn count(&mut self, reason: Discard) {
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
        for (place, discard) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(discard as usize, place);
            assert_eq!(
                Discard::ALL
                    .iter()
                    .filter(|other| other.name() == discard.name())
                    .count(),
                1
            );
        }
    }
}
