//! One layer of an image: a tar file that is the same for the same content, whenever and wherever
//! it is written (sorted names, no times, no names of users).

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use crate::cache::hex;

/// Where a layer's content comes from.
#[derive(Debug)]
pub(super) enum Layer {
    Folder(PathBuf),
    Files(Vec<ImageFile>),
    Tar(PathBuf),
}

/// A file, folder or link that is put into an image.
#[derive(Debug, Clone)]
pub struct ImageFile {
    path: PathBuf,
    content: Content,
    mode: u32,
    uid: u64,
    gid: u64,
}

#[derive(Debug, Clone)]
enum Content {
    Bytes(Vec<u8>),
    Host(PathBuf),
    Folder,
    Link(PathBuf),
}

impl ImageFile {
    /// A file with this content.
    pub fn bytes(path: impl Into<PathBuf>, content: impl Into<Vec<u8>>, mode: u32) -> Self {
        Self::of(path, Content::Bytes(content.into()), mode)
    }

    /// A copy of a file of this machine.
    pub fn copy(path: impl Into<PathBuf>, host: impl Into<PathBuf>, mode: u32) -> Self {
        Self::of(path, Content::Host(host.into()), mode)
    }

    /// An empty folder.
    pub fn folder(path: impl Into<PathBuf>, mode: u32) -> Self {
        Self::of(path, Content::Folder, mode)
    }

    /// A symbolic link.
    pub fn link(path: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self::of(path, Content::Link(target.into()), 0o777)
    }

    /// The same, owned by someone other than root.
    #[must_use]
    pub fn owned_by(self, uid: u64, gid: u64) -> Self {
        Self { uid, gid, ..self }
    }

    fn of(path: impl Into<PathBuf>, content: Content, mode: u32) -> Self {
        Self {
            path: path.into(),
            content,
            mode,
            uid: 0,
            gid: 0,
        }
    }
}

impl Layer {
    /// Writes the layer and returns its digest.
    pub(super) fn write(&self, target: &Path) -> Result<String> {
        let file = File::create(target).with_context(|| format!("writing {}", target.display()))?;
        let mut writer = Hashing {
            inner: BufWriter::new(file),
            hash: Sha256::new(),
        };
        match self {
            Self::Tar(tar) => drop(io::copy(&mut File::open(tar)?, &mut writer)?),
            Self::Folder(folder) => {
                let mut tar = tar::Builder::new(&mut writer);
                append_folder(&mut tar, folder, Path::new(""))?;
                tar.finish()?;
            }
            Self::Files(files) => {
                let mut sorted: Vec<&ImageFile> = files.iter().collect();
                sorted.sort_by_key(|file| &file.path);
                let mut tar = tar::Builder::new(&mut writer);
                for file in sorted {
                    append_file(&mut tar, file)?;
                }
                tar.finish()?;
            }
        }
        writer.flush()?;
        Ok(hex(&writer.hash.finalize()))
    }
}

fn append_folder<W: Write>(tar: &mut tar::Builder<W>, root: &Path, inside: &Path) -> Result<()> {
    let folder = root.join(inside);
    let listed = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut names = listed
        .map(|entry| Ok(entry?.file_name()))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    for name in names {
        let inside = inside.join(name);
        let host = root.join(&inside);
        let found = fs::symlink_metadata(&host)?;
        let (uid, gid) = (u64::from(found.uid()), u64::from(found.gid()));
        let mode = found.mode() & 0o7777;
        // Devices, sockets and pipes are the runtime's business.
        let content = match found.file_type() {
            kind if kind.is_dir() => Content::Folder,
            kind if kind.is_symlink() => Content::Link(fs::read_link(&host)?),
            kind if kind.is_file() => Content::Host(host),
            _ => continue,
        };
        let descend = matches!(content, Content::Folder);
        append_file(
            tar,
            &ImageFile {
                path: inside.clone(),
                content,
                mode,
                uid,
                gid,
            },
        )?;
        if descend {
            append_folder(tar, root, &inside)?;
        }
    }
    Ok(())
}

fn append_file<W: Write>(tar: &mut tar::Builder<W>, file: &ImageFile) -> Result<()> {
    let path = file.path.strip_prefix("/").unwrap_or(&file.path);
    let mut header = Header::new_gnu();
    header.set_mode(file.mode);
    header.set_uid(file.uid);
    header.set_gid(file.gid);
    header.set_mtime(0);
    header.set_size(0);
    let mut append = |kind: EntryType, size: u64, data: &mut dyn Read| {
        header.set_entry_type(kind);
        header.set_size(size);
        tar.append_data(&mut header, path, data)
    };
    match &file.content {
        Content::Bytes(bytes) => append(
            EntryType::Regular,
            bytes.len() as u64,
            &mut bytes.as_slice(),
        ),
        Content::Host(host) => {
            let data = File::open(host).with_context(|| format!("reading {}", host.display()))?;
            let size = data.metadata()?.len();
            append(EntryType::Regular, size, &mut BufReader::new(data))
        }
        Content::Folder => append(EntryType::Directory, 0, &mut io::empty()),
        Content::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            tar.append_link(&mut header, path, target)
        }
    }
    .with_context(|| format!("adding {}", path.display()))
}

struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
