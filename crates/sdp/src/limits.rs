//! How much of a peer's description is read. What exceeds a limit on the whole is refused
//! ([`InvalidDescription`](crate::InvalidDescription)); a list that exceeds its own limit is cut there.

/// Bytes of a description or fragment; longer ones are refused.
pub const MAX_BYTES: usize = 64 * 1024;
/// Lines of a description or fragment; more are refused. A browser's fullest offer has about 400.
pub const MAX_LINES: usize = 4096;
/// M-sections of a description or fragment; more are refused.
pub const MAX_SECTIONS: usize = 32;
/// Payload types of an m-section. The number space has no more.
pub const MAX_FORMATS: usize = 128;
/// `a=extmap` lines of an m-section.
pub const MAX_EXTENSIONS: usize = 64;
/// `a=rid` lines of an m-section, and encodings of `a=simulcast`.
pub const MAX_RIDS: usize = 16;
/// Sources declared by `a=ssrc` in an m-section.
pub const MAX_SOURCES: usize = 64;
/// `a=ssrc-group` lines of an m-section, and sources of one.
pub const MAX_SOURCE_GROUPS: usize = 64;
/// `a=candidate` lines of an m-section.
pub const MAX_CANDIDATES: usize = 64;
/// `a=fingerprint` lines of an m-section.
pub const MAX_FINGERPRINTS: usize = 16;
/// Mids of `a=group:BUNDLE`. It may name absent ones.
pub const MAX_BUNDLE_MIDS: usize = 64;
/// Bytes of one format's `a=fmtp` parameters.
pub const MAX_FMTP_BYTES: usize = 4096;
