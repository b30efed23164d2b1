//! State by SSRC, without hashing: few SSRCs, long runs of the same one.

use xrtc_prefetch::prefetch;
use xrtc_rtp::Ssrc;

use crate::discard::Discard;
use crate::limits::MAX_SSRCS;

/// A small map. Looking up the SSRC of the last look-up costs one comparison; others a scan over four bytes each.
#[derive(Debug)]
pub(crate) struct SsrcTable<T> {
    ssrcs: Vec<u32>,
    states: Vec<T>,
    last: usize,
}

impl<T> SsrcTable<T> {
    pub(crate) const fn new() -> Self {
        Self {
            ssrcs: Vec::new(),
            states: Vec::new(),
            last: 0,
        }
    }

    pub(crate) fn get_mut(&mut self, ssrc: Ssrc) -> Option<&mut T> {
        if self.ssrcs.get(self.last) != Some(&ssrc.0) {
            self.last = self.ssrcs.iter().position(|known| *known == ssrc.0)?;
        }
        self.states.get_mut(self.last)
    }

    /// Loads what the next look-up needs.
    pub(crate) fn prefetch(&self) {
        prefetch(self.ssrcs.as_slice());
        for state in self.states.iter().take(PREFETCHED) {
            prefetch(state);
        }
    }

    /// Whether one more SSRC has room. Asked before the work that a full table would waste.
    pub(crate) fn room(&self) -> Result<(), Discard> {
        if self.ssrcs.len() < MAX_SSRCS {
            Ok(())
        } else {
            Err(Discard::TooManySsrcs)
        }
    }

    /// Adds an SSRC that [`Self::get_mut`] did not find, after [`Self::room`] was asked.
    pub(crate) fn insert(&mut self, ssrc: Ssrc, state: T) {
        // Exact, because a transport has a handful of them and lives long.
        self.ssrcs.reserve_exact(1);
        self.states.reserve_exact(1);
        self.last = self.ssrcs.len();
        self.ssrcs.push(ssrc.0);
        self.states.push(state);
    }
}

/// Sound, pictures and what is sent of them again.
const PREFETCHED: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_refuses_and_keeps_what_it_has() {
        let mut table = SsrcTable::new();
        for ssrc in 0..MAX_SSRCS as u32 {
            assert_eq!(table.room(), Ok(()));
            table.insert(Ssrc(ssrc), ssrc);
        }
        assert_eq!(table.room(), Err(Discard::TooManySsrcs));
        assert_eq!(table.get_mut(Ssrc(7)), Some(&mut 7));
        assert_eq!(table.get_mut(Ssrc(255)), Some(&mut 255));
        assert_eq!(table.get_mut(Ssrc(256)), None);
    }
}
