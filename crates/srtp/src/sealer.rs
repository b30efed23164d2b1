//! What we send: every index of an SSRC is encrypted once, or again as exactly the same packet.

use xrtc_rtp::Ssrc;

use crate::cipher::{LazyCipher, Parts, Position, cryptex};
use crate::discard::Discard;
use crate::header::{RtpHeader, rtcp_sender};
use crate::keying::SessionKeys;
use crate::limits::{MAX_RTCP_INDEX, MAX_RTP_INDEX, REPLAY_WINDOW};
use crate::table::SsrcTable;
use crate::window::{Standing, Window};

/// Seals RTP and RTCP packets for one peer.
pub struct Sealer {
    rtp: LazyCipher,
    rtcp: LazyCipher,
    rtp_sent: SsrcTable<Sent>,
    /// The next SRTCP index. One count serves all SSRCs: each sees it grow, which is all that RFC 3711 §3.4 asks.
    rtcp_index: u32,
    cryptex: bool,
}

/// A plain RTP packet in pieces, as the forwarding writes it.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// The sender; the header must state the same.
    pub ssrc: Ssrc,
    /// Roll-over counter and sequence number, 48 bits. The first of an SSRC must be below 2^16, better below 2^15:
    /// the receiver takes the roll-over counter of the first packet that it gets to be 0.
    pub index: u64,
    /// The index may have been sealed before, and then as exactly these bytes: a retransmission under the original
    /// sequence number.
    pub repeat: bool,
    /// The whole RTP header, with CSRCs and extension.
    pub header: &'a [u8],
    /// Rewritten first bytes of the payload: an original sequence number (RFC 4588) or a codec's descriptor.
    pub prefix: &'a [u8],
    /// The rest of the payload, with padding if there is any.
    pub payload: &'a [u8],
}

impl Sealer {
    pub(crate) fn new(rtp: SessionKeys, rtcp: SessionKeys) -> Self {
        Self {
            rtp: LazyCipher::Derived(rtp),
            rtcp: LazyCipher::Derived(rtcp),
            rtp_sent: SsrcTable::new(),
            rtcp_index: 0,
            cryptex: false,
        }
    }

    /// Encrypts CSRCs and header extensions too (RFC 9335).
    #[must_use]
    pub fn with_cryptex(self) -> Self {
        Self {
            cryptex: true,
            ..self
        }
    }

    /// Loads what [`Self::seal_rtp`] needs beside the sealer itself, for a peer whose turn comes soon.
    pub fn prefetch(&self) {
        self.rtp.prefetch();
        self.rtp_sent.prefetch();
    }

    /// Writes the SRTP packet to the start of `out` and returns its length: the pieces' and
    /// [`Profile::rtp_overhead`](crate::Profile::rtp_overhead), and four bytes more where CSRCs without an extension are
    /// encrypted.
    ///
    /// Two different packets under one index would give both away, so an index that was sealed before, or lies too
    /// far back to tell, is refused unless the packet is marked as a repeat. In builds with debug assertions a
    /// repeat that differs from the original is a panic.
    ///
    /// # Errors
    ///
    /// Why nothing was sealed; `out` is unspecified then.
    pub fn seal_rtp(&mut self, plain: Plain<'_>, out: &mut [u8]) -> Result<usize, Discard> {
        check_header(&plain)?;
        let sent = self.rtp_sent.get_mut(plain.ssrc);
        if let Some(sent) = &sent {
            if !plain.repeat && sent.window.standing(plain.index) != Standing::Fresh {
                return Err(Discard::IndexReused);
            }
        } else {
            self.rtp_sent.room()?;
        }
        let cipher = self.rtp.get();
        let growth = if self.cryptex {
            cryptex::growth(plain.header)
        } else {
            None
        };
        let len = plain.header.len()
            + growth.unwrap_or_default()
            + plain.prefix.len()
            + plain.payload.len()
            + cipher.rtp_overhead();
        let out = out.get_mut(..len).ok_or(Discard::BufferTooSmall)?;
        let parts = Parts {
            header: plain.header,
            prefix: plain.prefix,
            payload: plain.payload,
        };
        let position = Position {
            ssrc: plain.ssrc,
            index: plain.index,
        };
        if growth.is_some() {
            cipher.seal_rtp_cryptex(position, parts, out)?;
        } else {
            cipher.seal_rtp(position, parts, out)?;
        }
        match self.rtp_sent.get_mut(plain.ssrc) {
            Some(sent) => sent.mark(&plain),
            None => self
                .rtp_sent
                .insert(plain.ssrc, Sent::starting_with(&plain)),
        }
        Ok(len)
    }

    /// Writes the SRTCP packet of a whole compound to the start of `out` and returns its length: the compound's and
    /// [`Profile::rtcp_overhead`](crate::Profile::rtcp_overhead).
    ///
    /// # Errors
    ///
    /// Why nothing was sealed; `out` is unspecified then.
    pub fn seal_rtcp(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, Discard> {
        let ssrc = rtcp_sender(plain)?;
        if self.rtcp_index > MAX_RTCP_INDEX {
            return Err(Discard::IndexExhausted);
        }
        let cipher = self.rtcp.get();
        let len = plain.len() + cipher.rtcp_overhead();
        let out = out.get_mut(..len).ok_or(Discard::BufferTooSmall)?;
        let position = Position {
            ssrc,
            index: u64::from(self.rtcp_index),
        };
        // Spent even if sealing fails, so that no failure can lead to a second use.
        self.rtcp_index += 1;
        cipher.seal_rtcp(position, plain, out)?;
        Ok(len)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

/// What was sent under one SSRC.
struct Sent {
    window: Window<{ (REPLAY_WINDOW / 64) as usize }>,
    #[cfg(debug_assertions)]
    digests: digest::Digests,
}

impl Sent {
    fn starting_with(plain: &Plain<'_>) -> Self {
        Self {
            window: Window::starting_at(plain.index),
            #[cfg(debug_assertions)]
            digests: digest::Digests::starting_with(plain),
        }
    }

    fn mark(&mut self, plain: &Plain<'_>) {
        self.window.mark(plain.index);
        #[cfg(debug_assertions)]
        self.digests.check(plain);
    }
}

fn check_header(plain: &Plain<'_>) -> Result<(), Discard> {
    if plain.index > MAX_RTP_INDEX {
        return Err(Discard::IndexExhausted);
    }
    let header = RtpHeader::parse(plain.header)?;
    if header.cryptex {
        return Err(Discard::Cryptex);
    }
    let same = header.ssrc == plain.ssrc
        && header.sequence_number == plain.index as u16
        && header.len == plain.header.len();
    if same {
        Ok(())
    } else {
        Err(Discard::HeaderMismatch)
    }
}

/// Proof, in debug builds, that repeats are what they say.
#[cfg(debug_assertions)]
mod digest {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::{Plain, REPLAY_WINDOW};

    /// The digests of the last packets, in a ring by index.
    pub(super) struct Digests(Vec<(u64, u64)>);

    impl Digests {
        pub(super) fn starting_with(plain: &Plain<'_>) -> Self {
            let mut digests = Self(vec![(u64::MAX, 0); REPLAY_WINDOW as usize]);
            digests.check(plain);
            digests
        }

        pub(super) fn check(&mut self, plain: &Plain<'_>) {
            let digest = digest(plain);
            let place = (plain.index % REPLAY_WINDOW) as usize;
            if let Some(known) = self.0.get_mut(place) {
                if known.0 == plain.index {
                    assert_eq!(
                        known.1, digest,
                        "a repeat of index {} differs from its original",
                        plain.index
                    );
                } else {
                    *known = (plain.index, digest);
                }
            }
        }
    }

    fn digest(plain: &Plain<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        plain.header.hash(&mut hasher);
        for byte in plain.prefix.iter().chain(plain.payload) {
            hasher.write_u8(*byte);
        }
        hasher.finish()
    }
}
