//! Time, randomness and tasks: the one seam between Sockeye and the outside world.
//!
//! Server, adapter and client ask a [`Runtime`](runtime::Runtime) and nothing else, so a whole system runs
//! on tokio or, in tests, under a [`Simulation`](simulation::Simulation): virtual time, and every random
//! choice from one seed. [`interleaving`] tries out the orders in which threads take their locks. A wire that owns a real socket is tokio's by nature and asks tokio directly.

pub mod interleaving;
mod random;
pub mod runtime;
pub mod simulation;
pub mod turns;
mod world;
