//! What a process has used: CPU, memory, switches. Linux, from `/proc`.

use std::{fs, io, time::Duration};

/// Clock ticks a second in `/proc/PID/stat`: Linux shows the same to every program.
const TICKS: u64 = 100;

/// What a process has used since it began, and holds now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// User and system time of all its threads, in steps of 10 ms.
    pub cpu: Duration,
    /// Resident bytes, as `smaps_rollup` counts them: of this process alone, without the kernel's for its sockets.
    pub resident: u64,
    /// Voluntary and involuntary context switches of the threads that it has now.
    pub switches: u64,
}

impl Usage {
    /// Reads what process `pid` has used.
    ///
    /// # Errors
    /// The process is gone, or not ours to look at.
    pub fn of(pid: u32) -> io::Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path)
                .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
        };
        let resident = match read("smaps_rollup") {
            Ok(rollup) => kilobytes(&rollup, "Rss:"),
            // Older kernels, and processes of other users.
            Err(_) => kilobytes(&read("status")?, "VmRSS:"),
        };
        let resident = resident.ok_or_else(|| io::Error::other(format!("/proc/{pid} shows no memory")))?;
        let cpu = cpu(&read("stat")?)
            .ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat is not as known")))?;
        Ok(Self { cpu, resident, switches: switches(pid)? })
    }

    /// What the generator itself has used.
    ///
    /// # Errors
    /// As [`Usage::of`].
    pub fn own() -> io::Result<Self> {
        Self::of(std::process::id())
    }

    /// CPU time since `before`.
    pub fn cpu_since(&self, before: &Self) -> Duration {
        self.cpu.saturating_sub(before.cpu)
    }
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}

/// The program's name comes second and may hold anything; user and system time are the 14th and 15th field.
fn cpu(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS))
}

fn switches(pid: u32) -> io::Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the look.
        let Ok(status) = fs::read_to_string(thread?.path().join("status")) else { continue };
        sum += status
            .lines()
            .filter_map(|line| line.split_once("_ctxt_switches:"))
            .filter_map(|(_, number)| number.trim().parse::<u64>().ok())
            .sum::<u64>();
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::{Usage, cpu, kilobytes};
    use std::time::Duration;

    #[test]
    fn times_are_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "12 (a (b) c) S 1 12 12 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 3 0 100";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1_750)));
    }

    #[test]
    fn memory_is_in_bytes() {
        assert_eq!(kilobytes("Rss:     1024 kB\nPss: 3 kB\n", "Rss:"), Some(1_048_576));
    }

    #[test]
    fn this_process_has_memory() {
        assert!(Usage::own().expect("we may look at ourselves").resident > 100_000);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Usage::of(u32::MAX).is_err());
    }
}
