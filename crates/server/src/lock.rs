//! The lock of a connection: a byte, and in this crate's own tests a moment at which another thread may come first.

#[cfg(not(test))]
pub(crate) use parking_lot::{Mutex, MutexGuard};

#[cfg(test)]
pub(crate) use parking_lot::MutexGuard;
#[cfg(test)]
pub(crate) use sockeye_runtime::interleaving::Mutex;
