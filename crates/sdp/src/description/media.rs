//! The m-line.

use xrtc_rtp::MediaKind;

use crate::limits;

/// `m=` (RFC 8866 §5.14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaLine {
    /// `audio`, `video`, `application` or whatever was written.
    pub media: String,
    /// The port. 9 stands for "see ICE", 0 for a section that is rejected, or bundled only.
    pub port: u16,
    /// The transport protocol: `UDP/TLS/RTP/SAVPF`.
    pub protocol: String,
    /// Payload types, for RTP; at most 128.
    pub formats: Vec<String>,
}

impl MediaLine {
    /// What the section carries.
    pub fn kind(&self) -> SectionKind {
        match self.media.as_str() {
            "audio" => SectionKind::Audio,
            "video" => SectionKind::Video,
            "application" => SectionKind::Application,
            _ => SectionKind::Other,
        }
    }

    /// Whether the protocol is RTP that DTLS can protect. RFC 9429 §5.1.2 lists the names that an offer may use.
    pub fn is_secure_rtp(&self) -> bool {
        self.protocol.ends_with("/SAVPF") || self.protocol.ends_with("/SAVP")
    }

    /// Reads the value of an m-line. Anything but visible ASCII in its words is refused, for they are echoed.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        if !value
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t')
        {
            return None;
        }
        let mut words = value.split_ascii_whitespace().map(str::to_owned);
        let media = words.next()?;
        // `<port>/<number of ports>` is legal, but means nothing under ICE.
        let port = words.next()?.split('/').next()?.parse().ok()?;
        let protocol = words.next()?;
        Some(Self {
            media,
            port,
            protocol,
            formats: words.take(limits::MAX_FORMATS).collect(),
        })
    }

    /// The line in the narrow form that `rtc-sdp` reads.
    pub(super) fn plain(&self) -> String {
        let media = match self.kind() {
            SectionKind::Audio | SectionKind::Video => self.media.as_str(),
            SectionKind::Application | SectionKind::Other => "application",
        };
        format!("{media} {} UDP 0", self.port)
    }
}

/// What an m-section carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Data channels.
    Application,
    /// Anything else.
    Other,
}

impl SectionKind {
    /// The kind of a media section.
    pub const fn media(self) -> Option<MediaKind> {
        match self {
            Self::Audio => Some(MediaKind::Audio),
            Self::Video => Some(MediaKind::Video),
            Self::Application | Self::Other => None,
        }
    }
}

impl From<MediaKind> for SectionKind {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::Audio,
            MediaKind::Video => Self::Video,
        }
    }
}
