//! Events, acknowledgements, broadcasts: complete and in order, whatever carries them.

crate::over_every_technique! {
    two_thousand_acks_asked_for_in_one_write_come_complete_and_in_order
    what_is_emitted_while_a_session_is_busy_comes_in_order
    a_question_is_answered_while_its_asker_waits
}

pub(crate) mod run {
    use sockeye::{Args, Reply, Server, Socket};

    use crate::peer::{Peer, Technique, serve};

    fn server() -> Server {
        let server = Server::new();
        server.on_connect(async |socket: Socket| {
            socket.on("echo", async |args: Args| Reply(args));
            socket.on("count", async |socket: Socket, to: u32| {
                for number in 0..to {
                    socket.emit("number", number);
                    if number % 7 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                Reply("done")
            });
            socket.on("ask", async |socket: Socket| {
                let answer: String = socket.emit_with_ack("question", ()).await?;
                Ok(Reply(answer))
            });
        });
        server
    }

    pub(crate) async fn two_thousand_acks_asked_for_in_one_write_come_complete_and_in_order(
        technique: Technique,
    ) {
        let mut peer = Peer::join(serve(&server()), technique).await;
        let asked: Vec<String> = (0..2000).map(|n| format!("2{n}[\"echo\",{n}]")).collect();
        peer.send(&asked.iter().map(String::as_str).collect::<Vec<_>>()).await;
        for n in 0..2000 {
            assert_eq!(peer.recv().await, format!("3{n}[{n}]"));
        }
    }

    pub(crate) async fn what_is_emitted_while_a_session_is_busy_comes_in_order(technique: Technique) {
        let mut peer = Peer::join(serve(&server()), technique).await;
        peer.send(&[r#"20["count",1000]"#, r#"21["echo","behind"]"#]).await;
        for number in 0..1000 {
            assert_eq!(peer.recv().await, format!("2[\"number\",{number}]"));
        }
        assert_eq!(peer.recv().await, r#"30["done"]"#);
        assert_eq!(peer.recv().await, r#"31["behind"]"#);
    }

    pub(crate) async fn a_question_is_answered_while_its_asker_waits(technique: Technique) {
        let mut peer = Peer::join(serve(&server()), technique).await;
        peer.send(&[r#"20["ask"]"#]).await;
        assert_eq!(peer.recv().await, r#"20["question"]"#);
        peer.send(&[r#"30["here"]"#]).await;
        assert_eq!(peer.recv().await, r#"30["here"]"#);
    }
}
