//! What every technique must do alike: scenarios written once, run over long polling, short polling, event
//! streams, WebSocket, and while a session moves from one to the other.
//!
//! Over real connections on real time; what depends on time is tested under virtual time in `crates/server`.

mod crowd;
mod events;
mod peer;

/// Runs a scenario once for each technique, as a test of its own.
macro_rules! over_every_technique {
    ($($scenario:ident)*) => {
        $(mod $scenario {
            use crate::peer::Technique;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_long_polling() {
                super::run::$scenario(Technique::LongPolling).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_short_polling() {
                super::run::$scenario(Technique::ShortPolling).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_an_event_stream() {
                super::run::$scenario(Technique::Sse).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_websocket() {
                super::run::$scenario(Technique::WebSocket).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn while_moving_from_polling_to_websocket() {
                super::run::$scenario(Technique::Moving).await;
            }
        })*
    };
}
pub(crate) use over_every_technique;
