//! Cursors over bytes: a reader that runs dry and a writer that runs full, neither of which panics.

/// Reads big-endian numbers from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Three bytes.
    pub(crate) fn u24(&mut self) -> Option<u32> {
        self.array()
            .map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }
}

/// Writes big-endian numbers into the front of a slice; `None` where there is no room.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// How much was written.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        let out = self.out.get_mut(self.len..end)?;
        // Header extensions are this short: with the length known, no copying function is called.
        match (&mut *out, bytes) {
            ([a], [x]) => *a = *x,
            ([a, b], [x, y]) => (*a, *b) = (*x, *y),
            ([a, b, c], [x, y, z]) => (*a, *b, *c) = (*x, *y, *z),
            _ => out.copy_from_slice(bytes),
        }
        self.len = end;
        Some(())
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, bytes: [u8; N]) -> Option<()> {
        *self.out.get_mut(self.len..)?.first_chunk_mut::<N>()? = bytes;
        self.len += N;
        Some(())
    }

    pub(crate) fn u8(&mut self, value: u8) -> Option<()> {
        self.array([value])
    }

    pub(crate) fn u16(&mut self, value: u16) -> Option<()> {
        self.array(value.to_be_bytes())
    }

    /// The low three bytes of `value`.
    pub(crate) fn u24(&mut self, value: u32) -> Option<()> {
        let [_, a, b, c] = value.to_be_bytes();
        self.array([a, b, c])
    }

    pub(crate) fn u32(&mut self, value: u32) -> Option<()> {
        self.array(value.to_be_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> Option<()> {
        self.array(value.to_be_bytes())
    }

    /// Zeros up to the next multiple of four.
    pub(crate) fn pad_to_word(&mut self) -> Option<()> {
        let missing = self.len.next_multiple_of(4) - self.len;
        self.put([0_u8; 3].get(..missing)?)
    }

    /// Overwrites what was written at `at`.
    pub(crate) fn patch(&mut self, at: usize, bytes: &[u8]) -> Option<()> {
        let written = self.out.get_mut(..self.len)?;
        written
            .get_mut(at..at.checked_add(bytes.len())?)?
            .copy_from_slice(bytes);
        Some(())
    }
}
