//! Events as a contract has them: a name, and schemas of what goes over the wire.

use schemars::JsonSchema;
use serde_json::Value;
use sockeye_server::event::{Describe, Described, Part};

use crate::types::{Reader, Types};

/// One namespace's events, in the order in which they were declared.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) to_client: Vec<Declared>,
    pub(crate) to_server: Vec<Declared>,
}

impl Namespace {
    pub(crate) fn new(name: &str) -> Namespace {
        Namespace { name: name.to_owned(), to_client: Vec::new(), to_server: Vec::new() }
    }
}

/// An event.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) arguments: Vec<Named>,
    /// What it is acknowledged with, if it is.
    pub(crate) ack: Option<Vec<Named>>,
}

/// A value and what it is called.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) schema: Value,
    /// It may be left out, since nothing but such values follow.
    pub(crate) is_optional: bool,
}

impl Declared {
    /// Describes an event that `reader` reads.
    pub(crate) fn new<E: Described<Description>>(types: &mut Types, reader: Reader) -> Declared {
        let mut description =
            Description { types: std::mem::take(types), reader, arguments: Vec::new(), ack: Vec::new() };
        E::describe(&mut description);
        let Description { mut arguments, mut ack, .. } = description;
        *types = description.types;
        // In front of a function, TypeScript has nothing optional.
        match reader {
            Reader::Server if !E::HAS_ACK => leave_out(&mut arguments),
            Reader::Server => {}
            Reader::Client => leave_out(&mut ack),
        }
        Declared { name: E::NAME, doc: E::DOC, arguments, ack: E::HAS_ACK.then_some(ack) }
    }

    /// All schemas, and who reads them.
    pub(crate) fn schemas(&mut self, reader: Reader) -> impl Iterator<Item = (Reader, &mut Value)> {
        let answered = match reader {
            Reader::Client => Reader::Server,
            Reader::Server => Reader::Client,
        };
        let arguments = self.arguments.iter_mut().map(move |named| (reader, &mut named.schema));
        let ack = self.ack.iter_mut().flatten().map(move |named| (answered, &mut named.schema));
        arguments.chain(ack)
    }
}

/// What a server reads may end early, where it has an `Option`.
fn leave_out(values: &mut [Named]) {
    for named in values.iter_mut().rev() {
        if !is_nullable(&named.schema) {
            return;
        }
        named.is_optional = true;
    }
}

/// Whether it is what an `Option` is.
fn is_nullable(schema: &Value) -> bool {
    let is_null = |schema: &Value| schema["type"] == "null";
    let types = schema["type"].as_array().into_iter().flatten();
    let any = schema["anyOf"].as_array().into_iter().flatten();
    types.into_iter().any(|name| name == "null") || any.into_iter().any(is_null)
}

/// Who is told what an event is made of. It can describe what implements [`JsonSchema`].
#[derive(Debug)]
pub struct Description {
    types: Types,
    reader: Reader,
    arguments: Vec<Named>,
    ack: Vec<Named>,
}

impl<T: JsonSchema> Describe<T> for Description {
    fn describe(&mut self, part: Part, name: &'static str) {
        let (reader, values) = match (part, self.reader) {
            (Part::Arguments, reader) => (reader, &mut self.arguments),
            (Part::Ack, Reader::Client) => (Reader::Server, &mut self.ack),
            (Part::Ack, Reader::Server) => (Reader::Client, &mut self.ack),
        };
        values.push(Named { name, schema: self.types.schema::<T>(reader), is_optional: false });
    }
}
