//! Random bytes from the operating system, fetched a page at a time.

use std::cell::RefCell;

/// How much is fetched at once: one system call for some 270 session ids.
const PAGE: usize = 4096;

struct Page {
    bytes: Box<[u8]>,
    used: usize,
}

thread_local! {
    static POOL: RefCell<Page> = RefCell::new(Page { bytes: vec![0; PAGE].into(), used: PAGE });
}

/// Fills `out` from the operating system's generator.
///
/// # Panics
/// When the operating system gives no randomness: no id could be safe then.
pub(crate) fn fill(out: &mut [u8]) {
    if out.len() > PAGE {
        getrandom::fill(out).expect("the operating system gives random bytes");
        return;
    }
    POOL.with_borrow_mut(|page| {
        if page.used + out.len() > PAGE {
            getrandom::fill(&mut page.bytes).expect("the operating system gives random bytes");
            page.used = 0;
        }
        let taken = &mut page.bytes[page.used..page.used + out.len()];
        out.copy_from_slice(taken);
        taken.fill(0);
        page.used += out.len();
    });
}
