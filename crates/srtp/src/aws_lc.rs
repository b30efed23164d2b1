//! The only `unsafe` here: AES counter mode and HMAC-SHA1 with cached pads from AWS-LC's C interface.
//!
//! The safe crate has both, but allocates a context per packet for either and hashes the key's pads each time,
//! which makes SHA-1 a fifth dearer. Everything that leaves this file is safe to call with any input.
#![expect(
    unsafe_code,
    reason = "AES_KEY and SHA_CTX have no safe form that keeps them between packets"
)]

use std::ffi::c_uint;
use std::mem::MaybeUninit;

use aws_lc_sys::{
    AES_KEY, AES_ctr128_encrypt, AES_set_encrypt_key, OPENSSL_cleanse, SHA_CTX, SHA1_Final,
    SHA1_Init, SHA1_Update,
};

/// An expanded AES key for counter mode.
pub(crate) struct AesCtr {
    key: AES_KEY,
}

impl AesCtr {
    /// Expands a key of 16 or 32 bytes; `None` for any other length.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        let bits: c_uint = match key.len() {
            16 => 128,
            32 => 256,
            _ => return None,
        };
        let mut schedule = MaybeUninit::<AES_KEY>::zeroed();
        // SAFETY: `key` is valid for the `bits / 8` bytes that are read, and `schedule` is valid for writes.
        let result = unsafe { AES_set_encrypt_key(key.as_ptr(), bits, schedule.as_mut_ptr()) };
        // SAFETY: `AES_KEY` is integers only, for which the zeros it started with are valid too.
        (result == 0).then(|| Self {
            key: unsafe { schedule.assume_init() },
        })
    }

    /// The keystream whose first counter block is `counter`.
    pub(crate) fn keystream(&self, counter: [u8; 16]) -> Keystream<'_> {
        Keystream {
            key: &self.key,
            counter,
            block: [0; 16],
            used: 0,
        }
    }
}

impl Drop for AesCtr {
    fn drop(&mut self) {
        // SAFETY: the pointer and length are those of the whole field, which is integers only.
        unsafe { OPENSSL_cleanse((&raw mut self.key).cast(), size_of::<AES_KEY>()) };
    }
}

/// A keystream that goes on where the last call stopped.
pub(crate) struct Keystream<'a> {
    key: &'a AES_KEY,
    counter: [u8; 16],
    /// The encrypted counter block of which `used` bytes (0 to 15) are spent.
    block: [u8; 16],
    used: c_uint,
}

impl Keystream<'_> {
    /// Writes `input` combined with the keystream; stops at the shorter of the two.
    pub(crate) fn apply(&mut self, input: &[u8], output: &mut [u8]) {
        let len = input.len().min(output.len());
        // SAFETY: both pointers are valid for `len` bytes and do not overlap, since one is a unique borrow.
        unsafe { self.run(input.as_ptr(), output.as_mut_ptr(), len) };
    }

    /// Combines `data` with the keystream.
    pub(crate) fn apply_in_place(&mut self, data: &mut [u8]) {
        let pointer = data.as_mut_ptr();
        // SAFETY: the pointer is valid for reads and writes of the slice's length; in place is allowed.
        unsafe { self.run(pointer, pointer, data.len()) };
    }

    /// # Safety
    ///
    /// `input` must be valid for reads and `output` for writes of `len` bytes; they are equal or do not overlap.
    unsafe fn run(&mut self, input: *const u8, output: *mut u8, len: usize) {
        // SAFETY: the caller vouches for `input` and `output`. The counter and the block are 16 bytes each, the key
        // was expanded by `AES_set_encrypt_key`, and `used` is below 16, because only this call writes it.
        unsafe {
            AES_ctr128_encrypt(
                input,
                output,
                len,
                self.key,
                self.counter.as_mut_ptr(),
                self.block.as_mut_ptr(),
                &raw mut self.used,
            );
        }
    }
}

/// An HMAC-SHA1 key as the two hash states after its pads (RFC 2104 §4).
pub(crate) struct HmacSha1 {
    inner: SHA_CTX,
    outer: SHA_CTX,
}

impl HmacSha1 {
    /// Takes a key of at most one block; more than 64 bytes are cut off, and nobody has more than 20.
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut padded = [0; 64];
        for (to, from) in padded.iter_mut().zip(key) {
            *to = *from;
        }
        let inner = sha1_after(&padded.map(|byte| byte ^ 0x36));
        let outer = sha1_after(&padded.map(|byte| byte ^ 0x5c));
        wipe(&mut padded);
        Self { inner, outer }
    }

    /// The code of the two parts, one after the other.
    pub(crate) fn sign(&self, first: &[u8], second: &[u8]) -> [u8; 20] {
        let mut inner = self.inner;
        update(&mut inner, first);
        update(&mut inner, second);
        let digest = finish(&mut inner);
        let mut outer = self.outer;
        update(&mut outer, &digest);
        finish(&mut outer)
    }
}

impl Drop for HmacSha1 {
    fn drop(&mut self) {
        // SAFETY: the pointers and lengths are those of the whole fields, which are integers only.
        unsafe {
            OPENSSL_cleanse((&raw mut self.inner).cast(), size_of::<SHA_CTX>());
            OPENSSL_cleanse((&raw mut self.outer).cast(), size_of::<SHA_CTX>());
        }
    }
}

/// Overwrites key bytes in a way that the compiler keeps.
pub(crate) fn wipe(bytes: &mut [u8]) {
    // SAFETY: the pointer and length are those of a unique slice.
    unsafe { OPENSSL_cleanse(bytes.as_mut_ptr().cast(), bytes.len()) };
}

fn sha1_after(block: &[u8; 64]) -> SHA_CTX {
    let mut state = MaybeUninit::<SHA_CTX>::zeroed();
    // SAFETY: the pointer is valid for writes; integers only, so that the zeros it started with are valid too.
    let mut state = unsafe {
        SHA1_Init(state.as_mut_ptr());
        state.assume_init()
    };
    update(&mut state, block);
    state
}

fn update(state: &mut SHA_CTX, data: &[u8]) {
    // SAFETY: `state` came from `SHA1_Init`, and `data` is valid for its length.
    unsafe { SHA1_Update(state, data.as_ptr().cast(), data.len()) };
}

fn finish(state: &mut SHA_CTX) -> [u8; 20] {
    let mut digest = [0; 20];
    // SAFETY: `state` came from `SHA1_Init`, and `digest` holds the 20 bytes that are written.
    unsafe { SHA1_Final(digest.as_mut_ptr(), state) };
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    /// Every length of the first call, so that each way of going on in the middle of a block is taken.
    #[test]
    fn a_keystream_in_two_pieces_is_the_same_keystream() {
        let key = AesCtr::new(&[7; 16]).unwrap();
        let plain: Vec<u8> = (0..200).collect();
        let mut whole = plain.clone();
        key.keystream([9; 16]).apply_in_place(&mut whole);
        for cut in 0..plain.len() {
            let mut pieces = vec![0; plain.len()];
            let mut keystream = key.keystream([9; 16]);
            keystream.apply(&plain[..cut], &mut pieces[..cut]);
            keystream.apply(&plain[cut..], &mut pieces[cut..]);
            assert_eq!(pieces, whole);
        }
    }

    #[test]
    fn f72_rfc_3711_b2_aes_cm_keystream() {
        let key = AesCtr::new(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
        let first = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        let mut keystream = vec![0; 0xFF02 * 16];
        key.keystream(first).apply_in_place(&mut keystream);
        for (block, expected) in [
            (0x0000, "E03EAD0935C95E80E166B16DD92B4EB4"),
            (0x0001, "D23513162B02D0F72A43A2FE4A5F97AB"),
            (0x0002, "41E95B3BB0A2E8DD477901E4FCA894C0"),
            (0xFEFF, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
            (0xFF00, "362B7C3C6773516318A077D7FC5073AE"),
            (0xFF01, "6A2CC3787889374FBEB4C81B17BA6C44"),
        ] {
            assert_eq!(
                keystream[block * 16..][..16],
                hex(expected),
                "block {block:04X}"
            );
        }
    }

    #[test]
    fn rfc_2202_case_1_and_2_hmac_sha1() {
        assert_eq!(
            HmacSha1::new(&[0x0b; 20]).sign(b"Hi ", b"There"),
            *hex("b617318655057264e28bc0b6fb378c8ef146be00")
        );
        assert_eq!(
            HmacSha1::new(b"Jefe").sign(b"what do ya want ", b"for nothing?"),
            *hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        );
    }
}
