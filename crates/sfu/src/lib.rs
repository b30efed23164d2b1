//! One worker's state machine: address demultiplexing, transports, streams and the relays between workers.
//!
//! It opens no socket, reads no clock and starts no thread; the driver (`xrtc-worker`) does. The drive rule, one turn:
//!
//! 1. Take the messages of the other workers ([`Sfu::handle_relay`], then [`Sfu::poll_detour_end`]) **before** the
//!    commands ([`Sfu::handle_command`]): a `StreamUp` that came before a command is then seen by it.
//! 2. Pass every received datagram that is this worker's own ([`Sfu::handle_datagram`]; where workers share a port,
//!    [`Steering`] knows) and those that others have received for it ([`Sfu::handle_detoured`]), then call
//!    [`Sfu::handle_timeout`] if it is time.
//! 3. Pass on what [`Sfu::poll_relay`] gives, then hand out what [`Sfu::poll_event`] gives (in this order: what the
//!    application learns, the other workers must be able to know). Send what [`Sfu::poll_transmit`] writes until it
//!    says `false`.
//! 4. Sleep until [`Sfu::poll_timeout`] or until something arrives.

#![forbid(unsafe_code)]

mod addresses;
mod admission;
mod agreed;
mod batch;
mod command;
mod config;
mod discard;
mod egress;
mod ended;
mod event;
mod foresight;
mod formats;
mod held;
mod ice;
mod kept;
mod limits;
mod negotiate;
mod opening;
mod peer;
mod peers;
mod queue;
mod refused;
mod relay;
mod relays;
mod renegotiate;
mod secrets;
mod sfu;
mod stats;
mod stats_record;
mod steering;
mod stream_name;
mod streams;
mod timers;
mod viewing;

pub use batch::{Batch, Class, Tag, Train};
pub use command::{Command, Media, PeerId, PullOptions, PushOptions, RequestId};
pub use config::{SfuConfig, WorkerId};
pub use discard::Discard;
pub use ended::Ended;
pub use event::{ConnectionState, DtlsState, Event, IceState, LayerInfo, StreamState, TrackInfo};
pub use foresight::Foresight;
pub use held::Held;
pub use ice::{CandidateError, Gather, Ice, OwnAddresses, RelayedAddress, TurnAccess};
pub use limits::{Limit, Limits};
pub use refused::{Fault, Refused};
pub use relay::RelayMessage;
pub use sfu::Sfu;
pub use stats_record::{StatsRecord, StatsValue};
pub use steering::{DetourEnd, Route, Steering};
pub use stream_name::{InvalidStreamName, StreamName};
pub use xrtc_forward::LayerWish;
pub use xrtc_ice::{Candidate, Gatherer, OwnerKey, Path, Protocol, framing};
