//! The way from a client to the wire that carries it.

use std::sync::Arc;

use sockeye::engine::proto::frame::Frame;
use sockeye_socket_proto::outgoing::Encoded;
use sockeye_socket_proto::parser::{Parser, translate};
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::error::ConnectError;

/// What a wire is told.
#[derive(Debug)]
pub(crate) enum Order {
    /// To send this.
    Send(Frame),
    /// To ask at once, if it asks from time to time.
    Poll,
    /// To move to a WebSocket.
    Upgrade(oneshot::Sender<Result<(), ConnectError>>),
    /// To say goodbye.
    Close,
}

/// What a wire hears, in order.
#[derive(Debug)]
pub(crate) struct Orders {
    orders: mpsc::UnboundedReceiver<Order>,
    put_back: Option<Order>,
}

impl Orders {
    /// The next; `None` when there is no way to this wire any more. Cancel-safe.
    pub(crate) async fn recv(&mut self) -> Option<Order> {
        match self.put_back.take() {
            Some(order) => Some(order),
            None => self.orders.recv().await,
        }
    }

    /// The next, if it is there.
    pub(crate) fn try_recv(&mut self) -> Option<Order> {
        self.put_back.take().or_else(|| self.orders.try_recv().ok())
    }

    /// What is not for now comes first the next time.
    pub(crate) fn put_back(&mut self, order: Order) {
        self.put_back = Some(order);
    }
}

/// A way to the wire. When the last is dropped the connection is cut.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    orders: mpsc::UnboundedSender<Order>,
    parser: Option<Arc<dyn Parser>>,
}

/// A way to the wire that does not keep it.
#[derive(Clone, Debug)]
pub(crate) struct WeakLine(mpsc::WeakUnboundedSender<Order>);

impl Line {
    /// Packets are written by `parser`, if there is one.
    pub(crate) fn new(parser: Option<Arc<dyn Parser>>) -> (Line, Orders) {
        let (sender, orders) = mpsc::unbounded_channel();
        (Line { orders: sender, parser }, Orders { orders, put_back: None })
    }

    pub(crate) fn weak(&self) -> WeakLine {
        WeakLine(self.orders.downgrade())
    }

    /// A wire that has ended hears nothing, as a server that is gone.
    pub(crate) fn order(&self, order: Order) {
        self.orders.send(order).ok();
    }

    /// Sends a packet with its attachments.
    ///
    /// # Panics
    /// When the parser cannot write it.
    #[track_caller]
    pub(crate) fn send(&self, packet: impl Into<Encoded>) {
        let mut packet = packet.into();
        if let Some(parser) = &self.parser {
            packet = match translate(&**parser, &packet) {
                Ok(frame) => frame.into(),
                Err(error) => panic!("the packet cannot be sent: {error}"),
            };
        }
        packet.frames().for_each(|frame| self.order(Order::Send(frame.clone())));
    }
}

impl WeakLine {
    pub(crate) fn order(&self, order: Order) {
        if let Some(orders) = self.0.upgrade() {
            // A wire that has ended hears nothing.
            orders.send(order).ok();
        }
    }
}
