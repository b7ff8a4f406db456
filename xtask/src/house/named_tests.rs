//! Whether a test that a page names is there.
//!
//! | named as | is |
//! |---|---|
//! | `server::behaviour::rooms::a_name` | a test of the crate in `crates/server`, in the file of that module below its `src` or `tests` |
//! | `scenarios::a_name` | one below `tests/` of the repository |
//! | `tests/interop/rooms.test.mjs "a title"` | a test of that file, by its title as the source has it |
//! | `spec/vectors/engine_http.json "a name"` | a row of vectors which their test replays and which is no listed difference |
//!
//! Rust and scripts are read as text: what is a test by its attribute or call is one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// Files of vectors whose rows have names, and the tests that replay them.
const REPLAYED: &[(&str, &str)] = &[
    ("engine_http.json", "engine::vectors::every_scenario_goes_as_with_the_original_or_is_listed"),
    ("socketio_json.json", "socket-proto::vectors::every_row_is_answered_as_by_the_original_or_listed"),
    (
        "socketio_sessions.json",
        "server::session_vectors::every_session_goes_as_recorded_or_is_listed_as_a_difference",
    ),
];

/// The page that lists which rows of vectors are answered otherwise.
const DIFFERENCES: &str = "spec/differences.md";

/// Why a test that is named is none; nothing when it is there.
pub(super) fn missing(root: &Path, name: &str) -> io::Result<Option<String>> {
    let Some((file, title)) =
        name.split_once(" \"").and_then(|(file, rest)| Some((file, rest.strip_suffix('"')?)))
    else {
        return missing_function(root, name);
    };
    if !root.join(file).is_file() {
        return Ok(Some("there is no such file".to_owned()));
    }
    let text = fs::read_to_string(root.join(file))?;
    if let Some(vectors) = file.strip_prefix("spec/vectors/") {
        return missing_row(root, vectors, title, &text);
    }
    Ok((!has_title(&text, title)).then(|| "the file has no test of this title".to_owned()))
}

fn missing_function(root: &Path, name: &str) -> io::Result<Option<String>> {
    let Some((module, function)) = name.rsplit_once("::") else {
        return Ok(Some("it is neither a path of Rust nor a file and a title".to_owned()));
    };
    let files: Vec<PathBuf> = places(root, module).into_iter().filter(|file| file.is_file()).collect();
    if files.is_empty() {
        return Ok(Some("there is no file of this module".to_owned()));
    }
    for file in files {
        if has_function(&fs::read_to_string(file)?, function) {
            return Ok(None);
        }
    }
    Ok(Some("the module has no test of this name".to_owned()))
}

/// Where a module may be.
fn places(root: &Path, module: &str) -> Vec<PathBuf> {
    let (first, rest) = module.split_once("::").unwrap_or((module, ""));
    let package = if first == "xtask" { root.join(first) } else { root.join("crates").join(first) };
    let (bases, modules) = if package.is_dir() {
        (vec![package.join("src"), package.join("tests")], rest)
    } else {
        (vec![root.join("tests")], module)
    };
    let mut places = Vec::new();
    for base in bases {
        let path = modules.split("::").fold(base, |path, module| path.join(module));
        if !modules.is_empty() {
            places.push(path.with_extension("rs"));
        }
        places.extend(["mod.rs", "main.rs", "lib.rs"].map(|file| path.join(file)));
    }
    places
}

/// Whether a file has a function of that name that is a test, and is not ignored.
fn has_function(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declares = |line: &str| {
        let signature = line.strip_prefix("async ").unwrap_or(line);
        let rest = signature.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with('('))
    };
    lines.iter().enumerate().filter(|(_, line)| declares(line)).any(|(at, _)| {
        let above = lines[..at].iter().rev();
        let attributes: Vec<&&str> =
            above.take_while(|line| line.starts_with("#[") || line.starts_with("//")).collect();
        let is = |what: &str| attributes.iter().any(|line| line.starts_with(what));
        (is("#[test]") || is("#[tokio::test")) && !is("#[ignore")
    })
}

/// Whether a script calls `test` with that title.
fn has_title(text: &str, title: &str) -> bool {
    text.match_indices("test(").any(|(at, call)| {
        let is_whole =
            !text[..at].ends_with(|before: char| before.is_alphanumeric() || "_.$".contains(before));
        is_whole && literal(text[at + call.len()..].trim_start()).as_deref() == Some(title)
    })
}

/// The text of the literal that a source begins with.
fn literal(source: &str) -> Option<String> {
    let mut characters = source.chars();
    let quote = characters.next().filter(|quote| "\"'`".contains(*quote))?;
    let mut text = String::new();
    loop {
        match characters.next()? {
            '\\' => text.push(characters.next()?),
            end if end == quote => return Some(text),
            character => text.push(character),
        }
    }
}

fn missing_row(root: &Path, file: &str, name: &str, text: &str) -> io::Result<Option<String>> {
    let Some((_, test)) = REPLAYED.iter().find(|(replayed, _)| *replayed == file) else {
        return Ok(Some("no test replays these vectors by name".to_owned()));
    };
    if let Some(why) = missing_function(root, test)? {
        return Ok(Some(format!("{test} replays it, and {why}")));
    }
    let vectors: Value = serde_json::from_str(text)?;
    let has_it =
        |rows: &Value| rows.as_array().is_some_and(|rows| rows.iter().any(|row| row["name"] == name));
    if !vectors.as_object().is_some_and(|parts| parts.values().any(has_it)) {
        return Ok(Some("the vectors have no row of this name".to_owned()));
    }
    let listed = format!("| {file} | `{name}` |");
    let differences = fs::read_to_string(root.join(DIFFERENCES))?;
    let is_listed = differences.lines().any(|line| line.starts_with(&listed));
    Ok(is_listed.then(|| format!("{DIFFERENCES} lists it, so it shows nothing")))
}

#[cfg(test)]
mod tests {
    use super::{has_function, has_title, missing};
    use crate::repository;

    const RUST: &str = "
        #[test]
        fn plain() {}
        /// Said before.
        #[tokio::test(flavor = \"multi_thread\")]
        #[should_panic(expected = \"it\")]
        async fn later() {}
        #[test]
        #[ignore = \"slow\"]
        fn asleep() {}
        fn helper() {}
        proptest! {
            #[test]
            fn any(number in 0..9) {}
        }";

    #[test]
    fn a_function_is_a_test_by_its_attributes() {
        for name in ["plain", "later", "any"] {
            assert!(has_function(RUST, name), "{name}");
        }
        for name in ["asleep", "helper", "plai", "lain", "nothing"] {
            assert!(!has_function(RUST, name), "{name}");
        }
    }

    #[test]
    fn a_title_is_that_of_a_test_and_whole() {
        let script = "describe('a group', () => {\n  test(\"it's whole\", f)\n  test(\n    'it isn\\'t', f)\n  \
                      test(`of ${name}`, f)\n  test.skip('left', f)\n  notYet('later', f)\n  mytest('mine', f)\n})";
        for title in ["it's whole", "it isn't", "of ${name}"] {
            assert!(has_title(script, title), "{title}");
        }
        for title in ["a group", "it", "whole", "left", "later", "mine", ""] {
            assert!(!has_title(script, title), "{title}");
        }
    }

    #[test]
    fn tests_of_this_repository_are_found_in_every_form() {
        let missing = |name: &str| missing(&repository::root(), name).expect("the files can be read");
        for name in [
            "xtask::house::named_tests::tests_of_this_repository_are_found_in_every_form",
            "websocket::mask::masking_equals_the_byte_by_byte_rule",
            "engine::session::tests::a_move_while_the_writer_is_blocked_hands_over",
            "engine::vectors::every_scenario_goes_as_with_the_original_or_is_listed",
            "server::behaviour::rooms::a_sockets_own_id_is_a_room",
            "scenarios::over_websocket",
            "tests/interop/rooms.test.mjs \"a socket's own id is a room\"",
            "spec/vectors/engine_http.json \"cookie true\"",
        ] {
            assert_eq!(missing(name), None, "{name}");
        }
        let why = |name: &str| missing(name).unwrap_or_default();
        assert_eq!(why("nonsense"), "it is neither a path of Rust nor a file and a title");
        assert_eq!(why("server::nowhere::a_test"), "there is no file of this module");
        assert_eq!(why("server::behaviour::rooms::three"), "the module has no test of this name");
        assert_eq!(why("tests/nowhere.mjs \"x\""), "there is no such file");
        assert_eq!(why("tests/interop/rooms.test.mjs \"x\""), "the file has no test of this title");
        assert_eq!(why("spec/vectors/index.json \"x\""), "no test replays these vectors by name");
        assert_eq!(why("spec/vectors/engine_http.json \"x\""), "the vectors have no row of this name");
        assert_eq!(
            why("spec/vectors/engine_http.json \"handshake with webtransport enabled\""),
            "spec/differences.md lists it, so it shows nothing"
        );
    }
}
