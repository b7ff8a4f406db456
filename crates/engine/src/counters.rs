//! What an engine has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;

use crate::entrance::Busy;
use crate::refusal::{BadRequest, CODES, Refusal};

/// The code whose refusals have a context.
const BAD_REQUEST: u8 = 3;

/// The code of what somebody forbade.
const FORBIDDEN: u8 = 4;

/// What a request may take of HTTP itself, whatever it asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HttpLimit {
    /// Bytes of a head: answered 431.
    HeadBytes,
    /// The time that a head may take to come: the connection closes.
    HeadTime,
    /// Bytes of a body: answered 413.
    BodyBytes,
    /// The time without a byte of a body: answered 408.
    BodyTime,
    /// The time without a byte of an answer leaving: the connection closes.
    AnswerTime,
    /// A header of the PROXY protocol that is wrong, or does not come in time: the connection closes.
    ProxyHeader,
}

impl HttpLimit {
    /// Every limit, for tables of counters.
    pub const ALL: [HttpLimit; 6] = [
        HttpLimit::HeadBytes,
        HttpLimit::HeadTime,
        HttpLimit::BodyBytes,
        HttpLimit::BodyTime,
        HttpLimit::AnswerTime,
        HttpLimit::ProxyHeader,
    ];

    /// Its name in two words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            HttpLimit::HeadBytes => "head bytes",
            HttpLimit::HeadTime => "head time",
            HttpLimit::BodyBytes => "body bytes",
            HttpLimit::BodyTime => "body time",
            HttpLimit::AnswerTime => "answer time",
            HttpLimit::ProxyHeader => "proxy header",
        }
    }
}

/// Counts since the engine started; each only grows.
#[derive(Debug, Default)]
pub struct Counters {
    opened: [AtomicU64; Wire::ALL.len()],
    closed: [AtomicU64; CloseReason::ALL.len()],
    upgraded: AtomicU64,
    resumed: AtomicU64,
    refused: [AtomicU64; CODES.len()],
    bad: [AtomicU64; BadRequest::ALL.len()],
    unfit: AtomicU64,
    loud: AtomicU64,
    turned_away: AtomicU64,
    busy: [AtomicU64; Busy::ALL.len()],
    foreign: AtomicU64,
    over_limit: [AtomicU64; HttpLimit::ALL.len()],
}

impl Counters {
    /// Sessions opened over `wire`.
    pub fn opened(&self, wire: Wire) -> u64 {
        self.opened[wire as usize].load(Ordering::Relaxed)
    }

    /// Sessions closed for `reason`.
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize].load(Ordering::Relaxed)
    }

    /// Sessions that moved to a better wire.
    pub fn upgraded(&self) -> u64 {
        self.upgraded.load(Ordering::Relaxed)
    }

    /// Streams that came back and went on where they were cut.
    pub fn resumed(&self) -> u64 {
        self.resumed.load(Ordering::Relaxed)
    }

    /// Sessions that are open now.
    pub fn clients(&self) -> u64 {
        let sum =
            |counts: &[AtomicU64]| counts.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>();
        // Those that close meanwhile are counted first, so that none is missed.
        let closed = sum(&self.closed);
        sum(&self.opened).saturating_sub(closed)
    }

    /// Requests answered with an Engine.IO error code.
    pub fn refused(&self) -> u64 {
        self.refused.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Requests answered with this Engine.IO error code, 0 to 5.
    pub fn refused_with(&self, code: u8) -> u64 {
        self.refused.get(usize::from(code)).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Requests answered with code 3, of this kind.
    pub fn refused_as(&self, context: BadRequest) -> u64 {
        self.bad[context as usize].load(Ordering::Relaxed)
    }

    /// Requests refused by code and cause, in the reference's own names where it has one: those of code 3 by their
    /// [context](BadRequest), those of code 4 by what forbade them, the others by the name of their code. Each is counted once.
    pub fn refusals(&self) -> impl Iterator<Item = (u8, &'static str, u64)> {
        let codes = (0..).zip(CODES).filter(|(code, _)| ![BAD_REQUEST, FORBIDDEN].contains(code));
        let codes = codes.map(|(code, cause)| (code, cause, self.refused_with(code)));
        let contexts = BadRequest::ALL.into_iter().filter(|context| *context != BadRequest::ForeignOrigin);
        let contexts = contexts.map(|context| (BAD_REQUEST, context.as_str(), self.refused_as(context)));
        let busy = Busy::ALL.map(|busy| (FORBIDDEN, busy.as_str(), self.busy(busy)));
        let foreign = (FORBIDDEN, BadRequest::ForeignOrigin.as_str(), self.foreign_origins());
        let known: u64 = busy.iter().map(|(.., count)| count).sum::<u64>() + foreign.2;
        // The application's own refusals are the rest. What is counted meanwhile is not theirs.
        let forbidden = self.refused_with(FORBIDDEN).saturating_sub(known);
        let forbidden = (FORBIDDEN, CODES[usize::from(FORBIDDEN)], forbidden);
        codes.chain(contexts).chain([forbidden, foreign]).chain(busy)
    }

    /// Requests, and connections, that were ended for what HTTP may take.
    pub fn over_limit(&self, limit: HttpLimit) -> u64 {
        self.over_limit[limit as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn count_over_limit(&self, limit: HttpLimit) {
        add(&self.over_limit[limit as usize]);
    }

    /// Of those of code 3 the ones that asked for a WebSocket in a way that RFC 6455 does not allow. The reference
    /// does not count them.
    pub fn unfit_handshakes(&self) -> u64 {
        self.unfit.load(Ordering::Relaxed)
    }

    /// Sessions that were not opened since there was too much of this.
    pub fn busy(&self, busy: Busy) -> u64 {
        self.busy[busy as usize].load(Ordering::Relaxed)
    }

    /// Connections that the accept loop closed at once, since there were too many.
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    pub(crate) fn count_turned_away(&self) {
        add(&self.turned_away);
    }

    /// Times that a peer had said half of what it may at once.
    pub fn loud(&self) -> u64 {
        self.loud.load(Ordering::Relaxed)
    }

    pub(crate) fn count_loud(&self) {
        add(&self.loud);
    }

    /// Of those of code 4 the ones whose `Origin` was foreign: see [`Origins`](crate::origins::Origins).
    pub fn foreign_origins(&self) -> u64 {
        self.foreign.load(Ordering::Relaxed)
    }

    pub(crate) fn count_opened(&self, wire: Wire) {
        add(&self.opened[wire as usize]);
    }

    pub(crate) fn count_closed(&self, reason: CloseReason) {
        add(&self.closed[reason as usize]);
    }

    pub(crate) fn count_upgraded(&self) {
        add(&self.upgraded);
    }

    pub(crate) fn count_resumed(&self) {
        add(&self.resumed);
    }

    pub(crate) fn count_refused(&self, refusal: &Refusal) {
        self.refused.get(usize::from(refusal.code())).into_iter().for_each(add);
        if let Some(context) = refusal.context()
            && refusal.code() == BAD_REQUEST
        {
            add(&self.bad[context as usize]);
        }
        match refusal {
            Refusal::Handshake(_) => add(&self.unfit),
            Refusal::Busy(busy) => add(&self.busy[*busy as usize]),
            Refusal::ForeignOrigin => add(&self.foreign),
            _ => {}
        }
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
