//! Why a peer or a stream is over.

use std::fmt;

/// Why a peer or a stream is over. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// The application closed it.
    Closed,
    /// The remote peer said goodbye (DTLS close_notify).
    PeerClosed,
    /// No authenticated connectivity check for the consent timeout (RFC 7675), or none at all since the answer.
    IceTimeout,
    /// The DTLS handshake failed; the detail names the cause.
    DtlsFailed,
    /// The remote certificate is not the one that the description promised.
    FingerprintMismatch,
    /// Our offer was not answered in time.
    AnswerTimeout,
    /// Another publisher took the stream.
    PublisherReplaced,
    /// The publisher left and none came back within the grace.
    PublisherGone,
    /// The new publisher sends no codec that this viewer can decode.
    IncompatibleCodec,
    /// The stream was closed.
    StreamClosed,
    /// The server was closed.
    ServerClosed,
    /// A limit was reached while the peer was there.
    Overload,
    /// The worker met a bug and started again.
    InternalError,
}

impl Ended {
    /// The stable camelCase name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::PeerClosed => "peerClosed",
            Self::IceTimeout => "iceTimeout",
            Self::DtlsFailed => "dtlsFailed",
            Self::FingerprintMismatch => "fingerprintMismatch",
            Self::AnswerTimeout => "answerTimeout",
            Self::PublisherReplaced => "publisherReplaced",
            Self::PublisherGone => "publisherGone",
            Self::IncompatibleCodec => "incompatibleCodec",
            Self::StreamClosed => "streamClosed",
            Self::ServerClosed => "serverClosed",
            Self::Overload => "overload",
            Self::InternalError => "internalError",
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
