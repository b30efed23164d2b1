//! What is inside the header extensions that a forwarder reads or writes itself.

use crate::NtpTime;

/// The audio level of a packet (RFC 6464 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// Whether the sender believes that the packet holds voice.
    pub voice: bool,
    /// The level in −dBov: 0 is the loudest, 127 silence.
    pub level: u8,
}

/// Reads a transport-wide sequence number; the second form's trailing feedback request is ignored.
pub fn transport_sequence_number(data: &[u8]) -> Option<u16> {
    data.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// Reads an audio level; padding of the two-byte form is ignored.
pub fn audio_level(data: &[u8]) -> Option<AudioLevel> {
    let byte = *data.first()?;
    Some(AudioLevel {
        voice: byte & 0x80 != 0,
        level: byte & 0x7f,
    })
}

/// The absolute send time of `now`: seconds in 6.18 fixed point, from the middle of an NTP timestamp.
pub const fn abs_send_time(now: NtpTime) -> [u8; 3] {
    let [_, a, b, c] = ((now.0 >> 14) as u32).to_be_bytes();
    [a, b, c]
}

/// Reads an absolute send time, in units of 2^-18 seconds; it wraps every 64 seconds.
pub fn abs_send_time_units(data: &[u8]) -> Option<u32> {
    data.first_chunk()
        .map(|[a, b, c]| u32::from_be_bytes([0, *a, *b, *c]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abs_send_time_is_6_bits_of_seconds_and_18_of_fraction() {
        let now = NtpTime((0xabcd_ef3f << 32) | (1 << 31));
        let data = abs_send_time(now);
        assert_eq!(abs_send_time_units(&data), Some((0x3f << 18) | (1 << 17)));
    }

    #[test]
    fn audio_level_is_a_flag_and_seven_bits() {
        assert_eq!(
            audio_level(&[0x8a]),
            Some(AudioLevel {
                voice: true,
                level: 10
            })
        );
        assert_eq!(
            audio_level(&[0x7f]),
            Some(AudioLevel {
                voice: false,
                level: 127
            })
        );
        assert_eq!(audio_level(&[]), None);
    }

    #[test]
    fn transport_sequence_number_is_the_first_two_bytes() {
        assert_eq!(transport_sequence_number(&[1, 2]), Some(0x102));
        assert_eq!(transport_sequence_number(&[1, 2, 0, 0]), Some(0x102));
        assert_eq!(transport_sequence_number(&[1]), None);
    }
}
