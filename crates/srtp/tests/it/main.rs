//! The crate through its public face.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

mod allocations;
mod cryptex;
mod libsrtp;
mod malformed;
mod pair;
mod replay;
mod sealing;
mod vectors;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}
