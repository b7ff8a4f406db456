//! The read buffer of a thread.

use std::cell::Cell;

/// Bytes read in one system call.
const READ_SIZE: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Lends the thread's buffer for the length of `use_it`. It is taken out meanwhile, so whoever comes back here
/// from inside finds none in use and gets one of its own.
pub(super) fn lend<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER.take().unwrap_or_else(|| vec![0; READ_SIZE].into_boxed_slice());
    let done = use_it(&mut buffer);
    BUFFER.set(Some(buffer));
    done
}
