//! Events as an AsyncAPI document.
//!
//! A namespace is a channel. The application is the server: it receives what clients emit, and sends what they hear.
//!
//! Spec: AsyncAPI 3.0.0; its schemas are those of JSON Schema draft 7.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::declared::{Declared, Named, Namespace};

pub(crate) fn document(
    title: &str,
    version: &str,
    namespaces: &[Namespace],
    definitions: BTreeMap<String, Value>,
) -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    for namespace in namespaces {
        let id = free(&channels, identifier(&namespace.name));
        let mut messages = Map::new();
        let both = namespace.to_server.iter().map(|event| ("receive", event));
        for (action, event) in both.chain(namespace.to_client.iter().map(|event| ("send", event))) {
            let message = free(&messages, format!("{action}.{}", identifier(event.name)));
            let channel = json!({ "$ref": format!("#/channels/{id}") });
            let reference =
                |message: &str| json!([{ "$ref": format!("#/channels/{id}/messages/{message}") }]);
            let mut operation =
                json!({ "action": action, "channel": channel, "messages": reference(&message) });
            if let Some(ack) = &event.ack {
                let reply = format!("{message}.ack");
                operation["reply"] = json!({ "channel": channel, "messages": reference(&reply) });
                messages.insert(reply, json!({ "payload": payload(ack) }));
            }
            operations.insert(format!("{id}.{message}"), operation);
            messages.insert(message, described(event));
        }
        channels.insert(id, json!({ "address": namespace.name, "messages": messages }));
    }
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": { "title": title, "version": version },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
    });
    if !definitions.is_empty() {
        document["components"] = json!({ "schemas": definitions });
    }
    // serde_json keeps another order in programs that ask it to.
    document.sort_all_objects();
    document
}

fn described(event: &Declared) -> Value {
    let mut message = json!({ "name": event.name, "payload": payload(&event.arguments) });
    if !event.doc.is_empty() {
        message["description"] = event.doc.into();
    }
    message
}

/// The arguments, as the array that they are behind the event's name.
fn payload(values: &[Named]) -> Value {
    let item = |named: &Named| match named.schema.get("$ref") {
        // Beside a reference nothing counts.
        Some(_) => json!({ "title": named.name, "allOf": [named.schema] }),
        None => {
            let mut schema = named.schema.clone();
            if let Some(object) = schema.as_object_mut() {
                object.insert("title".to_owned(), named.name.into());
                schema
            } else {
                json!({ "title": named.name })
            }
        }
    };
    let items: Vec<Value> = values.iter().map(item).collect();
    let least = values.iter().filter(|named| !named.is_optional).count();
    let mut payload = json!({ "type": "array", "minItems": least, "maxItems": items.len() });
    if !items.is_empty() {
        payload["items"] = items.into();
    }
    payload
}

/// A name as AsyncAPI has keys; `/` is `default`.
fn identifier(name: &str) -> String {
    let name = name.strip_prefix('/').unwrap_or(name);
    let allowed = |char: char| if char.is_ascii_alphanumeric() || char == '-' { char } else { '_' };
    if name.is_empty() { "default".to_owned() } else { name.chars().map(allowed).collect() }
}

/// A key that nothing has yet: two names may have become one.
fn free(taken: &Map<String, Value>, mut key: String) -> String {
    while taken.contains_key(&key) {
        key.push('_');
    }
    key
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::async_api::document;
    use crate::declared::{Declared, Namespace};

    #[test]
    fn names_that_become_one_stay_two() {
        let event = |name| Declared { name, doc: "", arguments: Vec::new(), ack: None };
        let mut main = Namespace::new("/");
        main.to_server = vec![event("chat message"), event("chat_message")];
        let mut other = Namespace::new("/default");
        other.to_server = vec![event("chat message")];
        let document = document("small", "1", &[main, other], BTreeMap::new());
        let keys = |value: &serde_json::Value| {
            value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(keys(&document["channels"]), ["default", "default_"]);
        assert_eq!(document["channels"]["default_"]["address"], "/default");
        let operations = [
            "default.receive.chat_message",
            "default.receive.chat_message_",
            "default_.receive.chat_message",
        ];
        assert_eq!(keys(&document["operations"]), operations);
    }
}
