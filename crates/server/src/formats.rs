//! Packets in the format that the server speaks: the default one, or that of a [`Parser`].
//!
//! Everything above knows packets in the default format only. A parser stands between it and the wire.

use serde::Serialize;
use sockeye_engine_proto::frame::Frame;
use sockeye_socket_proto::assembly::{Assembly, Incoming};
use sockeye_socket_proto::error::EncodeError;
use sockeye_socket_proto::limits::Limits;
use sockeye_socket_proto::outgoing::Encoded;
use sockeye_socket_proto::packet::Kind;
use sockeye_socket_proto::parser::json::{encode_connect, encode_connect_error, encode_disconnect};
use sockeye_socket_proto::parser::translate;

use crate::error::EmitError;
use crate::hub::Hub;
use crate::log::EMIT;

/// Reads the frames of one packet of ours in the default format. `None` when it is nested deeper than a packet may be.
pub(crate) fn read_again<'f>(frames: impl IntoIterator<Item = &'f Frame>) -> Option<Incoming<'static>> {
    Assembly::read(frames, &Limits::OURS)
}

impl Hub {
    /// Makes an event or an ack one that may go out.
    #[inline]
    pub(crate) fn finish(&self, packet: &mut Encoded) -> Result<(), EmitError> {
        if packet.attachments.is_empty() && self.options.parser.is_none() {
            return Ok(());
        }
        self.finish_rare(packet)
            .inspect_err(|error| tracing::error!(target: EMIT, "a packet did not go out: {error}"))
    }

    #[cold]
    fn finish_rare(&self, packet: &mut Encoded) -> Result<(), EmitError> {
        if let Some(parser) = &self.options.parser {
            *packet = translate(&**parser, packet)?.into();
            return Ok(());
        }
        let (count, limit) = (packet.attachments.len(), self.options.outgoing_attachments);
        if count > limit { Err(EmitError::TooManyAttachments { count, limit }) } else { Ok(()) }
    }

    /// A packet that is no event: it has a payload at most.
    pub(crate) fn control<T: Serialize>(
        &self,
        kind: Kind,
        namespace: &str,
        payload: Option<&T>,
    ) -> Result<Frame, EncodeError> {
        match (&self.options.parser, kind, payload) {
            (Some(parser), ..) => {
                // Not by way of the default format, which cannot say every name.
                let packet = Incoming::new(kind, namespace, None, payload, &Limits::OURS)
                    .map_err(|error| EncodeError::Argument { message: error.to_string() })?;
                parser.encode(&packet.packet())
            }
            (None, Kind::ConnectError, Some(payload)) => encode_connect_error(namespace, payload),
            (None, Kind::Disconnect, _) => Ok(encode_disconnect(namespace)),
            (None, _, payload) => encode_connect(namespace, payload),
        }
    }

    /// Reads the frames of one packet that [`finish`](Hub::finish) let out.
    pub(crate) fn read_sent<'f>(
        &self,
        frames: impl IntoIterator<Item = &'f Frame>,
    ) -> Option<Incoming<'static>> {
        match &self.options.parser {
            None => read_again(frames),
            Some(parser) => parser.decode(frames.into_iter().next()?.as_message()?, &Limits::OURS).ok(),
        }
    }
}
