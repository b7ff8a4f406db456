//! JSON as JavaScript reads and writes it: what a strict parser refuses and `JSON.parse` takes is taken here,
//! and what is written is what `JSON.stringify` writes.

pub(crate) mod de;
pub(crate) mod number;
pub(crate) mod scan;
pub(crate) mod ser;
pub(crate) mod string;
