//! Whether `COMPATIBILITY.md` holds what it says: every row of the list is there once, says what becomes of it, and the
//! tests that it names exist.
//!
//! Which rows there are stands here, and in the page the rest: the states, what is to come, and the count of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    ops::RangeInclusive,
    path::Path,
};

use super::named_tests;

/// The page.
const PAGE: &str = "COMPATIBILITY.md";

/// The rows that it must have: a letter, and the numbers behind it.
const ROWS: &[(char, RangeInclusive<u16>)] = &[
    ('E', 1..=26),
    ('E', 30..=56),
    ('S', 1..=26),
    ('S', 30..=39),
    ('S', 40..=47),
    ('S', 50..=56),
    ('S', 60..=63),
];

/// What stands in the second cell of a row, and the counts at the top are of.
const DONE: &str = "done";
const PARTLY: &str = "partly";
const TO_COME: &str = "to come";
const LEFT_OUT: &str = "left out";

/// A row: `| id | state | feature | ours | where it differs | shown by |`.
#[derive(Debug, Eq, PartialEq)]
struct Row {
    id: String,
    state: String,
    /// What brings it, or what is missing of it.
    plans: Vec<String>,
    differs: String,
    tests: Vec<String>,
}

/// What the page says.
#[derive(Debug, Default)]
struct Page {
    rows: Vec<Row>,
    /// What is to come, by name.
    plans: BTreeSet<String>,
    /// How many rows are in a state, as the page has it.
    counts: BTreeMap<String, usize>,
    faults: Vec<String>,
}

/// Rows that are missing, doubled or say too little, tests that are named and not there, counts that are wrong.
pub(super) fn faults(root: &Path) -> io::Result<Vec<String>> {
    let mut page = read(&fs::read_to_string(root.join(PAGE))?);
    let mut faults = std::mem::take(&mut page.faults);
    faults.extend(inconsistent(&page));
    for row in &page.rows {
        for test in &row.tests {
            if let Some(why) = named_tests::missing(root, test)? {
                faults.push(format!("{}: {test}: {why}", row.id));
            }
        }
    }
    Ok(faults.into_iter().map(|fault| format!("{PAGE}: {fault}")).collect())
}

/// Finds the rows, the plans (`- **name**: …`) and the counts (`| state | count |`).
fn read(text: &str) -> Page {
    let mut page = Page::default();
    for line in text.lines() {
        if let Some((name, _)) = line.strip_prefix("- **").and_then(|rest| rest.split_once("**")) {
            page.plans.insert(name.to_owned());
        }
        let cells = cells(line);
        match cells.as_slice() {
            [state, count] if [DONE, PARTLY, TO_COME, LEFT_OUT].contains(&state.as_str()) => {
                page.counts.insert(state.clone(), count.parse().unwrap_or(usize::MAX));
            }
            [id, state, _feature, _ours, differs, tests] if is_id(id) => {
                let (state, plans) = state.split_once(": ").unwrap_or((state, ""));
                page.rows.push(Row {
                    id: id.clone(),
                    state: state.to_owned(),
                    plans: plans.split(", ").filter(|plan| !plan.is_empty()).map(str::to_owned).collect(),
                    differs: differs.clone(),
                    // Every second piece between backticks is code.
                    tests: tests.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
                });
            }
            [id, ..] if is_id(id) => page.faults.push(format!("{id} has {} cells instead of 6", cells.len())),
            _ => {}
        }
    }
    page
}

/// The cells of a table's row, where `\|` is a bar; nothing for any other line.
fn cells(line: &str) -> Vec<String> {
    let Some(row) = line.strip_prefix('|').and_then(|row| row.strip_suffix('|')) else { return Vec::new() };
    let row = row.replace("\\|", "\0");
    row.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
}

fn is_id(cell: &str) -> bool {
    let mut letters = cell.chars();
    letters.next().is_some_and(|letter| letter == 'E' || letter == 'S')
        && letters.as_str().parse::<u16>().is_ok()
}

/// What can be said without a look at the tests.
fn inconsistent(page: &Page) -> Vec<String> {
    let mut faults = Vec::new();
    let expected: BTreeSet<String> = ROWS
        .iter()
        .flat_map(|(letter, numbers)| numbers.clone().map(move |number| format!("{letter}{number}")))
        .collect();
    let times = |id: &str| page.rows.iter().filter(|row| row.id == id).count();
    faults.extend(expected.iter().filter(|id| times(id) == 0).map(|id| format!("{id} is missing")));
    faults
        .extend(expected.iter().filter(|id| times(id) > 1).map(|id| format!("{id} is there more than once")));
    for row in &page.rows {
        if !expected.contains(&row.id) {
            faults.push(format!("{} is no row of the list", row.id));
        }
        faults.extend(says_too_little(row).map(|why| format!("{}: {why}", row.id)));
        let unknown = row.plans.iter().filter(|plan| !page.plans.contains(*plan));
        faults.extend(unknown.map(|plan| format!("{}: the page says nothing of {plan:?}", row.id)));
    }
    let idle = page.plans.iter().filter(|plan| page.rows.iter().all(|row| !row.plans.contains(plan)));
    faults.extend(idle.map(|plan| format!("no row waits for {plan:?}")));
    for state in [DONE, PARTLY, TO_COME, LEFT_OUT] {
        let count = page.rows.iter().filter(|row| row.state == state).count();
        if page.counts.get(state) != Some(&count) {
            faults.push(format!("{count} rows are {state:?}, and the count at the top is another"));
        }
    }
    faults
}

/// What a row in its state must have and has not.
fn says_too_little(row: &Row) -> Option<&'static str> {
    let (tested, planned) = (!row.tests.is_empty(), !row.plans.is_empty());
    match row.state.as_str() {
        DONE if !tested => Some("is done, and no test shows it"),
        DONE if planned => Some("is done, and waits for something"),
        PARTLY if !tested => Some("is partly done, and no test shows it"),
        PARTLY | TO_COME if !planned => Some("does not say what brings it"),
        LEFT_OUT if row.differs.is_empty() => Some("is left out, and does not say why"),
        DONE | PARTLY | TO_COME | LEFT_OUT => None,
        _ => Some("is in no state that the page knows"),
    }
}

#[cfg(test)]
mod tests {
    use super::{ROWS, inconsistent, read};

    /// A page on which everything is right, whose rows all are `row`.
    fn page(row: &str) -> String {
        let ids =
            ROWS.iter().flat_map(|(letter, numbers)| numbers.clone().map(move |n| format!("{letter}{n}")));
        let rows: Vec<String> = ids.map(|id| format!("| {id} | {row} |")).collect();
        let mut text = String::from("- **clusters**: more than one server.\n| state | rows |\n|---|---|\n");
        for state in ["done", "partly", "to come", "left out"] {
            let count = if row.starts_with(state) { rows.len() } else { 0 };
            text.push_str(&format!("| {state} | {count} |\n"));
        }
        text + &rows.join("\n") + "\n| E1 of elsewhere | is no row |\n"
    }

    fn faults(text: &str) -> Vec<String> {
        let mut page = read(text);
        let mut faults = std::mem::take(&mut page.faults);
        faults.extend(inconsistent(&page));
        faults
    }

    const PARTLY: &str = "partly: clusters | a \\| b | `ours` | | `server::a::b`<br>`c.mjs \"d\"`";

    #[test]
    fn a_page_that_is_right_has_no_faults() {
        assert!(faults(&page(PARTLY)).is_empty(), "{:?}", faults(&page(PARTLY)));
        assert!(faults(&page("to come: clusters | a | | | ")).is_empty());
        let page = read(&page(PARTLY));
        assert_eq!(page.rows[0].tests, ["server::a::b", "c.mjs \"d\""]);
        assert_eq!((page.rows[0].id.as_str(), page.rows[0].state.as_str()), ("E1", "partly"));
    }

    #[test]
    fn a_row_that_is_missing_doubled_invented_or_cut_is_a_fault() {
        let right = page(PARTLY);
        let wrong = right.replacen("| E2 |", "| E1 |", 1).replacen("| S63 |", "| S64 |", 1).replacen(
            "| S5 | partly: clusters |",
            "| S5 |",
            1,
        );
        let counted = "107 rows are \"partly\", and the count at the top is another";
        assert_eq!(
            faults(&wrong),
            [
                "S5 has 5 cells instead of 6",
                "E2 is missing",
                "S5 is missing",
                "S63 is missing",
                "E1 is there more than once",
                "S64 is no row of the list",
                counted,
            ]
        );
    }

    #[test]
    fn a_row_with_neither_test_nor_plan_is_a_fault() {
        let fault = |row: &str| {
            let right = page(PARTLY);
            let mut faults = faults(&right.replacen(PARTLY, row, 1));
            faults.retain(|fault| !fault.contains("at the top"));
            faults
        };
        assert_eq!(fault("done | a | b | | "), ["E1: is done, and no test shows it"]);
        assert_eq!(fault("done: clusters | a | b | | `c::d`"), ["E1: is done, and waits for something"]);
        assert_eq!(fault("partly: clusters | a | b | | "), ["E1: is partly done, and no test shows it"]);
        assert_eq!(fault("partly | a | b | | `c::d`"), ["E1: does not say what brings it"]);
        assert_eq!(fault("to come | a | b | | "), ["E1: does not say what brings it"]);
        assert_eq!(fault("to come: wishes | a | b | | "), ["E1: the page says nothing of \"wishes\""]);
        assert_eq!(fault("left out | a | b | | "), ["E1: is left out, and does not say why"]);
        assert_eq!(fault("nearly | a | b | | `c::d`"), ["E1: is in no state that the page knows"]);
    }

    #[test]
    fn counts_and_plans_are_held_true() {
        let wrong =
            page(PARTLY).replace("| done | 0 |", "| done | 1 |").replace("- **clusters**", "- **nodes**");
        let faults = faults(&wrong);
        assert_eq!(
            faults.iter().filter(|fault| fault.ends_with("the page says nothing of \"clusters\"")).count(),
            108
        );
        assert_eq!(
            faults[108..],
            ["no row waits for \"nodes\"", "0 rows are \"done\", and the count at the top is another"]
        );
    }
}
