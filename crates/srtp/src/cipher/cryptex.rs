//! Cryptex (RFC 9335): CSRCs and header extensions are encrypted like the payload.
//!
//! ```text
//! on the wire     fixed header(12)  CSRCs  extension header(4)  extensions  payload
//! to the cipher   fixed header(12)  extension header(4) | CSRCs  extensions  payload
//! ```
//!
//! What stands before the bar stays in the clear (RFC 9335 §6.2); the tag of AES-GCM covers this order, that of
//! HMAC-SHA1 the order on the wire.

use super::{Cipher, Parts, Position, Suite, copy, gcm_nonce, rollover_counter, sealed, split_mut};
use crate::discard::Discard;
use crate::header::FIXED_HEADER;

/// The extension's "defined by profile" words in the clear and under Cryptex (RFC 8285 §4.2 and §4.3, RFC 9335 §4).
const WORDS: [([u8; 2], [u8; 2]); 2] = [([0xBE, 0xDE], [0xC0, 0xDE]), ([0x10, 0x00], [0xC2, 0xDE])];

const EXTENSION_HEADER: usize = 4;

/// Bytes that stay in the clear.
const CLEAR: usize = FIXED_HEADER + EXTENSION_HEADER;

const X_BIT: u8 = 0x10;

/// Bytes that sealing adds to this header beside the tag: CSRCs need an extension behind which they can be encrypted
/// (RFC 9335 §6.1). `None` if there is nothing to hide, so that the packet is sealed as usual.
pub(crate) fn growth(header: &[u8]) -> Option<usize> {
    if header.first()? & X_BIT != 0 {
        Some(0)
    } else {
        (csrcs(header) > 0).then_some(EXTENSION_HEADER)
    }
}

impl Cipher {
    /// As [`Self::seal_rtp`], for a header that has a [`growth`], which `out` has the room for.
    pub(crate) fn seal_rtp_cryptex(
        &self,
        position: Position,
        plain: Parts<'_>,
        out: &mut [u8],
    ) -> Result<(), Discard> {
        let header = plain.header.len() + growth(plain.header).unwrap_or_default();
        let (packet, tag) = split_mut(out, out.len().saturating_sub(self.tag_len))?;
        write_header(plain.header, packet)?;
        let (_, body) = split_mut(packet, header)?;
        let (prefix, payload) = split_mut(body, plain.prefix.len())?;
        copy(prefix, plain.prefix);
        copy(payload, plain.payload);
        hide_csrcs(packet)?;
        let (clear, secret) = split_mut(packet, CLEAR)?;
        match &self.suite {
            Suite::Gcm { key, salt } => {
                let nonce = gcm_nonce(salt, position);
                sealed(key.seal_in_place(nonce, clear, secret, tag))?;
                show_csrcs(packet)
            }
            Suite::Cm(cm) => {
                let counter = cm.counter(position);
                cm.aes.keystream(counter).apply_in_place(secret);
                show_csrcs(packet)?;
                copy(tag, &cm.hmac.sign(packet, &rollover_counter(position)));
                Ok(())
            }
        }
    }

    /// As [`Self::open_rtp`], for a packet whose extension says that it is Cryptex.
    pub(crate) fn open_rtp_cryptex(
        &self,
        position: Position,
        packet: &mut [u8],
    ) -> Result<usize, Discard> {
        let len = packet.len().saturating_sub(self.tag_len);
        let (packet, tag) = split_mut(packet, len)?;
        if let Suite::Cm(cm) = &self.suite {
            cm.verify(packet, &rollover_counter(position), tag)?;
        }
        hide_csrcs(packet)?;
        let (clear, secret) = split_mut(packet, CLEAR)?;
        match &self.suite {
            Suite::Gcm { key, salt } => {
                let nonce = gcm_nonce(salt, position);
                if !key.open(nonce, clear, tag, secret) {
                    return Err(Discard::NotAuthentic);
                }
            }
            Suite::Cm(cm) => {
                let counter = cm.counter(position);
                cm.aes.keystream(counter).apply_in_place(secret);
            }
        }
        show_csrcs(packet)?;
        let word = extension_word(packet)?;
        let known = WORDS.iter().find(|(_, cryptex)| word == cryptex);
        let (plain, _) = known.ok_or(Discard::Malformed)?;
        word.copy_from_slice(plain);
        Ok(len)
    }
}

/// The header with the words of Cryptex, and with an empty extension if there was none.
fn write_header(header: &[u8], out: &mut [u8]) -> Result<(), Discard> {
    let (place, rest) = split_mut(out, header.len())?;
    copy(place, header);
    let first = place.first_mut().ok_or(Discard::Malformed)?;
    if *first & X_BIT == 0 {
        *first |= X_BIT;
        let (extension, _) = split_mut(rest, EXTENSION_HEADER)?;
        copy(extension, &[0xC0, 0xDE, 0, 0]);
        return Ok(());
    }
    let word = extension_word(out)?;
    // Nothing but the two forms of RFC 8285 has a word here (RFC 9335 §4).
    let known = WORDS.iter().find(|(plain, _)| word == plain);
    let (_, cryptex) = known.ok_or(Discard::Cryptex)?;
    word.copy_from_slice(cryptex);
    Ok(())
}

/// Bytes of a packet's CSRCs.
fn csrcs(packet: &[u8]) -> usize {
    4 * usize::from(packet.first().copied().unwrap_or_default() & 0x0f)
}

fn extension_word(packet: &mut [u8]) -> Result<&mut [u8], Discard> {
    let at = FIXED_HEADER + csrcs(packet);
    packet.get_mut(at..at + 2).ok_or(Discard::Malformed)
}

/// From the order on the wire to the cipher's.
fn hide_csrcs(packet: &mut [u8]) -> Result<(), Discard> {
    csrcs_and_extension_header(packet).map(|bytes| bytes.rotate_right(EXTENSION_HEADER))
}

/// And back.
fn show_csrcs(packet: &mut [u8]) -> Result<(), Discard> {
    csrcs_and_extension_header(packet).map(|bytes| bytes.rotate_left(EXTENSION_HEADER))
}

fn csrcs_and_extension_header(packet: &mut [u8]) -> Result<&mut [u8], Discard> {
    let end = CLEAR + csrcs(packet);
    packet.get_mut(FIXED_HEADER..end).ok_or(Discard::Malformed)
}
