//! The text as lines, and the text as `rtc-sdp` takes it.
//!
//! `rtc-sdp` follows RFC 8866's grammar: `o=` has six fields with two 64-bit numbers, `t=` must be there, nothing but
//! `a=` and `m=` comes after the first attribute, an m-line's media is one of six words and it names at least one
//! format. Real descriptions break each of these rules, and one broken line would cost the whole offer. So the lines
//! are straightened before: `o=` and `t=` are replaced where they do not parse, `c=` and the descriptive types
//! are dropped (ICE has the addresses), `b=` is read here, unknown media are handed over as `application`. Attributes are left untouched.

use xrtc_rtp::Bitrate;

use crate::error::{InvalidDescription, InvalidReason};
use crate::limits;
use crate::work;

use super::Origin;
use super::media::MediaLine;

/// One line: `type=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Counted from 1.
    pub(crate) number: usize,
    /// The letter before `=`.
    pub(crate) kind: u8,
    /// What stands after it.
    pub(crate) value: &'a str,
}

/// The lines of a text that are not blank. CRLF, LF and CR end a line; blanks around it are cut.
pub(crate) fn lines(text: &str) -> Result<Vec<Line<'_>>, InvalidDescription> {
    if text.len() > limits::MAX_BYTES {
        return Err(InvalidDescription {
            line: 1,
            reason: InvalidReason::TooLong,
        });
    }
    let mut lines = Vec::new();
    for (index, raw) in text.trim_start_matches('\u{feff}').split('\n').enumerate() {
        for part in raw.split('\r') {
            work::step();
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let number = index + 1;
            if lines.len() >= limits::MAX_LINES {
                return Err(InvalidDescription {
                    line: number,
                    reason: InvalidReason::TooManyLines,
                });
            }
            match part.split_at_checked(2) {
                Some((head, value))
                    if head.ends_with('=') && head.as_bytes()[0].is_ascii_lowercase() =>
                {
                    lines.push(Line {
                        number,
                        kind: head.as_bytes()[0],
                        value: value.trim_start(),
                    });
                }
                _ => {
                    return Err(InvalidDescription {
                        line: number,
                        reason: InvalidReason::Syntax,
                    });
                }
            }
        }
    }
    if lines.is_empty() {
        return Err(InvalidDescription {
            line: 1,
            reason: InvalidReason::Empty,
        });
    }
    Ok(lines)
}

/// A description's text as `rtc-sdp` takes it, with the numbers of the lines it came from.
pub(super) struct Straightened {
    pub(super) text: String,
    pub(super) origin: Origin,
    /// The lines of the session's attributes.
    pub(super) attribute_lines: Vec<usize>,
    pub(super) sections: Vec<StraightenedSection>,
}

/// One m-section of it.
pub(super) struct StraightenedSection {
    /// The m-line as it was written.
    pub(super) media: MediaLine,
    /// `b=`.
    pub(super) bandwidth: Option<Bitrate>,
    /// The lines of its attributes.
    pub(super) attribute_lines: Vec<usize>,
}

/// Reads the lines that `rtc-sdp` is not given, and straightens the others.
pub(super) fn straighten(text: &str) -> Result<Straightened, InvalidDescription> {
    let lines = lines(text)?;
    if lines
        .first()
        .is_none_or(|line| line.kind != b'v' || line.value != "0")
    {
        let line = lines.first().map_or(1, |line| line.number);
        return Err(InvalidDescription {
            line,
            reason: InvalidReason::Version,
        });
    }
    let mut origin = Origin::default();
    let mut attribute_lines = Vec::new();
    let mut sections: Vec<StraightenedSection> = Vec::new();
    let mut body = String::with_capacity(text.len() + lines.len());
    for line in &lines {
        work::step();
        match line.kind {
            b'o' if sections.is_empty() => origin = parse_origin(line.value),
            b'm' => {
                if sections.len() >= limits::MAX_SECTIONS {
                    return Err(InvalidDescription {
                        line: line.number,
                        reason: InvalidReason::TooManySections,
                    });
                }
                let media = MediaLine::parse(line.value).ok_or(InvalidDescription {
                    line: line.number,
                    reason: InvalidReason::MediaLine,
                })?;
                push_line(&mut body, "m=", &media.plain());
                sections.push(StraightenedSection {
                    media,
                    bandwidth: None,
                    attribute_lines: Vec::new(),
                });
            }
            b'b' => {
                if let Some(section) = sections.last_mut() {
                    section.bandwidth = parse_bandwidth(line.value).or(section.bandwidth);
                }
            }
            b'a' if !line.value.is_empty() => {
                push_line(&mut body, "a=", line.value);
                match sections.last_mut() {
                    Some(section) => section.attribute_lines.push(line.number),
                    None => attribute_lines.push(line.number),
                }
            }
            _ => {}
        }
    }
    let text = format!(
        "v=0\r\no=- {} {} IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n{body}",
        origin.session_id, origin.version
    );
    Ok(Straightened {
        text,
        origin,
        attribute_lines,
        sections,
    })
}

fn push_line(text: &mut String, kind: &str, value: &str) {
    text.push_str(kind);
    text.push_str(value);
    text.push_str("\r\n");
}

/// `AS` is in kilobits (RFC 8866 §5.8), `TIAS` in bits without the headers (RFC 3890 §6.2). Others mean nothing here.
fn parse_bandwidth(value: &str) -> Option<Bitrate> {
    let (modifier, number) = value.split_once(':')?;
    let number: u64 = number.trim().parse().ok()?;
    match modifier {
        "AS" => number.checked_mul(1000).map(Bitrate),
        "TIAS" => Some(Bitrate(number)),
        _ => None,
    }
}

/// Whatever of `o=` can be read. Nothing depends on it, so nothing of it is wrong.
fn parse_origin(value: &str) -> Origin {
    let mut words = value.split_ascii_whitespace();
    let username = words
        .next()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic()))
        .unwrap_or("-");
    let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    Origin {
        username: username.to_owned(),
        session_id: number(),
        version: number(),
    }
}
