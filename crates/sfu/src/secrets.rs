//! Randomness from one seed: unguessable where the seed is, and the same again for the same seed.

use aws_lc_rs::hmac;

/// A stream of random bytes: HMAC-SHA256 of a counter under the seed (as the expansion of RFC 5869 §2.3).
///
/// It makes passwords of ICE, so that what others see of it (ufrags, SSRCs) must not tell what comes next.
pub(crate) struct Secrets {
    key: hmac::Key,
    counter: u64,
}

impl Secrets {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &seed),
            counter: 0,
        }
    }

    /// Writes random bytes over all of `out`.
    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(BLOCK) {
            let block = hmac::sign(&self.key, &self.counter.to_be_bytes());
            self.counter += 1;
            for (byte, random) in chunk.iter_mut().zip(block.as_ref()) {
                *byte = *random;
            }
        }
    }

    pub(crate) fn u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    /// An SSRC that is not 0, which some receivers take for "none".
    pub(crate) fn ssrc(&mut self) -> xrtc_rtp::Ssrc {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        xrtc_rtp::Ssrc(u32::from_be_bytes(bytes).max(1))
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// The output of HMAC-SHA256.
const BLOCK: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_they_do_not_repeat() {
        let mut first = [0; 100];
        let mut second = [0; 100];
        Secrets::new([7; 32]).fill(&mut first);
        Secrets::new([7; 32]).fill(&mut second);
        assert_eq!(first, second);
        assert_ne!(first[..32], first[32..64]);
        Secrets::new([8; 32]).fill(&mut second);
        assert_ne!(first, second);
    }
}
