//! Which ids a peer uses for which extensions.

use std::fmt;

use super::ExtensionKind;

/// The negotiated ids of header extensions, in both directions of look-up.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtensionMap {
    /// By kind; zero where the kind is not in use.
    ids: [u8; ExtensionKind::COUNT],
    /// By id, for the ids of the one-byte form, which are those that packets carry almost always.
    kinds: [Option<ExtensionKind>; 16],
}

impl ExtensionMap {
    /// Has no extension in it.
    pub const fn new() -> Self {
        Self {
            ids: [0; ExtensionKind::COUNT],
            kinds: [None; 16],
        }
    }

    /// Gives `kind` the id, from 1 to 255. `false`, and no change, if the id is zero or another kind's.
    pub fn set(&mut self, kind: ExtensionKind, id: u8) -> bool {
        if id == 0 || self.kind(id).is_some_and(|other| other != kind) {
            return false;
        }
        self.remove(kind);
        if let Some(slot) = self.ids.get_mut(kind as usize) {
            *slot = id;
        }
        if let Some(slot) = self.kinds.get_mut(usize::from(id)) {
            *slot = Some(kind);
        }
        true
    }

    /// Takes `kind` out of use.
    pub fn remove(&mut self, kind: ExtensionKind) {
        if let Some(id) = self.ids.get_mut(kind as usize) {
            if let Some(slot) = self.kinds.get_mut(usize::from(*id)) {
                *slot = None;
            }
            *id = 0;
        }
    }

    /// The id of `kind`, if it is in use.
    pub fn id(&self, kind: ExtensionKind) -> Option<u8> {
        self.ids.get(kind as usize).copied().filter(|&id| id != 0)
    }

    /// The kind that uses `id`.
    pub fn kind(&self, id: u8) -> Option<ExtensionKind> {
        match self.kinds.get(usize::from(id)) {
            Some(kind) => *kind,
            None => self.iter().find(|entry| entry.1 == id).map(|entry| entry.0),
        }
    }

    /// The extensions in use with their ids, in the order of [`ExtensionKind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (ExtensionKind, u8)> + use<> {
        ExtensionKind::ALL
            .into_iter()
            .zip(self.ids)
            .filter(|entry| entry.1 != 0)
    }
}

impl fmt::Debug for ExtensionMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(ExtensionKind, u8)> for ExtensionMap {
    /// Skips what [`ExtensionMap::set`] refuses.
    fn from_iter<I: IntoIterator<Item = (ExtensionKind, u8)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (kind, id) in entries {
            map.set(kind, id);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_ids_are_found_both_ways() {
        let mut map = ExtensionMap::new();
        assert!(map.set(ExtensionKind::Mid, 4));
        assert!(map.set(ExtensionKind::ColorSpace, 200));
        assert_eq!(map.id(ExtensionKind::Mid), Some(4));
        assert_eq!(map.id(ExtensionKind::ColorSpace), Some(200));
        assert_eq!(map.kind(4), Some(ExtensionKind::Mid));
        assert_eq!(map.kind(200), Some(ExtensionKind::ColorSpace));
        assert_eq!(map.kind(0), None);
        assert_eq!(map.kind(5), None);
        assert_eq!(map.kind(201), None);
    }

    #[test]
    fn an_id_belongs_to_one_kind_and_moves_with_it() {
        let mut map = ExtensionMap::new();
        assert!(map.set(ExtensionKind::Mid, 4));
        assert!(!map.set(ExtensionKind::Rid, 4));
        assert!(!map.set(ExtensionKind::Rid, 0));
        assert!(map.set(ExtensionKind::Mid, 5));
        assert_eq!(map.kind(4), None);
        assert!(map.set(ExtensionKind::Rid, 4));
        map.remove(ExtensionKind::Rid);
        assert_eq!(map.id(ExtensionKind::Rid), None);
        assert_eq!(map.kind(4), None);
    }
}
