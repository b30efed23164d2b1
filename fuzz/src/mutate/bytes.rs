//! Binary inputs: bits, numbers of one to four bytes, ranges and whole inputs are changed, doubled, moved and mixed.

use std::ops::Range;

use super::Random;

pub(super) fn mutate(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>], most: usize) {
    for _ in 0..=random.below(8) {
        match random.below(11) {
            0 => flip_bit(random, input),
            1 => replace(random, input),
            2 => add(random, input),
            3 | 4 => write_number(random, input),
            5 => drop(input.drain(range(random, input, 32))),
            6 => insert(random, input),
            7 => double(random, input, most),
            8 => move_range(random, input),
            9 => borrow(random, input, corpus),
            _ => join(random, input, corpus),
        }
        input.truncate(most);
    }
}

/// Where lengths, counts and wraps turn over.
const NUMBERS: [u32; 22] = [
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    15,
    16,
    31,
    32,
    63,
    64,
    127,
    128,
    255,
    256,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    u32::MAX,
];

fn flip_bit(random: &mut Random, input: &mut [u8]) {
    if !input.is_empty() {
        input[random.below(input.len())] ^= 1 << random.below(8);
    }
}

fn replace(random: &mut Random, input: &mut [u8]) {
    let range = range(random, input, 8);
    for byte in &mut input[range] {
        *byte = random.next() as u8;
    }
}

fn add(random: &mut Random, input: &mut [u8]) {
    if !input.is_empty() {
        let at = random.below(input.len());
        let by = random.below(33) as u8;
        input[at] = input[at].wrapping_add(by).wrapping_sub(16);
    }
}

/// Big-endian, as it is on the wire.
fn write_number(random: &mut Random, input: &mut [u8]) {
    let number = random.pick(&NUMBERS).to_be_bytes();
    let width = *random.pick(&[1, 1, 2, 2, 4]);
    if input.len() >= width {
        let at = random.below(input.len() - width + 1);
        input[at..at + width].copy_from_slice(&number[4 - width..]);
    }
}

fn insert(random: &mut Random, input: &mut Vec<u8>) {
    let at = random.below(input.len() + 1);
    let len = 1 + random.below(16);
    let fill = (random.below(2) == 0).then(|| *random.pick(&[0, 0xff, 0x80, 1]));
    let bytes: Vec<u8> = (0..len)
        .map(|_| fill.unwrap_or_else(|| random.next() as u8))
        .collect();
    input.splice(at..at, bytes);
}

/// Once, or until the input is full.
fn double(random: &mut Random, input: &mut Vec<u8>, most: usize) {
    let range = range(random, input, 64);
    let part = input[range.clone()].to_vec();
    let room = most.saturating_sub(input.len()) / part.len().max(1);
    let times = if random.below(16) == 0 { room } else { 1 };
    input.splice(range.start..range.start, part.repeat(times.min(room)));
}

fn move_range(random: &mut Random, input: &mut Vec<u8>) {
    let range = range(random, input, 64);
    let part: Vec<u8> = input.drain(range).collect();
    let at = random.below(input.len() + 1);
    input.splice(at..at, part);
}

fn borrow(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let other = random.pick(corpus);
    let part = other[range(random, other, 128)].to_vec();
    let at = random.below(input.len() + 1);
    let end = match random.below(2) {
        0 => at,
        _ => (at + part.len()).min(input.len()),
    };
    input.splice(at..end, part);
}

fn join(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let other = random.pick(corpus);
    let from = random.below(other.len() + 1);
    input.truncate(random.below(input.len() + 1));
    input.extend_from_slice(&other[from..]);
}

fn range(random: &mut Random, input: &[u8], most: usize) -> Range<usize> {
    let start = random.below(input.len() + 1);
    start..(start + random.below(most + 1)).min(input.len())
}
