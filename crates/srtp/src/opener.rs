//! What the peer sends: check against replay, authenticate, decrypt in place, then remember.

use xrtc_rtp::Ssrc;

use crate::cipher::{LazyCipher, Position};
use crate::discard::Discard;
use crate::header::{RtpHeader, rtcp_sender};
use crate::keying::SessionKeys;
use crate::limits::{MAX_RTP_INDEX, REPLAY_WINDOW, RTCP_REPLAY_WINDOW};
use crate::table::SsrcTable;
use crate::window::{Standing, Window};

/// Opens a peer's SRTP and SRTCP packets. Only an authentic packet changes its state.
pub struct Opener {
    rtp: LazyCipher,
    rtcp: LazyCipher,
    rtp_seen: SsrcTable<Window<{ (REPLAY_WINDOW / 64) as usize }>>,
    rtcp_seen: SsrcTable<Window<{ (RTCP_REPLAY_WINDOW / 64) as usize }>>,
    cryptex: bool,
}

impl Opener {
    pub(crate) fn new(rtp: SessionKeys, rtcp: SessionKeys) -> Self {
        Self {
            rtp: LazyCipher::Derived(rtp),
            rtcp: LazyCipher::Derived(rtcp),
            rtp_seen: SsrcTable::new(),
            rtcp_seen: SsrcTable::new(),
            cryptex: false,
        }
    }

    /// Takes packets whose CSRCs and header extensions are encrypted too (RFC 9335), beside those where they are not.
    #[must_use]
    pub fn with_cryptex(self) -> Self {
        Self {
            cryptex: true,
            ..self
        }
    }

    /// Loads what [`Self::open_rtp`] needs beside the opener itself, for a packet that is next or soon.
    pub fn prefetch(&self) {
        self.rtp.prefetch();
        self.rtp_seen.prefetch();
    }

    /// Opens an SRTP packet in place and returns the length of the RTP packet at its start.
    ///
    /// # Errors
    ///
    /// Why the packet must be dropped; its contents are unspecified then.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Discard> {
        let header = RtpHeader::parse(packet)?;
        if header.cryptex && !self.cryptex {
            return Err(Discard::Cryptex);
        }
        let known = self.rtp_seen.get_mut(header.ssrc);
        let index = match &known {
            Some(window) => {
                let index = estimate_index(window.newest(), header.sequence_number)?;
                refuse_old(window.standing(index))?;
                index
            }
            // The sender's roll-over counter starts at 0 (RFC 3711 §3.3.1).
            None => u64::from(header.sequence_number),
        };
        if known.is_none() {
            self.rtp_seen.room()?;
        }
        let position = Position {
            ssrc: header.ssrc,
            index,
        };
        let cipher = self.rtp.get();
        let len = if header.cryptex {
            cipher.open_rtp_cryptex(position, packet)?
        } else {
            cipher.open_rtp(position, header.len, packet)?
        };
        match self.rtp_seen.get_mut(header.ssrc) {
            Some(window) => window.mark(index),
            None => self
                .rtp_seen
                .insert(header.ssrc, Window::starting_at(index)),
        }
        Ok(len)
    }

    /// Opens an SRTCP packet in place and returns the length of the RTCP compound at its start. One that is only
    /// authenticated, with a clear E-bit, is accepted too (RFC 3711 §3.4).
    ///
    /// # Errors
    ///
    /// Why the packet must be dropped; its contents are unspecified then.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Discard> {
        let ssrc: Ssrc = rtcp_sender(packet)?;
        let cipher = self.rtcp.get();
        let (index, encrypted) = cipher.stated_rtcp_index(packet)?;
        let index = u64::from(index);
        match self.rtcp_seen.get_mut(ssrc) {
            Some(window) => refuse_old(window.standing(index))?,
            None => self.rtcp_seen.room()?,
        }
        let len = cipher.open_rtcp(Position { ssrc, index }, encrypted, packet)?;
        match self.rtcp_seen.get_mut(ssrc) {
            Some(window) => window.mark(index),
            None => self.rtcp_seen.insert(ssrc, Window::starting_at(index)),
        }
        Ok(len)
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

/// The index with these low 16 bits that lies nearest to the newest one (RFC 3711 §3.3.1, appendix A).
fn estimate_index(newest: u64, sequence_number: u16) -> Result<u64, Discard> {
    // As a signed distance of -32768 to 32767 from the newest sequence number.
    let distance = i64::from(sequence_number.wrapping_sub(newest as u16) as i16);
    let index = newest.checked_add_signed(distance).ok_or(Discard::TooOld)?;
    if index > MAX_RTP_INDEX {
        Err(Discard::IndexExhausted)
    } else {
        Ok(index)
    }
}

fn refuse_old(standing: Standing) -> Result<(), Discard> {
    match standing {
        Standing::Fresh => Ok(()),
        Standing::Seen => Err(Discard::Replayed),
        Standing::Behind => Err(Discard::TooOld),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_index_is_estimated_around_a_wrap() {
        assert_eq!(estimate_index(0xffff, 0), Ok(0x1_0000));
        assert_eq!(estimate_index(0x1_0000, 0xffff), Ok(0xffff));
        assert_eq!(estimate_index(0x1_0005, 0x8004), Ok(0x1_8004));
        assert_eq!(estimate_index(0x1_0005, 0x8005), Ok(0x8005));
        assert_eq!(estimate_index(5, 0xffff), Err(Discard::TooOld));
        assert_eq!(
            estimate_index(MAX_RTP_INDEX, 0),
            Err(Discard::IndexExhausted)
        );
    }
}
