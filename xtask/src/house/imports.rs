//! Which Rust file imports which, inside each crate.
//!
//! A path counts wherever it stands, in a `use` or in an expression: `crate::…`, `self::…`, `super::…`, a child module's
//! own name, or a module that a `use` has named. `mod child;` is no import (a parent owns its children), and neither is
//! what tests import: both would be a circle of every parent with every child.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::circles::{self, Graph};

/// The circles of all crates.
pub(super) fn circles(root: &Path, files: &[PathBuf]) -> io::Result<Vec<String>> {
    let mut crates: BTreeMap<PathBuf, Vec<(Vec<String>, PathBuf)>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        if let Some((source, module)) = module_of(file) {
            crates.entry(source).or_default().push((module, file.clone()));
        }
    }
    let mut found = Vec::new();
    for (_, modules) in crates {
        let mut sources = Vec::new();
        for (module, file) in modules {
            let text = fs::read_to_string(root.join(&file))?;
            sources.push(Source { module, file: file.display().to_string(), tokens: tokens(&text) });
        }
        found.extend(circles::find(&graph(&sources)));
    }
    Ok(found)
}

/// The `src` folder that a file belongs to, and its module path in there; `lib.rs` and `main.rs` have an empty one.
fn module_of(file: &Path) -> Option<(PathBuf, Vec<String>)> {
    let parts: Vec<&str> = file.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
    let at = parts.iter().position(|part| *part == "src")?;
    let mut module: Vec<String> = parts[at + 1..].iter().map(|part| (*part).to_owned()).collect();
    let last = module.pop()?;
    match last.strip_suffix(".rs")? {
        "mod" => {}
        "lib" | "main" if module.is_empty() => {}
        // A program beside a library is a crate of its own.
        _ if module.first().is_some_and(|first| first == "bin") => return None,
        name => module.push(name.to_owned()),
    }
    Some((parts[..=at].iter().collect(), module))
}

struct Source {
    module: Vec<String>,
    file: String,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Token {
    Word(String),
    /// `::`
    Step,
    Sign(char),
}

fn graph(sources: &[Source]) -> Graph {
    let modules: BTreeMap<&[String], &str> =
        sources.iter().map(|source| (source.module.as_slice(), source.file.as_str())).collect();
    let mut graph = Graph::new();
    for source in sources {
        let edges = graph.entry(source.file.clone()).or_default();
        for target in imported(source, &modules) {
            if target != source.module {
                edges.insert(modules[target.as_slice()].to_owned());
            }
        }
    }
    graph
}

/// The modules whose items `source` names.
fn imported(source: &Source, modules: &BTreeMap<&[String], &str>) -> BTreeSet<Vec<String>> {
    let paths = paths(&source.tokens);
    let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for depth in 1..=source.module.len() + 1 {
        // Children by their own names.
        for module in
            modules.keys().filter(|module| module.len() == depth && module.starts_with(&source.module))
        {
            if depth == source.module.len() + 1 {
                aliases.insert(module[depth - 1].clone(), module.to_vec());
            }
        }
    }
    for path in paths.iter().filter(|path| path.imports) {
        if let Some((target, rest)) = resolve(source, path, &BTreeMap::new(), modules)
            && rest == 0
            && let Some(name) = path.alias.clone().or_else(|| path.words.last().cloned())
        {
            aliases.insert(name, target);
        }
    }
    let mut found = BTreeSet::new();
    for path in &paths {
        let Some((target, rest)) = resolve(source, path, &aliases, modules) else { continue };
        // To name a module is not yet to use what is in it; the path that does is found by the alias.
        if rest > 0 || path.all {
            found.insert(target);
        }
    }
    found
}

/// The module that the front of `path` names, and how many words of it are left.
fn resolve(
    source: &Source,
    path: &Named,
    aliases: &BTreeMap<String, Vec<String>>,
    modules: &BTreeMap<&[String], &str>,
) -> Option<(Vec<String>, usize)> {
    let mut words = path.words.as_slice();
    let mut module: Vec<String>;
    match words.first()?.as_str() {
        "crate" => {
            module = Vec::new();
            words = &words[1..];
        }
        "self" if words.len() > 1 => {
            module = source.module.clone();
            words = &words[1..];
        }
        "super" => {
            module = source.module.clone();
            // Inside `mod inline { … }` the first steps up stay in the file.
            let mut inline = path.depth;
            while words.first().is_some_and(|word| word == "super") {
                if inline > 0 {
                    inline -= 1;
                } else {
                    module.pop()?;
                }
                words = &words[1..];
            }
        }
        first => {
            module = aliases.get(first)?.clone();
            // A single word is a name of something else that happens to be called like a module.
            if words.len() == 1 && !path.all {
                return None;
            }
            words = &words[1..];
        }
    }
    let mut left = words;
    while let Some(next) = left.first() {
        let mut longer = module.clone();
        longer.push(next.clone());
        if !modules.contains_key(longer.as_slice()) {
            break;
        }
        module = longer;
        left = &left[1..];
    }
    modules.contains_key(module.as_slice()).then_some((module, left.len()))
}

/// A path as it stands in a file.
#[derive(Debug, Default)]
struct Named {
    words: Vec<String>,
    /// It ends in `::*`.
    all: bool,
    /// It stands in a `use`.
    imports: bool,
    /// `as` gave it another name.
    alias: Option<String>,
    /// How many inline modules it stands in.
    depth: usize,
}

/// All paths of a file, use trees taken apart; nothing of `#[cfg(test)]` modules.
fn paths(tokens: &[Token]) -> Vec<Named> {
    let mut found = Vec::new();
    let mut braces = 0_usize;
    let mut inline: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Sign('{') => braces += 1,
            Token::Sign('}') => {
                if inline.last() == Some(&braces) {
                    inline.pop();
                }
                braces = braces.saturating_sub(1);
            }
            Token::Sign('#') if is_test_attribute(&tokens[at..]) => {
                if let Some(end) = end_of_test_module(tokens, at) {
                    at = end;
                    continue;
                }
            }
            Token::Word(word) if word == "mod" => {
                if matches!(tokens.get(at + 1..at + 3), Some([Token::Word(_), Token::Sign('{')])) {
                    inline.push(braces + 1);
                }
                at += 2;
                continue;
            }
            Token::Word(word) if word == "use" => {
                at = tree(tokens, at + 1, &[], inline.len(), &mut found);
                continue;
            }
            Token::Word(_)
                if !matches!(at.checked_sub(1).map(|before| &tokens[before]), Some(Token::Step)) =>
            {
                let mut words = Vec::new();
                let mut next = at;
                while let Some(Token::Word(word)) = tokens.get(next) {
                    words.push(word.clone());
                    if tokens.get(next + 1) != Some(&Token::Step) {
                        break;
                    }
                    next += 2;
                }
                found.push(Named { words, depth: inline.len(), ..Named::default() });
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads one use tree from `at` on; gives where it ends.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], depth: usize, found: &mut Vec<Named>) -> usize {
    let mut words = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(Token::Word(word)) if word == "as" => {
                if let (Some(Token::Word(alias)), Some(named)) = (tokens.get(at + 1), found.last_mut()) {
                    named.alias = Some(alias.clone());
                }
                at += 2;
            }
            Some(Token::Word(word)) => {
                // `a::{self}` is `a`.
                if word != "self" || words.is_empty() {
                    words.push(word.clone());
                }
                at += 1;
                if tokens.get(at) != Some(&Token::Step) {
                    found.push(Named { words: words.clone(), imports: true, depth, ..Named::default() });
                }
            }
            Some(Token::Sign('*')) => {
                found.push(Named {
                    words: words.clone(),
                    all: true,
                    imports: true,
                    depth,
                    ..Named::default()
                });
                at += 1;
            }
            Some(Token::Step) => at += 1,
            Some(Token::Sign('{')) => {
                at += 1;
                while !matches!(tokens.get(at), None | Some(Token::Sign('}'))) {
                    at = tree(tokens, at, &words, depth, found);
                    if tokens.get(at) == Some(&Token::Sign(',')) {
                        at += 1;
                    }
                }
                at += 1;
            }
            _ => return at,
        }
    }
}

/// `#[cfg(test)]`, and what contains it.
fn is_test_attribute(tokens: &[Token]) -> bool {
    let end = tokens.iter().position(|token| *token == Token::Sign(']')).unwrap_or(0);
    let words: Vec<&str> = tokens[..end]
        .iter()
        .filter_map(|token| if let Token::Word(word) = token { Some(word.as_str()) } else { None })
        .collect();
    words.first() == Some(&"cfg") && words.contains(&"test") && !words.contains(&"not")
}

/// Where the module behind the attribute at `at` ends, if one is there and lies in this file.
fn end_of_test_module(tokens: &[Token], at: usize) -> Option<usize> {
    let open = at + tokens[at..].iter().position(|token| matches!(token, Token::Sign('{' | ';')))?;
    if tokens[open] == Token::Sign(';') {
        return Some(open);
    }
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index + 1);
        }
    }
    None
}

/// Words and signs, without comments, strings, characters, lifetimes and numbers.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    let rest = |at: usize, word: &str| chars[at..].iter().take(word.len()).copied().eq(word.chars());
    while at < chars.len() {
        let char = chars[at];
        if rest(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if rest(at, "/*") {
            let mut depth = 0;
            loop {
                if at >= chars.len() {
                    break;
                } else if rest(at, "/*") {
                    (depth, at) = (depth + 1, at + 2);
                } else if rest(at, "*/") {
                    (depth, at) = (depth - 1, at + 2);
                    if depth == 0 {
                        break;
                    }
                } else {
                    at += 1;
                }
            }
        } else if let Some(end) = raw_string(&chars, at) {
            at = end;
        } else if char == '"' {
            at = string(&chars, at);
        } else if char == '\'' {
            at = quote(&chars, at);
        } else if char.is_alphabetic() || char == '_' {
            let start = at;
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                at += 1;
            }
            tokens.push(Token::Word(chars[start..at].iter().collect()));
        } else if char.is_ascii_digit() {
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                at += 1;
            }
        } else if rest(at, "::") {
            tokens.push(Token::Step);
            at += 2;
        } else {
            if !char.is_whitespace() {
                tokens.push(Token::Sign(char));
            }
            at += 1;
        }
    }
    tokens
}

/// Where a raw string that starts at `at` ends.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    let mut start = at;
    if matches!(chars.get(start), Some('b' | 'c')) {
        start += 1;
    }
    if chars.get(start) != Some(&'r') {
        return None;
    }
    let hashes = chars[start + 1..].iter().take_while(|char| **char == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"')
        || at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
    {
        return None;
    }
    let mut end = start + 2 + hashes;
    while end < chars.len() {
        if chars[end] == '"'
            && chars[end + 1..].iter().take(hashes).filter(|char| **char == '#').count() == hashes
        {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(end)
}

/// Where the string that starts at `at` ends.
fn string(chars: &[char], at: usize) -> usize {
    let mut end = at + 1;
    while end < chars.len() && chars[end] != '"' {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    end + 1
}

/// Where the character, or the lifetime's quote, at `at` ends.
fn quote(chars: &[char], at: usize) -> usize {
    match chars.get(at + 1) {
        Some('\\') => {
            let mut end = at + 3;
            while end < chars.len() && chars[end] != '\'' {
                end += 1;
            }
            end + 1
        }
        Some(_) if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, circles, graph, module_of, tokens};
    use std::path::Path;

    /// The circles among files given by module path and text.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(module, text)| Source {
                module: module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect(),
                file: if module.is_empty() { "lib".to_owned() } else { (*module).to_owned() },
                tokens: tokens(text),
            })
            .collect();
        circles::find(&graph(&sources))
    }

    #[test]
    fn a_parent_that_owns_and_uses_its_child_is_no_circle() {
        assert!(found(&[("", "mod a; pub use a::A; fn f() { a::g() }"), ("a", "pub struct A;")]).is_empty());
    }

    #[test]
    fn two_siblings_that_import_each_other_are_one() {
        let files = [("", "mod a; mod b;"), ("a", "use crate::b::B;"), ("b", "use super::a::{A, C};")];
        assert_eq!(found(&files), ["a -> b -> a"]);
    }

    #[test]
    fn a_child_that_takes_from_a_parent_who_uses_it_is_one() {
        assert_eq!(found(&[("", "mod a; fn f() { a::g() }"), ("a", "use super::Thing;")]), ["a -> lib -> a"]);
        assert_eq!(
            found(&[("", "mod a; pub use a::A;"), ("a", "fn f() -> crate::Error {}")]),
            ["a -> lib -> a"]
        );
    }

    #[test]
    fn a_child_that_takes_from_a_parent_who_only_owns_it_is_none() {
        assert!(found(&[("", "mod a; pub struct Thing;"), ("a", "use super::Thing;")]).is_empty());
    }

    #[test]
    fn a_module_imported_by_name_counts_where_it_is_used() {
        let files =
            [("", "mod a; mod b;"), ("a", "use crate::b; fn f() { b::g() }"), ("b", "use crate::{a::A, c};")];
        assert_eq!(found(&files), ["a -> b -> a"]);
        let unused = [("", "mod a; mod b;"), ("a", "use crate::b as other;"), ("b", "use crate::a::A;")];
        assert!(found(&unused).is_empty());
    }

    #[test]
    fn everything_of_a_module_counts() {
        let files = [("", "mod a; mod b;"), ("a", "pub use crate::b::*;"), ("b", "use crate::a::A;")];
        assert_eq!(found(&files), ["a -> b -> a"]);
    }

    #[test]
    fn comments_strings_and_tests_do_not_count() {
        let quiet = "// crate::a::f()\n/* crate::a /* nested */ */ const S: &str = \"crate::a::f\"; const R: &str = r#\"crate::a::\"x\"#;\n\
                     fn f<'a>(c: &'a char) -> bool { *c == '\"' || *c == '\\'' }\n\
                     #[cfg(test)] mod tests { use super::*; use crate::a::A; }";
        assert!(found(&[("", "mod a; mod b;"), ("a", "use crate::b::B;"), ("b", quiet)]).is_empty());
    }

    #[test]
    fn super_inside_an_inline_module_stays_in_the_file() {
        assert!(
            found(&[
                ("", "mod a; fn f() { a::g() }"),
                ("a", "mod inner { use super::Thing; } struct Thing;")
            ])
            .is_empty()
        );
        assert_eq!(
            found(&[("", "mod a; fn f() { a::g() }"), ("a", "mod inner { use super::super::Thing; }")]),
            ["a -> lib -> a"]
        );
    }

    #[test]
    fn files_have_the_module_path_of_their_place() {
        let module = |file: &str| module_of(Path::new(file)).map(|(_, module)| module.join("::"));
        assert_eq!(module("crates/x/src/lib.rs").as_deref(), Some(""));
        assert_eq!(module("crates/x/src/wire.rs").as_deref(), Some("wire"));
        assert_eq!(module("crates/x/src/wire/polling.rs").as_deref(), Some("wire::polling"));
        assert_eq!(module("crates/x/src/wire/mod.rs").as_deref(), Some("wire"));
        assert_eq!(module("crates/x/tests/a.rs"), None);
    }
}
