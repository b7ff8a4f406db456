//! Handlers of what the servers of a namespace emit to each other.
//!
//! They have no socket, so they are a kind of their own: less can be their argument, and they know no engine.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use sockeye_socket_proto::arguments::Arguments;
use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::error::ArgumentError;
use sockeye_socket_proto::outgoing::{Encoded, EventArguments};
use sockeye_socket_proto::parser::json::encode_ack;

use crate::error::{Fault, HandlerError};
use crate::handler::reply::Reply;
use crate::states::States;

/// What the arguments of a server-side handler are made from.
pub struct ServerSideContext<'c> {
    pub(crate) states: &'c States,
    pub(crate) incoming: &'c Incoming<'c>,
    pub(crate) arguments: Arguments<'c>,
}

impl fmt::Debug for ServerSideContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSideContext").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

/// What an argument of a server-side handler can be: [`State`](crate::handler::args::State),
/// [`EventName`](crate::handler::args::EventName), [`Args`](crate::handler::args::Args),
/// [`OrDefault`](crate::handler::args::OrDefault), and any type that can be deserialized, which takes the next
/// argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a server-side handler",
    label = "not an argument here",
    note = "an argument is `State<T>`, `EventName`, `Args`, `OrDefault<T>`, or a type that implements `serde::Deserialize`: there is no socket"
)]
pub trait FromServerSide: Sized {
    /// Makes the argument.
    ///
    /// # Errors
    /// When the event does not have it, or it is of another type.
    #[doc(hidden)]
    fn from_server_side(context: &mut ServerSideContext<'_>) -> Result<Self, ArgumentError>;

    /// Panics when the server can never have it.
    #[doc(hidden)]
    #[track_caller]
    fn check(_states: &States) {}
}

impl<T: DeserializeOwned> FromServerSide for T {
    fn from_server_side(context: &mut ServerSideContext<'_>) -> Result<T, ArgumentError> {
        context.arguments.next_as()
    }
}

/// What a server-side handler may return: `()`, [`Reply`] to acknowledge, or a `Result` of one of them with
/// [`HandlerError`].
#[diagnostic::on_unimplemented(
    message = "a server-side handler cannot return `{Self}`",
    label = "this handler's answer",
    note = "it returns `()`, `Reply(value)` to acknowledge, or a `Result` of one of them with `HandlerError`"
)]
pub trait ServerSideOutcome {
    /// The acknowledgement, as a packet.
    #[doc(hidden)]
    fn encode(self) -> Result<Option<Encoded>, HandlerError>;
}

impl ServerSideOutcome for () {
    fn encode(self) -> Result<Option<Encoded>, HandlerError> {
        Ok(None)
    }
}

impl<T: EventArguments> ServerSideOutcome for Reply<T> {
    fn encode(self) -> Result<Option<Encoded>, HandlerError> {
        Ok(Some(encode_ack("/", 0, &self.0)?))
    }
}

impl<O: ServerSideOutcome> ServerSideOutcome for Result<O, HandlerError> {
    fn encode(self) -> Result<Option<Encoded>, HandlerError> {
        self?.encode()
    }
}

/// What a handler will answer.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Option<Encoded>, Fault>> + Send>>;

/// A server-side handler, its arguments' types forgotten.
pub(crate) trait HandleServerSide: Send + Sync {
    fn start(&self, context: &mut ServerSideContext<'_>) -> Result<Answering, Fault>;
}

/// Handles what servers emit: up to eight arguments ([`FromServerSide`]), and a future of a [`ServerSideOutcome`].
#[diagnostic::on_unimplemented(
    message = "this is not a server-side handler",
    label = "not a server-side handler",
    note = "it is an `async fn`, an `async |..| {{ .. }}` that captures nothing, or a `move |..| async move {{ .. }}`, of at most eight arguments, whose future is `Send`",
    note = "each argument is `State<T>`, `EventName`, `Args` or `OrDefault<T>`, or implements `serde::Deserialize`; the answer is `()`, `Reply(value)`, or a `Result` of one of them with `HandlerError`"
)]
pub trait ServerSideHandler<Arguments>: Send + Sync + 'static {
    #[doc(hidden)]
    fn start(&self, context: &mut ServerSideContext<'_>) -> Result<ServerSideAnswering, Fault>;

    #[doc(hidden)]
    #[track_caller]
    fn check(states: &States);
}

/// What a handler will answer.
#[doc(hidden)]
pub struct ServerSideAnswering(Answering);

impl fmt::Debug for ServerSideAnswering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSideAnswering")
    }
}

macro_rules! handlers {
    ($($argument:ident)*) => {
        #[allow(non_snake_case, reason = "arguments are named as their types")]
        impl<Function, Answer, $($argument,)*> ServerSideHandler<($($argument,)*)> for Function
        where
            Function: Fn($($argument),*) -> Answer + Send + Sync + 'static,
            Answer: Future<Output: ServerSideOutcome> + Send + 'static,
            $($argument: FromServerSide + 'static,)*
        {
            fn start(&self, _context: &mut ServerSideContext<'_>) -> Result<ServerSideAnswering, Fault> {
                $(let $argument = $argument::from_server_side(_context)?;)*
                let answer = self($($argument),*);
                Ok(ServerSideAnswering(Box::pin(async move { Ok(answer.await.encode()?) })))
            }

            #[track_caller]
            fn check(_states: &States) {
                $($argument::check(_states);)*
            }
        }
    };
}

handlers! {}
handlers! { A }
handlers! { A B }
handlers! { A B C }
handlers! { A B C D }
handlers! { A B C D E }
handlers! { A B C D E F }
handlers! { A B C D E F G }
handlers! { A B C D E F G H }

struct Erased<H, A>(H, PhantomData<fn(A)>);

impl<A, H: ServerSideHandler<A>> HandleServerSide for Erased<H, A> {
    fn start(&self, context: &mut ServerSideContext<'_>) -> Result<Answering, Fault> {
        self.0.start(context).map(|answering| answering.0)
    }
}

/// The handler without its type.
#[track_caller]
pub(crate) fn erase_server_side<A: 'static, H: ServerSideHandler<A>>(
    handler: H,
    states: &States,
) -> Arc<dyn HandleServerSide> {
    H::check(states);
    Arc::new(Erased(handler, PhantomData))
}

/// Calls a handler, so that one that panics harms nobody else.
pub(crate) fn start(
    handler: &dyn HandleServerSide,
    context: &mut ServerSideContext<'_>,
) -> Result<Answering, Fault> {
    catch_unwind(AssertUnwindSafe(|| handler.start(context)))
        .unwrap_or_else(|panic| Err(Fault::panic(&*panic)))
}
