//! Loading what a packet will need, while those before it are handled.

use xrtc_prefetch::prefetch;
use xrtc_rtp::Ssrc;

use super::Stream;

impl Stream {
    /// How many steps [`Self::prefetch`] has.
    pub const PREFETCH_STEPS: usize = 6;

    /// Lets the processor load what [`Self::handle_rtp`] and the first [`Self::poll_rtp`] touch for a packet of the
    /// publisher's under `ssrc`. Each step asks for what the one before has loaded the way to, so that they are worth
    /// something only with other work between them.
    ///
    /// The viewer's side is loaded where there is one viewer: among several, whose turn is first is found out later.
    pub fn prefetch(&self, step: usize, ssrc: Ssrc) {
        if step == 0 {
            prefetch(&self.ingest);
            prefetch(&self.tracks);
            prefetch(&self.viewers);
            prefetch(&self.drain);
            prefetch(&self.reports);
            return;
        }
        let Some(ingest) = &self.ingest else {
            return;
        };
        if step == 1 {
            prefetch(ingest.demux.sources());
            prefetch(self.tracks.as_slice());
            return;
        }
        let mut sources = ingest.demux.sources().iter();
        let Some(source) = sources.find(|source| source.ssrc == ssrc) else {
            return;
        };
        let (track, number) = (source.track, source.layer);
        let layer = self.tracks.get(usize::from(track));
        let layer = layer.and_then(|track| track.layer(number));
        let mut viewers = self.viewers.iter();
        let viewer = viewers.next().filter(|_| self.viewers.len() == 1);
        match (step, layer) {
            (2, Some(layer)) => {
                prefetch(layer);
                ingest.prefetch((track, number), false);
                if let Some((_, viewer)) = viewer {
                    viewer.prefetch();
                }
            }
            (3, Some(layer)) => {
                layer.cache.prefetch(0);
                ingest.prefetch((track, number), true);
                if let Some((_, viewer)) = viewer {
                    viewer.prefetch_subscriptions();
                }
            }
            (_, Some(layer)) => layer.cache.prefetch(step - 3),
            (_, None) => {}
        }
    }
}
