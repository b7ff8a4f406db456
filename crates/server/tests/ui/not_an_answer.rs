use sockeye_server::socket::Socket;

fn register(socket: &Socket) {
    socket.on("event", async |text: String| text);
}

fn main() {}
