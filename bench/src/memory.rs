//! A process's memory, as the kernel counts it.

use std::fmt;
use std::fs;

use anyhow::{Context as _, Result};

/// Resident memory of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// Now.
    pub(super) resident: u64,
    /// The most so far.
    pub(super) peak: u64,
}

impl Memory {
    /// The memory of this process.
    pub(super) fn of(pid: u32) -> Result<Self> {
        let status =
            fs::read_to_string(format!("/proc/{pid}/status")).context("the process has ended")?;
        let field = |name| kibibytes(&status, name).with_context(|| format!("no {name}"));
        Ok(Self {
            resident: field("VmRSS")?,
            peak: field("VmHWM")?,
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resident, peak) = (mebibytes(self.resident), mebibytes(self.peak));
        write!(out, "{resident} MiB (peak {peak})")
    }
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// With one decimal.
fn mebibytes(kibibytes: u64) -> String {
    let tenths = (kibibytes * 10 + 512) / 1024;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        let status = "Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t   10300 kB\n";
        assert_eq!(kibibytes(status, "VmHWM"), Some(20_480));
        assert_eq!(
            kibibytes(status, "VmRSS").map(mebibytes),
            Some("10.1".into())
        );
        assert_eq!(kibibytes(status, "VmSwap"), None);
    }
}
