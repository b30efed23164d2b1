//! What the descriptions of a session have said so far, and later ones must keep (RFC 3264 §8, RFC 9429 §5.2.2).

use crate::description::{Description, Direction, Extension, Section};
use crate::error::Unsupported;
use crate::transport::TransportDescription;

/// Our description as both sides know it after an offer and its answer: what later ones begin with.
///
/// Sections keep their place, kind and mid; a payload type keeps its meaning; an id of a header extension never stands
/// for another extension, not even after the section that had it is gone (RFC 8285 §6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    pub(crate) sections: Vec<Section>,
    /// Every id that was ever agreed on.
    ids: Vec<(u8, String)>,
}

impl Agreement {
    pub(crate) fn new(mut sections: Vec<Section>) -> Self {
        // It is kept as long as the session. Later descriptions have the transport of their own time.
        for section in &mut sections {
            section.transport = TransportDescription::default();
            // So have they our sources, which are declared by `LocalParams`.
            section.msid = None;
            section.sources = Vec::new();
            section.groups = Vec::new();
            section.formats.shrink_to_fit();
            section.extensions.shrink_to_fit();
        }
        sections.shrink_to_fit();
        let mut agreement = Self {
            sections,
            ids: Vec::new(),
        };
        let extensions: Vec<Extension> = agreement
            .sections
            .iter()
            .flat_map(|section| section.extensions.iter().cloned())
            .collect();
        for extension in extensions {
            agreement.remember(extension.id, &extension.uri);
        }
        agreement
    }

    /// Adds what an earlier agreement of the same session remembered.
    pub fn keep(&mut self, earlier: &Self) {
        for (id, uri) in &earlier.ids {
            self.remember(*id, uri);
        }
    }

    /// Checks that an offer of the peer belongs to the session.
    ///
    /// # Errors
    ///
    /// A section is missing or another one than before, or an extension has the id of another.
    pub fn check_offer(&self, offer: &Description) -> Result<(), Unsupported> {
        for (index, before) in self.sections.iter().enumerate() {
            let section = offer.sections.get(index).ok_or(Unsupported::SectionMoved)?;
            // A rejected section's place may be taken by a new one (RFC 9429 §5.2.2).
            let is_same = section.kind() == before.kind() && section.mid == before.mid;
            if !is_same && !before.is_rejected() {
                return Err(Unsupported::SectionMoved);
            }
        }
        let mut extensions = offer
            .sections
            .iter()
            .flat_map(|section| &section.extensions);
        let is_other = |extension: &Extension| {
            let known = self.uri(extension.id);
            known.is_some_and(|uri| uri != extension.uri)
        };
        if extensions.any(is_other) {
            return Err(Unsupported::ExtensionIdReused);
        }
        Ok(())
    }

    /// The id that an extension has in this session.
    pub(crate) fn id(&self, uri: &str) -> Option<u8> {
        let found = self.ids.iter().find(|(_, known)| known == uri);
        found.map(|(id, _)| *id)
    }

    /// The extension that an id stands for in this session.
    pub(crate) fn uri(&self, id: u8) -> Option<&str> {
        let found = self.ids.iter().find(|(known, _)| *known == id);
        found.map(|(_, uri)| uri.as_str())
    }

    fn remember(&mut self, id: u8, uri: &str) {
        if self.uri(id).is_none() && self.ids.len() < MAX_IDS {
            self.ids.push((id, uri.to_owned()));
        }
    }
}

/// Our section after the answer to our offer: cut to what the answer has.
pub(crate) fn cut_to_answer(ours: &Section, theirs: &Section, is_accepted: bool) -> Section {
    let mut cut = ours.clone();
    if theirs.is_rejected() {
        cut.media.port = 0;
        cut.direction = Direction::Inactive;
        return cut;
    }
    cut.formats.clear();
    cut.media.formats.clear();
    for format in &ours.formats {
        let is_kept = theirs.formats.iter().any(|other| {
            other.payload_type == format.payload_type
                && other.name.eq_ignore_ascii_case(&format.name)
        });
        if is_kept {
            cut.push_format(format.clone());
        }
    }
    cut.extensions.retain(|extension| {
        let mut others = theirs.extensions.iter();
        others.any(|other| other.id == extension.id && other.uri == extension.uri)
    });
    if !is_accepted {
        cut.direction = Direction::Inactive;
    }
    cut
}

/// Two-byte headers have no more ids.
const MAX_IDS: usize = 255;
