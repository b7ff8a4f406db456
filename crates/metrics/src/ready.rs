//! Whether a server wants new peers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a server wants new peers: what `/readyz` says. All clones are one flag; it begins as ready.
#[derive(Clone, Debug)]
pub struct Ready(Arc<AtomicBool>);

impl Default for Ready {
    fn default() -> Ready {
        Ready(Arc::new(AtomicBool::new(true)))
    }
}

impl Ready {
    /// From here on it is ready, or is not: `false` when it begins to drain, before sessions close, so that balancers
    /// send new peers elsewhere.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// Whether it is.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
