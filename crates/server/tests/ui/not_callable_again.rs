use sockeye_server::socket::Socket;

fn register(socket: &Socket) {
    let captured = String::from("captured");
    socket.on("event", async move |socket: Socket| {
        socket.emit("event", captured.as_str());
    });
}

fn main() {}
