//! An S3 server that nobody here wrote, on a free loopback port: versitygw, built from its Go module, with a folder behind
//! it. It ends, and its files go, with the value or the program.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::background::{Background, tied};
use crate::cache::{Cache, remove};
use crate::loopback;
use crate::process::{contained, run};
use crate::progress::Progress;

/// The module of the program, and its version.
const MODULE: &str = "github.com/versity/versitygw/cmd/versitygw";
const VERSION: &str = "v1.8.0";
/// Its files below the cache.
const FOLDER: &str = "s3-server";
const BUCKET: &str = "test";
/// Who may do everything, with a secret that is none.
const KEY: &str = "test";
const SECRET: &str = "testtest";
/// How long it takes to listen, on a machine that has other things to do.
const STARTS_WITHIN: Duration = Duration::from_mins(1);

/// An S3 server of one's own.
#[derive(Debug)]
pub struct S3Server {
    folder: PathBuf,
    server: Background,
    _lock: File,
}

impl S3Server {
    /// Starts it with an empty bucket. For the main thread, see [`tied`].
    pub fn start(cache: &Cache, progress: Progress) -> Result<Self> {
        let program = cache.artefact(&format!("bin/versitygw-{VERSION}"), |target| {
            let step = format!("the S3 server versitygw {VERSION} (go install)");
            progress.step(&step, || install(target))
        })?;
        let lock = cache.lock(FOLDER)?;
        let folder = cache.root().join(FOLDER);
        remove(&folder)?;
        fs::create_dir_all(folder.join("buckets").join(BUCKET))?;
        let [port] = loopback::free_ports()?;
        let address = format!("{}:{port}", loopback::ADDRESS);
        let mut command = tied(&program);
        command
            .args(["--access", KEY, "--secret", SECRET, "--quiet", "--port"])
            .arg(&address)
            // Metadata beside the objects: not every file system has attributes for it.
            .args(["posix", "--sidecar"])
            .args([folder.join("metadata"), folder.join("buckets")]);
        fs::create_dir_all(folder.join("metadata"))?;
        let mut this = Self {
            server: Background::start("versitygw", command, folder.join("log"))?,
            folder,
            _lock: lock,
        };
        this.tell_backups(&address)?;
        crate::wait::wait_for("the S3 server to listen", STARTS_WITHIN, || {
            this.server.ended() || TcpStream::connect(&address).is_ok()
        })?;
        this.server.check()?;
        Ok(this)
    }

    /// A file that tells backups where the store is.
    pub fn settings(&self) -> PathBuf {
        self.folder.join("store.json")
    }

    fn tell_backups(&self, address: &str) -> Result<()> {
        let keys = self.folder.join("keys");
        fs::create_dir_all(&keys)?;
        fs::write(keys.join("access_key_id"), KEY)?;
        fs::write(keys.join("secret_access_key"), SECRET)?;
        let endpoint = format!("http://{address}");
        let settings = json!({
            "provider": { "s3": { "bucket": BUCKET, "endpoint": endpoint, "region": "us-east-1" } },
            "allowHttp": true,
            "credentials": { "folder": keys },
        });
        Ok(fs::write(self.settings(), settings.to_string())?)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // The log stays for who looks why.
        for name in ["buckets", "metadata", "keys"] {
            drop(remove(&self.folder.join(name)));
        }
    }
}

fn install(target: &Path) -> Result<()> {
    let folder = target.with_extension("bin");
    run(contained("go install")
        .arg(format!("{MODULE}@{VERSION}"))
        .env("CGO_ENABLED", "0")
        .env("GOBIN", &folder))?;
    fs::rename(folder.join("versitygw"), target)?;
    remove(&folder)
}
