//! Wire counters that wrap, as 64-bit numbers that do not.

/// Extends 16-bit sequence numbers to 64 bits, in whatever order they arrive.
///
/// The low 16 bits of a result are the number on the wire. The first number lies in the second cycle
/// (65,536 to 131,071), so that packets from before it stay above zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceUnwrapper {
    highest: Option<u64>,
}

impl SequenceUnwrapper {
    /// Starts with no number seen.
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// The highest number so far.
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The extended number nearest to the highest one so far, which it may become.
    pub fn unwrap(&mut self, sequence_number: u16) -> u64 {
        let extended = self.peek(sequence_number);
        self.highest = Some(
            self.highest
                .map_or(extended, |highest| highest.max(extended)),
        );
        extended
    }

    /// As [`Self::unwrap`], but forgets the number: for packets that are not authenticated or not trusted yet.
    pub fn peek(&self, sequence_number: u16) -> u64 {
        let Some(highest) = self.highest else {
            return (1 << 16) | u64::from(sequence_number);
        };
        // Half the circle lies ahead, half behind (RFC 3550 appendix A.1 does the same with its own limits).
        let ahead = sequence_number.wrapping_sub(highest as u16) as i16;
        highest.wrapping_add_signed(ahead.into())
    }
}

/// Extends 32-bit RTP timestamps to 64 bits, in whatever order they arrive.
///
/// The low 32 bits of a result are the number on the wire; the first one lies in the second cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimestampUnwrapper {
    highest: Option<u64>,
}

impl TimestampUnwrapper {
    /// Starts with no timestamp seen.
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// The highest timestamp so far.
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The extended timestamp nearest to the highest one so far, which it may become.
    pub fn unwrap(&mut self, timestamp: u32) -> u64 {
        let extended = self.peek(timestamp);
        self.highest = Some(
            self.highest
                .map_or(extended, |highest| highest.max(extended)),
        );
        extended
    }

    /// As [`Self::unwrap`], but forgets the timestamp.
    pub fn peek(&self, timestamp: u32) -> u64 {
        let Some(highest) = self.highest else {
            return (1 << 32) | u64::from(timestamp);
        };
        let ahead = timestamp.wrapping_sub(highest as u32) as i32;
        highest.wrapping_add_signed(ahead.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_continue_over_the_wrap_in_both_directions() {
        let mut unwrapper = SequenceUnwrapper::new();
        assert_eq!(unwrapper.unwrap(2), 0x1_0002);
        assert_eq!(unwrapper.unwrap(0xffff), 0xffff);
        assert_eq!(unwrapper.highest(), Some(0x1_0002));
        assert_eq!(unwrapper.unwrap(0x7fff), 0x1_7fff);
        assert_eq!(unwrapper.unwrap(0xfffe), 0x1_fffe);
        assert_eq!(unwrapper.unwrap(1), 0x2_0001);
        assert_eq!(unwrapper.unwrap(0xffff), 0x1_ffff);
    }

    #[test]
    fn the_oldest_packet_before_the_first_does_not_underflow() {
        let mut unwrapper = SequenceUnwrapper::new();
        unwrapper.unwrap(0);
        assert_eq!(unwrapper.peek(0x8000), 0x8000);
        assert_eq!(unwrapper.highest(), Some(0x1_0000));
    }

    #[test]
    fn timestamps_continue_over_the_wrap() {
        let mut unwrapper = TimestampUnwrapper::new();
        assert_eq!(unwrapper.unwrap(0xffff_ff00), 0x1_ffff_ff00);
        assert_eq!(unwrapper.unwrap(0x100), 0x2_0000_0100);
        assert_eq!(unwrapper.unwrap(0xffff_ffff), 0x1_ffff_ffff);
    }
}
