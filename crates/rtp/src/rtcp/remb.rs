//! The receiver's estimated maximum bit rate (draft-alvestrand-rmcat-remb-03).

use super::{APPLICATION_LAYER, PAYLOAD_SPECIFIC, begin, finish, read_sources, read_ssrcs};
use crate::bytes::Reader;
use crate::{Bitrate, Ssrc};

/// How much a receiver believes that it can take (draft-alvestrand-rmcat-remb-03 §2.2).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  'R'   'E'   'M'   'B'                                        |
/// |  Num SSRC     | BR Exp    |  BR Mantissa                      |
/// |   SSRC feedback ...                                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Remb<'a> {
    /// Who estimates.
    pub sender: Ssrc,
    /// The bit rate of all the sources together.
    pub bitrate: Bitrate,
    ssrcs: &'a [u8],
}

impl<'a> Remb<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let (sender, _) = read_sources(reader)?;
        reader.take(NAME.len())?;
        let count = usize::from(reader.u8()?);
        let rate = reader.u24()?;
        let (exponent, mantissa) = (rate >> 18, rate & MAX_MANTISSA);
        // Up to 81 bits: what does not fit in 64 is more than anybody has.
        let bits = u128::from(mantissa) << exponent;
        let bitrate = Bitrate(u64::try_from(bits).unwrap_or(u64::MAX));
        Some(Self {
            sender,
            bitrate,
            ssrcs: reader.take(4 * count)?,
        })
    }

    /// The sources that the estimate is for.
    pub fn ssrcs(&self) -> impl Iterator<Item = Ssrc> + use<'a> {
        read_ssrcs(self.ssrcs)
    }
}

/// Whether application-layer feedback is a REMB: its name stands behind the two sources.
pub(super) fn is_remb(body: &[u8]) -> bool {
    body.get(8..12) == Some(NAME)
}

/// Writes a REMB and returns its length; `None` without room or with more than 255 sources.
///
/// The mantissa has 18 bits, so that up to one part in 131,072 is rounded away.
pub fn write_remb(out: &mut [u8], sender: Ssrc, bitrate: Bitrate, ssrcs: &[Ssrc]) -> Option<usize> {
    let mut writer = begin(out, PAYLOAD_SPECIFIC, APPLICATION_LAYER)?;
    writer.u32(sender.0)?;
    writer.u32(0)?;
    writer.put(NAME)?;
    writer.u8(u8::try_from(ssrcs.len()).ok()?)?;
    let bits = u64::BITS - bitrate.0.leading_zeros();
    let exponent = bits.saturating_sub(18);
    let mantissa = u32::try_from(bitrate.0 >> exponent).ok()?;
    writer.u24(exponent << 18 | mantissa)?;
    for ssrc in ssrcs {
        writer.u32(ssrc.0)?;
    }
    finish(writer)
}

const NAME: &[u8] = b"REMB";
const MAX_MANTISSA: u32 = (1 << 18) - 1;
