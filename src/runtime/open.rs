//! Opening a library and handing it to the tensorflow crate.

use super::candidate::Candidate;
use super::environment::Settings;
use super::error::LibraryError;
use super::host;
use super::opened::Runtime;
use super::platform::{FRAMEWORK, LIBRARY, PYTHON_LIBRARY};
use super::quiet;
use super::symbols::REQUIRED_FUNCTIONS;
use super::version::Version;
use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};
use std::ffi::{CStr, c_char, c_void};
use std::fs;
use std::mem;
use std::os::unix::fs::symlink;
use std::path::{self, Path, PathBuf};

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
    let folder = match CrateFolder::of(&candidate.library) {
        Ok(folder) => folder,
        Err(error) => return Opening::NotOpened(error),
    };
    let library = path::absolute(&candidate.library).unwrap_or_else(|_| candidate.library.clone());
    let open = || settings.apply(folder.path().as_os_str(), || open_library(&library));
    // On a processor that TensorFlow was not built for, its last words are what the user needs.
    let opened = if quiet && host::has_avx() {
        quiet::without_chatter(open)
    } else {
        open()
    };
    match opened {
        Ok((library, version)) => Opening::Opened(Runtime {
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
    /// The library's own folder, if it has that name there; else a temporary one with a link: the own folder is not
    /// written to, since packages may be read-only and are not ours.
    fn of(library: &Path) -> Result<Self, LibraryError> {
        let real = fs::canonicalize(library).map_err(LibraryError::Unreadable)?;
        if let Some(folder) = library.parent()
            && fs::canonicalize(folder.join(LIBRARY)).is_ok_and(|path| path == real)
        {
            return Ok(Self::Own(folder.to_path_buf()));
        }
        let folder = tempfile::Builder::new().prefix("tf-mnist-").tempdir();
        folder
            .and_then(|folder| symlink(&real, folder.path().join(LIBRARY)).map(|()| Self::Temporary(folder)))
            .map_err(|error| LibraryError::CannotOpen(format!("no link to it can be made: {error}")))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// Opens the library, checks it, and has the crate open it too; returns the path as opened and the version.
///
/// The loader takes `$ORIGIN` from the path as opened, links unresolved, and by `$ORIGIN` a Python package finds its
/// other half and CUDA's libraries (`../nvidia/*/lib`). So the path matters, and is ours to choose: when the crate then
/// opens its own link, the loader knows the file (by device and inode) and gives the library that is already there.
fn open_library(library: &Path) -> Result<(PathBuf, String), Opening> {
    let mut first_error = None;
    let opened = ways_to(library).into_iter().find_map(|path| match dlopen(&path) {
        Ok(opened) => Some((path, opened)),
        Err(error) => {
            first_error.get_or_insert(error);
            None
        }
    });
    let Some((path, opened)) = opened else {
        let error = first_error.unwrap_or_else(|| "it does not exist".to_owned());
        return Err(Opening::NotOpened(LibraryError::CannotOpen(error)));
    };
    let checked = check(&opened);
    // It stays open for good: TensorFlow cannot be unloaded (threads, registries).
    mem::forget(opened);
    let version = checked.map_err(Opening::Wrong)?;
    tensorflow::library::load().map_err(|error| Opening::Wrong(LibraryError::CannotOpen(error)))?;
    Ok((path, version))
}

/// The paths that lead to the library along its chain of links, the best first: its place in a Python package, where
/// also Python opens it (some installers make each file of a package a link); then the file itself; then as found.
fn ways_to(library: &Path) -> Vec<PathBuf> {
    let mut chain = vec![library.to_path_buf()];
    while let Some(last) = chain.last()
        && let Ok(target) = fs::read_link(last)
        && chain.len() < 40
    {
        let next = last.parent().unwrap_or(Path::new("")).join(target);
        chain.push(next);
    }
    let in_package = |path: &&PathBuf| {
        path.file_name().is_some_and(|name| name == PYTHON_LIBRARY) && path.with_file_name(FRAMEWORK).exists()
    };
    let package = chain.iter().find(in_package).cloned();
    let real = fs::canonicalize(library).ok();
    let mut ways: Vec<PathBuf> = package.into_iter().chain(real).collect();
    ways.push(library.to_path_buf());
    ways.dedup();
    ways
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn opens_a_package_where_the_package_is() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let [store, package, named] = ["store", "package", "named"].map(|name| root.join(name));
        for folder in [&store, &package, &named] {
            fs::create_dir(folder).unwrap();
        }
        for name in [PYTHON_LIBRARY, FRAMEWORK] {
            fs::write(store.join(name), "").unwrap();
            symlink(Path::new("../store").join(name), package.join(name)).unwrap();
        }
        let link = named.join(LIBRARY);
        symlink(package.join(PYTHON_LIBRARY), &link).unwrap();
        let ways = [
            package.join(PYTHON_LIBRARY),
            store.join(PYTHON_LIBRARY),
            link.clone(),
        ];
        assert_eq!(ways_to(&link), ways);
        assert_eq!(ways_to(&store.join(PYTHON_LIBRARY)), [store.join(PYTHON_LIBRARY)]);
    }

    #[test]
    fn the_crate_gets_the_library_s_own_folder_only_if_the_name_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join(PYTHON_LIBRARY);
        fs::write(&library, "").unwrap();
        let temporary = CrateFolder::of(&library).unwrap();
        assert_ne!(temporary.path(), folder.path());
        assert_eq!(
            temporary.path().join(LIBRARY).canonicalize().unwrap(),
            library.canonicalize().unwrap()
        );
        symlink(PYTHON_LIBRARY, folder.path().join(LIBRARY)).unwrap();
        assert_eq!(CrateFolder::of(&library).unwrap().path(), folder.path());
    }

    #[test]
    fn what_cannot_be_opened_leaves_room_for_another() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join(LIBRARY);
        fs::write(&library, "no library").unwrap();
        let opening = open_library(&library).unwrap_err();
        assert!(
            matches!(&opening, Opening::NotOpened(LibraryError::CannotOpen(why)) if why.contains(LIBRARY)),
            "{opening:?}"
        );
    }
}
