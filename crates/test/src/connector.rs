//! A client to be: how it is to connect.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use sockeye::Server;

use crate::client::Client;
use crate::connection::Connection;
use crate::error::ConnectError;
use crate::host::Host;
use crate::line::Line;
use crate::requests::Requests;
use crate::transport::Transport;
use crate::wire;

/// How long a client waits for what it expects.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a client is to connect, from [`TestServer::client`](crate::TestServer::client).
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `connect`"]
pub struct Connector {
    host: Arc<Host>,
    namespace: String,
    auth: Option<serde_json::Value>,
    transport: Transport,
    patience: Duration,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    address: Option<SocketAddr>,
}

impl Connector {
    pub(crate) fn new(host: Arc<Host>) -> Connector {
        Connector {
            host,
            namespace: "/".to_owned(),
            auth: None,
            transport: Transport::default(),
            patience: PATIENCE,
            query: Vec::new(),
            headers: HeaderMap::new(),
            address: None,
        }
    }

    /// The namespace that it joins. Default `/`; a missing `/` in front is added.
    pub fn namespace(mut self, name: &str) -> Connector {
        self.namespace = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
        self
    }

    /// What it says of itself as it joins. Default nothing, which a server reads as `{}`.
    ///
    /// # Panics
    /// When it is nothing that JSON can say.
    #[track_caller]
    pub fn auth(mut self, auth: impl Serialize) -> Connector {
        match serde_json::to_value(auth) {
            Ok(auth) => self.auth = Some(auth),
            Err(error) => panic!("auth is nothing that JSON can say: {error}"),
        }
        self
    }

    /// The technique that carries it. Default WebSocket.
    pub fn transport(mut self, transport: Transport) -> Connector {
        self.transport = transport;
        self
    }

    /// Adds a member to the query of its requests.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Connector {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a header to its requests.
    ///
    /// # Panics
    /// When HTTP knows no such header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Connector {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(value)) => _ = self.headers.append(name, value),
            _ => panic!("HTTP knows no header {name:?} with the value {value:?}"),
        }
        self
    }

    /// The address that the server sees. Default none.
    pub fn address(mut self, address: SocketAddr) -> Connector {
        self.address = Some(address);
        self
    }

    /// How long it waits for what it expects; a moved clock moves up to here. Default 5 s.
    pub fn patience(mut self, patience: Duration) -> Connector {
        self.patience = patience;
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let Connector { host, namespace, auth, transport, patience, query, headers, address } = self;
        let requests = Requests {
            clock: host.clock.clone(),
            door: host.door.clone(),
            path: host.path.clone(),
            query,
            headers,
            address,
        };
        let opened = host.clock.within(patience, wire::open(requests, transport)).await;
        let (wire, packets) = opened.unwrap_or(Err(ConnectError::TimedOut { limit: patience }))?;
        let parser = host.server.as_ref().and_then(Server::parser).cloned();
        let (line, orders) = Line::new(parser.clone());
        let connection = Arc::new(Connection::new(host.clock.clone(), line.weak(), transport, parser));
        host.clock.runtime().spawn(wire::carry(wire, packets, connection.clone(), orders));
        Client::join(host, connection, line, &namespace, auth, patience).await
    }
}
