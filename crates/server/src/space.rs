//! One namespace: what is done about its sockets, who is in it, and where the socket of an id is.
//!
//! Generic over handlers, so that it stays below the knot that ties handlers to sessions.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, RwLock};
use sockeye_adapter::adapter::Adapter;
use sockeye_adapter::local::Local;

use crate::connection::Handlers;
use crate::handler::server_side::HandleServerSide;
use crate::once::Window;
use crate::recovery::keeper::Keeper;
use crate::room_event::OnRoom;
use crate::slots::Slots;
use crate::slow::Rules;
use crate::table::{Table, Tables};
use crate::untold::Untold;

/// What is done about the sockets of a namespace. A parent has it for the children to come.
pub(crate) struct Settings<H: ?Sized> {
    /// Handles a new socket.
    pub(crate) connection: RwLock<Option<Arc<H>>>,
    pub(crate) middlewares: RwLock<Arc<[Arc<H>]>>,
    /// Handle what the servers of the namespace emit to each other.
    pub(crate) server_side: RwLock<HashMap<Box<str>, Arc<dyn HandleServerSide>>>,
    /// How many event handlers of one socket may wait at once.
    pub(crate) concurrent: AtomicU8,
    /// Is told of rooms; asked often, so whether there is one stands beside it.
    on_room: RwLock<Option<OnRoom>>,
    watches_rooms: AtomicBool,
    pub(crate) tables: Arc<Tables<H>>,
}

impl<H: ?Sized> Default for Settings<H> {
    fn default() -> Settings<H> {
        Settings {
            connection: RwLock::new(None),
            middlewares: RwLock::new(Arc::new([])),
            server_side: RwLock::default(),
            concurrent: AtomicU8::new(1),
            on_room: RwLock::new(None),
            watches_rooms: AtomicBool::new(false),
            tables: Arc::default(),
        }
    }
}

impl<H: ?Sized> Settings<H> {
    /// The same for a child, as they are now. Tables of handlers are shared: its sockets register the same.
    pub(crate) fn copy(&self) -> Settings<H> {
        Settings {
            connection: RwLock::new(self.connection.read().clone()),
            middlewares: RwLock::new(self.middlewares.read().clone()),
            server_side: RwLock::new(self.server_side.read().clone()),
            concurrent: AtomicU8::new(self.concurrent.load(Ordering::Relaxed)),
            on_room: RwLock::new(self.on_room.read().clone()),
            watches_rooms: AtomicBool::new(self.watches_rooms.load(Ordering::Relaxed)),
            tables: self.tables.clone(),
        }
    }

    pub(crate) fn set_connection(&self, handler: Arc<H>) {
        let replaced = self.connection.write().replace(handler);
        // What it captured is dropped here, where no lock is held.
        drop(replaced);
    }

    pub(crate) fn add_middleware(&self, middleware: Arc<H>) {
        let mut middlewares = self.middlewares.write();
        *middlewares = middlewares.iter().cloned().chain([middleware]).collect();
    }

    pub(crate) fn set_on_room(&self, on_room: OnRoom) {
        let replaced = self.on_room.write().replace(on_room);
        self.watches_rooms.store(true, Ordering::Release);
        drop(replaced);
    }

    /// Who is to be told of rooms.
    pub(crate) fn on_room(&self) -> Option<OnRoom> {
        if self.watches_rooms.load(Ordering::Acquire) { self.on_room.read().clone() } else { None }
    }

    /// The table that a socket's handlers are in.
    pub(crate) fn table<'t>(&'t self, handlers: &'t Handlers<Table<H>>) -> &'t Table<H> {
        match handlers {
            Handlers::Own(table) => table,
            Handlers::Shared(number) => {
                self.tables.get(*number).expect("numbers of tables are only given to those that are there")
            }
        }
    }
}

/// One namespace.
pub(crate) struct Space<H: ?Sized> {
    pub(crate) name: Box<str>,
    pub(crate) settings: Settings<H>,
    /// The number of the parent whose child it is.
    pub(crate) parent: Option<u32>,
    pub(crate) adapter: Arc<dyn Adapter>,
    /// The id of the next event that wants an ack.
    pub(crate) next_ack: AtomicU64,
    /// Whether a socket's handlers ever asked to hear what goes out: broadcasts then look for them.
    pub(crate) watches_outgoing: AtomicBool,
    /// Whether somebody was let in, or the application asked for it: a child that nobody wants goes.
    pub(crate) is_wanted: AtomicBool,
    /// What happened to rooms and is to be told.
    pub(crate) untold: Untold,
    /// The peers that wait until it is announced. `None` once it is: nobody joins before.
    joining: Mutex<Option<Vec<Waker>>>,
    /// It was removed: nobody joins it any more.
    is_removed: AtomicBool,
    /// Where the sockets of ids are.
    pub(crate) ids: Slots,
    /// What is known of events that are handled once for each key.
    pub(crate) once: Window,
    /// What becomes of events for peers that read slowly.
    pub(crate) rules: Rules,
    /// Where connections are recovered.
    pub(crate) keeper: Option<Keeper>,
}

impl<H: ?Sized> Space<H> {
    pub(crate) fn new(
        name: &str,
        settings: Settings<H>,
        parent: Option<u32>,
        keeper: Option<Keeper>,
        room_limit: usize,
    ) -> Space<H> {
        Space {
            name: name.into(),
            settings,
            parent,
            adapter: Arc::new(Local::new(room_limit)),
            next_ack: AtomicU64::new(0),
            watches_outgoing: AtomicBool::new(false),
            is_wanted: AtomicBool::new(false),
            untold: Untold::default(),
            joining: Mutex::new(None),
            is_removed: AtomicBool::new(false),
            ids: Slots::default(),
            once: Window::default(),
            rules: Rules::default(),
            keeper,
        }
    }

    /// It will be announced, and until then nobody joins.
    pub(crate) fn unannounced(self) -> Space<H> {
        Space { joining: Mutex::new(Some(Vec::new())), ..self }
    }

    /// Who wants to know of new namespaces was told of it.
    pub(crate) fn set_announced(&self) {
        let joining = self.joining.lock().take();
        joining.into_iter().flatten().for_each(Waker::wake);
    }

    pub(crate) fn is_announced(&self) -> bool {
        self.joining.lock().is_none()
    }

    /// Ready once it is announced; else `cx` is woken when it is.
    pub(crate) fn poll_announced(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self.joining.lock() {
            None => Poll::Ready(()),
            Some(joining) => {
                joining.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Before its sockets are looked for: who becomes a member later sees it.
    pub(crate) fn set_removed(&self) {
        self.is_removed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.is_removed.load(Ordering::SeqCst)
    }

    /// How many event handlers of one socket may wait at once.
    pub(crate) fn concurrent(&self) -> u8 {
        self.settings.concurrent.load(Ordering::Relaxed)
    }
}
