//! Files of a restore: partial until they are whole, and known by their digests.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::{
    error::{OfFile as _, Result},
    format::{
        digest::{Digest, FileDigest},
        manifest::Component,
    },
};

/// The name of a file that is not complete.
pub(super) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// A file of this length, on blocks that are there: a full disk is told now, not in the middle.
pub(super) fn room_for(path: &Path, bytes: u64) -> Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .of("open", path)?;
    if file.metadata().of("look at", path)?.len() != bytes {
        file.set_len(0).of("write", path)?;
        if bytes > 0 {
            allocate(&file, bytes).of("make room for", path)?;
        }
    }
    Ok(file)
}

fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::{fs::FallocateFlags, io::Errno};
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP) => file.set_len(bytes),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn complete(
    file: &File,
    partial: &Path,
    path: &Path,
    component: &Component,
) -> Result<()> {
    let since = Duration::from_nanos(component.modified.try_into().unwrap_or(0));
    // The next backup knows by it that the file is the same.
    file.set_modified(SystemTime::UNIX_EPOCH + since)
        .of("write", partial)?;
    fs::rename(partial, path).of("complete", path)
}

pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.of("remove", path),
    }
}

/// Whether a file is there and has the content of a component.
pub(super) fn is_same(path: &Path, component: &Component, chunk_bytes: u64) -> Result<bool> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other.of("open", path)?,
    };
    if file.metadata().of("look at", path)?.len() != component.bytes {
        return Ok(false);
    }
    let mut digest = FileDigest::new(component.bytes);
    let mut offset = 0;
    while offset < component.bytes {
        let bytes = chunk_bytes.min(component.bytes - offset);
        let Some(one) = digest_of_part(&file, offset, bytes).of("read", path)? else {
            return Ok(false);
        };
        digest.add(&one);
        offset += bytes;
    }
    Ok(digest.finish() == component.digest)
}

/// The digest of a part of a file. `None` if the file ends before, or if the part begins with zeros, as room does that
/// was made and not used yet.
pub(super) fn digest_of_part(file: &File, offset: u64, bytes: u64) -> io::Result<Option<Digest>> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 128 << 10];
    let mut reader = At { file, offset }.take(bytes);
    let mut left = bytes;
    while left > 0 {
        let length = reader.read(&mut buffer)?;
        let Some(part) = buffer.get(..length).filter(|part| !part.is_empty()) else {
            return Ok(None);
        };
        // Of SSTables hardly ever, of room that was made always.
        if left == bytes && part.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        hasher.update(part);
        left -= length as u64;
    }
    Ok(Some(hasher.finalize().into()))
}

struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl io::Read for At<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(into, self.offset)?;
        self.offset += length as u64;
        Ok(length)
    }
}
