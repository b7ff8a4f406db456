//! Many peers at once.

crate::over_every_technique! {
    two_hundred_peers_that_send_in_the_tick_in_which_they_see_connect_lose_nothing
    a_broadcast_reaches_every_peer_once
}

pub(crate) mod run {
    use sockeye::{Args, Reply, Server, Socket};

    use crate::peer::{Peer, Technique, serve};

    const CROWD: usize = 200;

    pub(crate) async fn two_hundred_peers_that_send_in_the_tick_in_which_they_see_connect_lose_nothing(
        technique: Technique,
    ) {
        let server = Server::new();
        server.on_connect(async |socket: Socket| {
            // Others run in between: an event that is not held meanwhile would find no handler.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            socket.on("early", async |args: Args| Reply(args));
        });
        let address = serve(&server);
        let crowd: Vec<_> = (0..CROWD)
            .map(|number| {
                tokio::spawn(async move {
                    let mut peer = Peer::join(address, technique).await;
                    peer.send(&[&format!("20[\"early\",{number}]")]).await;
                    assert_eq!(peer.recv().await, format!("30[{number}]"));
                })
            })
            .collect();
        for peer in crowd {
            peer.await.expect("its event was answered");
        }
        assert_eq!(server.counters().unhandled, 0);
    }

    pub(crate) async fn a_broadcast_reaches_every_peer_once(technique: Technique) {
        let server = Server::new();
        server.on_connect(async |socket: Socket| {
            socket.join("lobby");
            socket.on("say", async |socket: Socket, text: String| {
                socket.to("lobby").emit("said", &text);
                Reply(text)
            });
        });
        let address = serve(&server);
        let mut speaker = Peer::join(address, Technique::WebSocket).await;
        let mut crowd = Vec::new();
        for _ in 0..50 {
            crowd.push(Peer::join(address, technique).await);
        }
        for line in 0..20 {
            speaker.send(&[&format!("2{line}[\"say\",\"{line}\"]")]).await;
        }
        for line in 0..20 {
            assert_eq!(speaker.recv().await, format!("3{line}[\"{line}\"]"), "it does not hear itself");
        }
        for peer in &mut crowd {
            for line in 0..20 {
                assert_eq!(peer.recv().await, format!("2[\"said\",\"{line}\"]"));
            }
        }
    }
}
