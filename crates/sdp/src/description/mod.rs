//! The semantic model of a session description.

mod formats;
mod lines;
mod media;
mod parse;
mod print;
mod section;
mod simulcast;
mod source;

pub use media::{MediaLine, SectionKind};
pub use section::{Direction, Extension, Msid, RtcpAttributes, Section};
pub use simulcast::{RidDescription, RidDirection, Simulcast, SimulcastRid};
pub use source::{SourceDescription, SourceGroup};

pub(crate) use lines::lines;
pub(crate) use parse::TransportParser;

use std::fmt;
use std::str::FromStr;

use xrtc_rtp::Mid;

use crate::error::InvalidDescription;

/// An offer or an answer: what it says, without the text around it.
///
/// Printing gives CRLF line ends and begins with `v=0`. Parsing the print gives the same description again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// `o=`.
    pub origin: Origin,
    /// `a=ice-lite`.
    pub ice_lite: bool,
    /// The mids of the first `a=group:BUNDLE`, absent ones included (FFmpeg names them). `None` without such a line.
    pub bundle: Option<Vec<Mid>>,
    /// `a=extmap-allow-mixed` on the session level.
    pub extmap_allow_mixed: bool,
    /// The m-sections in order.
    pub sections: Vec<Section>,
}

impl Description {
    /// Reads a description.
    ///
    /// It is lenient where real clients are sloppy: line ends may be LF, lines may be indented, `o=`, `s=` and `t=`
    /// may be odd or missing, unknown lines and attributes are ignored.
    ///
    /// # Errors
    ///
    /// What breaks the structure, makes an m-section ambiguous or exceeds the [`limits`](crate::limits).
    pub fn parse(text: &str) -> Result<Self, InvalidDescription> {
        parse::parse(text)
    }

    /// Whether `a=extmap-allow-mixed` holds for a section, by either level (RFC 8285 §6).
    pub fn allows_mixed(&self, section: &Section) -> bool {
        self.extmap_allow_mixed || section.extmap_allow_mixed
    }
}

impl FromStr for Description {
    type Err = InvalidDescription;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::print(self))
    }
}

/// `o=` (RFC 8866 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The user name; `-` for none.
    pub username: String,
    /// The session's number. JSEP keeps it below 2^63 (RFC 9429 §5.2.1).
    pub session_id: u64,
    /// Grows with every change of the description.
    pub version: u64,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            username: "-".to_owned(),
            session_id: 0,
            version: 0,
        }
    }
}
