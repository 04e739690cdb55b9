//! What an attempt has uploaded: a file on the data volume, a line for each blob, written when the blob is in the store.
//!
//! After a crash the attempt goes on where it was. A line that was lost costs an upload that the store answers with
//! "already there", so nothing waits for the disk; a line that was cut is no line.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, OfFile as _, Result},
    format::{digest::Digest, intent::Intent, manifest::Node},
    ids::{BlobId, Uuid},
    plan::units::BlobPlan,
};

/// What the journal is of. Another attempt, repository or key begins another journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// What was written to the store before the first blob.
    pub intent: Intent,
    /// The node as it was when the snapshot was taken.
    pub node: Node,
    /// Which repository.
    pub repository: Uuid,
    /// Its chunks.
    pub chunk_bytes: u64,
    /// The data key that is written with.
    pub key_id: Option<String>,
}

/// A blob that is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// Its name.
    pub id: BlobId,
    /// The digests of its segments.
    pub segments: Vec<Digest>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    plan: Digest,
    #[serde(flatten)]
    uploaded: Uploaded,
}

/// The journal of an attempt.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    /// Where the line of a plan is. The lines stay on the disk, so that memory does not grow with them.
    lines: BTreeMap<Digest, (u64, u32)>,
    resumed: bool,
}

impl Journal {
    /// Opens the journal that is there if it is of this attempt, and begins one otherwise. The header that counts is
    /// given back: that of the first run, whose intent is in the store.
    pub fn open(path: &Path, wanted: Header) -> Result<(Self, Header)> {
        if let Some(found) = Self::read(path, &wanted)? {
            return Ok(found);
        }
        let mut line = serde_json::to_vec(&wanted).map_err(|_| Error::Internal {
            what: "the header of a journal could not be written as JSON",
        })?;
        line.push(b'\n');
        // All or nothing: a journal without a whole header is not one.
        let new = path.with_extension("new");
        fs::write(&new, &line).of("write", &new)?;
        fs::rename(&new, path).of("write", path)?;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(path)
            .of("open", path)?;
        let journal = Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            lines: BTreeMap::new(),
            resumed: false,
        };
        Ok((journal, wanted))
    }

    fn read(path: &Path, wanted: &Header) -> Result<Option<(Self, Header)>> {
        let file = match OpenOptions::new().read(true).append(true).open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.of("open", path)?,
        };
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        let mut at = reader.read_until(b'\n', &mut line).of("read", path)? as u64;
        let Ok(header) = serde_json::from_slice::<Header>(&line) else {
            return Ok(None);
        };
        let same = header.intent.attempt == wanted.intent.attempt
            && header.repository == wanted.repository
            && header.chunk_bytes == wanted.chunk_bytes
            && header.key_id == wanted.key_id;
        if !same {
            return Ok(None);
        }
        let mut lines = BTreeMap::new();
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).of("read", path)?;
            if length == 0 {
                break;
            }
            if let (Ok(parsed), Ok(bytes)) =
                (serde_json::from_slice::<Line>(&line), u32::try_from(length))
            {
                lines.insert(parsed.plan, (at, bytes));
            }
            at += length as u64;
        }
        if line_was_cut(&file, at).of("read", path)? {
            (&file).write_all(b"\n").of("write", path)?;
        }
        let journal = Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            lines,
            resumed: true,
        };
        Ok(Some((journal, header)))
    }

    /// Whether it was there.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// What was uploaded for this plan.
    pub fn find(&self, plan: &BlobPlan) -> Result<Option<Uploaded>> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        let name = name(plan);
        let Some((at, bytes)) = self.lines.get(&name) else {
            return Ok(None);
        };
        let mut line = vec![0; *bytes as usize];
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.read_exact_at(&mut line, *at).of("read", &self.path)?;
        Ok(serde_json::from_slice::<Line>(&line)
            .ok()
            .filter(|line| line.plan == name)
            .map(|line| line.uploaded))
    }

    /// Notes that a plan's blob is in the store.
    pub fn add(&self, plan: &BlobPlan, uploaded: &Uploaded) -> Result<()> {
        let line = Line {
            plan: name(plan),
            uploaded: uploaded.clone(),
        };
        let mut bytes = serde_json::to_vec(&line).map_err(|_| Error::Internal {
            what: "a line of a journal could not be written as JSON",
        })?;
        bytes.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&bytes).of("write", &self.path)
    }

    /// Removes it: the attempt is over.
    pub fn remove(path: &Path) -> Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.of("remove", path),
        }
    }
}

fn line_was_cut(file: &File, length: u64) -> std::io::Result<bool> {
    let mut last = [0];
    file.read_exact_at(&mut last, length.saturating_sub(1))?;
    Ok(last != *b"\n")
}

/// A plan by all that it says of its files: one that changed is another.
fn name(plan: &BlobPlan) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for segment in &plan.segments {
        let path = segment.path.as_os_str().as_encoded_bytes();
        hasher
            .update(&(path.len() as u64).to_le_bytes())
            .update(path);
        for number in [segment.file_bytes, segment.offset, segment.bytes] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&segment.modified.to_le_bytes());
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{Attempt, BackupId},
        plan::units::Segment,
    };

    fn header(number: u32) -> Header {
        Header {
            intent: Intent {
                format: 1,
                attempt: Attempt {
                    host_id: Uuid::from_random(1),
                    backup: BackupId::new(1, 1),
                    number,
                },
                member: "m".into(),
                base: None,
                seconds: 60,
            },
            node: crate::format::manifest::tests::head().node,
            repository: Uuid::from_random(2),
            chunk_bytes: 64 << 20,
            key_id: None,
        }
    }

    fn plan(name: &str) -> BlobPlan {
        BlobPlan {
            segments: vec![Segment {
                path: name.into(),
                file_bytes: 9,
                modified: 1,
                offset: 0,
                bytes: 9,
            }],
        }
    }

    fn uploaded(byte: u8) -> Uploaded {
        Uploaded {
            id: BlobId::new([byte; 32], 0),
            segments: vec![Digest::of(&[byte])],
        }
    }

    #[test]
    fn what_was_uploaded_is_known_after_a_crash_also_behind_a_line_that_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (journal, _) = Journal::open(&path, header(1)).unwrap();
        assert!(!journal.is_resumed());
        journal.add(&plan("a"), &uploaded(1)).unwrap();
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"plan\":\"12").unwrap();

        let (journal, _) = Journal::open(&path, header(1)).unwrap();
        assert!(journal.is_resumed());
        journal.add(&plan("b"), &uploaded(2)).unwrap();
        let (journal, _) = Journal::open(&path, header(1)).unwrap();
        assert_eq!(journal.find(&plan("a")).unwrap(), Some(uploaded(1)));
        assert_eq!(journal.find(&plan("b")).unwrap(), Some(uploaded(2)));
        assert_eq!(journal.find(&plan("c")).unwrap(), None);
    }

    #[test]
    fn a_file_that_changed_is_not_taken_for_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        Journal::open(&path, header(1))
            .unwrap()
            .0
            .add(&plan("a"), &uploaded(1))
            .unwrap();
        let (journal, _) = Journal::open(&path, header(1)).unwrap();
        let mut changed = plan("a");
        changed.segments[0].modified = 2;
        assert_eq!(journal.find(&changed).unwrap(), None);
    }

    #[test]
    fn another_attempt_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        Journal::open(&path, header(1))
            .unwrap()
            .0
            .add(&plan("a"), &uploaded(1))
            .unwrap();
        let (journal, _) = Journal::open(&path, header(2)).unwrap();
        assert!(!journal.is_resumed());
        assert_eq!(journal.find(&plan("a")).unwrap(), None);
    }

    #[test]
    fn the_intent_of_the_first_run_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        Journal::open(&path, header(1)).unwrap();
        let mut later = header(1);
        later.intent.seconds = 1;
        assert_eq!(Journal::open(&path, later).unwrap().1, header(1));
    }
}
