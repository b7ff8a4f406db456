//! Whether what came is what was sent: each stream is numbered from 1, so a counter is all the log there need be.
//!
//! ```text
//! sent   1 2 3 4 5 …
//! came   1 2 3 3        doubled
//! came   1 2 4          lost, or late
//! came   1 2 3, end     5 were sent: the rest never came
//! ```

/// What came of one stream so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stream {
    heard: u64,
}

/// Why it is not what was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Wrong {
    /// A number came that came before, or that was passed over.
    #[error("{number} came behind {heard}: doubled, or out of order")]
    Again {
        /// The number.
        number: u64,
        /// The last one before it.
        heard: u64,
    },
    /// A number came too early.
    #[error("{number} came behind {heard}: what is between is lost, or out of order")]
    Gap {
        /// The number.
        number: u64,
        /// The last one before it.
        heard: u64,
    },
}

impl Stream {
    /// A number came.
    ///
    /// # Errors
    /// [`Wrong`], unless it is the one behind the last.
    pub fn hear(&mut self, number: u64) -> Result<(), Wrong> {
        let heard = self.heard;
        if number <= heard {
            return Err(Wrong::Again { number, heard });
        }
        if number > heard + 1 {
            return Err(Wrong::Gap { number, heard });
        }
        self.heard = number;
        Ok(())
    }

    /// How many came, which is the last number.
    #[must_use]
    pub fn heard(&self) -> u64 {
        self.heard
    }
}

#[cfg(test)]
mod tests {
    use super::{Stream, Wrong};

    fn hear(numbers: &[u64]) -> Result<Stream, Wrong> {
        let mut stream = Stream::default();
        numbers.iter().try_for_each(|number| stream.hear(*number))?;
        Ok(stream)
    }

    #[test]
    fn only_each_number_behind_the_last_is_right() {
        assert_eq!(hear(&[1, 2, 3]).map(|stream| stream.heard()), Ok(3));
        assert_eq!(hear(&[1, 2, 2]), Err(Wrong::Again { number: 2, heard: 2 }), "doubled");
        assert_eq!(hear(&[1, 3]), Err(Wrong::Gap { number: 3, heard: 1 }), "lost");
        assert_eq!(hear(&[2, 1]), Err(Wrong::Gap { number: 2, heard: 0 }), "out of order");
        assert_eq!(hear(&[0]), Err(Wrong::Again { number: 0, heard: 0 }));
    }
}
