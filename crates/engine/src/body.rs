//! What answers carry.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::memory::Holding;

/// Bytes that are given to a connection at once. It asks for more when it has written most of what it has.
const PART: usize = 64 * 1024;

/// The body of an answer: nothing, bytes, or a stream of events.
pub struct Body(Kind);

enum Kind {
    Empty,
    Full(Bytes),
    /// Bytes that exist nowhere else any more, what they count for, and who is to hear when nobody wants them.
    Only(Bytes, Holding, Lost),
    Stream(Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>),
}

/// Why another service's stream broke.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Called when an answer is dropped before it was written.
struct Lost(Option<Box<dyn FnOnce() + Send>>);

impl Drop for Lost {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell();
        }
    }
}

impl Body {
    /// No bytes.
    #[must_use]
    pub const fn empty() -> Body {
        Body(Kind::Empty)
    }

    /// These bytes.
    #[must_use]
    pub fn full(bytes: impl Into<Bytes>) -> Body {
        Body(Kind::Full(bytes.into()))
    }

    /// These bytes, which count for `holding` until they are asked for: a part at a time, so that what nobody reads stays
    /// here. `lost` is called when they are dropped before all of them were.
    pub(crate) fn only(
        bytes: impl Into<Bytes>,
        holding: Holding,
        lost: impl FnOnce() + Send + 'static,
    ) -> Body {
        Body(Kind::Only(bytes.into(), holding, Lost(Some(Box::new(lost)))))
    }

    /// Whatever `stream` gives. The engine's own streams never fail; another service's may.
    #[must_use]
    pub fn stream<B>(stream: B) -> Body
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Body(Kind::Stream(Box::pin(stream.map_err(Into::into))))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Kind::Stream(stream) = &mut self.0 {
            return stream.as_mut().poll_frame(cx);
        }
        if let Kind::Only(bytes, holding, _) = &mut self.0
            && bytes.len() > PART
        {
            holding.shrink(PART);
            return Poll::Ready(Some(Ok(Frame::data(bytes.split_to(PART)))));
        }
        let bytes = match std::mem::replace(&mut self.0, Kind::Empty) {
            Kind::Full(bytes) => bytes,
            Kind::Only(bytes, _, mut lost) => {
                lost.0 = None;
                bytes
            }
            Kind::Empty | Kind::Stream(_) => return Poll::Ready(None),
        };
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Full(bytes) | Kind::Only(bytes, ..) => bytes.is_empty(),
            Kind::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) | Kind::Only(bytes, ..) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(stream) => stream.size_hint(),
        }
    }
}

impl Default for Body {
    fn default() -> Body {
        Body::empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Empty => f.write_str("Body()"),
            Kind::Full(bytes) | Kind::Only(bytes, ..) => write!(f, "Body({} bytes)", bytes.len()),
            Kind::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}
