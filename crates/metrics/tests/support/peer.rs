//! A server under virtual time, and peers that speak to it over polling, request by request.

use std::sync::Arc;
use std::sync::Mutex;

use http::Request;
use http_body_util::{BodyExt, Full};
use sockeye::simulation::Simulation;
use sockeye::{Builder, Bytes, Server};
use tower_service::Service;

const TARGET: &str = "/socket.io/?EIO=4&transport=polling";

pub(crate) struct World {
    pub(crate) simulation: Simulation,
    pub(crate) server: Server,
}

impl World {
    pub(crate) fn new(build: impl FnOnce(Builder) -> Builder) -> World {
        let simulation = Simulation::new(11);
        let server = build(Server::builder().runtime(simulation.runtime())).build();
        World { simulation, server }
    }

    /// Begins a request; its answer comes when the world runs.
    pub(crate) fn request(&self, target: &str, body: Option<String>) -> Answer {
        let answer = Answer::default();
        let (mut service, seen) = (self.server.service(), answer.clone());
        let method = if body.is_some() { "POST" } else { "GET" };
        let request =
            Request::builder().method(method).uri(target).body(Full::<Bytes>::from(body.unwrap_or_default()));
        let request = request.expect("a request");
        self.simulation.runtime().spawn(async move {
            let Ok(answer) = service.call(request).await;
            let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
            let text = String::from_utf8(bytes.to_vec()).expect("a text");
            *seen.0.lock().expect("nobody panicked") = Some(text);
        });
        self.simulation.run();
        answer
    }

    /// A peer with a session, in no namespace.
    pub(crate) fn open(&self) -> Peer<'_> {
        let open = self.request(TARGET, None).text();
        let sid = open.split_once("\"sid\":\"").expect("the open packet").1[..20].to_owned();
        Peer { world: self, target: format!("{TARGET}&sid={sid}"), sid }
    }

    /// A peer in the default namespace.
    pub(crate) fn join(&self) -> Peer<'_> {
        let peer = self.open();
        peer.post("40");
        let connect = peer.get().text();
        assert!(connect.starts_with("40"), "{connect}");
        peer
    }
}

#[derive(Clone, Default)]
pub(crate) struct Answer(Arc<Mutex<Option<String>>>);

impl Answer {
    pub(crate) fn text(&self) -> String {
        self.0.lock().expect("nobody panicked").clone().expect("it is answered")
    }
}

pub(crate) struct Peer<'w> {
    world: &'w World,
    target: String,
    /// The secret.
    pub(crate) sid: String,
}

impl Peer<'_> {
    pub(crate) fn get(&self) -> Answer {
        self.world.request(&self.target, None)
    }

    pub(crate) fn post(&self, packets: &str) -> Answer {
        self.world.request(&self.target, Some(packets.to_owned()))
    }
}
