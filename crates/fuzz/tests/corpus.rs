//! Each target on what is known: the files of `corpus/`, the vectors of `spec`, and changes of both under a fixed seed.

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use sockeye_fuzz::{TARGETS, corpus, seeds};

/// How long a target's inputs may be changed for. A slow machine tries fewer, and never fails for it.
const TIME: Duration = Duration::from_millis(500);
/// How many changed inputs there are at most.
const CHANGES: usize = 20_000;

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides.max(1)
    }

    /// A change of one input, or a joint of two.
    fn change(&mut self, inputs: &[Vec<u8>], max_len: usize) -> Vec<u8> {
        let mut bytes = inputs[self.roll(inputs.len())].clone();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len() + 1);
            match self.roll(6) {
                0 => bytes.insert(at, self.roll(256) as u8),
                1 => bytes.truncate(at),
                2 if at < bytes.len() => bytes[at] = self.roll(256) as u8,
                3 if at < bytes.len() => bytes[at] ^= 1 << self.roll(8),
                4 if at < bytes.len() => drop(bytes.drain(at..(at + 1 + self.roll(8)).min(bytes.len()))),
                _ => {
                    let other = &inputs[self.roll(inputs.len())];
                    let start = self.roll(other.len() + 1);
                    let end = (start + self.roll(40)).min(other.len());
                    bytes.splice(at..at, other[start..end].iter().copied());
                }
            }
        }
        bytes.truncate(max_len);
        bytes
    }
}

#[test]
fn nothing_known_and_no_change_of_it_breaks_a_target() {
    for target in TARGETS {
        let files = corpus(target.name).unwrap_or_else(|error| panic!("{}: {error}", target.name));
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        for (file, bytes) in &files {
            assert!(bytes.len() <= target.max_len, "{file} is longer than the fuzzer makes them");
            if catch_unwind(|| (target.run)(bytes)).is_err() {
                panic!("{} does not hold on {file}", target.name);
            }
        }
        let mut inputs: Vec<Vec<u8>> =
            files.into_iter().map(|(_, bytes)| bytes).chain(seeds(target.name)).collect();
        inputs.retain(|bytes| bytes.len() <= target.max_len);
        let mut dice = Dice(0x5eed);
        let began = Instant::now();
        let known = inputs.clone().into_iter();
        let changed = (0..CHANGES)
            .map_while(|_| (began.elapsed() < TIME).then(|| dice.change(&inputs, target.max_len)));
        let mut tried = 0;
        for bytes in known.chain(changed) {
            tried += 1;
            if catch_unwind(|| (target.run)(&bytes)).is_err() {
                panic!("{} does not hold on {}", target.name, bytes.escape_ascii());
            }
        }
        println!("{}: {tried} inputs", target.name);
    }
}
