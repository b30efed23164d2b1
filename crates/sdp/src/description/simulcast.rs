//! `a=rid` and `a=simulcast` (RFC 8851, RFC 8853).

use std::fmt;

use xrtc_rtp::{PayloadType, Rid};

use crate::limits;
use crate::work;

/// `a=rid`: one encoding (RFC 8851 §10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RidDescription {
    /// Its id.
    pub rid: Rid,
    /// Who sends it.
    pub direction: RidDirection,
    /// `pt=`: the payload types it may use; empty for all of the section.
    pub payload_types: Vec<PayloadType>,
    /// The other restrictions, `name=value`.
    pub restrictions: Vec<String>,
}

impl RidDescription {
    /// Reads the value of `a=rid`; `None` if it is malformed.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let rid = parse_rid(words.next()?)?;
        let direction = match words.next()? {
            "send" => RidDirection::Send,
            "recv" => RidDirection::Recv,
            _ => return None,
        };
        let mut description = Self {
            rid,
            direction,
            payload_types: Vec::new(),
            restrictions: Vec::new(),
        };
        for restriction in words
            .flat_map(|word| word.split(';'))
            .take(limits::MAX_FORMATS)
        {
            work::step();
            if let Some(list) = restriction.strip_prefix("pt=") {
                let numbers = list.split(',').filter_map(|number| number.parse().ok());
                let numbers = numbers.filter(|number: &u8| *number < 128).map(PayloadType);
                description
                    .payload_types
                    .extend(numbers.take(limits::MAX_FORMATS));
            } else if !restriction.is_empty()
                && restriction.bytes().all(|byte| byte.is_ascii_graphic())
            {
                description.restrictions.push(restriction.to_owned());
            }
        }
        description.payload_types.truncate(limits::MAX_FORMATS);
        Some(description)
    }
}

impl fmt::Display for RidDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rid, self.direction.name())?;
        let mut separator = ' ';
        if !self.payload_types.is_empty() {
            let list: Vec<_> = self
                .payload_types
                .iter()
                .map(|number| number.0.to_string())
                .collect();
            write!(f, " pt={}", list.join(","))?;
            separator = ';';
        }
        for restriction in &self.restrictions {
            write!(f, "{separator}{restriction}")?;
            separator = ';';
        }
        Ok(())
    }
}

/// Who sends an encoding, seen from the author of the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RidDirection {
    /// The author.
    Send,
    /// The other side.
    Recv,
}

impl RidDirection {
    /// The word in `a=rid` and `a=simulcast`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Recv => "recv",
        }
    }

    /// What the other side calls it.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Send => Self::Recv,
            Self::Recv => Self::Send,
        }
    }
}

/// `a=simulcast` (RFC 8853 §5.1). The order of its streams is the order of preference, not of quality.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulcast {
    /// The streams that the author sends; each a list of alternatives.
    pub send: Vec<Vec<SimulcastRid>>,
    /// The streams that it receives.
    pub recv: Vec<Vec<SimulcastRid>>,
}

impl Simulcast {
    /// Reads `send 1;2,3;~4 recv 5`. What is malformed is left out.
    pub(super) fn parse(value: &str) -> Self {
        let mut simulcast = Self::default();
        let mut words = value.split_ascii_whitespace();
        while let (Some(direction), Some(list)) = (words.next(), words.next()) {
            match direction {
                "send" => simulcast.send = parse_streams(list),
                "recv" => simulcast.recv = parse_streams(list),
                _ => {}
            }
        }
        simulcast
    }
}

impl fmt::Display for Simulcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        for (name, streams) in [("send", &self.send), ("recv", &self.recv)] {
            if streams.is_empty() {
                continue;
            }
            write!(f, "{space}{name} ")?;
            for (index, stream) in streams.iter().enumerate() {
                for (alternative, rid) in stream.iter().enumerate() {
                    let separator = match (index, alternative) {
                        (0, 0) => "",
                        (_, 0) => ";",
                        _ => ",",
                    };
                    write!(
                        f,
                        "{separator}{}{}",
                        if rid.paused { "~" } else { "" },
                        rid.rid
                    )?;
                }
            }
            space = " ";
        }
        Ok(())
    }
}

/// One encoding in `a=simulcast`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulcastRid {
    /// Its id.
    pub rid: Rid,
    /// Whether it is paused at first (`~`).
    pub paused: bool,
}

fn parse_streams(list: &str) -> Vec<Vec<SimulcastRid>> {
    let mut room = limits::MAX_RIDS;
    let mut streams = Vec::new();
    for stream in list.split(';') {
        work::step();
        let alternatives: Vec<_> = stream
            .split(',')
            .take(room)
            .filter_map(parse_simulcast_rid)
            .collect();
        room -= alternatives.len();
        if !alternatives.is_empty() {
            streams.push(alternatives);
        }
        if room == 0 {
            break;
        }
    }
    streams
}

fn parse_simulcast_rid(text: &str) -> Option<SimulcastRid> {
    let (paused, rid) = text
        .strip_prefix('~')
        .map_or((false, text), |rid| (true, rid));
    Some(SimulcastRid {
        rid: parse_rid(rid)?,
        paused,
    })
}

/// A rid is letters, digits, `-` and `_` (RFC 8851 §10); others would not survive the lists above.
fn parse_rid(text: &str) -> Option<Rid> {
    let is_rid = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_rid { Rid::new(text) } else { None }
}
