//! An m-section.

use std::fmt;

use xrtc_rtp::{Bitrate, ExtensionKind, MediaKind, Mid};

use crate::format::PayloadFormat;
use crate::transport::TransportDescription;

use super::media::{MediaLine, SectionKind};
use super::simulcast::{RidDescription, Simulcast};
use super::source::{SourceDescription, SourceGroup, is_printable};

/// One m-section with what the session level adds to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The m-line as written.
    pub media: MediaLine,
    /// `a=mid`.
    pub mid: Option<Mid>,
    /// `sendrecv` unless said otherwise (RFC 8866 §6.7), on either level.
    pub direction: Direction,
    /// `a=bundle-only`: the port is 0, but the section is alive (RFC 9143 §6).
    pub bundle_only: bool,
    /// The most that its author wants to receive, from `b=`. `None` unless limited.
    pub bandwidth: Option<Bitrate>,
    /// The RTCP attributes.
    pub rtcp: RtcpAttributes,
    /// `a=extmap-allow-mixed` in this section.
    pub extmap_allow_mixed: bool,
    /// ICE and DTLS.
    pub transport: TransportDescription,
    /// What the payload types stand for, in the order of the m-line. Those without `a=rtpmap` are left out, except
    /// the static ones (RFC 3551 §6).
    pub formats: Vec<PayloadFormat>,
    /// `a=extmap`.
    pub extensions: Vec<Extension>,
    /// `a=rid`.
    pub rids: Vec<RidDescription>,
    /// The first `a=simulcast`.
    pub simulcast: Option<Simulcast>,
    /// The first `a=msid`.
    pub msid: Option<Msid>,
    /// `a=ssrc-group`.
    pub groups: Vec<SourceGroup>,
    /// `a=ssrc`, in the order of their first lines.
    pub sources: Vec<SourceDescription>,
}

impl Section {
    /// A section with nothing but its m-line.
    pub fn new(media: MediaLine) -> Self {
        Self {
            media,
            mid: None,
            direction: Direction::SendRecv,
            bundle_only: false,
            bandwidth: None,
            rtcp: RtcpAttributes::default(),
            extmap_allow_mixed: false,
            transport: TransportDescription::default(),
            formats: Vec::new(),
            extensions: Vec::new(),
            rids: Vec::new(),
            simulcast: None,
            msid: None,
            groups: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// What it carries.
    pub fn kind(&self) -> SectionKind {
        self.media.kind()
    }

    /// Audio or video, if it is alive and something that can be forwarded.
    pub fn live_media(&self) -> Option<MediaKind> {
        let is_rtp = !self.is_rejected() && self.media.is_secure_rtp();
        self.kind().media().filter(|_| is_rtp)
    }

    /// Whether its author has given it up: port 0 without `bundle-only` (RFC 9143 §6).
    pub fn is_rejected(&self) -> bool {
        self.media.port == 0 && !self.bundle_only
    }

    /// Adds a format, to the m-line too.
    pub(crate) fn push_format(&mut self, format: PayloadFormat) {
        self.media.formats.push(format.payload_type.0.to_string());
        self.formats.push(format);
    }

    /// The id that it gives to a header extension, and the directions in which it is used.
    pub fn extension(&self, kind: ExtensionKind) -> Option<&Extension> {
        self.extensions
            .iter()
            .find(|extension| extension.kind() == Some(kind))
    }
}

/// The RTCP attributes of a section, none of which has a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtcpAttributes {
    /// `a=rtcp-mux` (RFC 5761 §5.1.1).
    pub mux: bool,
    /// `a=rtcp-mux-only` (RFC 8858).
    pub mux_only: bool,
    /// `a=rtcp-rsize` (RFC 5506 §5).
    pub reduced_size: bool,
}

/// The direction of media, seen from the author of the description (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// From the author.
    SendOnly,
    /// To the author.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    const ALL: [Self; 4] = [
        Self::SendRecv,
        Self::SendOnly,
        Self::RecvOnly,
        Self::Inactive,
    ];

    /// The attribute's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether the author sends.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the author receives.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The direction with this name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|direction| direction.name() == name)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `a=extmap` (RFC 8285 §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The id, 1 to 255. Ids above (RFC 8285 §7 lets offers use 4096 to 4351) are left out on parsing.
    pub id: u8,
    /// The suffix of the id; without one it goes the ways of the section.
    pub direction: Option<Direction>,
    /// The extension's name.
    pub uri: String,
}

impl Extension {
    /// The extension, if it is one that we know.
    pub fn kind(&self) -> Option<ExtensionKind> {
        ExtensionKind::from_uri(&self.uri)
    }

    /// Whether the description's author sends it.
    pub fn is_sent(&self) -> bool {
        self.direction.is_none_or(Direction::sends)
    }

    /// Whether the description's author wants to receive it.
    pub fn is_received(&self) -> bool {
        self.direction.is_none_or(Direction::receives)
    }

    /// Reads the value of `a=extmap`; `None` if it is malformed or the id out of range.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let id = words.next()?;
        let (id, direction) = match id.split_once('/') {
            Some((id, direction)) => (id, Some(Direction::parse(direction)?)),
            None => (id, None),
        };
        let id = id.parse().ok().filter(|id| *id > 0)?;
        let uri = words.next().filter(|uri| is_printable(uri))?.to_owned();
        Some(Self { id, direction, uri })
    }
}

/// The stream and track that a section's media belongs to (RFC 8830 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Msid {
    /// The id of the `MediaStream`; `-` for none.
    pub stream: String,
    /// The id of the `MediaStreamTrack`, where it is written.
    pub track: Option<String>,
}

impl Msid {
    /// Reads `<stream> [<track>]`; `None` if it is malformed.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut words = value
            .split_ascii_whitespace()
            .filter(|word| is_printable(word))
            .map(str::to_owned);
        Some(Self {
            stream: words.next()?,
            track: words.next(),
        })
    }
}

impl fmt::Display for Msid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stream)?;
        self.track
            .as_ref()
            .map_or(Ok(()), |track| write!(f, " {track}"))
    }
}
