//! The place through which every packet to a viewer passes before it is sent.

use crate::nack::ResendBudget;

/// What one viewer is sent, and when.
///
/// First sendings pass at once, until there is an estimate of the viewer's bandwidth to pace them by; resends
/// pass within their budget.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pacer {
    resends: ResendBudget,
}

impl Pacer {
    /// A first sending of so many bytes.
    pub(crate) fn pass(&mut self, bytes: usize) {
        self.resends.sent(bytes);
    }

    /// The viewer reported the share of packets that it lost lately, in 256ths.
    pub(crate) fn note_loss(&mut self, fraction_lost: u8) {
        self.resends.note_loss(fraction_lost);
    }

    /// Whether so many bytes may be sent again.
    pub(crate) fn admit_resend(&mut self, bytes: usize) -> bool {
        self.resends.take(bytes)
    }
}
