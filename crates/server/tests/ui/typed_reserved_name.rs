extern crate sockeye_server as sockeye;

use sockeye_server::event::Event;

#[derive(Event)]
struct Disconnect;

#[derive(Event)]
#[event(name = "connect_error")]
struct Failed(String);

fn main() {}
