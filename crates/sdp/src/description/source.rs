//! `a=ssrc` and `a=ssrc-group` (RFC 5576).

use xrtc_rtp::Ssrc;

use crate::limits;
use crate::work;

use super::Msid;

/// What `a=ssrc` lines say about one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDescription {
    /// The source.
    pub ssrc: Ssrc,
    /// `cname:` (RFC 5576 §6.1).
    pub cname: Option<String>,
    /// `msid:`, which Plan B browsers write in place of `a=msid`.
    pub msid: Option<Msid>,
}

/// `a=ssrc-group` (RFC 5576 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceGroup {
    /// `FID` (a source and its retransmissions), `SIM` (simulcast encodings), `FEC-FR` and others.
    pub semantics: String,
    /// The sources in order.
    pub ssrcs: Vec<Ssrc>,
}

/// Adds the value of an `a=ssrc` line.
pub(super) fn push_source(sources: &mut Vec<SourceDescription>, value: &str) {
    let (ssrc, attribute) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    let Some(ssrc) = parse_ssrc(ssrc) else { return };
    // Lines of one source stand together, so the search starts at the end.
    let position = sources.iter().rposition(|source| {
        work::step();
        source.ssrc == ssrc
    });
    let source = match position {
        Some(position) => sources.get_mut(position),
        None if sources.len() < limits::MAX_SOURCES => {
            sources.push(SourceDescription {
                ssrc,
                cname: None,
                msid: None,
            });
            sources.last_mut()
        }
        None => None,
    };
    let Some(source) = source else { return };
    match attribute.trim().split_once(':') {
        Some(("cname", cname)) if is_printable(cname) => source.cname = Some(cname.to_owned()),
        Some(("msid", msid)) => source.msid = Msid::parse(msid),
        _ => {}
    }
}

/// Adds the value of an `a=ssrc-group` line.
pub(super) fn push_group(groups: &mut Vec<SourceGroup>, value: &str) {
    let mut words = value.split_ascii_whitespace();
    let Some(semantics) = words.next().filter(|word| is_printable(word)) else {
        return;
    };
    let ssrcs: Vec<_> = words
        .take(limits::MAX_SOURCES)
        .filter_map(parse_ssrc)
        .collect();
    if groups.len() < limits::MAX_SOURCE_GROUPS && !ssrcs.is_empty() {
        groups.push(SourceGroup {
            semantics: semantics.to_owned(),
            ssrcs,
        });
    }
}

fn parse_ssrc(text: &str) -> Option<Ssrc> {
    text.parse().ok().map(Ssrc)
}

/// Whether it may be kept and echoed: 1 to 256 visible ASCII characters.
pub(super) fn is_printable(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
