//! The log of one thread.
//!
//! One subscriber for the whole process, which asks each thread who listens: of several that come and go, `tracing` may
//! remember that nobody wanted a line.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex, Once};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static LISTENS: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

/// While it is there, its thread is listened to.
pub(crate) struct Listening;

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENS.set(None);
    }
}

impl Lines {
    /// Everything that anybody logs on this thread from here on, down to the least.
    pub(crate) fn listen(&self) -> Listening {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let lines = tracing_subscriber::fmt().with_ansi(false).without_time();
            let lines = lines.with_max_level(LevelFilter::TRACE).with_writer(OfThread).finish();
            tracing::subscriber::set_global_default(lines).expect("there is no other");
        });
        LISTENS.set(Some(self.clone()));
        Listening
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panicked").clone()).expect("a text")
    }
}

/// Writes for who listens to the thread that logs, if anybody does.
struct OfThread;

impl<'l> MakeWriter<'l> for OfThread {
    type Writer = Line;

    fn make_writer(&'l self) -> Line {
        Line(LISTENS.with_borrow(Clone::clone))
    }
}

struct Line(Option<Lines>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(lines) = &self.0 {
            lines.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
