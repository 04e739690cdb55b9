//! The member's volume and configuration files. A disk that hangs does not hang the agent: one thread at a
//! time waits for it, and the agent waits for that thread, and for its turn, only so long.

use std::{
    fs,
    future::Future,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use cassandra_management::{
    files,
    marker::{self, Marker},
    versioned_file,
};
use tokio::{sync::Mutex, task::spawn_blocking, time::timeout};

use crate::{
    operation::journal::{self, Journal},
    seeds,
};

/// How long the agent waits for the disk.
const LIMIT: Duration = Duration::from_secs(5);

/// The member's volume and configuration, as far as the agent deals with them. No call takes long.
pub trait Volume: Send + Sync + 'static {
    /// Reads the marker. None: there is none.
    fn load(&self) -> impl Future<Output = Result<Option<Marker>, Error>> + Send;
    /// Replaces the marker.
    fn store(&self, marker: Marker) -> impl Future<Output = Result<(), Error>> + Send;
    /// Puts these seeds into Cassandra's configuration.
    fn set_seeds(&self, seeds: Vec<String>) -> impl Future<Output = Result<(), Error>> + Send;
    /// Reads the journal of operations. None: there is none.
    fn load_journal(&self) -> impl Future<Output = Result<Option<Journal>, Error>> + Send;
    /// Replaces the journal of operations; when it returns, that is on the disk.
    fn store_journal(&self, journal: Journal) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The same on a real disk, where the calls may block.
pub trait Disk: Send + Sync + 'static {
    /// Reads the marker. None: there is none.
    fn load(&self) -> Result<Option<Marker>, Error>;
    /// Replaces the marker; when it returns, that is on the disk.
    fn store(&self, marker: &Marker) -> Result<(), Error>;
    /// Puts these seeds into Cassandra's configuration.
    fn set_seeds(&self, seeds: &[String]) -> Result<(), Error>;
    /// Reads the journal of operations. None: there is none.
    fn load_journal(&self) -> Result<Option<Journal>, Error>;
    /// Replaces the journal of operations; when it returns, that is on the disk.
    fn store_journal(&self, journal: &Journal) -> Result<(), Error>;
}

/// Why the disk did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The marker could not be read or written.
    #[error(transparent)]
    Marker(versioned_file::Error),
    /// The journal of operations could not be read or written.
    #[error(transparent)]
    Journal(versioned_file::Error),
    /// The configuration could not be read or written.
    #[error("failed to change {path}")]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration has no seeds that could be changed.
    #[error(transparent)]
    Seeds(#[from] seeds::Error),
    /// The disk takes too long, now or since an earlier call.
    #[error("the disk does not answer")]
    Hangs,
}

impl Error {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Marker(error) => marker::reason(error),
            Self::Journal(error) => journal::reason(error),
            Self::Configuration { .. } => "ConfigurationNotChanged",
            Self::Seeds(_) => "SeedsNotFound",
            Self::Hangs => "DiskHangs",
        }
    }
}

/// The real disk.
#[derive(Clone, Debug)]
pub struct LocalDisk {
    /// Cassandra's data folder.
    pub data: PathBuf,
    /// Cassandra's configuration.
    pub cassandra_yaml: PathBuf,
}

impl Disk for LocalDisk {
    fn load(&self) -> Result<Option<Marker>, Error> {
        Marker::load(&self.data).map_err(Error::Marker)
    }

    fn store(&self, marker: &Marker) -> Result<(), Error> {
        marker.store(&self.data).map_err(Error::Marker)
    }

    fn set_seeds(&self, seeds: &[String]) -> Result<(), Error> {
        let yaml = fs::read_to_string(&self.cassandra_yaml).map_err(|e| self.failed(e))?;
        let new = seeds::replaced(&yaml, seeds)?;
        if new != yaml {
            replace(&self.cassandra_yaml, &new).map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    fn load_journal(&self) -> Result<Option<Journal>, Error> {
        Journal::load(&self.data).map_err(Error::Journal)
    }

    fn store_journal(&self, journal: &Journal) -> Result<(), Error> {
        journal.store(&self.data).map_err(Error::Journal)
    }
}

impl LocalDisk {
    fn failed(&self, source: io::Error) -> Error {
        Error::Configuration {
            path: self.cassandra_yaml.clone(),
            source,
        }
    }
}

/// Replaces a file that Cassandra must be able to read as before.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    files::replace(path, mode, text.as_bytes())
}

/// A disk that is waited for only so long.
#[derive(Debug)]
pub struct TimeLimited<D> {
    disk: Arc<D>,
    busy: Arc<Mutex<()>>,
}

impl<D: Disk> Volume for TimeLimited<D> {
    async fn load(&self) -> Result<Option<Marker>, Error> {
        self.carry_out(D::load).await
    }

    async fn store(&self, marker: Marker) -> Result<(), Error> {
        self.carry_out(move |disk| disk.store(&marker)).await
    }

    async fn set_seeds(&self, seeds: Vec<String>) -> Result<(), Error> {
        self.carry_out(move |disk| disk.set_seeds(&seeds)).await
    }

    async fn load_journal(&self) -> Result<Option<Journal>, Error> {
        self.carry_out(D::load_journal).await
    }

    async fn store_journal(&self, journal: Journal) -> Result<(), Error> {
        self.carry_out(move |disk| disk.store_journal(&journal))
            .await
    }
}

impl<D: Disk> TimeLimited<D> {
    /// This disk.
    pub fn new(disk: D) -> Self {
        Self {
            disk: Arc::new(disk),
            busy: Arc::default(),
        }
    }

    async fn carry_out<T: Send + 'static>(
        &self,
        work: impl FnOnce(&D) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let disk = Arc::clone(&self.disk);
        let all = async {
            // Held by the thread: while an earlier call still hangs, no other is begun.
            let busy = Arc::clone(&self.busy).lock_owned().await;
            spawn_blocking(move || {
                let outcome = work(&disk);
                drop(busy);
                outcome
            })
            .await
        };
        match timeout(LIMIT, all).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(Error::Hangs),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Condvar, Mutex as Lock,
        atomic::{AtomicBool, Ordering},
    };

    use super::*;
    use crate::fixtures::marker;

    #[test]
    fn seeds_are_put_into_the_file_and_its_mode_stays() {
        let folder = tempfile::tempdir().unwrap();
        let disk = LocalDisk {
            data: folder.path().into(),
            cassandra_yaml: folder.path().join("cassandra.yaml"),
        };
        let yaml = "seed_provider: [{class_name: X, parameters: [{seeds: a}]}]\nx: 010\n";
        fs::write(&disk.cassandra_yaml, yaml).unwrap();
        fs::set_permissions(&disk.cassandra_yaml, fs::Permissions::from_mode(0o640)).unwrap();
        disk.set_seeds(&["10.0.0.1".into(), "10.0.0.2".into()])
            .unwrap();
        assert_eq!(
            fs::read_to_string(&disk.cassandra_yaml).unwrap(),
            yaml.replace("seeds: a", "seeds: \"10.0.0.1,10.0.0.2\"")
        );
        let mode = fs::metadata(&disk.cassandra_yaml)
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[test]
    fn a_configuration_that_is_not_there_is_an_error() {
        let disk = LocalDisk {
            data: "/nowhere".into(),
            cassandra_yaml: "/nowhere/cassandra.yaml".into(),
        };
        let error = disk.set_seeds(&["a".into()]).unwrap_err();
        assert_eq!(error.reason(), "ConfigurationNotChanged");
        assert!(disk.load().unwrap().is_none());
    }

    /// A disk that hangs until it is let go.
    #[derive(Debug, Default)]
    struct Hanging {
        free: Lock<bool>,
        freed: Condvar,
        stored: AtomicBool,
    }

    impl Hanging {
        fn wait(&self) {
            let mut free = self.free.lock().unwrap();
            while !*free {
                free = self.freed.wait(free).unwrap();
            }
        }
    }

    impl Disk for Arc<Hanging> {
        fn load(&self) -> Result<Option<Marker>, Error> {
            self.wait();
            Ok(Some(marker()))
        }

        fn store(&self, _: &Marker) -> Result<(), Error> {
            self.stored.store(true, Ordering::SeqCst);
            Ok(())
        }

        fn set_seeds(&self, _: &[String]) -> Result<(), Error> {
            Ok(())
        }

        fn load_journal(&self) -> Result<Option<Journal>, Error> {
            Ok(None)
        }

        fn store_journal(&self, _: &Journal) -> Result<(), Error> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_is_not_waited_for_and_gets_no_more_to_do() {
        let disk = Arc::new(Hanging::default());
        let volume = TimeLimited::new(Arc::clone(&disk));
        // With its clock paused tokio does not run ahead of a blocking thread.
        let (first, ()) = tokio::join!(volume.load(), tokio::time::advance(LIMIT * 2));
        assert_eq!(first.unwrap_err().reason(), "DiskHangs");
        let (second, ()) = tokio::join!(volume.store(marker()), tokio::time::advance(LIMIT * 2));
        assert_eq!(second.unwrap_err().reason(), "DiskHangs");
        assert!(!disk.stored.load(Ordering::SeqCst), "it was not begun");
        *disk.free.lock().unwrap() = true;
        disk.freed.notify_all();
        drop(volume.busy.lock().await);
        assert!(volume.load().await.unwrap().is_some());
    }
}
