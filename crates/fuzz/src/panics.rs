//! Panics that somebody catches: a server whose handler or task panics goes on, and a target must not.

use std::cell::Cell;
use std::sync::Once;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// From now on panics are counted. Under the fuzzer the first one ends the process anyway.
pub(crate) fn count() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            COUNT.set(COUNT.get() + 1);
            before(panic);
        }));
    });
}

/// How many there were on this thread since the last call.
pub(crate) fn taken() -> usize {
    COUNT.replace(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_that_is_caught_is_counted() {
        super::count();
        super::taken();
        std::panic::catch_unwind(|| panic!("on purpose")).expect_err("it panics");
        assert_eq!((super::taken(), super::taken()), (1, 0));
    }
}
