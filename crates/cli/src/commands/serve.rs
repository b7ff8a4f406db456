//! `sockeye serve`: the Switchboard on an address, until Ctrl-C or SIGTERM.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use clap::Args;
use http::{Request, Response};
use sockeye::Server;
use sockeye::engine::body::Body;
use sockeye::engine::listen::bind;
use tower_service::Service;
use tracing_subscriber::EnvFilter;

use crate::say::say;
use crate::switchboard::{self, Switchboard};

/// Options of `sockeye serve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Where to listen: an IP address and a port. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = DEFAULT)]
    listen: SocketAddr,
}

const DEFAULT: &str = "127.0.0.1:3000";

impl Default for Arguments {
    fn default() -> Arguments {
        Arguments { listen: DEFAULT.parse().expect("the default is an address") }
    }
}

/// Serves until the process is told to end.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // What cannot be logged is not complained of either: on a full disk that would panic in whoever logs.
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    logs.log_internal_errors(false).init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(arguments.listen))
}

async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let server = Server::builder().state(Switchboard::new()).build();
    switchboard::install(&server);
    let listener = bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{address} is in use by another program; choose another with --listen")
        }
        _ => format!("cannot listen on {address}: {error}"),
    })?;
    let stop = stop()?;
    let address = reachable(listener.local_addr()?);
    say(&format!(
        "\n  Sockeye {version}\n\n  \
         Switchboard   http://{address}/\n  \
         {blank:12}  one chat over four techniques: open it in a few windows\n  \
         Socket.IO     http://{address}/socket.io/\n  \
         {blank:12}  for any Socket.IO client; ours is at socket.io/socket.io.js\n\n  \
         Ctrl-C ends it.\n",
        version = env!("CARGO_PKG_VERSION"),
        blank = "",
    ));
    let stop = async {
        stop.await;
        tokio::spawn(leave_at_once());
    };
    server.listen_beside(listener, Page, stop).await;
    say("  Ended: every session was told.");
    Ok(())
}

/// A second Ctrl-C does not wait for peers that are slow to go.
async fn leave_at_once() {
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(130);
    }
}

/// Ready at the first Ctrl-C or SIGTERM.
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.ok();
    })
}

/// An address that a browser on this machine can open: a server on all addresses is on the local one too.
fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

/// The page, beside the Socket.IO server.
#[derive(Clone, Copy)]
struct Page;

impl<B> Service<Request<B>> for Page {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = switchboard::answer(request.method(), request.uri().path(), request.headers());
        ready(Ok(answer.map(Body::full)))
    }
}
