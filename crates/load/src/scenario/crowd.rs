//! Many clients at once, opened a few at a time.

use std::{future::Future, sync::Arc};

use tokio::{sync::Semaphore, task::JoinSet};

use crate::error::LoadError;

/// Connections that are being opened at the same time: below any server's backlog, and enough to keep it busy.
const AT_ONCE: usize = 64;

/// Opens `count` clients; in no order.
pub(crate) async fn open<C, F>(count: usize, mut client: impl FnMut() -> F) -> Result<Vec<C>, LoadError>
where
    C: Send + 'static,
    F: Future<Output = Result<C, LoadError>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut opening = JoinSet::new();
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
        let client = client();
        opening.spawn(async move {
            let client = client.await;
            drop(place);
            client
        });
        while let Some(opened) = opening.try_join_next() {
            open.push(opened??);
        }
    }
    while let Some(opened) = opening.join_next().await {
        open.push(opened??);
    }
    Ok(open)
}
