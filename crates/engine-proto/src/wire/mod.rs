//! The framings of packets.
