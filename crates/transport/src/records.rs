//! Records and handshake messages of DTLS in the clear (RFC 6347 §4.1, §4.2).

/// A record of handshake messages that are not encrypted.
pub(crate) struct Record<'a> {
    /// Type, version, epoch and number.
    pub(crate) header: &'a [u8; 11],
    /// One after the other, or pieces of them.
    pub(crate) messages: &'a [u8],
}

pub(crate) fn plain_handshake(record: &[u8]) -> Option<Record<'_>> {
    let (header, rest) = record.split_first_chunk::<11>()?;
    let (_, messages) = rest.split_first_chunk::<2>()?;
    let is_plain = header[0] == HANDSHAKE && header[3..5] == [0, 0];
    is_plain.then_some(Record { header, messages })
}

/// The records of a datagram; what cannot be told apart is the last one.
pub(crate) struct Records<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        // DTLS 1.3's encrypted records (RFC 9147 §4) have another header, and no plain one follows them.
        let len = match self.0 {
            [] => return None,
            [20..32, ..] => self
                .0
                .get(11..13)
                .map_or(self.0.len(), |len| 13 + number(len)),
            _ => self.0.len(),
        };
        let (record, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        Some(record)
    }
}

/// The messages of a record, or their pieces; what cannot be told apart is the last one.
pub(crate) struct Messages<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let len = self
            .0
            .get(9..12)
            .map_or(self.0.len(), |len| 12 + number(len));
        let (message, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        Some(message)
    }
}

pub(crate) fn push_record(out: &mut Vec<u8>, header: &[u8; 11], message: &[u8]) {
    if let Ok(len) = u16::try_from(message.len()) {
        out.extend_from_slice(header);
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(message);
    }
}

pub(crate) fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | usize::from(*byte))
}

/// The content type (RFC 6347 §4.1).
const HANDSHAKE: u8 = 22;
