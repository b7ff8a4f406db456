//! Two ends of a session that moves between wires that lose what they carry: each message is heard once and in order.
//!
//! ```text
//!   client ══ wire 1 ══ ✂
//!          ══ wire 2 ═══════ server        each keeps the order of its own packets, and none that of others'
//!          ══ wire 3 ══ ✂
//! ```
//! Both ends are made of the parts that sessions have: a queue that keeps what is not acknowledged, and a receipt. An oracle
//! knows what was sent.

use std::collections::VecDeque;

use proptest::prelude::*;
use sockeye_engine_proto::bind::Bind;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::outbox::Outbox;
use sockeye_engine_proto::receipt::{Arrival, Receipt};
use sockeye_engine_proto::tick::Tick;

/// What a wire carries.
#[derive(Clone, Debug)]
enum Item {
    Message(u32),
    /// The client takes over with this wire.
    Bind(Bind),
    /// The number of the last that came: an acknowledgement, and the server's answer to a bind.
    Has(u32),
}

#[derive(Debug, Default)]
struct Wire {
    up: VecDeque<Item>,
    down: VecDeque<Item>,
    cut: bool,
    /// The number of the message that comes next from the client, once the server let it take over.
    next: u32,
}

#[derive(Debug, Default)]
struct End {
    outbox: Outbox,
    receipt: Receipt,
    /// The wire that it speaks on.
    wire: usize,
    sent: u32,
    heard: Vec<u32>,
}

impl End {
    fn send(&mut self, now: Tick) {
        self.sent += 1;
        self.outbox.push_unchecked(Frame::text(&[b"4", self.sent.to_string().as_bytes()]), now);
    }

    /// Writes at most so many messages, and an acknowledgement where one is due.
    fn write(&mut self, most: usize, out: &mut VecDeque<Item>, now: Tick) {
        for _ in 0..most {
            let Some(frame) = self.outbox.next() else { break };
            let text = std::str::from_utf8(&frame.packet()[1..]).expect("text");
            out.push_back(Item::Message(text.parse().expect("a number")));
            self.outbox.written(true, now);
        }
        if self.receipt.is_due(now) {
            out.push_back(Item::Has(self.receipt.tell()));
        }
    }

    fn hear(&mut self, message: u32) {
        self.heard.push(message);
    }
}

#[derive(Debug, Default)]
struct World {
    now: Tick,
    client: End,
    server: End,
    wires: Vec<Wire>,
    turn: u32,
    server_turn: u32,
}

impl World {
    fn new() -> World {
        let mut world = World::default();
        world.wires.push(Wire { next: 1, ..Wire::default() });
        world
    }

    /// The client leaves its wire, cut or not, and takes over with a new one.
    fn move_on(&mut self) {
        self.client.outbox.rewind(self.now);
        let first = self.client.outbox.last_written() + 1;
        self.turn += 1;
        let bind = Bind { received: self.client.receipt.tell(), first, turn: self.turn };
        self.client.wire = self.wires.len();
        self.wires.push(Wire { up: VecDeque::from([Item::Bind(bind)]), ..Wire::default() });
    }

    /// One item arrives at the server.
    fn arrive_up(&mut self, at: usize) {
        let Some(item) = self.wires[at].up.pop_front() else { return };
        let World { server, now, .. } = self;
        match item {
            Item::Bind(bind) if bind.turn > self.server_turn => {
                self.server_turn = bind.turn;
                server.outbox.start_over(bind.received, *now).expect("nothing was forgotten");
                server.wire = at;
                self.wires[at].next = bind.first;
                self.wires[at].down.push_back(Item::Has(server.receipt.tell()));
            }
            // Too late: another has taken over.
            Item::Bind(_) => self.wires[at].cut = true,
            // What comes on a wire that carries nothing any more will come again.
            _ if at != server.wire => {}
            Item::Message(message) => {
                let wire = &mut self.wires[at];
                match server.receipt.take(wire.next, 1, *now) {
                    Arrival::Next => server.hear(message),
                    Arrival::Again => {}
                    Arrival::Gap { last } => panic!("{} came behind {last}", wire.next),
                }
                wire.next += 1;
            }
            Item::Has(number) => server.outbox.acknowledge(number).expect("it was sent, and is kept"),
        }
    }

    /// One item arrives at the client, which hears nothing of wires that it left.
    fn arrive_down(&mut self, at: usize) {
        let Some(item) = self.wires[at].down.pop_front() else { return };
        if at != self.client.wire {
            return;
        }
        match item {
            Item::Message(message) => {
                self.client.receipt.take_next(1, self.now);
                self.client.hear(message);
            }
            Item::Has(number) => self.client.outbox.acknowledge(number).expect("it was sent, and is kept"),
            Item::Bind(_) => unreachable!("servers take over nothing"),
        }
    }

    fn write(&mut self, of_client: bool, most: usize) {
        let World { client, server, wires, now, .. } = self;
        let end = if of_client { client } else { server };
        let wire = &mut wires[end.wire];
        let mut out = VecDeque::new();
        end.write(most, &mut out, *now);
        // What is written on a wire that is cut goes nowhere, and its end may not know.
        if !wire.cut {
            if of_client { wire.up.extend(out) } else { wire.down.extend(out) }
        }
    }

    /// A wire is cut: of what was under way some arrives, and the rest never.
    fn cut(&mut self, at: usize, up: usize, down: usize) {
        let wire = &mut self.wires[at];
        wire.cut = true;
        wire.up.truncate(up);
        wire.down.truncate(down);
    }

    /// From here on nothing is lost: all that was sent is heard.
    fn settle(&mut self) {
        self.move_on();
        while self.client.heard.len() < self.server.sent as usize
            || self.server.heard.len() < self.client.sent as usize
        {
            let (heard, of) = (self.client.heard.len() + self.server.heard.len(), self.wires.len());
            for at in 0..of {
                while !self.wires[at].up.is_empty() {
                    self.arrive_up(at);
                }
            }
            self.write(true, usize::MAX);
            self.write(false, usize::MAX);
            for at in 0..of {
                while !self.wires[at].down.is_empty() {
                    self.arrive_down(at);
                }
                while !self.wires[at].up.is_empty() {
                    self.arrive_up(at);
                }
            }
            assert!(self.client.heard.len() + self.server.heard.len() > heard, "nothing goes on: {self:?}");
        }
    }
}

fn play(steps: Vec<(u8, u8, u8)>) {
    let mut world = World::new();
    for (step, one, other) in steps {
        let at = usize::from(one) % world.wires.len();
        match step {
            0 | 1 => world.client.send(world.now),
            2 | 3 => world.server.send(world.now),
            4 => world.write(true, usize::from(one % 8)),
            5 => world.write(false, usize::from(one % 8)),
            6 => world.arrive_up(world.client.wire),
            7 => world.arrive_down(world.client.wire),
            // Of wires that were left, too.
            8 => world.arrive_up(at),
            9 => world.arrive_down(at),
            10 => world.cut(at, usize::from(other % 4), usize::from(other / 4 % 4)),
            11 => world.move_on(),
            _ => world.now = world.now.after(u32::from(one)),
        }
        for (end, peer) in [(&world.client, &world.server), (&world.server, &world.client)] {
            let expected: Vec<u32> = (1..=end.heard.len() as u32).collect();
            assert_eq!(end.heard, expected, "once, and in order");
            assert!(end.heard.len() <= peer.sent as usize);
        }
    }
    world.settle();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_wires_lose_each_message_is_heard_once_and_in_order(
        steps in prop::collection::vec((0..13u8, any::<u8>(), any::<u8>()), 1..200)
    ) {
        play(steps);
    }
}
