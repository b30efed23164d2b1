//! Which header extensions an answer takes up, and under which ids.

use xrtc_rtp::{ExtensionKind, ExtensionMap};

use crate::description::{Direction, Extension, Section};

/// The ids of a BUNDLE group: one extension has one id in all sections, and one id one extension (RFC 8285 §5).
#[derive(Default)]
pub(crate) struct ExtensionIds(ExtensionMap);

impl ExtensionIds {
    /// The extensions of an offered section that are wanted, as the answer writes them, and as a map.
    ///
    /// Ids are the offerer's. `is_usable` tells whether the offerer uses the extension in our direction.
    pub(crate) fn accept(
        &mut self,
        section: &Section,
        wanted: &[ExtensionKind],
        is_usable: fn(&Extension) -> bool,
    ) -> (Vec<Extension>, ExtensionMap) {
        let mut answer: Vec<Extension> = Vec::new();
        let mut map = ExtensionMap::new();
        for extension in section
            .extensions
            .iter()
            .filter(|extension| is_usable(extension))
        {
            let Some(kind) = extension.kind().filter(|kind| wanted.contains(kind)) else {
                continue;
            };
            let is_consistent = self.0.id(kind).is_none_or(|id| id == extension.id);
            let is_first = map.id(kind).is_none() && map.kind(extension.id).is_none();
            if is_consistent
                && is_first
                && self.0.set(kind, extension.id)
                && map.set(kind, extension.id)
            {
                answer.push(Extension {
                    direction: reversed(extension.direction),
                    ..extension.clone()
                });
            }
        }
        (answer, map)
    }
}

/// The suffix of the answer (RFC 8285 §7): the other side of what was offered.
fn reversed(direction: Option<Direction>) -> Option<Direction> {
    match direction {
        Some(Direction::SendOnly) => Some(Direction::RecvOnly),
        Some(Direction::RecvOnly) => Some(Direction::SendOnly),
        other => other,
    }
}
