//! Which TypeScript file imports which.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::circles::{self, Graph};

/// The circles among all tracked `.ts` files.
pub(super) fn circles(root: &Path, files: &[PathBuf]) -> io::Result<Vec<String>> {
    let scripts: BTreeSet<&PathBuf> =
        files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "ts")).collect();
    let mut graph = Graph::new();
    for script in &scripts {
        let text = fs::read_to_string(root.join(script))?;
        let folder = script.parent().unwrap_or(Path::new(""));
        let edges = graph.entry(script.display().to_string()).or_default();
        for imported in imports(&text) {
            let path = normal(&folder.join(imported));
            let candidates = [path.clone(), path.with_extension("ts"), path.join("index.ts")];
            if let Some(target) = candidates.iter().find(|candidate| scripts.contains(candidate)) {
                edges.insert(target.display().to_string());
            }
        }
    }
    Ok(circles::find(&graph))
}

/// The relative paths that a file imports or exports from; types too, since a circle of types is one to a reader.
fn imports(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in
        text.match_indices("from ").chain(text.match_indices("import ")).chain(text.match_indices("import("))
    {
        let rest =
            text[at..].trim_start_matches(|char: char| char.is_alphabetic() || char == ' ' || char == '(');
        let Some(quote) = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"')) else { continue };
        if let Some(path) = rest[1..].split(quote).next()
            && path.starts_with('.')
        {
            found.push(path);
        }
    }
    found
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::{imports, normal};
    use std::path::Path;

    #[test]
    fn imports_in_every_form_are_found() {
        let text = "import { a } from './a.ts'\nimport type { B } from \"../b.js\"\nexport * from './c'\nimport './d'\n\
                    const e = await import('./e.ts')\nimport fs from 'node:fs'";
        let mut found = imports(text);
        found.sort_unstable();
        assert_eq!(found, ["../b.js", "./a.ts", "./c", "./d", "./e.ts"]);
    }

    #[test]
    fn paths_lose_their_dots() {
        assert_eq!(normal(Path::new("a/b/../c/./d")), Path::new("a/c/d"));
    }
}
