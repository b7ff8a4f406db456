//! The guide: Sockeye in the order in which one meets it. Each chapter says what one wants, the shortest way, and then
//! the traps.
//!
//! | chapter | |
//! |---|---|
//! | [`first_server`] | a server on a port, a client beside it, options, state |
//! | [`events`] | handlers and their arguments, bytes, several kinds of handlers |
//! | [`acknowledgements`] | answering, asking one, asking many |
//! | [`rooms`] | emitting to many, counting, presence, namespaces that peers ask for |
//! | [`middleware`] | who may come in, which events are handled, which requests are answered |
//! | [`errors`] | handlers that fail, what the peer sees, why sockets go |
//! | [`order`] | what runs when, what arrives, peers that are fast and peers that are slow |
//! | [`testing`] | server and clients in one process, on a clock that the test moves |
//! | [`deployment`] | nginx, origins, proxies, axum, TLS, several processes, files, memory, the end |
//!
//! Who comes from another Socket.IO finds side by side what was called how:
//! [from Node](https://github.com/sockeye-io/sockeye/blob/main/docs/from-node.md),
//! [from socketioxide](https://github.com/sockeye-io/sockeye/blob/main/docs/from-socketioxide.md).

#[doc = include_str!("guide/01-first-server.md")]
pub mod first_server {}

#[doc = include_str!("guide/02-events.md")]
pub mod events {}

#[doc = include_str!("guide/03-acknowledgements.md")]
pub mod acknowledgements {}

#[doc = include_str!("guide/04-rooms.md")]
pub mod rooms {}

#[doc = include_str!("guide/05-middleware.md")]
pub mod middleware {}

#[doc = include_str!("guide/06-errors.md")]
pub mod errors {}

#[doc = include_str!("guide/07-order.md")]
pub mod order {}

// Its blocks need `sockeye-test`, which compiles them.
#[cfg_attr(not(doctest), doc = include_str!("guide/08-testing.md"))]
pub mod testing {}

#[doc = include_str!("guide/09-deployment.md")]
pub mod deployment {}

/// The pages beside the guide, whose blocks are compiled, too.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../docs/from-node.md")]
    mod from_node {}

    #[doc = include_str!("../../../docs/from-socketioxide.md")]
    mod from_socketioxide {}
}

#[cfg(test)]
mod tests {
    /// What stands between the first fence of `language` in `text` and its end.
    fn block<'t>(text: &'t str, language: &str) -> Option<&'t str> {
        let (_, rest) = text.split_once(&format!("```{language}\n"))?;
        rest.split_once("```").map(|(block, _)| block)
    }

    #[test]
    fn the_chapter_on_deployment_shows_the_configuration_that_is_in_docs() {
        let chapter = include_str!("guide/09-deployment.md");
        assert_eq!(block(chapter, "nginx"), Some(include_str!("../../../docs/nginx.conf")));
    }
}
