//! What a connection has not taken yet: whole frames in order, within a bound of bytes and of time.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Duration;

use xrtc_rtp::Time;
use xrtc_sfu::Class;
use xrtc_sfu::framing::PREFIX;

/// Frames that wait for a connection. What is late in it is late at the viewer too, so that it takes no more than the
/// connection is likely to pass on soon: video gives way first, control last.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: VecDeque<u8>,
    /// When what ends at this position of the stream was queued; oldest first.
    marks: VecDeque<(Time, u64)>,
    /// The position of the first byte that waits.
    start: u64,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether a frame with a datagram of `len` bytes may be queued.
    pub(super) fn takes(&self, now: Time, class: Class, len: usize) -> bool {
        let bytes = self.bytes.len() + PREFIX + len;
        let delay = self.marks.front().map(|(queued, _)| now.since(*queued));
        let delay = delay.unwrap_or_default();
        match class {
            Class::Video => bytes <= MAX_BYTES && delay <= VIDEO_DELAY,
            Class::Audio => bytes <= MAX_BYTES + RESERVE && delay <= AUDIO_DELAY,
            Class::Control => bytes <= MAX_BYTES + 2 * RESERVE,
        }
    }

    /// Queues bytes behind the others.
    pub(super) fn push(&mut self, now: Time, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let end = self.start + self.bytes.len() as u64;
        match self.marks.back_mut() {
            Some((queued, last)) if now.since(*queued) < MARK_EVERY => *last = end,
            _ => self.marks.push_back((now, end)),
        }
    }

    /// What waits, for a gathering write.
    pub(super) fn slices(&self) -> [IoSlice<'_>; 2] {
        let (first, second) = self.bytes.as_slices();
        [IoSlice::new(first), IoSlice::new(second)]
    }

    /// The connection has taken so many bytes.
    pub(super) fn advance(&mut self, len: usize) {
        let len = len.min(self.bytes.len());
        self.bytes.drain(..len);
        self.start += len as u64;
        while self
            .marks
            .front()
            .is_some_and(|(_, end)| *end <= self.start)
        {
            self.marks.pop_front();
        }
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_BYTES {
            // One stall in a long session should not cost its memory for the rest of it.
            self.bytes = VecDeque::new();
        }
    }
}

/// A key frame of high quality.
const MAX_BYTES: usize = 512 << 10;
/// What audio may have beyond that, and control beyond audio.
const RESERVE: usize = 32 << 10;
/// Longer delays are worse than a picture that stands until the next key frame.
const VIDEO_DELAY: Duration = Duration::from_millis(300);
const AUDIO_DELAY: Duration = Duration::from_secs(1);
/// How exactly the delay is known.
const MARK_EVERY: Duration = Duration::from_millis(10);
/// What an empty backlog keeps.
const KEPT_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(backlog: &Backlog) -> Vec<u8> {
        let [first, second] = backlog.slices();
        [&first[..], &second[..]].concat()
    }

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        let mut backlog = Backlog::default();
        let mut expected = Vec::new();
        for round in 0..1_000_u32 {
            let bytes = vec![round as u8; 1 + round as usize % 300];
            backlog.push(Time::from_millis(round.into()), &bytes);
            expected.extend(bytes);
            let taken = (round as usize * 7 % 200).min(expected.len());
            backlog.advance(taken);
            expected.drain(..taken);
            assert_eq!(waiting(&backlog), expected);
        }
        backlog.advance(expected.len());
        assert!(backlog.is_empty() && backlog.marks.is_empty());
    }

    #[test]
    fn video_gives_way_first_and_control_last() {
        let mut backlog = Backlog::default();
        let takes = |backlog: &Backlog, at| {
            [Class::Video, Class::Audio, Class::Control]
                .map(|class| backlog.takes(Time::from_millis(at), class, 1_000))
        };
        backlog.push(Time::ZERO, &[0; 1_000]);
        assert_eq!(takes(&backlog, 300), [true, true, true]);
        assert_eq!(takes(&backlog, 301), [false, true, true]);
        assert_eq!(takes(&backlog, 1_001), [false, false, true]);
        // What waits now came later.
        backlog.push(Time::from_millis(900), &[0; 1_000]);
        backlog.advance(1_000);
        assert_eq!(takes(&backlog, 1_001), [true, true, true]);
        backlog.push(Time::from_millis(900), &vec![0; MAX_BYTES - 2_000]);
        assert_eq!(takes(&backlog, 900), [false, true, true]);
        backlog.push(Time::from_millis(900), &[0; RESERVE]);
        assert_eq!(takes(&backlog, 900), [false, false, true]);
        backlog.push(Time::from_millis(900), &[0; RESERVE]);
        assert_eq!(takes(&backlog, 900), [false, false, false]);
    }
}
