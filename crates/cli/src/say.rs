//! Words to the person at the terminal. A terminal that is gone or full stops nothing.

use std::io::{Write, stderr, stdout};

/// Says something on standard output.
pub(crate) fn say(text: &str) {
    writeln!(stdout(), "{text}").and_then(|()| stdout().flush()).ok();
}

/// Says in one line what went wrong.
pub(crate) fn complain(text: &str) {
    writeln!(stderr(), "sockeye: {text}").ok();
}
