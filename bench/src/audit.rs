//! The controller's requests, as the API server has written them down.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

/// The requests, each handed out once.
#[derive(Debug)]
pub(super) struct Audit {
    file: PathBuf,
    read: u64,
}

/// One request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    verb: String,
    object_ref: Option<ObjectRef>,
}

#[derive(Debug, Deserialize)]
struct ObjectRef {
    resource: String,
}

/// How many requests of each sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Renewals of the Lease, and its watch.
    pub(super) lease: usize,
    /// Beginnings of lists and watches.
    pub(super) watches: usize,
    /// Reads of single objects.
    pub(super) reads: usize,
    /// Everything that changes something, but the Lease.
    pub(super) writes: usize,
}

impl Audit {
    pub(super) fn of(file: PathBuf) -> Self {
        Self { file, read: 0 }
    }

    /// Counts what came since it was last asked.
    pub(super) fn news(&mut self) -> Result<Counts> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // The last line may not be complete yet.
        let end = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        text.truncate(end);
        self.read += u64::try_from(end)?;
        let mut counts = Counts::default();
        for line in text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            counts.add(&serde_json::from_slice(line)?);
        }
        Ok(counts)
    }

    /// Waits until the controller has neither read nor written an object for a while. Returns what it did until
    /// then, and when it was quiet.
    pub(super) async fn quiet(
        &mut self,
        pause: Duration,
        limit: Duration,
    ) -> Result<(Counts, Instant)> {
        let begun = Instant::now();
        let (mut all, mut last) = (Counts::default(), begun);
        while last.elapsed() < pause {
            if begun.elapsed() > limit {
                bail!("the controller does not come to rest: {all:?}");
            }
            sleep(Duration::from_millis(500)).await;
            let news = self.news()?;
            if news.reads + news.writes + news.watches > 0 {
                last = Instant::now();
            }
            all = all.and(news);
        }
        Ok((all, last))
    }
}

impl Counts {
    fn add(&mut self, request: &Request) {
        let resource = request
            .object_ref
            .as_ref()
            .map(|object| object.resource.as_str());
        match (resource, request.verb.as_str()) {
            (Some("leases"), _) => self.lease += 1,
            (_, "list" | "watch") => self.watches += 1,
            (_, "get") => self.reads += 1,
            _ => self.writes += 1,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            lease: self.lease + other.lease,
            watches: self.watches + other.watches,
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
        }
    }

    /// Without the Lease.
    pub(super) fn total(self) -> usize {
        self.watches + self.reads + self.writes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn each_request_is_counted_once_and_half_a_line_later() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut audit = Audit::of(file.path().to_owned());
        let lease = r#"{"verb":"update","objectRef":{"resource":"leases"}}"#;
        let write = r#"{"verb":"patch","objectRef":{"resource":"pods"}}"#;
        write!(file, "{lease}\n{write}\n{{\"verb\":").unwrap();
        let counts = Counts {
            lease: 1,
            writes: 1,
            ..Counts::default()
        };
        assert_eq!(audit.news().unwrap(), counts);
        writeln!(file, "\"get\"}}").unwrap();
        assert_eq!(
            audit.news().unwrap(),
            Counts {
                reads: 1,
                ..Counts::default()
            }
        );
    }
}
