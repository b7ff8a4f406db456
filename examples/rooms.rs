//! `cargo run --example rooms`: rooms, and all the ways to say who hears an event.
//!
//! A room is a name that sockets join. It is there while somebody is in it; nothing else has to be made or removed.

use sockeye::{Emitted, Reply, Server, Socket, SocketId};

/// The rooms of an announcement.
const FLOORS: [&str; 2] = ["upstairs", "downstairs"];

/// What a room hears when somebody comes or goes.
fn tell_size(socket: &Socket, room: &str, size: usize) {
    socket.to(room).emit("size", (room, size));
}

async fn join(socket: Socket, room: String) -> Reply<usize> {
    socket.join(&room);
    let size = socket.within(&room).count();
    tell_size(&socket, &room, size);
    Reply(size)
}

async fn leave(socket: Socket, room: String) -> Reply<()> {
    socket.leave(&room);
    tell_size(&socket, &room, socket.within(&room).count());
    Reply(())
}

/// `to`: all in the room but the sender, whether it is in the room or not.
async fn say(socket: Socket, room: String, text: String) -> Emitted {
    socket.to(room).emit("said", text)
}

/// `within`: all in the room, the sender too if it is in.
async fn roll(socket: Socket, room: String) -> Emitted {
    socket.within(room).emit("rolled", 4) // chosen by a fair dice
}

/// Several rooms: who is in more than one hears it once, and who is in a room of `except` not at all.
async fn announce(socket: Socket, text: String) -> Emitted {
    socket.to(FLOORS).except("do not disturb").emit("announced", text)
}

/// Every socket is alone in a room of its id's name. It is asked for as an id, since a text might be any room's name.
async fn whisper(socket: Socket, to: SocketId, text: String) -> Emitted {
    socket.to(to).emit("whispered", (socket.id(), text))
}

/// A socket leaves its rooms by itself when it disconnects. Here it is in them for the last time, and counted still.
async fn disconnecting(socket: Socket) {
    for room in socket.rooms() {
        tell_size(&socket, &room, socket.within(&room).count() - 1);
    }
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        socket.on("join", join).on("leave", leave);
        socket.on("say", say).on("roll", roll).on("announce", announce).on("whisper", whisper);
        socket.on_disconnecting(disconnecting);
    });
    println!("Listening on http://{address}.");
    server.listen(address).await
}
