//! DTLS that came before its handshake could start.

use std::collections::VecDeque;

use crate::discard::Discard;
use crate::limits::{MAX_EARLY_BYTES, MAX_EARLY_DATAGRAMS};

/// A short queue of datagrams from addresses that ICE knows. A browser that answered an offer of ours sends its
/// ClientHello at once, while the answer with its fingerprint still travels through signaling.
#[derive(Debug, Default)]
pub(crate) struct EarlyDatagrams {
    datagrams: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl EarlyDatagrams {
    pub(crate) fn keep(&mut self, datagram: &[u8]) -> Result<(), Discard> {
        let bytes = self.bytes + datagram.len();
        if self.datagrams.len() == MAX_EARLY_DATAGRAMS || bytes > MAX_EARLY_BYTES {
            return Err(Discard::TooManyEarlyDatagrams);
        }
        self.bytes = bytes;
        self.datagrams.push_back(datagram.into());
        Ok(())
    }

    /// All that was kept, in the order it came, leaving nothing.
    pub(crate) fn take(&mut self) -> VecDeque<Box<[u8]>> {
        self.bytes = 0;
        std::mem::take(&mut self.datagrams)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_datagrams_of_16_kilobytes_in_all_are_kept() {
        let mut early = EarlyDatagrams::default();
        for count in 0..8 {
            assert_eq!(early.keep(&[count]), Ok(()));
        }
        assert_eq!(early.keep(&[8]), Err(Discard::TooManyEarlyDatagrams));
        assert!(early.take().iter().map(|kept| kept[0]).eq(0..8));
        assert_eq!(early.keep(&[0; 16 * 1024]), Ok(()));
        assert_eq!(early.keep(&[0]), Err(Discard::TooManyEarlyDatagrams));
    }
}
