//! `cargo test -p sockeye-test --example testing`: an auction, and how it is tested.
//!
//! The clock is moved, so an auction of a minute takes no time; server and clients are in one process, so there
//! is no port. `cargo run -p sockeye-test --example testing` holds it on <http://127.0.0.1:3000>.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sockeye::{Reply, Server, Socket, State};

/// From the last bid to the hammer.
const GOING: Duration = Duration::from_secs(60);

/// The highest bid so far, and how many there were.
#[derive(Clone, Default)]
struct Lot(Arc<Mutex<(u32, u32)>>);

impl Lot {
    /// Takes a bid that is higher than all before; answers which one it is.
    fn bid(&self, amount: u32) -> Option<u32> {
        let mut lot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (highest, bids) = *lot;
        (amount > highest).then(|| {
            *lot = (amount, bids + 1);
            bids + 1
        })
    }

    fn bids(&self) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

/// The client's acknowledgement is whether its bid counts. The hammer falls when no other follows.
async fn bid(socket: Socket, State(lot): State<Lot>, amount: u32) -> Reply<bool> {
    let Some(number) = lot.bid(amount) else { return Reply(false) };
    socket.broadcast().emit("bid", amount);
    tokio::spawn(async move {
        tokio::time::sleep(GOING).await;
        if lot.bids() == number {
            socket.everybody().emit("sold", (socket.id(), amount));
        }
    });
    Reply(true)
}

/// The server, without a port: `main` gives it one, and tests do not.
fn auction() -> Server {
    let server = Server::builder().state(Lot::default()).build();
    server.on_connect(async |socket: Socket| {
        socket.on("bid", bid);
    });
    server
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    println!("Listening on http://127.0.0.1:3000, for any Socket.IO client.");
    auction().listen("127.0.0.1:3000").await
}

#[cfg(test)]
mod tests {
    use sockeye_test::{TestServer, Transport};

    use super::*;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    #[tokio::test(start_paused = true)]
    async fn the_hammer_falls_a_minute_after_the_last_bid() -> Result {
        let kit = TestServer::new(auction());
        let (mut ada, mut bob) = (kit.connect("/").await?, kit.connect("/").await?);
        assert!(ada.emit_with_ack::<bool>("bid", 10).await?);
        assert_eq!(bob.expect::<u32>("bid").await, 10);
        kit.advance(GOING - Duration::from_secs(1)).await;
        assert!(bob.emit_with_ack::<bool>("bid", 11).await?);
        assert_eq!(ada.expect::<u32>("bid").await, 11);

        kit.advance(GOING - Duration::from_secs(1)).await;
        ada.expect_nothing().await;
        kit.advance(Duration::from_secs(1)).await;
        let sold = (bob.id().to_owned(), 11);
        assert_eq!(ada.expect::<(String, u32)>("sold").await, sold);
        assert_eq!(bob.expect::<(String, u32)>("sold").await, sold);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_bid_that_is_not_higher_does_not_count_whatever_carries_it() -> Result {
        for transport in Transport::ALL {
            let kit = TestServer::new(auction());
            let ada = kit.client().transport(transport).connect().await?;
            let mut bob = kit.connect("/").await?;
            assert!(ada.emit_with_ack::<bool>("bid", 10).await?, "over {transport}");
            assert!(!ada.emit_with_ack::<bool>("bid", 10).await?, "over {transport}");
            assert_eq!(bob.expect::<u32>("bid").await, 10);
            bob.expect_nothing().await;
        }
        Ok(())
    }
}
