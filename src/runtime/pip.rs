//! A wheel from the package index, fetched by the user's own pip: it knows the index, proxy and credentials that are
//! set up here. Any Python will do, since pip can be told to fetch for another.

use super::child::Supervised;
use super::disk::{self, disk_error};
use super::install::{LibrarySource, Unpacked};
use super::platform::Wheel;
use super::wheel;
use crate::fetch::Progress;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The longest that pip may take: an hour is 76 kB/s.
const DEADLINE: Duration = Duration::from_secs(3600);

/// Ways to run pip, in order: the program and what comes before pip's own arguments.
const TOOLS: [(&str, &[&str]); 5] = [
    ("python3", &["-m", "pip"]),
    ("python", &["-m", "pip"]),
    ("pip3", &[]),
    ("pip", &[]),
    ("uv", &["tool", "run", "pip"]), // uv has no download command of its own
];

/// A wheel that pip can fetch.
pub(super) struct PipWheel {
    wheel: Wheel,
    /// Where programs are searched; `None`: the `PATH`.
    path: Option<OsString>,
}

/// How one way to run pip went wrong.
enum Trouble {
    /// There is no such pip; the next way may work.
    NoPip(String),
    /// It ran and did not deliver; another pip would meet the same.
    Failed(String),
}

impl PipWheel {
    /// The wheel through whichever pip is on the `PATH`.
    pub fn new(wheel: Wheel) -> Self {
        Self { wheel, path: None }
    }

    /// The same with programs searched in `path`.
    #[cfg(test)]
    pub fn with_path(wheel: Wheel, path: impl Into<OsString>) -> Self {
        Self {
            wheel,
            path: Some(path.into()),
        }
    }

    /// Downloads the wheel with the first pip there is.
    fn download(&self, scratch: &Path, progress: &dyn Progress) -> Result<PathBuf, String> {
        let mut without = Vec::new();
        for (program, arguments) in TOOLS {
            match self.run(program, arguments, scratch, progress) {
                Ok(wheel) => return Ok(wheel),
                Err(Trouble::NoPip(why)) => without.push(why),
                Err(Trouble::Failed(why)) => return Err(why),
            }
        }
        Err(format!("no pip to fetch it with ({})", without.join("; ")))
    }

    fn run(
        &self,
        program: &str,
        arguments: &[&str],
        scratch: &Path,
        progress: &dyn Progress,
    ) -> Result<PathBuf, Trouble> {
        let name = [&[program], arguments].concat().join(" ");
        let at_disk = |error: io::Error| Trouble::Failed(disk_error(scratch, &error));
        // pip downloads to its temporary folder first, so that belongs into the cache too: its disk has the room.
        let (temporary, wheels, says) = (
            scratch.join("tmp"),
            scratch.join("wheels"),
            scratch.join("pip.log"),
        );
        for folder in [&temporary, &wheels] {
            fs::create_dir_all(folder).map_err(at_disk)?;
        }
        let log = File::create(&says).map_err(at_disk)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .args(["download", "--no-deps", "--only-binary=:all:"])
            .args([
                "--python-version",
                "3.12",
                "--implementation",
                "cp",
                "--abi",
                "cp312",
            ])
            .args(["--platform", self.wheel.platform])
            // A second copy of the wheel in pip's cache would be of no use to anyone.
            .args([
                "--no-cache-dir",
                "--no-input",
                "--progress-bar",
                "off",
                "--disable-pip-version-check",
            ])
            .arg("--dest")
            .arg(&wheels)
            .arg(self.wheel.requirement)
            .env("TMPDIR", &temporary)
            // A file, not a pipe: however much pip says, it never has to wait for a reader.
            .stdout(log.try_clone().map_err(at_disk)?)
            .stderr(log);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        let mut pip = match Supervised::spawn(&mut command) {
            Ok(pip) => pip,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Trouble::NoPip(format!("{program} is not installed")));
            }
            Err(error) => return Err(Trouble::NoPip(format!("{program} cannot be run: {error}"))),
        };
        progress.start(
            &format!("TensorFlow {}", self.wheel.version),
            Some(self.wheel.bytes),
        );
        let status = pip.wait(Duration::from_millis(100), DEADLINE, || {
            let largest = largest_file(&temporary).max(largest_file(&wheels));
            progress.position(largest.min(self.wheel.bytes));
        });
        progress.finish();
        let said = String::from_utf8_lossy(&fs::read(&says).map_err(at_disk)?).into_owned();
        match status {
            Ok(status) if status.success() => only_wheel(&wheels).map_err(Trouble::Failed),
            Ok(_) if lacks_pip(&said) => Err(Trouble::NoPip(format!("{name}: there is no pip"))),
            Ok(status) => {
                let mut why = format!("{name} failed ({status}): {}", gist(&said));
                // On a full disk pip cannot even say so: its words go to that disk.
                if let Err(no_room) = disk::check_room(scratch, self.room()) {
                    why = format!("{why}\n{no_room}");
                }
                Err(Trouble::Failed(why))
            }
            Err(error) => Err(Trouble::Failed(format!("{name}: {error}"))),
        }
    }
}

impl LibrarySource for PipWheel {
    fn name(&self) -> String {
        format!("pip download {}", self.wheel.requirement)
    }

    fn version(&self) -> &str {
        self.wheel.version
    }

    fn room(&self) -> u64 {
        // pip copies the wheel out of its temporary folder; the libraries are three times a wheel.
        self.wheel.bytes * 5
    }

    fn unpack(&mut self, folder: &Path, scratch: &Path, progress: &dyn Progress) -> Result<Unpacked, String> {
        let path = self.download(scratch, progress)?;
        wheel::verify(&path, &self.wheel)?;
        wheel::unpack(&path, folder, progress)
    }
}

/// The size of the largest file in a folder or one folder deeper, where pip keeps what it downloads.
fn largest_file(folder: &Path) -> u64 {
    let sizes = |folder: &Path| -> Vec<(PathBuf, fs::Metadata)> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
            .collect()
    };
    let (folders, files): (Vec<_>, Vec<_>) = sizes(folder).into_iter().partition(|(_, about)| about.is_dir());
    let deeper = folders
        .iter()
        .flat_map(|(path, _)| sizes(path))
        .filter(|(_, about)| about.is_file());
    files
        .into_iter()
        .chain(deeper)
        .map(|(_, about)| about.len())
        .max()
        .unwrap_or(0)
}

fn only_wheel(folder: &Path) -> Result<PathBuf, String> {
    let mut wheels = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    match (wheels.next(), wheels.next()) {
        (Some(wheel), None) => Ok(wheel),
        (None, _) => Err("pip ended well but left no wheel".to_owned()),
        _ => Err("pip left several wheels".to_owned()),
    }
}

/// Whether a Python said that it has no pip, or a version manager that it has no Python.
fn lacks_pip(said: &str) -> bool {
    said.contains("No module named pip")
        || said.contains("No module named 'pip'")
        || said.contains("pyenv: ") && said.contains("command not found")
}

/// The lines of pip that say what went wrong.
fn gist(said: &str) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut errors: Vec<_> = lines()
        .filter(|line| line.starts_with("ERROR:") || line.contains("Error: "))
        .collect();
    if errors.is_empty() {
        errors = lines().collect();
    }
    let last = errors.len().saturating_sub(3);
    match errors.get(last..) {
        None | Some([]) => "it said nothing".to_owned(),
        Some(errors) => errors.join("\n").chars().take(1000).collect(),
    }
}

#[cfg(test)]
mod tests;
