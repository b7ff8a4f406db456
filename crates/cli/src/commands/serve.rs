//! `sockeye serve`: the Switchboard on an address, until Ctrl-C or SIGTERM.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use clap::{Args, ValueEnum};
use http::{Request, Response};
use sockeye::engine::body::Body;
use sockeye::engine::listen::bind;
use sockeye::{AllowedOrigin, Cors, Origins, Server, TrustedProxies};
use sockeye_metrics::Endpoints;
use tokio::net::TcpListener;
use tower_layer::Layer as _;
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
    /// Where `/metrics`, `/healthz` and `/readyz` are answered, and nothing else. Without it they are answered beside the
    /// Switchboard, to whoever reaches that.
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin_listen: Option<SocketAddr>,
    /// How many seconds sessions are let go over when the process is told to end, so that their clients do not come back all
    /// at once. 0 closes them together.
    #[arg(long, value_name = "SECONDS", default_value_t = DRAIN)]
    drain: u16,
    /// A proxy whose `Forwarded` and `X-Forwarded-*` are believed: an address that connections come from, or a prefix as in
    /// 10.0.0.0/8. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    trusted_proxy: Vec<String>,
    /// A balancer that begins its connections with the PROXY protocol: an address or a prefix. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    proxy_protocol: Vec<String>,
    /// An origin whose pages may connect over every transport, with credentials, as in https://example.com. May be given
    /// several times. Without any, pages of other origins have no more than WebSockets, and send no credentials.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Which requests of pages of other origins are refused.
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    foreign_origins: Foreign,
}

/// Which requests of foreign pages are refused.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Foreign {
    /// All.
    Refuse,
    /// Those with a cookie or an authorization.
    #[default]
    RefuseCredentials,
    /// None.
    Allow,
}

const DEFAULT: &str = "127.0.0.1:3000";

/// Orchestrators commonly kill what has not ended 10 s after they asked.
const DRAIN: u16 = 6;

/// What connections have to end when their sessions have: together with [`DRAIN`] less than that.
const REST: Duration = Duration::from_secs(3);

impl Default for Arguments {
    fn default() -> Arguments {
        Arguments {
            listen: DEFAULT.parse().expect("the default is an address"),
            admin_listen: None,
            drain: DRAIN,
            trusted_proxy: Vec::new(),
            proxy_protocol: Vec::new(),
            allow_origin: Vec::new(),
            foreign_origins: Foreign::default(),
        }
    }
}

/// Serves until the process is told to end.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // What cannot be logged is not complained of either: on a full disk that would panic in whoever logs.
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    logs.log_internal_errors(false).init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(arguments))
}

async fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let server = build(arguments)?;
    switchboard::install(&server);
    let endpoints = Endpoints::of(&server);
    let listener = take(arguments.listen, "--listen")?;
    let admin = arguments.admin_listen.map(|address| take(address, "--admin-listen")).transpose()?;
    let stop = stop()?;
    let address = reachable(listener.local_addr()?);
    let operators = match &admin {
        Some(admin) => reachable(admin.local_addr()?),
        None => address.clone(),
    };
    say(&format!(
        "\n  Sockeye {version}\n\n  \
         Switchboard   http://{address}/\n  \
         {blank:12}  one chat over four techniques: open it in a few windows\n  \
         Socket.IO     http://{address}/socket.io/\n  \
         {blank:12}  for any Socket.IO client; ours is at socket.io/socket.io.js\n  \
         Operators     http://{operators}/metrics\n  \
         {blank:12}  and /healthz, /readyz\n\n  \
         Ctrl-C ends it.\n",
        version = env!("CARGO_PKG_VERSION"),
        blank = "",
    ));
    let ready = endpoints.ready();
    let stop = async {
        stop.await;
        // Before sessions close, so that nobody is sent here any more.
        ready.set(false);
        tokio::spawn(leave_at_once());
    };
    match admin {
        Some(admin) => {
            // Until the process ends, so that it is seen to drain.
            tokio::spawn(endpoints.serve(admin));
            server.listen_beside(listener, Page, stop).await;
        }
        None => server.listen_beside(listener, endpoints.layer(Page), stop).await,
    }
    say("  Ended: every session was told.");
    Ok(())
}

fn build(arguments: &Arguments) -> Result<Server, String> {
    let proxies = |names: &[String], option: &str| {
        TrustedProxies::new(names).map_err(|error| format!("{error}: see {option}"))
    };
    let balancers = proxies(&arguments.proxy_protocol, "--proxy-protocol")?;
    let mut builder = Server::builder()
        .state(Switchboard::new())
        .drain_timeout(Duration::from_secs(arguments.drain.into()))
        .trusted_proxies(proxies(&arguments.trusted_proxy, "--trusted-proxy")?)
        .accept_loop(|listen| {
            listen.proxy_protocol = balancers;
            listen.drain_timeout = REST;
        })
        .origins(match arguments.foreign_origins {
            Foreign::Refuse => Origins::Strict,
            Foreign::RefuseCredentials => Origins::Credentials,
            Foreign::Allow => Origins::Any,
        });
    if !arguments.allow_origin.is_empty() {
        let mut cors = Cors::default();
        cors.origin = AllowedOrigin::list(&arguments.allow_origin)
            .map_err(|error| format!("{error}: see --allow-origin"))?;
        cors.credentials = true;
        builder = builder.cors(cors);
    }
    Ok(builder.build())
}

/// Takes an address, or says what to do about it.
fn take(address: SocketAddr, option: &str) -> Result<TcpListener, String> {
    bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{address} is in use by another program; choose another with {option}")
        }
        _ => format!("cannot listen on {address}: {error}"),
    })
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
