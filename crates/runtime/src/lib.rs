//! Time, randomness and tasks: tokio's, or simulated under a seed.
