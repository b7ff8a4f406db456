//! Functions and closures of all three forms are handlers, for every kind of argument: this file compiles.

use std::sync::Arc;

use serde::Deserialize;
use sockeye_server::emitted::Emitted;
use sockeye_server::error::{HandlerError, Refusal};
use sockeye_server::handler::ack::Ack;
use sockeye_server::handler::args::{Args, Auth, Data, EventName, OrDefault, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::reason::DisconnectReason;
use sockeye_server::server::Server;
use sockeye_server::socket::Socket;

#[derive(Deserialize)]
struct Message {
    _text: String,
}

async fn function(socket: Socket, text: String) -> Emitted {
    socket.to("lobby").emit("message", text)
}

async fn named(_socket: Socket, _number: Option<u32>, OrDefault(_flag): OrDefault<bool>) {}

async fn fallible(text: String) -> Result<Reply<u32>, HandlerError> {
    Ok(Reply(text.parse()?))
}

#[expect(clippy::too_many_arguments, reason = "as many as there may be")]
async fn eight(
    _a: Socket,
    _b: Ack,
    _c: State<u8>,
    _d: u8,
    _e: String,
    _f: Message,
    _g: Vec<u8>,
    _h: Option<f64>,
) {
}

#[test]
fn functions_and_closures_of_all_three_forms_are_handlers() {
    let simulation = sockeye_server::simulation::Simulation::new(0);
    let server = Server::builder().runtime(simulation.runtime()).state(7_u8).build();
    let captured = Arc::new(String::from("captured"));

    // Nested registration, in closures that capture nothing.
    server.of("/chat").on_connect(async |socket: Socket| {
        socket.join("lobby");
        socket.on("message", async |socket: Socket, text: String| socket.to("lobby").emit("message", text));
        socket.on("function", function).on("named", named).on("fallible", fallible).on("eight", eight);
        socket.on("nothing", async || {});
        socket.on("question mark", async |text: String| {
            let number: u32 = text.parse()?;
            Ok(Reply(number))
        });
        socket.on("unit", async |_message: Message| Ok(()));
        socket.on_fallback(async |EventName(_name): EventName, args: Args| Reply(args));
        socket.on_disconnecting(async |_socket: Socket| {});
        socket.on_disconnect(async |_reason: DisconnectReason, Data(_name): Data<String>| {});
    });

    // A closure that captures gives back a future.
    server.on_connect(move |socket: Socket| {
        let captured = captured.clone();
        async move {
            let inner = captured.clone();
            socket.on("captures", move |socket: Socket, _text: String| {
                let inner = inner.clone();
                async move { socket.emit("captured", inner.as_str()) }
            });
        }
    });

    server.with(
        async |_socket: Socket, Auth(message): Auth<Message>, State(_number): State<u8>| {
            if message._text.is_empty() { Err(Refusal::new("say something")) } else { Ok(()) }
        },
    );
}
