//! One client speaks, all hear: `broadcast`, round after round.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Notify, task::JoinSet};

use crate::{
    connection::Connection,
    error::{LoadError, PATIENCE},
    event::Said,
    latency::Latencies,
    report::{Meter, Report},
    scenario::crowd,
    target::Target,
};

/// Rounds before those that count.
const WARM_UP_ROUNDS: u64 = 2;

/// A crowd that listens to one of its own.
#[derive(Clone, Copy, Debug)]
pub struct FanOut {
    /// How many clients hear each broadcast, the speaker among them.
    pub members: usize,
    /// How many rounds; each begins when all have heard the last.
    pub rounds: u64,
    /// Broadcasts in one round, sent in one write.
    pub burst: u64,
}

/// What all members share.
struct Run {
    began: Instant,
    /// When this round was sent, in nanoseconds since `began`.
    sent: AtomicU64,
    heard: AtomicU64,
    /// How many deliveries end this round.
    wanted: AtomicU64,
    complete: Notify,
    latencies: Mutex<Latencies>,
}

impl FanOut {
    /// Runs it against `target`, whose process is `server` where its cost is wanted.
    ///
    /// Figures: `server_cpu_us` and `load_cpu_us` of one delivery, `per_second`, `p50_ms` and `p99_ms` from the write
    /// of a round to each delivery.
    ///
    /// # Errors
    /// A client could not connect, or a delivery did not come.
    pub async fn run(self, target: &Target, server: Option<u32>) -> Result<Report, LoadError> {
        if self.members == 0 || self.burst == 0 {
            return Err(LoadError::Impossible("a fan-out needs a member and a broadcast".to_owned()));
        }
        // The speaker is a connection of its own that answers pings in between; as a member it hears, too.
        let mut speaker = Connection::open(target).await?;
        let members = crowd::open(self.members - 1, || {
            let target = target.clone();
            async move { Connection::open(&target).await }
        })
        .await?;
        let run = Arc::new(Run {
            began: Instant::now(),
            sent: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            wanted: AtomicU64::new(u64::MAX),
            complete: Notify::new(),
            latencies: Mutex::default(),
        });
        let mut listening = JoinSet::new();
        for member in members {
            listening.spawn(listen(member, Arc::clone(&run)));
        }

        let packet = format!(r#"42["broadcast",{}]"#, crate::event::ARGUMENT);
        let each_round = self.members as u64 * self.burst;
        let mut meter = Meter::start(server)?;
        for round in 0..WARM_UP_ROUNDS + self.rounds {
            if round == WARM_UP_ROUNDS {
                *run.latencies.lock().expect("no listener panics") = Latencies::default();
                meter = Meter::start(server)?;
            }
            run.wanted.store((round + 1) * each_round, Ordering::Relaxed);
            for _ in 0..self.burst {
                speaker.push(&packet);
            }
            run.sent.store(nanoseconds(run.began.elapsed()), Ordering::Relaxed);
            speaker.flush().await?;
            let round = async {
                let mut own = 0;
                while own < self.burst {
                    speaker
                        .receive(|said| {
                            own += u64::from(matches!(said, Said::Event(event) if is_broadcast(event)))
                        })
                        .await?;
                }
                run.hear(own);
                // Another member may have been the last; then the permit is already there.
                run.complete.notified().await;
                Ok::<(), LoadError>(())
            };
            tokio::select! {
                done = tokio::time::timeout(PATIENCE, round) => done.map_err(|_| LoadError::Late { what: "delivery to all" })??,
                Some(lost) = listening.join_next() => return Err(lost?.err().unwrap_or(LoadError::Closed)),
            }
        }

        let mut report = Report::default();
        meter.stop(self.rounds * each_round, &mut report)?;
        let latencies = run.latencies.lock().expect("no listener panics");
        report.set("members", self.members as f64);
        report.set("p50_ms", latencies.quantile(0.5).as_secs_f64() * 1e3);
        report.set("p99_ms", latencies.quantile(0.99).as_secs_f64() * 1e3);
        Ok(report)
    }
}

impl Run {
    /// Notes deliveries to one member.
    fn hear(&self, deliveries: u64) {
        if deliveries == 0 {
            return;
        }
        let late = nanoseconds(self.began.elapsed()).saturating_sub(self.sent.load(Ordering::Relaxed));
        let mut latencies = self.latencies.lock().expect("no listener panics");
        (0..deliveries).for_each(|_| latencies.record(Duration::from_nanos(late)));
        drop(latencies);
        let heard = self.heard.fetch_add(deliveries, Ordering::Relaxed) + deliveries;
        if heard == self.wanted.load(Ordering::Relaxed) {
            self.complete.notify_one();
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Whether an event's array is one of our broadcasts; the server has other things to say.
fn is_broadcast(event: &str) -> bool {
    event.starts_with(r#"["broadcast""#)
}

async fn listen(mut member: Connection, run: Arc<Run>) -> Result<(), LoadError> {
    loop {
        let mut deliveries = 0;
        member
            .receive(|said| {
                deliveries += u64::from(matches!(said, Said::Event(event) if is_broadcast(event)))
            })
            .await?;
        run.hear(deliveries);
    }
}
