//! `cargo run --example axum`: sockets and routes of one's own on one port, in one axum application.
//!
//! `curl --data 'Lunch is ready' http://127.0.0.1:3000/announcements` is heard by all sockets as `announcement`, and
//! `curl http://127.0.0.1:3000/` counts them. Ctrl-C tells them before it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State as RouteState;
use axum::http::StatusCode;
use axum::routing::{get, post};
use sockeye::{Reply, Server, Socket, State};
use tokio::net::TcpListener;

/// One value for both: routes and handlers of sockets see the same.
#[derive(Clone, Default)]
struct Announced(Arc<AtomicU64>);

/// What routes share. `Server` is a handle, to be cloned to wherever something is to be emitted.
#[derive(Clone)]
struct Application {
    server: Server,
    announced: Announced,
}

async fn status(RouteState(application): RouteState<Application>) -> String {
    let announced = application.announced.0.load(Ordering::Relaxed);
    format!("{} sockets, {announced} announcements\n", application.server.everybody().count())
}

async fn announce(RouteState(application): RouteState<Application>, text: String) -> StatusCode {
    application.announced.0.fetch_add(1, Ordering::Relaxed);
    application.server.emit("announcement", text);
    StatusCode::ACCEPTED
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let announced = Announced::default();
    let server = Server::builder().state(announced.clone()).build();
    server.on_connect(async |socket: Socket| {
        socket.on("how many?", async |State(announced): State<Announced>| {
            Reply(announced.0.load(Ordering::Relaxed))
        });
    });
    let router = Router::new()
        .route("/", get(status))
        .route("/announcements", post(announce))
        .with_state(Application { server: server.clone(), announced })
        // In front of all routes: requests of `/socket.io/` never reach them.
        .layer(server.layer());
    let listener = TcpListener::bind(address).await?;
    println!("Listening on http://{}.", listener.local_addr()?);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            if let Err(error) = tokio::signal::ctrl_c().await {
                eprintln!("cannot listen for Ctrl-C, so this ends now: {error}");
            }
            // axum waits for requests that are answered, and a poll that waits is one: close the sessions first.
            server.close();
        })
        .await
}
