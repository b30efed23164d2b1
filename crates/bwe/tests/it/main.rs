//! The public API of the crate, from outside.

#[cfg(test)]
mod arrival_log;
#[cfg(test)]
mod foreign;
