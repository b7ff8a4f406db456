//! Engine.IO: packets and payloads of both protocols.

use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::{DecodeError, Decoded, Message, Packet};
use sockeye_engine_proto::wire::event_stream::parse_id;
use sockeye_engine_proto::wire::{payload, v3};

use crate::input::Input;

/// One packet, as each wire decodes it: what one takes means the same in all that take it.
pub fn engine_packet(data: &[u8]) {
    if let Ok(packet) = v3::decode_binary(data) {
        match packet {
            Packet::Message(Message::Binary(bytes)) => assert_eq!(bytes, &data[1..]),
            other => assert!(data.len() > 1 || is_control(other), "{other:?}"),
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A number that was read is written the same, leading zeros aside.
    if let Some((sid, number)) = parse_id(text) {
        let digits = text[sid.len() + 1..].trim_start_matches('0');
        assert_eq!(digits.parse().unwrap_or(0), number);
    }
    match Decoded::from_text(text) {
        Ok(decoded) => {
            let mut again = Vec::new();
            frame(decoded.packet()).write_text(&mut again);
            let again = String::from_utf8(again).expect("a packet as text is text");
            assert_eq!(Decoded::from_text(&again), Ok(decoded));
        }
        Err(error) => assert_eq!(error == DecodeError::Empty, text.is_empty(), "{text:?}"),
    }
    let old = v3::decode_text(text);
    match (Packet::decode_text(text), &old) {
        (Ok(packet), old) => assert_eq!(old, &Ok(Decoded::Packet(packet))),
        (Err(_), Ok(_)) => assert_eq!(data[0], b'b', "{old:?}"),
        (Err(_), Err(_)) => {}
    }
}

/// A payload of protocol 4: what is in front of the first error counts, and what was read can be written and read again.
pub fn engine_payload_v4(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read: Vec<_> = payload::split(text).collect();
    assert!(!read.is_empty() && read[..read.len() - 1].iter().all(Result::is_ok), "{read:?}");
    let packets: Vec<&Decoded<'_>> = read.iter().flatten().collect();
    if packets.is_empty() {
        return;
    }
    let mut again = Vec::new();
    packets.iter().for_each(|packet| payload::push(&frame(packet.packet()), &mut again));
    let again = String::from_utf8(again).expect("a payload is text");
    let again: Vec<Decoded<'_>> = payload::split(&again).collect::<Result<_, _>>().expect("what we wrote");
    assert_eq!(again.iter().collect::<Vec<_>>(), packets);
}

/// A payload of protocol 3, text or binary by the first byte.
pub fn engine_payload_v3(data: &[u8]) {
    let mut input = Input::new(data);
    let (binary, base64) = (input.choice(2) == 1, input.choice(2) == 1);
    let body = input.all();
    let read: Vec<_> = match std::str::from_utf8(body) {
        _ if binary => v3::split_binary(body).collect(),
        Ok(text) => v3::split(text).collect(),
        Err(_) => return,
    };
    let errors = read.iter().filter(|packet| packet.is_err()).count();
    assert!(errors == 0 || (errors == 1 && read.last().is_some_and(Result::is_err)), "{read:?}");
    let packets: Vec<&Decoded<'_>> = read.iter().flatten().collect();
    let frames: Vec<Frame> =
        packets.iter().map(|packet| v3::translate(&frame(packet.packet()), base64)).collect();
    let (again, is_binary) = v3::payload(&frames);
    let again: Result<Vec<Decoded<'_>>, _> = match is_binary {
        true => v3::split_binary(&again).collect(),
        false => v3::split(std::str::from_utf8(&again).expect("a text payload is text")).collect(),
    };
    let again = again.expect("what we wrote");
    assert_eq!(
        again.iter().map(Decoded::packet).collect::<Vec<_>>(),
        packets.iter().map(|packet| packet.packet()).collect::<Vec<_>>()
    );
}

fn is_control(packet: Packet<'_>) -> bool {
    !matches!(packet, Packet::Message(_))
}

/// The packet as we would send it, were it ours.
fn frame(packet: Packet<'_>) -> Frame {
    match packet {
        Packet::Message(message) => Frame::message(message),
        Packet::Open(data) => Frame::text(&[b"0", data.as_bytes()]),
        Packet::Close => Frame::text(&[b"1"]),
        Packet::Ping(data) => Frame::text(&[b"2", data.as_bytes()]),
        Packet::Pong(data) => Frame::text(&[b"3", data.as_bytes()]),
        Packet::Upgrade => Frame::text(&[b"5"]),
        Packet::Noop => Frame::text(&[b"6"]),
    }
}
