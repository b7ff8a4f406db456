//! The Switchboard: a chat that shows what each technique does. Spec: `assets/CONTRACT.md`.

mod exchange;
mod handlers;
mod page;

pub(crate) use handlers::{Switchboard, install};
pub(crate) use page::answer;
