//! The binding to Node.js: translates, nothing else. Its types stay internal; the facade in `ts/` explains them.

#![deny(unsafe_op_in_unsafe_fn)]

mod command;
mod error;
mod event;
mod kept;
mod options;
mod server;
mod stats;
mod turn;

pub use server::{BindingServer, local_addresses};
