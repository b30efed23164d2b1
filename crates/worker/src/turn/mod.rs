//! The embedded STUN and TURN server: its sockets, its connections, and the thread that they have of their own. Media
//! workers know nothing of it but the ports that their peers' own sockets have.

mod config;
mod connection;
mod figures;
mod listen;
mod own_media;
mod relays;
mod service;
mod thread;
mod tls;

pub use config::{TurnSettings, TurnTls};
pub(crate) use own_media::OwnMedia;
pub use thread::TurnInfo;
pub(crate) use thread::TurnThread;
pub use tls::InvalidTurnCertificate;
