//! A server under a moved clock, and raw peers over memory: nothing is sent that the input does not say.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use sockeye_runtime::simulation::Simulation;
use sockeye_server::server::{Builder, Server};
use tokio::io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf};
use tower_service::Service as _;

/// Bytes that a line holds each way.
const LINE: usize = 16 * 1024;

/// More than all time-outs together, in milliseconds: two connections are cut 10 s after a Close frame, which is no
/// option.
const LONG: u64 = 24_000;

/// Lets a second pass, and then as many as it takes until `is_over`, but no more than all time-outs together. Mostly it is
/// over soon, and each tick costs the fuzzer as much as any.
pub(crate) fn until(is_over: impl Fn() -> bool, mut wait: impl FnMut(u64)) {
    for _ in 0..LONG / 1_000 {
        wait(1_000);
        if is_over() {
            return;
        }
    }
}

/// A server that is gone is noticed by its clock at the next tick, and a second later at most by what weighs its sessions.
pub(crate) const GONE: Duration = Duration::from_millis(1_100);

/// Everything that the peers of one input meet.
pub(crate) struct World {
    pub(crate) simulation: Simulation,
    pub(crate) server: Server,
    /// The server holds the other one.
    alive: Alive,
}

#[derive(Clone, Default)]
struct Alive(Arc<()>);

impl World {
    /// Its time-outs are short, since each tick of its clock costs the fuzzer as much as any.
    pub(crate) fn new(seed: u64, build: impl FnOnce(Builder) -> Builder) -> World {
        crate::panics::count();
        let simulation = Simulation::new(seed);
        let builder = Server::builder().runtime(simulation.runtime()).state(simulation.runtime());
        let alive = Alive::default();
        let builder = builder.state(alive.clone());
        let builder = builder
            .ping_interval(Duration::from_secs(3))
            .ping_timeout(Duration::from_secs(2))
            .upgrade_timeout(Duration::from_secs(1))
            .connect_timeout(Duration::from_secs(3))
            .attachment_timeout(Duration::from_secs(3))
            .connect_hold(Duration::from_millis(500));
        let builder = builder.engine(|options| {
            options.body_timeout = Duration::from_secs(2);
            options.stall_timeout = Duration::from_secs(2);
            options.resume_timeout = Duration::from_secs(2);
            options.close_timeout = Duration::from_secs(3);
        });
        World { server: build(builder).build(), simulation, alive }
    }

    /// The server goes, and nothing of it is left: neither a session nor a task holds it.
    pub(crate) fn end(self) {
        let World { simulation, server, alive } = self;
        drop(server);
        let advance = |milliseconds| simulation.advance(Duration::from_millis(milliseconds));
        until(|| Arc::strong_count(&alive.0) == 1, advance);
        assert_eq!(Arc::strong_count(&alive.0), 1, "something holds the server");
        simulation.advance(GONE);
    }

    pub(crate) fn run(&self) {
        self.simulation.run();
    }

    pub(crate) fn advance(&self, milliseconds: u64) {
        self.simulation.advance(Duration::from_millis(milliseconds));
    }

    /// Asks; what comes of it is there when the world has run.
    pub(crate) fn ask(&self, request: Request<Full<Bytes>>) -> Reply {
        let reply = Reply::default();
        let (state, mut service) = (reply.0.clone(), self.server.service());
        let exchange = async move {
            let Ok(answer) = service.call(request).await;
            let (head, mut body) = answer.into_parts();
            state.lock().status = Some(head.status.as_u16());
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(data) = frame.into_data() {
                    state.lock().bytes.extend_from_slice(&data);
                }
            }
            state.lock().ended = true;
        };
        reply.0.lock().exchange = Some(Box::pin(exchange));
        let state = reply.0.clone();
        self.simulation.runtime().spawn(poll_fn(move |cx| {
            // Taken out while it runs, since it writes to the same place.
            let Some(mut exchange) = state.lock().exchange.take() else { return Poll::Ready(()) };
            let polled = exchange.as_mut().poll(cx);
            if polled.is_pending() {
                state.lock().exchange = Some(exchange);
            }
            polled
        }));
        reply
    }

    /// A connection that speaks HTTP/1.1, and whatever it is upgraded to.
    pub(crate) fn connect(&self) -> Line {
        let (near, far) = tokio::io::duplex(LINE);
        let service = self.server.service();
        self.simulation.runtime().spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = service.clone().call(request);
                async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
            });
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(far), service)
                .with_upgrades();
            // How it ended shows at the peer's end.
            served.await.ok();
        });
        Line { near, came: Vec::new(), ended: false }
    }
}

type Exchange = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
struct State {
    status: Option<u16>,
    bytes: Vec<u8>,
    ended: bool,
    exchange: Option<Exchange>,
}

/// An answer that may not be there yet.
#[derive(Clone, Default)]
pub(crate) struct Reply(Arc<Mutex<State>>);

impl Reply {
    pub(crate) fn status(&self) -> Option<u16> {
        self.0.lock().status
    }

    /// What came since the last look.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().bytes)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.lock().ended
    }

    /// The peer's connection drops.
    pub(crate) fn drop_it(&self) {
        let mut state = self.0.lock();
        state.ended = true;
        let exchange = state.exchange.take();
        drop(state);
        drop(exchange);
    }
}

/// A peer's end of a connection. Dropped, the connection is cut.
pub(crate) struct Line {
    near: DuplexStream,
    /// What came and was not taken.
    pub(crate) came: Vec<u8>,
    pub(crate) ended: bool,
}

impl Line {
    /// Writes as much as the line takes.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let mut cx = Context::from_waker(Waker::noop());
        let polled = pin!(&mut self.near).poll_write(&mut cx, bytes);
        if let Poll::Ready(Err(_)) = polled {
            self.ended = true;
        }
    }

    /// Reads what there is.
    pub(crate) fn read(&mut self) {
        let mut bytes = [0; 4096];
        while !self.ended {
            let mut read = ReadBuf::new(&mut bytes);
            let mut cx = Context::from_waker(Waker::noop());
            match pin!(&mut self.near).poll_read(&mut cx, &mut read) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    self.came.extend_from_slice(read.filled())
                }
                Poll::Ready(_) => self.ended = true,
            }
        }
    }
}
