//! The terms on which the sessions of an engine live.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sockeye_engine_proto::outbox::Limits;
use sockeye_engine_proto::rate::Gauge;
use sockeye_engine_proto::tick::Tick;
use sockeye_engine_proto::timing::Timing;
use sockeye_runtime::runtime::Runtime;

use crate::memory::Memory;
use crate::options::PerMessageDeflate;
use crate::traffic::Traffic;
use crate::wheel::Wheel;

/// Times, limits, the clock, the wheel, and where tasks run: what a session needs of its engine.
#[derive(Debug)]
pub struct Terms {
    /// The times that sessions keep.
    pub timing: Timing,
    /// How much may wait for a peer.
    pub limits: Limits,
    /// Bytes of an SSE stream that are kept for a stream that comes back.
    pub kept: usize,
    /// Which messages of WebSockets are compressed for peers that agreed on it, if any.
    pub deflate: Option<PerMessageDeflate>,
    /// How much peers may say, if there is an end to it.
    pub rate: Option<Gauge>,
    /// Where tasks run and randomness comes from.
    pub runtime: Runtime,
    /// What is held for peers.
    pub(crate) memory: Arc<Memory>,
    /// All deadlines.
    pub wheel: Wheel,
    /// What goes over the wires.
    pub traffic: Traffic,
    clock: AtomicU32,
}

impl Terms {
    /// Terms whose clock stands at the first tick, without compression
    /// and with no end to what peers may say.
    #[must_use]
    pub fn new(timing: Timing, limits: Limits, kept: usize, runtime: Runtime) -> Terms {
        Terms {
            timing,
            limits,
            kept,
            deflate: None,
            rate: None,
            runtime,
            memory: Arc::default(),
            wheel: Wheel::default(),
            traffic: Traffic::default(),
            clock: AtomicU32::new(1),
        }
    }

    /// The current tick.
    #[must_use]
    pub fn now(&self) -> Tick {
        Tick::new(self.clock.load(Ordering::Relaxed))
    }

    /// The next tick has come.
    pub(crate) fn tick(&self) -> Tick {
        Tick::new(self.clock.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }
}
