use sockeye_server::socket::Socket;

struct NotDeserialized;

fn register(socket: &Socket) {
    socket.on("event", async |_socket: Socket, _argument: NotDeserialized| {});
}

fn main() {}
