//! Synthetic frames whose every byte tells whether it arrived as it was sent.

/// One packet's share of a frame, as it stands behind the codec's own bytes.
///
/// ```text
/// +--------+--------+--------+--------+
/// |            frame number           |
/// +--------+--------+--------+--------+
/// |  packet number  |  of so many     |
/// +--------+--------+--------+--------+
/// | layer  |  a pattern of all above … |
/// +--------+--------+--------+--------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FramePart {
    /// The number of the captured picture, the same in all layers.
    pub frame: u32,
    /// Which packet of the frame this is, from 0.
    pub packet: u16,
    /// How many packets the frame has.
    pub packets: u16,
    /// Which layer it is of, from 0.
    pub layer: u8,
}

impl FramePart {
    /// The bytes before the pattern.
    pub const HEADER: usize = 9;

    /// Writes the part over all of `out`.
    pub fn write(&self, out: &mut Vec<u8>, len: usize) {
        out.extend(self.frame.to_be_bytes());
        out.extend(self.packet.to_be_bytes());
        out.extend(self.packets.to_be_bytes());
        out.push(self.layer);
        out.extend((Self::HEADER..len.max(Self::HEADER)).map(|place| self.pattern(place)));
    }

    /// Reads a part back; `None` if any byte is not as it was written.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (&[a, b, c, d, e, f, g, h, layer], pattern) =
            bytes.split_first_chunk::<{ Self::HEADER }>()?;
        let part = Self {
            frame: u32::from_be_bytes([a, b, c, d]),
            packet: u16::from_be_bytes([e, f]),
            packets: u16::from_be_bytes([g, h]),
            layer,
        };
        let is_intact = pattern
            .iter()
            .zip(Self::HEADER..)
            .all(|(byte, place)| *byte == part.pattern(place));
        (is_intact && part.packet < part.packets).then_some(part)
    }

    fn pattern(&self, place: usize) -> u8 {
        let seed = self.frame.wrapping_mul(0x9e37_79b1)
            ^ (u32::from(self.packet) << 8)
            ^ u32::from(self.layer);
        let mixed = seed.wrapping_add(place as u32).wrapping_mul(0x85eb_ca6b);
        (mixed >> 24) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_reads_back_and_any_changed_byte_shows() {
        let part = FramePart {
            frame: 70_000,
            packet: 2,
            packets: 5,
            layer: 1,
        };
        let mut bytes = Vec::new();
        part.write(&mut bytes, 200);
        assert_eq!(FramePart::read(&bytes), Some(part));
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x10;
            assert_ne!(FramePart::read(&changed), Some(part), "byte {place}");
        }
        assert_eq!(FramePart::read(&bytes[..8]), None);
    }
}
