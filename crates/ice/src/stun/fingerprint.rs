//! FINGERPRINT (RFC 8489 §14.7): CRC-32 of ITU V.42, four bytes a step.

/// The value of a FINGERPRINT attribute that follows `before` (whose length field already counts it).
pub(super) fn of(before: &[u8]) -> u32 {
    crc32(before) ^ 0x5354_554e
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut words = bytes.chunks_exact(4);
    let mut crc = u32::MAX;
    for word in words.by_ref() {
        let word = word.try_into().map_or(0, u32::from_le_bytes);
        let [b0, b1, b2, b3] = (crc ^ word).to_le_bytes();
        crc = step(3, b0) ^ step(2, b1) ^ step(1, b2) ^ step(0, b3);
    }
    let rest = words.remainder().iter();
    !rest.fold(crc, |crc, byte| step(0, (crc as u8) ^ byte) ^ (crc >> 8))
}

/// The effect of `byte` followed by `zeros` zero bytes.
fn step(zeros: usize, byte: u8) -> u32 {
    TABLES[zeros][usize::from(byte)]
}

static TABLES: [[u32; 256]; 4] = tables();

const fn tables() -> [[u32; 256]; 4] {
    let mut tables = [[0; 256]; 4];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        tables[0][index] = crc;
        index += 1;
    }
    let mut zeros = 1;
    while zeros < 4 {
        let mut index = 0;
        while index < 256 {
            let crc: u32 = tables[zeros - 1][index];
            tables[zeros][index] = (crc >> 8) ^ tables[0][(crc & 0xff) as usize];
            index += 1;
        }
        zeros += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_of_the_check_string_is_cbf43926() {
        // The check value of CRC-32/ISO-HDLC; nine bytes, so both loops run.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
