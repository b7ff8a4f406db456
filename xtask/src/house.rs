//! What every file of the repository keeps, beyond what compilers check.
//!
//! Each check answers with sentences, one a fault; none means that it holds.

mod circles;
mod compatibility;
mod floors;
mod imports;
mod named_tests;
mod scripts;
mod texts;

use std::io;

use crate::{counts::Counts, repository};

/// A check by its name, and its faults.
pub(crate) struct Checked {
    /// The sentence that holds when there are no faults.
    pub(crate) holds: &'static str,
    /// Why it does not.
    pub(crate) faults: Vec<String>,
}

/// Runs all checks.
pub(crate) fn check() -> io::Result<Vec<Checked>> {
    let files = repository::files()?;
    let root = repository::root();
    Ok(vec![
        Checked { holds: "no Rust file imports in a circle", faults: imports::circles(&root, &files)? },
        Checked { holds: "no TypeScript file imports in a circle", faults: scripts::circles(&root, &files)? },
        Checked { holds: "crates depend on lower floors only", faults: floors::faults(&root)? },
        Checked { holds: "the project speaks of itself alone", faults: texts::foreign_words(&root, &files)? },
        Checked { holds: "lockfiles name no addresses", faults: texts::resolved_addresses(&root, &files)? },
        Checked { holds: "npm packages are pinned exactly", faults: texts::loose_versions(&root, &files)? },
        Checked { holds: "files that are named exist", faults: texts::missing_files(&root, &files)? },
        Checked { holds: "COMPATIBILITY.md names tests that exist", faults: compatibility::faults(&root)? },
    ])
}

/// Prints the checks, and counts them.
pub(crate) fn report() -> io::Result<Counts> {
    let mut counts = Counts::default();
    for checked in check()? {
        if checked.faults.is_empty() {
            counts.add(Counts::PASSED);
            println!("  holds: {}", checked.holds);
        } else {
            counts.add(Counts::FAILED);
            println!("  does not hold: {}", checked.holds);
            for fault in &checked.faults {
                println!("    {fault}");
            }
        }
    }
    Ok(counts)
}
