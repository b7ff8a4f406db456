//! Events as TypeScript declarations.

mod expression;

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use crate::declared::{Declared, Named, Namespace};
use crate::typescript::expression::{doc, expression, key, members};

/// Words that no parameter can be called.
const RESERVED: &str = "arguments await break case catch class const continue debugger default delete do else enum \
     eval export extends false finally for function if implements import in instanceof interface let new null package \
     private protected public return static super switch this throw true try typeof var void while with yield";

pub(crate) fn write(
    title: &str,
    version: &str,
    namespaces: &[Namespace],
    definitions: &BTreeMap<String, Value>,
) -> String {
    let mut text =
        format!("// The events of {title} {version}, from its Rust types: a test writes this file.\n");
    let mut prefixes: Vec<String> = Vec::new();
    for namespace in namespaces {
        let mut prefix = pascal_case(&namespace.name);
        while prefixes.contains(&prefix) {
            prefix.push('_');
        }
        interface(&mut text, &format!("{prefix}ServerToClientEvents"), &namespace.to_client);
        interface(&mut text, &format!("{prefix}ClientToServerEvents"), &namespace.to_server);
        prefixes.push(prefix);
    }
    for (name, schema) in definitions {
        text.push('\n');
        doc(&mut text, "", schema["description"].as_str());
        match members(schema, "  ") {
            Some(members) => {
                writeln!(text, "export interface {name} {{\n{members}}}").expect("a string takes everything");
            }
            None => {
                let is = expression(schema);
                writeln!(text, "export type {name} = {is};").expect("a string takes everything");
            }
        }
    }
    text
}

fn interface(text: &mut String, name: &str, events: &[Declared]) {
    writeln!(text, "\nexport interface {name} {{").expect("a string takes everything");
    for event in events {
        doc(text, "  ", Some(event.doc));
        let mut parameters: Vec<String> = event.arguments.iter().map(parameter).collect();
        if let Some(ack) = &event.ack {
            let answer: Vec<String> = ack.iter().map(parameter).collect();
            let mut name = "ack".to_owned();
            while event.arguments.iter().any(|argument| argument.name == name) {
                name.push('_');
            }
            parameters.push(format!("{name}: ({}) => void", answer.join(", ")));
        }
        writeln!(text, "  {}: ({}) => void;", key(event.name), parameters.join(", "))
            .expect("a string takes everything");
    }
    text.push_str("}\n");
}

fn parameter(named: &Named) -> String {
    let name = named.name;
    let name =
        if RESERVED.split(' ').any(|word| word == name) { format!("{name}_") } else { name.to_owned() };
    let mark = if named.is_optional { "?" } else { "" };
    format!("{name}{mark}: {}", expression(&named.schema))
}

/// `/admin-area` is `AdminArea`, and `/` nothing.
fn pascal_case(namespace: &str) -> String {
    let mut name = String::new();
    for word in namespace.split(|char: char| !char.is_alphanumeric()) {
        let mut characters = word.chars();
        name.extend(characters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(characters.as_str());
    }
    if name.starts_with(char::is_numeric) { format!("_{name}") } else { name }
}
