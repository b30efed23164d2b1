//! A writer of bits, for parameter sets and descriptors that are built by hand.

/// Bits in the order of the specification's tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    bits: Vec<bool>,
}

impl Bits {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// u(n) and f(n): the low `count` bits of `value`.
    pub(crate) fn put(mut self, count: u32, value: u64) -> Self {
        self.bits
            .extend((0..count).rev().map(|bit| value >> bit & 1 != 0));
        self
    }

    /// ue(v) of H.264 §9.1.
    pub(crate) fn ue(self, value: u32) -> Self {
        let code = u64::from(value) + 1;
        let width = u64::BITS - code.leading_zeros();
        self.put(width - 1, 0).put(width, code)
    }

    /// se(v) of H.264 §9.1.1.
    pub(crate) fn se(self, value: i32) -> Self {
        let code = if value > 0 { 2 * value - 1 } else { -2 * value };
        self.ue(u32::try_from(code).unwrap())
    }

    /// `count` times the same.
    pub(crate) fn repeat(self, count: usize, step: impl Fn(Self) -> Self) -> Self {
        (0..count).fold(self, |bits, _| step(bits))
    }

    /// Bytes, with a closing 1 bit as in rbsp_trailing_bits().
    pub(crate) fn trailing(self) -> Vec<u8> {
        self.put(1, 1).bytes()
    }

    /// Bytes, filled up with zeros.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            let high = bits
                .iter()
                .fold(0_u8, |byte, &bit| byte << 1 | u8::from(bit));
            high << (8 - bits.len())
        };
        self.bits.chunks(8).map(byte).collect()
    }
}

/// The bytes of a string of hexadecimal digits, in which spaces do not count.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<_> = digits
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap())
        .collect()
}
