//! What the process takes, under the names that all exporters use.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

#[cfg(target_os = "linux")]
use crate::page::{Name, Page};

/// What the process takes: processor time, memory, files. On systems other than Linux, and where `/proc` is hidden, it
/// says nothing.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ProcessCollector;

impl Collector for ProcessCollector {
    #[cfg(target_os = "linux")]
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Ok(process) = Process::read() else { return Ok(()) };
        let mut page = Page(encoder);
        let cpu = Name::seconds("process_cpu", "Processor time that the process took.");
        page.counter_of_parts(cpu, process.cpu)?;
        let started = Name::seconds("process_start_time", "When the process began, in Unix time.");
        page.gauge_of_parts(started, process.started)?;
        page.gauge(Name::bytes("process_resident_memory", "Memory of the process."), process.memory)?;
        page.gauge(
            Name::new("process_open_fds", "Files that are open, connections among them."),
            process.files,
        )?;
        match process.file_limit {
            Some(limit) => page.gauge(Name::new("process_max_fds", "Files that may be open at once."), limit),
            None => Ok(()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn encode(&self, _: DescriptorEncoder<'_>) -> fmt::Result {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
struct Process {
    cpu: f64,
    started: f64,
    memory: u64,
    files: u64,
    file_limit: Option<u64>,
}

#[cfg(target_os = "linux")]
impl Process {
    fn read() -> procfs::ProcResult<Process> {
        let process = procfs::process::Process::myself()?;
        let stat = process.stat()?;
        let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        Ok(Process {
            cpu: seconds(stat.utime + stat.stime),
            started: procfs::boot_time_secs()? as f64 + seconds(stat.starttime),
            memory: stat.rss * procfs::page_size(),
            files: process.fd_count()? as u64,
            file_limit: match process.limits()?.max_open_files.soft_limit {
                procfs::process::LimitValue::Value(limit) => Some(limit),
                procfs::process::LimitValue::Unlimited => None,
            },
        })
    }
}
