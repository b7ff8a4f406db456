//! What handlers can have as arguments, besides what the peer sent.

use std::ops::Deref;

use serde::de::DeserializeOwned;
use sockeye_engine_proto::session::Wire;
use sockeye_socket_proto::arguments::Arguments;
use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::error::{ArgumentCause, ArgumentError, EncodeError};
use sockeye_socket_proto::outgoing::{ArgumentWriter, EventArguments};
use sockeye_socket_proto::reason::DisconnectReason;

use crate::handler::event::{FromConnect, FromDisconnect, FromEvent};
use crate::handler::server_side::{FromServerSide, ServerSideContext};
use crate::handshake::read_auth;
use crate::hub::Context;
use crate::request::FromReply;
use crate::socket::Socket;
use crate::states::States;

macro_rules! everywhere {
    ([$($generics:tt)*] $type:ty, |$context:ident| $make:expr $(, |$states:ident| $check:expr)?) => {
        everywhere!(@one FromEvent from_event [$($generics)*] $type, |$context| $make $(, |$states| $check)?);
        everywhere!(@one FromConnect from_connect [$($generics)*] $type, |$context| $make $(, |$states| $check)?);
        everywhere!(@one FromDisconnect from_disconnect [$($generics)*] $type, |$context| $make $(, |$states| $check)?);
    };
    (@one $trait:ident $method:ident [$($generics:tt)*] $type:ty, |$context:ident| $make:expr $(, |$states:ident| $check:expr)?) => {
        impl<$($generics)*> $trait for $type {
            fn $method($context: &mut Context<'_>) -> Result<Self, ArgumentError> {
                $make
            }

            $(#[track_caller]
            fn check($states: &States) {
                $check
            })?
        }
    };
}

everywhere!([] Socket, |context| Ok(context.socket()));

/// The application's value of that type, from the builder's `state`. It is cloned for each call: an `Arc`, a
/// pool, a sender.
#[derive(Clone, Copy, Debug, Default)]
pub struct State<T>(pub T);

everywhere!([T: Clone + Send + Sync + 'static] State<T>, |context| {
    let state = context.states().get().expect("its presence was checked when the handler was registered");
    Ok(State(state))
}, |states| states.expect::<T>());

impl<T: Clone + Send + Sync + 'static> FromServerSide for State<T> {
    fn from_server_side(context: &mut ServerSideContext<'_>) -> Result<Self, ArgumentError> {
        let state = context.states.get().expect("its presence was checked when the handler was registered");
        Ok(State(state))
    }

    #[track_caller]
    fn check(states: &States) {
        states.expect::<T>();
    }
}

/// The payload of CONNECT, read as a `T`: what the client calls `auth`, `{}` when it gave none.
///
/// A peer whose `auth` is no `T` is refused with `Invalid auth` when a middleware or the connection handler
/// asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Auth<T>(pub T);

everywhere!([T: DeserializeOwned] Auth<T>, |context| {
    let auth = context.session.connection().auth(context.stay);
    read_auth(auth.as_deref()).map(Auth)
});

/// The value of that type that was kept with [`Socket::set_data`]; an argument error when there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Data<T>(pub T);

everywhere!([T: Clone + Send + Sync + 'static] Data<T>, |context| {
    let missing = ArgumentError { position: 0, cause: ArgumentCause::Missing };
    context.socket().data().map(Data).ok_or(missing)
});

macro_rules! transparent {
    ($($name:ident)*) => {
        $(impl<T> Deref for $name<T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        })*
    };
}

transparent! { State Auth Data OrDefault }

/// The next argument, or `T::default()` when the event has none left. `null` is an argument.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OrDefault<T>(pub T);

impl<T: DeserializeOwned + Default> FromEvent for OrDefault<T> {
    fn from_event(context: &mut Context<'_>) -> Result<OrDefault<T>, ArgumentError> {
        match T::from_event(context) {
            Err(ArgumentError { cause: ArgumentCause::Missing, .. }) => Ok(OrDefault(T::default())),
            other => other.map(OrDefault),
        }
    }
}

impl<T: DeserializeOwned + Default> FromServerSide for OrDefault<T> {
    fn from_server_side(context: &mut ServerSideContext<'_>) -> Result<OrDefault<T>, ArgumentError> {
        match T::from_server_side(context) {
            Err(ArgumentError { cause: ArgumentCause::Missing, .. }) => Ok(OrDefault(T::default())),
            other => other.map(OrDefault),
        }
    }
}

/// The event's name, for handlers of several events. Empty for the event without a name that the protocol
/// allows.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct EventName(pub String);

impl FromEvent for EventName {
    fn from_event(context: &mut Context<'_>) -> Result<EventName, ArgumentError> {
        let name = context.incoming.and_then(|incoming| incoming.packet().event().map(String::from));
        Ok(EventName(name.unwrap_or_default()))
    }
}

impl FromServerSide for EventName {
    fn from_server_side(context: &mut ServerSideContext<'_>) -> Result<EventName, ArgumentError> {
        Ok(EventName(context.incoming.packet().event().map(String::from).unwrap_or_default()))
    }
}

/// All arguments that are left, unread: to be looked at one by one, or to be sent on as they came, attachments
/// included.
#[derive(Clone, Debug)]
pub struct Args {
    incoming: Incoming<'static>,
    skip: usize,
}

impl Args {
    /// The arguments, to be read with [`next_as`](Arguments::next_as) or as an iterator.
    #[must_use]
    pub fn arguments(&self) -> Arguments<'_> {
        let mut arguments = self.incoming.packet().arguments();
        for _ in 0..self.skip {
            arguments.next();
        }
        arguments
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arguments().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the argument at `position` as a `T`.
    ///
    /// # Errors
    /// When it is missing and `T` is no `Option`, or it is no `T`.
    pub fn get<T: DeserializeOwned>(&self, position: usize) -> Result<T, ArgumentError> {
        let mut arguments = self.arguments();
        for _ in 0..position {
            arguments.next();
        }
        arguments.next_as().map_err(|error| ArgumentError { position: self.skip + position, ..error })
    }
}

impl EventArguments for Args {
    fn write(&self, writer: &mut ArgumentWriter<'_>) -> Result<(), EncodeError> {
        self.arguments().write(writer)
    }
}

impl FromEvent for Args {
    fn from_event(context: &mut Context<'_>) -> Result<Args, ArgumentError> {
        let missing = ArgumentError { position: 0, cause: ArgumentCause::Missing };
        let (Some(incoming), Some(arguments)) = (context.incoming, &mut context.arguments) else {
            return Err(missing);
        };
        let taken = incoming.packet().arguments().len() - arguments.take_rest().len();
        Ok(Args { incoming: incoming.clone().into_owned(), skip: taken })
    }
}

impl FromServerSide for Args {
    fn from_server_side(context: &mut ServerSideContext<'_>) -> Result<Args, ArgumentError> {
        let taken = context.incoming.packet().arguments().len() - context.arguments.take_rest().len();
        Ok(Args { incoming: context.incoming.clone().into_owned(), skip: taken })
    }
}

impl FromReply for Args {
    fn from_reply(reply: Incoming<'static>) -> Result<Args, ArgumentError> {
        Ok(Args { incoming: reply, skip: 0 })
    }
}

/// The transport that carries the connection; for [`Socket::on_upgrading`], the one that asks to.
impl FromConnect for Wire {
    fn from_connect(context: &mut Context<'_>) -> Result<Wire, ArgumentError> {
        Ok(context.to.unwrap_or_else(|| context.session.wire()))
    }
}

impl FromDisconnect for DisconnectReason {
    fn from_disconnect(context: &mut Context<'_>) -> Result<DisconnectReason, ArgumentError> {
        context.reason.ok_or(ArgumentError { position: 0, cause: ArgumentCause::Missing })
    }
}
