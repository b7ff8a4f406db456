use sockeye_server::server::Server;
use sockeye_server::socket::Socket;

fn register(server: &Server) {
    server.on_connect(async |_socket: Socket, _text: String| {});
}

fn main() {}
