//! The elements of a header extension.

use crate::bytes::Reader;

/// The elements of one packet's header extension, as (id, data), in the order of the packet.
///
/// Both forms of RFC 8285 §4.2 and §4.3 are read; a malformed element ends the list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extensions<'a> {
    form: Form,
    rest: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// The elements in `data`, the extension without its four bytes of profile and length.
    pub(crate) const fn new(profile: u16, data: &'a [u8]) -> Self {
        let form = match profile {
            ONE_BYTE_PROFILE => Form::OneByte,
            // The low four bits are "appbits", to be ignored (RFC 8285 §4.3).
            TWO_BYTE_PROFILE..=0x100f => Form::TwoByte,
            _ => Form::Unknown,
        };
        Self { form, rest: data }
    }

    fn next_one_byte(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
        loop {
            let head = reader.u8()?;
            let (id, len) = (head >> 4, head & 0x0f);
            match id {
                0 if len == 0 => {}
                // RFC 8285 §4.2: id 0 with a length, and id 15, end the processing.
                0 | 15 => return None,
                _ => return Some((id, reader.take(usize::from(len) + 1)?)),
            }
        }
    }

    fn next_two_byte(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
        loop {
            let id = reader.u8()?;
            if id != 0 {
                let len = reader.u8()?;
                return Some((id, reader.take(len.into())?));
            }
        }
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = Reader::new(self.rest);
        let element = match self.form {
            Form::Unknown => None,
            Form::OneByte => Self::next_one_byte(&mut reader),
            Form::TwoByte => Self::next_two_byte(&mut reader),
        };
        self.rest = if element.is_some() {
            reader.rest()
        } else {
            &[]
        };
        element
    }
}

#[derive(Clone, Copy, Debug, Default)]
enum Form {
    #[default]
    Unknown,
    OneByte,
    TwoByte,
}

/// "Defined by profile" of the one-byte form (RFC 8285 §4.2).
pub(crate) const ONE_BYTE_PROFILE: u16 = 0xbede;
/// "Defined by profile" of the two-byte form, with appbits of zero (RFC 8285 §4.3).
pub(crate) const TWO_BYTE_PROFILE: u16 = 0x1000;
