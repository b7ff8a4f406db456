extern crate sockeye_server as sockeye;

use sockeye_server::event::Event;
use sockeye_server::handler::outcome::Reply;
use sockeye_server::handler::typed::Asked;
use sockeye_server::socket::Socket;

#[derive(Event)]
#[event(ack = u32)]
struct Question(String);

#[derive(Event)]
struct Message(String);

fn register(socket: &Socket) {
    socket.on_event(async |question: Question| Reply(question.0));
    socket.on_event(async |_question: Question| {});
    socket.on_event(async |message: Message| Reply(message.0));
    socket.on_event(async |Asked(_question, ack): Asked<Question>| {
        ack.send("many").ok();
    });
}

async fn ask(socket: &Socket) {
    let _answer: String = socket.emit_event_with_ack(Question(String::new())).await.unwrap();
}

fn main() {}
