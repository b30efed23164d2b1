//! The dependency descriptor (AOM, "RTP Payload Format For AV1", appendix A): which layer a packet belongs to
//! and where frames begin and end, without a look at the payload.

use crate::bits::BitReader;

/// What a dependency descriptor says about one packet (§A.8.2).
///
/// Of the extended fields, the custom dependencies of a frame are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Whether the packet is the first of a layer's frame.
    pub start_of_frame: bool,
    /// Whether the packet is the last of a layer's frame.
    pub end_of_frame: bool,
    /// Which template of the [`Structure`] the frame is made after, from 0 to 63; see [`Structure::layer`].
    pub template_id: u8,
    /// The number of the frame, in coding order.
    pub frame_number: u16,
    /// The templates, in the first packet of each coded video sequence: of a key frame.
    pub structure: Option<Structure>,
    /// Which decode targets have frames, as bits, the lowest for target 0; `None`: as before, or all of them
    /// if there is a new structure.
    pub active_decode_targets: Option<u32>,
}

impl Descriptor {
    /// Reads the data of the header extension.
    ///
    /// `structure` is the last one that this stream sent: without one (and without a new one in this packet)
    /// the active decode targets cannot be read.
    pub fn parse(data: &[u8], structure: Option<&Structure>) -> Option<Self> {
        let ([first, number_high, number_low], extended) = data.split_first_chunk()?;
        let mut descriptor = Self {
            start_of_frame: first & 0x80 != 0,
            end_of_frame: first & 0x40 != 0,
            template_id: first & 0x3f,
            frame_number: u16::from_be_bytes([*number_high, *number_low]),
            structure: None,
            active_decode_targets: None,
        };
        // A descriptor that is no longer has no extended fields (§A.8.2).
        if !extended.is_empty() {
            descriptor.read_extended(&mut BitReader::new(extended), structure)?;
        }
        Some(descriptor)
    }

    fn read_extended(
        &mut self,
        reader: &mut BitReader<'_>,
        structure: Option<&Structure>,
    ) -> Option<()> {
        let structure_present = reader.flag()?;
        let active_decode_targets_present = reader.flag()?;
        // Custom DTIs, frame differences and chains.
        reader.skip(3)?;
        if structure_present {
            self.structure = Some(Structure::read(reader)?);
        }
        if active_decode_targets_present
            && let Some(structure) = self.structure.as_ref().or(structure)
        {
            self.active_decode_targets = Some(reader.bits(structure.decode_targets.into())?);
        }
        Some(())
    }
}

/// The layer of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// The spatial layer, from 0 to 3.
    pub spatial_id: u8,
    /// The temporal layer, from 0 to 7.
    pub temporal_id: u8,
}

/// The templates of a stream's frames (§A.8.2, template_dependency_structure): their layers and sizes.
///
/// The decode target indications, frame differences and chains are checked but not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure {
    template_id_offset: u8,
    templates: u8,
    decode_targets: u8,
    spatial_layers: u8,
    has_resolutions: bool,
    layers: [Layer; MAX_TEMPLATES],
    resolutions: [(u16, u16); MAX_SPATIAL_LAYERS],
}

impl Structure {
    /// The layer of the template that a [`Descriptor::template_id`] means.
    pub fn layer(&self, template_id: u8) -> Option<Layer> {
        let index = template_id.wrapping_sub(self.template_id_offset) & 0x3f;
        self.layers
            .get(..self.templates.into())?
            .get(usize::from(index))
            .copied()
    }

    /// How many spatial layers there are, from 1 to 4.
    pub const fn spatial_layers(&self) -> u8 {
        self.spatial_layers
    }

    /// How many decode targets there are, from 1 to 32.
    pub const fn decode_targets(&self) -> u8 {
        self.decode_targets
    }

    /// Width and height of each spatial layer, the lowest first; empty if the sender does not say.
    pub fn resolutions(&self) -> &[(u16, u16)] {
        let count = if self.has_resolutions {
            self.spatial_layers
        } else {
            0
        };
        self.resolutions.get(..count.into()).unwrap_or_default()
    }

    fn read(reader: &mut BitReader<'_>) -> Option<Self> {
        let mut structure = Self {
            template_id_offset: reader.u8(6)?,
            templates: 0,
            decode_targets: reader.u8(5)? + 1,
            spatial_layers: 1,
            has_resolutions: false,
            layers: [Layer::default(); MAX_TEMPLATES],
            resolutions: [(0, 0); MAX_SPATIAL_LAYERS],
        };
        structure.read_layers(reader)?;
        structure.skip_dependencies(reader)?;
        structure.has_resolutions = reader.flag()?;
        if structure.has_resolutions {
            let layers = structure
                .resolutions
                .iter_mut()
                .take(structure.spatial_layers.into());
            for resolution in layers {
                let width = reader.u16(16)?.checked_add(1)?;
                let height = reader.u16(16)?.checked_add(1)?;
                *resolution = (width, height);
            }
        }
        Some(structure)
    }

    /// template_layers(): each template says how the next one's layer differs.
    fn read_layers(&mut self, reader: &mut BitReader<'_>) -> Option<()> {
        let mut layer = Layer::default();
        loop {
            *self.layers.get_mut(usize::from(self.templates))? = layer;
            self.templates += 1;
            match reader.bits(2)? {
                0 => {}
                1 if layer.temporal_id < MAX_TEMPORAL_ID => layer.temporal_id += 1,
                2 if layer.spatial_id < MAX_SPATIAL_ID => {
                    layer = Layer {
                        spatial_id: layer.spatial_id + 1,
                        temporal_id: 0,
                    };
                }
                3 => break,
                _ => return None,
            }
        }
        self.spatial_layers = layer.spatial_id + 1;
        Some(())
    }

    /// template_dtis(), template_fdiffs() and template_chains().
    fn skip_dependencies(&self, reader: &mut BitReader<'_>) -> Option<()> {
        let templates = u32::from(self.templates);
        let decode_targets = u32::from(self.decode_targets);
        reader.skip(2 * templates * decode_targets)?;
        for _ in 0..templates {
            while reader.flag()? {
                reader.skip(4)?;
            }
        }
        let chains = reader.below(decode_targets + 1)?;
        if chains > 0 {
            for _ in 0..decode_targets {
                reader.below(chains)?;
            }
            reader.skip(4 * templates * chains)?;
        }
        Some(())
    }
}

const MAX_TEMPLATES: usize = 64;
const MAX_SPATIAL_ID: u8 = 3;
const MAX_SPATIAL_LAYERS: usize = 4;
const MAX_TEMPORAL_ID: u8 = 7;
