//! Clients that are connected and do nothing: what each costs the server, and what stays when they are gone.

use std::time::Duration;

use tokio::{task::JoinSet, time::sleep};

use crate::{
    connection::Connection,
    error::LoadError,
    report::Report,
    scenario::crowd,
    session::{Polling, Streaming},
    target::Target,
    usage::Usage,
};

/// How idle clients are connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wire {
    /// A WebSocket each.
    WebSocket,
    /// A GET each that waits at the server.
    Polling,
    /// A stream of server-sent events each.
    Sse,
}

/// A crowd that does nothing.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// How they are connected.
    pub wire: Wire,
    /// How many.
    pub clients: usize,
    /// How long they are left alone before the server's memory is read.
    pub hold: Duration,
    /// How long after their end it is read again.
    pub after: Duration,
}

impl Idle {
    /// Connects, waits, reads the memory of process `server`, ends all connections, waits, reads it again.
    ///
    /// Figures: `bytes_per_client`, which is (resident after `hold` - before) / clients; `left_part` of that growth
    /// when they are gone; `resident_before_bytes`, `resident_idle_bytes`, `resident_left_bytes`; `open_seconds`.
    ///
    /// # Errors
    /// A client could not connect, or lost its connection while it should have been idle.
    pub async fn run(self, target: &Target, server: u32) -> Result<Report, LoadError> {
        let before = Usage::of(server)?.resident as f64;
        let began = std::time::Instant::now();
        let mut listening = JoinSet::new();
        match self.wire {
            Wire::WebSocket => {
                for client in
                    self.open(target, |target| async move { Connection::open(&target).await }).await?
                {
                    listening.spawn(listen(client));
                }
            }
            Wire::Polling => {
                for client in self.open(target, |target| async move { Polling::open(&target).await }).await? {
                    listening.spawn(client.listen());
                }
            }
            Wire::Sse => {
                for client in
                    self.open(target, |target| async move { Streaming::open(&target).await }).await?
                {
                    listening.spawn(client.listen());
                }
            }
        }
        let opened = began.elapsed();
        tokio::select! {
            () = sleep(self.hold) => {}
            Some(lost) = listening.join_next() => return Err(lost?.err().unwrap_or(LoadError::Closed)),
        }
        let idle = Usage::of(server)?.resident as f64;

        listening.shutdown().await;
        sleep(self.after).await;
        let left = Usage::of(server)?.resident as f64;

        let mut report = Report::default();
        report.set("clients", self.clients as f64);
        report.set("open_seconds", opened.as_secs_f64());
        report.set("resident_before_bytes", before);
        report.set("resident_idle_bytes", idle);
        report.set("resident_left_bytes", left);
        report.set("bytes_per_client", (idle - before) / self.clients as f64);
        report.set("left_part", (left - before) / (idle - before).max(1.0));
        Ok(report)
    }

    async fn open<C, F>(&self, target: &Target, client: impl Fn(Target) -> F) -> Result<Vec<C>, LoadError>
    where
        C: Send + 'static,
        F: Future<Output = Result<C, LoadError>> + Send + 'static,
    {
        crowd::open(self.clients, || client(target.clone())).await
    }
}

/// Reads for ever.
async fn listen(mut client: Connection) -> Result<(), LoadError> {
    loop {
        client.receive(|_| {}).await?;
    }
}
