//! Lists whose numbers are given out again, and which give back what a burst took.

/// So much room a list may keep, however short it is.
const KEPT: usize = 64;

/// Numbers below a list's length that nobody holds, and perhaps some beyond it, of what was given back.
#[derive(Debug, Default)]
pub(crate) struct FreeNumbers(Vec<u32>);

impl FreeNumbers {
    /// One below `length`. Once there is none, none is left at all: so a list that grows again meets no number of its past.
    pub(crate) fn take(&mut self, length: usize) -> Option<u32> {
        while let Some(number) = self.0.pop() {
            if (number as usize) < length {
                return Some(number);
            }
        }
        None
    }

    /// Takes `number` back, and cuts what is free off the end of `list`.
    pub(crate) fn put<T>(&mut self, number: u32, list: &mut Vec<T>, is_free: impl Fn(&T) -> bool) {
        self.0.push(number);
        while list.last().is_some_and(&is_free) {
            list.pop();
        }
        if give_back(list) {
            self.0.retain(|number| (*number as usize) < list.len());
            self.0.shrink_to(2 * self.0.len());
        }
    }
}

/// Gives back what a list has room for beyond four times its length. Says whether it did.
pub(crate) fn give_back<T>(list: &mut Vec<T>) -> bool {
    let to = excess(list.capacity(), list.len());
    to.inspect(|to| list.shrink_to(*to)).is_some()
}

/// To what a table shrinks that has far more room than it needs: seldom enough that growing again costs no more than before.
pub(crate) fn excess(capacity: usize, length: usize) -> Option<usize> {
    (capacity > 4 * length.max(KEPT)).then_some(2 * length)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_number_is_given_to_two_and_none_is_lost(steps in prop::collection::vec((0..3u8, 0..100usize), 1..100)) {
            let (mut free, mut list, mut held) = (FreeNumbers::default(), Vec::new(), BTreeSet::new());
            for (step, which) in steps {
                // Bursts of those that come and of those that go.
                for _ in 0..which {
                    if step < 2 {
                        let number = free.take(list.len()).unwrap_or_else(|| {
                            list.push(false);
                            list.len() as u32 - 1
                        });
                        list[number as usize] = true;
                        prop_assert!(held.insert(number));
                    } else if let Some(number) = held.iter().copied().nth(which % held.len().max(1)) {
                        held.remove(&number);
                        list[number as usize] = false;
                        free.put(number, &mut list, |holds| !holds);
                    }
                }
                let highest = held.last().map_or(0, |number| *number as usize + 1);
                prop_assert_eq!(list.len(), highest);
                prop_assert!(list.capacity() <= 4 * list.len().max(KEPT));
            }
        }
    }
}
