//! What a session keeps of its peer's sockets, in 32 bytes while little is known.
//!
//! ```text
//! Apart ── CONNECT ──▶ Asking ── middlewares ──▶ Joined ── disconnect ──▶ Apart
//!            (a stay begins)                       │ lane, acks, data      (the stay may linger until
//!                                                  ▼                        its last handler has ended)
//! ```
//! One peer in one namespace, from CONNECT to disconnect, is a *stay*. The first stay in the default
//! namespace lies inline; all that few peers have is in a box that comes and goes.
//!
//! Runs nothing and sends nothing: who calls it does what it answers. Its lock comes before the adapter's.
//!
//! **Turns.** Events of a stay start in order. Who finds nobody *starting* starts events until none can: it
//! calls the handler and polls it once. A handler that waits is *active*; while as many are active as may be
//! (one, by default), or the connection handler holds them back, events wait in the *lane*.

mod asked;
mod coming;
mod going;
mod state;
mod turns;

pub(crate) use asked::AckRefused;
pub(crate) use state::{Connection, Handlers, Stay};
pub(crate) use turns::Admission;
