//! Stories of a client and the server, without a network between them.

mod caller;
mod life;
mod refusals;
