//! Files that are replaced as a whole: a reader, or the next try, never meets half of one.
//!
//! The new file is written beside the old one under a name of its own, gets its mode, reaches the disk, and takes the
//! old one's name by one rename; then the folder reaches the disk. So a crash of the program or of the machine leaves
//! the old file or the new one, and after the return the new one.

use std::{
    ffi::OsString,
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// Replaces a file. It has this mode, whatever the umask, before anybody can open it by its name.
pub fn replace(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    replace_with(path, mode, |file| file.write_all(content))
}

/// Replaces a file by what is written into the new one. Going by a rename, it can also replace a program that is
/// running.
pub fn replace_with(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let next = next_to(path)?;
    // What an earlier try has left may be one that can't be opened for writing.
    remove(&next)?;
    let mut file = File::create_new(&next)?;
    write(&mut file)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    sync_folder_of(path)
}

/// Removes a file, if it is there.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// When this returns, what was made or renamed beside this path has reached the disk.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path)?)?.sync_all()
}

/// The folder that a path is in.
pub(crate) fn folder_of(path: &Path) -> io::Result<&Path> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    // Of a bare name it is the one that the program is in.
    let is_bare = folder.as_os_str().is_empty();
    Ok(if is_bare { Path::new(".") } else { folder })
}

/// Where the new file is written.
fn next_to(path: &Path) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(".next");
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        for (text, wanted) in [("first", 0o644), ("second", 0o440), ("third", 0o755)] {
            replace(&file, wanted, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
            assert_eq!(mode(&file), wanted);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_write_that_fails_leaves_the_file_as_it_was_and_the_next_one_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        replace(&file, 0o644, b"first").unwrap();
        let failed = replace_with(&file, 0o600, |file| {
            file.write_all(b"sec")?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "the disk is full");
        assert_eq!(fs::read(&file).unwrap(), b"first");
        assert_eq!(mode(&file), 0o644);
        replace(&file, 0o644, b"2").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"2");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn who_has_the_old_file_open_goes_on_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        replace(&file, 0o755, b"first").unwrap();
        let open = File::open(&file).unwrap();
        replace(&file, 0o755, b"second").unwrap();
        assert_eq!(io::read_to_string(open).unwrap(), "first");
    }

    #[test]
    fn a_file_that_is_not_there_is_removed_already() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        replace(&file, 0o644, b"first").unwrap();
        remove(&file).unwrap();
        remove(&file).unwrap();
        assert!(!file.exists());
        assert!(remove(folder.path()).is_err(), "a folder is no file");
    }

    #[test]
    fn what_has_no_name_is_no_file() {
        for path in ["/", "..", ""] {
            let error = replace(Path::new(path), 0o644, b"").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path}");
        }
    }
}
