//! Which answers are compressed.

use std::sync::Arc;

use http::Request;
use http_body_util::Full;
use parking_lot::Mutex;
use sockeye_server::socket::Socket;
use tower_service::Service;

use crate::world::World;

fn text() -> String {
    "compressible ".repeat(50)
}

/// Sends a request; the `content-encoding` of its answer, and its body if that is text.
fn call(world: &World, request: Request<Full<bytes::Bytes>>) -> (Option<String>, String) {
    let (mut service, seen) = (world.server.service(), Arc::new(Mutex::new(None)));
    let answered = seen.clone();
    world.simulation.runtime().spawn(async move {
        let answer = service.call(request).await.expect("the service never fails");
        let encoding =
            answer.headers().get("content-encoding").map(|it| it.to_str().expect("text").to_owned());
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.expect("no stream").to_bytes();
        *answered.lock() = Some((encoding, String::from_utf8_lossy(&body).into_owned()));
    });
    world.run();
    seen.lock().take().expect("it is answered at once")
}

#[test]
fn a_polling_answer_is_compressed_if_any_packet_in_it_may_be() {
    let world = World::with(|builder| builder.http_compression(Some(100)));
    world.server.on_connect(async |socket: Socket| {
        socket.on("both", async |socket: Socket| {
            socket.compress(false).emit("a", text());
            socket.emit("b", text())
        });
        socket.on("plain", async |socket: Socket| {
            socket.compress(false).emit("a", text());
            socket.everybody().compress(false).emit("b", text())
        });
        socket.on("all", async |socket: Socket| socket.everybody().emit("b", text()));
    });
    let get = |sid: &str| {
        let target = format!("/socket.io/?EIO=4&transport=polling{sid}");
        Request::get(target).header("accept-encoding", "gzip").body(Full::default()).expect("a request")
    };
    let target = "/socket.io/?EIO=4&transport=polling";
    let (_, open) = call(&world, Request::get(target).body(Full::default()).expect("a request"));
    let sid = format!("&sid={}", &open.split_once("\"sid\":\"").expect("the open packet").1[..20]);
    let post = |body: &'static str| {
        let target = format!("/socket.io/?EIO=4&transport=polling{sid}");
        Request::post(target).body(Full::from(body)).expect("a request")
    };
    call(&world, post("40"));
    call(&world, get(&sid));
    for (event, encoding) in
        [("42[\"both\"]", Some("gzip")), ("42[\"plain\"]", None), ("42[\"all\"]", Some("gzip"))]
    {
        call(&world, post(event));
        assert_eq!(call(&world, get(&sid)).0.as_deref(), encoding, "{event}");
    }
}
