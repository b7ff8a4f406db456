//! Many clients at once, opened a few at a time.

use std::{future::Future, sync::Arc};

use tokio::{sync::Semaphore, task::JoinSet};

use crate::error::LoadError;

/// Connections that are being opened at the same time. What a server needs for each only while it opens counts so many
/// times in its memory afterwards, where its allocator keeps pages: few, so that the idle figure is about the idle.
const AT_ONCE: usize = 16;

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
