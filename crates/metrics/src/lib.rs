//! What operators of a Sockeye server watch: metrics in the text format of Prometheus, and whether it is well and ready.
//!
//! ```
//! use sockeye_metrics::Endpoints;
//! use sockeye_server::server::Server;
//! use tower_layer::Layer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # #[derive(Clone)] struct Page;
//! let server = Server::new();
//! let endpoints = Endpoints::of(&server);
//! let service = endpoints.layer(Page); // `/metrics`, `/healthz`, `/readyz`, and your own service for all else
//! # let _ = service;
//! // When the process is told to end, before sessions close:
//! endpoints.ready().set(false); // `/readyz` says 503, and balancers send nobody else
//! # }
//! ```
//! An application that has metrics of its own registers [`ServerCollector`] with its registry, and either answers as it
//! does already or gives the registry to [`Endpoints::new`].
//!
//! Nothing here works while nobody asks. Who scrapes pays: counters are read, sessions are looked at one after another.
//!
//! `docs/operations.md` lists every metric, and `docs/grafana/sockeye.json` is a dashboard of them.

mod collector;
mod endpoints;
mod page;
mod process;
mod ready;

pub use collector::{NAMESPACES, ServerCollector};
pub use endpoints::{Endpoints, Layered};
pub use process::ProcessCollector;
/// The library that metrics are registered with.
pub use prometheus_client;
pub use ready::Ready;
