//! The crate through its public face.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

mod allocation;
mod malformed;
mod pair;
mod replay;
mod sealing;
mod vectors;
