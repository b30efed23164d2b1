//! The public API of the crate, from outside.
