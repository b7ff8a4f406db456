//! Tasks that take turns: one that has much to do lets others run in between.

use std::future::poll_fn;
use std::task::Poll;

/// Goes to the back of the queue of tasks, whatever runs them. Cancel-safe.
pub async fn let_others_run() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::simulation::Simulation;

    #[test]
    fn whoever_lets_others_run_runs_behind_them() {
        for seed in 0..20 {
            let simulation = Simulation::new(seed);
            let order = Arc::new(Mutex::new(Vec::new()));
            let (first, runtime) = (order.clone(), simulation.runtime());
            simulation.runtime().spawn(async move {
                let second = first.clone();
                runtime.spawn(async move { second.lock().push("another") });
                // The simulation draws who is next: once the other has had its turn, this one is alone.
                while first.lock().is_empty() {
                    let_others_run().await;
                }
                first.lock().push("this one");
            });
            simulation.run();
            assert_eq!(*order.lock(), ["another", "this one"]);
        }
    }
}
