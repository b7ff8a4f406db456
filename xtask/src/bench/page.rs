//! The table of a run, and the page that keeps it.

use std::{fs, io, process::Command};

use crate::{
    bench::results::{Results, Settings},
    budgets::BUDGETS,
    repository,
};

/// What is between these two lines of `benches/README.md` is written by the benchmark.
const BEGIN: &str = "<!-- written by cargo xtask bench: begin -->";
const END: &str = "<!-- written by cargo xtask bench: end -->";

/// The table in Markdown, with what it was measured on.
pub(crate) fn text(results: &Results, servers: &[&'static str], settings: &Settings) -> io::Result<String> {
    let mut text = conditions()?;
    if settings.quick {
        text.push_str("Quick: fewer runs and fewer clients than the table says.\n");
    }
    text.push_str(&format!("\n| figure | budget | {} |\n", servers.join(" | ")));
    text.push_str(&format!("|---|---:|{}\n", "---:|".repeat(servers.len())));
    for budget in BUDGETS {
        let Some(values) = results.get(budget.key) else { continue };
        let limit = budget.budget.map_or_else(
            || "-".to_owned(),
            |limit| match budget.unit {
                "yes or no" => budget.show(limit),
                _ => format!("≤ {}", budget.show(limit)),
            },
        );
        text.push_str(&format!("| {} | {limit} |", budget.label));
        for (index, server) in servers.iter().enumerate() {
            let cell = values.get(server).map_or_else(
                || "-".to_owned(),
                |value| {
                    let shown = budget.show(*value);
                    // Ours are what the budget is for: what is over it stands out.
                    let over = index == 0 && budget.budget.is_some_and(|limit| *value > limit);
                    if over { format!("**{shown}**") } else { shown }
                },
            );
            text.push_str(&format!(" {cell} |"));
        }
        text.push('\n');
    }
    text.push_str(
        "\nBold is over the budget. CPU is the server's own, user and system; memory is resident.\n",
    );
    Ok(text)
}

/// When, where and with what.
fn conditions() -> io::Result<String> {
    let said = |program: &str, words: &[&str]| -> String {
        let output = Command::new(program).args(words).current_dir(repository::root()).output();
        output.map_or_else(
            |_| "unknown".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let allocator =
        std::env::var("JEMALLOC_SYS_WITH_MALLOC_CONF").unwrap_or_else(|_| "its defaults".to_owned());
    Ok(format!(
        "{}, commit {}; {cores} cores, {}, Linux {}; {}, Node {}; socket.io {}, socketioxide {}; jemalloc with {allocator}.\n",
        said("date", &["-u", "+%F"]),
        said("git", &["rev-parse", "--short", "HEAD"]),
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim().split('-').next().unwrap_or_default(),
        said("rustc", &["--version"]).split(" (").next().unwrap_or_default(),
        said("node", &["--version"]).trim_start_matches('v'),
        peer_version("benches/peers/node/package.json", "\"socket.io\": \""),
        peer_version("benches/peers/socketioxide/Cargo.lock", "name = \"socketioxide\"\nversion = \""),
    ))
}

/// The version behind `before` in a file of the repository.
fn peer_version(file: &str, before: &str) -> String {
    let text = fs::read_to_string(repository::root().join(file)).unwrap_or_default();
    let version = text.split_once(before).and_then(|(_, rest)| rest.split('"').next());
    version.unwrap_or("unknown").to_owned()
}

/// Writes the table into the page and the report.
pub(crate) fn keep(table: &str) -> io::Result<()> {
    let root = repository::root();
    let page = root.join("benches/README.md");
    let text = fs::read_to_string(&page)?;
    let replaced =
        between(&text, table).ok_or_else(|| io::Error::other("benches/README.md has lost its markers"))?;
    fs::write(page, replaced)?;
    fs::create_dir_all(root.join("reports"))?;
    fs::write(root.join("reports/bench.txt"), table)
}

/// `page` with `table` between its markers.
fn between(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, between};

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let page = format!("# Page\n{BEGIN}\nold\n{END}\nrest\n");
        let first = between(&page, "new\n").expect("it has markers");
        assert_eq!(first, format!("# Page\n{BEGIN}\nnew\n{END}\nrest\n"));
        assert_eq!(between(&first, "new\n").expect("it still has them"), first);
    }

    #[test]
    fn a_page_without_markers_is_left_alone() {
        assert_eq!(between("# Page\n", "new\n"), None);
    }
}
