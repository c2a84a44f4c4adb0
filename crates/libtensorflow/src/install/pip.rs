//! A wheel from the package index, fetched by the user's own pip: it knows the index, proxy and credentials that are
//! set up here. Any Python will do, since pip can be told to fetch for another.

use crate::install::Installer;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use verified_fetch::child;

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

const ARGUMENTS: &str = "download --no-deps --only-binary=:all: --python-version 3.12 --implementation cp --abi cp312 \
                         --no-input --progress-bar off --disable-pip-version-check --no-cache-dir";

/// Settings of the user's that are about installing. A download installs nothing, its digest is pinned, and there is
/// nothing to build. The variables overrule pip's files of settings too.
const SETTINGS: [(&str, &str); 4] = [
    ("PIP_REQUIRE_VIRTUALENV", "0"),
    ("PIP_REQUIRE_HASHES", "0"),
    ("PIP_CONSTRAINT", ""),
    ("PIP_NO_BINARY", ""),
];

/// Downloads the wheel into `scratch` with the first pip there is.
///
/// # Errors
/// Why not, as a sentence for the user.
pub(crate) fn download(installer: &Installer<'_>, scratch: &Path) -> Result<PathBuf, String> {
    let (wheel, progress) = (&installer.wheel, installer.progress);
    let mut has_begun = false;
    let downloaded = with_first_pip(installer, scratch, || {
        if !has_begun {
            progress.start(&format!("TensorFlow {}", wheel.version), Some(wheel.file.bytes));
            has_begun = true;
        }
        progress.position(largest_file(scratch, 3).min(wheel.file.bytes));
    });
    if has_begun {
        progress.finish();
    }
    downloaded
}

fn with_first_pip(
    installer: &Installer<'_>,
    scratch: &Path,
    mut meanwhile: impl FnMut(),
) -> Result<PathBuf, String> {
    let at_disk = |error: io::Error| installer.disk_error(&error);
    // pip downloads to its temporary folder first, so that belongs into the cache too: its disk has the room.
    let [temporary, wheels] = ["tmp", "wheels"].map(|name| scratch.join(name));
    for folder in [&temporary, &wheels] {
        fs::create_dir(folder).map_err(at_disk)?;
    }
    let mut without = Vec::new();
    for (program, arguments) in TOOLS {
        let name = [&[program], arguments].concat().join(" ");
        let mut pip = Command::new(program);
        pip.args(arguments)
            .args(ARGUMENTS.split_whitespace())
            .args(["--platform", installer.wheel.platform, "--dest"])
            .arg(&wheels)
            .arg(installer.wheel.requirement)
            .envs(SETTINGS)
            .env("TMPDIR", &temporary)
            .envs(installer.path.iter().map(|path| ("PATH", path)));
        // Where there is no such pip, the next may work; where there is one, another would meet the same.
        without.push(match child::run(&mut pip, DEADLINE, &mut meanwhile) {
            Ok((status, _)) if status.success() => return wheel_in(&wheels),
            Ok((_, said)) if lacks_pip(&said) => format!("{name}: there is no pip"),
            Ok((_, said)) if said.contains("No space left") => {
                return Err(at_disk(ErrorKind::StorageFull.into()));
            }
            Ok((status, said)) => return Err(format!("{name} failed ({status}): {}", gist(&said))),
            Err(error) if error.kind() == ErrorKind::TimedOut => return Err(format!("{name}: {error}")),
            Err(error) if error.kind() == ErrorKind::NotFound => format!("{program} is not installed"),
            Err(error) => format!("{program} cannot be run: {error}"),
        });
    }
    Err(format!("no pip to fetch it with ({})", without.join("; ")))
}

/// The size of the largest file in a folder or, up to `depth`, below: pip keeps what it downloads in a folder of its own.
fn largest_file(folder: &Path, depth: u32) -> u64 {
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() && depth > 1 => largest_file(&entry.path(), depth - 1),
        Ok(about) if about.is_file() => about.len(),
        _ => 0,
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(size).max().unwrap_or(0)
}

fn wheel_in(folder: &Path) -> Result<PathBuf, String> {
    let mut paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let wheel = paths.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.ok_or_else(|| "pip ended well but left no wheel".to_owned())
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
    let is_error = |line: &&str| line.starts_with("ERROR:") || line.contains("Error: ");
    let mut errors: Vec<_> = lines().filter(is_error).collect();
    if errors.is_empty() {
        errors = lines().collect();
    }
    match &errors[errors.len().saturating_sub(3)..] {
        [] => "it said nothing".to_owned(),
        errors => errors.join("\n").chars().take(1000).collect(),
    }
}
