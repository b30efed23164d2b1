//! Line-based texts: bytes, numbers, lines and whole texts are changed, doubled and mixed.

use super::{MAX_BYTES, Random};

/// Changes `input` once to eight times; `corpus` lends lines and halves.
pub(super) fn mutate(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    for _ in 0..=random.below(8) {
        match random.below(10) {
            0 => flip_bit(random, input),
            1 => replace_bytes(random, input),
            2 => remove_range(random, input),
            3 => replace_number(random, input),
            4 => insert_word(random, input),
            5 => remove_line(random, input),
            6 => double_line(random, input),
            7 => swap_lines(random, input),
            8 => borrow_line(random, input, corpus),
            _ => join_halves(random, input, corpus),
        }
        input.truncate(MAX_BYTES);
    }
}

const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "-1",
    "9",
    "63",
    "64",
    "96",
    "127",
    "128",
    "255",
    "256",
    "65536",
    "4294967296",
    "18446744073709551616",
];
const WORDS: [&str; 24] = [
    "\r\n",
    "\n",
    "\0",
    " ",
    ":",
    "=",
    ";",
    "/",
    "~",
    ",",
    "\u{feff}",
    "\u{2028}",
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
    "m=audio 0 RTP/AVP 0\r\n",
    "a=mid:0\r\n",
    "a=setup:passive\r\n",
    "a=rtcp-fb:* nack pli\r\n",
    "a=bundle-only\r\n",
    "a=inactive\r\n",
    "a=simulcast:send 0,~1;2 recv 3\r\n",
    "a=fmtp:96 apt=96\r\n",
    "a=extmap:15/recvonly urn:x\r\n",
    "a=ssrc-group:FID 1 1\r\n",
    "a=end-of-candidates\r\n",
];

fn flip_bit(random: &mut Random, input: &mut [u8]) {
    if !input.is_empty() {
        input[random.below(input.len())] ^= 1 << random.below(8);
    }
}

fn replace_bytes(random: &mut Random, input: &mut [u8]) {
    let start = random.below(input.len() + 1);
    let end = (start + random.below(9)).min(input.len());
    for byte in &mut input[start..end] {
        *byte = random.next() as u8;
    }
}

fn remove_range(random: &mut Random, input: &mut Vec<u8>) {
    let start = random.below(input.len() + 1);
    let end = (start + random.below(64)).min(input.len());
    input.drain(start..end);
}

fn replace_number(random: &mut Random, input: &mut Vec<u8>) {
    let from = random.below(input.len() + 1);
    let Some(start) = input[from..]
        .iter()
        .position(u8::is_ascii_digit)
        .map(|at| from + at)
    else {
        return;
    };
    let length = input[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    input.splice(start..start + length, random.pick(&NUMBERS).bytes());
}

fn insert_word(random: &mut Random, input: &mut Vec<u8>) {
    let at = random.below(input.len() + 1);
    input.splice(at..at, random.pick(&WORDS).bytes());
}

fn remove_line(random: &mut Random, input: &mut Vec<u8>) {
    let line = line_at(random, input);
    input.drain(line);
}

/// Once, a few times, or until the text is full.
fn double_line(random: &mut Random, input: &mut Vec<u8>) {
    let line = line_at(random, input);
    let text = input[line.clone()].to_vec();
    let room = MAX_BYTES.saturating_sub(input.len()) / text.len().max(1);
    let times = match random.below(8) {
        0 => room,
        1..3 => random.below(64),
        _ => 1,
    };
    input.splice(line.start..line.start, text.repeat(times.min(room)));
}

fn swap_lines(random: &mut Random, input: &mut Vec<u8>) {
    let line = line_at(random, input);
    let text: Vec<u8> = input.drain(line).collect();
    let at = line_at(random, input).start;
    input.splice(at..at, text);
}

fn borrow_line(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let other = random.pick(corpus);
    let line = line_at(random, other);
    let at = line_at(random, input).start;
    input.splice(at..at, other[line].iter().copied());
}

fn join_halves(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let other = random.pick(corpus);
    let from = line_at(random, other).start;
    input.truncate(line_at(random, input).start);
    input.extend_from_slice(&other[from..]);
}

fn line_at(random: &mut Random, input: &[u8]) -> std::ops::Range<usize> {
    let at = random.below(input.len() + 1);
    let start = input[..at]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let end = input[at..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(input.len(), |newline| at + newline + 1);
    start..end
}
