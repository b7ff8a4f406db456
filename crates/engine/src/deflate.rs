//! Which frames leave a WebSocket compressed, and a broadcast's compressed forms.
//!
//! A frame is compressed before it is queued, with no session's lock held: what waits is what will leave, and is counted
//! as such. A WebSocket hands its session to no other wire, so a compressed frame leaves by the wire that agreed on it.
//!
//! Spec: RFC 7692; engine.md, section 1.

use sockeye_engine_proto::frame::Frame;
use sockeye_websocket::deflate::Agreement;

use crate::options::PerMessageDeflate;

/// How the frames of one session are compressed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deflate {
    pub(crate) options: PerMessageDeflate,
    pub(crate) agreement: Agreement,
}

impl Deflate {
    /// The frame that leaves instead of `frame`: itself, unless it is compressed.
    pub(crate) fn apply(self, frame: &Frame) -> Frame {
        let PerMessageDeflate { threshold, level } = self.options;
        let is_worth_it = frame.may_compress() && frame.packet().len() >= threshold;
        let compressed = if is_worth_it { frame.compressed(self.agreement, level) } else { None };
        compressed.unwrap_or_else(|| frame.clone())
    }

    pub(crate) fn apply_to_all(self, frames: impl IntoIterator<Item = Frame>) -> Vec<Frame> {
        frames.into_iter().map(|frame| self.apply(&frame)).collect()
    }
}

/// What a broadcast carries, in the forms that its sessions want. Each is made for the first session that wants it.
///
/// They live as long as the broadcast: a place for them in each frame would cost those that are never compressed.
#[derive(Debug)]
pub(crate) struct Forms<'f> {
    frames: &'f [Frame],
    compressed: Vec<(Agreement, Vec<Frame>)>,
}

impl Forms<'_> {
    pub(crate) fn new(frames: &[Frame]) -> Forms<'_> {
        Forms { frames, compressed: Vec::new() }
    }

    /// The frames for a session that compresses them so.
    #[inline]
    pub(crate) fn of(&mut self, deflate: Option<Deflate>) -> &[Frame] {
        match deflate {
            None => self.frames,
            Some(deflate) => self.compressed(deflate),
        }
    }

    #[cold]
    fn compressed(&mut self, deflate: Deflate) -> &[Frame] {
        let made = self.compressed.iter().position(|(agreement, _)| *agreement == deflate.agreement);
        let at = made.unwrap_or_else(|| {
            self.compressed.push((deflate.agreement, deflate.apply_to_all(self.frames.iter().cloned())));
            self.compressed.len() - 1
        });
        &self.compressed[at].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deflate(bits: u8, threshold: usize) -> Deflate {
        let options = PerMessageDeflate { threshold, ..PerMessageDeflate::default() };
        Deflate { options, agreement: Agreement::new(bits).expect("a window") }
    }

    #[test]
    fn a_frame_is_compressed_from_the_threshold_on_unless_it_says_no_or_would_not_be_shorter() {
        let frame = Frame::text(&[b"4", &[b'a'; 1023]]);
        let is_itself = |threshold, frame: &Frame| {
            deflate(15, threshold).apply(frame).websocket().as_ptr() == frame.websocket().as_ptr()
        };
        assert!(!is_itself(1024, &frame));
        assert!(is_itself(1025, &frame));
        assert!(is_itself(0, &frame.without_compression()));
        assert!(is_itself(0, &Frame::binary(b"ab")));
        assert!(is_itself(0, &Frame::websocket_control(b"\x89\x00")));
    }

    #[test]
    fn a_broadcast_has_one_form_for_all_that_agreed_on_the_same_and_none_for_the_others() {
        let frames = [Frame::text(&[b"4", &[b'a'; 2000]]), Frame::binary(&[7; 2000])];
        let mut forms = Forms::new(&frames);
        let mut bytes =
            |deflate| forms.of(deflate).iter().map(|frame| frame.websocket().as_ptr()).collect::<Vec<_>>();
        let (plain, wide, narrow) =
            (bytes(None), bytes(Some(deflate(15, 1024))), bytes(Some(deflate(9, 1024))));
        assert_eq!(plain, frames.each_ref().map(|frame| frame.websocket().as_ptr()));
        assert_eq!(bytes(Some(deflate(15, 1024))), wide, "the very same frames");
        assert_eq!(bytes(Some(deflate(9, 1024))), narrow);
        assert!(wide != plain && wide != narrow);
        assert_eq!(forms.compressed.len(), 2);
    }
}
