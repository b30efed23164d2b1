//! libsrtp, found at run time: <https://github.com/cisco/libsrtp>, version 2.

#![expect(unsafe_code, reason = "libsrtp is written in C")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;
use std::sync::LazyLock;

use xrtc_srtp::{Discard, Profile, REPLAY_WINDOW};

/// One context of libsrtp for whatever SSRC comes, in one direction.
pub(super) struct Session {
    context: *mut c_void,
    direction: Direction,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Inbound,
    Outbound,
}

/// What SRTCP is given; RTP always gets both.
#[derive(Clone, Copy)]
pub(super) enum Rtcp {
    Encrypted,
    TagOnly,
}

impl Session {
    /// `key` is the master key followed by the salt.
    pub(super) fn new(profile: Profile, key: &[u8], direction: Direction, rtcp: Rtcp) -> Self {
        assert_eq!(key.len(), profile.key_len() + profile.salt_len());
        let library = &*LIBRARY;
        let mut key = key.to_vec();
        let mut policy = Policy::empty();
        policy.ssrc_type = match direction {
            Direction::Inbound => 2,
            Direction::Outbound => 3,
        };
        policy.key = key.as_mut_ptr();
        policy.window_size = REPLAY_WINDOW as c_ulong;
        let code = c_int::from(profile.code());
        let mut context = ptr::null_mut();
        // SAFETY: all pointers are to live values of the types that srtp.h declares, and the key has the length that
        // the profile asks for; libsrtp copies it.
        unsafe {
            assert_eq!((library.set_rtp)(&raw mut policy.rtp, code), 0);
            assert_eq!((library.set_rtcp)(&raw mut policy.rtcp, code), 0);
            if let Rtcp::TagOnly = rtcp {
                policy.rtcp.security_services = 2;
            }
            assert_eq!((library.create)(&raw mut context, &raw const policy), 0);
        }
        Self { context, direction }
    }

    /// Any status but 0 is a panic.
    pub(super) fn seal_rtp(&mut self, packet: &[u8]) -> Vec<u8> {
        assert!(self.direction == Direction::Outbound);
        self.call(LIBRARY.protect, packet).unwrap()
    }

    pub(super) fn seal_rtcp(&mut self, packet: &[u8]) -> Vec<u8> {
        assert!(self.direction == Direction::Outbound);
        self.call(LIBRARY.protect_rtcp, packet).unwrap()
    }

    pub(super) fn open_rtp(&mut self, packet: &[u8]) -> Result<Vec<u8>, Discard> {
        assert!(self.direction == Direction::Inbound);
        self.call(LIBRARY.unprotect, packet).map_err(discard)
    }

    pub(super) fn open_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, Discard> {
        assert!(self.direction == Direction::Inbound);
        self.call(LIBRARY.unprotect_rtcp, packet).map_err(discard)
    }

    fn call(&mut self, function: Transform, packet: &[u8]) -> Result<Vec<u8>, c_int> {
        // SRTP_MAX_TRAILER_LEN is 144 with MKI, and buffers are expected on a word boundary.
        let mut words = vec![0_u32; packet.len().div_ceil(4) + 40];
        let mut len = packet.len() as c_int;
        // SAFETY: the words are packet.len() + 160 bytes or more, of which libsrtp writes the packet and its trailer.
        let status = unsafe {
            ptr::copy_nonoverlapping(packet.as_ptr(), words.as_mut_ptr().cast(), packet.len());
            function(self.context, words.as_mut_ptr().cast(), &raw mut len)
        };
        if status != 0 {
            return Err(status);
        }
        let bytes = words.iter().flat_map(|word| word.to_ne_bytes());
        Ok(bytes.take(len as usize).collect())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the context came from `srtp_create` and is not used again.
        unsafe { (LIBRARY.dealloc)(self.context) };
    }
}

/// Our word for a status of srtp.h.
#[expect(clippy::panic, reason = "a test")]
fn discard(status: c_int) -> Discard {
    match status {
        7 => Discard::NotAuthentic,
        9 => Discard::Replayed,
        10 => Discard::TooOld,
        other => panic!("libsrtp: status {other}"),
    }
}

/// `srtp_crypto_policy_t`.
#[repr(C)]
struct CryptoPolicy {
    cipher_type: c_uint,
    cipher_key_len: c_int,
    auth_type: c_uint,
    auth_key_len: c_int,
    auth_tag_len: c_int,
    /// Bit 0 encrypts, bit 1 authenticates.
    security_services: c_uint,
}

/// `srtp_policy_t`.
#[repr(C)]
struct Policy {
    ssrc_type: c_uint,
    ssrc: c_uint,
    rtp: CryptoPolicy,
    rtcp: CryptoPolicy,
    key: *mut u8,
    keys: *mut c_void,
    num_master_keys: c_ulong,
    deprecated_ekt: *mut c_void,
    window_size: c_ulong,
    allow_repeat_tx: c_int,
    enc_xtn_hdr: *mut c_int,
    enc_xtn_hdr_count: c_int,
    next: *mut c_void,
}

impl Policy {
    fn empty() -> Self {
        let crypto = || CryptoPolicy {
            cipher_type: 0,
            cipher_key_len: 0,
            auth_type: 0,
            auth_key_len: 0,
            auth_tag_len: 0,
            security_services: 0,
        };
        Self {
            ssrc_type: 0,
            ssrc: 0,
            rtp: crypto(),
            rtcp: crypto(),
            key: ptr::null_mut(),
            keys: ptr::null_mut(),
            num_master_keys: 0,
            deprecated_ekt: ptr::null_mut(),
            window_size: 0,
            allow_repeat_tx: 0,
            enc_xtn_hdr: ptr::null_mut(),
            enc_xtn_hdr_count: 0,
            next: ptr::null_mut(),
        }
    }
}

type SetPolicy = unsafe extern "C" fn(*mut CryptoPolicy, c_int) -> c_int;
type Create = unsafe extern "C" fn(*mut *mut c_void, *const Policy) -> c_int;
type Dealloc = unsafe extern "C" fn(*mut c_void) -> c_int;
type Transform = unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_int) -> c_int;

struct Library {
    set_rtp: SetPolicy,
    set_rtcp: SetPolicy,
    create: Create,
    dealloc: Dealloc,
    protect: Transform,
    protect_rtcp: Transform,
    unprotect: Transform,
    unprotect_rtcp: Transform,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    // SAFETY: the name is a C string, and loading runs nothing but libsrtp's own initializers.
    let handle = unsafe { libc::dlopen(c"libsrtp2.so.1".as_ptr(), libc::RTLD_NOW) };
    assert!(
        !handle.is_null(),
        "libsrtp is missing; Debian: apt-get install libsrtp2-1"
    );
    // SAFETY: each function has the type that srtp.h of version 2 declares for its name.
    unsafe {
        let init: unsafe extern "C" fn() -> c_int = function(handle, c"srtp_init");
        assert_eq!(init(), 0);
        Library {
            set_rtp: function(handle, c"srtp_crypto_policy_set_from_profile_for_rtp"),
            set_rtcp: function(handle, c"srtp_crypto_policy_set_from_profile_for_rtcp"),
            create: function(handle, c"srtp_create"),
            dealloc: function(handle, c"srtp_dealloc"),
            protect: function(handle, c"srtp_protect"),
            protect_rtcp: function(handle, c"srtp_protect_rtcp"),
            unprotect: function(handle, c"srtp_unprotect"),
            unprotect_rtcp: function(handle, c"srtp_unprotect_rtcp"),
        }
    }
});

/// # Safety
///
/// `F` must be the type of a pointer to the function of this name.
unsafe fn function<F>(handle: *mut c_void, name: &CStr) -> F {
    assert_eq!(size_of::<F>(), size_of::<*mut c_void>());
    let name: *const c_char = name.as_ptr();
    // SAFETY: the handle is of an open library and the name a C string; the caller vouches for the type.
    unsafe {
        let pointer = libc::dlsym(handle, name);
        assert!(!pointer.is_null(), "libsrtp is not of version 2");
        std::mem::transmute_copy(&pointer)
    }
}
