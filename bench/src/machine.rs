//! What it was measured on.

use std::fs;

/// Processors, memory, and how busy it is with other things.
pub(super) fn describe() -> String {
    let file = |path| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line
            .and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim());
        value.unwrap_or("unknown").to_owned()
    };
    let processor = field(&file("/proc/cpuinfo"), "model name");
    let memory = field(&file("/proc/meminfo"), "MemTotal");
    let load = file("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("unknown");
    let number = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{number} × {processor}, {memory}, load {load} at the beginning")
}
