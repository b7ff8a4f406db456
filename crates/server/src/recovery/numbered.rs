//! Emitting where connections are recovered: events get a number, and are kept.
//!
//! ```text
//! log locked: number ─▶ the event with its offset ─▶ kept with its audience ─▶ queued for those meant
//! log open:   written
//! ```
//! A volatile event is not kept and gets the number of the last one, so that a client that takes its last argument for
//! an offset is right.

use std::cell::RefCell;
use std::sync::Arc;

use smallvec::SmallVec;
use sockeye_adapter::adapter::{Parcel, Recipients, Selection};
use sockeye_engine_proto::frame::Frame;
use sockeye_socket_proto::outgoing::Encoded;
use sockeye_socket_proto::parser::json::with_argument;

use crate::connection::Stay;
use crate::error::EmitError;
use crate::hub::{Deliver, Engine, Session, Space, frames};
use crate::recovery::cut::sweep;
use crate::recovery::keeper::Keeper;
use crate::recovery::log::{Audience, Log};

/// An event on its way: its frames with the offset that they carry.
fn number(
    engine: &Engine,
    keeper: &Keeper,
    log: &mut Log,
    audience: impl FnOnce() -> Audience,
    packet: &Encoded,
    volatile: bool,
) -> Result<SmallVec<[Frame; 1]>, EmitError> {
    let number = if volatile { log.last() } else { log.last() + 1 };
    let mut numbered = with_argument(packet, &log.offset(number));
    engine.application().finish(&mut numbered)?;
    let numbered: SmallVec<[Frame; 1]> = frames(numbered).collect();
    if !volatile {
        let limits = (keeper.options.log_bytes, keeper.options.log_bytes_of_all);
        log.push(engine.now(), audience(), numbered.clone(), limits);
    }
    Ok(numbered)
}

/// Emits to those of a namespace that are meant; answers the frames that went out, and how many are meant.
pub(crate) fn broadcast(
    engine: &Arc<Engine>,
    space: &Space,
    keeper: &Keeper,
    packet: &Encoded,
    volatile: bool,
    audience: impl FnOnce() -> Audience,
    select: impl FnOnce(&mut dyn FnMut(&Selection<'_>)),
) -> Result<(SmallVec<[Frame; 1]>, usize), EmitError> {
    let mut log = keeper.log.lock();
    let frames = number(engine, keeper, &mut log, audience, packet, volatile)?;
    let parcel = Parcel { frames: &frames, volatile };
    let later = Later { deliver: Deliver(engine), dirty: RefCell::default() };
    let mut receivers = 0;
    select(&mut |selection| receivers = space.adapter.broadcast(selection, parcel, &later));
    drop(log);
    later.deliver.flush(later.dirty.into_inner());
    sweep(engine, space, keeper);
    Ok((frames, receivers))
}

/// Emits to one socket, or keeps the event for when it comes back; answers the frames that went out.
pub(crate) fn send(
    engine: &Arc<Engine>,
    session: &Arc<Session>,
    space: &Space,
    keeper: &Keeper,
    stay: Stay,
    packet: &Encoded,
    volatile: bool,
) -> Result<SmallVec<[Frame; 1]>, EmitError> {
    let hub = engine.application();
    let id = hub.id(session, stay);
    let mut log = keeper.log.lock();
    // Before one that comes back is told so, what it is sent stands behind what it missed.
    let returns = session.connection().returns(stay);
    let hears = session.connection().may_hear(stay) && !returns;
    if !hears && (volatile || !returns && !keeper.saves.lock().is_saved(&hub.pid(&id))) {
        return Err(EmitError::Disconnected);
    }
    let only = || Audience { rooms: [id.to_string().into()].into_iter().collect(), ..Audience::default() };
    let frames = number(engine, keeper, &mut log, only, packet, volatile)?;
    let is_dirty = hears && engine.queue(session, &frames, volatile);
    drop(log);
    if is_dirty {
        engine.flush_one(session);
    }
    sweep(engine, space, keeper);
    Ok(frames)
}

/// Queues at once and writes later, when the log is open.
struct Later<'e> {
    deliver: Deliver<'e>,
    dirty: RefCell<Vec<u32>>,
}

impl Recipients for Later<'_> {
    fn enqueue(&self, slots: &mut dyn Iterator<Item = u32>, parcel: Parcel<'_>, dirty: &mut Vec<u32>) {
        self.deliver.enqueue(slots, parcel, dirty);
    }

    fn flush(&self, dirty: Vec<u32>) {
        self.dirty.borrow_mut().extend(dirty);
    }
}
