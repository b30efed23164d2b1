//! A compound RTCP packet being put together in the caller's buffer.

/// A compound RTCP packet being put together in the caller's buffer.
#[derive(Debug)]
pub(crate) struct Compound<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Compound<'a> {
    pub(crate) const fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn room(&self) -> usize {
        self.out.len() - self.len
    }

    /// Lets `write` append a packet; `None` if it did not, for want of room or of something to say.
    pub(crate) fn put(&mut self, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> Option<()> {
        let len = write(self.out.get_mut(self.len..)?)?;
        self.len += len;
        Some(())
    }
}
