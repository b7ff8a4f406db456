//! Handlers of typed events: their last argument says which event it is.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use sockeye_socket_proto::error::{ArgumentCause, ArgumentError, EncodeError};
use sockeye_socket_proto::outgoing::{ArgumentWriter, EventArguments};

use crate::emitted::Emitted;
use crate::error::{EmitError, Fault, HandlerError};
use crate::event::{Event, EventWithAck, KeyedEvent, NoAck};
use crate::handler::ack::Ack;
use crate::handler::event::{EventHandler, FromConnect, FromEvent};
use crate::handler::outcome::{Outcome, Reply, poll_once};
use crate::hub::{Context, Turn};
use crate::socket::Socket;
use crate::states::States;

/// What the last argument of a typed event's handler can be: the [`Event`], or [`Asked`] of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "the last argument of the handler is a struct with `#[derive(Event)]`, or `Asked` of one"
)]
pub trait Received: Sized {
    /// The event that is handled.
    type Event: Event;

    #[doc(hidden)]
    fn receive(context: &mut Context<'_>) -> Result<Self, ArgumentError>;
}

impl<E: Event> Received for E {
    type Event = E;

    fn receive(context: &mut Context<'_>) -> Result<E, ArgumentError> {
        match &mut context.arguments {
            Some(arguments) => E::read(arguments),
            None => Err(ArgumentError { position: 0, cause: ArgumentCause::Missing }),
        }
    }
}

/// An event together with its acknowledgement, for a handler that sends it by hand: earlier than it ends, or
/// long after.
///
/// ```
/// # extern crate sockeye_server as sockeye;
/// # use sockeye_server::{event::Event, handler::typed::Asked, socket::Socket};
/// #[derive(Event)]
/// #[event(ack = u32)]
/// struct Question(String);
///
/// # fn register(socket: &Socket) {
/// socket.on_event(async |socket: Socket, Asked(question, ack): Asked<Question>| {
///     ack.send(42)?;
///     socket.broadcast().emit("asked", question.0);
///     Ok(())
/// });
/// # }
/// ```
#[derive(Debug)]
pub struct Asked<E>(pub E, pub AckFor<E>);

impl<E: EventWithAck> Received for Asked<E> {
    type Event = E;

    fn receive(context: &mut Context<'_>) -> Result<Asked<E>, ArgumentError> {
        let event = E::receive(context)?;
        Ok(Asked(event, AckFor(Ack::from_event(context)?, PhantomData)))
    }
}

/// The peer's wish for the acknowledgement of an `E`. It may be kept and answered later; dropped, it answers
/// nothing.
pub struct AckFor<E>(Ack, PhantomData<fn(E)>);

impl<E: EventWithAck> AckFor<E> {
    /// Whether the peer asked for an acknowledgement.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0.is_wanted()
    }

    /// Acknowledges. Nothing is sent when the peer asked for nothing, or has gone.
    ///
    /// # Errors
    /// [`EmitError::Encode`] when the answer cannot be serialized.
    pub fn send(self, answer: E::Ack) -> Result<(), EmitError> {
        self.0.send(Acknowledgement::<E>(answer))
    }
}

impl<E> fmt::Debug for AckFor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an `E` is acknowledged with, as arguments.
#[doc(hidden)]
pub struct Acknowledgement<E: EventWithAck>(E::Ack);

impl<E: EventWithAck> fmt::Debug for Acknowledgement<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledgement").finish_non_exhaustive()
    }
}

impl<E: EventWithAck> EventArguments for Acknowledgement<E> {
    fn write(&self, writer: &mut ArgumentWriter<'_>) -> Result<(), EncodeError> {
        E::ack_arguments(&self.0).write(writer)
    }
}

/// What a handler whose last argument is an `R` may return, itself or in a `Result<_, HandlerError>`:
///
/// | the last argument | what is returned |
/// |---|---|
/// | an event without acknowledgement | `()`, or what an emit gave back |
/// | an event with `ack = T` | [`Reply<T>`](Reply) |
/// | [`Asked<E>`](Asked) | `()`, or what an emit gave back |
#[diagnostic::on_unimplemented(
    message = "a handler of `{R}` cannot return `{Self}`",
    label = "this handler's answer is not the event's",
    note = "an event with `#[event(ack = T)]` is answered with `Reply<T>`, unless the handler takes it as `Asked<Event>`; any other with `()` or what an emit returned; each may stand in a `Result` with `HandlerError`"
)]
pub trait Answers<R> {
    #[doc(hidden)]
    type Outcome: Outcome;

    #[doc(hidden)]
    fn outcome(self) -> Self::Outcome;
}

/// The acknowledgement that need not be given: only [`NoAck`]. A trait for what the compiler says elsewhere.
#[diagnostic::on_unimplemented(
    message = "the event is acknowledged with `{Self}`, which the handler does not return",
    label = "returns no acknowledgement",
    note = "return `Reply(value)`, or take the event as `Asked<Event>` to send the acknowledgement by hand"
)]
#[doc(hidden)]
pub trait Unanswered {}

impl Unanswered for NoAck {}

/// An acknowledgement that is an `A`: only `A` itself. A trait for what the compiler says elsewhere.
#[diagnostic::on_unimplemented(
    message = "the event is acknowledged with `{Self}`, not with `{A}`",
    label = "returns another acknowledgement"
)]
#[doc(hidden)]
pub trait Is<A> {
    fn from(answer: A) -> Self;
}

impl<A> Is<A> for A {
    fn from(answer: A) -> A {
        answer
    }
}

impl<E: Event<Ack: Unanswered>> Answers<E> for () {
    type Outcome = ();

    fn outcome(self) {}
}

impl<E: Event<Ack: Unanswered>> Answers<E> for Emitted {
    type Outcome = Emitted;

    fn outcome(self) -> Emitted {
        self
    }
}

impl<E: EventWithAck<Ack: Is<A>>, A> Answers<E> for Reply<A> {
    type Outcome = Reply<Acknowledgement<E>>;

    fn outcome(self) -> Self::Outcome {
        Reply(Acknowledgement(Is::from(self.0)))
    }
}

impl<E: EventWithAck> Answers<Asked<E>> for () {
    type Outcome = ();

    fn outcome(self) {}
}

impl<E: EventWithAck> Answers<Asked<E>> for Emitted {
    type Outcome = Emitted;

    fn outcome(self) -> Emitted {
        self
    }
}

impl<R, O: Answers<R>> Answers<R> for Result<O, HandlerError> {
    type Outcome = Result<O::Outcome, HandlerError>;

    fn outcome(self) -> Self::Outcome {
        self.map(O::outcome)
    }
}

/// Handles a typed event: up to eight arguments, of which the last is [`Received`] and the others are what
/// connection handlers have, too ([`FromConnect`]).
#[diagnostic::on_unimplemented(
    message = "this is not a handler of a typed event",
    label = "not a handler of a typed event",
    note = "a handler is an `async fn`, an `async |..| {{ .. }}` that captures nothing, or a `move |..| async move {{ .. }}`, of at most eight arguments, whose future is `Send`",
    note = "its last argument is a struct with `#[derive(Event)]`, or `Asked` of one; the others are `Socket`, `State<T>`, `Auth<T>` or `Data<T>`"
)]
pub trait TypedHandler<Arguments>: Send + Sync + 'static {
    /// Its last argument.
    type Last: Received;
    /// What it returns.
    type Output;

    #[doc(hidden)]
    fn start(&self, context: &mut Context<'_>) -> Result<Turn, Fault>
    where
        Self::Output: Answers<Self::Last>;

    #[doc(hidden)]
    #[track_caller]
    fn check(states: &States);
}

macro_rules! typed_handlers {
    ($($argument:ident)*) => {
        #[allow(non_snake_case, reason = "arguments are named as their types")]
        impl<Function, Answer, $($argument,)* Last> TypedHandler<($($argument,)* Last,)> for Function
        where
            Function: Fn($($argument,)* Last) -> Answer + Send + Sync + 'static,
            Answer: Future + Send + 'static,
            $($argument: FromConnect + 'static,)*
            Last: Received + 'static,
        {
            type Last = Last;
            type Output = Answer::Output;

            fn start(&self, context: &mut Context<'_>) -> Result<Turn, Fault>
            where
                Answer::Output: Answers<Last>,
            {
                $(let $argument = $argument::from_connect(context)?;)*
                let last = Last::receive(context)?;
                let answer = self($($argument,)* last);
                poll_once(async move { answer.await.outcome() }, context)
            }

            #[track_caller]
            fn check(_states: &States) {
                $($argument::check(_states);)*
            }
        }
    };
}

typed_handlers! {}
typed_handlers! { A }
typed_handlers! { A B }
typed_handlers! { A B C }
typed_handlers! { A B C D }
typed_handlers! { A B C D E }
typed_handlers! { A B C D E F }
typed_handlers! { A B C D E F G }

/// A handler of a typed event as one of an event by name.
struct Named<H>(H);

/// Its arguments.
struct Typed<A>(PhantomData<fn(A)>);

impl<A: 'static, H> EventHandler<Typed<A>> for Named<H>
where
    H: TypedHandler<A>,
    H::Output: Answers<H::Last>,
{
    fn start(&self, context: &mut Context<'_>) -> Result<Turn, Fault> {
        self.0.start(context)
    }

    #[track_caller]
    fn check(states: &States) {
        H::check(states);
    }
}

impl Socket {
    /// Handles the event that is the handler's last argument, as [`on`](Socket::on) does for its name. The other
    /// arguments are [`Socket`], [`State`](crate::handler::args::State), [`Auth`](crate::handler::args::Auth),
    /// [`Data`](crate::handler::args::Data).
    ///
    /// What the handler returns is checked against the event: see [`Answers`].
    ///
    /// ```
    /// # extern crate sockeye_server as sockeye;
    /// # use sockeye_server::{event::Event, handler::outcome::Reply, handler::args::State, socket::Socket};
    /// #[derive(Event)]
    /// struct Message(String);
    ///
    /// #[derive(Event)]
    /// #[event(ack = u32)]
    /// struct Sum(u32, Option<u32>);
    ///
    /// # fn register(socket: &Socket, limit: std::sync::Arc<usize>) {
    /// socket.on_event(async |Sum(a, b): Sum| Reply(a + b.unwrap_or_default()));
    /// // One that captures, as for untyped events.
    /// socket.on_event(move |socket: Socket, message: Message| {
    ///     let limit = limit.clone();
    ///     async move {
    ///         if message.0.len() <= *limit {
    ///             socket.broadcast().emit_event(message);
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_event<A: 'static, H>(&self, handler: H) -> &Socket
    where
        H: TypedHandler<A>,
        H::Output: Answers<H::Last>,
    {
        let name = <H::Last as Received>::Event::NAME;
        self.on(name, Named(handler))
    }

    /// Handles the event that is the handler's last argument once for each key, as
    /// [`on_deduplicated`](Socket::on_deduplicated) does for its name. That it has a key and an acknowledgement is checked
    /// when it is compiled.
    ///
    /// ```
    /// # extern crate sockeye_server as sockeye;
    /// # use sockeye_server::{event::Event, handler::outcome::Reply, socket::Socket};
    /// /// `socket.emit("order", crypto.randomUUID(), "one cup of tea", (error, number) => …)`
    /// #[derive(Event)]
    /// #[event(ack = u64, key)]
    /// struct Order(String, String);
    ///
    /// # async fn place(order: String) -> u64 { order.len() as u64 }
    /// # fn register(socket: &Socket) {
    /// socket.on_deduplicated_event(async |Order(_key, order): Order| Reply(place(order).await));
    /// # }
    /// ```
    ///
    /// # Panics
    /// As [`on_event`](Socket::on_event).
    #[track_caller]
    pub fn on_deduplicated_event<A: 'static, H>(&self, handler: H) -> &Socket
    where
        H: TypedHandler<A>,
        H::Output: Answers<H::Last>,
        <H::Last as Received>::Event: KeyedEvent,
    {
        let name = <H::Last as Received>::Event::NAME;
        self.on_deduplicated(name, Named(handler))
    }
}

#[cfg(test)]
mod tests {
    use sockeye_socket_proto::arguments::Arguments;
    use sockeye_socket_proto::error::ArgumentError;
    use sockeye_socket_proto::outgoing::EventArguments;

    use super::Named;
    use crate::event::{Event, NoAck};
    use crate::handler::event::erase_event;
    use crate::states::States;

    struct Number(u32);

    impl Event for Number {
        const NAME: &'static str = "number";
        type Ack = NoAck;

        fn arguments(&self) -> impl EventArguments {
            self.0
        }

        fn read(arguments: &mut Arguments<'_>) -> Result<Number, ArgumentError> {
            arguments.next_as().map(Number)
        }
    }

    #[test]
    fn sockets_share_handlers_that_capture_nothing() {
        let shared = erase_event(Named(async |_: Number| {}), &States::default());
        assert!(shared.kind.is_some());
        let captured = [1];
        let own = move |_: Number| async move { assert_eq!(captured, [1]) };
        assert!(erase_event(Named(own), &States::default()).kind.is_none());
    }
}
