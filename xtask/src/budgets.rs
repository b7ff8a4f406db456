//! What each figure may be, and which of them the tests hold.
//!
//! The one table of figures: the benchmark prints them in this order, the gates look up theirs.

/// A figure: what is measured, and what it may be.
#[derive(Debug)]
pub(crate) struct Budget {
    /// How the code calls it.
    pub(crate) key: &'static str,
    /// How the table calls it.
    pub(crate) label: &'static str,
    /// Behind the number.
    pub(crate) unit: &'static str,
    /// Digits behind the point.
    pub(crate) digits: usize,
    /// The most that it should be; `None` is measured and printed only.
    pub(crate) budget: Option<f64>,
    /// The most that it may be for the tests to pass, where noise cannot touch it.
    pub(crate) gate: Option<f64>,
}

const fn figure(
    key: &'static str,
    label: &'static str,
    unit: &'static str,
    digits: usize,
    budget: f64,
) -> Budget {
    Budget { key, label, unit, digits, budget: Some(budget), gate: None }
}

const fn printed(key: &'static str, label: &'static str, unit: &'static str, digits: usize) -> Budget {
    Budget { key, label, unit, digits, budget: None, gate: None }
}

impl Budget {
    const fn gate(self, gate: f64) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// A value as it is printed.
    pub(crate) fn show(&self, value: f64) -> String {
        match self.unit {
            "yes or no" => if value > 0.5 { "yes" } else { "no" }.to_owned(),
            unit => format!("{} {unit}", grouped(value, self.digits)).trim_end().to_owned(),
        }
    }
}

/// All figures.
pub(crate) const BUDGETS: &[Budget] = &[
    // The gate is measured at half the number of sockets, where what is fixed weighs double.
    figure("idle", "idle memory per WebSocket, 10,000 of them", "B", 0, 800.0).gate(1_150.0),
    figure("left", "of their memory left 2 s after they closed", "%", 0, 20.0),
    printed("idle-polling", "idle memory per long poll, 5,000 of them", "B", 0),
    printed("idle-sse", "idle memory per event stream, 5,000 of them", "B", 0),
    figure("echo", "echo with ack, 100 clients: CPU each", "µs", 1, 8.0),
    printed("echo-p50", "echo with ack, 1,000 clients: p50", "ms", 1),
    printed("echo-p99", "... p99", "ms", 1),
    figure("echo-ratio", "... p99 / p50", "", 1, 3.0),
    figure("fan-out-1000", "fan-out to 1,000: CPU per delivery", "µs", 1, 6.5),
    figure("fan-out-10000", "fan-out to 10,000: CPU per delivery", "µs", 1, 7.5),
    figure("fan-out-burst", "fan-out to 1,000, ten frames at once: CPU per delivery", "µs", 2, 1.6),
    figure("connect", "connect, join, close: CPU each", "µs", 0, 50.0),
    figure("polling", "long-polling round trip: CPU each", "µs", 1, 14.0),
    figure("slow-grown", "one reader of two never reads 49 MB: memory grows by", "MB", 1, 16.0),
    figure("slow-kept", "... and is still there at the end", "yes or no", 0, 0.0),
    // 2, 1 and 4, and what waiting for events costs each when a hundred clients share it.
    figure("calls-echo", "system calls per echo", "", 2, 2.05).gate(2.1),
    figure("calls-delivery", "system calls per delivery", "", 2, 1.1).gate(1.15),
    figure("calls-polling", "system calls per long-polling round trip", "", 2, 4.1).gate(4.2),
    // Over their budgets still: the gates hold what is reached, so that it can only get better.
    figure("instructions-echo", "user instructions per echo", "", 0, 3_000.0).gate(5_700.0),
    figure("instructions-delivery", "user instructions per delivery", "", 0, 400.0).gate(760.0),
    printed("instructions-polling", "user instructions per long-polling round trip", "", 0),
    // What it costs more: `auth`, which application C sends to each, is among what is kept.
    figure(
        "recovery-idle",
        "connection state recovery: memory per socket and event kept for it",
        "B",
        0,
        250.0,
    )
    // A difference of two measurements, of which each varies by some 25 B.
    .gate(350.0),
    figure("recovery-event", "... user instructions per event with one receiver", "", 0, 1_100.0)
        .gate(1_250.0),
    figure("recovery-delivery", "... user instructions per delivery of an event with 100", "", 0, 40.0)
        .gate(60.0),
];

/// The figure called `key`.
pub(crate) fn budget(key: &str) -> &'static Budget {
    BUDGETS
        .iter()
        .find(|budget| budget.key == key)
        .expect("every figure that is measured stands in the table")
}

/// A number with a comma at each thousand.
fn grouped(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.find('.').map_or((text.as_str(), ""), |point| text.split_at(point));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

#[cfg(test)]
mod tests {
    use super::{BUDGETS, budget, grouped};
    use std::collections::BTreeSet;

    #[test]
    fn every_figure_has_a_key_of_its_own() {
        let keys: BTreeSet<_> = BUDGETS.iter().map(|budget| budget.key).collect();
        assert_eq!(keys.len(), BUDGETS.len());
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(1_234_567.0, 0), "1,234,567");
        assert_eq!(grouped(-1_234.56, 1), "-1,234.6");
        assert_eq!(grouped(12.0, 2), "12.00");
    }

    #[test]
    fn values_are_shown_with_their_units() {
        assert_eq!(budget("idle").show(12_345.4), "12,345 B");
        assert_eq!(budget("calls-echo").show(2.004), "2.00");
        assert_eq!(budget("slow-kept").show(0.0), "no");
    }
}
