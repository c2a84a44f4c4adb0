//! Opening a library and handing it to the tensorflow crate.

use super::environment::Settings;
use super::error::LibraryError;
use super::find::Candidate;
use super::host;
use super::load::Runtime;
use super::platform::LIBRARY;
use super::quiet;
use super::symbols::REQUIRED_FUNCTIONS;
use super::version::Version;
use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};
use std::ffi::{CStr, c_char, c_void};
use std::fs;
use std::mem;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// How opening went.
#[derive(Debug)]
pub(super) enum Opening {
    Opened(Runtime),
    /// Nothing of it is in this process; another may be opened.
    NotOpened(LibraryError),
    /// It is in this process, and not what is needed; it is too late for another.
    Wrong(LibraryError),
}

/// Opens `candidate` with `settings` in place.
pub(super) fn open(candidate: &Candidate, settings: &Settings, quiet: bool) -> Opening {
    let (folder, library) = match folder_for_crate(&candidate.library) {
        Ok(found) => found,
        Err(error) => return Opening::NotOpened(error),
    };
    let open = || {
        settings.apply(folder.path().as_os_str(), || {
            open_library(&library, &candidate.library)
        })
    };
    // On a processor that TensorFlow was not built for its last words are what the user needs.
    let opened = if quiet && host::has_avx() {
        quiet::without_chatter(open)
    } else {
        open()
    };
    match opened {
        Ok(version) => Opening::Opened(Runtime {
            library,
            found_by: candidate.found_by,
            version,
            is_gpu_build: candidate.is_gpu_build,
            onednn: settings.onednn,
        }),
        Err(opening) => opening,
    }
}

/// A folder in which the library has the one name that the tensorflow crate looks for.
enum CrateFolder {
    Own(PathBuf),
    Temporary(tempfile::TempDir),
}

impl CrateFolder {
    fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// The folder for the crate, and the library's real path. The library's own folder is not written to: packages may be
/// read-only, and are not ours.
fn folder_for_crate(library: &Path) -> Result<(CrateFolder, PathBuf), LibraryError> {
    let real = fs::canonicalize(library).map_err(LibraryError::Unreadable)?;
    if let Some(folder) = real.parent()
        && fs::canonicalize(folder.join(LIBRARY)).is_ok_and(|path| path == real)
    {
        return Ok((CrateFolder::Own(folder.to_path_buf()), real));
    }
    let folder = tempfile::Builder::new().prefix("tf-mnist-").tempdir();
    let linked = folder.and_then(|folder| symlink(&real, folder.path().join(LIBRARY)).map(|()| folder));
    match linked {
        Ok(folder) => Ok((CrateFolder::Temporary(folder), real)),
        Err(error) => Err(LibraryError::CannotOpen(format!(
            "no link to it can be made: {error}"
        ))),
    }
}

/// Opens the library by its real path, checks it, and has the crate open it too.
///
/// The loader takes `$ORIGIN` from the path as opened, links unresolved, and by `$ORIGIN` a Python package finds its
/// other half and the CUDA libraries beside it (`../nvidia/*/lib`). So the real path comes first. When the crate then
/// opens its link, the loader knows the file (by device and inode) and gives the library that is already there.
fn open_library(real: &Path, as_found: &Path) -> Result<String, Opening> {
    let opened = dlopen(real).or_else(|error| {
        // A library without such a search path has its other half beside the link, if anywhere.
        if as_found == real {
            Err(error)
        } else {
            dlopen(as_found).map_err(|_| error)
        }
    });
    let library = opened.map_err(|error| Opening::NotOpened(LibraryError::CannotOpen(error)))?;
    let checked = check(&library);
    // It stays open for good: TensorFlow cannot be unloaded (threads, registries).
    mem::forget(library);
    let version = checked.map_err(Opening::Wrong)?;
    tensorflow::library::load().map_err(|error| Opening::Wrong(LibraryError::CannotOpen(error)))?;
    Ok(version)
}

fn dlopen(path: &Path) -> Result<Library, String> {
    // SAFETY: opening runs the library's initialisers. It is TensorFlow by name and symbols, from a place that the
    // user or the system administrator put it, or installed by us and verified.
    unsafe { Library::open(Some(path), RTLD_LAZY | RTLD_LOCAL) }.map_err(|error| innermost(&error))
}

/// The system's own words; libloading wraps them.
fn innermost(error: &libloading::Error) -> String {
    match error {
        libloading::Error::DlOpen { desc } => format!("{desc:?}").trim_matches('"').to_owned(),
        other => other.to_string(),
    }
}

/// The library's version, if it is one that works and every function is there.
fn check(library: &Library) -> Result<String, LibraryError> {
    // SAFETY: the type is that of `const char* TF_Version(void)`; it returns a static string.
    let version = unsafe {
        library
            .get::<unsafe extern "C" fn() -> *const c_char>(b"TF_Version\0")
            .ok()
            .map(|version| CStr::from_ptr(version()).to_string_lossy().into_owned())
    };
    let is_there = |name: &&str| {
        // SAFETY: the address is not used.
        unsafe { library.get::<*const c_void>(format!("{name}\0").as_bytes()) }.is_ok()
    };
    let missing: Vec<_> = REQUIRED_FUNCTIONS
        .into_iter()
        .filter(|name| !is_there(name))
        .collect();
    match version {
        Some(version) if !Version::parse(&version).is_some_and(Version::is_supported) => {
            Err(LibraryError::WrongVersion(version))
        }
        version => match (missing.first(), version) {
            (None, Some(version)) => Ok(version),
            (first, version) => Err(LibraryError::MissingFunctions {
                version,
                count: missing.len(),
                first: first.unwrap_or(&"TF_Version"),
            }),
        },
    }
}
