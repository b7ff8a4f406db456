//! A JSON Schema, as schemars writes it, as a TypeScript type.

use serde_json::Value;

use crate::types::referred;

/// Arrays up to that length are written element by element.
const LONGEST_TUPLE: u64 = 8;

/// The type of a value that the schema describes.
pub(crate) fn expression(schema: &Value) -> String {
    let parts = intersection(schema);
    let text = |part: &String| if parts.len() > 1 { in_brackets(part) } else { part.clone() };
    match parts.is_empty() {
        true => "unknown".to_owned(),
        false => parts.iter().map(text).collect::<Vec<String>>().join(" & "),
    }
}

/// What a value is all at once.
fn intersection(schema: &Value) -> Vec<String> {
    if let Some(name) = referred(schema) {
        return vec![name.to_owned()];
    }
    if *schema == false || schema["not"] == serde_json::json!({}) || schema["not"] == true {
        return vec!["never".to_owned()];
    }
    let mut parts = Vec::new();
    for list in ["anyOf", "oneOf"] {
        if let Some(options) = schema[list].as_array() {
            parts.push(union(options.iter().map(expression)));
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        parts.push(expression(part));
    }
    if let Some(value) = schema.get("const") {
        parts.push(literal(value));
    } else if let Some(values) = schema["enum"].as_array() {
        parts.push(union(values.iter().map(literal)));
    } else {
        match &schema["type"] {
            Value::String(name) => parts.extend(of_type(schema, name, parts.is_empty())),
            Value::Array(names) => {
                let names = names.iter().filter_map(Value::as_str);
                parts.push(union(names.filter_map(|name| of_type(schema, name, true))));
            }
            _ if schema.get("properties").is_some() => parts.extend(of_type(schema, "object", true)),
            _ => {}
        }
    }
    parts.dedup();
    parts
}

/// The type of that name; none when it says nothing besides what else is known.
fn of_type(schema: &Value, name: &str, is_alone: bool) -> Option<String> {
    let text = match name {
        "string" if schema["format"] == "binary" => "ArrayBuffer | Uint8Array",
        "string" => "string",
        "integer" | "number" => "number",
        "boolean" => "boolean",
        "null" => "null",
        "array" => return Some(array(schema)),
        "object" => {
            let object = object(schema);
            return (is_alone || object.is_some())
                .then(|| object.unwrap_or_else(|| "{ [key: string]: unknown }".to_owned()));
        }
        _ => "unknown",
    };
    Some(text.to_owned())
}

fn array(schema: &Value) -> String {
    let elements = |schemas: &[Value]| schemas.iter().map(expression).collect::<Vec<String>>().join(", ");
    match &schema["items"] {
        Value::Array(schemas) => format!("[{}]", elements(schemas)),
        Value::Null if schema["maxItems"] == 0 => "[]".to_owned(),
        Value::Null => "unknown[]".to_owned(),
        each => {
            let each = expression(each);
            match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
                (Some(least), Some(most)) if least == most && (1..=LONGEST_TUPLE).contains(&most) => {
                    format!("[{}]", vec![each; most as usize].join(", "))
                }
                _ => format!("{}[]", in_brackets(&each)),
            }
        }
    }
}

/// An object on one line; none when nothing is known of it.
fn object(schema: &Value) -> Option<String> {
    let text = lines(schema)?.into_iter().map(|(_, member)| member).collect::<Vec<String>>().join(" ");
    Some(if text.is_empty() { "{ [key: string]: never }".to_owned() } else { format!("{{ {text} }}") })
}

/// The members of an object with a name of its own, one on a line; none when it is more than an object.
pub(crate) fn members(schema: &Value, indent: &str) -> Option<String> {
    let more = ["anyOf", "oneOf", "allOf", "enum", "const", "not"];
    if schema["type"] != "object" || more.iter().any(|word| schema.get(word).is_some()) {
        return None;
    }
    let lines = lines(schema)?;
    if lines.is_empty() {
        return None;
    }
    let mut text = String::new();
    for (about, member) in lines {
        doc(&mut text, indent, about);
        text.push_str(&format!("{indent}{member}\n"));
    }
    Some(text)
}

/// The members of an object, sorted, and what is said about each; none when nothing is known of them.
fn lines(schema: &Value) -> Option<Vec<(Option<&str>, String)>> {
    let properties = schema["properties"].as_object();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut sorted: Vec<(&String, &Value)> = properties.into_iter().flatten().collect();
    sorted.sort_by_key(|(name, _)| *name);
    let mut lines: Vec<(Option<&str>, String)> = Vec::new();
    for (name, property) in sorted {
        let mark = if required.contains(&name.as_str()) { "" } else { "?" };
        lines.push((
            property["description"].as_str(),
            format!("{}{mark}: {};", key(name), expression(property)),
        ));
    }
    // What other members may be. Beside known ones it must be what they are, too, so it is anything.
    let others: Vec<&Value> = match schema.get("additionalProperties") {
        Some(Value::Bool(false)) | None => Vec::new(),
        Some(others) => vec![others],
    };
    let patterns = schema["patternProperties"].as_object().into_iter().flatten().map(|(_, of)| of);
    let others: Vec<&Value> = others.into_iter().chain(patterns).collect();
    if !others.is_empty() {
        let each =
            if lines.is_empty() { union(others.into_iter().map(expression)) } else { "unknown".to_owned() };
        lines.push((None, format!("[key: string]: {each};")));
    }
    let is_closed = schema["additionalProperties"] == false;
    (properties.is_some() || !lines.is_empty() || is_closed).then_some(lines)
}

/// One of these.
fn union(options: impl Iterator<Item = String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    for option in options {
        if !distinct.contains(&option) {
            distinct.push(option);
        }
    }
    if distinct.is_empty() { "never".to_owned() } else { distinct.join(" | ") }
}

/// A value as the type of it alone.
fn literal(value: &Value) -> String {
    match value {
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(literal).collect::<Vec<String>>().join(", "))
        }
        Value::Object(_) => "{ [key: string]: unknown }".to_owned(),
        scalar => scalar.to_string(),
    }
}

/// What stands beside something that binds stronger.
fn in_brackets(text: &str) -> String {
    if text.contains(" | ") || text.contains(" & ") { format!("({text})") } else { text.to_owned() }
}

/// A member's name.
pub(crate) fn key(name: &str) -> String {
    let is_letter = |char: char| char.is_ascii_alphabetic() || matches!(char, '_' | '$');
    let is_plain =
        name.starts_with(is_letter) && name.chars().all(|char| is_letter(char) || char.is_ascii_digit());
    if is_plain { name.to_owned() } else { Value::from(name).to_string() }
}

/// A comment in front of a declaration.
pub(crate) fn doc(text: &mut String, indent: &str, about: Option<&str>) {
    let about = about.unwrap_or_default().trim().replace("*/", "*\\/");
    let lines: Vec<&str> = about.lines().collect();
    match &lines[..] {
        [] => {}
        [line] => text.push_str(&format!("{indent}/** {line} */\n")),
        lines => {
            text.push_str(&format!("{indent}/**\n"));
            for line in lines {
                text.push_str(format!("{indent} * {line}").trim_end());
                text.push('\n');
            }
            text.push_str(&format!("{indent} */\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{expression, key};

    #[test]
    fn every_shape_that_schemars_writes_has_a_type() {
        let cases = [
            (json!(true), "unknown"),
            (json!({}), "unknown"),
            (json!(false), "never"),
            (json!({ "not": {} }), "never"),
            (json!({ "type": "integer", "format": "uint64", "minimum": 0 }), "number"),
            (json!({ "type": ["string", "null"] }), "string | null"),
            (json!({ "type": "string", "format": "binary" }), "ArrayBuffer | Uint8Array"),
            (json!({ "type": "array", "items": { "type": ["string", "null"] } }), "(string | null)[]"),
            (
                json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 }),
                "[number, number]",
            ),
            (
                json!({ "type": "array", "items": { "type": "number" }, "minItems": 99, "maxItems": 99 }),
                "number[]",
            ),
            (
                json!({ "type": "array", "items": [{ "type": "number" }, { "type": "string" }] }),
                "[number, string]",
            ),
            (json!({ "type": "array", "maxItems": 0 }), "[]"),
            (json!({ "type": "array" }), "unknown[]"),
            (json!({ "type": "object" }), "{ [key: string]: unknown }"),
            (json!({ "type": "object", "additionalProperties": false }), "{ [key: string]: never }"),
            (
                json!({ "type": "object", "additionalProperties": { "type": "number" } }),
                "{ [key: string]: number; }",
            ),
            (
                json!({ "type": "object", "patternProperties": { "^\\d+$": { "type": "number" } }, "additionalProperties": false }),
                "{ [key: string]: number; }",
            ),
            (
                json!({ "type": "object", "properties": { "b": {}, "a b": { "type": "null" } }, "required": ["b"] }),
                "{ \"a b\"?: null; b: unknown; }",
            ),
            (
                json!({ "properties": { "a": { "type": "number" } }, "additionalProperties": { "type": "string" } }),
                "{ a?: number; [key: string]: unknown; }",
            ),
            (json!({ "const": "a" }), "\"a\""),
            (json!({ "type": "string", "enum": ["a", "b"] }), "\"a\" | \"b\""),
            (json!({ "anyOf": [{ "$ref": "#/components/schemas/A" }, { "type": "null" }] }), "A | null"),
            (json!({ "oneOf": [{ "type": "number" }, { "type": "integer" }] }), "number"),
            (json!({ "allOf": [{ "$ref": "#/components/schemas/A" }], "description": "one" }), "A"),
            (
                json!({ "type": "object", "properties": { "a": {} }, "oneOf": [{ "$ref": "#/components/schemas/A" }, { "$ref": "#/components/schemas/B" }] }),
                "(A | B) & { a?: unknown; }",
            ),
            (
                json!({ "type": "object", "allOf": [{ "$ref": "#/components/schemas/A" }, { "$ref": "#/components/schemas/B" }] }),
                "A & B",
            ),
        ];
        for (schema, expected) in cases {
            assert_eq!(expression(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn names_that_are_no_words_are_quoted() {
        assert_eq!(
            [key("message"), key("chat message"), key("1st"), key("a\"b")],
            ["message", "\"chat message\"", "\"1st\"", "\"a\\\"b\""]
        );
    }
}
