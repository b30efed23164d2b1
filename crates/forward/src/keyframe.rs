//! Requests for key frames: merged and throttled toward the publisher, rationed per viewer.

use std::time::Duration;

use xrtc_rtp::Time;

/// Asks a publisher for a key frame of one layer, until it comes.
///
/// However many viewers want one, one request goes out, and again after a pause if no key frame came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyFrameRequester {
    wanted: bool,
    sent: Option<Time>,
    /// Requests since the last key frame.
    tries: u32,
}

impl KeyFrameRequester {
    /// Somebody needs one.
    pub(crate) const fn want(&mut self) {
        self.wanted = true;
    }

    /// One began.
    pub(crate) const fn arrived(&mut self) {
        self.wanted = false;
        self.tries = 0;
    }

    /// When the next request is due.
    pub(crate) fn due(&self) -> Option<Time> {
        if !self.wanted {
            return None;
        }
        let pause = if self.tries < PATIENT_AFTER {
            PAUSE
        } else {
            LONG_PAUSE
        };
        Some(self.sent.map_or(Time::ZERO, |sent| sent + pause))
    }

    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.due().is_some_and(|due| due <= now)
    }

    /// A request went out.
    pub(crate) const fn sent(&mut self, now: Time) {
        self.sent = Some(now);
        self.tries = self.tries.saturating_add(1);
    }
}

/// How often one viewer may have a key frame made for it.
///
/// The first wish is granted at once; wishes that follow wait twice as long each time, so that a viewer on a
/// bad network does not spend the others' bandwidth on key frames. A quiet spell earns the patience back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyFrameRation {
    granted: Option<Time>,
    /// The wait is doubled so many times.
    doublings: u32,
}

impl KeyFrameRation {
    /// Whether a viewer's wish goes on to the publisher.
    pub(crate) fn grant(&mut self, now: Time) -> bool {
        if let Some(granted) = self.granted {
            let wait = FIRST_WAIT * 2_u32.pow(self.doublings);
            let passed = now.since(granted);
            if passed < wait {
                return false;
            }
            if passed > wait + QUIET {
                self.doublings = 0;
            } else {
                self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
            }
        }
        self.granted = Some(now);
        true
    }
}

/// Between two requests for one layer: covers a round trip and the encoder, and is what throttles.
const PAUSE: Duration = Duration::from_millis(500);
/// Between later requests, which the publisher apparently does not answer.
const LONG_PAUSE: Duration = Duration::from_secs(2);
const PATIENT_AFTER: u32 = 6;

const FIRST_WAIT: Duration = Duration::from_millis(1_000);
const MOST_DOUBLINGS: u32 = 4;
const QUIET: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_merged_and_repeated_until_the_key_frame_comes() {
        let mut requester = KeyFrameRequester::default();
        assert_eq!(requester.due(), None);
        requester.want();
        assert!(requester.is_due(Time::ZERO));
        requester.sent(Time::ZERO);
        requester.want();
        assert!(!requester.is_due(Time::from_millis(499)));
        assert!(requester.is_due(Time::from_millis(500)));
        requester.arrived();
        assert_eq!(requester.due(), None);
        requester.want();
        assert_eq!(
            requester.due(),
            Some(Time::from_millis(500)),
            "throttled also after a key frame"
        );
    }

    #[test]
    fn a_publisher_that_does_not_answer_is_asked_less_often() {
        let mut requester = KeyFrameRequester::default();
        requester.want();
        let mut sent = 0;
        for millis in (0..20_000).step_by(10) {
            if requester.is_due(Time::from_millis(millis)) {
                requester.sent(Time::from_millis(millis));
                sent += 1;
            }
        }
        assert_eq!(sent, 6 + 8);
    }

    #[test]
    fn an_insatiable_viewer_gets_fewer_and_fewer_key_frames() {
        let mut ration = KeyFrameRation::default();
        let granted: Vec<u64> = (0..40)
            .filter(|half| ration.grant(Time::from_millis(500 * half)))
            .collect();
        assert_eq!(granted, [0, 2, 6, 14, 30]);
        assert!(
            ration.grant(Time::from_millis(60_000)),
            "after a quiet spell"
        );
        assert!(!ration.grant(Time::from_millis(60_500)));
        assert!(ration.grant(Time::from_millis(61_000)));
    }
}
