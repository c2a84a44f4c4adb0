//! Making names durable, on file systems that do and on those that cannot.

use crate::links::behind_links;
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// `ENOTSUPP` of the Linux kernel, which some network file systems let through; no header of the C library has it.
const KERNEL_NOT_SUPPORTED: Errno = Errno::from_raw_os_error(524);

/// Makes renames and new entries in `folder` durable, where the file system can: CIFS, sshfs and vboxsf know no sync of
/// a folder, and do what they do without.
///
/// # Errors
/// The folder cannot be opened, or syncing it failed.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if is_unsupported(&error, &[]) => Ok(()),
        synced => synced,
    }
}

/// Whether the file system does not know the operation at all; `others` are errors by which some say so.
pub(crate) fn is_unsupported(error: &io::Error, others: &[Errno]) -> bool {
    const UNKNOWN: [Errno; 5] =
        [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP, KERNEL_NOT_SUPPORTED];
    let number = error.raw_os_error().map(Errno::from_raw_os_error);
    number.is_some_and(|number| UNKNOWN.contains(&number) || others.contains(&number))
}

/// The folder that holds `path`: its parent, or the current folder for a bare file name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes `folder` and those above it, as far as they are not there, and makes them durable. A link that leads to no
/// folder yet stays; the folder it names is made. Returns those that it made, the lowest first.
///
/// # Errors
/// A folder cannot be made or synced, or something else has its name; or a `..` leads out of one that is not there, of
/// [`ErrorKind::InvalidInput`], and nothing is made.
pub fn create_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (_, missing) = to_be_made(folder)?;
    let mut made = Vec::new();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
            created => {
                created.and_then(|()| sync_folder(folder_of(&folder)))?;
                made.insert(0, folder);
            }
        }
    }
    Ok(made)
}

/// Whether [`create_folders`] would make `folder`, and something could be made in it. It is tried in a folder of another name,
/// which goes again.
///
/// # Errors
/// As there; they name the folder in question.
pub fn try_folders(folder: &Path) -> io::Result<()> {
    let (there, missing) = to_be_made(folder)?;
    let tried = || {
        // Not by a name that a sweep would find: somebody may be at work there.
        let tried = tempfile::tempdir_in(&there).map_err(without_path)?;
        let names = missing.iter().rev().filter_map(|folder| folder.file_name());
        fs::create_dir_all(tried.path().join(names.collect::<PathBuf>())).map_err(without_path)
    };
    tried().map_err(|error| {
        io::Error::new(error.kind(), format!("no folder can be made in {}: {error}", there.display()))
    })
}

/// An error of `tempfile` without the name it drew, which means nothing to anybody.
pub(crate) fn without_path(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((why, _)) => io::Error::new(error.kind(), why),
        None => error,
    }
}

/// The folder that is there, and those below it, the lowest first, that are to be made for `folder` to be there.
fn to_be_made(folder: &Path) -> io::Result<(PathBuf, Vec<PathBuf>)> {
    let refused = |kind, path: &Path, why: &str| io::Error::new(kind, format!("{} {why}", path.display()));
    // Without a slash at the end, behind which nothing can be seen of a file.
    let folder: PathBuf = folder.components().collect();
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    let (mut folder, mut missing) = (folder, Vec::new());
    while !folder.is_dir() {
        let unreadable =
            |error: io::Error| refused(error.kind(), &folder, &format!("cannot be read: {error}"));
        let behind = behind_links(&folder).map_err(unreadable)?;
        match behind.symlink_metadata() {
            Ok(there) if there.is_dir() => return Ok((behind, missing)), // made by another process meanwhile
            Ok(_) => return Err(refused(ErrorKind::NotADirectory, &behind, "is no folder")),
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(unreadable(error));
            }
            Err(_) => {}
        }
        let above = folder_of(&behind).to_path_buf();
        if behind.file_name().is_none() && !above.exists() {
            let why = "is not there, so that no .. leads out of it";
            return Err(refused(ErrorKind::InvalidInput, &above, why));
        }
        missing.push(behind);
        folder = above;
    }
    Ok((folder, missing))
}

#[cfg(test)]
#[test]
fn what_cannot_be_made_is_known_before_and_leaves_nothing() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::Builder::new().prefix("folder").tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("inner")).unwrap();
    fs::write(at("file"), "").unwrap();
    for (name, target) in
        [("out", "/proc/self/x"), ("onto", "file/x"), ("in", "inner/a/b"), ("round", "round")]
    {
        symlink(target, at(name)).unwrap();
    }
    let names = || {
        let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        entries.count() + fs::read_dir(at("inner")).unwrap().count()
    };
    let before = names();
    let long = format!("a/{}/c", "b".repeat(300));
    for (name, kind) in [
        ("file", ErrorKind::NotADirectory),
        ("file/", ErrorKind::NotADirectory),
        ("file/x/y", ErrorKind::NotADirectory),
        ("file/../x", ErrorKind::NotADirectory),
        ("onto/y", ErrorKind::NotADirectory),
        ("none/../x", ErrorKind::InvalidInput),
        ("none/../file/x", ErrorKind::InvalidInput),
        ("inner/none/../..", ErrorKind::InvalidInput),
        ("in/../x", ErrorKind::InvalidInput),
        ("out", ErrorKind::NotFound),
        ("out/y", ErrorKind::NotFound),
        ("round", ErrorKind::Other),
        (&long, ErrorKind::InvalidFilename),
    ] {
        let error = try_folders(&at(name)).unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(!error.to_string().contains(".tmp"), "{error}");
        assert_eq!(names(), before, "{name}");
        if name != long {
            assert!(create_folders(&at(name)).is_err());
            assert_eq!(names(), before, "{name}");
        }
    }
    try_folders(Path::new("")).unwrap();
    create_folders(Path::new("")).unwrap();
    for name in ["", "inner", "inner/../x", "x/y/z", "in", "in/c"] {
        try_folders(&at(name)).unwrap();
        assert_eq!(names(), before, "{name}");
    }
    for name in ["inner/../x", "x/y/z", "in/c"] {
        create_folders(&at(name)).unwrap();
        assert!(at(name).is_dir() && at("in").is_symlink(), "{name}");
    }
    assert!(at("inner/a/b/c").is_dir());
}
