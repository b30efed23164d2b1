//! A batch brings datagrams of many peers, whose state is far apart in memory: lets the processor load all of it side by
//! side, before the datagrams are handled one after the other.

use arrayvec::ArrayVec;
use xrtc_forward::Stream;
use xrtc_prefetch::prefetch;
use xrtc_rtp::Ssrc;

use crate::Path;
use crate::addresses::PeerKey;
use crate::peer::{Peer, Role};
use crate::sfu::Sfu;
use crate::streams::StreamEntry;

/// Datagrams that come next, as far as they are media.
#[derive(Debug, Default)]
pub struct Foresight {
    next: ArrayVec<(PeerKey, Ssrc), MOST>,
    /// What was looked up last: the packets of a frame come one after the other.
    last: Option<(Path, Ssrc)>,
}

impl Sfu {
    /// Adds a datagram that will be handed to [`Sfu::handle_datagram`] soon. What cannot be media of a peer's is left out,
    /// as is what there is no room for.
    pub fn foresee(&self, foresight: &mut Foresight, path: &Path, datagram: &[u8]) {
        // RTP data by its first two bytes (RFC 5761 §4); the SSRC is its third word.
        let Some(&[128..=191, kind, _, _, _, _, _, _, a, b, c, d]) = datagram.first_chunk::<12>()
        else {
            return;
        };
        if (64..96).contains(&(kind & 0x7f)) || foresight.next.is_full() {
            return;
        }
        let ssrc = Ssrc(u32::from_be_bytes([a, b, c, d]));
        if foresight.last.replace((*path, ssrc)) == Some((*path, ssrc)) {
            return;
        }
        if let Some(key) = self.addresses.by_path(path) {
            foresight.next.push((key, ssrc));
        }
    }

    /// Loads what the datagrams that were foreseen need. Nothing is worth it for one of them alone.
    pub fn prefetch(&self, foresight: &mut Foresight) {
        let Foresight { next, .. } = std::mem::take(foresight);
        if next.len() < 2 {
            return;
        }
        for step in 0..STEPS {
            for (key, ssrc) in &next {
                if let Some(peer) = self.peers.get(*key) {
                    self.prefetch_step(step, peer, *ssrc);
                }
            }
        }
    }

    fn prefetch_step(&self, step: usize, peer: &Peer, ssrc: Ssrc) {
        let Some(further) = step.checked_sub(1) else {
            return peer.prefetch();
        };
        let Role::Publisher(publishing) = &peer.role else {
            return;
        };
        let Some(entry) = publishing.stream.and_then(|key| self.streams.get(key)) else {
            return;
        };
        if further == 0 {
            peer.transport.prefetch_received();
            prefetch(&peer.heard);
            entry.prefetch();
        }
        entry.media.prefetch(further, ssrc);
        let viewer = || self.peers.get(entry.only_viewer()?);
        match further {
            2 => {
                if let Some(viewer) = viewer() {
                    viewer.prefetch();
                }
            }
            3 => {
                if let Some(viewer) = viewer() {
                    viewer.transport.prefetch_sent();
                }
            }
            _ => {}
        }
    }
}

impl StreamEntry {
    fn prefetch(&self) {
        prefetch(&self.place);
        prefetch(&self.waiting_until);
        prefetch(&self.dirty);
    }
}

const STEPS: usize = Stream::PREFETCH_STEPS + 1;
/// More would not stay in the first-level cache until their turn.
const MOST: usize = 16;
