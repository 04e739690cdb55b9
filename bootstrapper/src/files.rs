//! Files that are replaced as a whole: a reader, or the next try, never meets half of one.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

/// Replaces a file by one rename.
pub(crate) fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let next = next_to(path)?;
    let mut file = File::create(&next)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    fs::rename(&next, path)
}

/// Copies a file to where it replaces another one by one rename. Going by a rename, it can also replace a
/// program that is running.
pub(crate) fn copy(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    let next = next_to(to)?;
    fs::copy(from, &next)?;
    fs::set_permissions(&next, Permissions::from_mode(mode))?;
    fs::rename(&next, to)
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn next_to(path: &Path) -> io::Result<std::path::PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(".next");
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        replace(&one, b"first", 0o644).unwrap();
        replace(&one, b"second", 0o644).unwrap();
        copy(&one, &two, 0o755).unwrap();
        assert_eq!(fs::read(&two).unwrap(), b"second");
        let mode = fs::metadata(&two).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        remove(&one).unwrap();
        remove(&one).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
