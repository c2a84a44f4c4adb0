//! A look into a shared library before it is opened: opening runs its code, and a process that has opened the wrong
//! TensorFlow cannot open another.

use super::error::LibraryError;
use super::symbols::REQUIRED_FUNCTIONS;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader as _};
use object::{Architecture, Endianness, FileKind, Object, ObjectSymbol, ReadCache};
use std::collections::HashSet;
use std::env::consts::ARCH;
use std::fs::File;
use std::path::Path;

type Data<'a> = &'a ReadCache<File>;

/// Refuses `library` if it is no library, is for another processor, or if it and `framework` beside it together lack
/// functions. `version` is what its surroundings say it is, for the message.
pub(super) fn inspect(
    library: &Path,
    framework: Option<&Path>,
    version: Option<String>,
) -> Result<(), LibraryError> {
    let mut missing = missing_functions(library)?;
    if let (Some(framework), Some(missing)) = (framework, missing.as_mut())
        && let Some(also_missing) = missing_functions(framework)?
    {
        missing.retain(|name| also_missing.contains(name));
    }
    match missing.as_deref() {
        Some([first, ..]) => Err(LibraryError::MissingFunctions {
            version,
            count: missing.as_ref().map_or(0, Vec::len),
            first,
        }),
        _ => Ok(()),
    }
}

/// The functions that the library does not export; `None` if it does not let itself be asked (it has no hash table of
/// its symbols), which opening it will settle.
fn missing_functions(path: &Path) -> Result<Option<Vec<&'static str>>, LibraryError> {
    let file = File::open(path).map_err(LibraryError::Unreadable)?;
    let data = ReadCache::new(file);
    match FileKind::parse(&data) {
        Ok(FileKind::Elf64) if cfg!(target_os = "linux") => elf_missing(&data),
        Ok(FileKind::MachO64) if cfg!(target_os = "macos") => macho_missing(&data),
        // Several architectures in one file: the loader takes the one it needs.
        Ok(FileKind::MachOFat32 | FileKind::MachOFat64) if cfg!(target_os = "macos") => Ok(None),
        Ok(FileKind::Elf32) if cfg!(target_os = "linux") => {
            Err(LibraryError::WrongArchitecture("a 32-bit processor".to_owned()))
        }
        _ => Err(LibraryError::NotALibrary),
    }
}

fn elf_missing(data: Data<'_>) -> Result<Option<Vec<&'static str>>, LibraryError> {
    let broken = |_| LibraryError::NotALibrary;
    let header = FileHeader64::<Endianness>::parse(data).map_err(broken)?;
    let endian = header.endian().map_err(broken)?;
    let object = object::File::parse(data).map_err(broken)?;
    check_architecture(object.architecture())?;
    if header.e_type(endian) != elf::ET_DYN {
        return Err(LibraryError::NotALibrary);
    }
    let sections = header.sections(endian, data).map_err(broken)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM).map_err(broken)?;
    let versions = sections
        .versions(endian, data)
        .map_err(broken)?
        .unwrap_or_default();
    let Some(table) = sections
        .iter()
        .find_map(|section| section.gnu_hash(endian, data).transpose())
        .transpose()
        .map_err(broken)?
    else {
        return Ok(None);
    };
    let is_missing = |name: &&str| {
        let hash = elf::gnu_hash(name.as_bytes());
        table
            .0
            .find(endian, name.as_bytes(), hash, None, &symbols, &versions)
            .is_none()
    };
    Ok(Some(REQUIRED_FUNCTIONS.into_iter().filter(is_missing).collect()))
}

fn macho_missing(data: Data<'_>) -> Result<Option<Vec<&'static str>>, LibraryError> {
    let object = object::File::parse(data).map_err(|_| LibraryError::NotALibrary)?;
    check_architecture(object.architecture())?;
    let exported: HashSet<&str> = object
        .symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global())
        .filter_map(|symbol| symbol.name().ok())
        .map(|name| name.strip_prefix('_').unwrap_or(name))
        .collect();
    Ok(Some(
        REQUIRED_FUNCTIONS
            .into_iter()
            .filter(|name| !exported.contains(name))
            .collect(),
    ))
}

fn check_architecture(found: Architecture) -> Result<(), LibraryError> {
    let name = match found {
        Architecture::X86_64 => "x86_64",
        Architecture::Aarch64 => "aarch64",
        other => return Err(LibraryError::WrongArchitecture(format!("{other:?}"))),
    };
    if name == ARCH {
        Ok(())
    } else {
        Err(LibraryError::WrongArchitecture(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn inspect_bytes(bytes: &[u8]) -> Result<(), LibraryError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        inspect(file.path(), None, None)
    }

    #[test]
    fn refuses_what_is_no_library() {
        for bytes in [&b""[..], b"no library", b"\x7fELF", b"!<arch>\n", &[0x7f; 4096]] {
            assert!(
                matches!(inspect_bytes(bytes), Err(LibraryError::NotALibrary)),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_unreadable() {
        let missing = inspect(Path::new("/nowhere/libtensorflow.so"), None, None);
        assert!(matches!(missing, Err(LibraryError::Unreadable(_))));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn refuses_another_processor_and_a_truncated_library() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        let mut foreign = own.clone();
        foreign[18] = 243; // e_machine: RISC-V
        let error = inspect_bytes(&foreign).unwrap_err();
        assert!(error.to_string().contains("is built for Riscv64"), "{error}");
        assert!(matches!(
            inspect_bytes(&own[..5000]),
            Err(LibraryError::NotALibrary)
        ));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_what_a_library_lacks() {
        // Position-independent, of this architecture, but no TensorFlow.
        let own = std::env::current_exe().unwrap();
        let error = inspect(&own, None, Some("1.4.0".into())).unwrap_err();
        assert!(
            matches!(error, LibraryError::MissingFunctions { count, .. } if count == REQUIRED_FUNCTIONS.len())
        );
        assert!(
            error.to_string().contains("is TensorFlow 1.4.0 and lacks"),
            "{error}"
        );
    }
}
