//! The payload types of an m-section while its attributes come in, in whatever order.

use xrtc_rtp::PayloadType;

use crate::format::{Feedback, Fmtp, PayloadFormat};
use crate::work;

use super::media::{MediaLine, SectionKind};
use super::source::is_printable;

/// The formats of the m-line. Attributes for others are ignored: Firefox leaves some behind.
pub(super) struct FormatTable {
    formats: Vec<PayloadFormat>,
    /// Payload type to position, so that a line costs the same however many formats there are.
    positions: [Option<u8>; 128],
    /// `a=rtcp-fb:*` (RFC 4585 §4.2).
    wildcard: Feedback,
}

impl FormatTable {
    pub(super) fn new(media: &MediaLine) -> Self {
        let mut table = Self {
            formats: Vec::new(),
            positions: [None; 128],
            wildcard: Feedback::default(),
        };
        if !matches!(media.kind(), SectionKind::Audio | SectionKind::Video) {
            return table;
        }
        for number in media
            .formats
            .iter()
            .filter_map(|format| parse_payload_type(format))
        {
            work::step();
            let position = u8::try_from(table.formats.len()).ok();
            let Some(slot) = table.positions.get_mut(usize::from(number.0)) else {
                continue;
            };
            if slot.is_none() {
                *slot = position;
                table.formats.push(static_format(number));
            }
        }
        table
    }

    /// `<payload type> <encoding name>/<clock rate>[/<channels>]`.
    pub(super) fn rtpmap(&mut self, value: &str) {
        let Some((format, mapping)) = self.split(value) else {
            return;
        };
        let mut parts = mapping.split('/');
        let (Some(name), Some(clock_rate)) = (parts.next(), parts.next()) else {
            return;
        };
        let Ok(clock_rate) = clock_rate.trim().parse() else {
            return;
        };
        if is_printable(name) {
            name.clone_into(&mut format.name);
            format.clock_rate = clock_rate;
            format.channels = parts
                .next()
                .and_then(|channels| channels.trim().parse().ok());
        }
    }

    /// `<payload type> <parameters>`.
    pub(super) fn fmtp(&mut self, value: &str) {
        if let Some((format, parameters)) = self.split(value) {
            format.fmtp.append(parameters);
        }
    }

    /// `<payload type or *> <feedback>`.
    pub(super) fn feedback(&mut self, value: &str) {
        if let Some(wildcard) = value.strip_prefix('*') {
            self.wildcard = self.wildcard.or(Feedback::parse(wildcard));
        } else if let Some((format, feedback)) = self.split(value) {
            format.feedback = format.feedback.or(Feedback::parse(feedback));
        }
    }

    /// The formats that are known by name, in the order of the m-line.
    pub(super) fn finish(mut self) -> Vec<PayloadFormat> {
        self.formats.retain(|format| !format.name.is_empty());
        for format in &mut self.formats {
            format.feedback = format.feedback.or(self.wildcard);
        }
        self.formats
    }

    fn split<'a>(&mut self, value: &'a str) -> Option<(&mut PayloadFormat, &'a str)> {
        work::step();
        let (number, rest) = value.split_once(char::is_whitespace)?;
        let position = *self
            .positions
            .get(usize::from(parse_payload_type(number)?.0))?;
        Some((self.formats.get_mut(usize::from(position?))?, rest.trim()))
    }
}

fn parse_payload_type(text: &str) -> Option<PayloadType> {
    text.parse()
        .ok()
        .filter(|number| *number < 128)
        .map(PayloadType)
}

/// A format before its attributes: nameless, unless RFC 3551 §6 assigns the number.
fn static_format(payload_type: PayloadType) -> PayloadFormat {
    let (name, clock_rate) = match payload_type.0 {
        0 => ("PCMU", 8_000),
        8 => ("PCMA", 8_000),
        9 => ("G722", 8_000),
        13 => ("CN", 8_000),
        _ => ("", 0),
    };
    PayloadFormat {
        payload_type,
        name: name.to_owned(),
        clock_rate,
        channels: None,
        fmtp: Fmtp::default(),
        feedback: Feedback::default(),
    }
}
