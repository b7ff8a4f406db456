//! The shapes of handlers: functions of up to eight arguments, each made from what the handler is for.

use std::any::TypeId;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use sockeye_socket_proto::error::{ArgumentCause, ArgumentError};

use crate::error::{Fault, Refusal};
use crate::handler::outcome::{Outcome, poll_middleware_once, poll_once};
use crate::hub::{Context, Handle, Turn};
use crate::registration::Erased;
use crate::states::States;

/// What an argument of an event handler can be.
///
/// - [`Socket`](crate::socket::Socket), [`Server`](crate::server::Server), [`State<T>`](crate::handler::args::State)
///   and the other types of [`args`](crate::handler::args) and [`ack`](crate::handler::ack), which take no argument of
///   the event;
/// - any type that can be deserialized, which takes the next argument. Extra arguments of the event are
///   ignored; a missing one is an error, except for an `Option`, or an
///   [`OrDefault`](crate::handler::args::OrDefault).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of an event handler",
    label = "not an argument",
    note = "an argument is `Socket`, `Server`, `Ack`, `State<T>`, `Data<T>`, `Auth<T>`, `EventName`, `Args`, `OrDefault<T>`, or a type that implements `serde::Deserialize` and owns what it holds"
)]
pub trait FromEvent: Sized {
    /// Makes the argument.
    ///
    /// # Errors
    /// When the event does not have it, or it is of another type.
    #[doc(hidden)]
    fn from_event(context: &mut Context<'_>) -> Result<Self, ArgumentError>;

    /// Panics when the server can never have it.
    #[doc(hidden)]
    #[track_caller]
    fn check(_states: &States) {}
}

impl<T: DeserializeOwned> FromEvent for T {
    fn from_event(context: &mut Context<'_>) -> Result<T, ArgumentError> {
        match &mut context.arguments {
            Some(arguments) => arguments.next_as(),
            None => Err(ArgumentError { position: 0, cause: ArgumentCause::Missing }),
        }
    }
}

/// What an argument of a connection handler or a middleware can be:
/// [`Socket`](crate::socket::Socket), [`Server`](crate::server::Server),
/// [`Wire`](sockeye_engine_proto::session::Wire), and [`State`](crate::handler::args::State),
/// [`Auth`](crate::handler::args::Auth), [`Data`](crate::handler::args::Data).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a connection handler or a middleware",
    label = "not an argument here",
    note = "an argument is `Socket`, `Server`, `State<T>`, `Auth<T>`, `Data<T>` or `Wire`"
)]
pub trait FromConnect: Sized {
    /// Makes the argument.
    ///
    /// # Errors
    /// When the peer did not give it, or it is of another type.
    #[doc(hidden)]
    fn from_connect(context: &mut Context<'_>) -> Result<Self, ArgumentError>;

    /// Panics when the server can never have it.
    #[doc(hidden)]
    #[track_caller]
    fn check(_states: &States) {}
}

/// What an argument of a disconnect handler can be: [`Socket`](crate::socket::Socket),
/// [`Server`](crate::server::Server),
/// [`DisconnectReason`](sockeye_socket_proto::reason::DisconnectReason), and
/// [`State`](crate::handler::args::State), [`Auth`](crate::handler::args::Auth),
/// [`Data`](crate::handler::args::Data).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a disconnect handler",
    label = "not an argument here",
    note = "an argument is `Socket`, `Server`, `DisconnectReason`, `State<T>`, `Auth<T>` or `Data<T>`"
)]
pub trait FromDisconnect: Sized {
    /// Makes the argument.
    ///
    /// # Errors
    /// When it is not there, or of another type.
    #[doc(hidden)]
    fn from_disconnect(context: &mut Context<'_>) -> Result<Self, ArgumentError>;

    /// Panics when the server can never have it.
    #[doc(hidden)]
    #[track_caller]
    fn check(_states: &States) {}
}

macro_rules! handler_trait {
    ($(#[$doc:meta])* $name:ident, $erased:ident) => {
        $(#[$doc])*
        pub trait $name<Arguments>: Send + Sync + 'static {
            #[doc(hidden)]
            fn start(&self, context: &mut Context<'_>) -> Result<Turn, Fault>;

            #[doc(hidden)]
            #[track_caller]
            fn check(states: &States);
        }

        struct $erased<H, A>(H, PhantomData<fn(A)>);

        impl<A, H: $name<A>> Handle for $erased<H, A> {
            fn start(&self, context: &mut Context<'_>) -> Result<Turn, Fault> {
                self.0.start(context)
            }
        }
    };
}

handler_trait! {
    /// Handles an event: up to eight arguments ([`FromEvent`]), and a future of an [`Outcome`].
    #[diagnostic::on_unimplemented(
        message = "this is not an event handler",
        label = "not an event handler",
        note = "an event handler is an `async fn`, an `async |..| {{ .. }}` that captures nothing, or a `move |..| async move {{ .. }}`, of at most eight arguments, whose future is `Send`",
        note = "each argument is `Socket`, `Ack`, `State<T>` or another type of `handler::args`, or implements `serde::Deserialize`; the answer is `()`, what `emit` returned, `Reply(value)`, or a `Result` of one of them with `HandlerError`"
    )]
    EventHandler, ErasedEvent
}

handler_trait! {
    /// Handles a new socket: up to eight arguments ([`FromConnect`]), and a future of an [`Outcome`].
    #[diagnostic::on_unimplemented(
        message = "this is not a connection handler",
        label = "not a connection handler",
        note = "a connection handler is an `async fn`, an `async |..| {{ .. }}` that captures nothing, or a `move |..| async move {{ .. }}`, whose future is `Send`",
        note = "each argument is `Socket`, `State<T>`, `Auth<T>` or `Data<T>`"
    )]
    ConnectHandler, ErasedConnect
}

handler_trait! {
    /// Handles a disconnect: up to eight arguments ([`FromDisconnect`]), and a future of an [`Outcome`].
    #[diagnostic::on_unimplemented(
        message = "this is not a disconnect handler",
        label = "not a disconnect handler",
        note = "a disconnect handler is an `async fn`, an `async |..| {{ .. }}` that captures nothing, or a `move |..| async move {{ .. }}`, whose future is `Send`",
        note = "each argument is `Socket`, `DisconnectReason`, `State<T>`, `Auth<T>` or `Data<T>`"
    )]
    DisconnectHandler, ErasedDisconnect
}

handler_trait! {
    /// Says whether a peer may join a namespace: up to eight arguments ([`FromConnect`]), and a future of
    /// `Result<(), Refusal>`.
    #[diagnostic::on_unimplemented(
        message = "this is not a middleware",
        label = "not a middleware",
        note = "a middleware is an `async fn`, an `async |..| {{ .. }}` that captures nothing, or a `move |..| async move {{ .. }}`, whose future is `Send` and gives a `Result<(), Refusal>`",
        note = "each argument is `Socket`, `State<T>`, `Auth<T>` or `Data<T>`"
    )]
    Middleware, ErasedMiddleware
}

macro_rules! handlers {
    ($($argument:ident)*) => {
        #[allow(non_snake_case, reason = "arguments are named as their types")]
        impl<Function, Answer, $($argument,)*> EventHandler<($($argument,)*)> for Function
        where
            Function: Fn($($argument),*) -> Answer + Send + Sync + 'static,
            Answer: Future<Output: Outcome> + Send + 'static,
            $($argument: FromEvent + 'static,)*
        {
            fn start(&self, context: &mut Context<'_>) -> Result<Turn, Fault> {
                $(let $argument = $argument::from_event(context)?;)*
                poll_once(self($($argument),*), context)
            }

            #[track_caller]
            fn check(_states: &States) {
                $($argument::check(_states);)*
            }
        }

        #[allow(non_snake_case, reason = "arguments are named as their types")]
        impl<Function, Answer, $($argument,)*> ConnectHandler<($($argument,)*)> for Function
        where
            Function: Fn($($argument),*) -> Answer + Send + Sync + 'static,
            Answer: Future<Output: Outcome> + Send + 'static,
            $($argument: FromConnect + 'static,)*
        {
            fn start(&self, context: &mut Context<'_>) -> Result<Turn, Fault> {
                $(let $argument = $argument::from_connect(context)?;)*
                if !context.is_ready() {
                    return Err(Fault::Gone);
                }
                poll_once(self($($argument),*), context)
            }

            #[track_caller]
            fn check(_states: &States) {
                $($argument::check(_states);)*
            }
        }

        #[allow(non_snake_case, reason = "arguments are named as their types")]
        impl<Function, Answer, $($argument,)*> DisconnectHandler<($($argument,)*)> for Function
        where
            Function: Fn($($argument),*) -> Answer + Send + Sync + 'static,
            Answer: Future<Output: Outcome> + Send + 'static,
            $($argument: FromDisconnect + 'static,)*
        {
            fn start(&self, context: &mut Context<'_>) -> Result<Turn, Fault> {
                $(let $argument = $argument::from_disconnect(context)?;)*
                poll_once(self($($argument),*), context)
            }

            #[track_caller]
            fn check(_states: &States) {
                $($argument::check(_states);)*
            }
        }

        #[allow(non_snake_case, reason = "arguments are named as their types")]
        impl<Function, Answer, $($argument,)*> Middleware<($($argument,)*)> for Function
        where
            Function: Fn($($argument),*) -> Answer + Send + Sync + 'static,
            Answer: Future<Output = Result<(), Refusal>> + Send + 'static,
            $($argument: FromConnect + 'static,)*
        {
            fn start(&self, _context: &mut Context<'_>) -> Result<Turn, Fault> {
                $(let $argument = $argument::from_connect(_context)?;)*
                poll_middleware_once(self($($argument),*))
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

macro_rules! erase {
    ($function:ident, $name:ident, $erased:ident) => {
        #[track_caller]
        pub(crate) fn $function<A: 'static, H: $name<A>>(handler: H, states: &States) -> Erased {
            H::check(states);
            let kind = (size_of::<H>() == 0).then(TypeId::of::<$erased<H, A>>);
            Erased { handler: Arc::new($erased(handler, PhantomData)), kind }
        }
    };
}

erase!(erase_event, EventHandler, ErasedEvent);
erase!(erase_connect, ConnectHandler, ErasedConnect);
erase!(erase_disconnect, DisconnectHandler, ErasedDisconnect);
erase!(erase_middleware, Middleware, ErasedMiddleware);
