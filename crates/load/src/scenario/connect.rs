//! Clients that come and go: connect, join, say goodbye.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::task::JoinSet;

use crate::{
    connection::Connection,
    error::LoadError,
    latency::Latencies,
    report::{Meter, Report},
    target::Target,
};

/// A coming and going.
#[derive(Clone, Copy, Debug)]
pub struct Connect {
    /// How many connections in all.
    pub connections: u64,
    /// How many at a time.
    pub at_once: usize,
}

impl Connect {
    /// Runs it against `target`, whose process is `server` where its cost is wanted.
    ///
    /// Figures: `server_cpu_us` and `load_cpu_us` of one connection from its first to its last packet, `per_second`,
    /// and the latency until its namespace was joined, `p50_ms` and `p99_ms`.
    ///
    /// # Errors
    /// A client could not connect, or was not let go.
    pub async fn run(self, target: &Target, server: Option<u32>) -> Result<Report, LoadError> {
        let begun = Arc::new(AtomicU64::new(0));
        let latencies = Arc::new(Mutex::new(Latencies::default()));
        let meter = Meter::start(server)?;
        let mut tasks = JoinSet::new();
        for _ in 0..self.at_once {
            let (target, begun, latencies) = (target.clone(), Arc::clone(&begun), Arc::clone(&latencies));
            tasks.spawn(async move {
                while begun.fetch_add(1, Ordering::Relaxed) < self.connections {
                    let began = Instant::now();
                    let client = Connection::open(&target).await?;
                    latencies.lock().expect("no task panics").record(began.elapsed());
                    client.close().await?;
                }
                Ok::<(), LoadError>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        let mut report = Report::default();
        meter.stop(self.connections, &mut report)?;
        let latencies = latencies.lock().expect("no task panics");
        report.set("p50_ms", latencies.quantile(0.5).as_secs_f64() * 1e3);
        report.set("p99_ms", latencies.quantile(0.99).as_secs_f64() * 1e3);
        Ok(report)
    }
}
