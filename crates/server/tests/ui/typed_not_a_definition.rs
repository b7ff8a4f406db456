extern crate sockeye_server as sockeye;

use sockeye_server::event::Event;

#[derive(Event)]
struct Borrowed<'a>(&'a str);

#[derive(Event)]
struct Any<T>(T);

#[derive(Event)]
enum Either {
    This,
    That,
}

#[derive(Event)]
#[event(nmae = "message")]
struct Message(String);

#[derive(Event)]
#[event(args(from, text))]
struct Said(String);

fn main() {}
