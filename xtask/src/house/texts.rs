//! What stands in files of text: words, addresses, versions, names of other files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The files that a reader looks for first.
const NAMED: &[&str] = &[
    "README.md",
    "README.ja.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "COMPATIBILITY.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "spec/differences.md",
    "spec/extensions.md",
    "spec/vectors/README.md",
    "benches/README.md",
    ".ci/run",
];

/// Places and names outside the project; in two halves, so that this file does not say them.
const FOREIGN: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("registry.npm", "js.org"),
    ("registry.yarn", "pkg.com"),
    ("pypi", ".org"),
    ("deb.deb", "ian.org"),
    ("static.crates", ".io"),
    ("Cla", "ude"),
    ("Anthro", "pic"),
    ("Chat", "GPT"),
    ("Co-Authored", "-By"),
];

/// Lines with words from outside.
pub(super) fn foreign_words(root: &Path, files: &[PathBuf]) -> io::Result<Vec<String>> {
    let words: Vec<String> = FOREIGN.iter().map(|(front, back)| format!("{front}{back}")).collect();
    let mut faults = Vec::new();
    for file in files {
        let Some(text) = text(root, file)? else { continue };
        for (number, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                faults.push(format!("{}:{}: {word}", file.display(), number + 1));
            }
        }
    }
    Ok(faults)
}

/// Lockfiles of npm that say where a package came from: it is another place on another machine.
pub(super) fn resolved_addresses(root: &Path, files: &[PathBuf]) -> io::Result<Vec<String>> {
    let mut faults = Vec::new();
    for (file, lock) in json(root, files, "package-lock.json")? {
        for (name, package) in lock["packages"].as_object().into_iter().flatten() {
            if package.get("resolved").is_some() {
                faults.push(format!("{}: {name} has a resolved address", file.display()));
            }
        }
    }
    Ok(faults)
}

/// Dependencies of npm that may become other ones.
pub(super) fn loose_versions(root: &Path, files: &[PathBuf]) -> io::Result<Vec<String>> {
    let mut faults = Vec::new();
    for (file, package) in json(root, files, "package.json")? {
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut any = false;
        for list in ["dependencies", "devDependencies", "optionalDependencies"] {
            for (name, version) in package[list].as_object().into_iter().flatten() {
                any = true;
                let version = version.as_str().unwrap_or_default();
                let exact = version.rsplit('@').next().unwrap_or_default();
                // `file:` is this repository itself.
                if !version.starts_with("file:") && !exact.starts_with(|first: char| first.is_ascii_digit()) {
                    faults.push(format!("{}: {name} is {version}", file.display()));
                }
            }
        }
        if any && !files.contains(&folder.join("package-lock.json")) {
            faults.push(format!("{}: no package-lock.json beside it", file.display()));
        }
    }
    Ok(faults)
}

/// Files that are expected at their places, and those that pages link to.
pub(super) fn missing_files(root: &Path, files: &[PathBuf]) -> io::Result<Vec<String>> {
    let mut faults: Vec<String> = NAMED
        .iter()
        .filter(|name| !root.join(name).is_file())
        .map(|name| format!("{name} is missing"))
        .collect();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        let Some(text) = text(root, file)? else { continue };
        let folder = file.parent().unwrap_or(Path::new(""));
        for target in links(&text) {
            if !root.join(folder).join(target).exists() {
                faults.push(format!("{}: links to {target}, which does not exist", file.display()));
            }
        }
    }
    Ok(faults)
}

/// Targets of links and pictures inside the repository, without fragments; code is no link.
fn links(page: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut code = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        // Every second piece between backticks is code.
        for text in line.split('`').step_by(2) {
            for (at, _) in text.match_indices("](") {
                let target = text[at + 2..].split([')', ' ', '#']).next().unwrap_or_default();
                if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                    found.push(target);
                }
            }
        }
    }
    found
}

fn text(root: &Path, file: &Path) -> io::Result<Option<String>> {
    // What is not UTF-8 is a picture or the like.
    Ok(String::from_utf8(fs::read(root.join(file))?).ok())
}

fn json<'f>(root: &Path, files: &'f [PathBuf], name: &str) -> io::Result<Vec<(&'f PathBuf, Value)>> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.file_name().is_some_and(|of| of == name)) {
        let value = serde_json::from_slice(&fs::read(root.join(file))?)
            .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
        found.push((file, value));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn links_inside_the_repository_are_found_and_code_is_not() {
        let page = "[a](docs/a.md#part) ![b](b.png \"title\") [c](https://example.org) `[d](d.md)`\n```\n[e](e.md)\n```\n[f](#here)";
        assert_eq!(links(page), ["docs/a.md", "b.png"]);
    }
}
