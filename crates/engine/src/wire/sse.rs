//! A stream of server-sent events: a body that comes for the session's frames.
//!
//! It may end at any time and come back with the number of the last event it saw; the session waits for it a
//! while. A newer stream ends the older one. A stream that probes carries control packets only, until it is
//! adopted.
//!
//! Spec: extensions.md, sections 1.2-1.5 and 1.10.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http_body::{Body as HttpBody, Frame as BodyFrame};
use smallvec::SmallVec;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::wire::event_stream::{COMMENT, RETRY, write_event};
use sockeye_runtime::runtime::Sleep;

use crate::body::Body;
use crate::engine::{Application, Engine};
use crate::session::Session;
use crate::side::{Seat, Taken};

/// A byte this often keeps what lies between from taking the stream for idle; 30 s and 60 s are common there.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// Packets in one event, at most.
const MAX_PACKETS: usize = 64;

const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The stream that holds `seat`.
struct Stream<A: Application> {
    engine: Arc<Engine<A>>,
    session: Arc<Session<A::Connection>>,
    seat: Seat,
    comment: Sleep,
    begun: bool,
    ended: bool,
}

/// Answers with the stream that holds `seat`.
pub(crate) fn answer<A: Application>(
    engine: &Arc<Engine<A>>,
    session: Arc<Session<A::Connection>>,
    seat: Seat,
) -> Response<Body> {
    let comment = engine.runtime().sleep(COMMENT_EVERY);
    let stream = Stream { engine: engine.clone(), session, seat, comment, begun: false, ended: false };
    let mut answer = Response::new(Body::stream(stream));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, no-transform"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    answer
}

impl<A: Application> Stream<A> {
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut frames: SmallVec<[Frame; 8]> = SmallVec::new();
        let terms = self.engine.terms();
        let taken =
            self.session.poll_take(terms, self.seat, cx, MAX_PACKETS, |frame| frames.push(frame.clone()));
        let mut bytes = Vec::new();
        match taken {
            Poll::Ready(Taken::Frames { last }) => {
                if !std::mem::replace(&mut self.begun, true) {
                    bytes.extend_from_slice(RETRY);
                }
                write_events(
                    &self.session.sid().to_string(),
                    last,
                    &frames,
                    self.engine.options().max_payload,
                    &mut bytes,
                );
                self.comment = self.engine.runtime().sleep(COMMENT_EVERY);
            }
            Poll::Ready(Taken::Superseded) => {
                self.ended = true;
                return Poll::Ready(None);
            }
            Poll::Ready(Taken::Closed(reason)) => {
                self.ended = true;
                bytes.extend_from_slice(format!("data: {}\n\n", reason.packet()).as_bytes());
            }
            Poll::Pending => {
                ready!(Pin::new(&mut self.comment).poll(cx));
                self.comment = self.engine.runtime().sleep(COMMENT_EVERY);
                bytes.extend_from_slice(COMMENT);
            }
        }
        terms.traffic.count_sent(Wire::Sse, bytes.len());
        Poll::Ready(Some(bytes))
    }
}

/// Writes frames as events of at most `max_event` bytes of packets; a single packet over it goes alone.
fn write_events(sid: &str, last: u32, frames: &[Frame], max_event: usize, bytes: &mut Vec<u8>) {
    let countable = |frames: &[Frame]| frames.iter().filter(|frame| frame.is_countable()).count() as u32;
    let mut rest = frames;
    while !rest.is_empty() {
        let mut size = 0;
        let fits = rest.iter().take_while(|frame| {
            size += frame.text_len() + 1;
            size <= max_event
        });
        let (event, after) = rest.split_at(fits.count().max(1));
        write_event(sid, last.wrapping_sub(countable(after)), event, bytes);
        rest = after;
    }
}

impl<A: Application> HttpBody for Stream<A> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        self.get_mut().poll_bytes(cx).map(|bytes| bytes.map(|bytes| Ok(BodyFrame::data(bytes.into()))))
    }
}

impl<A: Application> Drop for Stream<A> {
    fn drop(&mut self) {
        if !self.ended && !self.session.detach(self.engine.terms(), self.seat) {
            self.session.release(self.seat);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_over_the_limit_is_several_events_each_with_its_own_number() {
        let frames: Vec<Frame> = ["4aaa", "2", "4bbb", "4ccccccccccccccccccc", "4d"]
            .iter()
            .map(|text| Frame::text(&[text.as_bytes()]))
            .collect();
        let mut bytes = Vec::new();
        write_events("s", 9, &frames, 12, &mut bytes);
        let text = String::from_utf8(bytes).expect("a stream is text");
        let ids: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("id: s.")).collect();
        assert_eq!(ids, ["7", "8", "9"], "{text}");
        assert_eq!(text.matches("data: ").count(), 5);
    }
}
