//! Generic NACK (RFC 4585 §6.2.1): asking the publisher for lost packets, and answering viewers that ask.

mod generator;
mod responder;
mod rtt;

pub(crate) use generator::{Arrival, NackGenerator};
pub(crate) use responder::{NackResponder, Resend, ResendBudget};
pub(crate) use rtt::{RttEstimate, ShortestRtt};
