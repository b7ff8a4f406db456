//! A peer that comes back, and what it gets.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::tick::Tick;
use sockeye_socket_proto::reason::DisconnectReason;
use sockeye_socket_proto::value::Value;

use crate::departure::leave;
use crate::handshake::read_auth;
use crate::hub::{Engine, Held, Hub, Space};
use crate::id::{Pid, SocketId};
use crate::log::{HANDLER, SOCKET};
use crate::recovery::Unrecovered;
use crate::recovery::cut::sweep;
use crate::recovery::keeper::Keeper;
use crate::recovery::log::Log;
use crate::recovery::saved::{Saved, Taken};

/// A peer that has proven what it was.
pub(crate) struct Comeback {
    pub(crate) saved: Saved,
    /// The number up to which it has all.
    number: u64,
    /// Until when it would have been kept.
    until: Tick,
}

/// What a CONNECT says of a socket that was.
#[derive(Deserialize)]
struct Said {
    pid: Option<Value>,
    offset: Option<Value>,
}

impl Comeback {
    /// Takes the state of the peer that asks for it in its CONNECT, whose payload is `auth`. A failure is counted and
    /// told; then it is a new socket.
    pub(crate) fn of(engine: &Arc<Engine>, space: &Held, auth: Option<&str>) -> Option<Comeback> {
        let hub = engine.application();
        let keeper = space.space(&hub.spaces).keeper.as_ref()?;
        let said: Said = read_auth(Some(auth?)).ok()?;
        let pid = said.pid?;
        match find(engine, space, keeper, &pid, said.offset.as_ref()) {
            Ok(comeback) => Some(comeback),
            Err(cause) => {
                hub.report_unrecovered(space.space(&hub.spaces), cause);
                None
            }
        }
    }

    /// All that it missed, for a socket that is about to join.
    pub(crate) fn missed(&self, log: &Log) -> Result<Vec<Frame>, Unrecovered> {
        let own = self.saved.id.to_string();
        // Each event of the log is looked for in it: a peer in very many rooms must not cost the others time.
        let rooms: HashSet<&str> = self.saved.rooms.iter().map(String::as_str).collect();
        let is_in = |room: &str| room == own || rooms.contains(room);
        log.missed(self.number, is_in).map_err(|_| Unrecovered::LogTooShort)
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// It was cut again before it was let in: it may come back once more.
    pub(crate) fn give_back(&self, engine: &Arc<Engine>, space: &Space) {
        let Some(keeper) = &space.keeper else { return };
        let saved = Saved { reached: self.number, ..self.saved.clone() };
        let pid = engine.application().pid(&saved.id);
        let gone = keeper.saves.lock().save(pid, saved, self.until, keeper.options.sessions);
        // The application's values: dropped where no lock is held.
        drop(gone);
        sweep(engine, space, keeper);
    }
}

fn find(
    engine: &Arc<Engine>,
    space: &Held,
    keeper: &Keeper,
    pid: &Value,
    offset: Option<&Value>,
) -> Result<Comeback, Unrecovered> {
    let Value::String(pid) = pid else { return Err(Unrecovered::Unknown) };
    let pid = Pid::parse(pid).ok_or(Unrecovered::Unknown)?;
    end_old(engine, space, keeper, &pid);
    let taken = keeper.saves.lock().take(&pid, engine.now());
    let (saved, until) = match taken {
        Taken::Saved(saved, until) => (saved, until),
        Taken::Expired => return Err(Unrecovered::Expired),
        Taken::Unknown => return Err(Unrecovered::Unknown),
    };
    let log = keeper.log.lock();
    let said = match offset {
        // No event with a number has ever reached it.
        None if keeper.options.before_first_event => 0,
        Some(Value::String(offset)) => log.number(offset).ok_or(Unrecovered::Unknown)?,
        _ => return Err(Unrecovered::Unknown),
    };
    // It may name less than what has reached it for sure: what came since was for others, or the number is from before
    // it left and joined anew.
    let number = said.max(saved.reached);
    if !log.reaches(number) {
        return Err(Unrecovered::LogTooShort);
    }
    drop(log);
    Ok(Comeback { saved, number, until })
}

/// Who comes back knows that its old connection is gone, perhaps before we do.
fn end_old(engine: &Arc<Engine>, space: &Held, keeper: &Keeper, pid: &Pid) {
    let hub = engine.application();
    for slot in keeper.pids.of(pid.hash()) {
        let Some(session) = engine.sessions().get(slot) else { continue };
        let Some((stay, _)) = session.connection().joined(space.number()) else { continue };
        let id: SocketId = hub.id(&session, stay);
        if hub.pid(&id) == *pid {
            leave(engine, &session, stay, DisconnectReason::TransportClose);
            engine.close(&session, CloseReason::TransportClose);
        }
    }
}

impl Hub {
    /// Counts a peer that was not recovered, and tells who wants to know.
    pub(crate) fn report_unrecovered(&self, space: &Space, cause: Unrecovered) {
        let at = Unrecovered::ALL.iter().position(|one| *one == cause).unwrap_or_default();
        self.tally.unrecovered[at].add_one();
        tracing::debug!(target: SOCKET, namespace = &*space.name, cause = cause.as_str(), "not recovered");
        let tell = self.on_unrecovered.read().clone();
        if let Some(tell) = tell
            && std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tell(&space.name, cause))).is_err()
        {
            tracing::error!(target: HANDLER, cause = cause.as_str(), "on_unrecovered panicked");
        }
    }
}
