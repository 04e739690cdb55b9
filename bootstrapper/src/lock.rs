//! The lock on a volume: whoever opens the data holds it, so no two Cassandras ever run on one volume, whatever made two
//! pods of one member. The process that holds it is Cassandra's own: the lock goes when that ends, however it ends.
//!
//! It is `flock(2)` on a file of the operator's folder. The open file is passed on through `exec`.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use cassandra_management::marker;
use rustix::io::{FdFlags, fcntl_setfd};
use tokio::time::sleep;

use crate::cli;

/// The file's name in the operator's folder.
const FILE: &str = "lock";

/// Who only looks has the lock for a moment, so one that is held is tried again for a second.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// Why Cassandra was not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the volume.
    #[error(
        "another Cassandra runs on this volume ({path} is locked). It is never opened twice: this one is started when the \
         other has ended. If that is of a pod that should be gone, look at the node that the pod was on"
    )]
    Held {
        /// The lock's file.
        path: PathBuf,
    },
    /// The lock's file can't be used.
    #[error("failed to lock {path}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program can't be run.
    #[error("failed to run {program}")]
    Run {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Becomes Cassandra, with the lock on its volume. Returns only if that fails.
pub async fn run(args: &cli::Run) -> Error {
    let path = path(&args.data);
    let failed = |source| Error::Lock {
        path: path.clone(),
        source,
    };
    let mut taken = take(&path);
    for _ in 0..TRIES {
        if !matches!(taken, Ok(Taken::Held)) {
            break;
        }
        sleep(PAUSE).await;
        taken = take(&path);
    }
    match taken {
        Ok(Taken::Lock(file)) => {
            // Without it the file would be closed by exec, and the lock with it.
            if let Err(error) = fcntl_setfd(&file, FdFlags::empty()) {
                return failed(error.into());
            }
            execute(&args.command)
        }
        Ok(Taken::Held) => Error::Held { path },
        Err(error) => failed(error),
    }
}

/// Whether another process has the volume of this data folder. Looking makes no file.
pub fn is_held(data: &Path) -> io::Result<bool> {
    match File::open(path(data)) {
        // Closed again, the file is not locked any more.
        Ok(file) => Ok(matches!(lock(file)?, Taken::Held)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

enum Taken {
    Lock(File),
    Held,
}

fn path(data: &Path) -> PathBuf {
    data.join(marker::FOLDER).join(FILE)
}

fn take(path: &Path) -> io::Result<Taken> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    lock(
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?,
    )
}

fn lock(file: File) -> io::Result<Taken> {
    match file.try_lock() {
        Ok(()) => Ok(Taken::Lock(file)),
        Err(TryLockError::WouldBlock) => Ok(Taken::Held),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn execute(command: &[String]) -> Error {
    let mut words = command.iter();
    let program = words.next().cloned().unwrap_or_default();
    let source = Command::new(&program).args(words).exec();
    Error::Run { program, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_locked_by_one_process_at_a_time() {
        let data = tempfile::tempdir().unwrap();
        assert!(!is_held(data.path()).unwrap());
        assert_eq!(
            fs::read_dir(data.path()).unwrap().count(),
            0,
            "looking makes nothing"
        );
        let Taken::Lock(first) = take(&path(data.path())).unwrap() else {
            panic!("nobody has it")
        };
        assert!(is_held(data.path()).unwrap());
        assert!(matches!(take(&path(data.path())).unwrap(), Taken::Held));
        drop(first);
        assert!(!is_held(data.path()).unwrap());
    }
}
