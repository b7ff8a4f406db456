//! Tasks that take turns: one that has much to do lets others run in between.
//!
//! A task of tokio's that merely wakes itself runs again before anybody looks whether sockets can be read: tokio looks once
//! in some sixty turns, and a turn may be long. Tasks here are woken behind that look.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use crate::runtime::Runtime;

/// Goes to the back of the queue of tasks, from which any thread takes it. For tasks that serve many: one that waits behind
/// the look at the sockets waits on its own thread, for as long as another task blocks that. Cancel-safe.
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

/// Goes behind all that wait for sockets: for tasks that serve one peer. Cancel-safe.
pub async fn let_sockets_go_first(runtime: &Runtime) {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        wake_behind_others(runtime, cx);
        Poll::Pending
    })
    .await;
}

/// Wakes the task that is being polled when others had their turn: for one that answers [`Poll::Pending`] though it could
/// go on.
pub fn wake_behind_others(runtime: &Runtime, cx: &mut Context<'_>) {
    #[cfg(feature = "tokio")]
    if runtime.is_tokio() {
        // Polled once it has tokio wake the task when it has looked at its sockets; no more is needed of it.
        if pin!(tokio::task::yield_now()).poll(cx).is_pending() {
            return;
        }
    }
    cx.waker().wake_by_ref();
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

    #[cfg(feature = "tokio")]
    #[test]
    fn who_waits_for_a_socket_runs_before_a_task_that_could_go_on_for_ever() {
        use std::io::Write;
        use std::sync::atomic::{AtomicUsize, Ordering};

        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        tokio.block_on(async {
            let runtime = Runtime::tokio();
            let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
            let mut peer =
                std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("a peer");
            let (socket, _) = listener.accept().expect("it came");
            socket.set_nonblocking(true).expect("a socket");
            let socket = tokio::net::TcpStream::from_std(socket).expect("a runtime with sockets");
            let turns = Arc::new(AtomicUsize::new(0));
            let (busy, counted) = (runtime.clone(), turns.clone());
            tokio::spawn(async move {
                loop {
                    counted.fetch_add(1, Ordering::Relaxed);
                    let_sockets_go_first(&busy).await;
                }
            });
            // It is woken by the look at the sockets that follows the first turn.
            peer.write_all(b"x").expect("it is sent");
            socket.readable().await.expect("it came");
            let before = turns.load(Ordering::Relaxed);
            assert!(before <= 3, "{before} turns, each of which may be long");
        });
    }
}
