//! The application's own values, by type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;

/// One value of each type, given to the server's builder and handed to handlers as
/// [`State`](crate::handler::args::State).
#[derive(Default)]
pub struct States(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl States {
    pub(crate) fn insert<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(value));
    }

    pub(crate) fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref().cloned()
    }

    /// Panics unless there is a `T`.
    #[track_caller]
    pub(crate) fn expect<T: 'static>(&self) {
        assert!(
            self.0.contains_key(&TypeId::of::<T>()),
            "a handler wants State<{0}>, and the server has none: give it with Server::builder().state(..) a {0}",
            type_name::<T>(),
        );
    }
}
