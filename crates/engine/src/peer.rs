//! Who is at the other end of a request's connection.

use std::net::SocketAddr;

/// The address of the TCP peer, as an extension of a request. Our accept loop knows it; another server puts it
/// there, so that [`Handshake::address`](crate::handshake::Handshake::address) can tell it, and
/// [trusted proxies](crate::options::Options::trusted_proxies) are known by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerAddr(pub SocketAddr);

/// That a request came over TLS, as an extension of it. Our accept loop speaks none; a server that does puts it there, so
/// that [`Handshake::is_secure`](crate::handshake::Handshake::is_secure) can tell it. Nothing else does but
/// [trusted proxies](crate::options::Options::trusted_proxies): what the request itself says is the peer's word.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Secure;
