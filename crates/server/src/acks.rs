//! Who waits for an acknowledgement of a peer: one call, or a broadcast that collects many.

use std::sync::Arc;

use parking_lot::Mutex;
use sockeye_socket_proto::assembly::Incoming;
use tokio::sync::oneshot;

use crate::error::AckError;

/// What came instead of waiting on.
pub(crate) type Answer = Result<Incoming<'static>, AckError>;

/// Who waits.
pub(crate) enum Waiting {
    One(oneshot::Sender<Answer>),
    Many(Arc<Collection>),
}

impl Waiting {
    /// Hands the answer on. Whoever asked may have gone.
    pub(crate) fn complete(self, answer: Answer) {
        match self {
            Waiting::One(sender) => drop(sender.send(answer)),
            Waiting::Many(collection) => collection.add(answer),
        }
    }
}

/// The answers to one broadcast, in the order in which they come.
pub(crate) struct Collection(Mutex<Collecting>);

struct Collecting {
    answers: Vec<Answer>,
    missing: usize,
    done: Option<oneshot::Sender<Vec<Answer>>>,
}

impl Collection {
    /// Waits for that many answers.
    pub(crate) fn new(missing: usize) -> (Arc<Collection>, oneshot::Receiver<Vec<Answer>>) {
        let (done, receiver) = oneshot::channel();
        let collecting = Collecting { answers: Vec::new(), missing, done: Some(done) };
        let collection = Collection(Mutex::new(collecting));
        if missing == 0 {
            collection.finish();
        }
        (Arc::new(collection), receiver)
    }

    pub(crate) fn add(&self, answer: Answer) {
        let mut collecting = self.0.lock();
        collecting.answers.push(answer);
        collecting.missing = collecting.missing.saturating_sub(1);
        let is_done = collecting.missing == 0;
        drop(collecting);
        if is_done {
            self.finish();
        }
    }

    fn finish(&self) {
        let mut collecting = self.0.lock();
        let (done, answers) = (collecting.done.take(), std::mem::take(&mut collecting.answers));
        drop(collecting);
        if let Some(done) = done {
            // Whoever asked may have gone.
            drop(done.send(answers));
        }
    }
}
