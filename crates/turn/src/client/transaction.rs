//! A request that waits for its answer, with its retransmissions (RFC 8489 §6.2.1).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xrtc_ice::stun::{Method, TransactionId};
use xrtc_rtp::Time;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// For a relayed address.
    Allocate,
    /// To keep it.
    Refresh,
    /// To give it back.
    Release,
    /// To let this address send to us and hear from us.
    Permit(IpAddr),
    /// To give this peer a channel.
    Bind(SocketAddr, u16),
}

impl Question {
    pub(super) const fn method(self) -> Method {
        match self {
            Self::Allocate => Method::ALLOCATE,
            Self::Refresh | Self::Release => Method::REFRESH,
            Self::Permit(_) => Method::CREATE_PERMISSION,
            Self::Bind(..) => Method::CHANNEL_BIND,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    pub(super) question: Question,
    /// How often its question was asked anew with what the server wanted to see.
    pub(super) renewals: u8,
    /// An error that came without a proof that it was the server's.
    pub(super) refusal: Option<u16>,
    attempts: u32,
    due: Time,
}

impl Transaction {
    /// A request that is to be sent now.
    pub(super) const fn new(now: Time, id: TransactionId, question: Question) -> Self {
        Self {
            id,
            question,
            renewals: 0,
            refusal: None,
            attempts: 0,
            due: now,
        }
    }

    /// The same question under another id.
    pub(super) const fn renewed(&self, now: Time, id: TransactionId) -> Self {
        Self {
            renewals: self.renewals + 1,
            ..Self::new(now, id, self.question)
        }
    }

    /// When it is to be sent again, or given up.
    pub(super) const fn due(&self) -> Time {
        self.due
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        self.due <= now && self.attempts < self.most()
    }

    pub(super) fn is_given_up(&self, now: Time) -> bool {
        self.due <= now && self.attempts >= self.most()
    }

    /// Notes another copy, sent now.
    pub(super) fn sent(&mut self, now: Time) {
        self.attempts += 1;
        self.due = now
            + RTO
                * if self.attempts < self.most() {
                    1 << (self.attempts - 1)
                } else if self.question == Question::Release {
                    1
                } else {
                    LAST_WAIT
                };
    }

    /// Nobody waits for the answer to a farewell: without one the allocation ends by itself.
    fn most(&self) -> u32 {
        if self.question == Question::Release {
            FAREWELLS
        } else {
            ATTEMPTS
        }
    }
}

/// RFC 8489 §6.2.1.
const RTO: Duration = Duration::from_millis(500);
/// Rc of RFC 8489 §6.2.1.
const ATTEMPTS: u32 = 7;
/// Rm of RFC 8489 §6.2.1.
const LAST_WAIT: u32 = 16;
/// Within two seconds.
const FAREWELLS: u32 = 3;
