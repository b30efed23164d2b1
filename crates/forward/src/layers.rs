//! Which simulcast layer viewers get: the best one that is alive, or the one that they wish for.

use std::time::Duration;

use xrtc_rtp::{Bitrate, Rid, Time};

/// Which simulcast layer a viewer wants. Without any wish it gets the best one that is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerWish {
    /// This layer as long as it is alive, whatever the limits say.
    pub rid: Option<Rid>,
    /// The largest picture that fits, in pixels across; if none does, the smallest.
    pub max_width: Option<u16>,
    /// The same in pixels down.
    pub max_height: Option<u16>,
}

impl LayerWish {
    /// Whether there is no wish.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a picture is small enough.
    pub(crate) fn fits(&self, (width, height): (u16, u16)) -> bool {
        self.max_width.is_none_or(|most| width <= most)
            && self.max_height.is_none_or(|most| height <= most)
    }
}

/// What is known of one layer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Candidate {
    /// When its last packet arrived; `None` before the first.
    pub(crate) last_packet: Option<Time>,
    /// The usual time between two of its frames.
    pub(crate) frame_interval: Duration,
    /// Whether a decoder could have started on it.
    pub(crate) has_key_frame: bool,
    pub(crate) resolution: Option<(u16, u16)>,
    pub(crate) bitrate: Bitrate,
}

/// The layer to forward: the highest of those alive, by resolution if all of them tell theirs, else by bit
/// rate. Never by rid: neither their order nor their names mean the same to all publishers.
///
/// A layer is dead when it is silent for several of its frames while another one goes on: long before half a
/// second, after which viewers would notice.
pub(crate) fn best_layer(layers: &[Candidate], current: Option<usize>) -> Option<usize> {
    let newest = layers.iter().filter_map(|layer| layer.last_packet).max()?;
    let alive = || {
        layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| layer.is_alive(newest))
    };
    let comparable = alive().all(|(_, layer)| layer.resolution.is_some());
    let height = |layer: &Candidate| {
        if comparable {
            let (width, height) = layer.resolution.unwrap_or_default();
            (
                layer.has_key_frame,
                u64::from(width) * u64::from(height),
                layer.bitrate,
            )
        } else {
            (layer.has_key_frame, 0, layer.bitrate)
        }
    };
    let (best, candidate) = alive().max_by_key(|(_, layer)| height(layer))?;
    let present = current.filter(|&index| alive().any(|(other, _)| other == index));
    let Some((index, layer)) = present.and_then(|index| Some((index, layers.get(index)?))) else {
        return Some(best);
    };
    // Rates vary: a change by rate must be worth it.
    let (had, size, rate) = height(layer);
    let (has, best_size, best_rate) = height(candidate);
    let better = (has, best_size) > (had, size)
        || (has, best_size) == (had, size) && best_rate.0 > rate.0 + rate.0 / 2;
    Some(if better { best } else { index })
}

/// Which layers are alive, as bits.
pub(crate) fn living_layers(layers: &[Candidate]) -> u8 {
    let Some(newest) = layers.iter().filter_map(|layer| layer.last_packet).max() else {
        return 0;
    };
    (0..)
        .zip(layers)
        .filter(|(_, layer)| layer.is_alive(newest))
        .fold(0, |bits, (index, _): (u8, _)| bits | 1 << index)
}

impl Candidate {
    fn is_alive(&self, newest: Time) -> bool {
        let patience = (self.frame_interval * FRAMES_MISSED).clamp(LEAST_SILENCE, MOST_SILENCE);
        self.last_packet
            .is_some_and(|last| newest.since(last) <= patience)
    }
}

const FRAMES_MISSED: u32 = 4;
const LEAST_SILENCE: Duration = Duration::from_millis(200);
const MOST_SILENCE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(last: u64, resolution: Option<(u16, u16)>, kbps: u64) -> Candidate {
        Candidate {
            last_packet: Some(Time::from_millis(last)),
            frame_interval: Duration::from_millis(33),
            has_key_frame: true,
            resolution,
            bitrate: Bitrate(1_000 * kbps),
        }
    }

    #[test]
    fn the_largest_picture_wins_whatever_the_order() {
        let layers = [
            layer(1_000, Some((1280, 720)), 900),
            layer(1_000, Some((640, 360)), 1_000),
            layer(1_000, Some((320, 180)), 100),
        ];
        assert_eq!(best_layer(&layers, None), Some(0));
        assert_eq!(best_layer(&layers, Some(2)), Some(0));
    }

    #[test]
    fn without_resolutions_the_rate_decides_with_some_inertia() {
        let mut layers = [layer(1_000, None, 100), layer(1_000, Some((640, 360)), 500)];
        assert_eq!(best_layer(&layers, Some(0)), Some(1));
        layers[0].bitrate = Bitrate(700_000);
        assert_eq!(best_layer(&layers, Some(1)), Some(1));
        layers[0].bitrate = Bitrate(800_000);
        assert_eq!(best_layer(&layers, Some(1)), Some(0));
    }

    #[test]
    fn a_silent_layer_is_left_when_another_goes_on() {
        let mut layers = [
            layer(1_000, Some((320, 180)), 100),
            layer(850, Some((1280, 720)), 900),
        ];
        assert_eq!(best_layer(&layers, Some(1)), Some(1));
        layers[1].last_packet = Some(Time::from_millis(790));
        assert_eq!(best_layer(&layers, Some(1)), Some(0));
    }

    #[test]
    fn a_slow_layer_is_not_taken_for_a_dead_one() {
        let mut layers = [
            layer(1_000, Some((320, 180)), 100),
            layer(600, Some((1280, 720)), 900),
        ];
        layers[1].frame_interval = Duration::from_millis(200);
        assert_eq!(best_layer(&layers, Some(1)), Some(1));
        layers[1].last_packet = Some(Time::from_millis(499));
        assert_eq!(best_layer(&layers, Some(1)), Some(0));
    }

    #[test]
    fn nothing_is_chosen_before_packets_and_the_last_choice_stays_when_all_are_silent() {
        assert_eq!(best_layer(&[Candidate::default(); 3], None), None);
        let layers = [layer(1_000, None, 0), Candidate::default()];
        assert_eq!(best_layer(&layers, Some(0)), Some(0));
    }
}
