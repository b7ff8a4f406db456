extern crate sockeye_server as sockeye;

use sockeye_server::event::Event;
use sockeye_server::socket::Socket;

#[derive(Event)]
struct Message(String);

fn emit(socket: &Socket) {
    socket.emit_event(Mesage("hi".to_owned()));
    socket.on_event(async |_message: Mesage| {});
}

fn main() {}
