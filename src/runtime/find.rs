//! Where a TensorFlow library may already be: places in order, candidates in each.

use super::candidate::{Candidate, Found, FoundBy, library_in};
use super::device::Device;
use super::environment::TENSORFLOW_DIR;
use super::{python, system};
use std::cell::OnceCell;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A kind of place, in the order they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Cache,
    /// Python packages; only those built for GPUs if so marked.
    Python {
        gpu_only: bool,
    },
    System,
    /// Installing into the cache.
    Install,
}

/// The order of places for a device. What is cached has no GPU support, so for a GPU it comes late, and is not fetched
/// for it.
pub(super) fn places(device: Device) -> &'static [Place] {
    if device.requires_gpu() {
        &[
            Place::Python { gpu_only: true },
            Place::System,
            Place::Cache,
            Place::Python { gpu_only: false },
        ]
    } else {
        &[
            Place::Cache,
            Place::Python { gpu_only: false },
            Place::System,
            Place::Install,
        ]
    }
}

/// The world outside that a search depends on; tests make their own.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// `TENSORFLOW_DIR`, if set to something.
    pub tensorflow_dir: Option<OsString>,
    /// Folders of virtual environments that are active.
    pub environments: Vec<PathBuf>,
    /// Interpreters to ask, by name or path.
    pub interpreters: Vec<PathBuf>,
    /// The system's folders, in order.
    pub system_folders: Vec<PathBuf>,
    /// Whether to ask the loader's cache as well.
    pub ask_ldconfig: bool,
    /// The answer of [`Self::python`], once it is known.
    pub packages: OnceCell<Found>,
}

impl Surroundings {
    /// This process's own.
    pub fn of_process() -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            tensorflow_dir: set(TENSORFLOW_DIR),
            environments: ["VIRTUAL_ENV", "CONDA_PREFIX"]
                .into_iter()
                .filter_map(set)
                .map(PathBuf::from)
                .collect(),
            interpreters: vec!["python3".into(), "python".into()],
            system_folders: system::folders(),
            ask_ldconfig: cfg!(target_os = "linux"),
            packages: OnceCell::new(),
        }
    }

    /// Installed Python packages; looked for once, as that starts interpreters.
    pub fn python(&self, gpu_only: bool) -> Found {
        let all = self
            .packages
            .get_or_init(|| python::packages(&self.environments, &self.interpreters));
        let candidates: Vec<_> = all
            .candidates
            .iter()
            .filter(|found| found.is_gpu_build || !gpu_only)
            .cloned()
            .collect();
        let why_none = match (candidates.is_empty(), all.candidates.first()) {
            (true, Some(cpu)) => format!("{} has no GPU support", cpu.library.display()),
            _ => all.why_none.clone(),
        };
        Found { candidates, why_none }
    }

    pub fn system(&self) -> Found {
        system::libraries(&self.system_folders, self.ask_ldconfig)
    }

    /// The library in the user's `TENSORFLOW_DIR`: the folder itself, its `lib`, or the very file.
    pub fn named_library(&self) -> Option<Result<Candidate, OsString>> {
        let named = self.tensorflow_dir.as_ref()?;
        let path = Path::new(named);
        let library = if path.is_file() {
            Some(path.to_path_buf())
        } else {
            library_in(path).or_else(|| library_in(&path.join("lib")))
        };
        Some(match library {
            Some(library) => Ok(Candidate::new(library, FoundBy::TensorflowDir)),
            None => Err(named.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::candidate::version_in_name;
    use super::super::platform::FRAMEWORK;
    use super::*;
    use crate::runtime::platform::{LIBRARY, PYTHON_LIBRARY};
    use std::fs;
    use std::os::unix::fs::symlink;

    fn surroundings(tensorflow_dir: &Path) -> Surroundings {
        Surroundings {
            tensorflow_dir: Some(tensorflow_dir.into()),
            ..Surroundings::default()
        }
    }

    #[test]
    fn looks_in_the_cache_first_and_for_a_gpu_in_python_packages() {
        assert_eq!(
            places(Device::Auto),
            [
                Place::Cache,
                Place::Python { gpu_only: false },
                Place::System,
                Place::Install
            ]
        );
        assert_eq!(places(Device::Cpu), places(Device::Auto));
        assert_eq!(places(Device::Gpu(Some(1)))[0], Place::Python { gpu_only: true });
        assert!(!places(Device::Gpu(None)).contains(&Place::Install));
    }

    #[test]
    fn takes_the_folder_its_lib_or_the_file_that_the_user_names() {
        let folder = tempfile::tempdir().unwrap();
        let lib = folder.path().join("lib");
        fs::create_dir(&lib).unwrap();
        assert!(surroundings(folder.path()).named_library().unwrap().is_err());
        let python = lib.join(PYTHON_LIBRARY);
        fs::write(&python, "").unwrap();
        for named in [folder.path(), &lib, &python] {
            assert_eq!(
                surroundings(named).named_library().unwrap().unwrap().library,
                python
            );
        }
        fs::write(lib.join(LIBRARY), "").unwrap();
        assert_eq!(
            surroundings(&lib).named_library().unwrap().unwrap().library,
            lib.join(LIBRARY)
        );
        assert!(Surroundings::default().named_library().is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn reads_the_version_and_the_framework_behind_links() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        fs::write(real.join("libtensorflow.so.2.18.0"), "").unwrap();
        fs::write(real.join(FRAMEWORK), "").unwrap();
        let link = folder.path().join(LIBRARY);
        symlink(real.join("libtensorflow.so.2.18.0"), &link).unwrap();
        let candidate = Candidate::new(link, FoundBy::System);
        assert_eq!(candidate.version.as_deref(), Some("2.18.0"));
        let framework = candidate.framework().unwrap();
        assert_eq!(framework, real.canonicalize().unwrap().join(FRAMEWORK));
        assert_eq!(version_in_name(&real.join(FRAMEWORK)), None);
    }
}
