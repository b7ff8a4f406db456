//! Which events there are, in which direction.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sockeye_server::event::Described;

use crate::declared::{Declared, Description, Namespace};
use crate::types::{Reader, Settled, Types};
use crate::{async_api, typescript};

/// The events of a server, to be written down. See the [crate](crate).
///
/// Events are declared for the namespace that was named last, `/` before any was.
#[derive(Debug)]
#[must_use]
pub struct Contract {
    title: String,
    version: String,
    namespaces: Vec<Namespace>,
    /// The position of the namespace that was named last.
    current: usize,
    types: Types,
}

impl Contract {
    /// A contract without events. Title and version stand in what is written.
    pub fn new(title: impl Into<String>, version: impl Into<String>) -> Contract {
        Contract {
            title: title.into(),
            version: version.into(),
            namespaces: vec![Namespace::new("/")],
            current: 0,
            types: Types::default(),
        }
    }

    /// Names the namespace of the events that are declared next. A missing `/` in front is added.
    ///
    /// The interfaces of `/` are `ServerToClientEvents` and `ClientToServerEvents`; those of others have their name in
    /// front, `/admin` has `AdminServerToClientEvents`.
    pub fn namespace(mut self, name: &str) -> Contract {
        let name = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
        let known = self.namespaces.iter().position(|namespace| namespace.name == name);
        self.current = known.unwrap_or_else(|| {
            self.namespaces.push(Namespace::new(&name));
            self.namespaces.len() - 1
        });
        self
    }

    /// An event that clients emit.
    ///
    /// # Panics
    /// When the namespace has one of that name in this direction already.
    #[track_caller]
    pub fn client_to_server<E: Described<Description>>(mut self) -> Contract {
        let declared = Declared::new::<E>(&mut self.types, Reader::Server);
        declare(&mut self.namespaces[self.current].to_server, declared);
        self
    }

    /// An event that the server emits.
    ///
    /// # Panics
    /// When the namespace has one of that name in this direction already.
    #[track_caller]
    pub fn server_to_client<E: Described<Description>>(mut self) -> Contract {
        let declared = Declared::new::<E>(&mut self.types, Reader::Client);
        declare(&mut self.namespaces[self.current].to_client, declared);
        self
    }

    /// The events as the interfaces that the official client's `Socket` takes, and the types that they use.
    #[must_use]
    pub fn typescript(&self) -> String {
        let (namespaces, settled) = self.settle();
        typescript::write(&self.title, &self.version, &namespaces, &settled.definitions)
    }

    /// The events as an AsyncAPI 3.0.0 document: a channel for each namespace, whose messages' payloads are the
    /// arrays of their arguments.
    #[must_use]
    pub fn async_api(&self) -> Value {
        let (namespaces, settled) = self.settle();
        async_api::document(&self.title, &self.version, &namespaces, settled.definitions)
    }

    /// Compares a file with the contract: the [AsyncAPI document](Contract::async_api) if its name ends in `.json`,
    /// else the [declarations](Contract::typescript). For a test, which cargo runs in the package's folder.
    ///
    /// # Panics
    /// When the file is missing or says something else. It is then written, so that the next run passes. When it cannot
    /// be written.
    #[track_caller]
    pub fn check(&self, path: impl AsRef<Path>) {
        let path = path.as_ref();
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let current = if is_json { format!("{:#}\n", self.async_api()) } else { self.typescript() };
        let found = fs::read_to_string(path).map(|text| text.replace("\r\n", "\n"));
        if found.as_ref().is_ok_and(|found| *found == current) {
            return;
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(path, current)) {
            panic!("{} cannot be written: {error}", path.display());
        }
        let was = if found.is_ok() { "said something else than" } else { "was not there to say what is in" };
        panic!("{} {was} the contract; it is written now, to be looked at and committed", path.display());
    }

    /// The events and the types, with all names as they will be written.
    fn settle(&self) -> (Vec<Namespace>, Settled) {
        let mut settled = self.types.settle();
        let mut namespaces: Vec<Namespace> = self.namespaces.clone();
        namespaces.retain(|namespace| !namespace.to_client.is_empty() || !namespace.to_server.is_empty());
        let mut schemas = Vec::new();
        for namespace in &mut namespaces {
            let to_client = namespace.to_client.iter_mut().flat_map(|event| event.schemas(Reader::Client));
            let to_server = namespace.to_server.iter_mut().flat_map(|event| event.schemas(Reader::Server));
            for (reader, schema) in to_client.chain(to_server) {
                settled.rename(reader, schema);
                schemas.push(&*schema);
            }
        }
        settled.keep_only(schemas.into_iter());
        (namespaces, settled)
    }
}

#[track_caller]
fn declare(events: &mut Vec<Declared>, event: Declared) {
    let name = event.name;
    assert!(events.iter().all(|known| known.name != name), "two events are called {name:?}");
    events.push(event);
}
