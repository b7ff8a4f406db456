//! What the tests of this crate share.

#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod lines;
pub(crate) mod page;
pub(crate) mod peer;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use sockeye::Server;
use sockeye_metrics::{ProcessCollector, ServerCollector};

use page::Page;

/// What a scrape says now.
pub(crate) fn scrape(server: &Server) -> Page {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(ServerCollector::new(server)));
    registry.register_collector(Box::new(ProcessCollector::default()));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes it");
    Page::parse(&text)
}
