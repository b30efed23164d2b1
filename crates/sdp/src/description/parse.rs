//! From `rtc-sdp`'s attributes to the model.

use std::io::Cursor;

use rtc_sdp::description::common::Attribute;
use rtc_sdp::description::session::SessionDescription;
use xrtc_rtp::Mid;

use crate::error::{InvalidDescription, InvalidReason};
use crate::limits;
use crate::transport::{
    IceCredentials, Setup, TransportDescription, is_pwd, is_ufrag, parse_ice_options,
};
use crate::work;

use super::formats::FormatTable;
use super::lines::{StraightenedSection, straighten};
use super::source::{push_group, push_source};
use super::{Description, Direction, Extension, Msid, RidDescription, Section, Simulcast};

/// Reads a description: straighten, hand to `rtc-sdp`, interpret.
pub(super) fn parse(text: &str) -> Result<Description, InvalidDescription> {
    let straightened = straighten(text)?;
    if straightened.sections.is_empty() {
        let line = straightened.attribute_lines.last().map_or(1, |line| *line);
        return Err(InvalidDescription {
            line,
            reason: InvalidReason::NoSection,
        });
    }
    let session = SessionDescription::unmarshal(&mut Cursor::new(straightened.text.as_bytes()))
        .map_err(|_| InvalidDescription {
            line: 1,
            reason: InvalidReason::Syntax,
        })?;

    let mut description = Description {
        origin: straightened.origin,
        ..Description::default()
    };
    let mut transport = TransportParser::default();
    for (attribute, &line) in session.attributes.iter().zip(&straightened.attribute_lines) {
        let value = value(attribute);
        match attribute.key.as_str() {
            "ice-lite" => description.ice_lite = true,
            "extmap-allow-mixed" => description.extmap_allow_mixed = true,
            "group" if description.bundle.is_none() => description.bundle = parse_bundle(value),
            key => transport.attribute(key, value, line)?,
        }
    }
    let direction = transport.direction.unwrap_or(Direction::SendRecv);
    let transport = transport.finish()?;

    for (media, straightened) in session.media_descriptions.iter().zip(straightened.sections) {
        let mut section = SectionParser::new(&straightened);
        for (attribute, &line) in media.attributes.iter().zip(&straightened.attribute_lines) {
            section.attribute(&attribute.key, value(attribute), line)?;
        }
        let mid_line = section.mid_line;
        let section = section.finish(direction, &transport)?;
        // Two sections of one mid would be told apart by nothing (RFC 9143 §7.1).
        if section.mid.is_some()
            && description
                .sections
                .iter()
                .any(|other| other.mid == section.mid)
        {
            return Err(InvalidDescription {
                line: mid_line,
                reason: InvalidReason::DuplicateMid,
            });
        }
        description.sections.push(section);
    }
    Ok(description)
}

fn value(attribute: &Attribute) -> &str {
    attribute.value.as_deref().unwrap_or_default().trim()
}

/// The mids of `BUNDLE 0 1`; `None` for another semantics (`LS`).
fn parse_bundle(value: &str) -> Option<Vec<Mid>> {
    let mut words = value.split_ascii_whitespace();
    let is_bundle = words.next()? == "BUNDLE";
    is_bundle.then(|| {
        words
            .take(limits::MAX_BUNDLE_MIDS)
            .filter_map(Mid::new)
            .collect()
    })
}

/// Collects the attributes that either level may have.
#[derive(Default)]
pub(crate) struct TransportParser {
    direction: Option<Direction>,
    description: TransportDescription,
    ufrag: Option<String>,
    pwd: Option<String>,
    /// The line of the last of the two above.
    credentials_line: usize,
}

impl TransportParser {
    /// Takes an attribute, or ignores it.
    pub(crate) fn attribute(
        &mut self,
        key: &str,
        value: &str,
        line: usize,
    ) -> Result<(), InvalidDescription> {
        work::step();
        let invalid = |reason| InvalidDescription { line, reason };
        match key {
            "ice-ufrag" => {
                let ufrag = is_ufrag(value).then(|| value.to_owned());
                self.ufrag = Some(ufrag.ok_or_else(|| invalid(InvalidReason::IceUfrag))?);
                self.credentials_line = line;
            }
            "ice-pwd" => {
                let pwd = is_pwd(value).then(|| value.to_owned());
                self.pwd = Some(pwd.ok_or_else(|| invalid(InvalidReason::IcePwd))?);
                self.credentials_line = line;
            }
            "ice-options" => self.description.ice_options = parse_ice_options(value),
            "fingerprint" => self.description.push_fingerprint(value),
            "setup" => {
                let setup = Setup::parse(value).ok_or_else(|| invalid(InvalidReason::Setup))?;
                self.description.setup = Some(setup);
            }
            "tls-id" => self.description.set_tls_id(value),
            "cryptex" => self.description.cryptex = true,
            "candidate" => self.description.push_candidate(value),
            "end-of-candidates" => self.description.end_of_candidates = true,
            _ => self.direction = Direction::parse(key).or(self.direction),
        }
        Ok(())
    }

    /// What was collected. A ufrag without a password authenticates nothing, and the other way round.
    pub(crate) fn finish(mut self) -> Result<TransportDescription, InvalidDescription> {
        self.description.credentials = match (self.ufrag, self.pwd) {
            (Some(ufrag), Some(pwd)) => IceCredentials::new(&ufrag, &pwd),
            (None, None) => None,
            _ => {
                return Err(InvalidDescription {
                    line: self.credentials_line,
                    reason: InvalidReason::IceCredentials,
                });
            }
        };
        Ok(self.description)
    }
}

/// Collects the attributes of an m-section.
struct SectionParser {
    section: Section,
    transport: TransportParser,
    formats: FormatTable,
    mid_line: usize,
}

impl SectionParser {
    fn new(straightened: &StraightenedSection) -> Self {
        let mut section = Section::new(straightened.media.clone());
        section.bandwidth = straightened.bandwidth;
        let formats = FormatTable::new(&straightened.media);
        Self {
            section,
            transport: TransportParser::default(),
            formats,
            mid_line: 0,
        }
    }

    fn attribute(&mut self, key: &str, value: &str, line: usize) -> Result<(), InvalidDescription> {
        let section = &mut self.section;
        match key {
            "mid" => {
                let mid = Mid::new(value).ok_or(InvalidDescription {
                    line,
                    reason: InvalidReason::Mid,
                })?;
                section.mid = Some(mid);
                self.mid_line = line;
            }
            "bundle-only" => section.bundle_only = true,
            "rtcp-mux" => section.rtcp.mux = true,
            "rtcp-mux-only" => section.rtcp.mux_only = true,
            "rtcp-rsize" => section.rtcp.reduced_size = true,
            "extmap-allow-mixed" => section.extmap_allow_mixed = true,
            "rtpmap" => self.formats.rtpmap(value),
            "fmtp" => self.formats.fmtp(value),
            "rtcp-fb" => self.formats.feedback(value),
            "extmap" if section.extensions.len() < limits::MAX_EXTENSIONS => {
                section.extensions.extend(Extension::parse(value));
            }
            "rid" if section.rids.len() < limits::MAX_RIDS => {
                section.rids.extend(RidDescription::parse(value));
            }
            "simulcast" if section.simulcast.is_none() => {
                section.simulcast = Some(Simulcast::parse(value));
            }
            "msid" if section.msid.is_none() => section.msid = Msid::parse(value),
            "ssrc" => push_source(&mut section.sources, value),
            "ssrc-group" => push_group(&mut section.groups, value),
            _ => self.transport.attribute(key, value, line)?,
        }
        Ok(())
    }

    fn finish(
        self,
        direction: Direction,
        session: &TransportDescription,
    ) -> Result<Section, InvalidDescription> {
        let mut section = self.section;
        section.direction = self.transport.direction.unwrap_or(direction);
        section.transport = self.transport.finish()?;
        section.transport.inherit(session);
        section.formats = self.formats.finish();
        Ok(section)
    }
}
