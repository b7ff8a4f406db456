//! A client's socket in one namespace: what a test holds.

use std::fmt;
use std::fmt::Write as _;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sockeye::EventArguments;
use sockeye::engine::proto::frame::Frame;
use sockeye_socket_proto::parser::json::{encode_connect, encode_disconnect, encode_event};
use tokio::sync::oneshot;

use crate::arguments::read;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::error::{AckError, ConnectError};
use crate::event::{Ack, Event, shown};
use crate::host::Host;
use crate::line::{Line, Order};
use crate::reason::Reason;
use crate::transport::Transport;

/// One socket of a client, in one namespace.
///
/// What it does not read waits for it, in order. An expectation that fails panics with what came instead, and
/// with what went wrong on the server. Pings are answered.
///
/// Dropping the last socket of a connection cuts it, as closing a browser's tab does.
pub struct Client {
    host: Arc<Host>,
    connection: Arc<Connection>,
    line: Line,
    namespace: String,
    id: String,
    patience: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} in {} over {})", self.id, self.namespace, self.transport())
    }
}

/// Where in a test something was asked.
type Place = &'static Location<'static>;

/// Why an event did not come.
enum Missing {
    TimedOut,
    Disconnected(Reason),
}

impl Client {
    /// Joins a namespace over a connection that is open.
    pub(crate) async fn join(
        host: Arc<Host>,
        connection: Arc<Connection>,
        line: Line,
        namespace: &str,
        auth: Option<serde_json::Value>,
        patience: Duration,
    ) -> Result<Client, ConnectError> {
        let Some(answer) = connection.ask(namespace) else {
            panic!("this connection has a socket in {namespace} already");
        };
        let packet = encode_connect(namespace, auth.as_ref()).expect("it is JSON already");
        line.send(packet);
        let disconnected =
            || ConnectError::Disconnected(connection.ended().unwrap_or(Reason::TransportClose));
        let id = match host.clock.within(patience, answer).await {
            None => return Err(ConnectError::TimedOut { limit: patience }),
            Some(answer) => answer.unwrap_or_else(|_| Err(disconnected()))?,
        };
        Ok(Client { host, connection, line, namespace: namespace.to_owned(), id, patience })
    }

    /// Joins another namespace over the same connection.
    ///
    /// # Errors
    /// See [`ConnectError`].
    ///
    /// # Panics
    /// When this connection has a socket there already.
    pub async fn connect(&self, namespace: &str) -> Result<Client, ConnectError> {
        self.join_too(namespace, None).await
    }

    /// As [`connect`](Client::connect), with a payload for CONNECT.
    ///
    /// # Errors
    /// See [`ConnectError`].
    ///
    /// # Panics
    /// When this connection has a socket there already, or `auth` is nothing that JSON can say.
    pub async fn connect_with(&self, namespace: &str, auth: impl Serialize) -> Result<Client, ConnectError> {
        let auth = serde_json::to_value(auth).expect("auth is something that JSON can say");
        self.join_too(namespace, Some(auth)).await
    }

    async fn join_too(
        &self,
        namespace: &str,
        auth: Option<serde_json::Value>,
    ) -> Result<Client, ConnectError> {
        let (host, connection, line) = (self.host.clone(), self.connection.clone(), self.line.clone());
        Client::join(host, connection, line, namespace, auth, self.patience).await
    }

    // ---- What it is -----------------------------------------------------------------------------------

    /// The id of its socket, which is a room of its own on the server.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The technique that carries it now.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.connection.transport()
    }

    /// Whether it is in its namespace, as far as it has heard.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.left(&self.namespace).is_none()
    }

    // ---- Sending --------------------------------------------------------------------------------------

    /// Sends an event, at once and in order: a tuple is several arguments, `()` none, and anything else one.
    /// Awaiting it settles: see [`TestServer::settle`](crate::TestServer::settle).
    ///
    /// # Panics
    /// When it is disconnected, the name is reserved, or an argument refuses to be serialized.
    #[track_caller]
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted<'_> {
        self.assert_connected(name);
        self.send_event(name, None, &arguments);
        Emitted { clock: &self.host.clock }
    }

    /// Sends an event at once, and waits for its acknowledgement, read as a `T`, when it is awaited: a tuple
    /// is several arguments, `()` none, and anything else one.
    ///
    /// # Errors
    /// See [`AckError`].
    ///
    /// # Panics
    /// As [`emit`](Client::emit).
    #[track_caller]
    pub fn emit_with_ack<T: DeserializeOwned>(
        &self,
        name: &str,
        arguments: impl EventArguments,
    ) -> Answer<T> {
        self.assert_connected(name);
        let asked = self.connection.await_ack(&self.namespace);
        let (id, answer) = asked.expect("it is connected");
        self.send_event(name, Some(id), &arguments);
        let (host, connection, limit) = (self.host.clone(), self.connection.clone(), self.patience);
        let (namespace, event) = (self.namespace.clone(), name.to_owned());
        Answer(Box::pin(async move {
            let Some(answer) = host.clock.within(limit, answer).await else {
                return Err(AckError::TimedOut { event, limit });
            };
            let Ok(answer) = answer else {
                let reason = connection.left(&namespace).unwrap_or(Reason::TransportClose);
                return Err(AckError::Disconnected { event, reason });
            };
            let packet = answer.packet();
            let found = || shown(&packet);
            read(packet.arguments()).map_err(|cause| AckError::Arguments { event, cause, found: found() })
        }))
    }

    #[track_caller]
    fn assert_connected(&self, name: &str) {
        if let Some(reason) = self.connection.left(&self.namespace) {
            panic!("{name:?} cannot be sent: {self:?} is disconnected: {reason}");
        }
    }

    #[track_caller]
    fn send_event(&self, name: &str, id: Option<u64>, arguments: &impl EventArguments) {
        match encode_event(&self.namespace, id, name, arguments) {
            Ok(packet) => self.line.send(packet),
            Err(error) => panic!("{name:?} cannot be sent: {error}"),
        }
    }

    /// Sends a packet of Engine.IO as it is, right or wrong: an event is `42["name"]`, a pong `3`.
    pub fn send_raw(&self, packet: &str) -> Emitted<'_> {
        self.line.order(Order::Send(Frame::text(&[packet.as_bytes()])));
        Emitted { clock: &self.host.clock }
    }

    /// Sends a binary message as it is: an attachment, announced or not.
    pub fn send_raw_binary(&self, bytes: &[u8]) -> Emitted<'_> {
        self.line.order(Order::Send(Frame::binary(bytes)));
        Emitted { clock: &self.host.clock }
    }

    // ---- Expecting ------------------------------------------------------------------------------------

    /// The next event of that name, its arguments read as a `T`: a tuple is several, `()` none, and anything
    /// else one. Events of other names stay unread, in order.
    ///
    /// A moved clock may move, up to the client's patience, until it comes.
    ///
    /// # Panics
    /// When it does not come, or its arguments are something else.
    #[track_caller]
    pub fn expect<'c, T>(&'c mut self, name: &'c str) -> impl Future<Output = T> + use<'c, T>
    where
        T: DeserializeOwned,
    {
        let place = Location::caller();
        async move {
            let event = self.await_event(name, place).await;
            self.arguments(&event, place)
        }
    }

    /// As [`expect`](Client::expect), for an event that asks for an acknowledgement.
    ///
    /// # Panics
    /// When it does not come, its arguments are something else, or it asks for no acknowledgement.
    #[track_caller]
    pub fn expect_with_ack<'c, T>(&'c mut self, name: &'c str) -> impl Future<Output = (T, Ack)> + use<'c, T>
    where
        T: DeserializeOwned,
    {
        let place = Location::caller();
        async move {
            let event = self.await_event(name, place).await;
            let Some(id) = event.ack_id() else {
                let what = format!("expected that {event} asks for an acknowledgement, and it does not");
                self.fail(&what, place)
            };
            (self.arguments(&event, place), Ack::new(self.line.clone(), &self.namespace, id))
        }
    }

    /// The next event, whatever its name.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn next_event(&mut self) -> impl Future<Output = Event> + use<'_> {
        let place = Location::caller();
        async move {
            match self.await_any(|_| true).await {
                Ok(event) => event,
                Err(missing) => self.fail(&self.missed("an event", &missing), place),
            }
        }
    }

    /// Settles, and holds that nothing is unread: see [`TestServer::settle`](crate::TestServer::settle).
    ///
    /// # Panics
    /// When something is.
    #[track_caller]
    pub fn expect_nothing(&mut self) -> impl Future<Output = ()> + use<'_> {
        let place = Location::caller();
        async move {
            self.settle().await;
            if !self.unread().is_empty() {
                self.fail("expected nothing, and something came", place);
            }
        }
    }

    /// Settles, and holds that no event of that name is unread.
    ///
    /// # Panics
    /// When one is.
    #[track_caller]
    pub fn expect_no<'c>(&'c mut self, name: &'c str) -> impl Future<Output = ()> + use<'c> {
        let place = Location::caller();
        async move {
            self.settle().await;
            if self.unread().iter().any(|event| event.name() == name) {
                self.fail(&format!("expected no event {name:?}, and one came"), place);
            }
        }
    }

    /// Events that came and were not read, oldest first. They stay unread.
    #[must_use]
    pub fn unread(&self) -> Vec<Event> {
        self.connection.unread(&self.namespace)
    }

    /// Reads and throws away all that came so far, so that a test may begin anew. Settles before.
    pub async fn skip(&mut self) {
        self.settle().await;
        while self.connection.take(&self.namespace, |_| true).is_some() {}
    }

    /// Waits until it is disconnected, and says why. What came before can still be read.
    ///
    /// # Panics
    /// When it stays connected for longer than its patience.
    #[track_caller]
    pub fn disconnected(&mut self) -> impl Future<Output = Reason> + use<'_> {
        let place = Location::caller();
        async move {
            match self.await_any(|_| false).await {
                Err(Missing::Disconnected(reason)) => reason,
                _ => {
                    let what =
                        format!("expected a disconnect within {:?}, and it is connected", self.patience);
                    self.fail(&what, place)
                }
            }
        }
    }

    async fn settle(&self) {
        // What a short poll has not asked for has not come.
        self.line.order(Order::Poll);
        self.host.clock.settle().await;
    }

    async fn await_event(&self, name: &str, place: Place) -> Event {
        match self.await_any(|event| event.name() == name).await {
            Ok(event) => event,
            Err(missing) => self.fail(&self.missed(&format!("the event {name:?}"), &missing), place),
        }
    }

    async fn await_any(&self, wanted: impl Fn(&Event) -> bool) -> Result<Event, Missing> {
        let came = self.connection.came(&self.namespace);
        let comes = async {
            loop {
                if let Some(event) = self.connection.take(&self.namespace, &wanted) {
                    return Ok(event);
                }
                if let Some(reason) = self.connection.left(&self.namespace) {
                    return Err(Missing::Disconnected(reason));
                }
                came.notified().await;
            }
        };
        self.host.clock.within(self.patience, comes).await.unwrap_or(Err(Missing::TimedOut))
    }

    fn arguments<T: DeserializeOwned>(&self, event: &Event, place: Place) -> T {
        match event.try_arguments() {
            Ok(arguments) => arguments,
            Err(error) => {
                let expected = std::any::type_name::<T>();
                self.fail(&format!("expected that {event} is read as {expected}, but {error}"), place)
            }
        }
    }

    fn missed(&self, what: &str, missing: &Missing) -> String {
        match missing {
            Missing::TimedOut => format!("expected {what} within {:?}, and it did not come", self.patience),
            Missing::Disconnected(reason) => {
                format!("expected {what}, but the socket disconnected: {reason}")
            }
        }
    }

    /// Fails the test, with all that may explain why.
    fn fail(&self, what: &str, place: Place) -> ! {
        let mut text = format!("{what}\n  at {place}\n  {self:?}\n");
        match &*self.unread() {
            [] => text.push_str("  unread: nothing\n"),
            unread => {
                text.push_str("  unread:\n");
                // Writing to a string does not fail.
                unread.iter().for_each(|event| _ = writeln!(text, "    {event}"));
            }
        }
        let troubles = self.host.troubles();
        if !troubles.is_empty() {
            text.push_str("  meanwhile on the server:\n");
            troubles.iter().for_each(|trouble| _ = writeln!(text, "    {trouble}"));
        }
        panic!("{text}")
    }

    // ---- Going ----------------------------------------------------------------------------------------

    /// Leaves the namespace as the official client does: the connection ends with its last namespace. Once
    /// it is disconnected, nothing happens.
    pub fn disconnect(&self) -> Emitted<'_> {
        if self.is_connected() {
            self.line.send(encode_disconnect(&self.namespace));
            if self.connection.leave(&self.namespace) {
                self.line.order(Order::Close);
            }
        }
        Emitted { clock: &self.host.clock }
    }

    /// Cuts the connection with all its sockets and without a word, as a network does.
    pub fn cut(&self) -> Emitted<'_> {
        self.connection.cut();
        Emitted { clock: &self.host.clock }
    }

    /// Answers no ping any more, as a peer does whose network is gone: all sockets of the connection end when
    /// the server finds out.
    pub fn fall_silent(&self) {
        self.connection.fall_silent();
    }

    /// Moves a connection over polling or SSE to a WebSocket.
    ///
    /// # Errors
    /// When the server does not let it; it then stays where it is.
    pub async fn upgrade(&mut self) -> Result<(), ConnectError> {
        let (done, answer) = oneshot::channel();
        self.line.order(Order::Upgrade(done));
        let disconnected = || self.connection.ended().unwrap_or(Reason::TransportClose);
        match self.host.clock.within(self.patience, answer).await {
            None => Err(ConnectError::TimedOut { limit: self.patience }),
            Some(answer) => answer.unwrap_or_else(|_| Err(ConnectError::Disconnected(disconnected()))),
        }
    }
}

/// Something that was sent. Awaiting it settles; dropping it does nothing.
#[derive(Debug)]
pub struct Emitted<'c> {
    clock: &'c Clock,
}

impl<'c> IntoFuture for Emitted<'c> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send + 'c>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.clock.settle())
    }
}

/// An acknowledgement to come, from [`Client::emit_with_ack`]. The client's patience runs while it is awaited.
#[must_use = "the acknowledgement is ignored unless this is awaited; `emit` asks for none"]
pub struct Answer<T>(Pin<Box<dyn Future<Output = Result<T, AckError>> + Send>>);

impl<T> Future for Answer<T> {
    type Output = Result<T, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}
