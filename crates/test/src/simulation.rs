//! A whole test under a seed.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use sockeye::Server;
use sockeye::runtime::Runtime;
use sockeye::simulation::Simulation;

use crate::clock::{Clock, Stillness};
use crate::server::TestServer;

/// How far the clock moves at once; timers in between fire in their order.
const STEP: Duration = Duration::from_millis(1);

/// Runs a test in a simulated world: the clock is moved, and which of several ready tasks runs next is drawn
/// from `seed`. One seed is one schedule, and many seeds are many: a loop over them finds the order that a
/// handler did not think of.
///
/// There is no tokio here: handlers take time and tasks from the [`Runtime`] that their server is built with,
/// which they may reach as [`State`](sockeye::State). tokio's channels and locks work as ever.
///
/// ```
/// use std::time::Duration;
/// use sockeye::{Server, Socket, State, runtime::Runtime};
///
/// fn server(runtime: Runtime) -> Server {
///     let server = Server::builder().state(runtime.clone()).runtime(runtime).build();
///     server.on_connect(async |socket: Socket| {
///         socket.on("remind", async |socket: Socket, State(runtime): State<Runtime>, seconds: u64| {
///             runtime.sleep(Duration::from_secs(seconds)).await;
///             socket.emit("reminder", seconds);
///         });
///     });
///     server
/// }
///
/// for seed in 0..20 {
///     sockeye_test::simulate(seed, server, async |kit| {
///         let mut ada = kit.connect("/").await.expect("she may come in");
///         ada.emit("remind", 3);
///         kit.advance(Duration::from_secs(2)).await;
///         ada.expect_nothing().await;
///         assert_eq!(ada.expect::<u64>("reminder").await, 3);
///     });
/// }
/// ```
///
/// # Panics
/// As the test does.
pub fn simulate<T>(
    seed: u64,
    server: impl FnOnce(Runtime) -> Server,
    test: impl AsyncFnOnce(TestServer) -> T,
) -> T {
    let simulation = Simulation::new(seed);
    let stillness = Stillness::default();
    let clock = Clock::simulated(simulation.runtime(), stillness.clone());
    let mut test = pin!(test(TestServer::on(clock, &server(simulation.runtime()))));
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(woken.clone());
    loop {
        if woken.0.swap(false, Ordering::Relaxed)
            && let Poll::Ready(done) = test.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return done;
        }
        simulation.run();
        // The test goes on in this moment, or else time does.
        if !woken.0.load(Ordering::Relaxed) && !stillness.tell() {
            simulation.advance(STEP);
        }
    }
}

/// Whether the test itself has something to do.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
