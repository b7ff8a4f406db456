//! A whole engine under a clock that the test moves: no socket, no wait, one seed.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::Body as _;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use sockeye_engine::engine::Engine;
use sockeye_engine::options::Options;
use sockeye_engine::session::Session;
use sockeye_engine_proto::frame::Frame;
use sockeye_runtime::simulation::Simulation;
use sockeye_websocket::decoder::{Decoded, Decoder, Role};
use sockeye_websocket::encode::encode;
use sockeye_websocket::event::Event;
use sockeye_websocket::header::OpCode;
use sockeye_websocket::limits::Limits;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, DuplexStream, ReadBuf};

use super::Recorder;
use super::websocket::{Came, UPGRADE};

pub(crate) struct World {
    pub(crate) simulation: Simulation,
    pub(crate) engine: Arc<Engine<Recorder>>,
}

impl World {
    pub(crate) fn new(options: Options) -> World {
        World::with(Recorder::default(), options)
    }

    pub(crate) fn with(application: Recorder, options: Options) -> World {
        let simulation = Simulation::new(7);
        let engine = Engine::new(application, options, simulation.runtime());
        World { simulation, engine }
    }

    pub(crate) fn application(&self) -> &Recorder {
        self.engine.application()
    }

    pub(crate) fn session(&self) -> Arc<Session<()>> {
        self.application().session(0)
    }

    pub(crate) fn send(&self, text: &str) {
        let frame = Frame::text(&[b"4", text.as_bytes()]);
        self.engine.send(&self.session(), [frame]).expect("the session is open");
        self.simulation.run();
    }

    pub(crate) fn advance(&self, milliseconds: u64) {
        self.simulation.advance(Duration::from_millis(milliseconds));
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.request(Request::get(target).body(Full::<Bytes>::default()).expect("a request"))
    }

    pub(crate) fn post(&self, target: &str, body: &str) -> Reply {
        self.request(Request::post(target).body(Full::<Bytes>::from(body.to_owned())).expect("a request"))
    }

    pub(crate) fn request<B>(&self, request: Request<B>) -> Reply
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Send,
    {
        let reply = Reply::default();
        let (state, engine) = (reply.0.clone(), self.engine.clone());
        let exchange = async move {
            let answer = engine.handle(request).await;
            let (head, body) = answer.into_parts();
            state.lock().head = Some((head.status.as_u16(), head.headers));
            let mut body = pin!(body);
            while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
                let data = frame.expect("a body that does not fail").into_data().expect("data");
                state.lock().bytes.extend_from_slice(&data);
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
        self.simulation.run();
        reply
    }

    /// A WebSocket over a stream that is no TCP.
    pub(crate) fn websocket(&self, target: &str) -> Foreign {
        self.websocket_with(target, "")
    }

    /// With more `headers`.
    pub(crate) fn websocket_with(&self, target: &str, headers: &str) -> Foreign {
        let (client, server) = tokio::io::duplex(1 << 16);
        let engine = self.engine.clone();
        self.simulation.runtime().spawn(async move {
            let service = service_fn(|request| {
                let answer = engine.clone().handle(request);
                async move { Ok::<_, std::convert::Infallible>(answer.await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(server), service)
                .with_upgrades();
            connection.await.ok();
        });
        let mut socket =
            Foreign { client, buffer: Vec::new(), decoder: Decoder::new(), deflate: false, received: 0 };
        socket.write(self, format!("GET {target} HTTP/1.1\r\nHost: a\r\n{UPGRADE}{headers}\r\n").as_bytes());
        socket.read(self);
        let end = socket.buffer.windows(4).position(|part| part == b"\r\n\r\n").expect("an answer");
        let head = String::from_utf8_lossy(&socket.buffer[..end]).into_owned();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        socket.buffer.drain(..end + 4);
        socket.deflate = head.contains("permessage-deflate");
        socket
    }
}

type Exchange = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
struct State {
    head: Option<(u16, HeaderMap)>,
    bytes: Vec<u8>,
    ended: bool,
    exchange: Option<Exchange>,
}

/// An answer that may not be there yet.
#[derive(Clone, Default)]
pub(crate) struct Reply(Arc<Mutex<State>>);

impl Reply {
    pub(crate) fn status(&self) -> Option<u16> {
        self.0.lock().head.as_ref().map(|(status, _)| *status)
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let state = self.0.lock();
        let (_, headers) = state.head.as_ref()?;
        Some(headers.get(name)?.to_str().expect("text").to_owned())
    }

    /// All values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        let state = self.0.lock();
        let (_, headers) = state.head.as_ref().expect("an answer");
        headers.get_all(name).iter().map(|value| value.to_str().expect("text").to_owned()).collect()
    }

    /// What came since the last look.
    pub(crate) fn take(&self) -> String {
        String::from_utf8(self.take_bytes()).expect("text")
    }

    pub(crate) fn take_bytes(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().bytes)
    }

    /// The whole body, once it has ended.
    pub(crate) fn body(&self) -> Option<String> {
        let ended = self.0.lock().ended;
        ended.then(|| self.take())
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.lock().ended
    }

    /// The peer's connection drops.
    pub(crate) fn abort(&self, world: &World) {
        let exchange = self.0.lock().exchange.take();
        drop(exchange);
        world.simulation.run();
    }
}

/// The session's id in an open packet.
pub(crate) fn sid(text: &str) -> String {
    text.split_once("\"sid\":\"").unwrap_or_else(|| panic!("no open packet: {text}")).1[..20].to_owned()
}

/// The peer of a WebSocket under the moved clock.
pub(crate) struct Foreign {
    client: DuplexStream,
    buffer: Vec<u8>,
    decoder: Decoder,
    /// Whether compression was agreed on.
    deflate: bool,
    /// Bytes that came in all.
    pub(crate) received: usize,
}

impl Foreign {
    pub(crate) fn write(&mut self, world: &World, bytes: &[u8]) {
        let mut written = pin!(self.client.write_all(bytes));
        let polled = written.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(()))), "the stream takes what a test sends");
        world.simulation.run();
    }

    /// Reads what there is; says whether the stream has ended.
    fn read(&mut self, world: &World) -> bool {
        loop {
            world.simulation.run();
            let mut bytes = [0; 4096];
            let mut read = ReadBuf::new(&mut bytes);
            let client = Pin::new(&mut self.client);
            match client.poll_read(&mut Context::from_waker(Waker::noop()), &mut read) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    self.received += read.filled().len();
                    self.buffer.extend_from_slice(read.filled());
                }
                Poll::Ready(_) => return true,
            }
        }
    }

    /// Reads at most `most` bytes.
    pub(crate) fn sip(&mut self, world: &World, most: usize) {
        let mut bytes = vec![0; most];
        let mut read = ReadBuf::new(&mut bytes);
        let client = Pin::new(&mut self.client);
        if client.poll_read(&mut Context::from_waker(Waker::noop()), &mut read).is_ready() {
            self.buffer.extend_from_slice(read.filled());
        }
        world.simulation.run();
    }

    pub(crate) fn send(&mut self, world: &World, text: &str) {
        self.frame(world, OpCode::Text, text.as_bytes());
    }

    pub(crate) fn frame(&mut self, world: &World, opcode: OpCode, payload: &[u8]) {
        let mut bytes = Vec::new();
        encode(opcode, payload, Some([9, 8, 7, 6]), &mut bytes);
        self.write(world, &bytes);
    }

    /// All that came by now.
    pub(crate) fn came(&mut self, world: &World) -> Vec<Came> {
        let ended = self.read(world);
        let mut came = Vec::new();
        loop {
            let limits = Limits::default();
            let decoded = self.decoder.decode_with(&mut self.buffer, Role::Client, &limits, self.deflate);
            let Decoded::Frame { event, consumed } = decoded.expect("a server that keeps the protocol")
            else {
                break;
            };
            match event {
                Event::Text(text) => came.push(Came::Text(text.into_owned())),
                Event::Binary(bytes) => came.push(Came::Binary(bytes.into_owned())),
                Event::Pong(bytes) => came.push(Came::Pong(bytes.to_vec())),
                Event::Close(close) => came.push(Came::Close(close.map(|close| close.code.value()))),
                Event::Ping(_) | Event::Fragment => {}
            }
            self.buffer.drain(..consumed);
        }
        if ended {
            came.push(Came::End);
        }
        came
    }

    pub(crate) fn texts(&mut self, world: &World) -> Vec<String> {
        let text = |came| if let Came::Text(text) = came { Some(text) } else { None };
        self.came(world).into_iter().filter_map(text).collect()
    }
}

/// A body that comes in pieces, as the test gives them, and never ends.
#[derive(Clone, Default)]
pub(crate) struct Dripping(Arc<Mutex<Drip>>);

#[derive(Default)]
struct Drip {
    given: Vec<Bytes>,
    waker: Option<Waker>,
}

impl Dripping {
    pub(crate) fn give(&self, world: &World, bytes: &'static str) {
        let mut state = self.0.lock();
        state.given.push(Bytes::from_static(bytes.as_bytes()));
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        world.simulation.run();
    }
}

impl http_body::Body for Dripping {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let mut state = self.0.lock();
        if state.given.is_empty() {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(http_body::Frame::data(state.given.remove(0)))))
    }
}
