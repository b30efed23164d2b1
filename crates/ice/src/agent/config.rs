//! What the agent is told and what it tells.

use std::time::Duration;

use crate::{Credentials, Path};

/// How an agent behaves.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Lite or full.
    pub mode: Mode,
    /// Our credentials for the first generation.
    pub local: Credentials,
    /// How long a path lives without a sign of consent. Default 30 s (RFC 7675 §5.1).
    pub consent_timeout: Duration,
    /// How long to wait for the first valid path. Default 30 s.
    pub connect_timeout: Duration,
}

impl AgentConfig {
    /// A lite agent with default times.
    pub fn lite(local: Credentials) -> Self {
        Self::with_mode(Mode::Lite, local)
    }

    /// A full agent with default times.
    pub fn full(role: Role, local: Credentials) -> Self {
        Self::with_mode(Mode::Full(role), local)
    }

    /// An agent of either kind with default times.
    pub const fn with_mode(mode: Mode, local: Credentials) -> Self {
        Self {
            mode,
            local,
            consent_timeout: DEFAULT_TIMEOUT,
            connect_timeout: DEFAULT_TIMEOUT,
        }
    }
}

/// Which half of ICE an agent does (RFC 8445 §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Answers checks and sends none; for hosts that every peer can reach. Always controlled.
    Lite,
    /// Sends checks too, and starts in this role. Against a lite peer that is [`Role::Controlling`].
    Full(Role),
}

/// Who nominates (RFC 8445 §6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nominates.
    Controlling,
    /// Follows.
    Controlled,
}

impl Role {
    /// The name in statistics (`RTCIceRole`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Controlling => "controlling",
            Self::Controlled => "controlled",
        }
    }
}

/// Something the driver of an agent should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Media takes this path from now on. Comes again on every change of the path.
    Selected(Path),
    /// No sign of consent for the configured time: nothing may be sent any more. Only a restart helps.
    ConsentExpired,
    /// No valid path was found within the configured time. Only a restart helps.
    ConnectTimeout,
}

/// A datagram that [`Agent::poll_transmit`](crate::Agent::poll_transmit) has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The path to send it on.
    pub path: Path,
    /// Its length in the caller's buffer.
    pub len: usize,
}

/// RFC 7675 §5.1; also the order of what browsers allow for connecting.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
