//! Clients that ask and wait for the answer: `echo` with an ack, in closed loops.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep};

use crate::{
    connection::Connection,
    error::{LoadError, patiently},
    event::{self, Said},
    latency::Latencies,
    report::{Meter, Report},
    scenario::{Length, WARM_UP, crowd, share},
    target::Target,
};

/// A crowd that asks.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// How many clients, a WebSocket each.
    pub clients: usize,
    /// How many questions each has on the way at any time.
    pub in_flight: usize,
    /// How long it goes on.
    pub length: Length,
}

/// What all clients of a run share.
struct Run {
    answered: AtomicU64,
    /// Latencies count from here on.
    measuring: AtomicBool,
    /// Questions are no longer asked.
    over: AtomicBool,
}

impl Echo {
    /// Runs it against `target`, whose process is `server` where its cost is wanted.
    ///
    /// Figures: `server_cpu_us` and `load_cpu_us` of one answered question, `per_second`, `p50_ms`, `p99_ms`,
    /// `server_switches`.
    ///
    /// # Errors
    /// A client could not connect, or an answer did not come, or came in the wrong order.
    pub async fn run(self, target: &Target, server: Option<u32>) -> Result<Report, LoadError> {
        if self.clients == 0 || self.in_flight == 0 {
            return Err(LoadError::Impossible("echoes need a client and a message in flight".to_owned()));
        }
        let clients = crowd::open(self.clients, || {
            let target = target.clone();
            async move { Connection::open(&target).await }
        })
        .await?;
        let by_count = matches!(self.length, Length::Messages(_));
        let run = Arc::new(Run {
            answered: AtomicU64::new(0),
            measuring: AtomicBool::new(by_count),
            over: AtomicBool::new(false),
        });

        let mut report = Report::default();
        let mut meter = Meter::start(server)?;
        let mut asking = JoinSet::new();
        for (number, client) in clients.into_iter().enumerate() {
            let quota = match self.length {
                Length::Time(_) => u64::MAX,
                // The first clients take what the division leaves.
                Length::Messages(messages) => share(messages, number, self.clients),
            };
            asking.spawn(ask(client, Arc::clone(&run), self.in_flight as u64, quota));
        }
        if let Length::Time(time) = self.length {
            pass(time.min(WARM_UP), &mut asking).await?;
            run.measuring.store(true, Ordering::Relaxed);
            meter = Meter::start(server)?;
            let before = run.answered.load(Ordering::Relaxed);
            pass(time, &mut asking).await?;
            meter.stop(run.answered.load(Ordering::Relaxed) - before, &mut report)?;
            run.over.store(true, Ordering::Relaxed);
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

/// Lets `time` pass, unless a client fails.
async fn pass(time: Duration, asking: &mut JoinSet<Result<Latencies, LoadError>>) -> Result<(), LoadError> {
    tokio::select! {
        () = sleep(time) => Ok(()),
        Some(ended) = asking.join_next() => Err(ended?.err().unwrap_or(LoadError::Closed)),
    }
}

/// One client: asks until its quota is reached or the run is over, and hears every answer.
async fn ask(
    mut client: Connection,
    run: Arc<Run>,
    in_flight: u64,
    quota: u64,
) -> Result<Latencies, LoadError> {
    let mut latencies = Latencies::default();
    let mut packet = String::new();
    // When each question on the way was asked, by its id.
    let mut asked_at = vec![Instant::now(); in_flight as usize];
    let (mut asked, mut answered) = (0, 0);
    loop {
        while asked < quota && asked - answered < in_flight && !run.over.load(Ordering::Relaxed) {
            event::echo(asked, &mut packet);
            client.push(&packet);
            asked_at[(asked % in_flight) as usize] = Instant::now();
            asked += 1;
        }
        if asked == answered {
            return Ok(latencies);
        }
        client.flush().await?;
        let measuring = run.measuring.load(Ordering::Relaxed);
        let mut odd = None;
        let before = answered;
        patiently(
            "answer to an echo",
            client.receive(|said| match said {
                Said::Ack(id) if id == answered => {
                    if measuring {
                        latencies.record(asked_at[(id % in_flight) as usize].elapsed());
                    }
                    answered += 1;
                }
                Said::Ack(id) => {
                    odd = Some(LoadError::unexpected("the next answer", &format!("answer {id}")))
                }
                Said::Closed => odd = Some(LoadError::Closed),
                _ => {}
            }),
        )
        .await?;
        if let Some(odd) = odd {
            return Err(odd);
        }
        run.answered.fetch_add(answered - before, Ordering::Relaxed);
    }
}
