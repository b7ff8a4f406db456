//! A server's counters, read when somebody asks.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use sockeye_engine::proto::session::Wire;
use sockeye_server::census::Census;
use sockeye_server::counters::{Counters, FanOut};
use sockeye_server::server::Server;

use crate::page::{Name, Page};

/// How many namespaces and patterns the label `namespace` names, at most. The sockets of all others are `other`.
pub const NAMESPACES: usize = 100;

/// The value of `namespace` for all that have none of their own.
const OTHER: &str = "other";

/// What a server knows, as metrics: register it with a [`Registry`](prometheus_client::registry::Registry).
///
/// ```
/// use prometheus_client::registry::Registry;
/// use sockeye_metrics::ServerCollector;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let server = sockeye_server::server::Server::new();
/// let mut registry = Registry::default();
/// registry.register_collector(Box::new(ServerCollector::new(&server)));
/// # }
/// ```
/// Encoding looks at every session and does not wait, so with a great many of them it belongs where blocking is allowed:
/// [`Endpoints`](crate::Endpoints) sees to that. Several servers of one process need a registry each with a label of its
/// own.
#[derive(Clone, Debug)]
pub struct ServerCollector(Server);

impl ServerCollector {
    /// Of this server.
    #[must_use]
    pub fn new(server: &Server) -> ServerCollector {
        ServerCollector(server.clone())
    }
}

impl Collector for ServerCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        let counters = self.0.counters();
        self.sessions(&mut page, &counters)?;
        traffic(&mut page, &counters)?;
        sockets(&mut page, &counters, &self.0.census())?;
        events(&mut page, &counters)?;
        limits(&mut page, &counters)
    }
}

impl ServerCollector {
    fn sessions(&self, page: &mut Page<'_>, counters: &Counters) -> fmt::Result {
        let survey = self.0.survey();
        let open = Wire::ALL.iter().map(|wire| (wire.as_str(), survey.open[*wire as usize]));
        page.gauges(
            Name::new("sockeye_sessions", "Sessions that are open, by the transport that carries them."),
            "transport",
            open,
        )?;
        page.counters(
            Name::new("sockeye_sessions_opened", "Sessions opened, by the transport they began with."),
            "transport",
            &counters.opened,
        )?;
        page.counters(
            Name::new("sockeye_sessions_closed", "Sessions closed, by reason."),
            "reason",
            &counters.closed,
        )?;
        page.counter(
            Name::new("sockeye_sessions_upgraded", "Sessions that moved to a better transport."),
            counters.upgraded,
        )?;
        page.counter(
            Name::new("sockeye_sessions_resumed", "Streams that came back and went on where they were cut."),
            counters.resumed,
        )?;
        let codes: Vec<String> = counters.refusals.iter().map(|(code, ..)| code.to_string()).collect();
        let refusals = codes.iter().zip(&counters.refusals);
        page.counters_of_two(
            Name::new(
                "sockeye_requests_refused",
                "Requests answered with an Engine.IO error, by its code and cause.",
            ),
            ["code", "context"],
            refusals.map(|(code, (_, context, count))| ([code.as_str(), *context], *count)),
        )?;
        page.gauge(Name::bytes("sockeye_queued", "Bytes that wait for all peers."), survey.queued)?;
        page.gauge(
            Name::bytes("sockeye_longest_queue", "Bytes that wait for the peer for whom most wait."),
            survey.longest_queue,
        )?;
        page.gauge(
            Name::new("sockeye_slow_sessions", "Sessions for whose peers more than the soft limit waits."),
            survey.slow,
        )?;
        page.counter(
            Name::new("sockeye_messages_received", "Engine.IO messages that came."),
            survey.messages_received,
        )?;
        page.counter(
            Name::new("sockeye_messages_sent", "Engine.IO messages that were queued for peers."),
            survey.messages_sent,
        )
    }
}

fn traffic(page: &mut Page<'_>, counters: &Counters) -> fmt::Result {
    let received = Name::bytes("sockeye_received", "Bytes that came, by transport, without heads and TLS.");
    page.counters(received, "transport", &counters.bytes_received)?;
    let sent = Name::bytes("sockeye_sent", "Bytes that left, by transport, without heads and TLS.");
    page.counters(sent, "transport", &counters.bytes_sent)
}

fn sockets(page: &mut Page<'_>, counters: &Counters, census: &Census) -> fmt::Result {
    let connected = by_namespace(census);
    page.gauges(
        Name::new("sockeye_sockets", "Sockets that are connected, by namespace."),
        "namespace",
        connected.iter().map(|(name, count)| (*name, *count)),
    )?;
    page.counter(
        Name::new("sockeye_sockets_connected", "Sockets that joined a namespace."),
        counters.joined,
    )?;
    page.counters(
        Name::new("sockeye_sockets_disconnected", "Sockets that left their namespace, by reason."),
        "reason",
        &counters.left,
    )?;
    page.counters(
        Name::new("sockeye_connects_refused", "CONNECTs refused, by cause."),
        "cause",
        &counters.refused,
    )?;
    page.counter(
        Name::new("sockeye_sockets_recovered", "Sockets that came back as what they were before a cut."),
        counters.recovered,
    )?;
    page.counters(
        Name::new("sockeye_sockets_unrecovered", "Sockets that asked for that and were not, by cause."),
        "cause",
        &counters.unrecovered,
    )
}

fn events(page: &mut Page<'_>, counters: &Counters) -> fmt::Result {
    page.counter(Name::new("sockeye_events_received", "Events that came."), counters.events)?;
    page.counter(
        Name::new("sockeye_events_unhandled", "Events that came and that no handler was there for."),
        counters.unhandled,
    )?;
    page.counter(Name::new("sockeye_events_sent", "Events emitted to one socket."), counters.sent)?;
    page.counters(
        Name::new("sockeye_handler_failures", "Handlers that did not do their work, by what went wrong."),
        "kind",
        &[("argument", counters.wrong_arguments), ("error", counters.errors), ("panic", counters.panics)],
    )?;
    page.counter(Name::new("sockeye_acks_sent", "Acknowledgements that went out."), counters.acks_sent)?;
    page.counter(
        Name::new("sockeye_acks_received", "Acknowledgements that came and were waited for."),
        counters.acks_received,
    )?;
    page.counter(
        Name::new("sockeye_acks_timed_out", "Acknowledgements that did not come in time."),
        counters.ack_timeouts,
    )?;
    page.counter(
        Name::new("sockeye_acks_refused", "Events not sent, since their socket owed as many acks as it may."),
        counters.acks_refused,
    )?;
    page.counter(Name::new("sockeye_broadcasts", "Events emitted to many."), counters.broadcasts)?;
    page.histogram(
        Name::new("sockeye_broadcast_receivers", "Sockets of this server that each broadcast was for."),
        counters.fan_out.receivers,
        &FanOut::BOUNDS,
        &counters.fan_out.buckets,
    )?;
    page.counter(
        Name::new("sockeye_undecodable", "Sessions closed since what came was no packet."),
        counters.undecodable,
    )?;
    page.counters(
        Name::new("sockeye_packets_over_limit", "Sessions closed since a packet was too much, by limit."),
        "limit",
        &counters.packet_limits,
    )?;
    page.counter(
        Name::new("sockeye_violations", "Sessions closed since a packet was not allowed in their state."),
        counters.violations,
    )
}

/// What limits of the whole server did.
fn limits(page: &mut Page<'_>, counters: &Counters) -> fmt::Result {
    page.counters(
        Name::new(
            "sockeye_sessions_turned_away",
            "Sessions not opened since there was too much of something.",
        ),
        "limit",
        &counters.busy,
    )?;
    page.counter(
        Name::new(
            "sockeye_connections_turned_away",
            "Connections closed at once, since there were too many.",
        ),
        counters.turned_away,
    )?;
    page.counters(
        Name::new(
            "sockeye_http_over_limit",
            "Requests and connections ended for what HTTP may take, by limit.",
        ),
        "limit",
        &counters.over_limit,
    )?;
    page.counter(
        Name::new("sockeye_loud_peers", "Times that a peer had said half of what it may at once."),
        counters.loud,
    )?;
    page.counters(
        Name::new("sockeye_events_dropped", "Events that waited for a slow peer and were dropped, by rule."),
        "rule",
        &counters.dropped,
    )?;
    page.counter(
        Name::new("sockeye_rooms_refused", "Rooms not joined, since a socket was in as many as it may be."),
        counters.rooms_refused,
    )?;
    page.counter(
        Name::new("sockeye_foreign_origins", "Requests refused for a foreign origin."),
        counters.foreign_origins,
    )?;
    page.gauge(
        Name::new("sockeye_sessions_without_namespace", "Sessions that have not joined a namespace yet."),
        counters.unjoined as u64,
    )?;
    page.gauge(
        Name::bytes("sockeye_held", "Bytes held for peers: queues, and messages that are not whole."),
        counters.held as u64,
    )
}

/// Namespaces that were made by name, and patterns, up to the limit; all others together. Each name once, since a
/// pattern may read as a namespace's name does.
fn by_namespace(census: &Census) -> BTreeMap<&str, u64> {
    let mut sockets = BTreeMap::from([(OTHER, census.others as u64)]);
    for (name, count) in census.named.iter().chain(&census.patterns) {
        let is_known = sockets.contains_key(name.as_str());
        let label = if is_known || sockets.len() <= NAMESPACES { name } else { OTHER };
        *sockets.entry(label).or_default() += *count as u64;
    }
    sockets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_and_those_that_read_alike_are_summed() {
        let mut census = Census::default();
        census.named = (0..150).map(|number| (format!("/{number}"), 1)).collect();
        census.patterns = vec![("/7".to_owned(), 10), ("other".to_owned(), 100)];
        census.others = 1_000;
        let sockets = by_namespace(&census);
        assert_eq!(sockets.len(), NAMESPACES + 1);
        assert_eq!((sockets["/7"], sockets["/99"]), (11, 1));
        assert_eq!(sockets[OTHER], 50 + 100 + 1_000);
        assert!(!sockets.contains_key("/100"));
    }
}
