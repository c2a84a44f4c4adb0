//! Opening a library and handing it to the tensorflow crate.

use crate::Options;
use crate::candidate::Candidate;
use crate::platform::{self, FRAMEWORK, LIBRARY, NEEDED, PYTHON_LIBRARY, TENSORFLOW_DIR};
use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};
use std::env::{self, consts::ARCH};
use std::ffi::{CStr, c_char, c_void};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::iter;
use std::mem;
use std::os::unix::fs::symlink;
use std::path::{self, Path, PathBuf};
use tempfile::TempDir;

/// Functions without which the tensorflow crate would panic: the newest of those that it calls, and of each group one.
const FUNCTIONS: [&str; 6] = [
    "TF_NewGraph",
    "TF_SessionRun",
    "TF_LoadSessionFromSavedModel",
    "TF_AddGradients",
    "TF_SetPayload",
    "TF_ImportGraphDefOptionsSetValidateColocationConstraints",
];

/// The ELF numbers of the processors that there are releases for.
const MACHINES: [(&str, u16); 2] = [("x86_64", 62), ("aarch64", 183)];

/// Why a library is not open for use.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The system's loader finds no such file.
    Absent,
    /// Nothing of it is in this process, and why not, as what is said of it; another may be opened.
    NotOpened(String),
    /// It is in this process, by this path, and not what is needed; it is too late for another.
    Wrong(PathBuf, String),
}

/// Opens `candidate` and has the crate open it; returns the path that it was opened by, and its version.
///
/// `sets_environment` is for [`crate::load_with_environment`], by the promise of its caller.
pub(crate) fn open(
    candidate: &Candidate,
    options: &Options,
    sets_environment: bool,
) -> Result<(PathBuf, String), Failure> {
    if let Some(text) = &candidate.version
        && platform::is_supported(text) == Some(false)
    {
        return Err(Failure::NotOpened(wrong_version(text)));
    }
    let is_name = candidate.library.components().count() == 1;
    if !is_name {
        look(&candidate.library).map_err(Failure::NotOpened)?;
    }
    let _held = options.hold.map(|hold| hold());
    let (path, library) =
        if is_name { open_by_name(&candidate.library) } else { open_path(&candidate.library) }?;
    let ready = check(&library).and_then(|version| hand_over(&path, sets_environment).map(|()| version));
    // It stays open for good: TensorFlow cannot be unloaded (threads, registries).
    mem::forget(library);
    match ready {
        Ok(version) => Ok((path, version)),
        Err(why) => Err(Failure::Wrong(path, why)),
    }
}

/// Refuses what can be told to be of no use without opening it, which would run its code, or end the process where the
/// file is cut off.
fn look(path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(unreadable)?;
    if is_noexec(path) {
        return Err("is on a disk that is mounted noexec, from which nothing may be run".to_owned());
    }
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let no_library = || "is not a shared library, or not all of one".to_owned();
    let length = file.metadata().map_err(unreadable)?.len();
    let mut head = [0; 64];
    file.read_exact(&mut head).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => no_library(),
        _ => unreadable(error),
    })?;
    let two = |at: usize| u16::from_ne_bytes([head[at], head[at + 1]]);
    // The ELF header: e_ident, e_type, e_machine, and the table of sections, which is the last thing in the file.
    let (magic, class, kind, machine) = (&head[..4], head[4], two(16), two(18));
    let sections = head[40..48].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
    if magic != b"\x7fELF" {
        return Err(no_library());
    }
    let own = MACHINES.iter().find(|(name, _)| *name == ARCH).map_or(machine, |(_, own)| *own);
    if class != 2 || machine != own {
        let known = MACHINES.iter().find(|(_, known)| *known == machine);
        let name = known.map_or_else(|| format!("the ELF machine {machine}"), |(name, _)| (*name).to_owned());
        return Err(format!("is built for {name}, and this program for {ARCH}"));
    }
    let end = sections.saturating_add(u64::from(two(58)) * u64::from(two(60)));
    if kind == 3 && length >= end { Ok(()) } else { Err(no_library()) }
}

fn unreadable(error: io::Error) -> String {
    format!("cannot be read: {error}")
}

fn wrong_version(version: &str) -> String {
    format!("is TensorFlow {version}, and this program needs {NEEDED}")
}

fn lacks(function: &str) -> String {
    format!("lacks the function {function}; it must be TensorFlow {NEEDED}")
}

/// Whether nothing on the disk of `path` may be run.
pub(crate) fn is_noexec(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    return rustix::fs::statvfs(path)
        .is_ok_and(|disk| disk.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC));
    #[cfg(not(target_os = "linux"))]
    false
}

fn open_by_name(name: &Path) -> Result<(PathBuf, Library), Failure> {
    let opened = dlopen(name).map_err(|error| {
        let absent = format!("{}: cannot open shared object file: No such file", name.display());
        match error.starts_with(&absent) || error.contains("no such file") {
            true => Failure::Absent,
            false => Failure::NotOpened(format!("cannot be opened: {error}")),
        }
    })?;
    // Where the loader found it, whatever its real name is.
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let is_library = |path: &&str| {
        let file = path.rsplit('/').next().unwrap_or_default();
        file.starts_with("libtensorflow") && !file.starts_with("libtensorflow_framework")
    };
    let mut paths = maps.lines().filter_map(|line| Some(&line[line.find('/')?..]));
    let path = paths.find(is_library);
    Ok((path.map_or_else(|| name.to_path_buf(), PathBuf::from), opened))
}

/// Opens the library at `path`.
///
/// The loader takes `$ORIGIN` from the path as opened, links unresolved, and by `$ORIGIN` a Python package finds its
/// other half and CUDA's libraries (`../nvidia/*/lib`). So the path matters, and is ours to choose: when the crate then
/// opens its own link, the loader knows the file (by device and inode) and gives the library that is already there.
fn open_path(path: &Path) -> Result<(PathBuf, Library), Failure> {
    let path = path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut first_error = None;
    for way in ways_to(&path) {
        match dlopen(&way) {
            Ok(opened) => return Ok((way, opened)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let error = first_error.unwrap_or_else(|| "it does not exist".to_owned());
    Err(Failure::NotOpened(format!("cannot be opened: {error}")))
}

/// The paths that lead to the library along its chain of links, the best first: its place in a Python package, where
/// also Python opens it (some installers make each file of a package a link); then the file itself; then as found.
fn ways_to(library: &Path) -> Vec<PathBuf> {
    let target = |link: &PathBuf| Some(whole_files::folder_of(link).join(fs::read_link(link).ok()?));
    let mut chain = iter::successors(Some(library.to_path_buf()), target).take(40);
    let package = chain.find(|path| {
        path.file_name().is_some_and(|name| name == PYTHON_LIBRARY) && path.with_file_name(FRAMEWORK).exists()
    });
    let real = fs::canonicalize(library).ok();
    let mut ways: Vec<PathBuf> = package.into_iter().chain(real).collect();
    ways.push(library.to_path_buf());
    ways.dedup();
    ways
}

/// Opens a library by path or, for the loader to find, by name.
pub(crate) fn dlopen(path: &Path) -> Result<Library, String> {
    // SAFETY: opening runs the library's initialisers. It is TensorFlow (or NVIDIA's driver) by name, from a place that
    // the user or the system administrator put it, or installed by us and verified.
    unsafe { Library::open(Some(path), RTLD_LAZY | RTLD_LOCAL) }.map_err(|error| match &error {
        // The system's own words; libloading wraps them.
        libloading::Error::DlOpen { desc } => format!("{desc:?}").trim_matches('"').to_owned(),
        other => other.to_string(),
    })
}

/// The library's version, if it is one that works and the functions are there.
fn check(library: &Library) -> Result<String, String> {
    // SAFETY: the type is that of `const char* TF_Version(void)`; it returns a static string.
    let version = unsafe {
        let function = library.get::<unsafe extern "C" fn() -> *const c_char>(b"TF_Version\0");
        let function = function.map_err(|_| lacks("TF_Version"))?;
        CStr::from_ptr(function()).to_string_lossy().into_owned()
    };
    if platform::is_supported(&version) != Some(true) {
        return Err(wrong_version(&version));
    }
    let is_missing = |name: &&&str| {
        // SAFETY: the address is not used.
        unsafe { library.get::<*const c_void>(name.as_bytes()) }.is_err()
    };
    match FUNCTIONS.iter().find(is_missing) {
        Some(missing) => Err(lacks(missing)),
        None => Ok(version),
    }
}

/// Whether the library that was opened as `path` has this function; `false` where none is open from there, as this opens none.
pub(crate) fn has_function(path: &Path, name: &str) -> bool {
    // SAFETY: a library that is open already is initialised, and none is opened. The address is not used.
    let library = unsafe { Library::open(Some(path), RTLD_LAZY | RTLD_LOCAL | libc::RTLD_NOLOAD) };
    // SAFETY: as above.
    library.is_ok_and(|library| unsafe { library.get::<*const c_void>(name.as_bytes()) }.is_ok())
}

/// Has the crate open the library, which it looks for by one name, in the folder that `TENSORFLOW_DIR` names.
fn hand_over(library: &Path, sets_environment: bool) -> Result<(), String> {
    let real = fs::canonicalize(library).map_err(unreadable)?;
    let leads = |path: &Path| fs::canonicalize(path).is_ok_and(|found| found == real);
    let finds = || tensorflow::library::find().is_some_and(|path| leads(&path));
    let load = || match finds() {
        true => tensorflow::library::load().map_err(|error| format!("cannot be opened: {error}")),
        false => Err(format!(
            "is not where the tensorflow crate looks: {TENSORFLOW_DIR} must name its folder, or load_with_environment \
             load it"
        )),
    };
    if !sets_environment || finds() {
        return load();
    }
    // Without a link in the library's own folder, which may be read-only, and is not ours.
    let mut folder = whole_files::folder_of(&real);
    let link;
    if !leads(&folder.join(LIBRARY)) {
        link = link_to(&real)
            .map_err(|error| format!("cannot be opened: no link to it can be made: {error}"))?;
        folder = link.path();
    }
    let users = env::var_os(TENSORFLOW_DIR);
    // SAFETY: what the caller of `load_with_environment` promised; so below.
    unsafe { env::set_var(TENSORFLOW_DIR, folder) };
    let loaded = load();
    match users {
        Some(folder) => unsafe { env::set_var(TENSORFLOW_DIR, folder) },
        None => unsafe { env::remove_var(TENSORFLOW_DIR) },
    }
    loaded
}

/// A folder with a link to the library by the name that the crate opens. `TMPDIR` may name a folder that is not there, or
/// that is full.
fn link_to(library: &Path) -> io::Result<TempDir> {
    let link_in = |folder: &Path| {
        let link = tempfile::Builder::new().prefix("libtensorflow-").tempdir_in(folder)?;
        symlink(library, link.path().join(LIBRARY)).map(|()| link)
    };
    let usual = ["/tmp", "/var/tmp", "/dev/shm"].map(Path::new);
    usual.into_iter().fold(link_in(&env::temp_dir()), |made, folder| made.or_else(|_| link_in(folder)))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[test]
fn refuses_what_is_no_library_for_this_machine_without_opening_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let no_library = "is not a shared library, or not all of one";
    let look_at = |bytes: &[u8]| {
        fs::write(file.path(), bytes).unwrap();
        look(file.path())
    };
    for bytes in [&b""[..], b"no library", b"\x7fELF", b"!<arch>\n", &[0x7f; 4096]] {
        assert_eq!(look_at(bytes).unwrap_err(), no_library, "{bytes:?}");
    }
    let own = fs::read(std::env::current_exe().unwrap()).unwrap(); // position-independent, as a library is
    assert!(look_at(&own).is_ok());
    assert_eq!(look_at(&own[..5000]).unwrap_err(), no_library);
    let mut foreign = own;
    foreign[18] = 243; // RISC-V
    let refused = look_at(&foreign).unwrap_err();
    assert!(refused.contains("is built for the ELF machine 243"), "{refused}");
    assert!(look(Path::new("/nowhere/a.so")).unwrap_err().starts_with("cannot be read: "));
}
