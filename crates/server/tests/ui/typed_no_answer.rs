extern crate sockeye_server as sockeye;

use sockeye_server::event::Event;
use sockeye_server::handler::typed::Asked;
use sockeye_server::socket::Socket;

#[derive(Event)]
struct Message(String);

async fn ask(socket: &Socket) {
    socket.emit_event_with_ack(Message("hi".to_owned())).await.unwrap();
    socket.on_event(async |_message: Asked<Message>| {});
}

fn main() {}
