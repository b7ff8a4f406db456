//! Engine.IO sessions that live, and the wires that carry them.
