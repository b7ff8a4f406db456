//! Events that peers send again until they are acknowledged, handled once.
//!
//! ```text
//! order "k" ─▶ new     ─▶ handler ─▶ ack, kept
//! order "k" ─▶ running ─▶ waits for that ack
//! order "k" ─▶ done    ─▶ the same ack again
//! ```
//! A handler that ends without an answer is forgotten, and the next attempt runs it again.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sockeye_engine_proto::tick::Tick;
use sockeye_socket_proto::assembly::Incoming;

/// How long, and how many, keys of [deduplicated](crate::socket::Socket::on_deduplicated) events are remembered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Deduplication {
    /// How long after its answer a key is remembered. Default 10 min.
    pub duration: Duration,
    /// Keys of one namespace. Default 100,000. Beyond it the oldest are forgotten.
    pub keys: usize,
    /// Bytes of keys and answers of one namespace. Default 16 MiB. Beyond it the oldest are forgotten.
    pub bytes: usize,
}

impl Default for Deduplication {
    fn default() -> Deduplication {
        Deduplication { duration: Duration::from_secs(600), keys: 100_000, bytes: 16 * 1024 * 1024 }
    }
}

/// How many attempts wait for the answer to the first.
const WAITERS: usize = 64;

/// Hands an answer to who sent the event again.
pub(crate) type Waiter = Box<dyn FnOnce(&Incoming<'static>) + Send>;

/// An event's name and its key.
type Key = (Box<str>, Box<str>);

enum State {
    Running(Vec<Waiter>),
    Done(Arc<Incoming<'static>>),
}

/// What is known of the keys of a namespace.
#[derive(Default)]
struct Known {
    states: HashMap<Arc<Key>, State>,
    /// Those that are done, in the order in which they expire.
    order: VecDeque<(Tick, Arc<Key>)>,
    bytes: usize,
}

/// The window of one namespace.
#[derive(Clone, Default)]
pub(crate) struct Window(Arc<Mutex<Known>>);

/// What is to be done about an event.
pub(crate) enum Attempt {
    /// It is the first: the caller handles it, and answers.
    First(Running),
    /// Somebody handles it, and the waiter is told.
    Running,
    /// It was handled: this is the answer.
    Done(Arc<Incoming<'static>>, Waiter),
}

impl Window {
    /// An event with a key came.
    pub(crate) fn begin(&self, event: &str, key: &str, now: Tick, waiter: Waiter) -> Attempt {
        let mut known = self.0.lock();
        let gone = known.expire(now);
        let key: Arc<Key> = Arc::new((event.into(), key.into()));
        let attempt = match known.states.get_mut(&key) {
            Some(State::Running(waiters)) => {
                // One that is too many hears nothing, and tries again.
                if waiters.len() < WAITERS {
                    waiters.push(waiter);
                }
                Attempt::Running
            }
            Some(State::Done(answer)) => Attempt::Done(answer.clone(), waiter),
            None => {
                known.states.insert(key.clone(), State::Running(Vec::new()));
                Attempt::First(Running { window: self.clone(), key, is_over: Mutex::new(false) })
            }
        };
        drop(known);
        drop(gone);
        attempt
    }
}

fn weight(key: &Key, answer: &Incoming<'_>) -> usize {
    key.0.len() + key.1.len() + answer.len() + 2 * size_of::<State>()
}

impl Known {
    fn forget(&mut self, key: &Arc<Key>) -> Option<State> {
        let state = self.states.remove(key);
        if let Some(State::Done(answer)) = &state {
            self.bytes -= weight(key, answer);
        }
        state
    }

    fn expire(&mut self, now: Tick) -> Vec<State> {
        let mut gone = Vec::new();
        while let Some((until, _)) = self.order.front()
            && until.is_due(now)
            && let Some((_, key)) = self.order.pop_front()
        {
            gone.extend(self.forget(&key));
        }
        gone
    }
}

/// An event that is being handled. Dropped without an answer, it is forgotten.
pub(crate) struct Running {
    window: Window,
    key: Arc<Key>,
    is_over: Mutex<bool>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.key).finish()
    }
}

impl Running {
    /// It is handled, and answered with this.
    pub(crate) fn answer(&self, answer: Incoming<'static>, now: Tick, options: &Deduplication) {
        if std::mem::replace(&mut *self.is_over.lock(), true) {
            return;
        }
        let answer = Arc::new(answer);
        let until = now.after(Tick::ticks(options.duration));
        let mut known = self.window.0.lock();
        known.bytes += weight(&self.key, &answer);
        known.order.push_back((until, self.key.clone()));
        let before = known.states.insert(self.key.clone(), State::Done(answer.clone()));
        let mut gone = Vec::new();
        while (known.order.len() > options.keys.max(1) || known.bytes > options.bytes)
            && known.order.len() > 1
            && let Some((_, key)) = known.order.pop_front()
        {
            gone.extend(known.forget(&key));
        }
        drop(known);
        drop(gone);
        if let Some(State::Running(waiters)) = before {
            waiters.into_iter().for_each(|waiter| waiter(&answer));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !*self.is_over.get_mut() {
            let gone = self.window.0.lock().forget(&self.key);
            // Those who wait hear nothing, and try again.
            drop(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use sockeye_engine_proto::packet::Message;
    use sockeye_socket_proto::assembly::Assembly;
    use sockeye_socket_proto::limits::Limits;

    use super::*;

    fn answer(text: &str) -> Incoming<'static> {
        let packet = format!("30[\"{text}\"]");
        let incoming = Assembly::new().handle_message(Message::Text(&packet), &Limits::default());
        incoming.unwrap().unwrap().into_owned()
    }

    fn nobody() -> Waiter {
        Box::new(|_| {})
    }

    fn first(window: &Window, key: &str, now: u32) -> Option<Running> {
        match window.begin("order", key, Tick::new(now), nobody()) {
            Attempt::First(running) => Some(running),
            _ => None,
        }
    }

    #[test]
    fn who_comes_while_it_runs_gets_its_answer_and_who_comes_later_too() {
        let window = Window::default();
        let running = first(&window, "k", 0).unwrap();
        let (told, heard) = std::sync::mpsc::channel();
        let tell: Waiter =
            Box::new(move |answer| told.send(answer.packet().arguments().raw().to_owned()).unwrap());
        assert!(matches!(window.begin("order", "k", Tick::new(0), tell), Attempt::Running));
        running.answer(answer("done"), Tick::new(0), &Deduplication::default());
        drop(running);
        assert_eq!(heard.recv().unwrap(), "\"done\"");
        let Attempt::Done(again, _) = window.begin("order", "k", Tick::new(0), nobody()) else {
            panic!("done")
        };
        assert_eq!(again.packet().arguments().raw(), "\"done\"");
        assert!(matches!(window.begin("other", "k", Tick::new(0), nobody()), Attempt::First(_)));
    }

    #[test]
    fn so_many_wait_for_one_answer_and_no_more() {
        let window = Window::default();
        let running = first(&window, "k", 0).unwrap();
        let heard = Arc::new(Mutex::new(0));
        for _ in 0..1_000 {
            let heard = heard.clone();
            let waiter: Waiter = Box::new(move |_| *heard.lock() += 1);
            assert!(matches!(window.begin("order", "k", Tick::new(0), waiter), Attempt::Running));
        }
        running.answer(answer("done"), Tick::new(0), &Deduplication::default());
        assert_eq!(*heard.lock(), WAITERS);
    }

    #[test]
    fn what_ends_without_an_answer_runs_again() {
        let window = Window::default();
        drop(first(&window, "k", 0).unwrap());
        assert!(first(&window, "k", 0).is_some());
    }

    #[test]
    fn a_window_has_an_end_in_time_keys_and_bytes() {
        let options = Deduplication { duration: Duration::from_secs(1), keys: 3, bytes: 10_000 };
        let window = Window::default();
        for key in ["a", "b", "c", "d"] {
            first(&window, key, 0).unwrap().answer(answer("x"), Tick::new(0), &options);
        }
        assert!(first(&window, "a", 0).is_some(), "the oldest is forgotten");
        assert!(first(&window, "b", 0).is_none());
        assert!(first(&window, "d", 21).is_some(), "it was too long ago");
        let long = "x".repeat(6_000);
        for key in ["e", "f"] {
            first(&window, key, 30).unwrap().answer(answer(&long), Tick::new(30), &options);
        }
        assert!(first(&window, "e", 30).is_some() && first(&window, "f", 30).is_none());
        let known = window.0.lock();
        assert_eq!(known.order.len(), 1);
        assert_eq!(known.states.len(), 1, "and what was begun for a moment is gone as well");
    }
}
