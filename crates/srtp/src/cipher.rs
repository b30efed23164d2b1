//! The two families of profiles behind one face: nothing else in this crate asks which one it is.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use xrtc_prefetch::prefetch;
use xrtc_rtp::Ssrc;

use crate::aws_lc::{AesCtr, HmacSha1};
use crate::discard::Discard;
use crate::gcm::GcmKey;
use crate::header::RTCP_HEADER;
use crate::keying::{Kind, SessionKeys};
use crate::profile::Profile;

pub(crate) mod cryptex;
#[cfg(test)]
mod vectors;

/// Session keys that are expanded when first used: a viewer never sends RTP, a publisher never gets any.
pub(crate) enum LazyCipher {
    Derived(SessionKeys),
    Expanded(Cipher),
}

impl LazyCipher {
    pub(crate) fn get(&mut self) -> &Cipher {
        if let Self::Derived(keys) = self {
            *self = Self::Expanded(Cipher::new(keys));
        }
        match self {
            Self::Expanded(cipher) => cipher,
            Self::Derived(_) => unreachable!("invariant: expanded above"),
        }
    }

    /// Loads the key, if it is expanded.
    pub(crate) fn prefetch(&self) {
        if let Self::Expanded(cipher) = self {
            cipher.prefetch();
        }
    }
}

/// Where a packet stands: what makes its nonce unique under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) ssrc: Ssrc,
    /// 48 bits for RTP, 31 for RTCP.
    pub(crate) index: u64,
}

/// One direction of RTP or RTCP under expanded keys.
pub(crate) struct Cipher {
    suite: Suite,
    tag_len: usize,
}

enum Suite {
    /// RFC 7714.
    Gcm { key: GcmKey, salt: [u8; 12] },
    /// RFC 3711 §4.1.1 and §4.2.1. Boxed, because it is ten times the other's size, which keeps its keys elsewhere.
    Cm(Box<CounterMode>),
}

struct CounterMode {
    aes: AesCtr,
    hmac: HmacSha1,
    salt: [u8; 14],
}

impl Cipher {
    #[expect(
        clippy::expect_used,
        reason = "the key's length is the algorithm's own"
    )]
    pub(crate) fn new(keys: &SessionKeys) -> Self {
        let tag_len = match keys.kind {
            Kind::Rtp => keys.profile.rtp_tag_len(),
            Kind::Rtcp => keys.profile.rtcp_tag_len(),
        };
        let suite = match keys.profile {
            Profile::AeadAes256Gcm | Profile::AeadAes128Gcm => {
                let key = GcmKey::new(keys.encryption()).expect("invariant: 16 or 32 bytes");
                let mut salt = [0; 12];
                salt.copy_from_slice(&keys.salt()[..12]);
                Suite::Gcm { key, salt }
            }
            Profile::Aes128CmSha1_80 | Profile::Aes128CmSha1_32 => {
                let aes = AesCtr::new(keys.encryption()).expect("invariant: 16 bytes");
                let hmac = HmacSha1::new(keys.authentication());
                let salt = *keys.salt();
                Suite::Cm(Box::new(CounterMode { aes, hmac, salt }))
            }
        };
        Self { suite, tag_len }
    }

    fn prefetch(&self) {
        match &self.suite {
            Suite::Gcm { key, .. } => key.prefetch(),
            Suite::Cm(cm) => prefetch(&**cm),
        }
    }

    /// Bytes that [`Self::seal_rtp`] adds.
    pub(crate) fn rtp_overhead(&self) -> usize {
        self.tag_len
    }

    /// Bytes that [`Self::seal_rtcp`] adds.
    pub(crate) fn rtcp_overhead(&self) -> usize {
        self.tag_len + 4
    }

    /// Fills `out`, which has exactly the room: `header`, then `prefix` and `payload` encrypted, then the tag.
    pub(crate) fn seal_rtp(
        &self,
        position: Position,
        plain: Parts<'_>,
        out: &mut [u8],
    ) -> Result<(), Discard> {
        let (header, body) = split_mut(out, plain.header.len())?;
        header.copy_from_slice(plain.header);
        match &self.suite {
            Suite::Gcm { key, salt } => {
                let (prefix, rest) = split_mut(body, plain.prefix.len())?;
                // The "extra" plaintext of this call goes on where the first stopped: a gather without a copy.
                let nonce = gcm_nonce(salt, position);
                let (first, second) = ((plain.prefix, prefix), (plain.payload, rest));
                sealed(key.seal(nonce, header, first, second))
            }
            Suite::Cm(cm) => {
                let body_len = body.len() - self.tag_len;
                let (prefix, rest) = split_mut(body, plain.prefix.len())?;
                let mut keystream = cm.aes.keystream(cm.counter(position));
                keystream.apply(plain.prefix, prefix);
                keystream.apply(plain.payload, rest);
                let (packet, tag) = split_mut(out, plain.header.len() + body_len)?;
                copy(tag, &cm.hmac.sign(packet, &rollover_counter(position)));
                Ok(())
            }
        }
    }

    /// Checks and decrypts in place; the plain packet is the returned number of bytes. After an error the packet's
    /// contents are unspecified.
    pub(crate) fn open_rtp(
        &self,
        position: Position,
        header: usize,
        packet: &mut [u8],
    ) -> Result<usize, Discard> {
        let len = packet
            .len()
            .checked_sub(self.tag_len)
            .filter(|len| *len >= header)
            .ok_or(Discard::Malformed)?;
        let (packet, tag) = split_mut(packet, len)?;
        match &self.suite {
            Suite::Gcm { key, salt } => {
                let (header, body) = split_mut(packet, header)?;
                if !key.open(gcm_nonce(salt, position), header, tag, body) {
                    return Err(Discard::NotAuthentic);
                }
            }
            Suite::Cm(cm) => {
                cm.verify(packet, &rollover_counter(position), tag)?;
                let (_, body) = split_mut(packet, header)?;
                cm.aes.keystream(cm.counter(position)).apply_in_place(body);
            }
        }
        Ok(len)
    }

    /// Fills `out`, which has exactly the room, with `plain` encrypted after its first eight bytes, the tag and the
    /// index: in that order for GCM (RFC 7714 §9.2), the index before the tag otherwise (RFC 3711 §3.4).
    pub(crate) fn seal_rtcp(
        &self,
        position: Position,
        plain: &[u8],
        out: &mut [u8],
    ) -> Result<(), Discard> {
        let word = rtcp_word(position, true);
        let (plain_header, plain_body) = plain
            .split_at_checked(RTCP_HEADER)
            .ok_or(Discard::Malformed)?;
        let (header, rest) = split_mut(out, RTCP_HEADER)?;
        header.copy_from_slice(plain_header);
        match &self.suite {
            Suite::Gcm { key, salt } => {
                let (body_and_tag, trailer) = split_mut(rest, plain_body.len() + self.tag_len)?;
                copy(trailer, &word);
                let aad = rtcp_associated_data(header, word);
                let nonce = gcm_nonce(salt, position);
                let (nothing, body) = ((&[][..], &mut [][..]), (plain_body, body_and_tag));
                sealed(key.seal(nonce, &aad, nothing, body))
            }
            Suite::Cm(cm) => {
                let (body, trailer) = split_mut(rest, plain_body.len())?;
                cm.aes
                    .keystream(cm.counter(position))
                    .apply(plain_body, body);
                copy(trailer, &word);
                let (packet, tag) = split_mut(out, plain.len() + 4)?;
                copy(tag, &cm.hmac.sign(packet, &[]));
                Ok(())
            }
        }
    }

    /// The index that a packet states and whether its body is encrypted, before anything is verified.
    pub(crate) fn stated_rtcp_index(&self, packet: &[u8]) -> Result<(u32, bool), Discard> {
        let end = match &self.suite {
            Suite::Gcm { .. } => Some(packet.len()),
            Suite::Cm(_) => packet.len().checked_sub(self.tag_len),
        };
        let word: &[u8; 4] = end
            .and_then(|end| packet.get(..end))
            .and_then(|head| head.last_chunk())
            .ok_or(Discard::Malformed)?;
        let word = u32::from_be_bytes(*word);
        Ok((word & !E_BIT, word & E_BIT != 0))
    }

    /// As [`Self::open_rtp`], for RTCP; `encrypted` is the packet's own E-bit, which the tag covers.
    pub(crate) fn open_rtcp(
        &self,
        position: Position,
        encrypted: bool,
        packet: &mut [u8],
    ) -> Result<usize, Discard> {
        let overhead = self.rtcp_overhead();
        let len = packet
            .len()
            .checked_sub(overhead)
            .filter(|len| *len >= RTCP_HEADER)
            .ok_or(Discard::Malformed)?;
        match &self.suite {
            Suite::Gcm { key, salt } => {
                let word = rtcp_word(position, encrypted);
                let nonce = gcm_nonce(salt, position);
                let (plain, trailer) = split_mut(packet, len)?;
                let opened = if encrypted {
                    let (tag, _) = split_mut(trailer, self.tag_len)?;
                    let (header, body) = split_mut(plain, RTCP_HEADER)?;
                    let aad = rtcp_associated_data(header, word);
                    key.open(nonce, &aad, tag, body)
                } else {
                    // All of the packet is associated data, with the word right behind it (RFC 7714 §9.3).
                    let mut tag = [0; 16];
                    copy(&mut tag, trailer);
                    copy(trailer, &word);
                    let aad = packet.get(..len + 4).unwrap_or_default();
                    key.open(nonce, aad, &tag, &mut [])
                };
                if !opened {
                    return Err(Discard::NotAuthentic);
                }
            }
            Suite::Cm(cm) => {
                let (signed, tag) = split_mut(packet, len + 4)?;
                cm.verify(signed, &[], tag)?;
                if encrypted {
                    let body = signed.get_mut(RTCP_HEADER..len).ok_or(Discard::Malformed)?;
                    cm.aes.keystream(cm.counter(position)).apply_in_place(body);
                }
            }
        }
        Ok(len)
    }
}

/// A plain RTP packet in pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) prefix: &'a [u8],
    pub(crate) payload: &'a [u8],
}

impl CounterMode {
    /// `(salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16)` (RFC 3711 §4.1.1).
    fn counter(&self, position: Position) -> [u8; 16] {
        let mut counter = [0; 16];
        counter[4..8].copy_from_slice(&position.ssrc.0.to_be_bytes());
        counter[8..14].copy_from_slice(&position.index.to_be_bytes()[2..]);
        for (byte, salt) in counter.iter_mut().zip(self.salt) {
            *byte ^= salt;
        }
        counter
    }

    fn verify(&self, first: &[u8], second: &[u8], tag: &[u8]) -> Result<(), Discard> {
        let expected = self.hmac.sign(first, second);
        let expected = expected.get(..tag.len()).ok_or(Discard::Malformed)?;
        verify_slices_are_equal(expected, tag).map_err(|_| Discard::NotAuthentic)
    }
}

/// Lengths are right by construction, so that only the library can refuse.
fn sealed(done: bool) -> Result<(), Discard> {
    if done {
        Ok(())
    } else {
        Err(Discard::Malformed)
    }
}

/// Two zero bytes, the SSRC and the 48-bit index, XOR the salt (RFC 7714 §8.1, §9.1).
fn gcm_nonce(salt: &[u8; 12], position: Position) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[2..6].copy_from_slice(&position.ssrc.0.to_be_bytes());
    nonce[6..].copy_from_slice(&position.index.to_be_bytes()[2..]);
    for (byte, salt) in nonce.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    nonce
}

/// The header and the word of E-bit and index (RFC 7714 §9.2).
fn rtcp_associated_data(header: &[u8], word: [u8; 4]) -> [u8; RTCP_HEADER + 4] {
    let mut data = [0; RTCP_HEADER + 4];
    copy(&mut data, header);
    data[RTCP_HEADER..].copy_from_slice(&word);
    data
}

fn rtcp_word(position: Position, encrypted: bool) -> [u8; 4] {
    let index = position.index as u32 & !E_BIT;
    (if encrypted { index | E_BIT } else { index }).to_be_bytes()
}

/// What HMAC covers beyond the packet (RFC 3711 §4.2).
fn rollover_counter(position: Position) -> [u8; 4] {
    ((position.index >> 16) as u32).to_be_bytes()
}

fn split_mut(bytes: &mut [u8], at: usize) -> Result<(&mut [u8], &mut [u8]), Discard> {
    bytes.split_at_mut_checked(at).ok_or(Discard::Malformed)
}

/// As much of `from` as `to` has room for.
fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

const E_BIT: u32 = 1 << 31;
