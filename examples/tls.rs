//! `cargo run --example tls`: `https://` and `wss://`, with rustls, on a server of one's own around `server.service()`.
//!
//! The certificate is made here and vouched for by nobody: clients take it with `rejectUnauthorized: false`, or with
//! itself as `ca`. A real one is read from files with `CertificateDer::pem_file_iter` and `PrivateKeyDer::from_pem_file`.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sockeye::{PeerAddr, Reply, Secure, Server, Socket};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How long a peer may take for the handshake, and how long it may be silent between requests: a server of one's own
/// has to cut slow peers itself.
const PATIENCE: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(65);

fn config() -> Result<ServerConfig, Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![made.cert.der().clone()], key)?;
    // WebSocket is an upgrade of HTTP/1.1, so that is what is offered.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// One connection, from its first byte to its last.
async fn serve(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    server: Server,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let stream = timeout(PATIENCE, acceptor.accept(stream)).await??;
    let sockets = TowerToHyperService::new(server.service());
    let service = service_fn(move |mut request| {
        // For `Handshake::address`; nobody else can know.
        request.extensions_mut().insert(PeerAddr(peer));
        request.extensions_mut().insert(Secure);
        sockets.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(KEEP_ALIVE);
    http.serve_connection(TokioIo::new(stream), service).with_upgrades().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        socket.on("carried by?", async |socket: Socket| Reply(socket.transport().as_str()));
    });
    let acceptor = TlsAcceptor::from(Arc::new(config()?));
    let listener = TcpListener::bind(address).await?;
    println!("Listening on https://{}.", listener.local_addr()?);
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Most likely too many open files: it passes when others leave, and until then must not spin.
                eprintln!("accept: {error}");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let serving = serve(acceptor.clone(), stream, peer, server.clone());
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}
