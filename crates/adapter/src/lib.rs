//! Who hears a broadcast: rooms, and later clusters.
