//! Emitting to many: who is meant, and one packet for all of them, encoded once.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use smallvec::SmallVec;
use sockeye_adapter::adapter::{Member, Parcel, Selection};
use sockeye_engine_proto::frame::Frame;
use sockeye_socket_proto::outgoing::{Encoded, EventArguments};
use sockeye_socket_proto::parser::json::encode_event;

use crate::acks::{Collection, Waiting};
use crate::connection::Stay;
use crate::emitted::{Emitted, encoded};
use crate::error::EmitError;
use crate::hub::{Deliver, Engine, Held, Session, Space, frames};
use crate::id::SocketId;
use crate::outgoing_listeners::Outgoing;
use crate::recovery::log::Audience;
use crate::recovery::numbered;
use crate::replies::{Asked, Requests};
use crate::request::{FromReply, await_ack};
use crate::rooms::{Rooms, join, leave};
use crate::slow::{Said, WhenSlow};

/// How long acknowledgements of a broadcast are awaited unless it says so: what the reference takes for requests
/// between nodes. They must end.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Sockets of one namespace that are meant by an emit.
///
/// Who is a member at the moment of the emit hears it, once, in order with whatever else is emitted to it;
/// nobody is waited for.
#[derive(Clone)]
pub struct Broadcast {
    pub(crate) engine: Arc<Engine>,
    pub(crate) space: Held,
    rooms: SmallVec<[Box<str>; 1]>,
    /// Whether rooms were named, if only by an empty list.
    narrowed: bool,
    except: SmallVec<[Box<str>; 1]>,
    sender: Option<(Arc<Session>, Stay)>,
    volatile: bool,
    compress: bool,
    said: Option<Said>,
    /// Says nothing on one node; adapters that span nodes ask it.
    local: bool,
    timeout: Option<Duration>,
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("rooms", &self.rooms)
            .field("except", &self.except)
            .field("volatile", &self.volatile)
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

impl Broadcast {
    /// Everybody in a namespace.
    pub(crate) fn everybody(engine: &Arc<Engine>, space: Held) -> Broadcast {
        Broadcast {
            engine: engine.clone(),
            space,
            rooms: SmallVec::new(),
            narrowed: false,
            except: SmallVec::new(),
            sender: None,
            volatile: false,
            compress: true,
            said: None,
            local: false,
            timeout: None,
        }
    }

    /// Everybody but who sends.
    pub(crate) fn others(engine: &Arc<Engine>, space: Held, session: &Arc<Session>, stay: Stay) -> Broadcast {
        let mut broadcast = Broadcast::everybody(engine, space);
        broadcast.sender = Some((session.clone(), stay));
        broadcast
    }

    fn space(&self) -> &Space {
        self.space.space(&self.engine.application().spaces)
    }

    /// Only those in these rooms, together with those of rooms named before. A list without rooms is nobody: it may
    /// have come from a peer.
    #[must_use]
    pub fn to(mut self, rooms: impl Rooms) -> Broadcast {
        self.narrowed = true;
        rooms.each(&mut |room| self.rooms.push(room.into()));
        self
    }

    /// As [`to`](Broadcast::to): what other languages call `in`.
    #[must_use]
    pub fn within(self, rooms: impl Rooms) -> Broadcast {
        self.to(rooms)
    }

    /// Nobody who is in one of these rooms.
    #[must_use]
    pub fn except(mut self, rooms: impl Rooms) -> Broadcast {
        rooms.each(&mut |room| self.except.push(room.into()));
        self
    }

    /// Those whose transport is not ready to take it do not get it.
    #[must_use]
    pub fn volatile(mut self) -> Broadcast {
        self.volatile = true;
        self
    }

    /// Whether what is emitted may be compressed: see [`Socket::compress`](crate::socket::Socket::compress).
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Broadcast {
        self.compress = compress;
        self
    }

    /// What becomes of the event where the peer is slow, whatever its room or its socket says.
    #[must_use]
    pub fn when_slow(mut self, rule: WhenSlow) -> Broadcast {
        self.said = Some(Said::rule(rule));
        self
    }

    /// Of the events of that name and key only the latest waits for a peer: see
    /// [`Socket::keep_latest`](crate::socket::Socket::keep_latest).
    ///
    /// ```
    /// # fn tell(io: &sockeye_server::server::Server) {
    /// io.to("prices").keep_latest("EUR/USD").emit("price", ("EUR/USD", 1.0873));
    /// # }
    /// ```
    #[must_use]
    pub fn keep_latest(mut self, key: impl Hash) -> Broadcast {
        self.said = Some(Said::keep_latest(key));
        self
    }

    /// Only sockets of this node. On one node these are all there are.
    #[must_use]
    pub fn local(mut self) -> Broadcast {
        self.local = true;
        self
    }

    /// How long [`emit_with_ack`](Broadcast::emit_with_ack) waits. Default 5 s. Rounded up, by at most 100 ms.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Broadcast {
        self.timeout = Some(timeout);
        self
    }

    /// Emits an event. The arguments: a tuple is several, `()` none, anything else one.
    ///
    /// A name that is reserved, or an argument that cannot be serialized, is logged, and told by what this
    /// gives back.
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        self.send_event(name, &arguments)
    }

    pub(crate) fn send_event(&self, name: &str, arguments: &impl EventArguments) -> Emitted {
        let hub = self.engine.application();
        let space = self.space();
        let packet = match encoded(name, encode_event(&space.name, None, name, arguments)) {
            Ok(packet) => packet,
            Err(error) => return Emitted::many(Err(error)),
        };
        let packet = space.rules.mark(packet, self.said, self.space.number(), &self.rooms, name);
        let sent = self.deliver(space, packet).inspect(|(frames, receivers)| {
            hub.tally.broadcasts.count(*receivers);
            self.tell_outgoing(space, frames, || self.sessions());
        });
        Emitted::many(sent.map(drop))
    }

    /// Queues an event for all that are meant; answers its frames, and how many are meant.
    fn deliver(&self, space: &Space, packet: Encoded) -> Result<(SmallVec<[Frame; 1]>, usize), EmitError> {
        match &space.keeper {
            None => {
                let frames = self.frames(packet)?;
                let parcel = Parcel { frames: &frames, volatile: self.volatile };
                let receivers = self
                    .select(|selection| space.adapter.broadcast(selection, parcel, &Deliver(&self.engine)));
                Ok((frames, receivers))
            }
            Some(_) if self.narrowed && self.rooms.is_empty() => Ok((SmallVec::new(), 0)),
            Some(keeper) => {
                let packet = if self.compress { packet } else { packet.without_compression() };
                let (audience, select) =
                    (|| self.audience(), |with: &mut dyn FnMut(&Selection<'_>)| self.select(with));
                numbered::broadcast(&self.engine, space, keeper, &packet, self.volatile, audience, select)
            }
        }
    }

    /// Emits `message`: what other servers call `send`.
    pub fn send(&self, arguments: impl EventArguments) -> Emitted {
        self.send_event("message", &arguments)
    }

    /// Emits an event and collects the acknowledgement of each socket that is meant. It ends when all have answered,
    /// have gone, or the time is over: what came until then is there, and who is missing.
    ///
    /// The event goes out when this is called. Dropped, the answers are ignored.
    ///
    /// # Errors
    /// Awaited, [`EmitError`] when the event did not go out. What went wrong with one socket
    /// stands in its place.
    pub fn emit_with_ack<T: FromReply>(&self, name: &str, arguments: impl EventArguments) -> Requests<T> {
        Requests::new(self.ask(name, &arguments))
    }

    pub(crate) fn ask(&self, name: &str, arguments: &impl EventArguments) -> Asked {
        let hub = self.engine.application();
        let space = self.space();
        let id = space.next_ack.fetch_add(1, Ordering::Relaxed);
        let packet = encoded(name, encode_event(&space.name, Some(id), name, arguments))?;
        let frames = self.frames(packet)?;
        let sessions = self.sessions();
        let (collection, answers) = Collection::new(sessions.len());
        let timeout = Some(self.timeout.unwrap_or(ACK_TIMEOUT));
        let mut asked = Vec::with_capacity(sessions.len());
        for (session, stay) in &sessions {
            let socket = hub.id(session, *stay);
            let waiting = Waiting::Many(collection.clone(), socket);
            match await_ack(&self.engine, session, *stay, id, timeout, waiting) {
                Ok(()) => asked.push(session),
                Err(error) => collection.add(socket, Err(error)),
            }
        }
        // By session, not by slot: a slot may be another's by now.
        let dirty = self.engine.queue_all(asked.iter().copied(), &frames, self.volatile);
        self.engine.flush(dirty);
        hub.tally.broadcasts.count(asked.len());
        self.tell_outgoing(space, &frames, || sessions);
        Ok(answers)
    }

    fn frames(&self, packet: Encoded) -> Result<SmallVec<[Frame; 1]>, EmitError> {
        let mut packet = if self.compress { packet } else { packet.without_compression() };
        self.engine.application().finish(&mut packet)?;
        Ok(frames(packet).collect())
    }

    /// Tells those among the meant who listen to what goes out.
    fn tell_outgoing(
        &self,
        space: &Space,
        frames: &[Frame],
        sessions: impl FnOnce() -> Vec<(Arc<Session>, Stay)>,
    ) {
        if let Some(outgoing) = Outgoing::new(self.engine.application(), space, frames) {
            for (session, stay) in sessions() {
                outgoing.tell(&self.engine, &session, space, stay);
            }
        }
    }

    /// Those that are meant now.
    pub(crate) fn sessions(&self) -> Vec<(Arc<Session>, Stay)> {
        let space = self.space();
        let slots = self.select(|selection| space.adapter.select(selection));
        let session = |slot| {
            let session = self.engine.sessions().get(slot)?;
            let (stay, _) = session.connection().joined(self.space.number())?;
            Some((session, stay))
        };
        slots.into_iter().filter_map(session).collect()
    }

    /// How many are meant now.
    #[must_use]
    pub fn count(&self) -> usize {
        let space = self.space();
        self.select(|selection| space.adapter.count(selection))
    }

    /// Makes all that are meant now join rooms.
    pub fn sockets_join(&self, rooms: impl Rooms) {
        for (session, stay) in self.sessions() {
            join(&self.engine, self.space(), &session, stay, &rooms);
        }
    }

    /// Makes all that are meant now leave rooms.
    pub fn sockets_leave(&self, rooms: impl Rooms) {
        for (session, stay) in self.sessions() {
            leave(&self.engine, self.space(), &session, stay, &rooms);
        }
    }

    /// Who is meant, for those who come later.
    fn audience(&self) -> Audience {
        let sender = self.sender.as_ref().map(|(session, stay)| self.engine.application().id(session, *stay));
        let except = self.except.iter().cloned().chain(sender.map(|id| id.to_string().into()));
        Audience { rooms: self.rooms.clone(), except: except.collect() }
    }

    /// Says to the adapter who is meant.
    fn select<T>(&self, with: impl FnOnce(&Selection<'_>) -> T) -> T {
        let mut selection = Selection { narrowed: self.narrowed, ..Selection::everybody() };
        for room in &self.rooms {
            selection.rooms.push(room);
            selection.members.extend(self.member(room));
        }
        for room in &self.except {
            selection.except_rooms.push(room);
            selection.except_members.extend(self.member(room));
        }
        if let Some((session, stay)) = &self.sender {
            selection.except_members.extend(session.connection().member(*stay));
        }
        with(&selection)
    }

    /// The socket whose own room has that name.
    fn member(&self, room: &str) -> Option<Member> {
        let (session, stay) = find(&self.engine, &self.space, &room.parse().ok()?)?;
        session.connection().member(stay)
    }
}

/// The socket of that id.
pub(crate) fn find(engine: &Arc<Engine>, space: &Held, id: &SocketId) -> Option<(Arc<Session>, Stay)> {
    let namespace = space.number();
    space.space(&engine.application().spaces).ids.of(id.hash()).into_iter().find_map(|slot| {
        let session = engine.sessions().get(slot)?;
        let (stay, _) = session.connection().joined(namespace)?;
        (engine.application().id(&session, stay) == *id).then_some((session, stay))
    })
}
