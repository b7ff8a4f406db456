//! The core of a session: who is heard, when, over what.
//!
//! It takes packets and ticks and answers each with one [`Effect`]. It queues nothing, owns no wire and no
//! clock; its owner carries the effects out.
//!
//! Spec: engine.md, sections 4.5, 6, 7 and 8.

pub use crate::heartbeat::Pinger;
use crate::heartbeat::{Beat, Heartbeat};
use crate::packet::{Message, Packet};
use crate::reason::CloseReason;
use crate::tick::Tick;
use crate::timing::Timing;
use crate::upgrade::{Due, Upgrade};

/// The transports that carry a session.
///
/// Short and long polling are one: they differ in how long a GET may wait.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Wire {
    /// GETs that wait, and POSTs.
    Polling,
    /// One long response of server-sent events, and POSTs.
    Sse,
    /// A WebSocket.
    WebSocket,
}

impl Wire {
    /// Every transport, for tables of counters.
    pub const ALL: [Wire; 3] = [Wire::Polling, Wire::Sse, Wire::WebSocket];

    /// The name in `transport=`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Wire::Polling => "polling",
            Wire::Sse => "sse",
            Wire::WebSocket => "websocket",
        }
    }
}

impl std::fmt::Display for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A packet that the core itself asks to send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Control {
    /// `2`, on the session's wire.
    Ping,
    /// `3`, on the session's wire: to a peer of protocol 3, without what its ping said.
    Pong,
    /// `3probe`, on the candidate.
    ProbeAnswer,
    /// `6`, to a poll that waits.
    Noop,
}

/// What is to be done about a packet or a moment: at most one thing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect<'p> {
    /// Nothing.
    Nothing,
    /// The application's message.
    Message(Message<'p>),
    /// Send this.
    Send(Control),
    /// The candidate carries the session from here on.
    Adopt,
    /// The candidate is to be closed; the session goes on where it is.
    Abandon,
    /// The session closes.
    Close(CloseReason),
}

/// The core of a server's session. 20 bytes.
#[derive(Debug)]
pub struct Core {
    heartbeat: Heartbeat,
    upgrade: Upgrade,
    wire: Wire,
    closed: Option<CloseReason>,
    paused: bool,
    detached: bool,
}

const _: () = assert!(size_of::<Core>() <= 20);

impl Core {
    /// A session that opens now on `wire`.
    #[must_use]
    pub fn new(wire: Wire, pinger: Pinger, now: Tick, timing: &Timing) -> Core {
        Core {
            heartbeat: Heartbeat::new(pinger, now, timing),
            upgrade: Upgrade::new(),
            wire,
            closed: None,
            paused: false,
            detached: false,
        }
    }

    /// The transport that carries the session.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// Who pings. It sets protocols apart, and nothing else here does.
    #[must_use]
    pub fn pinger(&self) -> Pinger {
        self.heartbeat.pinger()
    }

    /// Why it is closed, if it is.
    #[must_use]
    pub fn closed(&self) -> Option<CloseReason> {
        self.closed
    }

    /// Whether a candidate has probed and not yet taken over.
    #[must_use]
    pub fn is_probed(&self) -> bool {
        self.upgrade.is_probed()
    }

    /// Whether its stream has ended and none has come back yet.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        self.detached
    }

    /// Closes it. The first reason stays; says whether this was the first.
    pub fn close(&mut self, reason: CloseReason) -> bool {
        let first = self.closed.is_none();
        self.closed.get_or_insert(reason);
        first
    }

    /// When [`handle_timeout`](Core::handle_timeout) is to be called next.
    #[must_use]
    pub fn deadline(&self) -> Tick {
        let heartbeat = self.heartbeat.deadline();
        self.upgrade.deadline().map_or(heartbeat, |upgrade| upgrade.earlier(heartbeat))
    }

    /// A packet on the wire that carries the session.
    pub fn handle_packet<'p>(&mut self, packet: Packet<'p>, now: Tick, timing: &Timing) -> Effect<'p> {
        if self.closed.is_some() {
            return Effect::Nothing;
        }
        match packet {
            // While no stream is there the deadline is the stream's, and a POST does not move it.
            _ if self.detached => {}
            Packet::Pong(_) | Packet::Ping(_) => self.heartbeat.restart(now, timing),
            _ => self.heartbeat.heard(now, timing),
        }
        match packet {
            Packet::Message(message) => Effect::Message(message),
            Packet::Ping(_) if self.pinger() == Pinger::Client => Effect::Send(Control::Pong),
            Packet::Ping(_) => self.closing(CloseReason::TransportError),
            Packet::Pong(_) if self.pinger() == Pinger::Client => self.closing(CloseReason::TransportError),
            Packet::Close if self.wire != Wire::WebSocket => self.closing(CloseReason::TransportClose),
            Packet::Close | Packet::Pong(_) | Packet::Open(_) | Packet::Upgrade | Packet::Noop => {
                Effect::Nothing
            }
        }
    }

    /// A new wire asks to carry the session. Only one at a time may, and none better than a WebSocket is known.
    pub fn claim(&mut self, now: Tick, timing: &Timing) -> bool {
        let open = self.closed.is_none() && !self.detached && self.wire != Wire::WebSocket;
        open && self.upgrade.claim(now, timing)
    }

    /// A packet on the candidate, which is a wire of kind `to`.
    ///
    /// Anything but the probe, and `5` after it, is answered by [`Effect::Abandon`].
    pub fn handle_candidate<'p>(
        &mut self,
        packet: Packet<'p>,
        to: Wire,
        now: Tick,
        timing: &Timing,
    ) -> Effect<'p> {
        if self.closed.is_some() {
            return Effect::Abandon;
        }
        match packet {
            Packet::Ping("probe") => {
                self.upgrade.probe(now);
                Effect::Send(Control::ProbeAnswer)
            }
            Packet::Upgrade if self.upgrade.is_probed() => {
                self.upgrade.end();
                self.wire = to;
                // A peer that moves may cut its stream before it says so, and no other is waited for.
                self.detached = false;
                self.heartbeat.restart(now, timing);
                Effect::Adopt
            }
            _ => {
                self.upgrade.end();
                Effect::Abandon
            }
        }
    }

    /// The candidate is gone; the session may be asked again.
    pub fn release(&mut self) {
        self.upgrade.end();
    }

    /// The stream that carried the session ended; another may come back within [`Timing::resume`].
    pub fn detach(&mut self, now: Tick, timing: &Timing) {
        self.detached = true;
        self.heartbeat.restart(now, &Timing { ping_interval: timing.resume, ..*timing });
    }

    /// Another stream came back.
    pub fn attach(&mut self, now: Tick, timing: &Timing) {
        self.detached = false;
        self.heartbeat.restart(now, timing);
    }

    /// While paused nothing is read from the peer, so its silence does not count. Pings go on; a peer that pings itself
    /// gets pongs unasked, and so does not give us up.
    pub fn pause(&mut self, paused: bool, now: Tick, timing: &Timing) {
        if self.paused && !paused {
            self.heartbeat.resume(now, timing);
        } else if paused && !self.paused {
            self.heartbeat.pause(now, timing);
        }
        self.paused = paused;
    }

    /// Whether nothing is read from the peer.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether the peer would be given up now, were its silence not ours.
    #[must_use]
    pub fn excuses(&self, now: Tick) -> bool {
        self.closed.is_none() && self.heartbeat.is_excused(now)
    }

    /// Time has passed. Called until it answers [`Effect::Nothing`].
    pub fn handle_timeout(&mut self, now: Tick, timing: &Timing) -> Effect<'static> {
        if self.closed.is_some() {
            return Effect::Nothing;
        }
        match self.upgrade.poll(now) {
            Due::Nothing => {}
            Due::Release => return Effect::Send(Control::Noop),
            Due::Abandon => return Effect::Abandon,
        }
        if self.detached {
            let due = self.heartbeat.deadline().is_due(now);
            return if due { self.closing(CloseReason::TransportClose) } else { Effect::Nothing };
        }
        match self.heartbeat.poll(self.paused, now, timing) {
            Beat::Early => Effect::Nothing,
            Beat::Ping => Effect::Send(Control::Ping),
            // It hears of us all the same: it counts our silence, too.
            Beat::Excused => Effect::Send(match self.pinger() {
                Pinger::Server => Control::Ping,
                Pinger::Client => Control::Pong,
            }),
            Beat::Dead => self.closing(CloseReason::PingTimeout),
        }
    }

    fn closing(&mut self, reason: CloseReason) -> Effect<'static> {
        self.close(reason);
        Effect::Close(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing =
        Timing { ping_interval: 500, ping_timeout: 400, upgrade_timeout: 200, resume: 300 };
    const PROBE: Packet<'static> = Packet::Ping("probe");
    const TEXT: Packet<'static> = Packet::Message(Message::Text("a"));

    /// A core whose clock the test moves.
    struct Moved {
        core: Core,
        now: Tick,
    }

    impl Moved {
        fn new(wire: Wire) -> Moved {
            Moved { core: Core::new(wire, Pinger::Server, Tick::new(0), &TIMING), now: Tick::new(0) }
        }

        /// Of protocol 3.
        fn v3(wire: Wire) -> Moved {
            Moved { core: Core::new(wire, Pinger::Client, Tick::new(0), &TIMING), now: Tick::new(0) }
        }

        fn at(&mut self, tick: u32) -> &mut Moved {
            self.now = Tick::new(tick);
            self
        }

        fn timeout(&mut self) -> Effect<'static> {
            self.core.handle_timeout(self.now, &TIMING)
        }

        fn packet(&mut self, packet: Packet<'static>) -> Effect<'static> {
            self.core.handle_packet(packet, self.now, &TIMING)
        }

        fn claim(&mut self) -> bool {
            self.core.claim(self.now, &TIMING)
        }

        fn candidate(&mut self, packet: Packet<'static>) -> Effect<'static> {
            self.core.handle_candidate(packet, Wire::WebSocket, self.now, &TIMING)
        }
    }

    #[test]
    fn a_silent_peer_is_closed_after_interval_and_timeout() {
        let mut session = Moved::new(Wire::WebSocket);
        assert_eq!(session.at(499).timeout(), Effect::Nothing);
        assert_eq!(session.at(500).timeout(), Effect::Send(Control::Ping));
        assert_eq!(session.core.deadline(), Tick::new(900));
        assert_eq!(session.at(899).timeout(), Effect::Nothing);
        assert_eq!(session.at(900).timeout(), Effect::Close(CloseReason::PingTimeout));
        assert_eq!(session.core.closed(), Some(CloseReason::PingTimeout));
    }

    #[test]
    fn the_next_ping_is_counted_from_the_pong() {
        let mut session = Moved::new(Wire::WebSocket);
        session.at(500).timeout();
        assert_eq!(session.at(520).packet(Packet::Pong("")), Effect::Nothing);
        assert_eq!(session.core.deadline(), Tick::new(1020));
    }

    #[test]
    fn the_first_other_packet_extends_the_wait_for_a_pong_once() {
        let mut session = Moved::new(Wire::WebSocket);
        session.at(500).timeout();
        session.at(600).packet(TEXT);
        session.at(700).packet(TEXT);
        assert_eq!(session.at(999).timeout(), Effect::Nothing);
        assert_eq!(session.at(1000).timeout(), Effect::Close(CloseReason::PingTimeout));
    }

    #[test]
    fn a_ping_from_the_client_is_the_wrong_direction() {
        let mut session = Moved::new(Wire::Polling);
        assert_eq!(session.packet(PROBE), Effect::Close(CloseReason::TransportError));
    }

    #[test]
    fn a_peer_that_pings_is_answered_and_lives_for_interval_and_timeout_from_its_ping() {
        let mut session = Moved::v3(Wire::WebSocket);
        assert_eq!(session.at(899).timeout(), Effect::Nothing);
        assert_eq!(session.packet(Packet::Ping("x")), Effect::Send(Control::Pong));
        assert_eq!(session.core.deadline(), Tick::new(1799));
        assert_eq!(session.at(1798).timeout(), Effect::Nothing);
        session.packet(TEXT);
        assert_eq!(session.at(1799).timeout(), Effect::Close(CloseReason::PingTimeout));
    }

    #[test]
    fn a_pong_from_a_peer_that_pings_is_the_wrong_direction() {
        let mut session = Moved::v3(Wire::Polling);
        assert_eq!(session.packet(Packet::Pong("")), Effect::Close(CloseReason::TransportError));
    }

    #[test]
    fn a_peer_that_pings_is_given_up_after_an_upgrade_too() {
        let mut session = Moved::v3(Wire::Polling);
        assert!(session.at(800).claim());
        assert_eq!(session.candidate(PROBE), Effect::Send(Control::ProbeAnswer));
        assert_eq!(session.candidate(Packet::Upgrade), Effect::Adopt);
        assert_eq!(session.at(1699).timeout(), Effect::Nothing);
        assert_eq!(session.at(1700).timeout(), Effect::Close(CloseReason::PingTimeout));
    }

    #[test]
    fn a_peer_that_pings_hears_of_us_before_a_ping_that_lies_unread_is_missed() {
        let mut session = Moved::v3(Wire::WebSocket);
        session.at(100).core.pause(true, Tick::new(100), &TIMING);
        for due in [300, 500, 700] {
            assert_eq!(session.at(due - 1).timeout(), Effect::Nothing);
            assert!(!session.core.excuses(session.now));
            session.at(due);
            assert!(session.core.excuses(session.now));
            assert_eq!(session.timeout(), Effect::Send(Control::Pong));
        }
        session.core.pause(false, session.now, &TIMING);
        assert_eq!(session.at(1599).timeout(), Effect::Nothing);
        assert_eq!(session.at(1600).timeout(), Effect::Close(CloseReason::PingTimeout));
    }

    #[test]
    fn a_close_packet_closes_polling_and_not_a_websocket() {
        assert_eq!(Moved::new(Wire::WebSocket).packet(Packet::Close), Effect::Nothing);
        assert_eq!(
            Moved::new(Wire::Polling).packet(Packet::Close),
            Effect::Close(CloseReason::TransportClose)
        );
    }

    #[test]
    fn an_upgrade_releases_waiting_polls_until_it_takes_over() {
        let mut session = Moved::new(Wire::Polling);
        assert!(session.at(10).claim());
        assert_eq!(session.candidate(PROBE), Effect::Send(Control::ProbeAnswer));
        assert_eq!(
            session.at(12).timeout(),
            Effect::Nothing,
            "the probe may have come at the end of its tick"
        );
        assert_eq!(session.at(13).timeout(), Effect::Send(Control::Noop));
        assert_eq!(session.at(15).timeout(), Effect::Nothing);
        assert_eq!(session.at(16).timeout(), Effect::Send(Control::Noop));
        assert_eq!(session.candidate(Packet::Upgrade), Effect::Adopt);
        assert_eq!(session.core.wire(), Wire::WebSocket);
        assert_eq!(session.at(20).timeout(), Effect::Nothing);
    }

    #[test]
    fn an_upgrade_without_a_probe_is_abandoned_and_the_session_lives() {
        let mut session = Moved::new(Wire::Polling);
        assert!(session.claim());
        assert_eq!(session.candidate(Packet::Upgrade), Effect::Abandon);
        assert_eq!(session.core.wire(), Wire::Polling);
        assert!(session.claim(), "another may try");
    }

    #[test]
    fn an_upgrade_that_stalls_is_abandoned_and_may_be_tried_again() {
        let mut session = Moved::new(Wire::Polling);
        assert!(session.claim());
        session.candidate(PROBE);
        assert_eq!(session.at(200).timeout(), Effect::Abandon);
        assert_eq!(session.core.closed(), None);
        assert!(session.claim());
    }

    #[test]
    fn one_candidate_at_a_time() {
        let mut session = Moved::new(Wire::Polling);
        assert!(session.claim());
        assert!(!session.claim());
        assert!(!Moved::new(Wire::WebSocket).claim());
    }

    #[test]
    fn a_lost_pong_during_an_upgrade_leaves_no_zombie() {
        let mut session = Moved::new(Wire::Polling);
        session.at(500).timeout();
        assert!(session.at(510).claim());
        session.candidate(PROBE);
        assert_eq!(session.at(511).candidate(Packet::Upgrade), Effect::Adopt);
        assert_eq!(session.at(1011).timeout(), Effect::Send(Control::Ping));
        assert_eq!(session.at(1411).timeout(), Effect::Close(CloseReason::PingTimeout));
    }

    #[test]
    fn a_late_pong_is_accepted_after_an_upgrade() {
        let mut session = Moved::new(Wire::Polling);
        session.at(500).timeout();
        assert!(session.claim());
        session.candidate(PROBE);
        session.candidate(Packet::Upgrade);
        assert_eq!(session.at(520).packet(Packet::Pong("")), Effect::Nothing);
        assert_eq!(session.core.closed(), None);
    }

    #[test]
    fn silence_that_we_caused_does_not_close_the_session_and_pings_go_on() {
        let mut session = Moved::new(Wire::WebSocket);
        session.at(500).timeout();
        session.core.pause(true, session.now, &TIMING);
        assert_eq!(session.at(899).timeout(), Effect::Nothing);
        assert!(!session.core.excuses(session.now));
        session.at(900);
        assert!(session.core.excuses(session.now));
        assert_eq!(session.at(900).timeout(), Effect::Send(Control::Ping));
        assert!(!session.core.excuses(session.now));
        assert_eq!(session.at(5000).timeout(), Effect::Send(Control::Ping));
        assert_eq!(session.timeout(), Effect::Nothing);
        session.core.pause(false, session.now, &TIMING);
        assert_eq!(session.at(5399).timeout(), Effect::Nothing);
        assert_eq!(session.at(5400).timeout(), Effect::Close(CloseReason::PingTimeout));
    }

    /// As behind a handler that takes a while for each of many events.
    fn stop_and_go(session: &mut Moved, until: u32) -> Vec<(u32, Effect<'static>)> {
        let mut effects = Vec::new();
        for tick in session.now.count() + 1..=until {
            let effect = session.at(tick).timeout();
            if effect != Effect::Nothing {
                effects.push((tick, effect));
            }
            session.core.pause(tick % 10 != 0, session.now, &TIMING);
        }
        effects
    }

    #[test]
    fn a_peer_that_is_stopped_and_let_go_on_is_pinged_all_the_same() {
        let mut session = Moved::new(Wire::WebSocket);
        let pings = stop_and_go(&mut session, 3000);
        assert!(pings.iter().all(|(_, effect)| *effect == Effect::Send(Control::Ping)), "{pings:?}");
        let ticks: Vec<u32> = pings.iter().map(|(tick, _)| *tick).collect();
        assert_eq!(ticks[0], 500, "when it was due");
        // The first time that it goes on is counted from anew, and no other.
        assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] <= 420), "{ticks:?}");

        let mut client = Moved::v3(Wire::WebSocket);
        let pongs = stop_and_go(&mut client, 3000);
        assert!(pongs.iter().all(|(_, effect)| *effect == Effect::Send(Control::Pong)), "{pongs:?}");
        assert!(pongs.len() >= 3000 / 900, "{pongs:?}");
    }

    /// An official client waits for a ping as long as interval and time-out take together.
    #[test]
    fn no_peer_waits_longer_for_a_ping_than_it_has_patience() {
        const SHORT: Timing = Timing { ping_interval: 100, ping_timeout: 400, ..TIMING };
        for every in [2, 10, 90, 399, 401] {
            let mut core = Core::new(Wire::WebSocket, Pinger::Server, Tick::new(0), &SHORT);
            let mut last = 0;
            for tick in 1..5000 {
                let now = Tick::new(tick);
                if core.handle_timeout(now, &SHORT) == Effect::Send(Control::Ping) {
                    last = tick;
                }
                assert!(tick - last <= 500, "no ping from {last} to {tick}, let go on every {every}");
                core.pause(tick % every != 0, now, &SHORT);
            }
            assert_eq!(core.closed(), None);
        }
    }

    #[test]
    fn a_peer_that_is_stopped_and_let_go_on_is_looked_at() {
        let mut session = Moved::new(Wire::WebSocket);
        session.at(500).timeout();
        session.core.pause(true, session.now, &TIMING);
        let mut looked = 0;
        for tick in 501..3000 {
            session.at(tick);
            looked += u32::from(session.core.excuses(session.now));
            session.timeout();
            session.core.pause(tick % 10 != 0, session.now, &TIMING);
        }
        assert!(looked >= 5, "{looked}");
        // Let go on for good, it is given one ping timeout for what lies unread, and one more for the pong.
        session.core.pause(false, session.now, &TIMING);
        let mut effects = Vec::new();
        for tick in 3000..3900 {
            effects.extend(Some(session.at(tick).timeout()).filter(|effect| *effect != Effect::Nothing));
        }
        assert_eq!(effects.last(), Some(&Effect::Close(CloseReason::PingTimeout)), "{effects:?}");
    }

    #[test]
    fn a_session_whose_stream_ended_waits_for_the_next_one() {
        let mut session = Moved::new(Wire::Sse);
        session.core.detach(session.now, &TIMING);
        assert_eq!(session.at(299).timeout(), Effect::Nothing);
        session.core.attach(session.now, &TIMING);
        assert_eq!(session.at(799).timeout(), Effect::Send(Control::Ping));
        session.core.detach(session.now, &TIMING);
        assert_eq!(session.at(1000).packet(Packet::Pong("")), Effect::Nothing);
        assert_eq!(session.at(1099).timeout(), Effect::Close(CloseReason::TransportClose));
    }

    #[test]
    fn a_session_that_moves_waits_for_no_stream_any_more() {
        let mut session = Moved::new(Wire::Sse);
        assert!(session.claim());
        session.candidate(PROBE);
        // The client has its `6`, so it cuts the stream, and then says `5`.
        session.core.detach(session.now, &TIMING);
        assert_eq!(session.at(5).candidate(Packet::Upgrade), Effect::Adopt);
        assert!(!session.core.is_detached());
        assert_eq!(session.at(505).timeout(), Effect::Send(Control::Ping));
        assert_eq!(session.at(520).packet(Packet::Pong("")), Effect::Nothing);
        assert_eq!(session.core.deadline(), Tick::new(1020));
    }

    #[test]
    fn a_closed_session_answers_nothing_and_keeps_its_first_reason() {
        let mut session = Moved::new(Wire::Polling);
        assert!(session.core.close(CloseReason::ForcedClose));
        assert!(!session.core.close(CloseReason::PingTimeout));
        assert_eq!(session.packet(TEXT), Effect::Nothing);
        assert_eq!(session.at(10_000).timeout(), Effect::Nothing);
        assert_eq!(session.core.closed(), Some(CloseReason::ForcedClose));
    }
}
