//! From the DTLS exporter's bytes to session keys (RFC 5764 §4.2, RFC 3711 §4.3).

use crate::aws_lc::{AesCtr, wipe};
use crate::opener::Opener;
use crate::profile::Profile;
use crate::sealer::Sealer;

/// Both sides' master keys and salts. Wiped when dropped.
pub struct KeyingMaterial {
    profile: Profile,
    /// In the exporter's order: client's key, server's key, client's salt, server's salt.
    bytes: [u8; MAX_LEN],
}

impl KeyingMaterial {
    /// Takes what the exporter gave for the label `EXTRACTOR-dtls_srtp` (RFC 5764 §4.2); `None` unless there are
    /// exactly [`Profile::keying_material_len`] bytes.
    pub fn new(profile: Profile, exported: &[u8]) -> Option<Self> {
        if exported.len() != profile.keying_material_len() {
            return None;
        }
        let mut bytes = [0; MAX_LEN];
        bytes.get_mut(..exported.len())?.copy_from_slice(exported);
        Some(Self { profile, bytes })
    }

    /// The profile that the keys are for.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    fn master(&self, of_client: bool) -> Master<'_> {
        let (key, salt) = (self.profile.key_len(), self.profile.salt_len());
        let place = usize::from(!of_client);
        Master {
            profile: self.profile,
            key: self.slice(place * key, key),
            salt: self.slice(2 * key + place * salt, salt),
        }
    }

    fn slice(&self, start: usize, len: usize) -> &[u8] {
        self.bytes.get(start..start + len).unwrap_or_default()
    }
}

impl Drop for KeyingMaterial {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

impl std::fmt::Debug for KeyingMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyingMaterial")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// Makes the two directions of a transport; `is_client` says which side of the DTLS handshake we were.
pub fn contexts(material: &KeyingMaterial, is_client: bool) -> (Opener, Sealer) {
    let theirs = material.master(!is_client);
    let ours = material.master(is_client);
    (
        Opener::new(
            theirs.session_keys(Kind::Rtp),
            theirs.session_keys(Kind::Rtcp),
        ),
        Sealer::new(ours.session_keys(Kind::Rtp), ours.session_keys(Kind::Rtcp)),
    )
}

/// One side's master key and salt.
pub(crate) struct Master<'a> {
    pub(crate) profile: Profile,
    pub(crate) key: &'a [u8],
    pub(crate) salt: &'a [u8],
}

/// What session keys protect; they differ in the labels they are derived under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rtp,
    Rtcp,
}

impl Master<'_> {
    /// Derives the session keys with a key derivation rate of 0, the only one that DTLS-SRTP has (RFC 5764 §4.1.2).
    pub(crate) fn session_keys(&self, kind: Kind) -> SessionKeys {
        // RFC 3711 §4.3.2, table of labels.
        let labels = match kind {
            Kind::Rtp => [0x00, 0x01, 0x02],
            Kind::Rtcp => [0x03, 0x04, 0x05],
        };
        let [encryption, authentication, salt] = labels;
        let mut keys = SessionKeys {
            profile: self.profile,
            kind,
            encryption: [0; 32],
            authentication: [0; 20],
            salt: [0; 14],
        };
        self.derive(
            encryption,
            keys.encryption.get_mut(..self.profile.key_len()),
        );
        self.derive(authentication, Some(&mut keys.authentication));
        self.derive(salt, keys.salt.get_mut(..self.profile.salt_len()));
        keys
    }

    /// AES-CM as a pseudo-random function (RFC 3711 §4.3.3); AES-256 where the keys have 256 bits (RFC 6188 §3).
    fn derive(&self, label: u8, output: Option<&mut [u8]>) {
        // The salt in the upper 112 bits of the counter block; 96-bit salts end in zeros (RFC 7714 §11). The index
        // is zero at this rate, so that only the label, 48 bits above the salt's end, is left to combine with it.
        let mut counter = [0; 16];
        for (to, from) in counter.iter_mut().zip(self.salt) {
            *to = *from;
        }
        counter[7] ^= label;
        if let (Some(aes), Some(output)) = (AesCtr::new(self.key), output) {
            aes.keystream(counter).apply_in_place(output);
        }
    }
}

/// The keys of one direction of RTP or RTCP. Wiped when dropped.
pub(crate) struct SessionKeys {
    pub(crate) profile: Profile,
    pub(crate) kind: Kind,
    encryption: [u8; 32],
    authentication: [u8; 20],
    salt: [u8; 14],
}

impl SessionKeys {
    /// Keys as test vectors give them, past the derivation.
    #[cfg(test)]
    pub(crate) fn given(profile: Profile, kind: Kind, encryption: &[u8], salt: &[u8]) -> Self {
        let mut keys = Self {
            profile,
            kind,
            encryption: [0; 32],
            authentication: [0; 20],
            salt: [0; 14],
        };
        keys.encryption[..encryption.len()].copy_from_slice(encryption);
        keys.salt[..salt.len()].copy_from_slice(salt);
        keys
    }

    pub(crate) fn encryption(&self) -> &[u8] {
        self.encryption
            .get(..self.profile.key_len())
            .unwrap_or_default()
    }

    pub(crate) fn authentication(&self) -> &[u8; 20] {
        &self.authentication
    }

    /// Shorter salts are followed by zeros.
    pub(crate) fn salt(&self) -> &[u8; 14] {
        &self.salt
    }
}

impl Drop for SessionKeys {
    fn drop(&mut self) {
        wipe(&mut self.encryption);
        wipe(&mut self.authentication);
        wipe(&mut self.salt);
    }
}

/// The longest of all profiles.
const MAX_LEN: usize = Profile::AeadAes256Gcm.keying_material_len();

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn f72_rfc_3711_b3_key_derivation() {
        let (key, salt) = (
            hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
            hex("0EC675AD498AFEEBB6960B3AABE6"),
        );
        let master = Master {
            profile: Profile::Aes128CmSha1_80,
            key: &key,
            salt: &salt,
        };
        let keys = master.session_keys(Kind::Rtp);
        assert_eq!(keys.encryption(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(keys.salt()[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
        // The RFC prints 94 bytes; HMAC-SHA1 takes the first 20.
        assert_eq!(
            keys.authentication()[..],
            hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
        );
    }

    #[test]
    fn keying_material_is_split_in_the_exporters_order() {
        let exported: Vec<u8> = (0..60).collect();
        let material = KeyingMaterial::new(Profile::Aes128CmSha1_80, &exported).unwrap();
        assert_eq!(material.master(true).key, &exported[..16]);
        assert_eq!(material.master(false).key, &exported[16..32]);
        assert_eq!(material.master(true).salt, &exported[32..46]);
        assert_eq!(material.master(false).salt, &exported[46..60]);
        assert!(KeyingMaterial::new(Profile::AeadAes128Gcm, &exported).is_none());
    }
}
