//! How many tests a program says that it ran.

/// Tests by how they ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// Held.
    pub(crate) passed: u64,
    /// Did not hold, or could not run.
    pub(crate) failed: u64,
    /// Not run, for a reason that is said.
    pub(crate) skipped: u64,
}

impl Counts {
    /// One check that held.
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    /// One check that did not.
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };

    /// Adds those of another program.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Sums the closing lines of cargo test, of node's test runner, and plain ones: `N passed, N failed`.
    pub(crate) fn read(output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines() {
            if let Some(result) = line.trim().strip_prefix("test result: ") {
                let numbers = result.split_once(". ").map_or(result, |(_, numbers)| numbers);
                counts.add(Self::list(numbers.split(';')));
            } else if let Some((word, number)) = node_line(line) {
                match word {
                    "pass" => counts.passed += number,
                    "fail" | "cancelled" => counts.failed += number,
                    "skipped" | "todo" => counts.skipped += number,
                    _ => {}
                }
            } else if line.contains(" passed, ") {
                counts.add(Self::list(line.split(',')));
            }
        }
        counts
    }

    /// `N passed`, `N failed`, `N skipped` or `N ignored`, in any order; anything else is not a count.
    fn list<'l>(parts: impl Iterator<Item = &'l str>) -> Self {
        let mut counts = Self::default();
        for part in parts {
            // One word with a colon may name whose numbers these are.
            let mut words = part.split_whitespace().skip_while(|word| word.ends_with(':'));
            let (Some(number), Some(word), None) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else { continue };
            match word {
                "passed" => counts.passed += number,
                "failed" => counts.failed += number,
                "skipped" | "ignored" => counts.skipped += number,
                _ => {}
            }
        }
        counts
    }
}

/// `ℹ pass 12`, or `# pass 12` where the output is TAP.
fn node_line(line: &str) -> Option<(&str, u64)> {
    let rest = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "))?;
    let (word, number) = rest.split_once(' ')?;
    Some((word, number.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn closing_lines_of_cargo_are_summed() {
        let output = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
                      test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(Counts::read(output), Counts { passed: 15, failed: 2, skipped: 1 });
    }

    #[test]
    fn closing_lines_of_node_are_read_in_both_forms() {
        let spec = "ℹ tests 5\nℹ pass 3\nℹ fail 1\nℹ cancelled 1\nℹ skipped 0\n";
        let tap = "# tests 5\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 0\n";
        let expected = Counts { passed: 3, failed: 2, skipped: 0 };
        assert_eq!(Counts::read(spec), expected);
        assert_eq!(Counts::read(tap), expected);
    }

    #[test]
    fn a_plain_line_counts() {
        assert_eq!(Counts::read("browser: 7 passed, 1 failed"), Counts { passed: 7, failed: 1, skipped: 0 });
        assert_eq!(
            Counts::read("7 passed, 1 failed, 2 skipped\n"),
            Counts { passed: 7, failed: 1, skipped: 2 }
        );
    }

    #[test]
    fn output_without_a_closing_line_counts_nothing() {
        assert_eq!(Counts::read("all is well, 3 things passed\n"), Counts::default());
    }
}
