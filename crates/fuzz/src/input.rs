//! The input of a target, read as choices.

/// Bytes that are left. At their end every choice is the first one, so each input means something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'d> {
    rest: &'d [u8],
}

impl<'d> Input<'d> {
    pub(crate) fn new(data: &'d [u8]) -> Input<'d> {
        Input { rest: data }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte; 0 at the end.
    pub(crate) fn byte(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *first
    }

    /// A number below `sides`.
    pub(crate) fn choice(&mut self, sides: usize) -> usize {
        usize::from(self.byte()) % sides.max(1)
    }

    /// Up to `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> &'d [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// As many bytes as the next byte says.
    pub(crate) fn piece(&mut self) -> &'d [u8] {
        let length = usize::from(self.byte());
        self.take(length)
    }

    /// All that is left.
    pub(crate) fn all(self) -> &'d [u8] {
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::Input;

    #[test]
    fn an_input_that_has_ended_is_zeros() {
        let mut input = Input::new(&[7, 2, b'a', b'b', 9, b'c']);
        assert_eq!((input.choice(4), input.piece()), (3, &b"ab"[..]));
        assert_eq!((input.piece(), input.is_empty()), (&b"c"[..], true));
        assert_eq!((input.byte(), input.choice(0), input.all()), (0, 0, &b""[..]));
    }
}
