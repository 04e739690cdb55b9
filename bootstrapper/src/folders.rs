//! The folders that the bootstrapper works on, as a port: the same steps run where there are none.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use cassandra_management::{
    files,
    marker::{self, Marker},
};

use crate::{
    cli,
    render::Rendered,
    sources::{self, Sources},
    volume::{self, Volume},
};

/// What is copied to the Cassandra container.
const PROGRAMS: &[&str] = &["bootstrapper", "jolokia.jar", "jmx-exporter.jar"];

/// A file that can't be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write {path}")]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// What a pod mounts.
pub trait Folders {
    /// What the configuration is made of.
    fn sources(&self) -> Result<Sources, sources::Error>;
    /// What is on the volume. Looking changes nothing.
    fn look(&self) -> io::Result<Volume>;
    /// Puts the marker on the volume. It is there for good when this returns.
    fn store(&self, marker: &Marker) -> Result<(), marker::Error>;
    /// Gives Cassandra its configuration and the programs that it needs beside its image.
    fn install(&self, rendered: &Rendered) -> Result<(), WriteError>;
}

/// The folders that the command line names.
#[derive(Clone, Copy, Debug)]
pub struct Mounted<'a>(pub &'a cli::Bootstrap);

impl Folders for Mounted<'_> {
    fn sources(&self) -> Result<Sources, sources::Error> {
        Sources::read(&self.0.configuration, &self.0.revision)
    }

    fn look(&self) -> io::Result<Volume> {
        volume::look(&self.0.data)
    }

    fn store(&self, marker: &Marker) -> Result<(), marker::Error> {
        marker.store(&self.0.data)
    }

    fn install(&self, rendered: &Rendered) -> Result<(), WriteError> {
        write(rendered, &self.0.configuration)?;
        copy_programs(&self.0.programs, &self.0.extra_lib)
    }
}

fn failed(path: PathBuf) -> impl FnOnce(io::Error) -> WriteError {
    move |source| WriteError { path, source }
}

fn write(rendered: &Rendered, folder: &Path) -> Result<(), WriteError> {
    for (name, content) in &rendered.files {
        let path = folder.join(name);
        files::replace(&path, 0o644, content).map_err(failed(path))?;
    }
    for name in &rendered.absent {
        let path = folder.join(name);
        files::remove(&path).map_err(failed(path))?;
    }
    Ok(())
}

fn copy_programs(from: &Path, to: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(to).map_err(failed(to.to_owned()))?;
    for name in PROGRAMS {
        copy(&from.join(name), &to.join(name)).map_err(failed(to.join(name)))?;
    }
    Ok(())
}

/// Copies a program, which may be running where it is replaced.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    files::replace_with(to, 0o755, |file| {
        io::copy(&mut File::open(from)?, file).map(drop)
    })
}
