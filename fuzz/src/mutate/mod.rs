//! Seeded mutators: the same seed gives the same inputs on every machine.

mod bytes;
mod text;

/// Inputs end here; the parsers of texts refuse longer ones.
pub const MAX_BYTES: usize = 64 * 1024;

/// What an input is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines.
    Text,
    /// Binary formats and lists of operations, of at most so many bytes.
    Bytes(usize),
}

/// xorshift64*.
pub struct Random(u64);

impl Random {
    /// Numbers that follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15 | 1)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// One of them; there is one.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Changes `input` once to eight times; `corpus` lends parts.
pub fn mutate(form: Form, random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    match form {
        Form::Text => text::mutate(random, input, corpus),
        Form::Bytes(most) => bytes::mutate(random, input, corpus, most),
    }
}
