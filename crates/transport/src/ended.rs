//! Why a transport is over.

/// Why a transport is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// ICE found no path in time, or lost the peer's consent to send.
    IceTimeout,
    /// The DTLS handshake was not complete in time.
    DtlsTimeout,
    /// The DTLS handshake, or the connection after it, failed.
    DtlsFailed {
        /// The alert that the peer sent, if it was the one to give up (RFC 8446 §6).
        alert: Option<u8>,
    },
    /// The peer showed no certificate, or one that cannot be verified: ECDSA on P-256 and P-384 can, and RSA where the
    /// peer begins a handshake of DTLS 1.2. A peer without a certificate of the kinds that it is asked for shows none.
    UnusableCertificate,
    /// The peer's certificate is not the one that its session description named.
    FingerprintMismatch,
    /// The peer offers no SRTP profile that we have.
    NoSrtpProfile,
    /// The peer said goodbye (DTLS close_notify).
    PeerClosed,
}

impl Ended {
    /// The stable name that applications see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IceTimeout => "iceTimeout",
            Self::DtlsTimeout => "dtlsTimeout",
            Self::DtlsFailed { .. } => "dtlsFailed",
            Self::UnusableCertificate => "unusableCertificate",
            Self::FingerprintMismatch => "fingerprintMismatch",
            Self::NoSrtpProfile => "noSrtpProfile",
            Self::PeerClosed => "peerClosed",
        }
    }
}
