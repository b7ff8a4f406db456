//! Reads `spec/differences.md`, and holds a vector test to it.
//!
//! A test gives every row of its file to [`Differences::check`], with what came of it, and ends with
//! [`Differences::finish`], which fails on a difference that is not listed, on a listed one that has gone, and
//! on a listed row that the file does not have.
//!
//! Included where it is needed: `#[path = "../../../tests/support/differences.rs"] mod differences;`

use std::path::Path;

/// What is listed for one file of vectors, and what a test found.
pub(crate) struct Differences {
    file: String,
    listed: Vec<Listed>,
    seen: usize,
    complaints: Vec<String>,
}

/// A row of one of the two tables.
struct Listed {
    row: String,
    seen: bool,
}

impl Differences {
    /// What `spec/differences.md` lists for `file`, such as `socketio_json.json`.
    pub(crate) fn of(file: &str) -> Differences {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/differences.md");
        let page = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
        Differences::parse(&page, file)
    }

    fn parse(page: &str, file: &str) -> Differences {
        let rows = page.lines().map(cells).filter(|cells| cells.first().is_some_and(|first| first == file));
        let mut listed: Vec<Listed> = Vec::new();
        for cells in rows {
            assert!(cells.len() >= 3, "a row of spec/differences.md has too few cells: {cells:?}");
            assert!(
                cells.iter().all(|cell| !cell.is_empty()),
                "a row of spec/differences.md has an empty cell: {cells:?}"
            );
            let row = cells[1].clone();
            assert!(listed.iter().all(|other| other.row != row), "spec/differences.md lists {row} twice");
            listed.push(Listed { row, seen: false });
        }
        Differences { file: file.to_owned(), listed, seen: 0, complaints: Vec::new() }
    }

    /// Takes what came of one row: `Err` says how it differs.
    pub(crate) fn check(&mut self, row: &str, outcome: Result<(), String>) {
        self.seen += 1;
        let listed = self.listed.iter_mut().find(|listed| listed.row == row);
        match (listed, outcome) {
            (None, Ok(())) => {}
            (None, Err(difference)) => self.complaints.push(format!("{row}\n    differs: {difference}")),
            (Some(listed), Ok(())) => {
                listed.seen = true;
                self.complaints.push(format!("{row}\n    is listed as a difference, and passes"));
            }
            (Some(listed), Err(_)) => listed.seen = true,
        }
    }

    /// Fails unless exactly the listed rows differed, and returns how many rows there were.
    #[track_caller]
    pub(crate) fn finish(mut self) -> usize {
        for listed in self.listed.iter().filter(|listed| !listed.seen) {
            self.complaints
                .push(format!("{}\n    is listed, and {} does not have it", listed.row, self.file));
        }
        assert!(
            self.complaints.is_empty(),
            "{} against spec/differences.md:\n{}",
            self.file,
            self.complaints.join("\n")
        );
        self.seen
    }
}

/// The cells of a table's row, without the backticks around code; nothing for any other line. `\|` is a bar
/// inside of a cell.
fn cells(line: &str) -> Vec<String> {
    let Some(row) = line.trim().strip_prefix('|').and_then(|row| row.strip_suffix('|')) else {
        return Vec::new();
    };
    let mut cells = vec![String::new()];
    let mut characters = row.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&'|') => {
                cells.last_mut().expect("one is there").extend(characters.next())
            }
            '|' => cells.push(String::new()),
            other => cells.last_mut().expect("one is there").push(other),
        }
    }
    let without_ticks = |cell: &String| {
        let cell = cell.trim();
        cell.strip_prefix('`').and_then(|code| code.strip_suffix('`')).unwrap_or(cell).to_owned()
    };
    cells.iter().map(without_ticks).collect()
}

mod tests {
    use super::*;

    const PAGE: &str = "# Differences\n\n## On purpose\n\n| file | row | ours | why |\n|---|---|---|---|\n\
        | a.json | `[\"x\\|y\"]` | closes | stricter |\n| b.json | other | closes | stricter |\n\n\
        ## Not yet\n\n| file | row | waits for |\n|---|---|---|\n| a.json | later row | a feature |\n";

    fn replay(rows: &[(&str, bool)]) -> Result<usize, String> {
        let rows: Vec<_> = rows.iter().map(|(row, passes)| (row.to_string(), *passes)).collect();
        let finished = std::panic::catch_unwind(|| {
            let mut differences = Differences::parse(PAGE, "a.json");
            for (row, passes) in rows {
                differences.check(&row, if passes { Ok(()) } else { Err("other bytes".into()) });
            }
            differences.finish()
        });
        finished.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
    }

    #[test]
    fn exactly_the_listed_rows_may_differ() {
        assert_eq!(replay(&[("[\"x|y\"]", false), ("later row", false), ("plain", true)]), Ok(3));
    }

    #[test]
    fn an_unlisted_difference_fails() {
        let failed = replay(&[("[\"x|y\"]", false), ("later row", false), ("plain", false)]).unwrap_err();
        assert!(failed.contains("plain\n    differs: other bytes"), "{failed}");
    }

    #[test]
    fn a_listed_row_that_passes_fails() {
        let failed = replay(&[("[\"x|y\"]", true), ("later row", false)]).unwrap_err();
        assert!(failed.contains("is listed as a difference, and passes"), "{failed}");
    }

    #[test]
    fn a_listed_row_that_is_not_there_fails() {
        let failed = replay(&[("[\"x|y\"]", false)]).unwrap_err();
        assert!(failed.contains("later row\n    is listed, and a.json does not have it"), "{failed}");
    }
}
