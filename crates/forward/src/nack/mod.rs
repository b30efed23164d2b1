//! Generic NACK (RFC 4585 §6.2.1): asking the publisher for lost packets, and answering viewers that ask.

mod crossing;
mod generator;
mod insistence;
mod reordering;
mod resend_budget;
mod responder;
mod rtt;
mod spare;

pub(crate) use generator::{Arrival, NackGenerator};
pub(crate) use resend_budget::ResendBudget;
pub(crate) use responder::{FramePlace, NackResponder, Resend};
pub(crate) use rtt::{RttEstimate, ShortestRtt};
