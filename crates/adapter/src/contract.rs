//! What every adapter promises, as one test over the trait.
//!
//! An adapter's crate calls [`check`] with a way to make an empty one.

use std::sync::Mutex;

use smallvec::smallvec;
use sockeye_engine_proto::frame::Frame;

use crate::adapter::{Adapter, Member, Moved, Parcel, Recipients, Selection};

/// Recipients that write down who got what.
#[derive(Debug, Default)]
struct Log {
    heard: Mutex<Vec<u32>>,
    flushed: Mutex<Vec<u32>>,
}

impl Recipients for Log {
    fn enqueue(&self, slots: &mut dyn Iterator<Item = u32>, parcel: Parcel<'_>, dirty: &mut Vec<u32>) {
        assert_eq!(parcel.frames.len(), 1);
        let slots: Vec<u32> = slots.collect();
        dirty.extend(&slots);
        self.heard.lock().expect("no test panicked with the lock").extend(slots);
    }

    fn flush(&self, dirty: Vec<u32>) {
        self.flushed.lock().expect("no test panicked with the lock").extend(dirty);
    }
}

/// Checks the promises of [`Adapter`] on adapters that `make` gives.
///
/// # Panics
/// When one is broken.
pub fn check<A: Adapter>(make: &dyn Fn() -> A) {
    everybody_hears_what_names_no_room(make());
    each_hears_once_however_many_rooms_it_is_in(make());
    exceptions_win(make());
    who_left_hears_nothing_and_its_number_is_clean(make());
    a_room_that_is_nobody_is_not_everybody(make());
    joining_and_leaving_say_what_became_of_the_room(make());
    rooms_are_listed_and_counted(make());
}

fn heard(adapter: &impl Adapter, selection: &Selection<'_>) -> Vec<u32> {
    let log = Log::default();
    let frame = Frame::text(&[b"42[\"a\"]"]);
    let count = adapter.broadcast(selection, Parcel { frames: &[frame], volatile: false }, &log);
    let mut heard = log.heard.into_inner().expect("no test panicked with the lock");
    let mut flushed = log.flushed.into_inner().expect("no test panicked with the lock");
    heard.sort_unstable();
    flushed.sort_unstable();
    assert_eq!(heard, flushed, "what is queued is flushed");
    assert_eq!(heard.len(), count);
    let mut selected = adapter.select(selection);
    selected.sort_unstable();
    assert_eq!(heard, selected);
    heard
}

fn three(adapter: &impl Adapter) -> [Member; 3] {
    [100, 101, 102].map(|slot| adapter.add(slot))
}

fn rooms<'a>(rooms: &[&'a str]) -> Selection<'a> {
    Selection { rooms: rooms.into(), ..Selection::default() }
}

fn everybody_hears_what_names_no_room(adapter: impl Adapter) {
    three(&adapter);
    assert_eq!(heard(&adapter, &Selection::everybody()), [100, 101, 102]);
    assert_eq!(adapter.len(), 3);
}

fn each_hears_once_however_many_rooms_it_is_in(adapter: impl Adapter) {
    let [a, b, _] = three(&adapter);
    for room in ["x", "y", "z"] {
        adapter.join(a, room);
        adapter.join(a, room);
    }
    adapter.join(b, "y");
    assert_eq!(heard(&adapter, &rooms(&["x", "y", "z"])), [100, 101]);
    let with_member = Selection { members: smallvec![b], ..rooms(&["y"]) };
    assert_eq!(heard(&adapter, &with_member), [100, 101]);
    assert_eq!(adapter.room_len("y"), 2);
    let mut its = adapter.rooms(a);
    its.sort_unstable();
    assert_eq!(its, ["x", "y", "z"]);
}

fn exceptions_win(adapter: impl Adapter) {
    let [a, b, c] = three(&adapter);
    for member in [a, b, c] {
        adapter.join(member, "all");
    }
    adapter.join(b, "muted");
    let selection =
        Selection { except_rooms: smallvec!["muted"], except_members: smallvec![a], ..rooms(&["all"]) };
    assert_eq!(heard(&adapter, &selection), [102]);
    let everybody = Selection { except_rooms: smallvec!["muted", "no such room"], ..Selection::default() };
    assert_eq!(heard(&adapter, &everybody), [100, 102]);
}

fn who_left_hears_nothing_and_its_number_is_clean(adapter: impl Adapter) {
    let [a, b, _] = three(&adapter);
    adapter.join(a, "x");
    adapter.join(b, "x");
    adapter.leave(a, "x");
    assert_eq!(heard(&adapter, &rooms(&["x"])), [101]);
    adapter.remove(b);
    assert_eq!(heard(&adapter, &rooms(&["x"])), [0; 0]);
    assert_eq!(heard(&adapter, &Selection::everybody()), [100, 102]);
    let again = adapter.add(103);
    assert!(adapter.rooms(again).is_empty());
    assert_eq!(heard(&adapter, &Selection::everybody()), [100, 102, 103]);
}

fn a_room_that_is_nobody_is_not_everybody(adapter: impl Adapter) {
    three(&adapter);
    assert_eq!(heard(&adapter, &rooms(&["nobody"])), [0; 0]);
    assert_eq!(heard(&adapter, &Selection { narrowed: true, ..Selection::default() }), [0; 0]);
}

fn joining_and_leaving_say_what_became_of_the_room(adapter: impl Adapter) {
    let [a, b, _] = three(&adapter);
    assert_eq!(adapter.join(a, "x"), Moved::Alone);
    assert_eq!(adapter.join(a, "x"), Moved::Nothing);
    assert_eq!(adapter.join(b, "x"), Moved::Moved);
    assert_eq!(adapter.leave(a, "x"), Moved::Moved);
    assert_eq!(adapter.leave(a, "x"), Moved::Nothing);
    assert_eq!(adapter.leave(a, "y"), Moved::Nothing);
    assert_eq!(adapter.leave(b, "x"), Moved::Alone);
    adapter.remove(b);
    assert_eq!(adapter.join(b, "x"), Moved::Nothing, "who has left is in no room");
}

fn rooms_are_listed_and_counted(adapter: impl Adapter) {
    let [a, b, _] = three(&adapter);
    // Many rooms of one member are kept in another way than few.
    let names: Vec<String> = (0..1000).map(|n| format!("room {n}")).collect();
    for name in &names {
        adapter.join(a, name);
        adapter.join(b, name);
    }
    adapter.leave(b, "room 7");
    let mut all = adapter.all_rooms();
    all.sort_unstable();
    let mut expected: Vec<(String, usize)> =
        names.iter().map(|name| (name.clone(), if name == "room 7" { 1 } else { 2 })).collect();
    expected.sort_unstable();
    assert_eq!(all, expected);
    assert_eq!(adapter.count(&rooms(&["room 7", "room 8"])), 2);
    assert_eq!(adapter.count(&rooms(&["room 7"])), 1);
    assert_eq!(adapter.count(&Selection::everybody()), 3);
    adapter.remove(a);
    assert_eq!(adapter.all_rooms().len(), 999);
    adapter.remove(b);
    assert!(adapter.all_rooms().is_empty());
}
