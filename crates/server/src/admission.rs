//! How a peer joins a namespace.
//!
//! ```text
//! CONNECT ─▶ middlewares ─▶ CONNECT queued, member of the namespace ─▶ connection handler
//!               └─ no ─▶ CONNECT_ERROR                                   polled once; events held until it
//!                                                                        ends, at most for a second
//! ```
//! CONNECT stands in the queue before the handler is called, in front of whatever it emits or makes others
//! emit, and leaves with what the handler emitted up to its first wait.
//!
//! Spec: `spec/socketio.md` 3.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{self, Poll, Waker};

use serde::Serialize;
use smallvec::SmallVec;
use sockeye_engine::engine::Flow;
use sockeye_engine_proto::frame::Frame;
use sockeye_socket_proto::packet::{Kind, Packet};

use crate::connection::Stay;
use crate::counters::NotAdmitted;
use crate::departure::dismiss;
use crate::error::{Cause, Fault, Refusal};
use crate::handshake::{Handshake, keep_auth};
use crate::hub::{Context, Engine, Handle, Held, Later, Session, Turn, VIOLATION};
use crate::id::{Pid, SocketId};
use crate::lane::start_lane;
use crate::legacy;
use crate::log::{EMIT, HANDLER, SOCKET};
use crate::parents::{Matcher, Parent};
use crate::recovery::comeback::Comeback;
use crate::rooms::{join_room, watched};
use crate::run::{Guarded, Rest, start};
use crate::slow::WhenSlow;
use crate::spaces::NoSpace;

/// What failures of a connection handler are filed under.
const CONNECTION: &str = "connection";

/// What CONNECT tells the peer.
#[derive(Serialize)]
struct Granted {
    sid: SocketId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<Pid>,
}

/// Namespaces of one connection whose parents may think at a time.
const CHOICES: u8 = 16;

/// A peer of protocol 3 has come, and joins `/` without asking.
pub(crate) fn greet(engine: &Arc<Engine>, session: &Arc<Session>) {
    let space = engine.application().spaces.hold(0);
    let flow = join(engine, session, space, None);
    debug_assert_eq!(flow, Flow::Continue, "a fresh connection has joined nothing");
}

/// A peer asks to join a namespace.
pub(crate) fn handle_connect(engine: &Arc<Engine>, session: &Arc<Session>, packet: &Packet<'_>) -> Flow {
    let hub = engine.application();
    let (name, auth) = match packet.namespace() {
        name if legacy::is_spoken(session) => legacy::split_name(name),
        name => (name, packet.payload().map(keep_auth)),
    };
    // Only a parser can say such a name, and no packet in the default format could.
    if !name.starts_with('/') || name.contains(',') {
        refuse_unknown(engine, session, name);
        return Flow::Continue;
    }
    if name != "/" && session.connection().namespaces() >= hub.options.namespace_limit {
        refuse(engine, session, name, NotAdmitted::TooManyNamespaces, &Refusal::new(TOO_MANY));
        return Flow::Continue;
    }
    if let Some(auth) = &auth {
        let kept = session.connection().auth_bytes();
        if kept > 0 && kept + auth.len() > hub.options.limits.packet_bytes {
            refuse(engine, session, name, NotAdmitted::TooMuchAuth, &Refusal::new(TOO_MUCH));
            return Flow::Continue;
        }
    }
    let found = hub.spaces.find(name);
    let known = match found {
        Some(space) if space.space(&hub.spaces).is_announced() => return join(engine, session, space, auth),
        Some(space) => Known::Space(space),
        None => Known::Parents(hub.parents.all()),
    };
    let may_ask = match &known {
        Known::Space(_) => true,
        Known::Parents(parents) => !parents.is_empty() && name.len() <= hub.options.name_limit,
    };
    if !may_ask {
        refuse_unknown(engine, session, name);
        return Flow::Continue;
    }
    if !session.connection().begin_choice(CHOICES) {
        hub.tally.violations.add_one();
        return Flow::Close(VIOLATION);
    }
    let mut choice = Box::pin(choose(engine.clone(), session.clone(), known, name.to_owned(), auth));
    match choice.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(flow) => flow,
        Poll::Pending => {
            let (engine, session) = (engine.clone(), session.clone());
            engine.runtime().clone().spawn(async move {
                if let Flow::Close(reason) = choice.await {
                    engine.close(&session, reason);
                }
            });
            Flow::Continue
        }
    }
}

/// What the reference says to who asks for a namespace that is not there.
const NO_NAMESPACE: &str = "Invalid namespace";

/// What we say to who is in as many as may be.
const TOO_MANY: &str = "Too many namespaces";

/// What we say to who has as much `auth` kept, in all its namespaces, as one message may be.
const TOO_MUCH: &str = "Too much auth";

/// What a peer that asks for a namespace waits for.
enum Known {
    /// It is there, but not announced.
    Space(Held),
    /// The first whose child may have that name makes it.
    Parents(Arc<[Arc<Parent<dyn Handle>>]>),
}

/// The peer joins a namespace that it must wait for, if there is to be one.
async fn choose(
    engine: Arc<Engine>,
    session: Arc<Session>,
    known: Known,
    name: String,
    auth: Option<Box<str>>,
) -> Flow {
    let space = match known {
        Known::Space(space) => Some(Ok(space)),
        Known::Parents(parents) => find_parent(&session, &parents, &name, auth.as_deref())
            .await
            .map(|parent| make_space(&engine, &name, Some(parent))),
    };
    if let Some(Ok(space)) = &space {
        // Another peer, or the application, may have made it, and may be about to say whom it lets in.
        poll_fn(|cx| space.space(&engine.application().spaces).poll_announced(cx)).await;
    }
    session.connection().end_choice();
    match space {
        Some(Ok(space)) => return join(&engine, &session, space, auth),
        Some(Err(error)) => {
            tracing::warn!(target: SOCKET, namespace = &*name, "a namespace was not made: {error}")
        }
        None => {}
    }
    refuse_unknown(&engine, &session, &name);
    Flow::Continue
}

async fn find_parent<'p>(
    session: &Session,
    parents: &'p [Arc<Parent<dyn Handle>>],
    name: &str,
    auth: Option<&str>,
) -> Option<&'p Parent<dyn Handle>> {
    for parent in parents {
        let fits = match &parent.matcher {
            Matcher::Pattern(fits, _) | Matcher::Name(fits) => catch_unwind(AssertUnwindSafe(|| fits(name))),
            Matcher::Peer(asks) => {
                let handshake = session.connection().handshake()?;
                let handshake = Handshake::new(handshake, auth.map(Box::from));
                match catch_unwind(AssertUnwindSafe(|| asks(name, &handshake))) {
                    Ok(answer) => Guarded(answer).await,
                    Err(panic) => Err(panic),
                }
            }
        };
        match fits {
            Ok(true) => return Some(parent),
            Ok(false) => {}
            Err(_) => tracing::error!(target: HANDLER, namespace = name, "a parent panicked"),
        }
    }
    None
}

/// The namespace of that name, made if it is new; who wants to know is told.
pub(crate) fn make_space(
    engine: &Arc<Engine>,
    name: &str,
    parent: Option<&Parent<dyn Handle>>,
) -> Result<Held, NoSpace> {
    let hub = engine.application();
    let on_new = hub.on_new_namespace.read().clone();
    let (space, is_new) = hub.spaces.find_or_new(name, parent, on_new.is_some())?;
    if is_new {
        let told = on_new.map(|on_new| catch_unwind(AssertUnwindSafe(|| on_new(engine, &space))));
        // A peer waits for its answer.
        if let Some(Err(_)) = told {
            tracing::error!(target: HANDLER, namespace = name, "on_new_namespace panicked");
        }
        space.space(&hub.spaces).set_announced();
    }
    Ok(space)
}

/// A peer joins a namespace that is there, if its middlewares let it.
fn join(engine: &Arc<Engine>, session: &Arc<Session>, space: Held, auth: Option<Box<str>>) -> Flow {
    let hub = engine.application();
    let random = || SocketId::random(engine.runtime());
    let number = space.number();
    let keeps = space.child().map(|child| child as Arc<dyn Any + Send + Sync>);
    let auth_of_recovery = auth.as_deref().filter(|_| !legacy::is_spoken(session));
    let comeback = Comeback::of(engine, &space, auth_of_recovery);
    let known = comeback.as_ref().map(|comeback| comeback.saved.id);
    let Some(stay) = session.connection().ask(number, keeps, auth, known, random) else {
        hub.tally.violations.add_one();
        return Flow::Close(VIOLATION);
    };
    // Another socket may have said so, which was there before.
    session.set_when_slow(number, WhenSlow::Close);
    if let Some(comeback) = &comeback {
        session.connection().restore_data(stay, comeback.saved.data.clone());
    }
    let skips = comeback.is_some() && hub.options.recovery.as_ref().is_some_and(|it| it.skip_middlewares);
    let middlewares = space.space(&hub.spaces).settings.middlewares.read().clone();
    // A session that closed while a parent thought has told its sockets already.
    if session.closed().is_some() {
        session.connection().refuse(stay);
        comeback.inspect(|comeback| comeback.give_back(engine, space.space(&hub.spaces)));
    } else if middlewares.is_empty() || skips {
        admit(engine, session, stay, comeback);
    } else {
        let asks = ask(engine.clone(), session.clone(), space.clone(), stay, comeback, middlewares);
        let mut asks = Box::pin(asks);
        if asks.as_mut().poll(&mut task::Context::from_waker(Waker::noop())).is_pending() {
            engine.runtime().spawn(asks);
        }
    }
    drop(space);
    hub.vacated(number);
    Flow::Continue
}

fn refuse(
    engine: &Arc<Engine>,
    session: &Arc<Session>,
    namespace: &str,
    cause: NotAdmitted,
    refusal: &Refusal,
) {
    match legacy::is_spoken(session) {
        true => send_refusal(engine, session, namespace, cause, &refusal.bare()),
        false => send_refusal(engine, session, namespace, cause, refusal),
    }
}

/// There is no such namespace. Peers of protocol 3, too, are told so in an object.
fn refuse_unknown(engine: &Arc<Engine>, session: &Arc<Session>, namespace: &str) {
    send_refusal(engine, session, namespace, NotAdmitted::NoNamespace, &Refusal::new(NO_NAMESPACE));
}

fn send_refusal<T: Serialize>(
    engine: &Arc<Engine>,
    session: &Arc<Session>,
    namespace: &str,
    cause: NotAdmitted,
    payload: &T,
) {
    let hub = engine.application();
    hub.tally.refused[cause as usize].add_one();
    tracing::debug!(target: SOCKET, session = session.slot(), namespace, cause = cause.as_str(), "refused");
    match hub.control(Kind::ConnectError, namespace, Some(payload)) {
        // A session that closed meanwhile needs no answer.
        Ok(frame) => _ = engine.send(session, [frame]),
        Err(error) => tracing::error!(target: EMIT, namespace, "a refusal was not sent: {error}"),
    }
}

/// Asks the middlewares, one after another.
async fn ask(
    engine: Arc<Engine>,
    session: Arc<Session>,
    space: Held,
    stay: Stay,
    comeback: Option<Comeback>,
    middlewares: Arc<[Arc<dyn Handle>]>,
) {
    let hub = engine.application();
    for middleware in &*middlewares {
        let turn = start(&**middleware, &mut Context::new(&engine, &session, stay));
        let ended = match turn {
            Ok(Turn::Done) => Ok(()),
            Ok(Turn::Waits(later)) => Rest(later).await,
            Err(fault) => Err(fault),
        };
        let refusal = match ended {
            Ok(()) => continue,
            Err(Fault::Refused(refusal)) => refusal,
            // What is wrong with a middleware is none of the peer's business, but what is wrong with `auth` is.
            Err(fault) => {
                let is_auth = matches!(fault, Fault::Failed(Cause::Argument(_)));
                hub.report(&session, stay, CONNECTION, fault);
                Refusal::new(if is_auth { "Invalid auth" } else { "Internal error" })
            }
        };
        if session.connection().refuse(stay) {
            refuse(&engine, &session, &space.space(&hub.spaces).name, NotAdmitted::Application, &refusal);
        }
        let number = space.number();
        drop(space);
        hub.vacated(number);
        return;
    }
    admit(&engine, &session, stay, comeback);
}

/// Grants CONNECT and calls the connection handler.
fn admit(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay, comeback: Option<Comeback>) {
    let hub = engine.application();
    let space = hub.space(stay.namespace);
    if space.is_removed() && session.connection().refuse(stay) {
        return refuse_unknown(engine, session, &space.name);
    }
    let handler = space.settings.connection.read().clone();
    let mut is_granted = false;
    let mut grant = || {
        is_granted = enter(engine, session, stay, comeback.as_ref());
        is_granted
    };
    let turn = match &handler {
        Some(handler) => {
            let mut context = Context::new(engine, session, stay);
            context.ready = Some(&mut grant);
            // CONNECT leaves with what the handler emits before its first wait, also where no read batch does this.
            engine.corked(session, || start(&**handler, &mut context))
        }
        None if grant() => Ok(Turn::Done),
        None => Err(Fault::Gone),
    };
    match turn {
        Ok(Turn::Done) => {}
        Ok(Turn::Waits(later)) => {
            let (engine, session, space) = (engine.clone(), session.clone(), hub.spaces.hold(stay.namespace));
            engine.runtime().clone().spawn(async move {
                finish(&engine, &session, stay, later).await;
                drop(space);
                engine.application().vacated(stay.namespace);
            });
            return;
        }
        Err(fault) => {
            hub.report(session, stay, CONNECTION, fault);
            // The handler's arguments could not be read, or are not all there: it has not run.
            if !is_granted && session.connection().refuse(stay) {
                refuse(engine, session, &space.name, NotAdmitted::Application, &Refusal::new("Invalid auth"));
            }
        }
    }
    settle(engine, session, stay);
    release(engine, session, stay);
}

/// The connection handler goes on. Events are held until it ends, but not for long.
async fn finish(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay, later: Later) {
    let mut hold = Some(engine.runtime().sleep(engine.application().options.connect_hold));
    let mut rest = pin!(Rest(later));
    let ended = poll_fn(|cx| {
        if let Poll::Ready(ended) = rest.as_mut().poll(cx) {
            return Poll::Ready(ended);
        }
        if hold.as_mut().is_some_and(|hold| Pin::new(hold).poll(cx).is_ready()) {
            hold = None;
            release(engine, session, stay);
        }
        Poll::Pending
    })
    .await;
    if let Err(fault) = ended {
        engine.application().report(session, stay, CONNECTION, fault);
    }
    settle(engine, session, stay);
    if hold.is_some() {
        release(engine, session, stay);
    }
}

/// Events go to the handlers that stand.
fn release(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay) {
    if session.connection().release(stay) {
        start_lane(engine, session, stay);
    }
}

/// The connection handler has ended: drops what a server that wants to be small does not keep.
fn settle(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay) {
    if !engine.application().options.keep_handshake {
        session.connection().drop_auth(stay);
        session.connection().drop_handshake();
    }
}

/// Queues CONNECT, then what a peer that came back has missed, and makes the socket a member. False when it is gone
/// already.
fn enter(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay, comeback: Option<&Comeback>) -> bool {
    let hub = engine.application();
    let space = hub.space(stay.namespace);
    if !session.connection().grant(stay) {
        comeback.inspect(|comeback| comeback.give_back(engine, &space));
        return false;
    }
    if session.connection().greet() {
        hub.unjoined.fetch_sub(1, Ordering::Relaxed);
    }
    // Until it is a member nothing is emitted: what was before it has missed, what comes after it hears.
    let mut log = space.keeper.as_ref().map(|keeper| keeper.log.lock());
    let missed = comeback.zip(log.as_ref()).map(|(comeback, log)| comeback.missed(log));
    let (missed, cause) = match missed {
        Some(Ok(missed)) => (Some(missed), None),
        Some(Err(cause)) => (None, Some(cause)),
        None => (None, None),
    };
    if cause.is_some() {
        // Middlewares took too long. The peer takes a pid that it knows for a recovery, so this is another socket.
        session.connection().rename(stay, SocketId::random(engine.runtime()));
    }
    let recovered = missed.is_some();
    let id = hub.id(session, stay);
    let is_legacy = legacy::is_spoken(session);
    let pid = space.keeper.as_ref().filter(|_| !is_legacy).map(|_| hub.pid(&id));
    let granted = (!is_legacy).then_some(Granted { sid: id, pid });
    let connect = hub.control(Kind::Connect, &space.name, granted.as_ref());
    let connect =
        connect.inspect_err(|error| tracing::error!(target: EMIT, "CONNECT was not sent: {error}")).ok();
    // CONNECT first: clients keep what comes before it, also over a cut, and would hear it twice.
    let frames: SmallVec<[Frame; 1]> = connect.into_iter().chain(missed.into_iter().flatten()).collect();
    // A session that closed meanwhile is about to disconnect its sockets.
    let is_dirty = engine.queue(session, &frames, false);
    let back = comeback.filter(|_| recovered);
    let watched = watched(engine, &space, session, stay);
    let is_there = session.connection().enter(stay, |mut rooms| {
        let member = space.adapter.add(session.slot());
        rooms.extend(back.iter().flat_map(|back| &back.saved.rooms).cloned());
        for room in &rooms {
            join_room(&space, member, room, watched.as_ref());
        }
        space.is_wanted.store(true, Ordering::Relaxed);
        space.ids.add(id.hash(), session.slot());
        if let (Some(log), Some(keeper), Some(pid)) = (&mut log, &space.keeper, &pid) {
            let number = back.map_or(log.last(), Comeback::number);
            log.add_member(member.index(), number);
            keeper.pids.add(pid.hash(), session.slot());
        }
        member
    });
    drop(log);
    if is_dirty {
        engine.flush_one(session);
    }
    if let Some(cause) = cause {
        hub.report_unrecovered(&space, cause);
    }
    if recovered {
        hub.tally.recovered.add_one();
    }
    if is_there {
        hub.tally.joined.add_one();
        tracing::debug!(
            target: SOCKET,
            session = session.slot(),
            namespace = &*space.name,
            socket = %id,
            recovered,
            "joined",
        );
    }
    if let Some(back) = back.filter(|_| !is_there) {
        back.give_back(engine, &space);
    }
    if watched.is_some() {
        space.untold.tell();
    }
    if is_there && space.is_removed() {
        // In the moment in which it joined, so it may have been told by who removed it, or not.
        dismiss(engine, session, &space, stay);
        return false;
    }
    is_there
}
