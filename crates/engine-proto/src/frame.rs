//! A packet encoded once, for every wire that may carry it.
//!
//! The bytes are those of an unmasked WebSocket frame. Polling and SSE take the packet out of the same
//! frame, behind its header, so a broadcast over mixed transports is encoded and stored once. It is protocol 4's;
//! [`wire::v3`](crate::wire::v3) makes protocol 3's of it.

use std::cell::RefCell;
use std::fmt;
use std::sync::LazyLock;

use sockeye_websocket::deflate::Agreement;
use sockeye_websocket::header::{COMPRESSED, MAX_SERVER_HEADER, OpCode, encode_header};
use triomphe::ThinArc;

use crate::packet::{Message, encode_base64};
use crate::slow::Mark;

/// What stands in front of a frame's bytes.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Where the packet begins: the length of the WebSocket header.
    packet_at: u8,
    /// The packet is a binary message: raw bytes without a type digit.
    binary: bool,
    /// The packet is a message, which streams number and acknowledge. Control packets are not.
    countable: bool,
    /// The bytes may get shorter by compression, and are worth the work.
    compress: bool,
    /// Of a packet that may be dropped while it waits.
    mark: Option<Mark>,
}

/// One encoded packet: a handle of 8 bytes, cheap to clone.
#[derive(Clone)]
pub struct Frame(ThinArc<Head, u8>);

const _: () = assert!(size_of::<Option<Frame>>() == 8);

/// What a scratch buffer may keep between frames.
const SCRATCH_LIMIT: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Frame {
    /// A message, text or binary.
    #[must_use]
    pub fn message(message: Message<'_>) -> Frame {
        match message {
            Message::Text(text) => Frame::text(&[b"4", text.as_bytes()]),
            Message::Binary(bytes) => Frame::binary(bytes),
        }
    }

    /// The message in it: the mirror of [`message`](Frame::message). `None` when it is another packet.
    #[must_use]
    pub fn as_message(&self) -> Option<Message<'_>> {
        if self.is_binary() {
            return Some(Message::Binary(self.packet()));
        }
        let text = self.packet().strip_prefix(b"4")?;
        std::str::from_utf8(text).ok().map(Message::Text)
    }

    /// A text packet, given in parts; the first begins with the packet's type digit.
    #[must_use]
    pub fn text(parts: &[&[u8]]) -> Frame {
        let countable = parts.iter().find_map(|part| part.first()) == Some(&b'4');
        Frame::build(OpCode::Text, countable, parts)
    }

    /// A binary message.
    #[must_use]
    pub fn binary(bytes: &[u8]) -> Frame {
        Frame::build(OpCode::Binary, true, &[bytes])
    }

    /// A WebSocket control frame, complete with its header. It is queued on a WebSocket only.
    #[must_use]
    pub fn websocket_control(frame: &[u8]) -> Frame {
        let head = Head { packet_at: 0, binary: false, countable: false, compress: false, mark: None };
        Frame(ThinArc::from_header_and_slice(head, frame))
    }

    /// The same message for a peer that cannot take binary: `b` and base64 in a text frame. Text is itself.
    #[must_use]
    pub fn to_base64(&self) -> Frame {
        if !self.is_binary() {
            return self.clone();
        }
        let mut text = Vec::with_capacity(self.packet().len() * 4 / 3 + 5);
        encode_base64(self.packet(), &mut text);
        self.rewritten(OpCode::Text, &[&text])
    }

    /// The same message in other bytes.
    pub(crate) fn rewritten(&self, opcode: OpCode, parts: &[&[u8]]) -> Frame {
        Frame::build(opcode, self.is_countable(), parts).said_as(self)
    }

    /// The same packet, marked as not worth compressing: it is short of redundancy, or holds a secret beside what
    /// others chose. A polling answer is compressed if any packet in it may be. The bytes are copied, so it is best
    /// asked for before the frame is shared.
    #[must_use]
    pub fn without_compression(&self) -> Frame {
        self.with_head(Head { compress: false, ..self.0.header.header })
    }

    /// The same message, which may be dropped while it waits. Any other packet is itself: no control packet is dropped. The
    /// bytes are copied, so it is best asked for before the frame is shared.
    #[must_use]
    pub fn marked(&self, mark: Mark) -> Frame {
        if !self.is_countable() {
            return self.clone();
        }
        self.with_head(Head { mark: Some(mark), ..self.0.header.header })
    }

    /// What [`marked`](Frame::marked) said of it.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        self.0.header.header.mark
    }

    /// The same packet, of which is said what is said of `other`: whether it may be compressed, and its mark.
    #[must_use]
    pub fn said_as(self, other: &Frame) -> Frame {
        let Head { compress, mark, .. } = other.0.header.header;
        if (compress, mark) == (self.may_compress(), self.mark()) {
            return self;
        }
        self.with_head(Head { compress, mark, ..self.0.header.header })
    }

    fn with_head(&self, head: Head) -> Frame {
        Frame(ThinArc::from_header_and_slice(head, &self.0.slice))
    }

    /// No packet at all: what stands in a queue where one was dropped. It is always the same, and takes no memory.
    pub(crate) fn hole() -> Frame {
        static HOLE: LazyLock<Frame> = LazyLock::new(|| Frame::websocket_control(&[]));
        HOLE.clone()
    }

    /// Whether the packet may be compressed. Every packet may, unless
    /// [`without_compression`](Frame::without_compression) said otherwise.
    #[must_use]
    pub fn may_compress(&self) -> bool {
        self.0.header.header.compress
    }

    /// The same packet compressed, for WebSockets that agreed on it, or none if it would not be shorter. It is queued on
    /// such a WebSocket only: no other wire finds a packet in it.
    ///
    /// `level` is zlib's, 1 to 9. Whether it may be compressed is not asked.
    #[must_use]
    pub fn compressed(&self, agreement: Agreement, level: u32) -> Option<Frame> {
        let opcode = if self.is_binary() { OpCode::Binary } else { OpCode::Text };
        // Room for the longest header; where the true one begins is known at the end.
        with_scratch(|scratch| {
            scratch.extend_from_slice(&[0; MAX_SERVER_HEADER]);
            agreement.compress(level, self.packet(), scratch);
            let payload = scratch.len() - MAX_SERVER_HEADER;
            if payload >= self.packet().len() {
                return None;
            }
            let mut header = [0; MAX_SERVER_HEADER];
            let size = encode_header(opcode, payload, &mut header);
            header[0] |= COMPRESSED;
            let bytes = &mut scratch[MAX_SERVER_HEADER - size..];
            bytes[..size].copy_from_slice(&header[..size]);
            let head = Head { packet_at: size as u8, compress: false, ..self.0.header.header };
            Some(Frame(ThinArc::from_header_and_slice(head, bytes)))
        })
    }

    fn build(opcode: OpCode, countable: bool, parts: &[&[u8]]) -> Frame {
        let length = parts.iter().map(|part| part.len()).sum();
        let mut header = [0; MAX_SERVER_HEADER];
        let packet_at = encode_header(opcode, length, &mut header);
        let binary = opcode == OpCode::Binary;
        let head = Head { packet_at: packet_at as u8, binary, countable, compress: true, mark: None };
        with_scratch(|scratch| {
            scratch.extend_from_slice(&header[..packet_at]);
            parts.iter().for_each(|part| scratch.extend_from_slice(part));
            Frame(ThinArc::from_header_and_slice(head, scratch))
        })
    }

    /// The whole WebSocket frame, header included.
    #[must_use]
    pub fn websocket(&self) -> &[u8] {
        &self.0.slice
    }

    /// The packet: type digit and data, or the raw bytes of a binary message.
    #[must_use]
    pub fn packet(&self) -> &[u8] {
        &self.0.slice[usize::from(self.0.header.header.packet_at)..]
    }

    /// Whether the packet is a binary message.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.0.header.header.binary
    }

    /// Whether the packet is a message and so has a number.
    #[must_use]
    pub fn is_countable(&self) -> bool {
        self.0.header.header.countable
    }

    /// Appends the packet as text: itself, or `b` and base64.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        if self.is_binary() {
            encode_base64(self.packet(), out);
        } else {
            out.extend_from_slice(self.packet());
        }
    }

    /// How many bytes [`write_text`](Frame::write_text) appends.
    #[must_use]
    pub fn text_len(&self) -> usize {
        if self.is_binary() { 1 + self.packet().len().div_ceil(3) * 4 } else { self.packet().len() }
    }

    /// Bytes on a WebSocket: what queues count.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a frame that may leave is never empty: it has a header")]
    pub fn len(&self) -> usize {
        self.0.slice.len()
    }
}

/// Lends the thread's scratch buffer, empty.
#[inline]
fn with_scratch<T>(use_it: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        let done = use_it(scratch);
        if scratch.capacity() > SCRATCH_LIMIT {
            *scratch = Vec::new();
        }
        done
    })
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:?})", String::from_utf8_lossy(self.packet()))
    }
}

#[cfg(test)]
mod tests {
    use sockeye_websocket::decoder::{Decoded, Decoder, Role};
    use sockeye_websocket::event::Event;
    use sockeye_websocket::limits::Limits;

    use super::*;

    #[test]
    fn a_frame_carries_the_packet_for_every_wire() {
        let frame = Frame::text(&[b"42", b"[\"a\"]"]);
        assert_eq!(frame.websocket(), b"\x81\x0742[\"a\"]");
        assert_eq!(frame.packet(), b"42[\"a\"]");
        assert!(frame.is_countable() && !frame.is_binary());
        assert!(!Frame::text(&[b"2"]).is_countable());
    }

    #[test]
    fn a_binary_message_becomes_base64_where_only_text_can_go() {
        let frame = Frame::binary(&[1, 2, 3]);
        assert_eq!(frame.websocket(), b"\x82\x03\x01\x02\x03");
        let mut text = Vec::new();
        frame.write_text(&mut text);
        assert_eq!(text, b"bAQID");
        assert_eq!(frame.text_len(), text.len());
        assert_eq!(frame.to_base64().websocket(), b"\x81\x05bAQID");
    }

    #[test]
    fn a_frame_that_is_not_worth_compressing_is_the_same_in_all_else() {
        for frame in [Frame::message(Message::Text("a")), Frame::message(Message::Binary(&[1, 2, 3]))] {
            assert!(frame.may_compress() && frame.to_base64().may_compress());
            let plain = frame.without_compression();
            assert!(!plain.may_compress() && !plain.to_base64().may_compress());
            assert_eq!(plain.websocket(), frame.websocket());
            assert_eq!(
                (plain.packet(), plain.is_binary(), plain.is_countable()),
                (frame.packet(), frame.is_binary(), true)
            );
        }
    }

    #[test]
    fn a_compressed_frame_is_the_same_message_in_fewer_bytes() {
        let agreement = Agreement::new(15).expect("a window");
        let text = "compressible ".repeat(10_000);
        for (frame, first) in
            [(Frame::text(&[b"4", text.as_bytes()]), 0xc1), (Frame::binary(text.as_bytes()), 0xc2)]
        {
            let compressed = frame.compressed(agreement, 1).expect("it is shorter");
            assert!(compressed.len() < frame.len() / 20);
            assert_eq!(compressed.websocket()[0], first);
            assert_eq!((compressed.is_countable(), compressed.may_compress()), (true, false));
            let mut bytes = compressed.websocket().to_vec();
            let decoded = Decoder::new().decode_with(&mut bytes, Role::Client, &Limits::default(), true);
            let Ok(Decoded::Frame { event, consumed }) = decoded else { panic!("{decoded:?}") };
            assert_eq!(consumed, compressed.len());
            match event {
                Event::Text(text) => assert_eq!(text.as_bytes(), frame.packet()),
                Event::Binary(bytes) => assert_eq!(bytes, frame.packet()),
                other => panic!("{other:?}"),
            }
        }
        assert!(Frame::text(&[b"4ab"]).compressed(agreement, 1).is_none(), "it would be longer");
    }

    #[test]
    fn the_header_grows_with_the_packet() {
        for length in [125, 126, 65535, 65536] {
            let frame = Frame::binary(&vec![7; length]);
            assert_eq!(frame.packet().len(), length);
            assert!(frame.packet().iter().all(|byte| *byte == 7));
        }
    }
}
