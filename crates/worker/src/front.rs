//! What a worker does with a received batch before its state machine sees it, where workers share a port.

use xrtc_rtp::Time;
use xrtc_sfu::{DetourEnd, Route, Sfu, Steering, WorkerId};

use crate::counters::Counters;
use crate::detour::{DetourReceiver, DetourSender, MAX_DATAGRAM};
use crate::queue::{Everyone, wake};
use crate::udp::ReceiveBuffer;

/// A worker's detours. They are apart from the state machine and come first, so that a bug in that costs the other
/// workers' peers nothing.
pub(crate) struct Front {
    steering: Steering,
    /// To the other workers, by their number; none to itself.
    out: Vec<Option<DetourSender>>,
    /// From the other workers, by their number; none from itself.
    inward: Vec<Option<DetourReceiver>>,
    /// Whether each datagram of the batch has been passed on.
    passed: Vec<bool>,
    buffer: Box<[u8; MAX_DATAGRAM]>,
}

impl Front {
    pub(crate) fn new(
        steering: Steering,
        out: Vec<Option<DetourSender>>,
        inward: Vec<Option<DetourReceiver>>,
    ) -> Self {
        Self {
            steering,
            out,
            inward,
            passed: Vec::with_capacity(1_024),
            buffer: Box::new([0; MAX_DATAGRAM]),
        }
    }

    /// Passes on what belongs to other workers.
    pub(crate) fn pass_on(
        &mut self,
        received: &ReceiveBuffer,
        everyone: &Everyone,
        counters: &Counters,
    ) {
        self.passed.clear();
        let mut told: u64 = 0;
        received.look(|path, datagram| {
            let passed = match self.steering.route(&path, datagram) {
                Route::Own => false,
                Route::Nobody => {
                    counters.checks_refused.add(1);
                    true
                }
                Route::Other(WorkerId(owner)) => {
                    let out = self.out.get_mut(usize::from(owner));
                    if let Some(Some(out)) = out
                        && out.push(&path, datagram)
                    {
                        counters.passed_on.add(1);
                        told |= 1 << (owner & 63);
                    } else {
                        counters.pass_dropped.add(1);
                    }
                    true
                }
            };
            self.passed.push(passed);
        });
        counters.detours.set(self.steering.detours() as u64);
        wake(everyone, told);
    }

    /// Whether the datagram at this place of the batch has been dealt with.
    pub(crate) fn has_passed(&self, place: usize) -> bool {
        self.passed.get(place).copied().unwrap_or_default()
    }

    /// Other workers' word that they want no more of a detour.
    pub(crate) fn end(&mut self, end: DetourEnd, counters: &Counters) {
        self.steering.end(end);
        counters.detours.set(self.steering.detours() as u64);
    }

    /// Hands the state machine one batch of what others have received for it, from the worker `via`. `false`: there
    /// was nothing.
    pub(crate) fn take(&mut self, now: Time, via: u16, sfu: &mut Sfu) -> bool {
        let Some(Some(inward)) = self.inward.get_mut(usize::from(via)) else {
            return false;
        };
        let mut any = false;
        for _ in 0..DATAGRAMS_A_BATCH {
            let Some((path, len)) = inward.pop(&mut self.buffer) else {
                break;
            };
            any = true;
            let datagram = self.buffer.get_mut(..len).unwrap_or_default();
            sfu.handle_detoured(now, WorkerId(via), path, datagram);
        }
        any
    }

    /// How many workers there are.
    pub(crate) fn workers(&self) -> u16 {
        self.inward.len() as u16
    }

    /// Whether others have received nothing for this worker.
    pub(crate) fn is_empty(&self) -> bool {
        self.inward.iter().flatten().all(DetourReceiver::is_empty)
    }
}

/// As many as a receive call brings.
const DATAGRAMS_A_BATCH: usize = 64;
