extern crate sockeye_server as sockeye;

use sockeye_server::event::Event;
use sockeye_server::socket::Socket;

#[derive(Event)]
struct Message(String);

fn emit(socket: &Socket) {
    socket.emit_event(Message(1));
    socket.emit_event(Message("from".to_owned(), "text".to_owned()));
    socket.on_event(async |Message(text): Message| {
        let _number: u32 = text;
    });
}

fn main() {}
