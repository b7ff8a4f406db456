//! Socket.IO for Rust: one event API over polling, HTTP streaming and WebSocket.
