//! Clients that poll and ask: a POST with an `echo`, whose answer comes to the GET that waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::{task::JoinSet, time::sleep};

use crate::{
    error::{LoadError, patiently},
    event::{self, Said},
    latency::Latencies,
    report::{Meter, Report},
    scenario::{Length, WARM_UP, crowd},
    session,
    target::Target,
};

/// A crowd that polls.
#[derive(Clone, Copy, Debug)]
pub struct Polling {
    /// How many clients, two kept connections each.
    pub clients: usize,
    /// How long it goes on; a message is a round trip.
    pub length: Length,
}

/// What all clients of a run share.
struct Run {
    left: AtomicU64,
    answered: AtomicU64,
    measuring: AtomicBool,
}

impl Polling {
    /// Runs it against `target`, whose process is `server` where its cost is wanted.
    ///
    /// Figures: `server_cpu_us` and `load_cpu_us` of one round trip (a GET and a POST, both answered), `per_second`,
    /// `p50_ms`, `p99_ms`, `server_switches`.
    ///
    /// # Errors
    /// A client could not connect, or an answer did not come.
    pub async fn run(self, target: &Target, server: Option<u32>) -> Result<Report, LoadError> {
        let clients = crowd::open(self.clients, || {
            let target = target.clone();
            async move { session::Polling::open(&target).await }
        })
        .await?;
        let quota = match self.length {
            Length::Time(_) => u64::MAX,
            Length::Messages(messages) => messages,
        };
        let by_count = matches!(self.length, Length::Messages(_));
        let run = Arc::new(Run {
            left: AtomicU64::new(quota),
            answered: AtomicU64::new(0),
            measuring: AtomicBool::new(by_count),
        });

        let mut report = Report::default();
        let mut meter = Meter::start(server)?;
        let mut asking = JoinSet::new();
        for client in clients {
            asking.spawn(ask(client, Arc::clone(&run)));
        }
        if let Length::Time(time) = self.length {
            for (measured, time) in [(false, time.min(WARM_UP)), (true, time)] {
                run.measuring.store(measured, Ordering::Relaxed);
                meter = Meter::start(server)?;
                let before = run.answered.load(Ordering::Relaxed);
                tokio::select! {
                    () = sleep(time) => {}
                    Some(ended) = asking.join_next() => return Err(ended?.err().unwrap_or(LoadError::Closed)),
                }
                if measured {
                    meter.stop(run.answered.load(Ordering::Relaxed) - before, &mut report)?;
                }
            }
            run.left.store(0, Ordering::Relaxed);
        }
        let mut latencies = Latencies::default();
        while let Some(asked) = asking.join_next().await {
            latencies.merge(&asked??);
        }
        if by_count {
            meter.stop(run.answered.load(Ordering::Relaxed), &mut report)?;
        }
        report.set("clients", self.clients as f64);
        report.set("p50_ms", latencies.quantile(0.5).as_secs_f64() * 1e3);
        report.set("p99_ms", latencies.quantile(0.99).as_secs_f64() * 1e3);
        Ok(report)
    }
}

async fn ask(mut client: session::Polling, run: Arc<Run>) -> Result<Latencies, LoadError> {
    let mut latencies = Latencies::default();
    let mut packet = String::new();
    let mut id = 0;
    while run.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        event::echo(id, &mut packet);
        let began = Instant::now();
        client.ask().await?;
        client.send(&packet).await?;
        let mut answered = false;
        loop {
            patiently("answer to an echo", client.receive(|said| answered |= said == Said::Ack(id))).await?;
            if answered {
                break;
            }
            // It was a ping, or an event: ask again.
            client.ask().await?;
        }
        if run.measuring.load(Ordering::Relaxed) {
            latencies.record(began.elapsed());
        }
        run.answered.fetch_add(1, Ordering::Relaxed);
        id += 1;
    }
    Ok(latencies)
}
