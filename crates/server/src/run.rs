//! Calls handlers so that one that panics harms nobody else, each in a span of its own where somebody wants one.

use std::borrow::Cow;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use tracing::{Instrument as _, Level, Span};

use crate::connection::Stay;
use crate::error::Fault;
use crate::hub::{Context, Engine, Handle, Later, Session, Turn};
use crate::log::HANDLER;

/// Calls a handler and polls it once.
pub(crate) fn start(handler: &dyn Handle, context: &mut Context<'_>) -> Result<Turn, Fault> {
    if tracing::span_enabled!(target: HANDLER, Level::DEBUG) {
        return start_in_span(handler, context);
    }
    start_bare(handler, context)
}

/// The same, and whatever it logs says whose event it was about.
#[cold]
fn start_in_span(handler: &dyn Handle, context: &mut Context<'_>) -> Result<Turn, Fault> {
    let span = span(context);
    match span.in_scope(|| start_bare(handler, context))? {
        Turn::Waits(later) => Ok(Turn::Waits(Box::pin(later.instrument(span)))),
        Turn::Done => Ok(Turn::Done),
    }
}

fn span(context: &Context<'_>) -> Span {
    let hub = context.engine.application();
    let named = context.incoming.and_then(|incoming| incoming.packet().event());
    let event = match (named, context.reason, context.to) {
        (Some(name), ..) => name,
        (None, Some(_), _) => Cow::Borrowed("disconnect"),
        (None, None, Some(_)) => Cow::Borrowed("upgrade"),
        (None, None, None) => Cow::Borrowed("connection"),
    };
    tracing::debug_span!(
        target: HANDLER,
        "handler",
        namespace = &*hub.space(context.stay.namespace).name,
        socket = %hub.id(context.session, context.stay),
        event = &*event,
    )
}

fn start_bare(handler: &dyn Handle, context: &mut Context<'_>) -> Result<Turn, Fault> {
    catch_unwind(AssertUnwindSafe(|| handler.start(context)))
        .unwrap_or_else(|panic| Err(Fault::panic(&*panic)))
}

/// The rest of a handler.
pub(crate) struct Rest(pub(crate) Later);

impl Future for Rest {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Fault>> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(Fault::panic(&*panic))))
    }
}

/// A handler that nothing waits for goes on in a task of its own. Its namespace is held meanwhile.
pub(crate) fn go_on(
    engine: &Arc<Engine>,
    session: &Arc<Session>,
    stay: Stay,
    later: Later,
    event: impl Into<Cow<'static, str>>,
) {
    let (engine, session, event) = (engine.clone(), session.clone(), event.into());
    let space = engine.application().spaces.hold(stay.namespace);
    engine.runtime().clone().spawn(async move {
        if let Err(fault) = Rest(later).await {
            engine.application().report(&session, stay, &event, fault);
        }
        drop(space);
        engine.application().vacated(stay.namespace);
    });
}

/// A future of the application whose panic is its own.
pub(crate) struct Guarded<F>(pub(crate) F);

impl<F: Future + Unpin> Future for Guarded<F> {
    type Output = std::thread::Result<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.0).poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
