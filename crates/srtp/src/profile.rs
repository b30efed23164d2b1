//! The SRTP protection profiles and their numbers.

/// How a transport's media is protected (RFC 5764 §4.1.2, RFC 7714 §12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// AES-GCM with 256-bit keys.
    AeadAes256Gcm,
    /// AES-GCM with 128-bit keys.
    AeadAes128Gcm,
    /// AES counter mode with 128-bit keys and 80-bit HMAC-SHA1: mandatory, and the dearest by far.
    Aes128CmSha1_80,
    /// The same with 32-bit tags on RTP packets. RTCP keeps 80 bits.
    Aes128CmSha1_32,
}

impl Profile {
    /// All profiles, best first.
    pub const ALL: [Self; 4] = [
        Self::AeadAes256Gcm,
        Self::AeadAes128Gcm,
        Self::Aes128CmSha1_80,
        Self::Aes128CmSha1_32,
    ];

    /// The most bytes that any profile adds to an RTP packet.
    pub const MAX_RTP_OVERHEAD: usize = 16;

    /// The most bytes that any profile adds to an RTCP packet.
    pub const MAX_RTCP_OVERHEAD: usize = 20;

    /// The name in the registry of RFC 5764.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
            Self::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Self::Aes128CmSha1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
            Self::Aes128CmSha1_32 => "SRTP_AES128_CM_HMAC_SHA1_32",
        }
    }

    /// The number in the registry of RFC 5764.
    pub const fn code(self) -> u16 {
        match self {
            Self::AeadAes256Gcm => 0x0008,
            Self::AeadAes128Gcm => 0x0007,
            Self::Aes128CmSha1_80 => 0x0001,
            Self::Aes128CmSha1_32 => 0x0002,
        }
    }

    /// Bytes of the master key and of the keys that encrypt.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            Self::AeadAes128Gcm | Self::Aes128CmSha1_80 | Self::Aes128CmSha1_32 => 16,
        }
    }

    /// Bytes of the master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 12,
            Self::Aes128CmSha1_80 | Self::Aes128CmSha1_32 => 14,
        }
    }

    /// Bytes that the DTLS exporter must give: both sides' master keys and salts (RFC 5764 §4.2).
    pub const fn keying_material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }

    /// Bytes added to an RTP packet: the tag.
    pub const fn rtp_overhead(self) -> usize {
        self.rtp_tag_len()
    }

    /// Bytes added to an RTCP packet: the tag, the E-bit and the index.
    pub const fn rtcp_overhead(self) -> usize {
        self.rtcp_tag_len() + 4
    }

    pub(crate) const fn rtp_tag_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 16,
            Self::Aes128CmSha1_80 => 10,
            Self::Aes128CmSha1_32 => 4,
        }
    }

    /// Apart from RTP's, because a profile with 32-bit tags still has 80 bits here (RFC 5764 §4.1.2).
    pub(crate) const fn rtcp_tag_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 16,
            Self::Aes128CmSha1_80 | Self::Aes128CmSha1_32 => 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_profile_adds_more_than_the_stated_maximum() {
        for profile in Profile::ALL {
            assert!(profile.rtp_overhead() <= Profile::MAX_RTP_OVERHEAD);
            assert!(profile.rtcp_overhead() <= Profile::MAX_RTCP_OVERHEAD);
        }
    }
}
