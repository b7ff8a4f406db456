//! Who waits for an acknowledgement of a peer: one call, or a broadcast that collects many.

use std::sync::Arc;

use parking_lot::Mutex;
use sockeye_socket_proto::assembly::Incoming;
use tokio::sync::oneshot;

use crate::error::AckError;
use crate::id::SocketId;

/// What came instead of waiting on.
pub(crate) type Answer = Result<Incoming<'static>, AckError>;

/// Who waits.
pub(crate) enum Waiting {
    One(oneshot::Sender<Answer>),
    /// Among others: this socket's answer.
    Many(Arc<Collection>, SocketId),
}

impl Waiting {
    /// Hands the answer on. Whoever asked may have gone.
    pub(crate) fn complete(self, answer: Answer) {
        match self {
            Waiting::One(sender) => drop(sender.send(answer)),
            Waiting::Many(collection, socket) => collection.add(socket, answer),
        }
    }
}

/// What each socket answered to one broadcast, in the order in which the answers come.
pub(crate) type Answers = Vec<(SocketId, Answer)>;

/// The answers to one broadcast.
pub(crate) struct Collection(Mutex<Collecting>);

struct Collecting {
    answers: Answers,
    missing: usize,
    done: Option<oneshot::Sender<Answers>>,
}

impl Collection {
    /// Waits for that many answers.
    pub(crate) fn new(missing: usize) -> (Arc<Collection>, oneshot::Receiver<Answers>) {
        let (done, receiver) = oneshot::channel();
        let collecting = Collecting { answers: Vec::new(), missing, done: Some(done) };
        let collection = Collection(Mutex::new(collecting));
        if missing == 0 {
            collection.finish();
        }
        (Arc::new(collection), receiver)
    }

    pub(crate) fn add(&self, socket: SocketId, answer: Answer) {
        let mut collecting = self.0.lock();
        collecting.answers.push((socket, answer));
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
