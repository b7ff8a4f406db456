//! Socket.IO without IO: packets, the JSON parser, attachments.
