//! Reading fields that are not whole bytes.

/// Reads bits from the front of a slice, the most significant one first.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    current: u8,
    left: u32,
    /// How many zero bytes were just read, where three in a row are escaped; `None` where nothing is.
    zeros: Option<u8>,
}

impl<'a> BitReader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            current: 0,
            left: 0,
            zeros: None,
        }
    }

    /// Reads the payload of a NAL unit: the third byte of 00 00 03 is not part of it (H.264 §7.4.1.1).
    pub(crate) const fn escaped(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            current: 0,
            left: 0,
            zeros: Some(0),
        }
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        Some(self.bits(1)? != 0)
    }

    /// The next `count` bits, at most 32, as a number.
    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        let mut value: u64 = 0;
        let mut missing = count;
        while missing > 0 {
            if self.left == 0 {
                self.current = self.byte()?;
                self.left = 8;
            }
            let taken = missing.min(self.left);
            let piece = u32::from(self.current) >> (self.left - taken) & ((1 << taken) - 1);
            value = value << taken | u64::from(piece);
            self.left -= taken;
            missing -= taken;
        }
        u32::try_from(value).ok()
    }

    /// The next `count` bits, at most 16, as a number.
    pub(crate) fn u16(&mut self, count: u32) -> Option<u16> {
        u16::try_from(self.bits(count)?).ok()
    }

    /// The next `count` bits, at most 8, as a number.
    pub(crate) fn u8(&mut self, count: u32) -> Option<u8> {
        u8::try_from(self.bits(count)?).ok()
    }

    pub(crate) fn skip(&mut self, mut count: u32) -> Option<()> {
        while count > 0 {
            let taken = count.min(32);
            self.bits(taken)?;
            count -= taken;
        }
        Some(())
    }

    /// An unsigned number in Exp-Golomb code, ue(v) (H.264 §9.1).
    pub(crate) fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        (1_u32 << zeros)
            .checked_sub(1)?
            .checked_add(self.bits(zeros)?)
    }

    /// A signed number in Exp-Golomb code, se(v) (H.264 §9.1.1).
    pub(crate) fn signed(&mut self) -> Option<i32> {
        let code = self.unsigned()?;
        let magnitude = i32::try_from(code / 2 + code % 2).ok()?;
        Some(if code % 2 == 1 { magnitude } else { -magnitude })
    }

    /// A number from 0 to `n` - 1 in AV1's ns(n): the larger ones have a bit more (AV1 §4.10.7).
    pub(crate) fn below(&mut self, n: u32) -> Option<u32> {
        let width = u32::BITS - n.leading_zeros();
        let short = (1_u32.checked_shl(width)?).checked_sub(n)?;
        let value = self.bits(width.checked_sub(1)?)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + self.bits(1)?)
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        let Some(zeros) = &mut self.zeros else {
            return Some(byte);
        };
        if *zeros >= 2 && byte == 3 {
            *zeros = 0;
            return self.byte();
        }
        *zeros = if byte == 0 {
            zeros.saturating_add(1)
        } else {
            0
        };
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_of_h264_table_9_2() {
        // 1, 010, 011, 00100, 00101: codes 0 to 4.
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut reader = BitReader::new(&bytes);
        for code in 0..5 {
            assert_eq!(reader.unsigned(), Some(code));
        }
        let mut reader = BitReader::new(&bytes);
        let signed: Vec<_> = std::iter::from_fn(|| reader.signed()).take(5).collect();
        assert_eq!(signed, [0, 1, -1, 2, -2]);
    }

    #[test]
    fn the_longest_exp_golomb_code_has_31_zeros() {
        let mut longest = BitReader::new(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(longest.unsigned(), Some(u32::MAX - 1));
        assert_eq!(BitReader::new(&[0; 16]).unsigned(), None);
    }

    #[test]
    fn escapes_are_taken_out_and_nothing_else() {
        let mut reader = BitReader::escaped(&[0, 0, 3, 0, 0, 3, 3, 1]);
        let bytes: Vec<_> = std::iter::from_fn(|| reader.u8(8)).collect();
        assert_eq!(bytes, [0, 0, 0, 0, 3, 1]);
        let mut reader = BitReader::new(&[0, 0, 3]);
        assert_eq!(reader.bits(24), Some(3));
        assert_eq!(reader.bits(1), None);
    }

    #[test]
    fn below_5_takes_two_bits_for_0_to_2_and_three_for_3_and_4() {
        // 00, 01, 10, 110, 111 (AV1 §4.10.7).
        let mut reader = BitReader::new(&[0b0001_1011, 0b0111_0000]);
        for value in 0..5 {
            assert_eq!(reader.below(5), Some(value));
        }
        assert_eq!(BitReader::new(&[0xff]).below(1), Some(0));
        assert_eq!(BitReader::new(&[0xff]).below(0), None);
    }

    #[test]
    fn thirty_two_bits_across_bytes() {
        let mut reader = BitReader::new(&[0x01, 0x23, 0x45, 0x67, 0x89]);
        assert_eq!(reader.bits(4), Some(0));
        assert_eq!(reader.bits(32), Some(0x1234_5678));
        assert_eq!(reader.skip(4), Some(()));
        assert_eq!(reader.skip(1), None);
    }
}
