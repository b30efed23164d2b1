//! RTP packets under the server's own crypto, one key per receiver.

use std::error::Error;

use xrtc_rtp::Ssrc;
use xrtc_srtp::{KeyingMaterial, Opener, Plain, Profile, Sealer, contexts};

/// The bytes of an RTP header without extensions.
pub(crate) const HEADER_BYTES: usize = 12;

/// One receiver's keys and the place in its stream.
pub(crate) struct Seal {
    sealer: Sealer,
    ssrc: Ssrc,
    index: u64,
}

impl Seal {
    /// The sender's side of the keys of receiver `number`.
    pub(crate) fn new(profile: Profile, number: usize) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            sealer: contexts(&material(profile, number)?, true).1,
            ssrc: Ssrc(number as u32 + 1),
            index: 0,
        })
    }

    /// Writes the next packet to the start of `out` and returns its length.
    pub(crate) fn next(
        &mut self,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, xrtc_srtp::Discard> {
        let header = header(self.index, self.ssrc);
        let plain = Plain {
            ssrc: self.ssrc,
            index: self.index,
            repeat: false,
            header: &header,
            prefix: &[],
            payload,
        };
        self.index += 1;
        self.sealer.seal_rtp(plain, out)
    }
}

/// What opens the packets that [`Seal`] number `number` makes.
pub(crate) fn opener(profile: Profile, number: usize) -> Result<Opener, Box<dyn Error>> {
    Ok(contexts(&material(profile, number)?, false).0)
}

/// The profile with this short name.
pub(crate) fn profile(name: &str) -> Result<Profile, String> {
    match name {
        "gcm256" => Ok(Profile::AeadAes256Gcm),
        "gcm128" => Ok(Profile::AeadAes128Gcm),
        "cm" => Ok(Profile::Aes128CmSha1_80),
        "cm32" => Ok(Profile::Aes128CmSha1_32),
        _ => Err(format!(
            "no such cipher: {name} (there are: gcm256, gcm128, cm, cm32)"
        )),
    }
}

fn material(profile: Profile, number: usize) -> Result<KeyingMaterial, Box<dyn Error>> {
    let mut exported = vec![0; profile.keying_material_len()];
    for (place, byte) in exported.iter_mut().enumerate() {
        *byte = (number >> (8 * (place % 4))) as u8 ^ place as u8;
    }
    KeyingMaterial::new(profile, &exported).ok_or_else(|| "the exporter's length is wrong".into())
}

fn header(index: u64, ssrc: Ssrc) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[0] = 0x80;
    header[1] = 96;
    header[2..4].copy_from_slice(&(index as u16).to_be_bytes());
    header[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_opened_by_its_opener_only() {
        for profile in Profile::ALL {
            let mut seal = Seal::new(profile, 5).expect("keys");
            let mut out = [0; 256];
            let len = seal.next(&[7; 100], &mut out).expect("sealed");
            assert_eq!(len, HEADER_BYTES + 100 + profile.rtp_overhead());
            let mut other = opener(profile, 6).expect("keys");
            assert!(other.open_rtp(&mut { out }[..len]).is_err());
            let mut opener = opener(profile, 5).expect("keys");
            assert_eq!(opener.open_rtp(&mut out[..len]), Ok(HEADER_BYTES + 100));
            assert_eq!(out[HEADER_BYTES..HEADER_BYTES + 100], [7; 100]);
        }
    }
}
