//! Socket.IO: namespaces, sockets, events, acknowledgements.
