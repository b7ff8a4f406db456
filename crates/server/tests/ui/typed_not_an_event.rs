extern crate sockeye_server as sockeye;

use sockeye_server::event::Event;
use sockeye_server::socket::Socket;

#[derive(Event)]
struct Message(String);

fn register(socket: &Socket) {
    socket.on_event(async |_socket: Socket, _text: String| {});
    socket.on_event(async |_message: Message, _socket: Socket| {});
    socket.on_event(async |_text: String, _message: Message| {});
    socket.emit_event("message");
}

fn main() {}
