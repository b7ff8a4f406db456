//! A client that never reads, while others do: what it costs the server until it is cut, and whether they notice.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{
    connection::Connection,
    error::{LoadError, patiently},
    event::Said,
    report::Report,
    target::Target,
    usage::Usage,
};

/// What the system keeps for the client that does not read: as little as it grants.
const RECEIVE_BUFFER: u32 = 4_096;

/// A crowd of two, one of whom sleeps.
#[derive(Clone, Copy, Debug)]
pub struct SlowReader {
    /// Bytes that are broadcast to both in all.
    pub bytes: u64,
    /// Bytes of one broadcast.
    pub message: usize,
    /// Between two broadcasts.
    pub pause: Duration,
}

impl SlowReader {
    /// Runs it against `target`, whose process is `server`.
    ///
    /// Figures: `grown_bytes`, the most that the server grew; `seconds`; `delivered` of `broadcasts` to the client that
    /// reads; `closed` is 1 when the server had cut the one that does not, and `received_bytes` what it then found.
    ///
    /// # Errors
    /// A client could not connect, or the one that reads lost something.
    pub async fn run(self, target: &Target, server: u32) -> Result<Report, LoadError> {
        let mut awake = Connection::open(target).await?;
        let mut asleep = Connection::open_with(target, Some(RECEIVE_BUFFER)).await?;
        let before = Usage::of(server)?.resident;
        let packet = format!(r#"42["broadcast","{}"]"#, "x".repeat(self.message));
        let broadcasts = self.bytes / self.message.max(1) as u64;
        let began = Instant::now();
        let (mut most, mut delivered) = (before, 0);
        for _ in 0..broadcasts {
            awake.send(&packet).await?;
            let wanted = delivered + 1;
            while delivered < wanted {
                patiently(
                    "broadcast",
                    awake.receive(|said| delivered += u64::from(matches!(said, Said::Event(_)))),
                )
                .await?;
            }
            most = most.max(Usage::of(server)?.resident);
            sleep(self.pause).await;
        }
        let time = began.elapsed();

        // Awake at last: all that was kept for it, and then either the end or silence.
        let (mut received, mut closed) = (0_u64, false);
        loop {
            let read = asleep.receive(|said| {
                if let Said::Event(event) = said {
                    received += event.len() as u64;
                }
            });
            match tokio::time::timeout(Duration::from_secs(2), read).await {
                Ok(Ok(())) => {}
                Ok(Err(LoadError::Closed | LoadError::Io(_))) => {
                    closed = true;
                    break;
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => break,
            }
        }
        let mut report = Report::default();
        report.set("broadcasts", broadcasts as f64);
        report.set("delivered", delivered as f64);
        report.set("seconds", time.as_secs_f64());
        report.set("grown_bytes", most.saturating_sub(before) as f64);
        report.set("closed", f64::from(u8::from(closed)));
        report.set("received_bytes", received as f64);
        Ok(report)
    }
}
