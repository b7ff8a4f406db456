//! A load generator for Socket.IO servers.
