//! AES-GCM from AWS-LC's C interface, with the expanded key in lines of its own.
//!
//! The safe crate keeps the expanded key behind a pointer that it does not show. Whoever seals for thousands of peers
//! in turn waits for that memory with each of them; here it can be asked for before. Everything that leaves this file
//! is safe to call with any input.
#![expect(
    unsafe_code,
    reason = "EVP_AEAD_CTX has no safe form that tells where it is"
)]

use std::mem::MaybeUninit;
use std::ptr;

use aws_lc_sys::{
    EVP_AEAD, EVP_AEAD_CTX, EVP_AEAD_CTX_init, EVP_AEAD_CTX_open_gather, EVP_AEAD_CTX_seal_scatter,
    EVP_aead_aes_128_gcm, EVP_aead_aes_256_gcm, OPENSSL_cleanse,
};
use xrtc_prefetch::prefetch;

/// An expanded key for AES-GCM with tags of 16 bytes.
pub(crate) struct GcmKey(Box<Context>);

#[repr(C, align(64))]
struct Context(EVP_AEAD_CTX);

// SAFETY: the state of AES-GCM is plain bytes inside the context (its `copy` is `aead_ctx_copy_state_trivial`, its
// `cleanup` does nothing), and the one pointer in it is to a static table.
unsafe impl Send for Context {}
// SAFETY: as above; sealing and opening take the context as `const`.
unsafe impl Sync for Context {}

impl GcmKey {
    /// Bytes of a tag.
    pub(crate) const TAG: usize = 16;

    /// Expands a key of 16 or 32 bytes; `None` for any other length.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        // SAFETY: both give the address of a static table.
        let method: *const EVP_AEAD = match key.len() {
            16 => unsafe { EVP_aead_aes_128_gcm() },
            32 => unsafe { EVP_aead_aes_256_gcm() },
            _ => return None,
        };
        let mut context = Box::new(MaybeUninit::<Context>::zeroed());
        // SAFETY: the context is valid for writes, the key for as many bytes as the method's keys have; no engine.
        let result = unsafe {
            EVP_AEAD_CTX_init(
                context.as_mut_ptr().cast(),
                method,
                key.as_ptr(),
                key.len(),
                Self::TAG,
                ptr::null_mut(),
            )
        };
        // SAFETY: integers and pointers only, for which the zeros it started with are valid too.
        (result == 1).then(|| Self(unsafe { context.assume_init() }))
    }

    /// Loads the key, for a packet that is sealed soon.
    pub(crate) fn prefetch(&self) {
        prefetch(&*self.0);
    }

    /// Encrypts `prefix` into `out`, then `rest` and the tag into `out_rest`, which are as long as that takes. `false`:
    /// they are not, or the library refused; what they contain is unspecified then, but nothing of the plaintext.
    pub(crate) fn seal(
        &self,
        nonce: [u8; 12],
        associated: &[u8],
        (prefix, out): (&[u8], &mut [u8]),
        (rest, out_rest): (&[u8], &mut [u8]),
    ) -> bool {
        if out.len() != prefix.len() || out_rest.len() != rest.len() + Self::TAG {
            return false;
        }
        // SAFETY: the lengths were compared; the outputs are unique borrows, so that nothing overlaps.
        unsafe { self.scatter(nonce, associated, (prefix.as_ptr(), out), (rest, out_rest)) }
    }

    /// Encrypts `body` in place and writes the tag of 16 bytes. `false`: as for [`Self::seal`].
    pub(crate) fn seal_in_place(
        &self,
        nonce: [u8; 12],
        associated: &[u8],
        body: &mut [u8],
        tag: &mut [u8],
    ) -> bool {
        if tag.len() != Self::TAG {
            return false;
        }
        // SAFETY: in place is allowed; the tag is another unique borrow.
        unsafe { self.scatter(nonce, associated, (body.as_ptr(), body), (&[], tag)) }
    }

    /// # Safety
    ///
    /// `first` must be valid for reads of as many bytes as `out` has, and be its own address or lie outside of it.
    unsafe fn scatter(
        &self,
        nonce: [u8; 12],
        associated: &[u8],
        (first, out): (*const u8, &mut [u8]),
        (rest, out_rest): (&[u8], &mut [u8]),
    ) -> bool {
        let mut written = 0;
        // SAFETY: the caller vouches for `first`; every other pointer is a slice's with that slice's length. The library
        // compares the room in `out_rest` with what it writes there. The context was initialized by `new`.
        let result = unsafe {
            EVP_AEAD_CTX_seal_scatter(
                &raw const self.0.0,
                out.as_mut_ptr(),
                out_rest.as_mut_ptr(),
                &raw mut written,
                out_rest.len(),
                nonce.as_ptr(),
                nonce.len(),
                first,
                out.len(),
                rest.as_ptr(),
                rest.len(),
                associated.as_ptr(),
                associated.len(),
            )
        };
        result == 1 && written == out_rest.len()
    }

    /// Checks the tag and decrypts `body` in place. `false`: not authentic; what `body` contains is unspecified then.
    pub(crate) fn open(
        &self,
        nonce: [u8; 12],
        associated: &[u8],
        tag: &[u8],
        body: &mut [u8],
    ) -> bool {
        // SAFETY: every pointer is a slice's, with that slice's length; in place is allowed. The context was
        // initialized by `new`.
        let result = unsafe {
            let body_at = body.as_mut_ptr();
            EVP_AEAD_CTX_open_gather(
                &raw const self.0.0,
                body_at,
                nonce.as_ptr(),
                nonce.len(),
                body_at,
                body.len(),
                tag.as_ptr(),
                tag.len(),
                associated.as_ptr(),
                associated.len(),
            )
        };
        result == 1
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the pointer and length are those of the whole field, which is integers and pointers; nothing of it is
        // used after this, and AES-GCM has nothing to clean up.
        unsafe { OPENSSL_cleanse((&raw mut self.0).cast(), size_of::<EVP_AEAD_CTX>()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published vectors are in `cipher`; here is what the pieces and the lengths do.
    #[test]
    fn pieces_are_one_message_and_wrong_lengths_are_refused() {
        for key in [&[3; 16][..], &[5; 32][..]] {
            let key = GcmKey::new(key).unwrap();
            key.prefetch();
            let plain: Vec<u8> = (0..100).collect();
            let seal = |cut: usize| {
                let (prefix, rest) = plain.split_at(cut);
                let mut out = vec![0; plain.len() + GcmKey::TAG];
                let (first, second) = out.split_at_mut(cut);
                assert!(key.seal([1; 12], b"header", (prefix, first), (rest, second)));
                out
            };
            let whole = seal(0);
            for cut in 1..plain.len() {
                assert_eq!(seal(cut), whole, "cut at {cut}");
            }
            let mut in_place = plain.clone();
            let mut tag = [0; GcmKey::TAG];
            assert!(key.seal_in_place([1; 12], b"header", &mut in_place, &mut tag));
            assert_eq!([in_place, tag.to_vec()].concat(), whole);
            assert!(!key.seal_in_place([1; 12], b"header", &mut [1], &mut tag[1..]));
            let mut short = vec![0; plain.len() + GcmKey::TAG - 1];
            assert!(!key.seal([1; 12], b"header", (&[], &mut []), (&plain, &mut short)));
            assert!(!key.seal([1; 12], b"header", (&[1], &mut []), (&[], &mut [0; 16])));

            let (body, tag) = whole.split_at(plain.len());
            let mut opened = body.to_vec();
            assert!(key.open([1; 12], b"header", tag, &mut opened));
            assert_eq!(opened, plain);
            for (nonce, header, tag) in [
                ([2; 12], &b"header"[..], tag),
                ([1; 12], b"Header", tag),
                ([1; 12], b"header", &tag[..15]),
                ([1; 12], b"header", &[]),
                ([1; 12], b"header", &[0; 16]),
            ] {
                assert!(!key.open(nonce, header, tag, &mut body.to_vec()));
            }
        }
        for len in [0, 15, 17, 24, 33] {
            assert!(GcmKey::new(&vec![0; len]).is_none());
        }
    }
}
