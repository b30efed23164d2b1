//! What the publisher offers, and what it takes from the answer.

use xrtc_rtp::{Codec, ExtensionKind, ExtensionMap, MediaKind};
use xrtc_sdp::{Description, PayloadFormat, Section};

use super::Publisher;
use crate::description::{FormatText, SectionText};

impl Publisher {
    pub(crate) fn sections(&self, mids: &[(MediaKind, String)]) -> Vec<SectionText> {
        mids.iter()
            .filter_map(|(kind, mid)| self.section(*kind, mid))
            .collect()
    }

    fn section(&self, kind: MediaKind, mid: &str) -> Option<SectionText> {
        let is_video = kind == MediaKind::Video;
        let codec = if is_video {
            self.config.codec
        } else {
            Codec::Opus
        };
        let format = FormatText::new(codec, self.config.nack, self.config.rtx);
        let encodings = self
            .layers
            .iter()
            .map(|layer| &layer.encoding)
            .filter(|_| is_video);
        let sources = encodings.chain(self.audio.as_ref().filter(|_| !is_video));
        let simulcast = is_video && self.is_simulcast();
        let sources: Vec<_> = sources
            .map(|encoding| (encoding.ssrc, encoding.rtx.map(|rtx| rtx.0)))
            .collect();
        if sources.is_empty() {
            return None;
        }
        let mut extensions = vec![(4, ExtensionKind::Mid), (3, ExtensionKind::TransportCc)];
        if is_video {
            extensions.extend([(10, ExtensionKind::Rid), (11, ExtensionKind::RepairedRid)]);
        } else {
            extensions.push((1, ExtensionKind::AudioLevel));
        }
        Some(SectionText {
            kind,
            mid: mid.to_owned(),
            direction: "sendonly",
            formats: vec![format],
            sources: if simulcast { Vec::new() } else { sources },
            rids: self
                .layers
                .iter()
                .filter(|_| simulcast)
                .map(|layer| layer.config.rid.to_owned())
                .collect(),
            extensions: extensions
                .into_iter()
                .map(|(id, kind)| (id, kind.uri().to_owned()))
                .collect(),
            is_rejected: false,
        })
    }

    /// Takes over what the other description allows: payload types, extensions, and whether a section lives.
    pub(crate) fn negotiate(&mut self, remote: &Description) {
        for section in remote
            .sections
            .iter()
            .filter(|section| !section.is_rejected())
        {
            match section.kind().media() {
                Some(MediaKind::Video) => self.negotiate_video(section),
                Some(MediaKind::Audio) => {
                    let opus = section
                        .formats
                        .iter()
                        .find(|format| format.codec() == Some(Codec::Opus));
                    if let (Some(audio), Some(opus)) = (&mut self.audio, opus) {
                        audio.payload_type = opus.payload_type;
                        self.audio_sent = true;
                        self.audio_extensions = extensions(section);
                    }
                }
                None => {}
            }
        }
    }

    fn negotiate_video(&mut self, section: &Section) {
        let codec = self.config.codec;
        let Some(format) = section
            .formats
            .iter()
            .find(|format| format.codec() == Some(codec))
        else {
            return;
        };
        let is_rtx = |other: &&PayloadFormat| other.apt() == Some(format.payload_type);
        let rtx = section
            .formats
            .iter()
            .find(is_rtx)
            .map(|other| other.payload_type);
        for layer in &mut self.layers {
            layer.encoding.payload_type = format.payload_type;
            layer.encoding.rtx = layer.encoding.rtx.and_then(|(ssrc, _)| Some((ssrc, rtx?)));
        }
        self.video_sent = true;
        self.video_extensions = extensions(section);
    }
}

fn extensions(section: &Section) -> ExtensionMap {
    let mut map = ExtensionMap::default();
    for extension in &section.extensions {
        if let Some(kind) = extension.kind() {
            map.set(kind, extension.id);
        }
    }
    map
}
