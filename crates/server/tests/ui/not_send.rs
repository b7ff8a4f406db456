use std::rc::Rc;

use sockeye_server::socket::Socket;

fn register(socket: &Socket) {
    socket.on("event", async |socket: Socket| {
        let local = Rc::new(1);
        let _ = socket.emit("event", ()).await;
        drop(local);
    });
}

fn main() {}
