//! How packets are bytes. The parser is an option of a whole server, and never negotiated.
//!
//! [`json`] is what every client speaks unless told otherwise: text with attachments behind it. Another
//! parser is another file here.

pub mod json;
