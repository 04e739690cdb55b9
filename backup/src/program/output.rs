//! What is printed: for people, or one JSON object for programs. Errors go to standard error, in the same form.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::options::{Options, Output};

/// Logs to standard error.
pub(crate) fn start_log(options: &Options) {
    let filter = EnvFilter::try_new(&options.log).unwrap_or_else(|_| EnvFilter::new("warn"));
    // That one is running already is as good.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .try_init();
}

/// Prints the result: the value for programs, the text for people.
pub(crate) fn say(options: &Options, value: &impl Serialize, text: &str) {
    let mut out = io::stdout().lock();
    let said = match options.output {
        Output::Json => serde_json::to_string_pretty(value).unwrap_or_default(),
        Output::Text => text.trim_end().to_owned(),
    };
    // Nobody listens any more.
    let _ = writeln!(out, "{said}");
}

/// Prints an error.
pub(crate) fn say_error(options: &Options, reason: &str, message: &str) {
    let mut out = io::stderr().lock();
    let _ = match options.output {
        Output::Json => writeln!(
            out,
            "{}",
            json!({ "error": { "reason": reason, "message": message } })
        ),
        Output::Text => writeln!(out, "error: {message} ({reason})"),
    };
}

/// A table: columns as wide as they have to be.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut head.iter().copied())];
    lines.extend(
        rows.iter()
            .map(|row| line(&mut row.iter().map(String::as_str))),
    );
    lines.join("\n")
}

/// Bytes as people read them.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        .into_iter()
        .peekable();
    while value >= 1024.0 {
        value /= 1024.0;
        units.next();
    }
    let unit = units.peek().copied().unwrap_or("EiB");
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(5 << 40), "5.0 TiB");
    }

    #[test]
    fn columns_are_as_wide_as_they_have_to_be() {
        let rows = [
            vec!["a".to_owned(), "x".to_owned()],
            vec!["bcd".to_owned(), String::new()],
        ];
        assert_eq!(table(&["ID", "NAME"], &rows), "ID   NAME\na    x\nbcd");
    }
}
