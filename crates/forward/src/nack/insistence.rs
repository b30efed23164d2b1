//! Publishers that answer no more for being asked more often.

/// Whether repeating requests early brings one answer or several.
///
/// libwebrtc sends a packet again at most once a round trip (`modules/rtp_rtcp/source/rtp_packet_history.cc`), however
/// often it is asked. Publishers that answer every request would send several times what is needed over an uplink that
/// is in trouble already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Insistence {
    /// Packets repaired after several requests, lately.
    repaired: u8,
    /// Further repairs of these.
    again: u8,
    last: [Option<u64>; 16],
}

impl Insistence {
    /// A packet was repaired after several requests.
    pub(crate) fn repaired(&mut self, sequence: u64) {
        if let Some(place) = self.last.get_mut(sequence as usize % 16) {
            *place = Some(sequence);
        }
        if self.repaired >= 64 {
            self.repaired /= 2;
            self.again /= 2;
        }
        self.repaired += 1;
    }

    /// Another repair came of a packet that was there.
    pub(crate) fn repaired_again(&mut self, sequence: u64) {
        if self.last.get(sequence as usize % 16) == Some(&Some(sequence)) {
            self.again = self.again.saturating_add(1);
        }
    }

    /// Whether requests are to be repeated before their answers can be there.
    pub(crate) const fn is_worth_it(&self) -> bool {
        // A few may be crossing each other's way.
        self.again < 4 || self.again < self.repaired / 2
    }
}
