//! The types of arguments as JSON Schema: as they are written, and as they are read.

use std::collections::{BTreeMap, BTreeSet};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

/// Where an AsyncAPI document has its schemas.
const PREFIX: &str = "#/components/schemas/";

/// Words that no type can be called in TypeScript, and types that the declarations use.
const TAKEN: &str =
    "ArrayBuffer Uint8Array any bigint boolean never null number object string symbol undefined unknown void";

/// Who reads a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reader {
    Client,
    Server,
}

/// All types that a contract has named so far.
#[derive(Debug)]
pub(crate) struct Types {
    written: SchemaGenerator,
    read: SchemaGenerator,
}

impl Default for Types {
    fn default() -> Types {
        let settings = SchemaSettings::draft07().with(|settings| {
            settings.definitions_path = PREFIX.into();
            settings.meta_schema = None;
        });
        Types {
            written: with_bytes(settings.clone().for_serialize().into_generator()),
            read: with_bytes(settings.for_deserialize().into_generator()),
        }
    }
}

impl Types {
    /// The schema of a `T`; a reference where the type has a name.
    pub(crate) fn schema<T: JsonSchema>(&mut self, reader: Reader) -> Value {
        let generator = match reader {
            Reader::Client => &mut self.written,
            Reader::Server => &mut self.read,
        };
        let mut schema = generator.subschema_for::<T>();
        generator.transforms_mut().for_each(|transform| transform.transform(&mut schema));
        schema.to_value()
    }

    /// The named types, once no more will come.
    pub(crate) fn settle(&self) -> Settled {
        let written = self.written.clone().take_definitions(true);
        let read = self.read.clone().take_definitions(true);
        let written: BTreeMap<String, Value> = written.into_iter().collect();
        let read: BTreeMap<String, Value> = read.into_iter().collect();

        // What is read otherwise than it is written, and what has such a part, is two types.
        let both = || written.keys().filter(|name| read.contains_key(*name));
        let mut twice: BTreeSet<&String> = both().filter(|name| written[*name] != read[*name]).collect();
        loop {
            let has_part =
                |name: &&String| references(&written[*name]).iter().any(|part| twice.contains(part));
            let more: Vec<&String> = both().filter(|name| !twice.contains(name)).filter(has_part).collect();
            if more.is_empty() {
                break;
            }
            twice.extend(more);
        }

        let mut settled = Settled::default();
        for name in written.keys() {
            let new = settled.free(name);
            settled.written.insert(name.clone(), new);
        }
        for name in read.keys() {
            let new = match settled.written.get(name) {
                Some(same) if !twice.contains(name) => same.clone(),
                Some(_) => settled.free(&format!("{name}Input")),
                None => settled.free(name),
            };
            settled.read.insert(name.clone(), new);
        }
        for (reader, definitions) in [(Reader::Client, written), (Reader::Server, read)] {
            for (name, mut schema) in definitions {
                settled.rename(reader, &mut schema);
                settled.definitions.insert(settled.names(reader)[&name].clone(), schema);
            }
        }
        settled
    }
}

/// Knows that `Bytes` are bytes: to schemars they are numbers, since that is what serde_json makes of them.
fn with_bytes(mut generator: SchemaGenerator) -> SchemaGenerator {
    let reference = generator.subschema_for::<bytes::Bytes>().to_value();
    let name = referred(&reference).expect("a type with a name of its own").to_owned();
    generator.definitions_mut().insert(name, json!({ "type": "string", "format": "binary" }));
    generator
}

/// The named types of a contract, under names that are unique.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) definitions: BTreeMap<String, Value>,
    written: BTreeMap<String, String>,
    read: BTreeMap<String, String>,
}

impl Settled {
    fn names(&self, reader: Reader) -> &BTreeMap<String, String> {
        match reader {
            Reader::Client => &self.written,
            Reader::Server => &self.read,
        }
    }

    /// A name like that one which nothing has yet, and which TypeScript and AsyncAPI accept.
    fn free(&self, name: &str) -> String {
        let allowed = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
        let mut name: String = name.chars().map(allowed).collect();
        let is_used =
            |name: &String| self.written.values().chain(self.read.values()).any(|used| used == name);
        let is_interface =
            |name: &str| ["ToClientEvents", "ToServerEvents"].iter().any(|end| name.ends_with(end));
        while TAKEN.split(' ').any(|word| word == name)
            || is_interface(&name)
            || name.starts_with(|char: char| char.is_ascii_digit())
            || is_used(&name)
        {
            name.insert(0, '_');
        }
        name
    }

    /// Has a schema refer to types by their final names.
    pub(crate) fn rename(&self, reader: Reader, schema: &mut Value) {
        each_reference(schema, &mut |reference| {
            let name = reference.strip_prefix(PREFIX).and_then(|name| self.names(reader).get(name));
            let name =
                name.unwrap_or_else(|| panic!("{reference} has a name that cannot stand in a reference"));
            *reference = format!("{PREFIX}{name}");
        });
    }

    /// Forgets the types that none of these schemas needs.
    pub(crate) fn keep_only<'s>(&mut self, used: impl Iterator<Item = &'s Value>) {
        let mut wanted: Vec<String> = used.flat_map(references).collect();
        let mut kept = BTreeMap::new();
        while let Some(name) = wanted.pop() {
            if let Some(schema) = self.definitions.remove(&name) {
                wanted.extend(references(&schema));
                kept.insert(name, schema);
            }
        }
        self.definitions = kept;
    }
}

/// The name of the type that a schema refers to, if it is a reference.
pub(crate) fn referred(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(PREFIX)
}

/// The names of the types that a schema refers to.
fn references(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    each_reference(&mut schema.clone(), &mut |reference| {
        names.extend(reference.strip_prefix(PREFIX).map(str::to_owned));
    });
    names
}

fn each_reference(schema: &mut Value, visit: &mut dyn FnMut(&mut String)) {
    match schema {
        Value::Array(elements) => elements.iter_mut().for_each(|element| each_reference(element, visit)),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(reference) if name == "$ref" => visit(reference),
                    // Values, in which a member of that name is only a member.
                    _ if matches!(&**name, "const" | "default" | "enum" | "examples") => {}
                    _ => each_reference(member, visit),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::{Reader, Types};

    #[derive(Deserialize, JsonSchema, Serialize)]
    struct Same {
        text: String,
    }

    #[derive(Deserialize, JsonSchema, Serialize)]
    struct Other {
        #[serde(default)]
        text: String,
    }

    #[derive(Deserialize, JsonSchema, Serialize)]
    struct Whole {
        other: Other,
        same: Same,
    }

    mod elsewhere {
        #[derive(schemars::JsonSchema)]
        pub(super) struct Same {
            _number: u8,
        }
    }

    #[test]
    fn a_type_that_is_read_otherwise_is_declared_twice_and_so_is_what_has_it() {
        let mut types = Types::default();
        let mut schemas = [types.schema::<Whole>(Reader::Client), types.schema::<Whole>(Reader::Server)];
        let mut settled = types.settle();
        settled.rename(Reader::Client, &mut schemas[0]);
        settled.rename(Reader::Server, &mut schemas[1]);
        settled.keep_only(schemas.iter());
        let names: Vec<&str> = settled.definitions.keys().map(String::as_str).collect();
        assert_eq!(names, ["Other", "OtherInput", "Same", "Whole", "WholeInput"]);
        assert_eq!(schemas[1], json!({ "$ref": "#/components/schemas/WholeInput" }));
        let part = &settled.definitions["WholeInput"]["properties"]["other"];
        assert_eq!(*part, json!({ "$ref": "#/components/schemas/OtherInput" }));
    }

    #[test]
    fn two_types_of_one_name_stay_two() {
        let mut types = Types::default();
        let (one, two) =
            (types.schema::<Same>(Reader::Client), types.schema::<elsewhere::Same>(Reader::Client));
        assert_ne!(one, two);
        assert_eq!(types.settle().definitions.len(), 3); // and Bytes
    }
}
